//! Moving files from where they were staged into a directory that is there already.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::staging::Staging;
use crate::files::FileError;

/// Renames `files` into the existing directory `target`, or undoes what it did.
pub(super) fn merge(staging: &Staging, target: &Path, files: &[PathBuf]) -> Result<(), FileError> {
    for file in files {
        check_way(target, file)?;
    }
    let refused = |file: &Path, source| FileError::Write { path: target.join(file), source };
    let attic = staging.begin_merge().map_err(|source| refused(Path::new(""), source))?;
    let mut undo = Undo::default();
    for (number, file) in files.iter().enumerate() {
        let replaced = attic.join(number.to_string());
        move_in(&staging.contents().join(file), &target.join(file), replaced, &mut undo)
            .map_err(|source| refused(file, source))?;
    }
    undo.steps.clear();
    Ok(())
}

/// Finishes what a process began that was killed: moves what is left of the contents of its staging
/// directory into `target`.
pub(super) fn finish_merge(contents: &Path, target: &Path) -> Result<(), FileError> {
    let read = |path: &Path| {
        let names = fs::read_dir(path).and_then(|entries| {
            let names = entries.map(|entry| entry.map(|entry| PathBuf::from(entry.file_name())));
            names.collect::<io::Result<Vec<_>>>()
        });
        names.map_err(|source| FileError::Write { path: path.into(), source })
    };
    for name in read(contents)? {
        let path = contents.join(&name);
        let is_folder = fs::symlink_metadata(&path).is_ok_and(|metadata| metadata.is_dir());
        let files = match is_folder {
            true => read(&path)?.iter().map(|file| name.join(file)).collect(),
            false => vec![name],
        };
        for file in files {
            check_way(target, &file)?;
            let to = target.join(&file);
            let moved = create_folder_of(&to).and_then(|_| fs::rename(contents.join(&file), &to));
            moved.map_err(|source| FileError::Write { path: to, source })?;
        }
    }
    Ok(())
}

/// What stands where a file or its folder is to be must be of the same sort. Symbolic links to
/// directories would lead out of the target; those in place of files are replaced, not followed.
fn check_way(target: &Path, file: &Path) -> Result<(), FileError> {
    let found = |path: &Path| fs::symlink_metadata(path).ok();
    let path = target.join(file);
    if found(&path).is_some_and(|metadata| metadata.is_dir()) {
        return Err(FileError::InTheWay { path, found: "a directory" });
    }
    match file.parent().filter(|folder| !folder.as_os_str().is_empty()).map(|f| target.join(f)) {
        Some(folder) if found(&folder).is_some_and(|metadata| !metadata.is_dir()) => {
            Err(FileError::InTheWay { path: folder, found: "not a directory" })
        }
        _ => Ok(()),
    }
}

fn move_in(from: &Path, to: &Path, replaced: PathBuf, undo: &mut Undo) -> io::Result<()> {
    undo.steps.extend(create_folder_of(to)?.map(Step::RemoveFolder));
    match fs::rename(to, &replaced) {
        Ok(()) => undo.steps.push(Step::PutBack { from: replaced, to: to.into() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    fs::rename(from, to)?;
    undo.steps.push(Step::RemoveFile(to.into()));
    Ok(())
}

/// Makes the folder that a file is to be in, unless it is there; then returns `None`.
fn create_folder_of(file: &Path) -> io::Result<Option<PathBuf>> {
    match file.parent() {
        Some(folder) if !folder.exists() => {
            fs::create_dir(folder)?;
            Ok(Some(folder.into()))
        }
        _ => Ok(None),
    }
}

/// Undoes its steps when dropped, the last one first.
#[derive(Debug, Default)]
struct Undo {
    steps: Vec<Step>,
}

#[derive(Debug)]
enum Step {
    RemoveFolder(PathBuf),
    RemoveFile(PathBuf),
    PutBack { from: PathBuf, to: PathBuf },
}

impl Drop for Undo {
    fn drop(&mut self) {
        for step in self.steps.drain(..).rev() {
            // There is nothing left to try when this fails, too; the first failure is reported.
            let _ = match step {
                Step::RemoveFolder(path) => fs::remove_dir(path),
                Step::RemoveFile(path) => fs::remove_file(path),
                Step::PutBack { from, to } => fs::rename(from, to),
            };
        }
    }
}
