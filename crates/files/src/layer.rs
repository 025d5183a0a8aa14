//! A layer in one piece.

use std::ops::ControlFlow;

use super::ElementType;
use super::activations::{Activations, Elements};
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
    pub activations: Activations,
    /// Type of the stored elements; never [`ElementType::Other`].
    pub element_type: ElementType,
}

/// A visitor that reads a layer as one batch.
#[derive(Debug, Default)]
pub(super) struct LayerReader {
    array: Option<VisitedArray>,
    activations: Option<Activations>,
}

impl LayerReader {
    /// Returns the layer, if a walk has found one.
    pub(super) fn finish(self) -> Option<Layer> {
        let VisitedArray { name, element_type, samples, neurons } = self.array?;
        let activations = match self.activations {
            Some(activations) => activations,
            None => {
                let none = Elements::new(element_type.precision());
                none.arrange((samples.unwrap_or(0), neurons), false)?
            }
        };
        Some(Layer { name, activations, element_type })
    }
}

impl Visitor for LayerReader {
    fn begin(&mut self, array: &VisitedArray) -> ControlFlow<(), usize> {
        self.array = Some(array.clone());
        ControlFlow::Continue(usize::MAX)
    }

    fn batch(&mut self, batch: &mut Batch) -> ControlFlow<()> {
        self.activations = Some(batch.activations.take());
        ControlFlow::Continue(())
    }
}
