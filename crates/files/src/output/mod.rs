//! Writing of a set of files, all of them or none.

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

/// A directory that appears, or gains files, all at once.
///
/// Files are first written into a temporary directory on the same file system. [`commit`](Self::commit)
/// then renames them into place. If the value is dropped without a commit, nothing of it remains. If
/// the directory exists already, its other files are left alone and files of the same names are
/// replaced. If one file cannot be replaced, those before it are restored.
///
/// A process that is killed may leave temporary files. The next process that prepares to write there
/// finishes a commit that had begun, and otherwise removes these files.
///
/// Names are made safe: separators, control characters, `..` and whatever else the name of an array may
/// contain cannot lead out of the directory, and every name is used once. Methods return the name that
/// was chosen.
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
    /// Paths relative to the target, in the order of writing.
    files: Vec<PathBuf>,
    /// Those of `files` that are written in pieces, each with a flag that is set when the last piece is
    /// written.
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
    /// Prepares to write into `target`, which may exist. Makes missing parents.
    ///
    /// # Errors
    ///
    /// If `target` exists and is not a directory, or if the temporary directory cannot be made.
    pub fn create(target: impl Into<PathBuf>) -> Result<Self, FileError> {
        let target = target.into();
        let staging = Staging::create(&target)?;
        let (files, pieced) = (Vec::new(), Vec::new());
        Ok(Self { target, staging, files, pieced, names: FileNames::default() })
    }

    /// Makes a directory within this one, called `name` or similar.
    ///
    /// # Errors
    ///
    /// If the directory cannot be made.
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
    /// If the file cannot be written.
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
    /// If the file cannot be written.
    pub fn write_text(&mut self, name: &str, text: &str) -> Result<PathBuf, FileError> {
        let file = PathBuf::from(self.names.claim_file(name));
        self.write(file, |file| file.write_all(text.as_bytes()))
    }

    /// Writes bytes, such as a picture. Returns its path within the directory.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn write_bytes(&mut self, name: &str, bytes: &[u8]) -> Result<PathBuf, FileError> {
        let file = PathBuf::from(self.names.claim_file(name));
        self.write(file, |file| file.write_all(bytes))
    }

    /// Opens a file to which pairs are written one by one. The extension of the format is added to
    /// `name`. `neurons` is the number of all neurons, paired or not.
    ///
    /// # Errors
    ///
    /// If the file cannot be made.
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
    /// If there is not enough free space for the whole matrix, or if the file cannot be made.
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
    /// If something is in the way, or if a file cannot be moved: the files that were there before are
    /// then restored. Also if a file that is written in pieces was not finished.
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
            // The file must be on the disk before it replaces another.
            file.into_inner().map_err(io::IntoInnerError::into_error)?.sync_all()
        };
        write().map_err(|source| self.refused(&name, source))?;
        self.files.push(name.clone());
        Ok(name)
    }

    /// Makes a file that is written in pieces.
    fn create_in_pieces(&mut self, name: PathBuf) -> Result<FileInPieces, FileError> {
        let staged = self.staging.contents().join(&name);
        let file = File::create_new(&staged).map_err(|source| self.refused(&name, source))?;
        let is_finished = Arc::new(AtomicBool::new(false));
        self.files.push(name.clone());
        self.pieced.push((name.clone(), Arc::clone(&is_finished)));
        Ok(FileInPieces { path: self.target.join(&name), staged, name, file, is_finished })
    }

    /// Returns an error that names the file's final path.
    fn refused(&self, name: &Path, source: io::Error) -> FileError {
        FileError::Write { path: self.target.join(name), source }
    }
}

impl OutputFolder<'_> {
    /// Writes an array into this folder, as [`OutputDirectory::write_array`] does.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn write_array<D: Dimension>(
        &mut self,
        name: &str,
        array: ArrayView<'_, f64, D>,
    ) -> Result<PathBuf, FileError> {
        let file = self.name.join(self.names.claim_file(name));
        self.output.write(file, |file| write_npy(file, array))
    }

    /// Writes text into this folder, as [`OutputDirectory::write_text`] does.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn write_text(&mut self, name: &str, text: &str) -> Result<PathBuf, FileError> {
        let file = self.name.join(self.names.claim_file(name));
        self.output.write(file, |file| file.write_all(text.as_bytes()))
    }

    /// Writes bytes into this folder, as [`OutputDirectory::write_bytes`] does.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn write_bytes(&mut self, name: &str, bytes: &[u8]) -> Result<PathBuf, FileError> {
        let file = self.name.join(self.names.claim_file(name));
        self.output.write(file, |file| file.write_all(bytes))
    }

    /// Opens a file of pairs in this folder, as [`OutputDirectory::pairs_writer`] does.
    ///
    /// # Errors
    ///
    /// If the file cannot be made.
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

    /// Opens a matrix in this folder, as [`OutputDirectory::matrix_writer`] does.
    ///
    /// # Errors
    ///
    /// If there is not enough free space for the whole matrix, or if the file cannot be made.
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

/// A file in the staging directory that is written in pieces.
#[derive(Debug)]
pub(super) struct FileInPieces {
    /// The final path.
    pub(super) path: PathBuf,
    /// The path in the staging directory.
    pub(super) staged: PathBuf,
    /// The path within the output directory.
    pub(super) name: PathBuf,
    pub(super) file: File,
    is_finished: Arc<AtomicBool>,
}

impl FileInPieces {
    /// Marks the file as complete. Returns its path within the output directory.
    pub(super) fn finish(self) -> Result<PathBuf, FileError> {
        // The file must be on the disk before it replaces another.
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
