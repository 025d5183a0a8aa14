//! Positional population count of one-hot words over sorted rows, for up to 32 bins.
//!
//! Shader: `shaders/positional_popcount.wgsl`. CPU twin: `src/engine/cpu/positional_popcount/mod.rs`.

use std::ops::Range;

use rayon::prelude::*;

use super::count_kernel::{CountKernel, to_u32};
use super::pipelines::{Shader, WORKGROUP_SIZE};
use crate::codes::Codes;
use crate::plan::Tile;
use crate::sorted_rows::SortedRows;

/// Samples that the shader adds in one tree of carry-save adders.
const GROUP: usize = 8;

/// The shader's `Params`.
#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    columns: u32,
    first_row: u32,
    is_triangular: u32,
    words: u32,
    row_stride: u32,
}

#[derive(Debug)]
pub(super) struct PositionalPopcount {
    bins: usize,
    /// Neurons in a word of 32 bits.
    neurons: usize,
}

impl PositionalPopcount {
    pub(super) fn new(bins: usize) -> Self {
        Self { bins, neurons: if bins <= 16 { 2 } else { 1 } }
    }

    /// Entries of a row neuron: its samples, and what fills each code's list up to whole groups.
    fn row_stride(&self, samples: usize) -> usize {
        samples + self.bins * (GROUP - 1)
    }

    fn words(&self, columns: usize) -> usize {
        columns.div_ceil(self.neurons)
    }
}

impl CountKernel for PositionalPopcount {
    fn shader(&self) -> Shader {
        Shader {
            name: "positional_popcount",
            wgsl: include_str!("../../../shaders/positional_popcount.wgsl"),
            constants: vec![("BINS", to_u32(self.bins)), ("NEURONS", to_u32(self.neurons))],
        }
    }

    fn bytes_per_neuron(&self, chunk: usize) -> usize {
        self.row_stride(chunk).max(chunk + 1) * size_of::<u32>()
    }

    /// Sample numbers in order of code, and where each code's begin.
    fn row_data(
        &self,
        codes: &Codes,
        neurons: Range<usize>,
        samples: Range<usize>,
    ) -> Vec<Vec<u32>> {
        let zero_sample = to_u32(samples.len());
        let stride = self.row_stride(samples.len());
        let mut order = vec![zero_sample; neurons.len() * stride];
        let mut starts = vec![0u32; neurons.len() * (self.bins + 1)];
        order
            .par_chunks_exact_mut(stride)
            .zip(starts.par_chunks_exact_mut(self.bins + 1))
            .zip(neurons)
            .for_each(|((order, starts), neuron)| {
                let codes = &codes.neuron(neuron)[samples.clone()];
                let sorted = SortedRows::new(codes, self.bins, codes.len());
                let mut start = 0;
                for code in 0..self.bins {
                    let row = sorted.row(0, code);
                    for (entry, &sample) in order[start..].iter_mut().zip(row) {
                        *entry = u32::from(sample);
                    }
                    start += row.len().next_multiple_of(GROUP);
                    starts[code + 1] = to_u32(start);
                }
            });
        vec![order, starts]
    }

    /// One-hot words, sample by sample, and the zero sample.
    fn column_data(
        &self,
        codes: &Codes,
        neurons: Range<usize>,
        samples: Range<usize>,
    ) -> Vec<Vec<u32>> {
        let stride = self.words(neurons.len());
        let mut words = vec![0u32; (samples.len() + 1) * stride];
        let word_bits = 32 / self.neurons;
        // Blocks of samples, so that the bytes of a neuron are read a cache line at a time.
        const BLOCK: usize = 256;
        words[..samples.len() * stride].par_chunks_mut(BLOCK * stride).enumerate().for_each(
            |(block, words)| {
                let first = samples.start + block * BLOCK;
                for (column, neuron) in neurons.clone().enumerate() {
                    let codes = &codes.neuron(neuron)[first..];
                    let shift = (column % self.neurons) * word_bits;
                    let word = column / self.neurons;
                    for (sample, &code) in words.chunks_exact_mut(stride).zip(codes) {
                        sample[word] |= 1 << (shift + usize::from(code));
                    }
                }
            },
        );
        vec![words]
    }

    fn params(&self, tile: &Tile, first_row: usize, samples: usize) -> Vec<u8> {
        bytemuck::bytes_of(&Params {
            columns: to_u32(tile.columns.len()),
            first_row: to_u32(first_row),
            is_triangular: u32::from(tile.is_triangular()),
            words: to_u32(self.words(tile.columns.len())),
            row_stride: to_u32(self.row_stride(samples)),
        })
        .to_vec()
    }

    fn workgroups(&self, columns: usize, rows: usize) -> [u32; 3] {
        let workgroups = to_u32(self.words(columns)).div_ceil(WORKGROUP_SIZE);
        [workgroups, to_u32(rows), to_u32(self.bins)]
    }
}
