//! Sum of `f(n)` over the cells of every joint histogram of a tile.
//!
//! Shader: `shaders/cell_sum.wgsl`. CPU twin: [`crate::estimator::CellTable::sum`].

use super::count_kernel::to_u32;
use super::pipelines::Shader;
use crate::engine::PairSum;
use crate::plan::Tile;

/// Invocations that share a pair.
const WORKGROUP_SIZE: u32 = 64;

/// Words that the shader writes for a pair.
pub(super) const WORDS: usize = 4;

/// The shader's `Params`.
#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    columns: u32,
    first_row: u32,
    is_triangular: u32,
    tag: u32,
}

pub(super) fn shader(bins: usize) -> Shader {
    Shader {
        name: "cell_sum",
        workgroup_size: WORKGROUP_SIZE,
        wgsl: include_str!("../../../shaders/cell_sum.wgsl"),
        constants: vec![("BINS", to_u32(bins))],
    }
}

pub(super) fn params(tile: &Tile, first_row: usize, tag: u32) -> Vec<u8> {
    bytemuck::bytes_of(&Params {
        columns: to_u32(tile.columns.len()),
        first_row: to_u32(first_row),
        is_triangular: u32::from(tile.is_triangular()),
        tag,
    })
    .to_vec()
}

pub(super) fn workgroups(columns: usize, rows: usize) -> [u32; 3] {
    [to_u32(columns), to_u32(rows), 1]
}

/// The sums of a tile as the shader wrote them; a pair without this tile's tag was not written and
/// gets no samples, which no check lets pass.
pub(super) fn decode(words: &[u32], tag: u32) -> Vec<PairSum> {
    words
        .chunks_exact(WORDS)
        .map(|word| {
            if word[3] == tag {
                let cells = u64::from(word[0]) | u64::from(word[1]) << 32;
                PairSum { cells, samples: u64::from(word[2]) }
            } else {
                PairSum::default()
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_without_the_tag_do_not_count() {
        let sums = decode(&[1, 2, 3, 7, 1, 2, 3, 6], 7);
        let written = PairSum { cells: (2 << 32) + 1, samples: 3 };
        assert_eq!(sums, [written, PairSum::default()]);
    }
}
