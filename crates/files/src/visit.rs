//! The walk through a file: an array is found, then its samples come in batches.
//!
//! Reading a layer, counting its samples and reading it in batches are visitors of the same walk, so
//! that each format is read in one place.

use std::ops::ControlFlow;

use ndarray::Array2;

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
    pub(super) activations: Array2<f32>,
    /// True if `f32` could not hold a value exactly.
    pub(super) rounded: bool,
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
    values: &mut Vec<f32>,
    elements: usize,
    is_exact: bool,
) -> Result<(), FileError> {
    let reserved =
        if is_exact { values.try_reserve_exact(elements) } else { values.try_reserve(elements) };
    reserved.map_err(|_| {
        let bytes = (values.len() as u64 + elements as u64) * size_of::<f32>() as u64;
        FileError::OutOfMemory { path: place.path.into(), place: place.name(), bytes }
    })
}
