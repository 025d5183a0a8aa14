//! What the two counting kernels have in common: they add the joint histograms of a tile of pairs,
//! over one chunk of samples, to the counts in memory.

use std::ops::Range;

use super::pipelines::Shader;
use crate::codes::Codes;
use crate::plan::Tile;

/// The host's half of a counting kernel: everything a caller could get wrong.
///
/// Bindings, in this order: parameters, row data, column data, counts.
pub(super) trait CountKernel: Send + Sync {
    /// The shader with its constants.
    fn shader(&self) -> Shader;

    /// Bytes that the largest of its buffers takes for one neuron and a chunk of samples.
    fn bytes_per_neuron(&self, chunk: usize) -> usize;

    /// The contents of the buffers that describe the row neurons.
    fn row_data(
        &self,
        codes: &Codes,
        neurons: Range<usize>,
        samples: Range<usize>,
    ) -> Vec<Vec<u32>>;

    /// The contents of the buffers that describe the column neurons.
    fn column_data(
        &self,
        codes: &Codes,
        neurons: Range<usize>,
        samples: Range<usize>,
    ) -> Vec<Vec<u32>>;

    /// The parameters of a dispatch over some rows of a tile, as the shader's `Params`.
    fn params(&self, tile: &Tile, first_row: usize, samples: usize) -> Vec<u8>;

    /// Workgroups of a dispatch.
    fn workgroups(&self, columns: usize, rows: usize) -> [u32; 3];
}

/// A number that the plan keeps far below 2³² as the `u32` that shaders want.
pub(super) fn to_u32(number: usize) -> u32 {
    debug_assert!(u32::try_from(number).is_ok(), "{number} was planned to fit 32 bits");
    u32::try_from(number).unwrap_or(u32::MAX)
}
