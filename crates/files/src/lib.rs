//! Reading layers from files, whole or in batches, and writing results whole or not at all.
//!
//! ```
//! # let directory = tempfile::tempdir()?;
//! # let path = directory.path().join("results");
//! use cofire_files::OutputDirectory;
//! # let mut made = OutputDirectory::create(directory.path().join("made"))?;
//! # let dump = ndarray::Array2::from_shape_fn((50, 3), |(s, n)| (s * (n + 3) % 7) as f64);
//! # let file = made.write_array("layer.npy", dump.view())?;
//! # made.commit()?;
//! # let file = directory.path().join("made").join(file);
//!
//! for layer in cofire_files::layers(&file)? {
//!     println!("{}: {:?} of {}", layer.name, layer.shape, layer.element_type);
//! }
//! let layer = cofire_files::read_layer(&file, None)?;
//! let report = cofire::analyze(layer.activations.view(), 10)?;
//!
//! let mut output = OutputDirectory::create(&path)?;
//! output.write_array("entropy.npy", report.entropy.view())?;
//! output.write_array("mi.npy", report.mutual_information.view())?;
//! output.commit()?;
//! # assert!(path.join("entropy.npy").is_file());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # Formats
//!
//! | format | layers |
//! | --- | --- |
//! | `.npy` | its array, in C or Fortran order, by the file's stem |
//! | `.npz` | its arrays, stored or deflated, by their keys |
//! | `.safetensors` | its tensors, by their keys |
//! | Arrow IPC (stream, file), Parquet | feature `tables`: columns of lists, or all columns of numbers |
//! | Zarr (a directory), versions 2 and 3 | feature `zarr`: an array, by the directory's stem, or the arrays of a group, by their paths |
//!
//! Of a table, a column of lists is a layer, as Hugging Face datasets store one: a list of numbers is a
//! sample, and of lists of lists each innermost one is. All must be of one length, and nothing null.
//! Where no column has lists of numbers, the columns of numbers are the neurons of one layer with the
//! file's stem for a name, if all are of one type.
//!
//! Of a Zarr array, a chunk that is not there holds the fill value, as the format has it: chunks that
//! got lost are not noticed. Chunks may be packed by Blosc, gzip, zlib or zstd, and lie in shards. Those
//! of many samples and few neurons are slow to read in batches, each being unpacked again for every
//! 64 MiB of samples of all neurons; let chunks be of few samples and all neurons.
//!
//! # Trust
//!
//! What a file is, is told by its first bytes and not by its name. Files are not trusted: a claim
//! in a header is compared with the length of the file before anything is allocated for it. Tables are
//! decoded by the crates `arrow-ipc` and `parquet`, Zarr stores by `zarrs`; if those panic at what
//! contradicts itself, that is an error here, but the panic's message goes to the program's hook. A
//! Parquet file that was made to do harm, or chunks of a Zarr array that were packed twice, may claim more
//! memory than there is, which ends the process: read those of people you trust.
//!
//! Files are read, never mapped into memory: a mapped file that another process truncates ends the
//! reader with a signal, which is not an error that anyone could return, and mapping is `unsafe`.
//! Of a `.safetensors` or `.npz` file, only its directory and the wanted layer are read.

#![cfg_attr(
    test,
    allow(clippy::cast_possible_truncation, reason = "tests make small numbers in short ways")
)]

mod array;
#[cfg(feature = "tables")]
mod arrow;
mod batches;
mod element;
mod error;
mod expansion;
mod file_name;
#[cfg(any(feature = "tables", feature = "zarr"))]
mod guard;
mod layer;
mod matrix;
mod npy;
mod npz;
mod output;
mod pairs;
mod place;
mod safetensors;
mod source;
mod visit;
#[cfg(feature = "zarr")]
mod zarr;

use std::path::Path;

pub use batches::{FileBatches, expand_path, open_batches};
pub use element::ElementType;
pub use error::{FileError, OneLine};
pub use layer::{Layer, LayerInfo};
pub use matrix::NpyMatrixWriter;
pub use output::{OutputDirectory, OutputFolder};
pub use pairs::{PairsFormat, PairsWriter};

use layer::LayerReader;
use place::Place;
use source::{Format, Source};
use visit::Visitor;

