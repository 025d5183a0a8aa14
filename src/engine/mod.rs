//! The contract of an engine. `choose.rs` chooses one.
//!
//! An engine takes codes and the table of `f(n)`, and returns for every pair of neurons the exact
//! integer `Σ f(n)` over the cells of the pair's joint histogram, or the histogram itself. It knows
//! nothing of entropy.

mod choose;
pub(crate) mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;

use std::sync::Arc;

use ndarray::Array3;

use crate::codes::Codes;
use crate::error::Error;
use crate::estimator::CellTable;
use crate::execution::{Execution, Kernel, KernelChoice, OnDeviceFailure};
use crate::pairs::tile::Tile;
use crate::support::memory;
use crate::support::monitor::Monitor;
pub use choose::{Adapter, Engine};
pub(crate) use choose::{Chosen, GpuGain, choose};

/// All input of an engine.
#[derive(Debug, Clone)]
pub(crate) struct Job {
    pub(crate) codes: Arc<Codes>,
    pub(crate) table: Arc<CellTable>,
    /// The pairs to count.
    pub(crate) pairs: Tile,
    /// The result to return for each pair.
    pub(crate) goal: Goal,
    /// The requested kernel. Without one, the engine takes its fastest.
    pub(crate) kernel: Option<Kernel>,
    pub(crate) monitor: Arc<Monitor>,
}

/// The result that a job wants of each pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Goal {
    /// Σ f(n) of every pair: one integer, which is quickly read back from a device.
    Sums,
    /// The joint histograms themselves, for results that do not follow from a sum over cells.
    Histograms,
}

/// The results of the pairs of a tile, in their order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Counts {
    /// Σ f(n) of each pair.
    Sums(Vec<u64>),
    /// Joint histograms, one after the other, each `bins × bins`.
    Histograms(Vec<u32>),
}

/// A receiver of the results of tiles, in any order and from any thread.
pub(crate) trait Sink: Send + Sync {
    /// Takes the results of a tile. Called once for every tile.
    fn accept(&self, tile: &Tile, counts: &Counts);
}

/// Runs a job on the chosen engine, and returns the sink that has taken all its tiles.
pub(crate) async fn run<S: Sink + 'static>(
    chosen: &Chosen,
    job: &Job,
    sink: S,
    on_failure: OnDeviceFailure,
) -> Result<(S, Execution), Error> {
    let shared = Arc::new(sink);
    let sink: Arc<dyn Sink> = Arc::<S>::clone(&shared);
    let execution = run_into(chosen, job, &sink, on_failure).await?;
    drop(sink);
    let problem = "an engine has kept the sink of a job that has ended";
    let sink = Arc::into_inner(shared).ok_or(Error::Internal { problem })?;
    Ok((sink, execution))
}

async fn run_into(
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

/// Returns the joint histograms of chosen pairs, `pairs × bins × bins`.
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
