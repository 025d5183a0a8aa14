//! The trait of the counting kernels. A kernel counts the joint histograms of a tile of pairs over
//! one chunk of samples. It adds them to the counts in memory, or sums f(n) over their cells at
//! once if the kernel can sum and the chunk has all samples.

use std::ops::Range;

use crate::codes::Codes;
use crate::device::shader::Shader;
use crate::pairs::tile::Tile;

/// The output of a counting kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Output {
    /// Counts, added to `counts[pair][code of the row's neuron][code of the column's neuron]`.
    Counts,
    /// Sums, written to `sums[pair]` as four words, as `cell_sum` writes them. They need no counts
    /// in memory, and the chunk must have all samples.
    Sums,
}

/// The part of a tile that one dispatch counts, in rows and columns of the tile.
#[derive(Debug, Clone)]
pub(crate) struct Piece {
    pub(crate) rows: Range<usize>,
    /// The columns. They begin at a multiple of the kernel's `column_step`, and end at one or at
    /// the end of the tile.
    pub(crate) columns: Range<usize>,
}

/// The host's half of a counting kernel, with everything that a caller could get wrong.
///
/// The bindings are, in this order: parameters, row data, column data, the table of f(n) if the
/// kernel can sum, and counts or sums.
pub(crate) trait CountKernel: Send + Sync {
    /// Returns the shader with its constants.
    fn shader(&self, output: Output) -> Shader;

    /// Returns whether the kernel can write [`Output::Sums`]. If it can, it has a binding for the
    /// table.
    fn can_sum(&self) -> bool;

    /// Returns the most samples that can be counted at once.
    fn max_chunk(&self) -> usize;

    /// Returns the step of columns: the first column of a piece must be a multiple of it.
    fn column_step(&self) -> usize;

    /// Returns the bytes for one neuron and a chunk of samples in the largest of the kernel's
    /// buffers.
    fn bytes_per_neuron(&self, chunk: usize) -> usize;

    /// Returns the contents of the buffers that describe the row neurons.
    fn row_data(
        &self,
        codes: &Codes,
        neurons: Range<usize>,
        samples: Range<usize>,
    ) -> Vec<Vec<u32>>;

    /// Returns the contents of the buffers that describe the column neurons.
    fn column_data(
        &self,
        codes: &Codes,
        neurons: Range<usize>,
        samples: Range<usize>,
    ) -> Vec<Vec<u32>>;

    /// Returns the parameters of a dispatch, in the layout of the shader's `Params`. `tag` is
    /// written beside sums.
    fn params(&self, tile: &Tile, piece: &Piece, samples: usize, tag: u32) -> Vec<u8>;

    /// Returns the number of workgroups of a dispatch.
    fn workgroups(&self, piece: &Piece) -> [u32; 3];
}
