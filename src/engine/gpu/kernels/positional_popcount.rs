//! The kernel with positional population counts of one-hot words over sorted rows.
//!
//! Shader: `shaders/positional_popcount.wgsl`. CPU twin: `src/engine/cpu/positional_popcount/mod.rs`.

use std::ops::Range;

use super::count_kernel::{CountKernel, Output, Piece};
use super::packed_codes;
use super::sample_lists;
use crate::codes::Codes;
use crate::device::limits::DeviceLimits;
use crate::device::shader::Shader;
use crate::device::shader::to_u32;
use crate::pairs::tile::Tile;

/// The shader's `Params`.
#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    columns: u32,
    first_row: u32,
    first_column: u32,
    is_triangular: u32,
    samples: u32,
    row_stride: u32,
    bins: u32,
    tag: u32,
}

/// The most turns of all loops of an invocation together. Lavapipe silently ends an invocation
/// after 65,535.
const MAX_TURNS: usize = 60_000;

/// One-hot words in a block, as the shader calls it.
const BLOCK_WORDS: usize = 2;

#[derive(Debug)]
pub(crate) struct PositionalPopcount {
    bins: usize,
    /// Bits per code in a word.
    code_bits: usize,
    /// Neurons in a one-hot word.
    slots: usize,
    /// Words of a sample that a workgroup, which is one subgroup, reads. More words would leave too
    /// few workgroups for small tiles and too much data for caches.
    block_words: usize,
}

impl PositionalPopcount {
    pub(crate) fn new(bins: usize, limits: &DeviceLimits) -> Self {
        let (code_bits, slots) = match bins {
            ..=16 => (4, 2),
            17..=32 => (5, 1),
            33.. => (8, 1),
        };
        Self { bins, code_bits, slots, block_words: limits.subgroup_size as usize }
    }

    /// Returns the number of one-hot words per neuron.
    fn bands(&self) -> usize {
        self.bins.div_ceil(32)
    }

    /// Returns the number of neurons in a word of codes.
    fn neurons(&self) -> usize {
        32 / self.code_bits
    }
}

impl CountKernel for PositionalPopcount {
    fn can_sum(&self) -> bool {
        true
    }

    fn max_chunk(&self) -> usize {
        // Leaving a loop counts as a turn. A code takes two turns, and one for every two bins. In
        // each band it takes six more, with the group and the batch that its last samples begin. A
        // whole batch of 128 samples takes 16 turns for its groups and two of its own.
        let code_turns = self.bins * (2 + self.bins.div_ceil(2));
        let band_turns = (MAX_TURNS - code_turns) / self.bands() - 6 * self.bins;
        (band_turns / 18 * 128).min(sample_lists::MAX_SAMPLES)
    }

    fn column_step(&self) -> usize {
        self.block_words * self.neurons()
    }

    fn shader(&self, output: Output) -> Shader {
        Shader {
            name: "positional_popcount",
            workgroup_size: to_u32(self.block_words),
            wgsl: include_str!("../../../../shaders/positional_popcount.wgsl"),
            constants: vec![
                ("CODE_BITS", to_u32(self.code_bits)),
                ("SLOTS", to_u32(self.slots)),
                ("PARTS", to_u32(self.neurons() / (BLOCK_WORDS * self.slots))),
                ("SUMS", u32::from(output == Output::Sums)),
            ],
        }
    }

    fn bytes_per_neuron(&self, chunk: usize) -> usize {
        sample_lists::bytes_per_neuron(chunk, self.bins)
    }

    fn row_data(
        &self,
        codes: &Codes,
        neurons: Range<usize>,
        samples: Range<usize>,
    ) -> Vec<Vec<u32>> {
        vec![sample_lists::build(codes, neurons, samples)]
    }

    fn column_data(
        &self,
        codes: &Codes,
        neurons: Range<usize>,
        samples: Range<usize>,
    ) -> Vec<Vec<u32>> {
        vec![packed_codes::build(codes, neurons, samples, self.code_bits, self.block_words)]
    }

    fn params(&self, tile: &Tile, piece: &Piece, samples: usize, tag: u32) -> Vec<u8> {
        bytemuck::bytes_of(&Params {
            columns: to_u32(tile.columns.len()),
            first_row: to_u32(piece.rows.start),
            first_column: to_u32(piece.columns.start),
            is_triangular: u32::from(tile.is_triangular()),
            samples: to_u32(samples),
            row_stride: to_u32(sample_lists::stride(samples, self.bins)),
            bins: to_u32(self.bins),
            tag,
        })
        .to_vec()
    }

    fn workgroups(&self, piece: &Piece) -> [u32; 3] {
        let blocks = piece.columns.len().div_ceil(self.column_step());
        [to_u32(piece.rows.len()), to_u32(blocks), 1]
    }
}
