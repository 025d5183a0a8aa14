//! Where files are until they are committed.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::commit;
use crate::FileError;

/// What the names of staging directories begin with.
const PREFIX: &str = ".cofire-";
/// A file that is locked as long as the process lives that made the directory.
const LOCK: &str = "lock";
/// What is going to be the output directory, or to be moved there.
const CONTENTS: &str = "contents";
/// What files in the output directory are replaced. Made when all of the contents is on the disk.
const REPLACED: &str = "replaced";

/// Where files are before they are committed. Dropping it removes them, and the parents that were
/// made for it.
#[derive(Debug)]
pub(super) struct Staging {
    /// Given back first: other systems than Unix do not remove files that are open.
    lock: Option<File>,
    /// Removed on drop, before the parents.
    directory: Option<TempDir>,
    /// A directory of its own inside, with ordinary permissions: the temporary one is private.
    contents: PathBuf,
    /// Outermost first.
    new_parents: Vec<PathBuf>,
}

impl Staging {
    /// A staging directory for `target`, on the same file system.
    pub(super) fn create(target: &Path) -> Result<Self, FileError> {
        // Within the target where there is one: its parent may be another file system, or closed.
        let parent = match fs::metadata(target) {
            Ok(metadata) if metadata.is_dir() => target,
            Ok(_) => {
                return Err(FileError::InTheWay { path: target.into(), found: "not a directory" });
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // What it is meant to lead to is not for others to make.
                if let Some(link) = target.ancestors().find(|path| leads_to_nothing(path)) {
                    let found = "a symbolic link to nothing";
                    return Err(FileError::InTheWay { path: link.into(), found });
                }
                match target.parent() {
                    Some(parent) if !parent.as_os_str().is_empty() => parent,
                    _ => Path::new("."),
                }
            }
            Err(source) => return Err(FileError::Write { path: target.into(), source }),
        };
        clear_abandoned(parent);
        let mut staging =
            Self { lock: None, directory: None, contents: PathBuf::new(), new_parents: Vec::new() };
        staging.fill(parent).map_err(|source| FileError::Write { path: target.into(), source })?;
        Ok(staging)
    }

    fn fill(&mut self, parent: &Path) -> io::Result<()> {
        let mut missing: Vec<&Path> = parent
            .ancestors()
            .take_while(|path| !path.as_os_str().is_empty() && !path.exists())
            .collect();
        missing.reverse();
        for path in missing {
            // `a/..` comes into being with `a`.
            if !path.exists() {
                fs::create_dir(path)?;
                self.new_parents.push(path.into());
            }
        }
        let directory = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent)?;
        let path = directory.path().to_owned();
        self.directory = Some(directory);
        self.lock = Some(locked_file(&path)?);
        self.contents = path.join(CONTENTS);
        fs::create_dir(&self.contents)
    }

    /// The directory that files are written into.
    pub(super) fn contents(&self) -> &Path {
        &self.contents
    }

    /// Makes a place for files that are being replaced, which also says that all of the contents is there.
    pub(super) fn begin_merge(&self) -> io::Result<PathBuf> {
        let replaced = self.contents.with_file_name(REPLACED);
        fs::create_dir(&replaced)?;
        Ok(replaced)
    }

    /// As when the process is killed: the lock is given back, and everything stays.
    #[cfg(test)]
    pub(super) fn abandon(mut self) {
        if let Some(directory) = self.directory.take() {
            let _ = directory.keep();
        }
        self.new_parents.clear();
    }

    /// Removes everything but the parents: what was staged has gone where it was meant to be.
    pub(super) fn keep_parents(mut self) {
        self.new_parents.clear();
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        drop(self.lock.take());
        drop(self.directory.take());
        for parent in self.new_parents.iter().rev() {
            // Somebody else may have put something there, which then stays.
            let _ = fs::remove_dir(parent);
        }
    }
}

fn leads_to_nothing(path: &Path) -> bool {
    path.is_symlink() && !path.exists()
}

/// The lock of a staging directory. It has its name only when it is locked: without one, and on file systems
/// that know no locks, a directory is nobody's to remove.
fn locked_file(directory: &Path) -> io::Result<File> {
    let unlocked = directory.join("unlocked");
    let file = File::create_new(&unlocked)?;
    if file.try_lock().is_ok() {
        fs::rename(unlocked, directory.join(LOCK))?;
    }
    Ok(file)
}

/// Deals with the staging directories in `parent` whose processes have ended without removing them, as
/// when they are killed. A merge that was under way is finished, so that the output directory has the files of
/// one set. What cannot be removed stays, and is in the way of nothing.
fn clear_abandoned(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let is_staging = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX))
            && entry.file_type().is_ok_and(|kind| kind.is_dir());
        if !is_staging {
            continue;
        }
        let directory = entry.path();
        let Some(lock) = abandoned_lock(&directory) else { continue };
        let replaced = directory.join(REPLACED);
        if replaced.is_dir()
            && commit::finish_merge(&directory.join(CONTENTS), parent, &replaced).is_err()
        {
            continue;
        }
        drop(lock);
        let _ = fs::remove_dir_all(directory);
    }
}

/// The lock of a staging directory that nobody holds any more.
fn abandoned_lock(directory: &Path) -> Option<File> {
    let path = directory.join(LOCK);
    // Opening something else, such as a pipe, might wait for ever.
    if !fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_file()) {
        return None;
    }
    let file = File::options().write(true).open(path).ok()?;
    match file.try_lock() {
        Ok(()) => Some(file),
        Err(TryLockError::WouldBlock | TryLockError::Error(_)) => None,
    }
}
