//! The host's halves of the three shaders: source, constants, parameters and number of workgroups.
//!
//! Shaders: `shaders/nearest_neighbors.wgsl`, `shaders/neighbor_extents.wgsl`,
//! `shaders/neighbor_counts.wgsl`. CPU twin: `src/neighbors/cpu/nearest_neighbors.rs`.

use std::ops::Range;

use crate::device::shader::Shader;
use crate::device::shader::to_u32;
use crate::neighbors::KsgAlgorithm;

/// Invocations in a workgroup. In the first two shaders each has one sample.
pub(crate) const WORKGROUP_SIZE: usize = 64;

/// The number of a pair's samples that a workgroup of `neighbor_counts` sums. Each invocation takes
/// 64 of them, with four searches of at most 32 turns for each, so it takes 8,256 turns in all.
pub(crate) const SUM_SAMPLES: usize = 4096;

/// Returns the words of state for each sample of a pair.
pub(crate) fn state_words(k: usize, algorithm: KsgAlgorithm) -> usize {
    let extents = if algorithm == KsgAlgorithm::Second { 5 } else { 0 };
    1 + 2 * k + extents
}

/// Returns the bytes of workgroup memory for `k` neighbours.
pub(crate) fn workgroup_bytes(k: usize) -> usize {
    k * WORKGROUP_SIZE * size_of::<[u32; 2]>()
}

/// Returns the shader that finds the smallest distances.
pub(crate) fn nearest_neighbors(k: usize, algorithm: KsgAlgorithm) -> Shader {
    let wgsl = concat!(
        include_str!("../../../shaders/nearest_neighbors.wgsl"),
        include_str!("../../../shaders/shared/axis_units.wgsl"),
        include_str!("../../../shaders/shared/wide.wgsl")
    );
    shader("nearest_neighbors", wgsl, k, algorithm)
}

/// Returns the shader that finds how far neighbours extend along each axis, for the second
/// algorithm.
pub(crate) fn neighbor_extents(k: usize) -> Shader {
    let wgsl = concat!(
        include_str!("../../../shaders/neighbor_extents.wgsl"),
        include_str!("../../../shaders/shared/axis_units.wgsl"),
        include_str!("../../../shaders/shared/wide.wgsl")
    );
    shader("neighbor_extents", wgsl, k, KsgAlgorithm::Second)
}

/// Returns the shader that counts the samples that are as near along each axis, and sums the table.
pub(crate) fn neighbor_counts(k: usize, algorithm: KsgAlgorithm) -> Shader {
    let wgsl = concat!(
        include_str!("../../../shaders/neighbor_counts.wgsl"),
        include_str!("../../../shaders/shared/axis_units.wgsl"),
        include_str!("../../../shaders/shared/wide.wgsl")
    );
    let mut shader = shader("neighbor_counts", wgsl, k, algorithm);
    let is_second = u32::from(algorithm == KsgAlgorithm::Second);
    shader.constants.extend([("SAMPLES", to_u32(SUM_SAMPLES)), ("IS_SECOND", is_second)]);
    shader
}

fn shader(name: &'static str, wgsl: &'static str, k: usize, algorithm: KsgAlgorithm) -> Shader {
    let state_words = state_words(k, algorithm);
    let constants = vec![("K", to_u32(k)), ("STATE_WORDS", to_u32(state_words))];
    Shader { name, wgsl, workgroup_size: to_u32(WORKGROUP_SIZE), constants }
}

/// The items of a tile that one dispatch does, one workgroup per item.
#[derive(Debug, Clone)]
pub(crate) struct Items {
    pub(crate) range: Range<usize>,
    /// The number of workgroups in x.
    width: usize,
}

impl Items {
    /// Makes items from `first` on: `most` of them, or as many as fit a dispatch with this limit.
    pub(crate) fn new(first: usize, most: usize, workgroups_per_dimension: u32) -> Self {
        let limit = workgroups_per_dimension as usize;
        let number = most.clamp(1, limit.saturating_mul(limit));
        Self { range: first..first + number, width: number.min(limit) }
    }

    pub(crate) fn workgroups(&self) -> [u32; 3] {
        [to_u32(self.width), to_u32(self.range.len().div_ceil(self.width)), 1]
    }
}

/// Numbers that all items of a tile share.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) pairs: usize,
    pub(crate) samples: usize,
}

/// The `Params` of `nearest_neighbors` and `neighbor_extents`.
#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct SearchParams {
    first_item: u32,
    items: u32,
    width: u32,
    pairs: u32,
    samples: u32,
    first_partner: u32,
    partners: u32,
}

pub(crate) fn search_params(items: &Items, shape: Shape, partners: &Range<usize>) -> Vec<u8> {
    bytemuck::bytes_of(&SearchParams {
        first_item: to_u32(items.range.start),
        items: to_u32(items.range.len()),
        width: to_u32(items.width),
        pairs: to_u32(shape.pairs),
        samples: to_u32(shape.samples),
        first_partner: to_u32(partners.start),
        partners: to_u32(partners.len()),
    })
    .to_vec()
}

/// The `Params` of `neighbor_counts`.
#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct CountParams {
    first_item: u32,
    items: u32,
    width: u32,
    pairs: u32,
    samples: u32,
    tag: u32,
}

pub(crate) fn count_params(items: &Items, shape: Shape, tag: u32) -> Vec<u8> {
    bytemuck::bytes_of(&CountParams {
        first_item: to_u32(items.range.start),
        items: to_u32(items.range.len()),
        width: to_u32(items.width),
        pairs: to_u32(shape.pairs),
        samples: to_u32(shape.samples),
        tag,
    })
    .to_vec()
}

/// Returns every shader with the bytes of its parameters, for the tests of all shaders.
#[cfg(test)]
pub(crate) fn with_params() -> Vec<(Shader, usize)> {
    let items = Items::new(0, 1, 1);
    let shape = Shape { pairs: 1, samples: 2 };
    let search = search_params(&items, shape, &(0..1)).len();
    let count = count_params(&items, shape, 1).len();
    vec![
        (nearest_neighbors(3, KsgAlgorithm::First), search),
        (neighbor_extents(3), search),
        (neighbor_counts(3, KsgAlgorithm::Second), count),
    ]
}
