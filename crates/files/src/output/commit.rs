//! Moving of staged files into a directory that exists already.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::staging::Staging;
use crate::FileError;

/// Renames `files` into the existing directory `target`, or undoes its renames if one fails.
pub(super) fn merge(staging: &Staging, target: &Path, files: &[PathBuf]) -> Result<(), FileError> {
    for file in files {
        check_way(target, file)?;
    }
    let attic = staging.begin_merge();
    let attic = attic.map_err(|source| FileError::Write { path: target.into(), source })?;
    move_all(staging.contents(), target, &attic, files)
}

/// Finishes the merge of a process that was killed: moves the remaining contents of its staging
/// directory into `target`, or leaves them where they are if that fails.
pub(super) fn finish_merge(contents: &Path, target: &Path, attic: &Path) -> Result<(), FileError> {
    let files = files_of(contents);
    let files = files.map_err(|source| FileError::Write { path: contents.into(), source })?;
    for file in &files {
        check_way(target, file)?;
    }
    move_all(contents, target, attic, &files)
}

/// Returns the files of a staging directory and of its folders, as paths relative to it.
fn files_of(contents: &Path) -> io::Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for entry in fs::read_dir(contents)? {
        let entry = entry?;
        let name = PathBuf::from(entry.file_name());
        if entry.file_type()?.is_dir() {
            for file in fs::read_dir(entry.path())? {
                files.push(name.join(file?.file_name()));
            }
        } else {
            files.push(name);
        }
    }
    Ok(files)
}

/// Renames files from `contents` into `target`, and the files that they replace into `attic`. Undoes
/// its renames if one fails.
fn move_all(
    contents: &Path,
    target: &Path,
    attic: &Path,
    files: &[PathBuf],
) -> Result<(), FileError> {
    let mut undo = Undo::default();
    for (number, file) in files.iter().enumerate() {
        let (to, replaced) = (target.join(file), attic.join(number.to_string()));
        move_in(&contents.join(file), &to, replaced, &mut undo)
            .map_err(|source| FileError::Write { path: to, source })?;
    }
    undo.steps.clear();
    Ok(())
}

/// Checks that anything in the place of a file or of its folder is of the same kind. A symbolic link in
/// the place of a folder is refused, because it would lead out of the target. One in the place of a
/// file is replaced, not followed.
fn check_way(target: &Path, file: &Path) -> Result<(), FileError> {
    let metadata_of = |path: &Path| fs::symlink_metadata(path).ok();
    let path = target.join(file);
    if metadata_of(&path).is_some_and(|metadata| metadata.is_dir()) {
        return Err(FileError::InTheWay { path, found: "a directory" });
    }
    match file.parent().filter(|folder| !folder.as_os_str().is_empty()).map(|f| target.join(f)) {
        Some(folder) if metadata_of(&folder).is_some_and(|metadata| !metadata.is_dir()) => {
            Err(FileError::InTheWay { path: folder, found: "not a directory" })
        }
        _ => Ok(()),
    }
}

fn move_in(from: &Path, to: &Path, replaced: PathBuf, undo: &mut Undo) -> io::Result<()> {
    if let Some(folder) = to.parent()
        && !folder.exists()
    {
        fs::create_dir(folder)?;
        undo.steps.push(Step::RemoveFolder(folder.into()));
    }
    match fs::rename(to, &replaced) {
        Ok(()) => undo.steps.push(Step::PutBack { from: replaced, to: to.into() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    fs::rename(from, to)?;
    undo.steps.push(Step::RemoveFile(to.into()));
    Ok(())
}

/// Steps that are undone on drop, the last one first.
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
            // Nothing is left to try if this fails, too. The first failure is reported.
            let _ = match step {
                Step::RemoveFolder(path) => fs::remove_dir(path),
                Step::RemoveFile(path) => fs::remove_file(path),
                Step::PutBack { from, to } => fs::rename(from, to),
            };
        }
    }
}
