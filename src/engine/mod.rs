//! The contract of an engine, and the one place that chooses one.
//!
//! An engine takes codes and the table of `f(n)`, and returns for every pair of neurons the exact
//! integer `Σ f(n)` over the cells of the pair's joint histogram, or the histogram itself. It knows
//! nothing of entropy.

pub(crate) mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;

use std::sync::Arc;

use ndarray::Array3;

use crate::Error;
use crate::codes::Codes;
#[cfg(feature = "gpu")]
use crate::device::Gpu;
use crate::estimator::CellTable;
use crate::execution::{Execution, Kernel, KernelChoice, OnDeviceFailure};
use crate::pairs::tile::Tile;
use crate::support::memory;
use crate::support::monitor::Monitor;

/// Which engine computes a job.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum Engine {
    /// A real GPU where there is one, else the CPU. Software adapters (lavapipe, llvmpipe,
    /// SwiftShader, WARP) are passed over: the CPU engine is faster on the same cores.
    #[default]
    Auto,
    /// Native code on all cores.
    Cpu,
    /// The best GPU adapter, a software one if there is no other. Having none is an error.
    ///
    /// Each job opens it anew, and once it is cancelled waits for what the device has begun.
    AnyGpu,
    /// The best adapter whose label, such as `Vulkan/llvmpipe (LLVM 15.0.6, 256 bits)`, contains
    /// this text in any case. Having none is an error. Each job opens it anew, as with `AnyGpu`.
    NamedGpu(String),
    /// An opened device: from [`crate::Gpu::open`], or the caller's own.
    #[cfg(feature = "gpu")]
    Gpu(Gpu),
}

/// All that an engine is told.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) codes: Arc<Codes>,
    pub(crate) table: Arc<CellTable>,
    /// The pairs to be counted.
    pub(crate) pairs: Tile,
    /// What is wanted of them.
    pub(crate) goal: Goal,
    /// The kernel that was asked for; an engine that was asked for none takes its fastest.
    pub(crate) kernel: Option<Kernel>,
    pub(crate) monitor: Arc<Monitor>,
}

/// What the pairs of a job are counted for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Goal {
    /// Σ f(n) of every pair: one integer, which is little to bring back from a device.
    Sums,
    /// The joint histograms themselves, for what no sum over cells can tell.
    Histograms,
}

/// What an engine found of the pairs of a tile, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Found {
    /// Σ f(n) of each pair.
    Sums(Vec<u64>),
    /// Joint histograms, one after the other, each `bins × bins`.
    Histograms(Vec<u32>),
}

/// Takes what was found of the tiles of a job, in any order and from any thread.
pub(crate) trait Sink: Send + Sync {
    /// Called once for every tile.
    fn accept(&self, tile: &Tile, found: &Found);
}

/// An engine that was found and opened.
#[derive(Debug)]
pub(crate) enum Chosen {
    Cpu,
    #[cfg(feature = "gpu")]
    Gpu(Gpu),
}

/// Finds and opens the engine that was asked for; of a device, a job may have `device_memory` bytes.
pub(crate) async fn choose(engine: &Engine, device_memory: Option<u64>) -> Result<Chosen, Error> {
    let chosen = match engine {
        Engine::Cpu => Chosen::Cpu,
        #[cfg(feature = "gpu")]
        Engine::Auto => match Gpu::first_real().await {
            Some(gpu) => Chosen::Gpu(gpu),
            None => Chosen::Cpu,
        },
        #[cfg(feature = "gpu")]
        Engine::AnyGpu => Chosen::Gpu(Gpu::open_async(None).await?),
        #[cfg(feature = "gpu")]
        Engine::NamedGpu(name) => Chosen::Gpu(Gpu::open_async(Some(name)).await?),
        #[cfg(feature = "gpu")]
        Engine::Gpu(gpu) => Chosen::Gpu(gpu.clone()),
        #[cfg(not(feature = "gpu"))]
        Engine::Auto => Chosen::Cpu,
        #[cfg(not(feature = "gpu"))]
        Engine::AnyGpu | Engine::NamedGpu(_) => return Err(Error::GpuDisabled),
    };
    #[cfg(feature = "gpu")]
    let chosen = match chosen {
        Chosen::Gpu(gpu) => Chosen::Gpu(gpu.with_memory_limit(device_memory)),
        Chosen::Cpu => Chosen::Cpu,
    };
    #[cfg(not(feature = "gpu"))]
    let _ = device_memory; // there is none
    match &chosen {
        Chosen::Cpu => log::debug!("engine: cpu, {} threads", rayon::current_num_threads()),
        #[cfg(feature = "gpu")]
        Chosen::Gpu(gpu) => log::debug!("engine: gpu, adapter {}", gpu.adapter()),
    }
    Ok(chosen)
}

/// Runs a job on the chosen engine. Finished tiles go to `sink`.
pub(crate) async fn run(
    chosen: &Chosen,
    job: &Job,
    sink: &Arc<dyn Sink>,
    on_failure: OnDeviceFailure,
) -> Result<Execution, Error> {
    #[cfg(not(feature = "gpu"))]
    let _ = on_failure; // only a device can fail
    match chosen {
        Chosen::Cpu => {
            cpu::run(job, sink, vec![job.pairs.clone()]).await?;
            Ok(Execution {
                adapter: None,
                kernel: cpu::kernel(job),
                kernel_choice: job.kernel.map_or(KernelChoice::Rule, |_| KernelChoice::Asked),
                transfer: None,
                incidents: Vec::new(),
            })
        }
        #[cfg(feature = "gpu")]
        Chosen::Gpu(gpu) => {
            job.codes.make_bytes()?;
            gpu::run(gpu, job, sink, on_failure).await
        }
    }
}

/// The joint histograms of chosen pairs, `pairs × bins × bins`.
pub(crate) async fn joint_histograms(
    chosen: &Chosen,
    job: &Job,
    pairs: &[(usize, usize)],
    on_failure: OnDeviceFailure,
) -> Result<Array3<u32>, Error> {
    let bins = job.codes.bins();
    let counts = match chosen {
        Chosen::Cpu => {
            let mut counts = memory::zeroed(pairs.len(), bins * bins)?;
            cpu::joint_histograms(&job.codes, pairs, &mut counts);
            counts
        }
        #[cfg(feature = "gpu")]
        Chosen::Gpu(gpu) => gpu::joint_histograms(gpu, job, pairs, on_failure).await?,
    };
    #[cfg(not(feature = "gpu"))]
    let _ = on_failure; // only a device can fail
    let bytes = counts.len() as u64 * 4;
    Array3::from_shape_vec((pairs.len(), bins, bins), counts)
        .map_err(|_| Error::OutOfMemory { bytes })
}
