//! Nearest neighbours on a device: every sample of a pair is compared with every other one.
//!
//! `kernels.rs` has the host's halves of the shaders, `plan.rs` what fits, `tile_runner.rs` runs a
//! tile. As with joint histograms, every sum says over how many samples it was made, each of them
//! compared with all others; what a device does wrong is done again, smaller, then on the CPU.

mod kernels;
mod plan;
#[cfg(test)]
mod tests;
mod tile_runner;

use std::sync::Arc;

use super::Incidents;
use super::adapter::Gpu;
use super::failure::Failure;
use super::plan::DeviceLimits;
use super::tile_queue::{Run, TileSink};
use crate::Error;
use crate::engine::{Monitor, OnDeviceFailure};
use crate::neighbors::{NeighborExecution, NeighborJob, Sink, cpu};
use crate::plan::Tile;
use crate::report::Remedy;
#[cfg(test)]
pub(super) use kernels::with_params;
use plan::Plan;
use tile_runner::TileRunner;

/// Sums every pair; returns how it was done, and what went wrong on the way.
pub(crate) async fn run(
    gpu: &Gpu,
    job: &Arc<NeighborJob>,
    sink: &Arc<Sink>,
    on_failure: OnDeviceFailure,
) -> Result<NeighborExecution, Error> {
    let mut incidents = Incidents { gpu, on_failure, list: Vec::new() };
    let limits = DeviceLimits::of(gpu.limits(), gpu.device().adapter_info().subgroup_max_size);
    let opened = match Plan::new(job.samples, job.k, job.algorithm, &limits) {
        Ok(plan) => TileRunner::open(gpu, job, plan).await,
        Err(reason) => Err(Failure::Wrong(reason)), // the device itself is as good as before
    };
    let transfer = match opened {
        Ok(mut runner) => {
            Run::new(&mut runner, &Searched { job, sink }).finish(&mut incidents).await?;
            runner.remember_pace();
            Some(runner.transfer())
        }
        Err(failure) => {
            incidents.add(failure, Remedy::RestOnCpu)?;
            cpu::run(job, sink, vec![job.pairs.clone()]).await?;
            None
        }
    };
    let (adapter, incidents) = (Some(gpu.adapter().clone()), incidents.list);
    Ok(NeighborExecution { adapter, transfer, incidents })
}

/// Where the tiles of a job go.
struct Searched<'a> {
    job: &'a Arc<NeighborJob>,
    sink: &'a Arc<Sink>,
}

impl TileSink for Searched<'_> {
    type Found = Vec<u64>;

    fn accept(&self, tile: &Tile, sums: &Vec<u64>) {
        self.sink.accept(self.job, tile, sums);
    }

    async fn count_on_cpu(&self, tiles: Vec<Tile>) -> Result<(), Error> {
        cpu::run(self.job, self.sink, tiles).await
    }

    fn monitor(&self) -> &Monitor {
        &self.job.monitor
    }

    fn samples(&self) -> usize {
        self.job.samples
    }
}
