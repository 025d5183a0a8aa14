//! Opening a file, and telling its format by its first bytes.

use std::fs::{self, File, Metadata};
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

#[cfg(feature = "arrow")]
use super::arrow::TableFormat;
use super::{FileError, Place};

/// A regular file of known length.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) path: PathBuf,
    pub(super) file: BufReader<File>,
    /// Length in bytes when it was opened. No claim of the file beyond it is believed.
    pub(super) len: u64,
}

/// A table's format, if this build reads tables.
macro_rules! table {
    ($source:expr, $format:ident) => {{
        #[cfg(feature = "arrow")]
        let format = Ok(Format::Table(TableFormat::$format));
        #[cfg(not(feature = "arrow"))]
        let format =
            Err(FileError::FeatureDisabled { path: $source.path.clone(), feature: "arrow" });
        format
    }};
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    Npy,
    Npz,
    Safetensors,
    #[cfg(feature = "arrow")]
    Table(TableFormat),
}

impl Source {
    pub(super) fn open(path: &Path) -> Result<Self, FileError> {
        let failed = |source| FileError::Open { path: path.into(), source };
        // Asked before opening: to open a named pipe is to wait for its writer.
        check_regular(path, &fs::metadata(path).map_err(failed)?)?;
        let file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        check_regular(path, &metadata)?;
        Ok(Self { path: path.into(), file: BufReader::new(file), len: metadata.len() })
    }

    /// The format, by the first bytes. The next read starts at the beginning again.
    pub(super) fn format(&mut self) -> Result<Format, FileError> {
        // As much as there is: a file may be shorter than any of the signatures.
        let mut start = Vec::with_capacity(16);
        let read = self.file.by_ref().take(16).read_to_end(&mut start);
        read.and_then(|_| self.file.seek(SeekFrom::Start(0)))
            .map_err(|source| FileError::Read { path: self.path.clone(), source })?;
        match start.as_slice() {
            [] => Err(FileError::Empty { path: self.path.clone() }),
            [b'\x93', b'N', b'U', b'M', b'P', b'Y', ..] => Ok(Format::Npy),
            // A first member, or the end of an archive without members.
            [b'P', b'K', 3, 4, ..] | [b'P', b'K', 5, 6, ..] => Ok(Format::Npz),
            [b'A', b'R', b'R', b'O', b'W', b'1', 0, 0, ..] => table!(self, ArrowFile),
            // A marker, the length of the first message, and a flatbuffer: its first byte is no brace.
            [255, 255, 255, 255, ..] => table!(self, ArrowStream),
            [b'P', b'A', b'R', b'1', ..] => table!(self, Parquet),
            // Eight bytes of length, then JSON.
            [_, _, _, _, _, _, _, _, b'{', ..] => Ok(Format::Safetensors),
            _ => Err(FileError::UnknownFormat { path: self.path.clone() }),
        }
    }

    /// A name for what the file does not name.
    pub(super) fn stem(&self) -> String {
        self.path.file_stem().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Moves to a place in the file, and says how many bytes follow it.
    pub(super) fn seek(&mut self, place: Place<'_>, offset: u64) -> Result<u64, FileError> {
        let left = self.len.checked_sub(offset);
        let left = left.ok_or_else(|| place.damaged("it points beyond the end of the file"))?;
        self.file.seek(SeekFrom::Start(offset)).map_err(|source| place.read(source))?;
        Ok(left)
    }

    /// `len` bytes from `offset` on, which must lie in the file.
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

fn check_regular(path: &Path, metadata: &Metadata) -> Result<(), FileError> {
    let found = match metadata {
        m if m.is_file() => return Ok(()),
        m if m.is_dir() => "a directory",
        _ => "not a regular file",
    };
    Err(FileError::NotAFile { path: path.into(), found })
}
