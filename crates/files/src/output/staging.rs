//! The staging directory, which holds files until they are committed.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::commit;
use crate::FileError;

/// The beginning of the names of staging directories.
const PREFIX: &str = ".cofire-";
/// The name of a file that is locked as long as the process that made the directory lives.
const LOCK: &str = "lock";
/// The name of that file until it is locked.
const UNLOCKED: &str = "unlocked";
/// The number of times that a directory is made, if other processes take it for an abandoned one. They can
/// do so only before its lock is made.
const ATTEMPTS: usize = 16;
/// The name of the folder that becomes the output directory, or whose files are moved there.
const CONTENTS: &str = "contents";
/// The name of the folder for replaced files of the output directory. Made once all contents are on the
/// disk.
const REPLACED: &str = "replaced";

/// A directory that holds files until they are committed. Dropping it removes them, and the parents
/// that were made for it.
#[derive(Debug)]
pub(super) struct Staging {
    /// The lock. Released first: other systems than Unix do not remove files that are open.
    lock: Option<File>,
    /// The temporary directory. Removed on drop, before the parents.
    directory: Option<TempDir>,
    /// A folder in the temporary directory. It has ordinary permissions, while the temporary directory
    /// is private.
    contents: PathBuf,
    /// The parents that were made, outermost first.
    new_parents: Vec<PathBuf>,
}

impl Staging {
    /// Makes a staging directory for `target`, on the same file system.
    pub(super) fn create(target: &Path) -> Result<Self, FileError> {
        // Inside the target if it exists: its parent may be on another file system, or not writable.
        let parent = match fs::metadata(target) {
            Ok(metadata) if metadata.is_dir() => target,
            Ok(_) => {
                return Err(FileError::InTheWay { path: target.into(), found: "not a directory" });
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // Refuse a dangling symlink rather than create its target.
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
            // Making `a` also makes `a/..`.
            if !path.exists() {
                fs::create_dir(path)?;
                self.new_parents.push(path.into());
            }
        }
        let (directory, lock) = locked_directory(parent)?;
        self.contents = directory.path().join(CONTENTS);
        self.directory = Some(directory);
        self.lock = Some(lock);
        fs::create_dir(&self.contents)
    }

    /// Returns the folder that files are written into.
    pub(super) fn contents(&self) -> &Path {
        &self.contents
    }

    /// Makes the folder for replaced files. Its existence also says that the contents are complete.
    pub(super) fn begin_merge(&self) -> io::Result<PathBuf> {
        let replaced = self.contents.with_file_name(REPLACED);
        fs::create_dir(&replaced)?;
        Ok(replaced)
    }

    /// Ends as a killed process does: releases the lock and keeps everything else.
    #[cfg(test)]
    pub(super) fn abandon(mut self) {
        if let Some(directory) = self.directory.take() {
            let _ = directory.keep();
        }
        self.new_parents.clear();
    }

    /// Removes everything but the parents, once the staged files are in their final place.
    pub(super) fn keep_parents(mut self) {
        self.new_parents.clear();
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
        drop(self.lock.take());
        drop(self.directory.take());
        for parent in self.new_parents.iter().rev() {
            // This fails if someone else has put a file there, which then stays.
            let _ = fs::remove_dir(parent);
        }
    }
}

fn leads_to_nothing(path: &Path) -> bool {
    path.is_symlink() && !path.exists()
}

/// Makes a staging directory and its lock.
fn locked_directory(parent: &Path) -> io::Result<(TempDir, File)> {
    let mut attempts = 1..ATTEMPTS;
    loop {
        let directory = tempfile::Builder::new().prefix(PREFIX).tempdir_in(parent)?;
        match locked_file(directory.path()) {
            Ok(lock) => return Ok((directory, lock)),
            // Another process has removed it: see `remove_unlocked`.
            Err(error) if error.kind() == io::ErrorKind::NotFound && attempts.next().is_some() => {}
            Err(error) => return Err(error),
        }
    }
}

/// Makes the lock of a staging directory. The file gets its name only when it is locked. Other
/// processes never remove a directory with files but without a lock that they can take, so they leave
/// directories on file systems without locks alone.
fn locked_file(directory: &Path) -> io::Result<File> {
    let unlocked = directory.join(UNLOCKED);
    let file = File::create_new(&unlocked)?;
    match file.try_lock() {
        Ok(()) => fs::rename(unlocked, directory.join(LOCK))?,
        // Another process holds it, and is about to remove it.
        Err(TryLockError::WouldBlock) => return Err(io::ErrorKind::NotFound.into()),
        // The file system has no locks.
        Err(TryLockError::Error(_)) => {}
    }
    Ok(file)
}

/// Cleans up the staging directories in `parent` whose processes ended without removing them, for
/// instance because they were killed. A merge that had begun is finished, so that the output directory
/// has the files of one set. A directory that cannot be removed stays, and does no harm.
fn clear_abandoned(parent: &Path) {
    let Ok(entries) = fs::read_dir(parent) else { return };
    for entry in entries.flatten() {
        let is_staging = entry.file_name().to_str().is_some_and(|name| name.starts_with(PREFIX))
            && entry.file_type().is_ok_and(|kind| kind.is_dir());
        if !is_staging {
            continue;
        }
        let directory = entry.path();
        let Some(lock) = abandoned_lock(&directory.join(LOCK)) else {
            remove_unlocked(&directory);
            continue;
        };
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

/// Removes a staging directory whose process ended before it had made the lock. A directory that a living
/// process has just made is taken for such a one, and that process makes another.
fn remove_unlocked(directory: &Path) {
    let unlocked = directory.join(UNLOCKED);
    if let Some(lock) = abandoned_lock(&unlocked) {
        let _ = fs::remove_file(unlocked);
        drop(lock);
    }
    // This fails if anything is in it.
    let _ = fs::remove_dir(directory);
}

/// Takes a lock of a staging directory, if there is one and no process holds it.
fn abandoned_lock(path: &Path) -> Option<File> {
    // Opening anything else, such as a pipe, might wait for ever.
    if !fs::symlink_metadata(path).is_ok_and(|metadata| metadata.is_file()) {
        return None;
    }
    let file = File::options().write(true).open(path).ok()?;
    match file.try_lock() {
        Ok(()) => Some(file),
        Err(TryLockError::WouldBlock | TryLockError::Error(_)) => None,
    }
}
