//! Tests of every shader against the host's half that sets its constants, parameters and bindings.

use std::collections::BTreeSet;

use crate::device::limits::DeviceLimits;
use crate::device::shader::Shader;
use crate::device::upload_sum;
use crate::engine::gpu::kernels::count_kernel::{Output, Piece};
use crate::engine::gpu::kernels::{self, cell_sum};
use crate::execution::Kernel;
use crate::pairs::tile::Tile;

/// Returns every shader, with the bytes that the host writes as its parameters.
fn shaders() -> Vec<(Shader, usize)> {
    let limits = DeviceLimits::of(&wgpu::Limits::default(), 32, None);
    let tile = Tile::single(0, 1);
    let piece = Piece { rows: 0..1, columns: 0..1 };
    let of_kernel = |kernel: Kernel| {
        let kernel = kernels::new(kernel, kernel.max_bins(), &limits);
        (kernel.shader(Output::Counts), kernel.params(&tile, &piece, 1, 1).len())
    };
    let cell_sum = (cell_sum::shader(10), cell_sum::params(&tile, 0, 1).len());
    let upload_sum = (upload_sum::shader(), upload_sum::params(1, 0).len());
    let of_neighbors = crate::neighbors::gpu::with_params();
    let sums = [cell_sum, upload_sum];
    Kernel::ALL.into_iter().map(of_kernel).chain(sums).chain(of_neighbors).collect()
}

#[test]
fn hosts_and_shaders_agree_on_constants_and_parameters() {
    for (shader, params_bytes) in shaders() {
        let module = naga::front::wgsl::parse_str(shader.wgsl).unwrap();
        let declared: BTreeSet<&str> =
            module.overrides.iter().filter_map(|(_, o)| o.name.as_deref()).collect();
        let set: BTreeSet<&str> = std::iter::once("WORKGROUP_SIZE")
            .chain(shader.constants.iter().map(|(name, _)| *name))
            .collect();
        assert_eq!(declared, set, "{}", shader.name);
        // A default would hide a constant that the host forgot to set.
        let mut named = module.overrides.iter().filter(|(_, o)| o.name.is_some());
        assert!(named.all(|(_, o)| o.init.is_none()), "{}", shader.name);

        let params = module.types.iter().find(|(_, t)| t.name.as_deref() == Some("Params"));
        let Some((_, naga::Type { inner: naga::TypeInner::Struct { members, span }, .. })) = params
        else {
            panic!("{} has no struct Params", shader.name)
        };
        assert_eq!(*span as usize, params_bytes, "{}", shader.name);
        assert_eq!(members.len() * size_of::<u32>(), params_bytes, "{}", shader.name);
    }
}

#[test]
fn bindings_are_numbered_from_zero_and_few() {
    for (shader, _) in shaders() {
        let module = naga::front::wgsl::parse_str(shader.wgsl).unwrap();
        let mut bindings: Vec<u32> = module
            .global_variables
            .iter()
            .filter_map(|(_, v)| v.binding.as_ref().map(|b| b.binding))
            .collect();
        bindings.sort_unstable();
        let expected: Vec<u32> = (0..).take(bindings.len()).collect();
        assert_eq!(bindings, expected, "{}", shader.name);
        // One uniform and at most four storage buffers, which the weakest adapters offer.
        assert!(bindings.len() <= 5, "{}", shader.name);
    }
}
