//! A layer in one piece.

use std::mem;
use std::ops::ControlFlow;

use ndarray::Array2;

use super::ElementType;
use super::visit::{Batch, VisitedArray, Visitor};

/// A description of one array of a file, without its elements.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LayerInfo {
    /// The array's name: its key in a `.npz` or `.safetensors` file, the file's stem for `.npy`, a
    /// table's column, or its path in a Zarr group.
    pub name: String,
    /// Length of each axis.
    pub shape: Vec<usize>,
    /// Type of its elements, as stored.
    pub element_type: ElementType,
}

impl LayerInfo {
    /// Returns whether [`read_layer`](super::read_layer) can read the array as activations: it has two
    /// or more axes, and its elements are real numbers.
    #[must_use]
    pub fn is_readable(&self) -> bool {
        self.shape.len() >= 2 && !matches!(self.element_type, ElementType::Other(_))
    }
}

/// The activations of one layer, and facts about their storage and conversion.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Layer {
    /// The array's name, as in [`LayerInfo::name`].
    pub name: String,
    /// Activations, `samples × neurons`. The neurons are the last axis of the stored array. The samples
    /// are all other axes together, in row-major order. Arrays keep the memory order that they have in
    /// the file.
    pub activations: Array2<f32>,
    /// Type of the stored elements; never [`ElementType::Other`].
    pub element_type: ElementType,
    /// True if a value was rounded because `f32` cannot hold it exactly. Only `f64` and integers of 32
    /// and 64 bits can be rounded.
    pub rounded: bool,
}

/// A visitor that reads a layer as one batch.
#[derive(Debug, Default)]
pub(super) struct LayerReader {
    array: Option<VisitedArray>,
    activations: Option<Array2<f32>>,
    rounded: bool,
}

impl LayerReader {
    /// Returns the layer, if a walk has found one.
    pub(super) fn finish(self) -> Option<Layer> {
        let VisitedArray { name, element_type, samples, neurons } = self.array?;
        let none = || Array2::zeros((samples.unwrap_or(0), neurons));
        let activations = self.activations.unwrap_or_else(none);
        Some(Layer { name, activations, element_type, rounded: self.rounded })
    }
}

impl Visitor for LayerReader {
    fn begin(&mut self, array: &VisitedArray) -> ControlFlow<(), usize> {
        self.array = Some(array.clone());
        ControlFlow::Continue(usize::MAX)
    }

    fn batch(&mut self, batch: &mut Batch) -> ControlFlow<()> {
        self.rounded |= batch.rounded;
        self.activations = Some(mem::take(&mut batch.activations));
        ControlFlow::Continue(())
    }
}
