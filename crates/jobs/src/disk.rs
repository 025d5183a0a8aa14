//! Files that are either complete or absent.

use std::fs::{self, File, TryLockError};
use std::io::{self, Read, Write};
use std::path::Path;

use super::JobError;

/// The end of the names of incomplete files.
pub(super) const PARTIAL: &str = ".partial";

/// Writes a file atomically: first under a name of the writer's own, forced to the disk, and then
/// renamed. Whatever ends the process or the machine meanwhile, the file is complete or absent.
pub(super) fn write_whole(
    directory: &Path,
    name: &str,
    writer: &str,
    bytes: &[u8],
) -> Result<(), JobError> {
    let path = directory.join(name);
    let partial = directory.join(format!("{name}.{writer}{PARTIAL}"));
    let write = || {
        // A killed process may have left this file. It may also be a link that leads out of the
        // directory.
        match fs::remove_file(&partial) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        let mut file = File::create_new(&partial)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&partial, &path)?;
        sync_directory(directory)
    };
    write().map_err(|source| {
        // A file that cannot be removed here does no harm.
        let _ = fs::remove_file(&partial);
        JobError::Write { path: path.clone(), source }
    })
}

/// Makes new names in a directory survive a power failure.
#[cfg(unix)]
fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// Returns at once: other systems keep names by themselves, and offer no call for it.
#[cfg(not(unix))]
fn sync_directory(_directory: &Path) -> io::Result<()> {
    Ok(())
}

/// The result of looking for a file.
pub(super) enum StoredPart {
    Nothing,
    Bytes(Vec<u8>),
    /// A file with more bytes than it can have.
    TooLong,
}

/// Reads a file of at most `most` bytes.
pub(super) fn read(path: &Path, most: u64) -> Result<StoredPart, JobError> {
    if !is_there(path)? {
        return Ok(StoredPart::Nothing);
    }
    let read = || {
        let file = File::open(path)?;
        if file.metadata()?.len() > most {
            return Ok(StoredPart::TooLong);
        }
        let mut bytes = Vec::new();
        file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
        Ok(if bytes.len() as u64 > most { StoredPart::TooLong } else { StoredPart::Bytes(bytes) })
    };
    read().map_err(|source| JobError::Read { path: path.into(), source })
}

/// Returns whether there is a regular file. Anything else in its place, a link too, is an error:
/// reading from a pipe might wait for ever.
pub(super) fn is_there(path: &Path) -> Result<bool, JobError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) if metadata.is_file() => Ok(true),
        Ok(_) => Err(JobError::InTheWay { path: path.into(), found: "not a regular file" }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(source) => Err(JobError::Read { path: path.into(), source }),
    }
}

/// The kind of a lock: held alone, or shared with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hold {
    Alone,
    Shared,
}

/// Takes the lock that a file stands for. Returns `None` if another process holds it. The lock is
/// released when the returned file is dropped or the process ends.
pub(super) fn try_lock(path: &Path, hold: Hold) -> Result<Option<File>, JobError> {
    let file = lock_file(path)?;
    let locked = match hold {
        Hold::Alone => file.try_lock(),
        Hold::Shared => file.try_lock_shared(),
    };
    match locked {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(source)) => Err(JobError::Write { path: path.into(), source }),
    }
}

/// Takes a lock, and waits for it if another process holds it, which is never for long.
pub(super) fn lock(path: &Path) -> Result<File, JobError> {
    let file = lock_file(path)?;
    file.lock().map_err(|source| JobError::Write { path: path.into(), source })?;
    Ok(file)
}

fn lock_file(path: &Path) -> Result<File, JobError> {
    is_there(path)?;
    let opened = File::options().write(true).create(true).truncate(false).open(path);
    opened.map_err(|source| JobError::Write { path: path.into(), source })
}
