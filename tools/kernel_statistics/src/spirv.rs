//! Compiles WGSL to SPIR-V with the options that wgpu 30 passes to naga on a Vulkan device such as
//! RADV's.

use cofire::gpu::KernelSource;
use naga::back::spv;
use naga::proc::{BoundsCheckPolicies, BoundsCheckPolicy};
use naga::valid::{Capabilities, ValidationFlags, Validator};

use crate::error::Error;

/// A kernel in the form that a Vulkan driver receives.
#[derive(Debug)]
pub(crate) struct Kernel {
    /// The kernel after its `override` constants were set.
    pub(crate) module: naga::Module,
    /// The words of the SPIR-V module.
    pub(crate) words: Vec<u32>,
}

/// Returns, for each binding in order, whether it is a uniform. The others are storage buffers.
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

/// Compiles a kernel as cofire's pipelines do.
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

/// Returns the options that wgpu-hal's Vulkan adapter chooses for a device with Vulkan 1.3 and
/// robustBufferAccess2.
fn options() -> spv::Options<'static> {
    spv::Options {
        lang_version: (1, 6),
        flags: spv::WriterFlags::LABEL_VARYINGS | spv::WriterFlags::FORCE_POINT_SIZE,
        // wgpu lists the capabilities of the device. The kernels need none that RADV lacks.
        capabilities: None,
        bounds_check_policies: BoundsCheckPolicies {
            // Arrays in workgroup memory. Nothing else checks their indices.
            index: BoundsCheckPolicy::Restrict,
            // Storage buffers. The hardware checks their indices, see `radv::Device`.
            buffer: BoundsCheckPolicy::Unchecked,
            image_load: BoundsCheckPolicy::Unchecked,
            binding_array: BoundsCheckPolicy::Unchecked,
        },
        // The setting of cofire's pipelines.
        zero_initialize_workgroup_memory: spv::ZeroInitializeWorkgroupMemoryMode::None,
        force_loop_bounding: true,
        emit_int_div_checks: true,
        // Bindings keep their numbers.
        fake_missing_bindings: true,
        ..spv::Options::default()
    }
}