/// The arrays of a file, in the file's order.
///
/// # Errors
///
/// For a file that cannot be opened, is in none of the formats of this build, or is damaged, and for
/// one that holds no array. An array that [`read_layer`] would refuse is listed all the same.
///
/// Lists of Arrow and Parquet files are read through where their lengths are not fixed by their type.
///
/// # Examples
///
/// ```no_run
/// for layer in cofire_files::layers("minilm.safetensors")? {
///     println!("{} {:?}", layer.name, layer.shape); // layer.0.ffn [1500, 160]
/// }
/// # Ok::<(), cofire_files::FileError>(())
/// ```
pub fn layers(path: impl AsRef<Path>) -> Result<Vec<LayerInfo>, FileError> {
    let mut source = Source::open(path.as_ref())?;
    let layers = match source.format()? {
        Format::Npy => vec![npy::layer(&mut source)?],
        Format::Npz => npz::layers(&mut source)?,
        Format::Safetensors => safetensors::layers(&mut source)?,
        #[cfg(feature = "tables")]
        Format::Table(format) => arrow::layers(&mut source, format)?,
        #[cfg(feature = "zarr")]
        Format::Zarr => zarr::layers(&mut source)?,
    };
    if layers.is_empty() {
        Err(FileError::NoArrays { path: path.as_ref().into() })
    } else {
        Ok(layers)
    }
}

/// The activations of one array of a file: the one called `name`, or the only one.
///
/// Reads `.npy` (C or Fortran order, either byte order), `.npz` (stored or deflated), `.safetensors`
/// and, with the features `tables` and `zarr`, Arrow, Parquet and Zarr; `f16`, `bf16`, `f32`, `f64`,
/// `bool`, and integers of 8 to 64 bits. Takes the size of the result, four bytes an element, and a
/// small buffer; of an Arrow or Parquet file or a Zarr store up to twice that, and a record batch or
/// the chunks that hold some samples.
///
/// An array of a deflated `.npz` that unpacks to more than 64 MiB may be at most 200 times its
/// packed size, so that a small file cannot fill the memory, and an array or chunk of a Zarr store at
/// most 200 times the size of the store.
///
/// # Errors
///
/// As [`layers`], and for a name that the file does not have, for no name when there are several
/// arrays, for arrays with fewer than two axes, for elements that are not real numbers, for an
/// `f64` beyond the range of `f32`, and when the memory cannot be had.
///
/// # Examples
///
/// ```no_run
/// let layer = cofire_files::read_layer("minilm.safetensors", Some("layer.1.ffn"))?;
/// let report = cofire::analyze(layer.activations.view(), 10)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn read_layer(path: impl AsRef<Path>, name: Option<&str>) -> Result<Layer, FileError> {
    let mut source = Source::open(path.as_ref())?;
    let mut layer = LayerReader::default();
    visit(&mut source, name, &mut layer)?;
    layer.finish().ok_or_else(|| FileError::NoArrays { path: path.as_ref().into() })
}

/// Walks through one array of a file, whatever its format.
fn visit(
    source: &mut Source,
    name: Option<&str>,
    visitor: &mut dyn Visitor,
) -> Result<(), FileError> {
    match source.format()? {
        Format::Npy => npy::visit(source, name, visitor),
        Format::Npz => npz::visit(source, name, visitor),
        Format::Safetensors => safetensors::visit(source, name, visitor),
        #[cfg(feature = "tables")]
        Format::Table(format) => arrow::visit(source, format, name, visitor),
        #[cfg(feature = "zarr")]
        Format::Zarr => zarr::visit(source, name, visitor),
    }
}

/// The array that was asked for, among those there are, or the only one.
fn choose<'a, T>(
    path: &Path,
    requested: Option<&str>,
    available: &'a [T],
    name_of: impl Fn(&T) -> &str,
) -> Result<&'a T, FileError> {
    let names = || available.iter().map(|array| name_of(array).to_owned()).collect();
    match (requested, available) {
        (_, []) => Err(FileError::NoArrays { path: path.into() }),
        (None, [only]) => Ok(only),
        (None, _) => Err(FileError::SeveralLayers { path: path.into(), available: names() }),
        (Some(requested), _) => available
            .iter()
            .find(|array| name_of(array) == requested)
            .ok_or_else(|| FileError::LayerNotFound {
                path: path.into(),
                requested: requested.to_owned(),
                available: names(),
            }),
    }
}

#[cfg(test)]
mod tests;
