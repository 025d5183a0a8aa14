//! The GPU engine: WGSL kernels through wgpu.
//!
//! A tile of pairs is counted in dispatches that no watchdog has a reason to kill, reduced on the
//! device to one integer a pair, and checked on the host. What a device fails to do is done again,
//! smaller, then on the CPU: the bits are the same.

mod adapter;
mod bitset;
mod cell_sum;
mod count_kernel;
mod failure;
#[cfg(test)]
mod faults;
mod joint_histogram;
mod kernel_choice;
mod kernel_sources;
pub(crate) mod nearest_neighbors;
mod pace;
mod packed_codes;
mod pieces;
mod pipelines;
mod plan;
mod poller;
mod positional_popcount;
mod private_counters;
mod sample_lists;
mod submissions;
mod tile_counter;
mod uploads;
mod visit;

use std::sync::Arc;

pub use adapter::{AdapterLimits, FoundAdapter, Gpu, adapters, adapters_async};
pub use kernel_sources::{KernelSource, kernel_sources};

use super::{Found, Goal, Job, Kernel, OnDeviceFailure, Sink, cpu};
use crate::Error;
use crate::plan::Tile;
use crate::report::{Execution, Incident, KernelChoice, Remedy};
use failure::Failure;
use tile_counter::TileCounter;

/// Counts every pair; returns how it was done, and what went wrong on the way.
pub(crate) async fn run(
    gpu: &Gpu,
    job: &Job,
    sink: &Arc<dyn Sink>,
    on_failure: OnDeviceFailure,
) -> Result<Execution, Error> {
    let mut incidents = Incidents { gpu, on_failure, list: Vec::new() };
    let (kernel, kernel_choice, transfer) = match kernel_choice::open(gpu, job).await {
        Ok((mut counter, choice)) => {
            Run { counter: &mut counter, job, sink, accepted: 0, next: 0 }
                .finish(&mut incidents)
                .await?;
            counter.remember_pace();
            (counter.kernel(), choice, Some(counter.transfer()))
        }
        Err(failure) => {
            incidents.add(failure, Remedy::RestOnCpu)?;
            cpu::run(job, sink, vec![job.pairs.clone()]).await?;
            let choice = job.kernel.map_or(KernelChoice::Rule, |_| KernelChoice::Asked);
            (cpu::kernel(job), choice, None)
        }
    };
    let (adapter, incidents) = (Some(gpu.adapter().clone()), incidents.list);
    Ok(Execution { adapter, kernel, kernel_choice, transfer, incidents })
}

/// A job on its way through its tiles, several of which are under way at a time.
struct Run<'a, 'b> {
    counter: &'a mut TileCounter<'b>,
    job: &'a Job,
    sink: &'a Arc<dyn Sink>,
    /// Tiles before this one are in the sink.
    accepted: usize,
    /// The tile to be enqueued next.
    next: usize,
}

impl Run<'_, '_> {
    async fn finish(mut self, incidents: &mut Incidents<'_>) -> Result<(), Error> {
        while self.accepted < self.counter.tiles().len() {
            let outcome = match self.go_on().await {
                Err(failure @ Failure::Wrong(_)) => self.again(failure, incidents).await?,
                outcome => outcome,
            };
            if let Err(failure) = outcome {
                incidents.add(failure, Remedy::RestOnCpu)?;
                self.job.monitor.set_done(self.work_done());
                let rest = self.counter.tiles()[self.accepted..].to_vec();
                return cpu::run(self.job, self.sink, rest).await;
            }
        }
        Ok(())
    }

