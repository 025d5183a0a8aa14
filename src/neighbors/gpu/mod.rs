//! Nearest neighbours on a device: every sample of a pair is compared with every other one.
//!
//! `kernels.rs` has the host's halves of the shaders, `tiling.rs` the plan of tiles for a device, and
//! `tile_runner.rs` runs tiles. As with joint histograms, every sum has the number of samples in
//! it, and each of these was compared with all others. Work that a device does wrong is repeated in
//! smaller dispatches, then on the CPU.

mod kernels;
mod tile_runner;
mod tiling;

use std::sync::Arc;

use super::job::{NeighborJob, SumCollector};
use super::{NeighborExecution, cpu};
use crate::device::failure::Failure;
use crate::device::incidents::Incidents;
use crate::device::limits::Care;
use crate::device::tile_queue::TileJob;
use crate::device::{Gpu, recovery};
use crate::error::Error;
use crate::execution::{OnDeviceFailure, Transfer};
use crate::pairs::tile::Tile;
use crate::support::monitor::Monitor;
#[cfg(test)]
pub(crate) use kernels::with_params;
use tile_runner::TileRunner;

/// Computes the sum of every pair. Returns how it was done, and the incidents.
pub(crate) async fn run(
    gpu: &Gpu,
    job: &Arc<NeighborJob>,
    collector: &Arc<SumCollector>,
    on_failure: OnDeviceFailure,
) -> Result<NeighborExecution, Error> {
    let (own, collector) = (Arc::clone(job), Arc::clone(collector));
    gpu.run_job(&job.monitor, async move |gpu| search(&gpu, &own, &collector, on_failure).await)
        .await
}

async fn search(
    gpu: &Gpu,
    job: &Arc<NeighborJob>,
    collector: &Arc<SumCollector>,
    on_failure: OnDeviceFailure,
) -> Result<NeighborExecution, Error> {
    let mut incidents = Incidents::new(gpu.adapter(), on_failure);
    let mut searched = Searched { job, collector, transfer: None };
    recovery::run_with_recovery(&mut searched, gpu, vec![job.pairs.clone()], &mut incidents)
        .await?;
    let (adapter, incidents) = (Some(gpu.adapter().clone()), incidents.list);
    Ok(NeighborExecution { adapter, transfer: searched.transfer, incidents })
}

/// A job of nearest neighbours.
struct Searched<'a> {
    job: &'a Arc<NeighborJob>,
    collector: &'a Arc<SumCollector>,
    transfer: Option<Transfer>,
}

impl<'a> TileJob for Searched<'a> {
    type Queue = TileRunner<'a>;

    async fn open(
        &mut self,
        gpu: &Gpu,
        tiles: &[Tile],
        care: Care,
    ) -> Result<TileRunner<'a>, Failure> {
        TileRunner::open(gpu, self.job, tiles, care).await
    }

    fn close(&mut self, runner: TileRunner<'a>) {
        runner.remember_pace();
        let transfer = runner.transfer();
        self.transfer = Some(self.transfer.map_or(transfer, |before| before.and(transfer)));
    }

    fn accept(&self, tile: &Tile, sums: &Vec<u64>) {
        self.collector.accept(tile, sums);
    }

    async fn count_on_cpu(&self, tiles: Vec<Tile>) -> Result<(), Error> {
        cpu::run(self.job, self.collector, tiles).await
    }

    fn monitor(&self) -> &Monitor {
        &self.job.monitor
    }

    fn samples(&self) -> usize {
        self.job.samples
    }
}
