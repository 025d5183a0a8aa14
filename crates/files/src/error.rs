//! Errors of reading and writing files.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use cofire::Error;

/// An error of reading or writing a file. It names the file, the part of it, the problem and a remedy.
///
/// Messages are in lower case and on one line, whatever characters the name of a file or array has. The
/// error of the operating system is the [source](std::error::Error::source), not part of the message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The file could not be opened.
    #[error("could not open {}", OneLine::path(path))]
    Open {
        /// The file.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The path is neither a regular file nor a Zarr store.
    #[error("{} is {found}; pass a file of activations", OneLine::path(path))]
    NotAFile {
        /// The path.
        path: PathBuf,
        /// A description of what is there, such as "a directory".
        found: &'static str,
    },
    /// The file is empty.
    #[error("{} is empty; write it again", OneLine::path(path))]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The format cannot be recognised from the first bytes.
    #[error(
        "{} is not a .npy, .npz, .safetensors, Arrow or Parquet file or a Zarr store; save activations with \
         numpy.save, numpy.savez or safetensors",
        OneLine::path(path)
    )]
    UnknownFormat {
        /// The file.
        path: PathBuf,
    },
    /// The file is in a format that this build does not read.
    #[error(
        "{} is {format}, which this build does not read; enable the feature \"{feature}\" of cofire-files",
        OneLine::path(path)
    )]
    FeatureDisabled {
        /// The file.
        path: PathBuf,
        /// The format of the file, with an article: "a Parquet file".
        format: &'static str,
        /// The Cargo feature that enables the format.
        feature: &'static str,
    },
    /// The file could not be read to its end.
    #[error("could not read {}", OneLine::path(path))]
    Read {
        /// The file.
        path: PathBuf,
        /// The error of the operating system or of the decompressor.
        source: io::Error,
    },
    /// The file contradicts itself or its format.
    #[error(
        "{}, {}: {}; write the file again",
        OneLine::path(path),
        OneLine(place),
        OneLine(problem)
    )]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The part of the file.
        place: String,
        /// A description of the problem.
        problem: String,
    },
    /// The file holds fewer or more bytes of an array than its header claims.
    #[error(
        "{}, {}: the header claims {claimed} bytes of data, but there are {found}; \
         write the file again",
        OneLine::path(path),
        OneLine(place)
    )]
    WrongLength {
        /// The file.
        path: PathBuf,
        /// The part of the file.
        place: String,
        /// The number of bytes that the header claims.
        claimed: u64,
        /// The number of bytes in the file.
        found: u64,
    },
    /// A compressed array would take far more memory than its file.
    #[error(
        "{}, {}: {packed} bytes claim to decompress to {unpacked}, \
         more than {allowed} times as many; \
         save it with numpy.savez, which does not compress",
        OneLine::path(path),
        OneLine(place)
    )]
    Expansion {
        /// The file.
        path: PathBuf,
        /// The part of the file.
        place: String,
        /// The number of compressed bytes in the file.
        packed: u64,
        /// The number of bytes in memory that they claim.
        unpacked: u64,
        /// The largest allowed ratio.
        allowed: u64,
    },
    /// An array is stored in a way that is not supported, for instance in a `.npz` member with a
    /// compression method that numpy does not use, or in Zarr chunks with another codec.
    #[error(
        "{}, {}: {method} is not supported; save it with numpy.savez",
        OneLine::path(path),
        OneLine(place)
    )]
    UnsupportedPacking {
        /// The file.
        path: PathBuf,
        /// The part of the file.
        place: String,
        /// A description of the compression method or of another unsupported feature.
        method: String,
    },
    /// The elements are not real numbers of a known type.
    #[error(
        "{}, {}: elements of type {} are not activations; \
         save them as float32, for instance with array.astype(\"float32\")",
        OneLine::path(path),
        OneLine(place),
        OneLine(element_type)
    )]
    UnsupportedElement {
        /// The file.
        path: PathBuf,
        /// The part of the file.
        place: String,
        /// The type, as the file spells it.
        element_type: String,
    },
    /// The array has fewer than two axes.
    #[error(
        "{}, {}: an array of shape {shape:?} is not samples x neurons; \
         save it with two or more axes, the last one for the neurons",
        OneLine::path(path),
        OneLine(place)
    )]
    UnusableShape {
        /// The file.
        path: PathBuf,
        /// The part of the file.
        place: String,
        /// The array's shape.
        shape: Vec<usize>,
    },
    /// An integer is beyond 2⁵³ in magnitude, where an `f64` does not hold every integer.
    #[error(
        "{}, {}: {value} of sample {sample}, neuron {neuron} is beyond 2^53, \
         where not every integer is an f64; subtract a common offset before saving, \
         or save array.astype(\"float64\") if the last digits do not matter",
        OneLine::path(path),
        OneLine(place)
    )]
    IntegerTooLarge {
        /// The file.
        path: PathBuf,
        /// The part of the file.
        place: String,
        /// The row of the value. If several files are read as one layer, rows are counted over all of
        /// them.
        sample: usize,
        /// The column of the value.
        neuron: usize,
        /// The value.
        value: i128,
    },
    /// Lists that should be samples have different lengths.
    #[error(
        "{}, {}: a list in row {row} has {found} numbers where others have {expected}; \
         give every sample the same number of neurons",
        OneLine::path(path),
        OneLine(place)
    )]
    Ragged {
        /// The file.
        path: PathBuf,
        /// The part of the file.
        place: String,
        /// The row of the table in this file, from 0, even if several files are read as one layer.
        row: usize,
        /// The length of the first list.
        expected: usize,
        /// The length of this list.
        found: usize,
    },
    /// A value is missing.
    #[error(
        "{}, {}: row {row} holds no value (null); remove the row, or fill in a number",
        OneLine::path(path),
        OneLine(place)
    )]
    Null {
        /// The file.
        path: PathBuf,
        /// The part of the file.
        place: String,
        /// The row of the table in this file, from 0, even if several files are read as one layer.
        row: usize,
    },
    /// Files that should be one layer have different numbers of neurons.
    #[error(
        "{} has {neurons} neurons, but {} has {expected}; pass files of one layer",
        OneLine::path(path),
        OneLine::path(first)
    )]
    NeuronsMismatch {
        /// The file.
        path: PathBuf,
        /// The number of neurons in the file.
        neurons: usize,
        /// The first file.
        first: PathBuf,
        /// The number of neurons in the first file.
        expected: usize,
    },
    /// A file has changed since it was opened.
    #[error(
        "{} has changed since it was opened ({what}); do not change files while they are read",
        OneLine::path(path)
    )]
    Changed {
        /// The file.
        path: PathBuf,
        /// A description of the change.
        what: String,
    },
    /// No files of activations were found.
    #[error("no files of activations found at {}", OneLine::path(path))]
    NoFiles {
        /// The directory or pattern.
        path: PathBuf,
    },
    /// A pattern of file names is invalid.
    #[error("{} is not a valid pattern of file names ({problem})", OneLine::path(path))]
    InvalidPattern {
        /// The pattern.
        path: PathBuf,
        /// A description of the problem.
        problem: String,
    },
    /// The file is valid but holds no array.
    #[error(
        "{} holds no arrays; save activations with numpy.save, numpy.savez or safetensors",
        OneLine::path(path)
    )]
    NoArrays {
        /// The file.
        path: PathBuf,
    },
    /// The file has no array of the requested name.
    #[error(
        "{} has no layer {}; there are: {}",
        OneLine::path(path),
        OneLine(requested),
        List(available)
    )]
    LayerNotFound {
        /// The file.
        path: PathBuf,
        /// The requested name.
        requested: String,
        /// The names of the file's arrays.
        available: Vec<String>,
    },
    /// The file has several arrays, and no name was given.
    #[error("{} has several layers; choose one of: {}", OneLine::path(path), List(available))]
    SeveralLayers {
        /// The file.
        path: PathBuf,
        /// The names of the file's arrays.
        available: Vec<String>,
    },
    /// The operating system refused the memory for an array.
    #[error(
        "{}, {}: could not allocate {bytes} bytes; save fewer samples or neurons",
        OneLine::path(path),
        OneLine(place)
    )]
    OutOfMemory {
        /// The file.
        path: PathBuf,
        /// The part of the file.
        place: String,
        /// The number of bytes that were requested.
        bytes: u64,
    },
    /// A file or directory could not be written.
    #[error("could not write {}; choose a directory that can be written to", OneLine::path(path))]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The output would not fit on the disk.
    #[error(
        "{} would take {needed} bytes, but only {available} are free; \
         make room, choose another directory, or keep fewer pairs",
        OneLine::path(path)
    )]
    NoSpace {
        /// The file.
        path: PathBuf,
        /// The number of bytes that the output needs.
        needed: u64,
        /// The number of free bytes.
        available: u64,
    },
    /// An element or a pair lies outside of the matrix.
    #[error(
        "{}: row {row}, column {column} is outside of a matrix of {rows} x {columns}",
        OneLine::path(path)
    )]
    OutsideMatrix {
        /// The file.
        path: PathBuf,
        /// The row of the element, or the first neuron of a pair.
        row: usize,
        /// The column of the element, or the second neuron.
        column: usize,
        /// The number of rows of the matrix, or of neurons.
        rows: usize,
        /// The number of columns of the matrix, or of neurons.
        columns: usize,
    },
    /// The output was committed before one of its files was finished.
    #[error(
        "{} was not finished; finish its writer before committing the output",
        OneLine::path(path)
    )]
    Unfinished {
        /// The file.
        path: PathBuf,
    },
    /// Another kind of file is in the place of an output directory, or a directory in the place of an
    /// output file.
    #[error(
        "{} is in the way: it is {found}; remove it, or choose another directory",
        OneLine::path(path)
    )]
    InTheWay {
        /// The path that is in the way.
        path: PathBuf,
        /// A description of what is there, such as "a directory".
        found: &'static str,
    },
}

