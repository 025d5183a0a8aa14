//! Zarr stores, of version 2 or 3: a directory that is an array in chunks, or a group of such arrays.
//!
//! `zarrs` reads the metadata and decompresses chunks. This module decides how much of an array is
//! decompressed at a time (`slabs.rs`), and limits what a store may claim (`claims.rs`).

mod claims;
mod slabs;

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use walkdir::WalkDir;
use zarrs::array::{Array, ArrayMetadata};
use zarrs::filesystem::FilesystemStore;
use zarrs::metadata::v2::DataTypeMetadataV2;
use zarrs::node::{Node, NodeMetadata};

use super::array::Description;
use super::batches::compare_names;
use super::element::ByteOrder;
use super::expansion::check_expansion;
use super::guard::guarded;
use super::source::{Source, check_regular};
use super::visit::Visitor;
use super::{ElementType, FileError, LayerInfo, Place, choose, npy};

use slabs::Slabs;

/// The largest metadata file that is read, in bytes. A group may have the metadata of all its arrays in
/// one file.
const MAX_METADATA_BYTES: u64 = 16 << 20;

/// Names of metadata files, which are read whole.
const METADATA: [&str; 4] = ["zarr.json", ".zarray", ".zgroup", ".zattrs"];

/// The largest depth of nested directories in a store: `zarrs` recurses into each of them.
const MAX_DEPTH: usize = 64;

pub(super) fn layers(source: &mut Source) -> Result<Vec<LayerInfo>, FileError> {
    let store = Store::open(source)?;
    let infos = store.arrays.iter().map(|array| {
        let place = Place::layer(&source.path, &array.name);
        Ok(array.describe(place)?.info(&array.name))
    });
    infos.collect()
}

pub(super) fn visit(
    source: &mut Source,
    name: Option<&str>,
    visitor: &mut dyn Visitor,
) -> Result<(), FileError> {
    let store = Store::open(source)?;
    let stored = choose(&source.path, name, &store.arrays, |array| &array.name)?;
    let place = Place::layer(&source.path, &stored.name);
    let description = stored.describe(place)?;
    let array_size = description.array_size(place)?;
    check_expansion(place, source.len, array_size.bytes)?;
    let array = guarded(place, || {
        Array::new_with_metadata(store.storage.clone(), &stored.node, stored.metadata.clone())
            .map_err(|error| unsupported(place, &error.to_string()))
    })?;
    let mut slabs = Slabs::new(place, source.len, array, &description)?;
    let ControlFlow::Continue(most_samples) =
        visitor.begin(&description.visited(place, array_size))
    else {
        return Ok(());
    };
    slabs.suit(array_size, most_samples);
    description.visit(place, 0..array_size.samples, most_samples, &mut slabs, visitor).map(drop)
}

/// Returns the size of all files in a store together, in bytes. Refuses a store that is unsafe to read:
/// nested too deeply, with something other than regular files, or with too much metadata.
pub(super) fn len(path: &Path) -> Result<u64, FileError> {
    let mut bytes = 0u64;
    for entry in WalkDir::new(path).follow_links(true) {
        let failed =
            |error: walkdir::Error| FileError::Open { path: path.into(), source: error.into() };
        let entry = entry.map_err(failed)?;
        if entry.depth() > MAX_DEPTH {
            let problem = format!("its directories are nested more than {MAX_DEPTH} deep");
            return Err(Place::file(path).damaged(problem));
        }
        if entry.file_type().is_dir() {
            continue;
        }
        let metadata = entry.metadata().map_err(failed)?;
        // Opening a named pipe waits for its writer.
        check_regular(entry.path(), &metadata)?;
        let is_metadata = METADATA.iter().any(|name| entry.file_name() == *name);
        if is_metadata && metadata.len() > MAX_METADATA_BYTES {
            let problem =
                format!("metadata of {} bytes is longer than {MAX_METADATA_BYTES}", metadata.len());
            return Err(Place::file(entry.path()).damaged(problem));
        }
        bytes = bytes.saturating_add(metadata.len());
    }
    Ok(bytes)
}

/// The arrays of a store.
struct Store {
    storage: Arc<FilesystemStore>,
    /// The arrays, sorted by name.
    arrays: Vec<StoredArray>,
}

/// An array of a store, as its metadata describes it.
struct StoredArray {
    /// The path below the group, or the stem of the directory's name if the store is the array.
    name: String,
    /// The path in the store.
    node: String,
    metadata: ArrayMetadata,
}

impl Store {
    fn open(source: &Source) -> Result<Self, FileError> {
        let place = Place::file(&source.path);
        let storage = FilesystemStore::new(&source.path).map(Arc::new);
        let storage = storage.map_err(|error| place.damaged(error.to_string()))?;
        let root = guarded(place, || {
            Node::open(&storage, "/").map_err(|error| place.damaged(error.to_string()))
        })?;
        let mut arrays = Vec::new();
        let mut nodes = vec![&root];
        while let Some(node) = nodes.pop() {
            nodes.extend(node.children());
            if let NodeMetadata::Array(metadata) = node.metadata() {
                let below = node.path().as_str().trim_start_matches('/');
                arrays.push(StoredArray {
                    name: if below.is_empty() { source.stem() } else { below.to_owned() },
                    node: node.path().as_str().to_owned(),
                    metadata: metadata.clone(),
                });
            }
        }
        arrays.sort_by(|a, b| compare_names(&a.name, &b.name));
        Ok(Self { storage, arrays })
    }
}

impl StoredArray {
    fn describe(&self, place: Place<'_>) -> Result<Description, FileError> {
        let (element_type, shape) = match &self.metadata {
            ArrayMetadata::V2(metadata) => {
                let element_type = match &metadata.dtype {
                    DataTypeMetadataV2::Simple(name) => npy::element_type(name).0,
                    DataTypeMetadataV2::Structured(_) => ElementType::Other("structure".to_owned()),
                };
                (element_type, &metadata.shape)
            }
            ArrayMetadata::V3(metadata) => {
                (element_type(metadata.data_type.name()), &metadata.shape)
            }
        };
        let shape: Result<Vec<usize>, _> = shape.iter().map(|&length| length.try_into()).collect();
        Ok(Description {
            element_type,
            // The byte order after decompression, whatever it is in the chunks.
            byte_order: ByteOrder::NATIVE,
            is_fortran_order: false,
            shape: shape.map_err(|_| place.damaged("its shape exceeds the address space"))?,
        })
    }
}

/// Returns the type that version 3 calls `name`.
fn element_type(name: &str) -> ElementType {
    match name {
        "bool" => ElementType::Bool,
        "int8" => ElementType::I8,
        "int16" => ElementType::I16,
        "int32" => ElementType::I32,
        "int64" => ElementType::I64,
        "uint8" => ElementType::U8,
        "uint16" => ElementType::U16,
        "uint32" => ElementType::U32,
        "uint64" => ElementType::U64,
        "float16" => ElementType::F16,
        "bfloat16" => ElementType::Bf16,
        "float32" => ElementType::F32,
        "float64" => ElementType::F64,
        _ => ElementType::Other(name.to_owned()),
    }
}

/// Returns the error for an array that follows the format but is not supported.
fn unsupported(place: Place<'_>, reason: &str) -> FileError {
    let method = format!("its way of storing chunks ({reason})");
    FileError::UnsupportedPacking { path: place.path.into(), place: place.name(), method }
}

#[cfg(test)]
mod tests;
