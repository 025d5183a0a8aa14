//! What can go wrong with files.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use cofire::Error;

/// What is wrong with a file, where, and what to do about it.
///
/// Messages are lower case and one line, whatever characters a file's or array's name has. What
/// the operating system said is the error's [source](std::error::Error::source), not part of the
/// message.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FileError {
    /// The file could not be opened.
    #[error("could not open {}", OneLine::path(path))]
    Open {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// The path leads to something that is neither a regular file nor a Zarr store.
    #[error("{} is {found}; pass a file of activations", OneLine::path(path))]
    NotAFile {
        /// The path.
        path: PathBuf,
        /// What it is.
        found: &'static str,
    },
    /// The file has no bytes.
    #[error("{} is empty; write it again", OneLine::path(path))]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// The first bytes are those of no known format.
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
        /// Its format, with an article: "a Parquet file".
        format: &'static str,
        /// The feature of the crate.
        feature: &'static str,
    },
    /// The file could not be read to its end.
    #[error("could not read {}", OneLine::path(path))]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system, or the decompressor, said.
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
        /// What is wrong with it.
        problem: String,
    },
    /// The file holds fewer or more bytes of an array than its header claims.
    #[error(
        "{}, {}: the header claims {claimed} bytes of data and there are {found}; \
         write the file again",
        OneLine::path(path),
        OneLine(place)
    )]
    WrongLength {
        /// The file.
        path: PathBuf,
        /// The part of the file.
        place: String,
        /// Bytes the header speaks of.
        claimed: u64,
        /// Bytes there are.
        found: u64,
    },
    /// A packed array would take up far more memory than its file.
    #[error(
        "{}, {}: {packed} bytes claim to unpack to {unpacked}, more than {allowed} times as many; \
         save it with numpy.savez, which does not compress",
        OneLine::path(path),
        OneLine(place)
    )]
    Expansion {
        /// The file.
        path: PathBuf,
        /// The part of the file.
        place: String,
        /// Bytes in the file.
        packed: u64,
        /// Bytes in memory.
        unpacked: u64,
        /// The largest allowed ratio.
        allowed: u64,
    },
    /// An array is packed in a way that is not read: a member of a `.npz` file as numpy would not, or
    /// chunks of a Zarr array by another codec.
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
        /// How it is packed.
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
        "{}, {}: an array of shape {shape:?} has no samples x neurons; \
         save it with two or more axes, the last one for the neurons",
        OneLine::path(path),
        OneLine(place)
    )]
    UnusableShape {
        /// The file.
        path: PathBuf,
        /// The part of the file.
        place: String,
        /// Its shape.
        shape: Vec<usize>,
    },
    /// A double-precision value is finite but beyond the range of single precision.
    #[error(
        "{}, {}: {value:e} of sample {sample}, neuron {neuron} is beyond the range of f32; \
         rescale the layer",
        OneLine::path(path),
        OneLine(place)
    )]
    BeyondF32 {
        /// The file.
        path: PathBuf,
        /// The part of the file.
        place: String,
        /// Row of the value. Of several files that are read as one layer, counted over all of them.
        sample: usize,
        /// Column of the value.
        neuron: usize,
        /// The value.
        value: f64,
    },
    /// Lists that should be samples have different lengths.
    #[error(
        "{}, {}: a list in row {row} has {found} numbers where others have {expected}; \
         give every sample the same neurons",
        OneLine::path(path),
        OneLine(place)
    )]
    Ragged {
        /// The file.
        path: PathBuf,
        /// The part of the file.
        place: String,
        /// Row of the table, from 0. Of several files that are read as one layer, of this file.
        row: usize,
        /// Length of the first list.
        expected: usize,
        /// Length of this one.
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
        /// Row of the table, from 0. Of several files that are read as one layer, of this file.
        row: usize,
    },
    /// Files that should be one layer have different numbers of neurons.
    #[error(
        "{} has {neurons} neurons and {} has {expected}; pass files of one layer",
        OneLine::path(path),
        OneLine::path(first)
    )]
    NeuronsMismatch {
        /// The file.
        path: PathBuf,
        /// Its neurons.
        neurons: usize,
        /// The first file.
        first: PathBuf,
        /// The neurons of the first file.
        expected: usize,
    },
    /// A file is not what it was when it was opened.
    #[error(
        "{} is not what it was before ({what}); leave files as they are while they are read",
        OneLine::path(path)
    )]
    Changed {
        /// The file.
        path: PathBuf,
        /// What has changed.
        what: String,
    },
    /// There are no files to read.
    #[error("{} leads to no files of activations", OneLine::path(path))]
    NoFiles {
        /// The directory or pattern.
        path: PathBuf,
    },
    /// A pattern of file names cannot be understood.
    #[error("{} is not a pattern of file names ({problem})", OneLine::path(path))]
    InvalidPattern {
        /// The pattern.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The file is in order and has no array.
    #[error(
        "{} holds no arrays; save activations with numpy.save, numpy.savez or safetensors",
        OneLine::path(path)
    )]
    NoArrays {
        /// The file.
        path: PathBuf,
    },
    /// There is no array of that name.
    #[error(
        "{} has no layer {}; there are: {}",
        OneLine::path(path),
        OneLine(requested),
        List(available)
    )]
    LayerNotFound {
        /// The file.
        path: PathBuf,
        /// The name that was asked for.
        requested: String,
        /// The names there are.
        available: Vec<String>,
    },
    /// There are several arrays, and none was named.
    #[error("{} has several layers; choose one of: {}", OneLine::path(path), List(available))]
    SeveralLayers {
        /// The file.
        path: PathBuf,
        /// The names there are.
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
        /// Bytes that were asked for.
        bytes: u64,
    },
    /// A file or directory could not be written.
    #[error("could not write {}; choose a directory that can be written to", OneLine::path(path))]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system said.
        source: io::Error,
    },
    /// What is to be written would not fit on the disk.
    #[error(
        "{} would take {needed} bytes and {available} are free; \
         make room, choose another directory, or keep fewer pairs",
        OneLine::path(path)
    )]
    NoSpace {
        /// The file.
        path: PathBuf,
        /// Bytes it would have.
        needed: u64,
        /// Bytes there is room for.
        available: u64,
    },
    /// Something was to be written outside of the matrix.
    #[error(
        "{}: row {row}, column {column} is outside of a matrix of {rows} x {columns}",
        OneLine::path(path)
    )]
    OutsideMatrix {
        /// The file.
        path: PathBuf,
        /// Row of the element, or the first neuron of a pair.
        row: usize,
        /// Column of the element, or the second neuron.
        column: usize,
        /// Rows of the matrix, or neurons.
        rows: usize,
        /// Columns of the matrix, or neurons.
        columns: usize,
    },
    /// Output was to be moved into place before all of it was there.
    #[error("{} was not finished; finish its writer before the output", OneLine::path(path))]
    Unfinished {
        /// The file.
        path: PathBuf,
    },
    /// Something that is not a directory stands where a directory would be written, or the other
    /// way round.
    #[error(
        "{} is in the way: it is {found}; remove it, or choose another directory",
        OneLine::path(path)
    )]
    InTheWay {
        /// What is in the way.
        path: PathBuf,
        /// What it is.
        found: &'static str,
    },
}

impl FileError {
    /// The error in a file that has so many samples in front of it, in other files.
    pub(super) fn after(mut self, samples: usize) -> Self {
        if let Self::BeyondF32 { sample, .. } = &mut self {
            *sample += samples;
        }
        self
    }
}

impl From<FileError> for Error {
    /// Activations that could not be had.
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

/// The first names of a list, and how many more there are.
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
