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
mod tile_queue;
mod uploads;
mod visit;

use std::sync::Arc;

pub use adapter::{AdapterLimits, FoundAdapter, Gpu, adapters, adapters_async};
pub use kernel_sources::{KernelSource, kernel_sources};

use super::{Found, Goal, Job, Kernel, Monitor, OnDeviceFailure, Sink, cpu};
use crate::Error;
use crate::plan::Tile;
use crate::report::{Execution, Incident, KernelChoice, Remedy};
use failure::Failure;
use tile_counter::TileCounter;
use tile_queue::{Run, TileSink};

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
            Run::new(&mut counter, &Counted { job, sink }).finish(&mut incidents).await?;
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

/// Where the tiles of a job of joint histograms go.
struct Counted<'a> {
    job: &'a Job,
    sink: &'a Arc<dyn Sink>,
}

impl TileSink for Counted<'_> {
    type Found = Found;

    fn accept(&self, tile: &Tile, found: &Found) {
        self.sink.accept(tile, found);
    }

    async fn count_on_cpu(&self, tiles: Vec<Tile>) -> Result<(), Error> {
        cpu::run(self.job, self.sink, tiles).await
    }

    fn monitor(&self) -> &Monitor {
        &self.job.monitor
    }

    fn samples(&self) -> usize {
        self.job.codes.samples()
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
