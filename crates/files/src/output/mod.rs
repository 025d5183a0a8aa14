//! Writing a set of files whole or not at all.

mod commit;
mod staging;

#[cfg(test)]
mod tests;

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ndarray::{ArrayView, Dimension};
use staging::Staging;

use super::FileError;
use super::file_name::FileNames;
use super::matrix::NpyMatrixWriter;
use super::npy;
use super::pairs::{PairsFormat, PairsWriter};

/// A directory that comes into being, or gains files, all at once.
///
/// Files are first written into a temporary directory on the same file system.
/// [`commit`](Self::commit) then renames them into place; without it, dropping the value leaves no
/// trace. Where the directory exists already, other files in it are left alone, files of the same
/// names are replaced, and if one cannot be, those before it are put back.
///
/// What a process left that was killed is dealt with when the next one prepares to write there: a commit
/// that it had begun is finished, and anything else is removed.
///
/// Names are made safe: separators, control characters, `..` and what else an array's name may
/// bring cannot lead out of the directory, and every name is used once. Methods return the name
/// that was chosen.
///
/// # Examples
///
/// ```
/// # let parent = tempfile::tempdir()?;
/// # let path = parent.path().join("results");
/// use cofire_files::OutputDirectory;
///
/// let mut output = OutputDirectory::create(&path)?;
/// output.write_text("summary.json", "{}")?;
/// let mut layer = output.folder("../layer 1")?;
/// let entropy = layer.write_array("entropy.npy", ndarray::arr1(&[0.0, 0.5]).view())?;
/// assert_eq!(entropy.to_str(), Some("_._layer 1/entropy.npy"));
/// assert!(!path.exists());
///
/// output.commit()?;
/// assert!(path.join(entropy).is_file());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct OutputDirectory {
    target: PathBuf,
    staging: Staging,
    /// Paths below the target, in the order they were written.
    files: Vec<PathBuf>,
    /// Those of them that are written in pieces, and whether the last piece has come.
    pieced: Vec<(PathBuf, Arc<AtomicBool>)>,
    names: FileNames,
}

/// A directory within an [`OutputDirectory`].
#[derive(Debug)]
pub struct OutputFolder<'a> {
    output: &'a mut OutputDirectory,
    name: PathBuf,
    names: FileNames,
}

impl OutputDirectory {
    /// Prepares to write into `target`, which may exist. So may its parents not.
    ///
    /// # Errors
    ///
    /// If `target` is something other than a directory, or nothing can be written beside it.
    pub fn create(target: impl Into<PathBuf>) -> Result<Self, FileError> {
        let target = target.into();
        let staging = Staging::create(&target)?;
        let (files, pieced) = (Vec::new(), Vec::new());
        Ok(Self { target, staging, files, pieced, names: FileNames::default() })
    }

    /// A directory within, by a name like `name`.
    ///
    /// # Errors
    ///
    /// If the file system refuses.
    pub fn folder(&mut self, name: &str) -> Result<OutputFolder<'_>, FileError> {
        let name = PathBuf::from(self.names.claim_folder(name));
        let path = self.staging.contents().join(&name);
        fs::create_dir(path).map_err(|source| self.refused(&name, source))?;
        Ok(OutputFolder { output: self, name, names: FileNames::default() })
    }

    /// Writes an array as `.npy`, in row-major order. Returns its path within the directory.
    ///
    /// # Errors
    ///
    /// If the file system refuses.
    pub fn write_array<D: Dimension>(
        &mut self,
        name: &str,
        array: ArrayView<'_, f64, D>,
    ) -> Result<PathBuf, FileError> {
        let file = PathBuf::from(self.names.claim_file(name));
        self.write(file, |file| write_npy(file, array))
    }

    /// Writes text. Returns its path within the directory.
    ///
    /// # Errors
    ///
    /// If the file system refuses.
    pub fn write_text(&mut self, name: &str, text: &str) -> Result<PathBuf, FileError> {
        let file = PathBuf::from(self.names.claim_file(name));
        self.write(file, |file| file.write_all(text.as_bytes()))
    }

    /// Writes bytes, such as a picture. Returns its path within the directory.
    ///
    /// # Errors
    ///
    /// If the file system refuses.
    pub fn write_bytes(&mut self, name: &str, bytes: &[u8]) -> Result<PathBuf, FileError> {
        let file = PathBuf::from(self.names.claim_file(name));
        self.write(file, |file| file.write_all(bytes))
    }

    /// Opens a file that pairs are written to one by one. Its name gets the format's extension;
    /// `neurons` is the number of all neurons there are, paired or not.
    ///
    /// # Errors
    ///
    /// If the file system refuses.
    pub fn pairs_writer(
        &mut self,
        name: &str,
        format: PairsFormat,
        neurons: usize,
    ) -> Result<PairsWriter, FileError> {
        let name = format!("{name}.{}", format.extension());
        let file = PathBuf::from(self.names.claim_file(&name));
        let file = self.create_in_pieces(file)?;
        PairsWriter::new(file, format, neurons)
    }

    /// Opens a `.npy` matrix of doubles that is written block by block, however large it is.
    ///
    /// # Errors
    ///
    /// If there is not enough free space for all of it, or the file system refuses.
    pub fn matrix_writer(
        &mut self,
        name: &str,
        rows: usize,
        columns: usize,
    ) -> Result<NpyMatrixWriter, FileError> {
        let file = PathBuf::from(self.names.claim_file(name));
        let file = self.create_in_pieces(file)?;
        NpyMatrixWriter::new(file, rows, columns)
    }

    /// Moves everything into place.
    ///
    /// # Errors
    ///
    /// If something is in the way or the file system refuses; what was there before is there again.
    /// And if a file that is written in pieces was not finished.
    pub fn commit(self) -> Result<(), FileError> {
        let Self { target, staging, files, pieced, .. } = self;
        if let Some((file, _)) = pieced.iter().find(|(_, done)| !done.load(Ordering::Acquire)) {
            return Err(FileError::Unfinished { path: target.join(file) });
        }
        if fs::symlink_metadata(&target).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
        {
            fs::rename(staging.contents(), &target)
                .map_err(|source| FileError::Write { path: target, source })?;
        } else {
            commit::merge(&staging, &target, &files)?;
        }
        staging.keep_parents();
        Ok(())
    }

    fn write(
        &mut self,
        name: PathBuf,
        contents: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
    ) -> Result<PathBuf, FileError> {
        let path = self.staging.contents().join(&name);
        let write = || {
            let mut file = BufWriter::with_capacity(1 << 18, File::create_new(path)?);
            contents(&mut file)?;
            // On the disk before it replaces anything.
            file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
        };
        write().map_err(|source| self.refused(&name, source))?;
        self.files.push(name.clone());
        Ok(name)
    }

    /// A file that is written in pieces.
    fn create_in_pieces(&mut self, name: PathBuf) -> Result<FileInPieces, FileError> {
        let staged = self.staging.contents().join(&name);
        let file = File::create_new(&staged).map_err(|source| self.refused(&name, source))?;
        let is_finished = Arc::new(AtomicBool::new(false));
        self.files.push(name.clone());
        self.pieced.push((name.clone(), Arc::clone(&is_finished)));
        Ok(FileInPieces { path: self.target.join(&name), staged, name, file, is_finished })
    }

    /// Names the file by where it was meant to be.
    fn refused(&self, name: &Path, source: io::Error) -> FileError {
        FileError::Write { path: self.target.join(name), source }
    }
}

