//! Opening of a file or store, and detection of its format.

use std::fs::{self, File, Metadata};
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

#[cfg(feature = "tables")]
use super::arrow::TableFormat;
#[cfg(feature = "zarr")]
use super::zarr;
use super::{FileError, Place};

/// A regular file of known length, or a Zarr store: a directory.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    /// The file; of a store, its metadata file.
    pub(super) file: BufReader<File>,
    /// Length in bytes when the file was opened; of a store, the length of all its files. Claims beyond
    /// it are refused.
    pub(super) len: u64,
    is_store: bool,
}

/// A format, or an error if this build does not read it.
macro_rules! with_feature {
    ($source:expr, $feature:tt, $name:literal, $format:expr) => {{
        #[cfg(feature = $feature)]
        let format = Ok($format);
        #[cfg(not(feature = $feature))]
        let format = Err(FileError::FeatureDisabled {
            path: $source.path.clone(),
            format: $name,
            feature: $feature,
        });
        format
    }};
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Npy,
    Npz,
    Safetensors,
    #[cfg(feature = "tables")]
    Table(TableFormat),
    #[cfg(feature = "zarr")]
    Zarr,
}

/// Returns the file that makes a directory a Zarr store, of version 3 or 2.
fn store_metadata(directory: &Path) -> Option<PathBuf> {
    const NAMES: [&str; 3] = ["zarr.json", ".zarray", ".zgroup"];
    NAMES.iter().map(|name| directory.join(name)).find(|path| path.exists())
}

/// Returns whether a path leads to a Zarr store.
pub(super) fn is_store(path: &Path) -> bool {
    store_metadata(path).is_some()
}

impl Source {
    pub(super) fn open(path: &Path) -> Result<Self, FileError> {
        let failed = |source| FileError::Open { path: path.into(), source };
        let store = store_metadata(path);
        let opened = store.as_deref().unwrap_or(path);
        // Check before opening: opening a named pipe waits for its writer.
        check_regular(opened, &fs::metadata(opened).map_err(failed)?)?;
        let file = File::open(opened).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        check_regular(opened, &metadata)?;
        let len = match store {
            #[cfg(feature = "zarr")]
            Some(_) => zarr::len(path)?,
            _ => metadata.len(),
        };
        Ok(Self { path: path.into(), file: BufReader::new(file), len, is_store: store.is_some() })
    }

    /// Detects the format, that of a file by its first bytes. Leaves the file at its beginning.
    pub(super) fn format(&mut self) -> Result<Format, FileError> {
        if self.is_store {
            return with_feature!(self, "zarr", "a Zarr store", Format::Zarr);
        }
        // Read as much as there is: a file may be shorter than any of the signatures.
        let mut start = Vec::with_capacity(16);
        let read = self.file.by_ref().take(16).read_to_end(&mut start);
        read.and_then(|_| self.file.seek(SeekFrom::Start(0)))
            .map_err(|source| FileError::Read { path: self.path.clone(), source })?;
        match start.as_slice() {
            [] => Err(FileError::Empty { path: self.path.clone() }),
            [b'\x93', b'N', b'U', b'M', b'P', b'Y', ..] => Ok(Format::Npy),
            // A first member, or the end of an archive without members.
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Ok(Format::Npz),
            [b'A', b'R', b'R', b'O', b'W', b'1', 0, 0, ..] => {
                with_feature!(
                    self,
                    "tables",
                    "an Arrow file",
                    Format::Table(TableFormat::ArrowFile)
                )
            }
            // A marker, the length of the first message, and a flatbuffer, whose first byte is no
            // brace.
            [255, 255, 255, 255, ..] => {
                with_feature!(
                    self,
                    "tables",
                    "an Arrow stream",
                    Format::Table(TableFormat::ArrowStream)
                )
            }
            [b'P', b'A', b'R', b'1', ..] => {
                with_feature!(self, "tables", "a Parquet file", Format::Table(TableFormat::Parquet))
            }
            // Eight bytes of length, then JSON.
            [_, _, _, _, _, _, _, _, b'{', ..] => Ok(Format::Safetensors),
            _ => Err(FileError::UnknownFormat { path: self.path.clone() }),
        }
    }

    /// Returns the stem of the file's name, which names an array that has no name of its own.
    pub(super) fn stem(&self) -> String {
        self.path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Moves to an offset in the file. Returns the number of bytes that follow.
    pub(super) fn seek(&mut self, place: Place<'_>, offset: u64) -> Result<u64, FileError> {
        let left = self.len.checked_sub(offset);
        let left = left.ok_or_else(|| place.damaged("it points beyond the end of the file"))?;
        self.file.seek(SeekFrom::Start(offset)).map_err(|source| place.read(source))?;
        Ok(left)
    }

    /// Reads `len` bytes from `offset` on, which must lie in the file.
    pub(super) fn bytes(
        &mut self,
        place: Place<'_>,
        offset: u64,
        len: u64,
    ) -> Result<Vec<u8>, FileError> {
        let left = self.seek(place, offset)?;
        if len > left {
            return Err(place.wrong_length(len, left));
        }
        let size = usize::try_from(len).map_err(|_| place.damaged("it is too large"))?;
        let mut bytes = vec![0; size];
        self.file.read_exact(&mut bytes).map_err(|source| place.read(source))?;
        Ok(bytes)
    }
}

/// Refuses anything but a regular file.
pub(super) fn check_regular(path: &Path, metadata: &Metadata) -> Result<(), FileError> {
    let found = match metadata {
        m if m.is_file() => return Ok(()),
        m if m.is_dir() => "a directory",
        _ => "not a regular file",
    };
    Err(FileError::NotAFile { path: path.into(), found })
}
