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
use crate::Error;
use crate::engine::OnDeviceFailure;
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
            Run { runner: &mut runner, job, sink, accepted: 0, next: 0 }
                .finish(&mut incidents)
                .await?;
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

/// A job on its way through its tiles, several of which are under way at a time.
struct Run<'a, 'b> {
    runner: &'a mut TileRunner<'b>,
    job: &'a Arc<NeighborJob>,
    sink: &'a Arc<Sink>,
    /// Tiles before this one are in the matrix.
    accepted: usize,
    /// The tile to be enqueued next.
    next: usize,
}

impl Run<'_, '_> {
    async fn finish(mut self, incidents: &mut Incidents<'_>) -> Result<(), Error> {
        while self.accepted < self.runner.tiles().len() {
            let outcome = match self.go_on().await {
                Err(failure @ Failure::Wrong(_)) => self.again(failure, incidents).await?,
                outcome => outcome,
            };
            if let Err(failure) = outcome {
                incidents.add(failure, Remedy::RestOnCpu)?;
                self.job.monitor.set_done(self.work_done());
                let rest = self.runner.tiles()[self.accepted..].to_vec();
                return cpu::run(self.job, self.sink, rest).await;
            }
        }
        Ok(())
    }

    /// Enqueues the next tile, or waits for the last ones, and takes in the sums that arrived.
    async fn go_on(&mut self) -> Result<(), Failure> {
        if self.next < self.runner.tiles().len() {
            self.runner.enqueue(self.next).await?;
            self.next += 1;
        } else {
            self.runner.finish().await?;
        }
        while let Some((tile, sums)) = self.runner.next_sums() {
            self.accept(&tile, &sums?);
        }
        Ok(())
    }

    /// Gives the tile that came back wrong a second chance in smaller dispatches, then to the CPU.
    /// Tiles that were enqueued behind it are enqueued again: what was wrong may have spread.
    async fn again(
        &mut self,
        failure: Failure,
        incidents: &mut Incidents<'_>,
    ) -> Result<Result<(), Failure>, Error> {
        let tile = self.runner.tiles()[self.accepted].clone();
        self.job.monitor.set_done(self.work_done());
        match self.runner.sums_carefully(self.accepted).await {
            Ok(sums) => {
                incidents.note(&failure, Remedy::SmallerDispatches);
                self.accept(&tile, &sums);
            }
            Err(failure @ Failure::Wrong(_)) => {
                incidents.add(failure, Remedy::TileOnCpu)?;
                self.job.monitor.set_done(self.work_done());
                cpu::run(self.job, self.sink, vec![tile]).await?;
                self.accepted += 1;
                self.next = self.accepted;
                return Ok(self.runner.start_over().await);
            }
            Err(failure) => return Ok(Err(failure)),
        }
        self.next = self.accepted;
        Ok(Ok(()))
    }

    fn accept(&mut self, tile: &Tile, sums: &[u64]) {
        self.sink.accept(self.job, tile, sums);
        self.accepted += 1;
    }

    /// Pair-samples of the tiles that are in the matrix.
    fn work_done(&self) -> u64 {
        let tiles = &self.runner.tiles()[..self.accepted];
        let pairs: usize = tiles.iter().map(Tile::pairs).sum();
        pairs as u64 * self.job.samples as u64
    }
}
