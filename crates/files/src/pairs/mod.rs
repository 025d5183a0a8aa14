//! Pairs of neurons as a table or a sparse matrix, written one by one.

mod csv;
mod npz;
#[cfg(feature = "tables")]
mod parquet;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use cofire::sweep::InformationPair;

use super::FileError;
use super::output::FileInPieces;

/// A file format of a [`PairsWriter`]. Each format has each pair once, in the order of writing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum PairsFormat {
    /// Text: the line `first,second,mutual_information`, then one line per pair. Numbers have as many
    /// digits as it takes to read the same bits.
    Csv,
    /// A sparse `neurons × neurons` matrix in coordinate form, which `scipy.sparse.load_npz` reads. It
    /// is an upper triangle: row `first`, column `second`. `m + m.T` is symmetric.
    Npz,
    /// A Parquet table with columns `first` and `second` (`u32`) and `mutual_information` (`f64`),
    /// compressed with Snappy.
    #[cfg(feature = "tables")]
    Parquet,
}

impl PairsFormat {
    /// All formats of this build.
    pub const ALL: &[Self] = &[
        Self::Csv,
        Self::Npz,
        #[cfg(feature = "tables")]
        Self::Parquet,
    ];

    /// Returns the extension of file names, without the dot.
    #[must_use]
    pub fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Npz => "npz",
            #[cfg(feature = "tables")]
            Self::Parquet => "parquet",
        }
    }
}

/// A writer of pairs into a file, one by one. It takes a few MiB of memory for any number of pairs.
///
/// Made by [`OutputDirectory::pairs_writer`](super::OutputDirectory::pairs_writer). If the format
/// cannot be written in one go, as [`PairsFormat::Npz`] cannot, parts are kept in unnamed files beside
/// the output until [`finish`](Self::finish), 24 bytes a pair.
///
/// # Examples
///
/// ```
/// # let parent = tempfile::tempdir()?;
/// # let path = parent.path().join("results");
/// use cofire::sweep::InformationPair;
/// use cofire_files::{OutputDirectory, PairsFormat};
///
/// let mut output = OutputDirectory::create(&path)?;
/// let mut pairs = output.pairs_writer("pairs", PairsFormat::Csv, 100)?;
/// pairs.write(InformationPair { first: 3, second: 7, mutual_information: 0.1 })?;
/// pairs.write(InformationPair { first: 4, second: 99, mutual_information: 1.0 / 3.0 })?;
/// pairs.finish()?;
/// output.commit()?;
///
/// let text = std::fs::read_to_string(path.join("pairs.csv"))?;
/// assert_eq!(text, "first,second,mutual_information\n3,7,0.1\n4,99,0.3333333333333333\n");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// ```python
/// pairs = pandas.read_csv("results/pairs.csv")          # or pandas.read_parquet
/// upper = scipy.sparse.load_npz("results/pairs.npz")    # 100 x 100, one element a pair
/// ```
pub struct PairsWriter {
    output: FileInPieces,
    encoder: Box<dyn Encoder>,
    neurons: usize,
    pairs: u64,
}

/// An encoder of pairs as the bytes of a file.
trait Encoder: Send {
    fn write(&mut self, pair: InformationPair) -> io::Result<()>;

    /// Writes the last part of the file.
    fn finish(self: Box<Self>) -> io::Result<()>;
}

impl PairsWriter {
    pub(super) fn new(
        output: FileInPieces,
        format: PairsFormat,
        neurons: usize,
    ) -> Result<Self, FileError> {
        let directory = output.staged.parent().unwrap_or(Path::new("."));
        let encoder = output.file.try_clone().and_then(|file| {
            Ok(match format {
                PairsFormat::Csv => Box::new(csv::CsvEncoder::new(file)?) as Box<dyn Encoder>,
                PairsFormat::Npz => Box::new(npz::NpzEncoder::new(file, neurons, directory)?),
                #[cfg(feature = "tables")]
                PairsFormat::Parquet => Box::new(parquet::ParquetEncoder::new(file)?),
            })
        });
        match encoder {
            Ok(encoder) => Ok(Self { output, encoder, neurons, pairs: 0 }),
            Err(source) => Err(FileError::Write { path: output.path, source }),
        }
    }

    /// Writes a pair.
    ///
    /// # Errors
    ///
    /// If the pair names a neuron that does not exist, or if the file cannot be written.
    pub fn write(&mut self, pair: InformationPair) -> Result<(), FileError> {
        let (row, column) = (pair.first as usize, pair.second as usize);
        if row.max(column) >= self.neurons {
            let (rows, columns) = (self.neurons, self.neurons);
            let path = self.output.path.clone();
            return Err(FileError::OutsideMatrix { path, row, column, rows, columns });
        }
        self.pairs += 1;
        self.encoder
            .write(pair)
            .map_err(|source| FileError::Write { path: self.output.path.clone(), source })
    }

    /// Returns the number of pairs that have been written.
    #[must_use]
    pub fn pairs(&self) -> u64 {
        self.pairs
    }

    /// Completes the file. Returns its path within the output directory.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn finish(self) -> Result<PathBuf, FileError> {
        let Self { output, encoder, .. } = self;
        match encoder.finish() {
            Ok(()) => output.finish(),
            Err(source) => Err(FileError::Write { path: output.path, source }),
        }
    }
}

impl fmt::Debug for PairsWriter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PairsWriter")
            .field("path", &self.output.path)
            .field("neurons", &self.neurons)
            .field("pairs", &self.pairs)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