impl OutputFolder<'_> {
    /// As [`OutputDirectory::write_array`], in this folder.
    ///
    /// # Errors
    ///
    /// If the file system refuses.
    pub fn write_array<D: Dimension>(
        &mut self,
        name: &str,
        array: ArrayView<'_, f64, D>,
    ) -> Result<PathBuf, FileError> {
        let file = self.name.join(self.names.claim_file(name));
        self.output.write(file, |file| write_npy(file, array))
    }

    /// As [`OutputDirectory::write_text`], in this folder.
    ///
    /// # Errors
    ///
    /// If the file system refuses.
    pub fn write_text(&mut self, name: &str, text: &str) -> Result<PathBuf, FileError> {
        let file = self.name.join(self.names.claim_file(name));
        self.output.write(file, |file| file.write_all(text.as_bytes()))
    }

    /// As [`OutputDirectory::write_bytes`], in this folder.
    ///
    /// # Errors
    ///
    /// If the file system refuses.
    pub fn write_bytes(&mut self, name: &str, bytes: &[u8]) -> Result<PathBuf, FileError> {
        let file = self.name.join(self.names.claim_file(name));
        self.output.write(file, |file| file.write_all(bytes))
    }

    /// As [`OutputDirectory::pairs_writer`], in this folder.
    ///
    /// # Errors
    ///
    /// If the file system refuses.
    pub fn pairs_writer(
        &mut self,
        name: &str,
        format: PairsFormat,
        neurons: usize,
    ) -> Result<PairsWriter, FileError> {
        let name = format!("{name}.{}", format.extension());
        let file = self.name.join(self.names.claim_file(&name));
        let file = self.output.create_in_pieces(file)?;
        PairsWriter::new(file, format, neurons)
    }

    /// As [`OutputDirectory::matrix_writer`], in this folder.
    ///
    /// # Errors
    ///
    /// If there is not enough free space for all of it, or the file system refuses.
    pub fn matrix_writer(
        &mut self,
        name: &str,
        rows: usize,
        columns: usize,
    ) -> Result<NpyMatrixWriter, FileError> {
        let file = self.name.join(self.names.claim_file(name));
        let file = self.output.create_in_pieces(file)?;
        NpyMatrixWriter::new(file, rows, columns)
    }
}

/// A file in the staging directory whose contents come bit by bit.
#[derive(Debug)]
pub(super) struct FileInPieces {
    /// Where it is meant to be.
    pub(super) path: PathBuf,
    /// Where it is until then.
    pub(super) staged: PathBuf,
    /// Its path within the output directory.
    pub(super) name: PathBuf,
    pub(super) file: File,
    is_finished: Arc<AtomicBool>,
}

impl FileInPieces {
    /// Says that all has been written. Returns its path within the output directory.
    pub(super) fn finish(self) -> Result<PathBuf, FileError> {
        // On the disk before it replaces anything.
        self.file.sync_all().map_err(|source| FileError::Write { path: self.path, source })?;
        self.is_finished.store(true, Ordering::Release);
        Ok(self.name)
    }
}

fn write_npy<D: Dimension>(
    file: &mut BufWriter<File>,
    array: ArrayView<'_, f64, D>,
) -> io::Result<()> {
    file.write_all(&npy::header("<f8", array.shape()))?;
    array.iter().try_for_each(|x| file.write_all(&x.to_le_bytes()))
}
