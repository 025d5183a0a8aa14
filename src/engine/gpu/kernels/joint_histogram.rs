//! The plain kernel, for any number of bins: one workgroup per pair, one counter per cell in
//! workgroup memory.
//!
//! Shader: `shaders/joint_histogram.wgsl`. CPU twin: `src/engine/cpu/joint_histogram.rs`.

use std::ops::Range;

use rayon::prelude::*;

use super::count_kernel::{CountKernel, Output, Piece};
use crate::codes::Codes;
use crate::device::limits::DeviceLimits;
use crate::device::shader::Shader;
use crate::device::shader::to_u32;
use crate::pairs::tile::Tile;

/// The most samples in a dispatch. No invocation then loops more than 256 times.
const SAMPLES_PER_CHUNK: usize = 16_384;

/// Invocations that share a pair.
const WORKGROUP_SIZE: u32 = 64;

/// Codes in a word.
const CODES: usize = 4;

/// The shader's `Params`.
#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    columns: u32,
    first_row: u32,
    first_column: u32,
    is_triangular: u32,
    samples: u32,
    stride: u32,
}

#[derive(Debug)]
pub(crate) struct JointHistogram {
    bins: usize,
    /// The number of rows of the histogram that fit workgroup memory.
    band_rows: usize,
}

impl JointHistogram {
    pub(crate) fn new(bins: usize, limits: &DeviceLimits) -> Self {
        let cells = limits.workgroup_storage_bytes as usize / size_of::<u32>();
        Self { bins, band_rows: (cells / bins).clamp(1, bins) }
    }

    fn data(codes: &Codes, neurons: Range<usize>, samples: Range<usize>) -> Vec<Vec<u32>> {
        let stride = samples.len().div_ceil(CODES);
        let mut words = vec![0u32; neurons.len() * stride];
        words.par_chunks_exact_mut(stride).zip(neurons).for_each(|(words, neuron)| {
            let codes = &codes.neuron(neuron)[samples.clone()];
            for (word, codes) in words.iter_mut().zip(codes.chunks(CODES)) {
                for (k, &code) in codes.iter().enumerate() {
                    *word |= u32::from(code) << (8 * k);
                }
            }
        });
        vec![words]
    }
}

impl CountKernel for JointHistogram {
    fn can_sum(&self) -> bool {
        false
    }

    fn max_chunk(&self) -> usize {
        SAMPLES_PER_CHUNK
    }

    fn column_step(&self) -> usize {
        1
    }

    fn shader(&self, _output: Output) -> Shader {
        Shader {
            name: "joint_histogram",
            workgroup_size: WORKGROUP_SIZE,
            wgsl: include_str!("../../../../shaders/joint_histogram.wgsl"),
            constants: vec![("BINS", to_u32(self.bins)), ("BAND_ROWS", to_u32(self.band_rows))],
        }
    }

    fn bytes_per_neuron(&self, chunk: usize) -> usize {
        chunk.div_ceil(CODES) * size_of::<u32>()
    }

    fn row_data(
        &self,
        codes: &Codes,
        neurons: Range<usize>,
        samples: Range<usize>,
    ) -> Vec<Vec<u32>> {
        Self::data(codes, neurons, samples)
    }

    fn column_data(
        &self,
        codes: &Codes,
        neurons: Range<usize>,
        samples: Range<usize>,
    ) -> Vec<Vec<u32>> {
        Self::data(codes, neurons, samples)
    }

    fn params(&self, tile: &Tile, piece: &Piece, samples: usize, _tag: u32) -> Vec<u8> {
        bytemuck::bytes_of(&Params {
            columns: to_u32(tile.columns.len()),
            first_row: to_u32(piece.rows.start),
            first_column: to_u32(piece.columns.start),
            is_triangular: u32::from(tile.is_triangular()),
            samples: to_u32(samples),
            stride: to_u32(samples.div_ceil(CODES)),
        })
        .to_vec()
    }

    fn workgroups(&self, piece: &Piece) -> [u32; 3] {
        let (columns, rows) = (to_u32(piece.columns.len()), to_u32(piece.rows.len()));
        [columns, rows, to_u32(self.bins.div_ceil(self.band_rows))]
    }
}
