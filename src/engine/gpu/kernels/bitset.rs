//! The kernel with sets of bits and population counts, for two bins.
//!
//! Shader: `shaders/bitset.wgsl`. CPU twin: `src/engine/cpu/bitset.rs`.

use std::ops::Range;

use rayon::prelude::*;

use super::count_kernel::{CountKernel, Output, Piece};
use crate::codes::Codes;
use crate::device::shader::Shader;
use crate::device::shader::to_u32;
use crate::pairs::tile::Tile;

/// Samples in a word.
const SAMPLES_A_WORD: usize = 32;

/// The most samples in a dispatch. No invocation then loops more than 8,192 times.
const SAMPLES_PER_CHUNK: usize = 1 << 18;

/// Rows, and columns, per invocation.
const BLOCK: usize = 4;

/// Invocations that share rows. On most hardware they are one subgroup.
const WORKGROUP_SIZE: u32 = 32;

/// The shader's `Params`.
#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    columns: u32,
    first_row: u32,
    end_row: u32,
    first_column: u32,
    is_triangular: u32,
    samples: u32,
    rows: u32,
    tag: u32,
}

#[derive(Debug)]
pub(crate) struct Bitset;

impl Bitset {
    /// Packs the sets of bits of some neurons, `[word][neuron]`, with room for `stride` neurons.
    fn data(
        codes: &Codes,
        neurons: Range<usize>,
        samples: Range<usize>,
        stride: usize,
    ) -> Vec<Vec<u32>> {
        let mut words = vec![0u32; samples.len().div_ceil(SAMPLES_A_WORD) * stride];
        words.par_chunks_exact_mut(stride).enumerate().for_each(|(word, sets)| {
            let begin = samples.start + word * SAMPLES_A_WORD;
            let end = samples.end.min(begin + SAMPLES_A_WORD);
            for (set, neuron) in sets.iter_mut().zip(neurons.clone()) {
                for (bit, &code) in codes.neuron(neuron)[begin..end].iter().enumerate() {
                    *set |= u32::from(code) << bit;
                }
            }
        });
        vec![words]
    }
}

impl CountKernel for Bitset {
    fn shader(&self, output: Output) -> Shader {
        Shader {
            name: "bitset",
            wgsl: include_str!("../../../../shaders/bitset.wgsl"),
            workgroup_size: WORKGROUP_SIZE,
            constants: vec![("SUMS", u32::from(output == Output::Sums))],
        }
    }

    fn can_sum(&self) -> bool {
        true
    }

    fn max_chunk(&self) -> usize {
        SAMPLES_PER_CHUNK
    }

    fn column_step(&self) -> usize {
        BLOCK * WORKGROUP_SIZE as usize
    }

    fn bytes_per_neuron(&self, chunk: usize) -> usize {
        // Even a single column takes a whole block.
        BLOCK * chunk.div_ceil(SAMPLES_A_WORD) * size_of::<u32>()
    }

    fn row_data(
        &self,
        codes: &Codes,
        neurons: Range<usize>,
        samples: Range<usize>,
    ) -> Vec<Vec<u32>> {
        let stride = neurons.len();
        Self::data(codes, neurons, samples, stride)
    }

    fn column_data(
        &self,
        codes: &Codes,
        neurons: Range<usize>,
        samples: Range<usize>,
    ) -> Vec<Vec<u32>> {
        let stride = neurons.len().next_multiple_of(BLOCK);
        Self::data(codes, neurons, samples, stride)
    }

    fn params(&self, tile: &Tile, piece: &Piece, samples: usize, tag: u32) -> Vec<u8> {
        bytemuck::bytes_of(&Params {
            columns: to_u32(tile.columns.len()),
            first_row: to_u32(piece.rows.start),
            end_row: to_u32(piece.rows.end),
            first_column: to_u32(piece.columns.start),
            is_triangular: u32::from(tile.is_triangular()),
            samples: to_u32(samples),
            rows: to_u32(tile.rows.len()),
            tag,
        })
        .to_vec()
    }

    fn workgroups(&self, piece: &Piece) -> [u32; 3] {
        let columns = piece.columns.len().div_ceil(self.column_step());
        [to_u32(columns), to_u32(piece.rows.len().div_ceil(BLOCK)), 1]
    }
}
