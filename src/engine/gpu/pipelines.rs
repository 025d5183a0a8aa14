//! Compute pipelines, built once for each device and set of constants.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::failure::{Failure, scoped};

/// Invocations in a workgroup of every kernel: at least one subgroup on any hardware, and few
/// enough for every adapter.
pub(super) const WORKGROUP_SIZE: u32 = 64;

/// A shader and the values of its `override` constants.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Shader {
    /// The kernel's name; what debuggers show, behind `cofire.`.
    pub(super) name: &'static str,
    pub(super) wgsl: &'static str,
    /// Every `override` but `WORKGROUP_SIZE`, which all shaders have.
    pub(super) constants: Vec<(&'static str, u32)>,
}

/// The pipelines of one device.
#[derive(Debug, Default)]
pub(super) struct Pipelines {
    built: Mutex<HashMap<Shader, wgpu::ComputePipeline>>,
}

impl Pipelines {
    /// The pipeline of a shader, built now if it was not before.
    pub(super) async fn get(
        &self,
        device: &wgpu::Device,
        shader: &Shader,
    ) -> Result<wgpu::ComputePipeline, Failure> {
        let known = self.built.lock().unwrap_or_else(PoisonError::into_inner).get(shader).cloned();
        if let Some(pipeline) = known {
            return Ok(pipeline);
        }
        let pipeline = scoped(device, || build(device, shader)).await?;
        let mut built = self.built.lock().unwrap_or_else(PoisonError::into_inner);
        built.insert(shader.clone(), pipeline.clone());
        Ok(pipeline)
    }
}

fn build(device: &wgpu::Device, shader: &Shader) -> wgpu::ComputePipeline {
    let label = format!("cofire.{}", shader.name);
    let module = device.create_shader_module(wgpu::ShaderModuleDescriptor {
        label: Some(&label),
        source: wgpu::ShaderSource::Wgsl(shader.wgsl.into()),
    });
    let workgroup_size = ("WORKGROUP_SIZE", WORKGROUP_SIZE);
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
