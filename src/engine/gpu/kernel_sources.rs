//! The sources of the kernels, for tools that look at the code that compilers make of them.

use super::kernels::count_kernel::Output;
use super::kernels::{self, cell_sum};
use crate::device::limits::DeviceLimits;
use crate::device::shader::Shader;
use crate::execution::Kernel;

/// A shader and the value of each of its `override` constants.
#[derive(Debug, Clone)]
pub struct KernelSource {
    /// The kernel's name, which is also the name of its files.
    pub name: &'static str,
    /// The text of the shader.
    pub wgsl: &'static str,
    /// Every `override` constant with its name.
    pub constants: Vec<(&'static str, u32)>,
    /// The most samples that the kernel counts at once. `None` for the kernel that sums counts.
    pub max_chunk: Option<usize>,
}

impl KernelSource {
    fn new(shader: Shader, max_chunk: Option<usize>) -> Self {
        let mut constants = shader.constants;
        constants.push(("WORKGROUP_SIZE", shader.workgroup_size));
        Self { name: shader.name, wgsl: shader.wgsl, constants, max_chunk }
    }
}

/// Returns the kernels for a job with `bins` bins, on a device with WebGPU's default limits and
/// subgroups of `subgroup_size`: each counting kernel, once for each output that it can write, and
/// the kernel that sums counts.
#[must_use]
pub fn kernel_sources(bins: usize, subgroup_size: u32) -> Vec<KernelSource> {
    let limits = DeviceLimits::of(&wgpu::Limits::default(), subgroup_size, None);
    let mut sources = Vec::new();
    for kernel in Kernel::ALL.into_iter().filter(|kernel| bins <= kernel.max_bins()) {
        let kernel = kernels::new(kernel, bins, &limits);
        let max_chunk = Some(kernel.max_chunk());
        sources.push(KernelSource::new(kernel.shader(Output::Counts), max_chunk));
        if kernel.can_sum() {
            sources.push(KernelSource::new(kernel.shader(Output::Sums), max_chunk));
        }
    }
    sources.push(KernelSource::new(cell_sum::shader(bins), None));
    sources
}
