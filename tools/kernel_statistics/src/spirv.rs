//! WGSL to SPIR-V, with the options that wgpu 30 gives naga on a Vulkan device such as RADV's.

use cofire::gpu::KernelSource;
use naga::back::spv;
use naga::proc::{BoundsCheckPolicies, BoundsCheckPolicy};
use naga::valid::{Capabilities, ValidationFlags, Validator};

use crate::error::Error;

/// A kernel as a Vulkan driver gets it.
#[derive(Debug)]
pub(crate) struct Kernel {
    /// The kernel after its `override` constants were set.
    pub(crate) module: naga::Module,
    /// The words of the SPIR-V module.
    pub(crate) words: Vec<u32>,
}

/// Whether a binding is a uniform, in the order of the bindings; others are storage buffers.
pub(crate) fn uniforms(module: &naga::Module) -> Vec<bool> {
    let mut bindings: Vec<(u32, bool)> = module
        .global_variables
        .iter()
        .filter_map(|(_, variable)| {
            let is_uniform = variable.space == naga::AddressSpace::Uniform;
            variable.binding.as_ref().map(|binding| (binding.binding, is_uniform))
        })
        .collect();
    bindings.sort_unstable();
    bindings.into_iter().map(|(_, is_uniform)| is_uniform).collect()
}

/// Compiles a kernel as a pipeline of cofire's does.
pub(crate) fn compile(source: &KernelSource) -> Result<Kernel, Error> {
    let error = |reason: String| Error::Naga { kernel: source.name.to_owned(), reason };
    let module = naga::front::wgsl::parse_str(source.wgsl)
        .map_err(|e| error(e.emit_to_string(source.wgsl)))?;
    let info = Validator::new(ValidationFlags::all(), Capabilities::all())
        .validate(&module)
        .map_err(|e| error(e.emit_to_string(source.wgsl)))?;
    let constants =
        source.constants.iter().map(|&(name, value)| (name.to_owned(), value.into())).collect();
    let entry = (naga::ShaderStage::Compute, "main");
    let (module, info) =
        naga::back::pipeline_constants::process_overrides(&module, &info, Some(entry), &constants)
            .map_err(|e| error(e.to_string()))?;
    let pipeline = spv::PipelineOptions {
        shader_stage: naga::ShaderStage::Compute,
        entry_point: "main".to_owned(),
    };
    let words = spv::write_vec(&module, &info, &options(), Some(&pipeline))
        .map_err(|e| error(e.to_string()))?;
    let module = module.into_owned();
    Ok(Kernel { module, words })
}

/// What wgpu-hal's Vulkan adapter chooses where the device has Vulkan 1.3 and robustBufferAccess2.
fn options() -> spv::Options<'static> {
    spv::Options {
        lang_version: (1, 6),
        flags: spv::WriterFlags::LABEL_VARYINGS | spv::WriterFlags::FORCE_POINT_SIZE,
        // wgpu names those of the device. The kernels want nothing that RADV lacks.
        capabilities: None,
        bounds_check_policies: BoundsCheckPolicies {
            // Arrays in workgroup memory: nothing else checks them.
            index: BoundsCheckPolicy::Restrict,
            // Storage buffers: left to the hardware, see `radv::Device`.
            buffer: BoundsCheckPolicy::Unchecked,
            image_load: BoundsCheckPolicy::Unchecked,
            binding_array: BoundsCheckPolicy::Unchecked,
        },
        // As the pipelines ask.
        zero_initialize_workgroup_memory: spv::ZeroInitializeWorkgroupMemoryMode::None,
        force_loop_bounding: true,
        emit_int_div_checks: true,
        // Bindings keep their numbers.
        fake_missing_bindings: true,
        ..spv::Options::default()
    }
}
