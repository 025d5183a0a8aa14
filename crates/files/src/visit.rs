//! The walk through a file: an array is found, then its samples come in batches.
//!
//! Reading a layer, counting its samples and reading it in batches are visitors of the same walk, so
//! that each format is read in one place.

use std::ops::ControlFlow;

use super::activations::{Activations, Elements};
use super::{ElementType, FileError, Place};

/// An array whose activations can be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct VisitedArray {
    pub(super) name: String,
    pub(super) element_type: ElementType,
    /// The number of samples, if it is known without reading the whole array.
    pub(super) samples: Option<usize>,
    pub(super) neurons: usize,
}

/// Samples that follow one another.
#[derive(Debug)]
pub(super) struct Batch {
    /// `samples × neurons`, at least one sample. A visitor may take it and leave another array.
    pub(super) activations: Activations,
}

/// A receiver of an array and its samples. Breaking ends the walk without an error.
pub(super) trait Visitor {
    /// Receives the array, before any batch. Returns the largest number of samples of a batch.
    fn begin(&mut self, array: &VisitedArray) -> ControlFlow<(), usize>;

    /// Receives the next batch of samples.
    fn batch(&mut self, batch: &mut Batch) -> ControlFlow<()>;
}

/// Reserves memory for `elements` more elements: for exactly these, or with room for more.
pub(super) fn reserve(
    place: Place<'_>,
    values: &mut Elements,
    elements: usize,
    is_exact: bool,
) -> Result<(), FileError> {
    if values.try_reserve(elements, is_exact) {
        return Ok(());
    }
    let bytes = (values.len() as u64 + elements as u64) * values.bytes_each() as u64;
    Err(FileError::OutOfMemory { path: place.path.into(), place: place.name(), bytes })
}