    /// Enqueues the next tile, or waits for the last ones, and takes in what arrived.
    async fn go_on(&mut self) -> Result<(), Failure> {
        if self.next < self.counter.tiles().len() {
            self.counter.enqueue(self.next).await?;
            self.next += 1;
        } else {
            self.counter.finish().await?;
        }
        while let Some((tile, found)) = self.counter.next_found() {
            self.accept(&tile, &found?);
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
        let tile = self.counter.tiles()[self.accepted].clone();
        self.job.monitor.set_done(self.work_done());
        match self.counter.count_carefully(self.accepted).await {
            Ok(found) => {
                incidents.note(&failure, Remedy::SmallerDispatches);
                self.accept(&tile, &found);
            }
            Err(failure @ Failure::Wrong(_)) => {
                incidents.add(failure, Remedy::TileOnCpu)?;
                self.job.monitor.set_done(self.work_done());
                cpu::run(self.job, self.sink, vec![tile]).await?;
                self.accepted += 1;
                self.next = self.accepted;
                return Ok(self.counter.start_over().await);
            }
            Err(failure) => return Ok(Err(failure)),
        }
        self.next = self.accepted;
        Ok(Ok(()))
    }

    fn accept(&mut self, tile: &Tile, found: &Found) {
        self.sink.accept(tile, found);
        self.accepted += 1;
    }

    /// Pair-samples of the tiles that were accepted.
    fn work_done(&self) -> u64 {
        let tiles = &self.counter.tiles()[..self.accepted];
        let pairs: usize = tiles.iter().map(Tile::pairs).sum();
        pairs as u64 * self.job.codes.samples() as u64
    }
}

/// The joint histograms of chosen pairs, one after the other in `counts`.
pub(crate) async fn joint_histograms(
    gpu: &Gpu,
    job: &Job,
    pairs: &[(usize, usize)],
    on_failure: OnDeviceFailure,
    counts: &mut [u32],
) -> Result<(), Error> {
    let mut incidents = Incidents { gpu, on_failure, list: Vec::new() };
    match joint_histograms_on_device(gpu, job, pairs, counts).await {
        Ok(()) => {}
        Err(failure) => {
            incidents.add(failure, Remedy::RestOnCpu)?;
            counts.fill(0);
            cpu::joint_histograms(&job.codes, pairs, counts);
        }
    }
    Ok(())
}

async fn joint_histograms_on_device(
    gpu: &Gpu,
    job: &Job,
    pairs: &[(usize, usize)],
    counts: &mut [u32],
) -> Result<(), Failure> {
    // Nothing that the other kernels share among pairs can be shared here.
    let kernel = job.kernel.unwrap_or(Kernel::JointHistogram);
    debug_assert_eq!(job.goal, Goal::Histograms, "the counter reads back what is asked for");
    let mut counter = TileCounter::open(gpu, job, kernel).await?;
    let cells = job.codes.bins() * job.codes.bins();
    for (&(first, second), counts) in pairs.iter().zip(counts.chunks_exact_mut(cells)) {
        match counter.count(&Tile::single(first, second)).await? {
            Found::Histograms(found) => counts.copy_from_slice(&found),
            Found::Sums(_) => return Err(Failure::Wrong("sums for histograms".to_owned())),
        }
    }
    Ok(())
}

/// What went wrong in a job, and what the caller wants done about it.
struct Incidents<'a> {
    gpu: &'a Gpu,
    on_failure: OnDeviceFailure,
    list: Vec<Incident>,
}

impl Incidents<'_> {
    /// Notes what the CPU has to make good; an error when it must not.
    fn add(&mut self, failure: Failure, remedy: Remedy) -> Result<(), Error> {
        match (&failure, self.on_failure) {
            (Failure::Cancelled, _) => return Err(Error::Cancelled),
            (Failure::Device(_), _) => self.gpu.mark_failed(),
            (Failure::Wrong(_), _) => {}
        }
        if self.on_failure == OnDeviceFailure::Fail {
            let adapter = self.gpu.adapter().to_string();
            return Err(Error::DeviceFailed { adapter, reason: failure.to_string() });
        }
        self.note(&failure, remedy);
        Ok(())
    }

    fn note(&mut self, failure: &Failure, remedy: Remedy) {
        let incident = Incident { problem: failure.to_string(), remedy };
        log::warn!("{}: {incident}", self.gpu.adapter());
        self.list.push(incident);
    }
}
