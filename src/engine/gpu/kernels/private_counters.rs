//! The kernel with private counters in workgroup memory over sorted rows, for any number of bins.
//!
//! Shader: `shaders/private_counters.wgsl`. CPU twin: `src/engine/cpu/private_counters.rs`.

use std::ops::Range;

use super::count_kernel::{CountKernel, Output, Piece};
use super::packed_codes;
use super::sample_lists;
use crate::codes::Codes;
use crate::device::limits::DeviceLimits;
use crate::device::shader::to_u32;
use crate::device::shader::{MAX_WORKGROUP_SIZE, Shader};
use crate::pairs::tile::Tile;

/// Bits per code in a word.
const CODE_BITS: usize = 8;

/// The shader's `Params`.
#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    columns: u32,
    first_row: u32,
    first_column: u32,
    is_triangular: u32,
    words: u32,
    row_stride: u32,
    tag: u32,
}

#[derive(Debug)]
pub(crate) struct PrivateCounters {
    bins: usize,
    /// The number of invocations whose counters fit workgroup memory.
    workgroup_size: u32,
}

impl PrivateCounters {
    pub(crate) fn new(bins: usize, limits: &DeviceLimits) -> Self {
        let invocation_bytes = to_u32(bins.div_ceil(2) * size_of::<u32>());
        let fit = (limits.workgroup_storage_bytes / invocation_bytes).clamp(1, MAX_WORKGROUP_SIZE);
        // A power of two fits subgroups of any size. A workgroup that fills half a subgroup would
        // leave the other half idle.
        let workgroup_size = 1 << fit.ilog2();
        Self { bins, workgroup_size }
    }
}

impl CountKernel for PrivateCounters {
    fn shader(&self, output: Output) -> Shader {
        Shader {
            name: "private_counters",
            wgsl: include_str!("../../../../shaders/private_counters.wgsl"),
            workgroup_size: self.workgroup_size,
            constants: vec![
                ("BINS", to_u32(self.bins)),
                ("SUMS", u32::from(output == Output::Sums)),
            ],
        }
    }

    fn can_sum(&self) -> bool {
        true
    }

    fn max_chunk(&self) -> usize {
        sample_lists::MAX_SAMPLES
    }

    fn column_step(&self) -> usize {
        self.workgroup_size as usize
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
        let block_words = packed_codes::words(neurons.len(), CODE_BITS);
        vec![packed_codes::build(codes, neurons, samples, CODE_BITS, block_words)]
    }

    fn params(&self, tile: &Tile, piece: &Piece, samples: usize, tag: u32) -> Vec<u8> {
        bytemuck::bytes_of(&Params {
            columns: to_u32(tile.columns.len()),
            first_row: to_u32(piece.rows.start),
            first_column: to_u32(piece.columns.start),
            is_triangular: u32::from(tile.is_triangular()),
            words: to_u32(packed_codes::words(tile.columns.len(), CODE_BITS)),
            row_stride: to_u32(sample_lists::stride(samples, self.bins)),
            tag,
        })
        .to_vec()
    }

    fn workgroups(&self, piece: &Piece) -> [u32; 3] {
        let workgroups = piece.columns.len().div_ceil(self.column_step());
        [to_u32(workgroups), to_u32(piece.rows.len()), 1]
    }
}
