//! Compute pipelines, built once for each device and set of constants.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::device::Device;
use super::failure::Failure;
use super::shader::Shader;

/// A shader and its pipeline, as a job uses them.
pub(crate) struct Stage {
    pub(crate) shader: Shader,
    pub(crate) pipeline: wgpu::ComputePipeline,
}

/// The most pipelines to keep. A program that always uses the same few numbers of bins has fewer; one
/// that uses all 255 would keep some hundred MiB of the code of a software adapter.
const MOST_KEPT: usize = 32;

/// The pipelines of one device that were used last.
#[derive(Debug, Default)]
pub(crate) struct Pipelines {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    pipelines: HashMap<Shader, (wgpu::ComputePipeline, u64)>,
    /// How often any was asked for: the time of which each has its last.
    now: u64,
}

impl Kept {
    fn get(&mut self, shader: &Shader) -> Option<wgpu::ComputePipeline> {
        self.now += 1;
        let (pipeline, used) = self.pipelines.get_mut(shader)?;
        *used = self.now;
        Some(pipeline.clone())
    }

    fn insert(&mut self, shader: &Shader, pipeline: wgpu::ComputePipeline) {
        if self.pipelines.len() >= MOST_KEPT {
            let oldest = self.pipelines.iter().min_by_key(|(_, (_, used))| *used);
            if let Some(oldest) = oldest.map(|(shader, _)| shader.clone()) {
                self.pipelines.remove(&oldest);
            }
        }
        self.pipelines.insert(shader.clone(), (pipeline, self.now));
    }
}

impl Pipelines {
    /// The pipeline of a shader, built now if it is not kept.
    pub(crate) async fn get(
        &self,
        device: &Device,
        shader: &Shader,
    ) -> Result<wgpu::ComputePipeline, Failure> {
        let known = self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(shader);
        if let Some(pipeline) = known {
            return Ok(pipeline);
        }
        let pipeline = device.scoped(|| build(&device.raw, shader)).await?;
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.insert(shader, pipeline.clone());
        Ok(pipeline)
    }
}

fn build(device: &wgpu::Device, shader: &Shader) -> wgpu::ComputePipeline {
    let label = format!("cofire.{}", shader.name);
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some(&label),
        source: wgpu::ShaderSource::Wgsl(shader.wgsl.into()),
    });
    let workgroup_size = ("WORKGROUP_SIZE", shader.workgroup_size);
    let constants: Vec<(&str, f64)> = std::iter::once(&workgroup_size)
        .chain(&shader.constants)
        .map(|&(name, value)| (name, f64::from(value)))
        .collect();
    device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: Some(&label),
        layout: None,
        module: &module,
        entry_point: Some("main"),
        compilation_options: wgpu::PipelineCompilationOptions {
            constants: &constants,
            // Kernels zero what they use, in parallel; llvmpipe through OpenGL takes minutes to do
            // it for them.
            zero_initialize_workgroup_memory: false,
        },
        cache: None,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::device::limits::DeviceLimits;
    use crate::device::upload_sum;
    use crate::engine::gpu::kernels::cell_sum;
    use crate::engine::gpu::kernels::{self, Output, Piece};
    use crate::execution::Kernel;
    use crate::pairs::tile::Tile;

    /// Every shader, with the bytes that the host writes as its parameters.
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
            // A default would hide that the host forgot to set it.
            let mut named = module.overrides.iter().filter(|(_, o)| o.name.is_some());
            assert!(named.all(|(_, o)| o.init.is_none()), "{}", shader.name);

            let params = module.types.iter().find(|(_, t)| t.name.as_deref() == Some("Params"));
            let Some((_, naga::Type { inner: naga::TypeInner::Struct { members, span }, .. })) =
                params
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
            // One uniform and at most four storage buffers: what the weakest adapters offer.
            assert!(bindings.len() <= 5, "{}", shader.name);
        }
    }
}
