//! Compute pipelines, built once per device and set of constants.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::failure::Failure;
use super::raw_device::Device;
use super::shader::Shader;

/// A shader and its pipeline.
pub(crate) struct Stage {
    pub(crate) shader: Shader,
    pub(crate) pipeline: wgpu::ComputePipeline,
}

/// The most pipelines to keep. A program that always uses the same few numbers of bins needs fewer.
/// A program that uses all 255 would keep some hundred MiB of code on a software adapter.
const MOST_KEPT: usize = 32;

/// The most recently used pipelines of one device.
#[derive(Debug, Default)]
pub(crate) struct Pipelines {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    pipelines: HashMap<Shader, (wgpu::ComputePipeline, u64)>,
    /// The number of requests so far, which is the time of a pipeline's last use.
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
    /// Returns the pipeline of a shader. The pipeline is built now if it is not kept.
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
            // Kernels zero the memory that they use themselves, in parallel. With this option on,
            // llvmpipe through OpenGL takes minutes for it.
            zero_initialize_workgroup_memory: false,
        },
        cache: None,
    })
}
