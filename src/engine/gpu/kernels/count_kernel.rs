//! What the counting kernels have in common: they make the joint histograms of a tile of pairs
//! over one chunk of samples, and either add them to the counts in memory or, where a chunk has all
//! samples and the kernel can, sum f(n) over their cells at once.

use std::ops::Range;

use crate::codes::Codes;
use crate::device::shader::Shader;
use crate::pairs::tile::Tile;

/// What a kernel writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Output {
    /// Adds to `counts[pair][code of the row's neuron][code of the column's neuron]`.
    Counts,
    /// Writes `sums[pair]`, four words as `cell_sum` writes them, and needs no counts in memory.
    /// The chunk must have all samples.
    Sums,
}

/// Part of a tile, in rows and columns of the tile, that one dispatch counts.
#[derive(Debug, Clone)]
pub(crate) struct Piece {
    pub(crate) rows: Range<usize>,
    /// Begins at a multiple of the kernel's `column_step` and ends at one or with the tile.
    pub(crate) columns: Range<usize>,
}

/// The host's half of a counting kernel: everything a caller could get wrong.
///
/// Bindings, in this order: parameters, row data, column data, the table of f(n) where the kernel
/// can sum, counts or sums.
pub(crate) trait CountKernel: Send + Sync {
    /// The shader with its constants.
    fn shader(&self, output: Output) -> Shader;

    /// Whether the kernel has [`Output::Sums`], and with it a binding for the table.
    fn can_sum(&self) -> bool;

    /// The most samples that can be counted at once.
    fn max_chunk(&self) -> usize;

    /// What the first column of a piece must be a multiple of.
    fn column_step(&self) -> usize;

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

    /// The parameters of a dispatch, as the shader's `Params`; `tag` is written beside sums.
    fn params(&self, tile: &Tile, piece: &Piece, samples: usize, tag: u32) -> Vec<u8>;

    /// Workgroups of a dispatch.
    fn workgroups(&self, piece: &Piece) -> [u32; 3];
}
