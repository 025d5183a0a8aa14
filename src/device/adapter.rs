//! The adapters of this machine: finding, describing and checking them.

use crate::error::Error;
use crate::execution::AdapterDescription;

/// An adapter of this machine.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct FoundAdapter {
    /// The driver's description. It displays as the label by which to ask for the adapter.
    pub description: AdapterDescription,
    /// One of `discrete`, `integrated`, `virtual`, `software` and `other`.
    pub kind: &'static str,
    /// The limits that matter to cofire.
    pub limits: AdapterLimits,
    /// The reason why cofire cannot use the adapter, if there is one.
    pub unusable: Option<String>,
    /// True for the adapter that [`crate::Engine::Auto`] would choose.
    pub is_auto_choice: bool,
}

/// The limits that an adapter offers. A device that cofire opens gets at most WebGPU's defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct AdapterLimits {
    /// The largest buffer that a kernel can bind, in bytes.
    pub storage_binding_bytes: u64,
    /// The workgroup memory, in bytes.
    pub workgroup_storage_bytes: u32,
    /// The most invocations in a workgroup.
    pub workgroup_invocations: u32,
    /// The most workgroups in one dimension of a dispatch.
    pub workgroups_per_dimension: u32,
}

/// Returns every adapter of this machine, the best one first.
///
/// Set the environment variable `WGPU_BACKEND` (`vulkan`, `metal`, `dx12`, `gl`) to search only
/// some interfaces.
#[must_use]
pub fn adapters() -> Vec<FoundAdapter> {
    pollster::block_on(adapters_async())
}

/// Returns [`adapters`] asynchronously, for callers that have an executor or run in a browser.
pub async fn adapters_async() -> Vec<FoundAdapter> {
    let mut auto_is_free = true;
    let adapters = ranked_adapters(wgpu::Backends::all()).await.into_iter().map(|adapter| {
        let info = adapter.get_info();
        let description = describe(&info);
        let limits = adapter.limits();
        let unusable = check_limits(&description, &limits).err().map(|error| error.to_string());
        let is_auto_choice = auto_is_free && unusable.is_none() && !description.is_software;
        auto_is_free &= !is_auto_choice;
        FoundAdapter {
            kind: kind(info.device_type, description.is_software),
            limits: AdapterLimits {
                storage_binding_bytes: limits.max_storage_buffer_binding_size,
                workgroup_storage_bytes: limits.max_compute_workgroup_storage_size,
                workgroup_invocations: limits.max_compute_invocations_per_workgroup,
                workgroups_per_dimension: limits.max_compute_workgroups_per_dimension,
            },
            description,
            unusable,
            is_auto_choice,
        }
    });
    adapters.collect()
}

/// The backends in the order in which they are searched. OpenGL comes last: on a machine without a
/// desktop its loader writes complaints to the terminal, and it mostly shows the hardware that
/// Vulkan has shown.
pub(crate) const BACKENDS_IN_TURN: [wgpu::Backends; 2] =
    [wgpu::Backends::PRIMARY, wgpu::Backends::SECONDARY];

/// Returns the adapters of some backends, the best one first. The environment can rule backends
/// out.
pub(crate) async fn ranked_adapters(backends: wgpu::Backends) -> Vec<wgpu::Adapter> {
    let mut descriptor = wgpu::InstanceDescriptor::new_without_display_handle_from_env();
    let backends = descriptor.backends & backends;
    if backends.is_empty() {
        return Vec::new();
    }
    descriptor.backends = backends;
    let mut adapters = wgpu::Instance::new(descriptor).enumerate_adapters(backends).await;
    adapters.sort_by_key(|adapter| rank(&adapter.get_info()));
    adapters
}

/// Returns the rank of an adapter. A lower rank is better.
fn rank(info: &wgpu::AdapterInfo) -> (bool, u8, bool) {
    let kind = match info.device_type {
        wgpu::DeviceType::DiscreteGpu => 0,
        wgpu::DeviceType::IntegratedGpu => 1,
        wgpu::DeviceType::VirtualGpu => 2,
        wgpu::DeviceType::Other => 3,
        wgpu::DeviceType::Cpu => 4,
    };
    (is_software(info), kind, info.backend == wgpu::Backend::Gl)
}

pub(crate) fn is_software(info: &wgpu::AdapterInfo) -> bool {
    // OpenGL reports software rasterizers as "other", and Windows reports WARP as integrated.
    const NAMES: [&str; 5] =
        ["llvmpipe", "lavapipe", "swiftshader", "softpipe", "microsoft basic render"];
    let name = info.name.to_lowercase();
    info.device_type == wgpu::DeviceType::Cpu || NAMES.iter().any(|known| name.contains(known))
}

fn kind(device_type: wgpu::DeviceType, is_software: bool) -> &'static str {
    match device_type {
        _ if is_software => "software",
        wgpu::DeviceType::DiscreteGpu => "discrete",
        wgpu::DeviceType::IntegratedGpu => "integrated",
        wgpu::DeviceType::VirtualGpu => "virtual",
        wgpu::DeviceType::Cpu => "software",
        wgpu::DeviceType::Other => "other",
    }
}

pub(crate) fn describe(info: &wgpu::AdapterInfo) -> AdapterDescription {
    AdapterDescription {
        name: info.name.clone(),
        backend: format!("{:?}", info.backend),
        driver: format!("{} {}", info.driver, info.driver_info).trim().to_owned(),
        is_software: is_software(info),
    }
}

/// Checks the limits below which no kernel works. The planner adapts to all others.
pub(crate) fn check_limits(
    adapter: &AdapterDescription,
    limits: &wgpu::Limits,
) -> Result<(), Error> {
    let needs = [
        ("max_storage_buffers_per_shader_stage", 4, limits.max_storage_buffers_per_shader_stage),
        (
            "max_compute_invocations_per_workgroup",
            super::shader::MAX_WORKGROUP_SIZE,
            limits.max_compute_invocations_per_workgroup,
        ),
        (
            "max_compute_workgroup_size_x",
            super::shader::MAX_WORKGROUP_SIZE,
            limits.max_compute_workgroup_size_x,
        ),
        ("max_compute_workgroup_storage_size", 8192, limits.max_compute_workgroup_storage_size),
        ("max_compute_workgroups_per_dimension", 1024, limits.max_compute_workgroups_per_dimension),
    ];
    for (limit, needed, available) in needs {
        if available < needed {
            let (needed, available) = (u64::from(needed), u64::from(available));
            return Err(Error::AdapterTooSmall {
                adapter: adapter.to_string(),
                limit,
                needed,
                available,
            });
        }
    }
    let (needed, available) = (1 << 24, limits.max_storage_buffer_binding_size);
    if available < needed {
        let limit = "max_storage_buffer_binding_size";
        return Err(Error::AdapterTooSmall {
            adapter: adapter.to_string(),
            limit,
            needed,
            available,
        });
    }
    Ok(())
}