impl FileError {
    /// Adds the number of samples in the files before this one to the sample that the error names.
    pub(super) fn after(mut self, samples: usize) -> Self {
        if let Self::IntegerTooLarge { sample, .. } = &mut self {
            *sample += samples;
        }
        self
    }
}

impl From<FileError> for Error {
    /// Wraps the error as one of reading a batch of activations.
    fn from(error: FileError) -> Self {
        Self::Batches(Box::new(error))
    }
}

/// Shows text on one line: control characters, and those that reorder a line, are escaped.
///
/// # Examples
///
/// ```
/// use cofire_files::OneLine;
///
/// assert_eq!(OneLine("a\nb").to_string(), r"a\nb");
/// ```
#[derive(Debug, Clone, Copy)]
pub struct OneLine<T>(pub T);

impl<'a> OneLine<std::path::Display<'a>> {
    /// Shows a path.
    #[must_use]
    pub fn path(path: &'a Path) -> Self {
        Self(path.display())
    }
}

impl<T: fmt::Display> fmt::Display for OneLine<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;

        struct Escaping<'a, 'b>(&'a mut fmt::Formatter<'b>);

        impl Write for Escaping<'_, '_> {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                text.chars().try_for_each(|c| match c {
                    '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => {
                        write!(self.0, "{}", c.escape_unicode())
                    }
                    c if c.is_control() => write!(self.0, "{}", c.escape_default()),
                    c => self.0.write_char(c),
                })
            }
        }

        write!(Escaping(f), "{}", self.0)
    }
}

/// A list of names that is shown as its first 20 names and the number of the others.
struct List<'a>(&'a [String]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const SHOWN: usize = 20;
        for (index, name) in self.0.iter().take(SHOWN).enumerate() {
            write!(f, "{}{}", if index == 0 { "" } else { ", " }, OneLine(name))?;
        }
        match self.0.len().saturating_sub(SHOWN) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_stay_on_one_line() {
        let error = FileError::LayerNotFound {
            path: "a\nb.npz".into(),
            requested: "x\u{1b}[2J".to_owned(),
            available: (0..25).map(|i| format!("l\r{i}")).collect(),
        };
        let message = error.to_string();
        assert!(message.starts_with("a\\nb.npz has no layer x\\u{1b}[2J; there are: l\\r0, l\\r1"));
        assert!(message.ends_with("l\\r19 and 5 more"), "{message}");
    }
}
