//! Reading of layers from files, in one piece or in batches, and writing of results, all files or none.
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
//! | format | feature | layers | name of a layer |
//! | --- | --- | --- | --- |
//! | `.npy` | | one array, in C or Fortran order | the file's stem |
//! | `.npz` | | arrays, stored or deflated | the array's key |
//! | `.safetensors` | | tensors | the tensor's key |
//! | Arrow IPC (stream, file), Parquet | `tables` | columns of lists, or all columns of numbers | see below |
//! | Zarr, versions 2 and 3 | `zarr` | an array, or those of a group | the directory's stem, or the path |
//!
//! In a table, a column of lists is a layer, as Hugging Face datasets store one. Each list of numbers
//! is a sample; of lists of lists, each innermost list is one. All these lists must have the same
//! length, and nothing may be null. If no column has lists of numbers, the columns of numbers are the
//! neurons of one layer, provided that all are of one type. The layer is named after the file's stem.
//!
//! A Zarr store is a directory. A missing chunk of an array holds the fill value, as the format defines
//! it, so lost chunks are not noticed. Chunks may be compressed with Blosc, gzip, zlib or zstd, and may
//! lie in shards. Chunks of many samples and few neurons are slow to read in batches: each is
//! decompressed again for every 64 MiB of samples of all neurons. Choose chunks of few samples and all
//! neurons.
//!
//! # Trust
//!
//! A file's format is recognised by its first bytes, not by its name. Files are not trusted: a size
//! that a header claims is compared with the length of the file before anything is allocated for it.
//! Tables are decoded by the crates `arrow-ipc` and `parquet`, Zarr stores by `zarrs`. The claims of
//! their compressed data are checked first, and chunks that were compressed twice are refused. If one
//! of these crates panics on a file that contradicts itself, an error is returned, but the panic's
//! message goes to the program's panic hook. Memory can be a few times the size that a file may claim,
//! because a value of one byte takes four bytes as an activation.
//!
//! Files are read, never mapped into memory. If another process truncates a mapped file, the reader is
//! ended by a signal, which cannot be returned as an error; and mapping is `unsafe`. Of a
//! `.safetensors` or `.npz` file, only the directory and the requested layer are read.

#![cfg_attr(
    test,
    allow(clippy::cast_possible_truncation, reason = "tests make small numbers in short ways")
)]

mod activations;
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
mod saved;
mod source;
mod visit;
#[cfg(feature = "zarr")]
mod zarr;

use std::path::Path;

pub use activations::Activations;
pub use batches::{FileBatches, expand_path, open_batches};
pub use element::ElementType;
pub use error::{FileError, OneLine};
pub use layer::{Layer, LayerInfo};
pub use matrix::NpyMatrixWriter;
pub use output::{OutputDirectory, OutputFolder};
pub use pairs::{PairsFormat, PairsWriter};
pub use saved::SavedArray;

use layer::LayerReader;
use place::Place;
use source::{Format, Source};
use visit::Visitor;

/// Returns the arrays of a file, in the file's order.
///
/// # Errors
///
/// If the file cannot be opened, is in none of the formats of this build, is damaged, or holds no
/// array. An array that [`read_layer`] would refuse is listed all the same.
///
/// Lists in Arrow and Parquet files are read from beginning to end, unless their type fixes their
/// lengths.
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

/// Reads the activations of one array of a file: the one called `name`, or the only one.
///
/// The file may be `.npy` (C or Fortran order, either byte order), `.npz` (stored or deflated),
/// `.safetensors` and, with the features `tables` and `zarr`, Arrow, Parquet or Zarr. Its elements may
/// be `f16`, `bf16`, `f32`, `f64`, `bool`, or integers of 8 to 64 bits. No number is rounded: `f64` and
/// integers of 32 and 64 bits are read as `f64`, all others as `f32`. Reading takes the memory of the
/// result, four or eight bytes an element, and a small buffer. For an Arrow or Parquet file or a Zarr store it
/// takes up to twice the result, plus a record batch or the chunks that hold some samples.
///
/// An array of a deflated `.npz` that decompresses to more than 64 MiB may be at most 200 times its
/// compressed size, so that a small file cannot fill the memory. The same limit holds for the data of
/// an Arrow or Parquet file and for an array or chunk of a Zarr store, relative to the size of the file
/// or store.
///
/// # Errors
///
/// The errors of [`layers`]. Also if the file has no array of that name, if no name is given and there
/// are several arrays, if the array has fewer than two axes, if its elements are not real numbers, if
/// an integer is beyond 2⁵³ in magnitude, and if the memory cannot be allocated.
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

/// Walks through one array of a file of any format.
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

/// Returns the requested array, or the only one if none was requested.
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
