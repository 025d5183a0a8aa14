//! Writing a set of files whole or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use ndarray::{ArrayView, Dimension};
use tempfile::TempDir;

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
/// Names are made safe: separators, control characters, `..` and what else an array's name may
/// bring cannot lead out of the directory, and every name is used once. Methods return the name
/// that was chosen.
///
/// # Examples
///
/// ```
/// # let parent = tempfile::tempdir()?;
/// # let path = parent.path().join("results");
/// use cofire::files::OutputDirectory;
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
        let path = self.staging.contents.join(&name);
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
        let Self { target, mut staging, files, pieced, .. } = self;
        if let Some((file, _)) = pieced.iter().find(|(_, done)| !done.load(Ordering::Acquire)) {
            return Err(FileError::Unfinished { path: target.join(file) });
        }
        if fs::symlink_metadata(&target).is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
        {
            fs::rename(&staging.contents, &target)
                .map_err(|source| FileError::Write { path: target, source })?;
        } else {
            merge(&staging, &target, &files)?;
        }
        staging.new_parents.clear(); // they have come to stay
        Ok(())
    }

    fn write(
        &mut self,
        name: PathBuf,
        contents: impl FnOnce(&mut BufWriter<File>) -> io::Result<()>,
    ) -> Result<PathBuf, FileError> {
        let path = self.staging.contents.join(&name);
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
        let staged = self.staging.contents.join(&name);
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

/// Where files are before they are committed. Dropping it removes them, and the parents that were
/// made for it.
#[derive(Debug)]
struct Staging {
    /// Removed on drop, before the parents.
    directory: Option<TempDir>,
    /// A directory of its own inside, with ordinary permissions: the temporary one is private.
    contents: PathBuf,
    /// Outermost first.
    new_parents: Vec<PathBuf>,
}

impl Staging {
    fn create(target: &Path) -> Result<Self, FileError> {
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
        let mut staging =
            Self { directory: None, contents: PathBuf::new(), new_parents: Vec::new() };
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
        let directory = tempfile::Builder::new().prefix(".cofire-").tempdir_in(parent)?;
        self.contents = directory.path().join("contents");
        self.directory = Some(directory);
        fs::create_dir(&self.contents)
    }

    /// A place for files that are being replaced.
    fn attic(&self) -> io::Result<PathBuf> {
        let attic = self.contents.with_file_name("replaced");
        fs::create_dir(&attic)?;
        Ok(attic)
    }
}

impl Drop for Staging {
    fn drop(&mut self) {
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

/// Renames `files` into the existing directory `target`, or undoes what it did.
fn merge(staging: &Staging, target: &Path, files: &[PathBuf]) -> Result<(), FileError> {
    for file in files {
        check_way(target, file)?;
    }
    let refused = |file: &Path, source| FileError::Write { path: target.join(file), source };
    let attic = staging.attic().map_err(|source| refused(Path::new(""), source))?;
    let mut undo = Undo::default();
    for (number, file) in files.iter().enumerate() {
        let replaced = attic.join(number.to_string());
        move_in(&staging.contents.join(file), &target.join(file), replaced, &mut undo)
            .map_err(|source| refused(file, source))?;
    }
    undo.steps.clear();
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

fn write_npy<D: Dimension>(
    file: &mut BufWriter<File>,
    array: ArrayView<'_, f64, D>,
) -> io::Result<()> {
    file.write_all(&npy::header("<f8", array.shape()))?;
    array.iter().try_for_each(|x| file.write_all(&x.to_le_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::arr2;

    fn names(directory: &Path) -> Vec<String> {
        let entries = fs::read_dir(directory).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn text(path: PathBuf) -> String {
        fs::read_to_string(path).unwrap()
    }

    #[test]
    fn dropped_output_leaves_no_trace() {
        let parent = tempfile::tempdir().unwrap();
        for target in ["new", "a/b/new", "a/../b/new", "."] {
            let mut output = OutputDirectory::create(parent.path().join(target)).unwrap();
            output.write_text("x", "1").unwrap();
            output.folder("f").unwrap().write_text("y", "2").unwrap();
            drop(output);
            assert_eq!(names(parent.path()), [""; 0], "{target}");
        }
    }

    #[test]
    fn a_new_directory_appears_whole() {
        let parent = tempfile::tempdir().unwrap();
        let target = parent.path().join("a/b");
        let mut output = OutputDirectory::create(&target).unwrap();
        output.write_array("x.npy", arr2(&[[1.0, 2.0], [3.0, 4.0]]).t()).unwrap();
        let mut folder = output.folder("f").unwrap();
        assert_eq!(folder.write_text("x.npy", "1").unwrap(), Path::new("f/x.npy"));
        assert_eq!(folder.write_text("X.npy", "2").unwrap(), Path::new("f/X_2.npy"));
        assert_eq!(folder.write_bytes("b.png", &[0, 255]).unwrap(), Path::new("f/b.png"));
        assert!(!target.exists());
        output.commit().unwrap();
        assert_eq!(names(parent.path()), ["a"]);
        assert_eq!(names(&target), ["f", "x.npy"]);
        assert_eq!(names(&target.join("f")), ["X_2.npy", "b.png", "x.npy"]);
        assert_eq!(fs::read(target.join("f/b.png")).unwrap(), [0, 255]);
        let npy = npyz::NpyFile::new(File::open(target.join("x.npy")).unwrap()).unwrap();
        assert_eq!(npy.shape(), [2, 2]);
        assert_eq!(npy.into_vec::<f64>().unwrap(), [1.0, 3.0, 2.0, 4.0]);
    }

    #[cfg(unix)]
    #[test]
    fn a_new_directory_is_as_open_as_any() {
        use std::os::unix::fs::PermissionsExt;

        let parent = tempfile::tempdir().unwrap();
        let mode = |name: &str| {
            fs::metadata(parent.path().join(name)).unwrap().permissions().mode() & 0o777
        };
        OutputDirectory::create(parent.path().join("ours")).unwrap().commit().unwrap();
        fs::create_dir(parent.path().join("plain")).unwrap();
        assert_eq!(mode("ours"), mode("plain"));
    }

    #[test]
    fn an_existing_directory_keeps_its_other_files() {
        let target = tempfile::tempdir().unwrap();
        let at = |name: &str| target.path().join(name);
        fs::write(at("other"), "other").unwrap();
        fs::write(at("old"), "old").unwrap();
        fs::create_dir(at("f")).unwrap();
        fs::write(at("f/kept"), "kept").unwrap();
        let mut output = OutputDirectory::create(target.path()).unwrap();
        output.write_text("old", "new").unwrap();
        output.folder("f").unwrap().write_text("x", "x").unwrap();
        output.folder("g").unwrap().write_text("y", "y").unwrap();
        output.commit().unwrap();
        assert_eq!(names(target.path()), ["f", "g", "old", "other"]);
        assert_eq!(names(&at("f")), ["kept", "x"]);
        let texts = ["other", "old", "f/kept", "f/x", "g/y"].map(|name| text(at(name)));
        assert_eq!(texts, ["other", "new", "kept", "x", "y"]);
    }

    #[test]
    fn what_is_in_the_way_leaves_all_as_it_was() {
        let target = tempfile::tempdir().unwrap();
        let at = |name: &str| target.path().join(name);
        fs::write(at("first"), "old").unwrap();
        fs::create_dir(at("second")).unwrap();
        let mut output = OutputDirectory::create(target.path()).unwrap();
        output.write_text("first", "new").unwrap();
        output.write_text("second", "new").unwrap();
        let error = output.commit().unwrap_err();
        assert!(matches!(error, FileError::InTheWay { .. }), "{error}");
        assert_eq!(names(target.path()), ["first", "second"]);
        assert_eq!(text(at("first")), "old");

        let error = OutputDirectory::create(at("first")).unwrap_err();
        assert!(matches!(error, FileError::InTheWay { .. }), "{error}");
    }

    #[test]
    fn a_failure_halfway_is_undone() {
        let target = tempfile::tempdir().unwrap();
        let at = |name: &str| target.path().join(name);
        fs::write(at("first"), "old").unwrap();
        let mut output = OutputDirectory::create(target.path()).unwrap();
        output.write_text("first", "new").unwrap();
        output.folder("f").unwrap().write_text("second", "new").unwrap();
        let third = output.write_text("third", "new").unwrap();
        fs::remove_file(output.staging.contents.join(third)).unwrap(); // by somebody else
        let error = output.commit().unwrap_err();
        assert!(matches!(error, FileError::Write { .. }), "{error}");
        assert_eq!(names(target.path()), ["first"]);
        assert_eq!(text(at("first")), "old");
    }

    #[cfg(unix)]
    #[test]
    fn links_do_not_lead_out() {
        use std::os::unix::fs::symlink;

        let parent = tempfile::tempdir().unwrap();
        let at = |name: &str| parent.path().join(name);
        fs::create_dir(at("elsewhere")).unwrap();
        fs::write(at("elsewhere/x"), "old").unwrap();
        fs::create_dir(at("target")).unwrap();
        symlink(at("elsewhere"), at("target/f")).unwrap();
        symlink(at("elsewhere/x"), at("target/x")).unwrap();

        let mut output = OutputDirectory::create(at("target")).unwrap();
        output.folder("f").unwrap().write_text("x", "new").unwrap();
        assert!(matches!(output.commit(), Err(FileError::InTheWay { .. })), "a linked folder");
        let mut output = OutputDirectory::create(at("target")).unwrap();
        output.write_text("x", "new").unwrap();
        output.commit().unwrap();
        assert_eq!((text(at("elsewhere/x")), text(at("target/x"))), ("old".into(), "new".into()));

        symlink(at("loop"), at("loop")).unwrap();
        assert!(OutputDirectory::create(at("loop")).is_err(), "a link to itself");
    }
}
