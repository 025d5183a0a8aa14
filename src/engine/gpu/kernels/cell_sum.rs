//! The kernel that sums `f(n)` over the cells of every joint histogram of a tile.
//!
//! Shader: `shaders/cell_sum.wgsl`. CPU twin: [`crate::estimator::CellTable::sum`].

use crate::device::shader::Shader;
use crate::device::shader::to_u32;
use crate::pairs::tile::Tile;

/// Invocations that share a pair.
const WORKGROUP_SIZE: u32 = 64;

/// The shader's `Params`.
#[repr(C)]
#[derive(Debug, Clone, Copy, bytemuck::Pod, bytemuck::Zeroable)]
struct Params {
    columns: u32,
    first_row: u32,
    is_triangular: u32,
    tag: u32,
}

pub(crate) fn shader(bins: usize) -> Shader {
    Shader {
        name: "cell_sum",
        workgroup_size: WORKGROUP_SIZE,
        wgsl: concat!(
            include_str!("../../../../shaders/cell_sum.wgsl"),
            include_str!("../../../../shaders/shared/wide.wgsl")
        ),
        constants: vec![("BINS", to_u32(bins))],
    }
}

pub(crate) fn params(tile: &Tile, first_row: usize, tag: u32) -> Vec<u8> {
    bytemuck::bytes_of(&Params {
        columns: to_u32(tile.columns.len()),
        first_row: to_u32(first_row),
        is_triangular: u32::from(tile.is_triangular()),
        tag,
    })
    .to_vec()
}

pub(crate) fn workgroups(columns: usize, rows: usize) -> [u32; 3] {
    [to_u32(columns), to_u32(rows), 1]
}
