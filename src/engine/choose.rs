//! The choice of an engine: the one a caller asks for, and the one that is opened.

#[cfg(feature = "gpu")]
use crate::device::Gpu;
use crate::error::Error;

/// The engine that computes a job.
///
/// All engines return the same bits.
///
/// # Examples
///
/// ```
/// use cofire::{Analysis, Engine};
///
/// let on_cpu = Analysis::new(10).engine(Engine::Cpu);
/// let on_any_gpu = Analysis::new(10).engine(Engine::best_gpu());
/// let on_this_gpu = Analysis::new(10).engine(Engine::gpu_named("llvmpipe"));
/// ```
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum Engine {
    /// A real GPU if there is one and the job gains from it, else the CPU.
    ///
    /// Jobs that count joint histograms gain. Those of nearest neighbours do not: the CPU compares
    /// a sample with its neighbourhood only, a device with all other samples. Software adapters
    /// (lavapipe, llvmpipe, SwiftShader, WARP) are never chosen: the CPU engine is faster on the
    /// same cores.
    #[default]
    Auto,
    /// Native code on all cores.
    Cpu,
    /// A GPU, whether the job gains from it or not. A missing adapter is an error.
    Gpu(Adapter),
}

/// The GPU adapter of a job.
///
/// Each job opens [`Adapter::Best`] and [`Adapter::Named`] anew, and a cancelled one waits until the
/// device has finished its current work. [`Adapter::Opened`] avoids both.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Adapter {
    /// The best adapter; a software one if there is no other.
    Best,
    /// The best adapter whose label, such as `Vulkan/llvmpipe (LLVM 15.0.6, 256 bits)`, contains
    /// this text in any case.
    Named(String),
    /// An opened device: from [`Gpu::open`](crate::gpu::Gpu::open), or the caller's own.
    #[cfg(feature = "gpu")]
    Opened(Gpu),
}

impl Engine {
    /// Returns the engine [`Adapter::Best`].
    #[must_use]
    pub fn best_gpu() -> Self {
        Self::Gpu(Adapter::Best)
    }

    /// Returns the engine [`Adapter::Named`].
    #[must_use]
    pub fn gpu_named(name: impl Into<String>) -> Self {
        Self::Gpu(Adapter::Named(name.into()))
    }
}

#[cfg(feature = "gpu")]
impl From<Gpu> for Engine {
    /// Returns the engine [`Adapter::Opened`].
    fn from(gpu: Gpu) -> Self {
        Self::Gpu(Adapter::Opened(gpu))
    }
}

/// The gain of a kind of job from a real GPU, compared with the CPU of the same machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum GpuGain {
    Faster,
    Slower,
}

/// An engine that was found and opened.
#[derive(Debug)]
pub(crate) enum Chosen {
    Cpu,
    #[cfg(feature = "gpu")]
    Gpu(Gpu),
}

/// Finds and opens the engine that was asked for. A job may take `device_memory` bytes of a device.
pub(crate) async fn choose(
    engine: &Engine,
    gain: GpuGain,
    device_memory: Option<u64>,
) -> Result<Chosen, Error> {
    let chosen = match engine {
        Engine::Cpu => Chosen::Cpu,
        Engine::Auto if gain == GpuGain::Slower => Chosen::Cpu,
        Engine::Auto => first_real(device_memory).await,
        Engine::Gpu(adapter) => open(adapter, device_memory).await?,
    };
    match &chosen {
        Chosen::Cpu => log::debug!("engine: cpu, {} threads", rayon::current_num_threads()),
        #[cfg(feature = "gpu")]
        Chosen::Gpu(gpu) => log::debug!("engine: gpu, adapter {}", gpu.adapter()),
    }
    Ok(chosen)
}

#[cfg(feature = "gpu")]
async fn first_real(device_memory: Option<u64>) -> Chosen {
    match Gpu::first_real().await {
        Some(gpu) => Chosen::Gpu(gpu.with_memory_limit(device_memory)),
        None => Chosen::Cpu,
    }
}

#[cfg(feature = "gpu")]
async fn open(adapter: &Adapter, device_memory: Option<u64>) -> Result<Chosen, Error> {
    let gpu = match adapter {
        Adapter::Best => Gpu::open_async(None).await?,
        Adapter::Named(name) => Gpu::open_async(Some(name)).await?,
        Adapter::Opened(gpu) => gpu.clone(),
    };
    Ok(Chosen::Gpu(gpu.with_memory_limit(device_memory)))
}

#[cfg(not(feature = "gpu"))]
async fn first_real(_: Option<u64>) -> Chosen {
    Chosen::Cpu
}

#[cfg(not(feature = "gpu"))]
async fn open(_: &Adapter, _: Option<u64>) -> Result<Chosen, Error> {
    Err(Error::GpuDisabled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn jobs_that_gain_nothing_stay_on_the_cpu() {
        let chosen = pollster::block_on(choose(&Engine::Auto, GpuGain::Slower, None));
        assert!(matches!(chosen, Ok(Chosen::Cpu)), "{chosen:?}");
        let chosen = pollster::block_on(choose(&Engine::Cpu, GpuGain::Faster, None));
        assert!(matches!(chosen, Ok(Chosen::Cpu)), "{chosen:?}");
    }
}
