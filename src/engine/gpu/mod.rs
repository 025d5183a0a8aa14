//! The GPU engine: WGSL kernels through wgpu.
//!
//! A tile of pairs is counted in dispatches that no watchdog has a reason to kill, reduced on the
//! device to one integer a pair, and checked on the host. What a device fails to do is done again,
//! smaller, then on the CPU: the bits are the same.

mod adapter;
mod cell_sum;
mod count_kernel;
mod failure;
#[cfg(test)]
mod faults;
mod joint_histogram;
mod pace;
mod pipelines;
mod plan;
mod positional_popcount;
mod tile_counter;
mod transfer;

use std::sync::Arc;

pub use adapter::{AdapterLimits, FoundAdapter, Gpu, adapters, adapters_async};

use super::{Job, OnDeviceFailure, Sink, cpu};
use crate::Error;
use crate::plan::{Tile, tiles};
use crate::report::{Incident, Remedy};
use failure::Failure;
use tile_counter::TileCounter;

/// Counts every pair; returns what went wrong on the way.
pub(crate) async fn run(
    gpu: &Gpu,
    job: &Job,
    sink: &Arc<Sink>,
    on_failure: OnDeviceFailure,
) -> Result<Vec<Incident>, Error> {
    let mut incidents = Incidents { gpu, on_failure, list: Vec::new() };
    let neurons = job.codes.neurons();
    let mut counter = match TileCounter::open(gpu, job).await {
        Ok(counter) => counter,
        Err(failure) => {
            incidents.add(failure, Remedy::RestOnCpu)?;
            cpu::run(job, sink, tiles(neurons, neurons, neurons)).await?;
            return Ok(incidents.list);
        }
    };
    let mut left = tiles(neurons, counter.edge(), counter.edge()).into_iter();
    while let Some(tile) = left.next() {
        match sums_in_two_tries(&mut counter, job, &tile, &mut incidents).await {
            Ok(sums) => sink.accept(&job.table, &tile, &sums),
            Err(failure @ Failure::Wrong(_)) => {
                incidents.add(failure, Remedy::TileOnCpu)?;
                cpu::run(job, sink, vec![tile]).await?;
            }
            Err(failure) => {
                incidents.add(failure, Remedy::RestOnCpu)?;
                let rest = std::iter::once(tile).chain(left).collect();
                cpu::run(job, sink, rest).await?;
                break;
            }
        }
    }
    Ok(incidents.list)
}

/// The sums of a tile; a wrong result is given a second chance in smaller dispatches.
async fn sums_in_two_tries(
    counter: &mut TileCounter<'_>,
    job: &Job,
    tile: &Tile,
    incidents: &mut Incidents<'_>,
) -> Result<Vec<u64>, Failure> {
    let done = job.monitor.done();
    let failure = match counter.sums(tile).await {
        Ok(sums) => return Ok(sums),
        Err(failure) => failure,
    };
    job.monitor.set_done(done);
    let Failure::Wrong(_) = failure else { return Err(failure) };
    counter.start_over_carefully().await?;
    match counter.sums(tile).await {
        Ok(sums) => {
            incidents.note(&failure, Remedy::SmallerDispatches);
            Ok(sums)
        }
        Err(failure) => {
            job.monitor.set_done(done);
            Err(failure)
        }
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
    let mut counter = TileCounter::open(gpu, job).await?;
    let cells = job.codes.bins() * job.codes.bins();
    for (&(first, second), counts) in pairs.iter().zip(counts.chunks_exact_mut(cells)) {
        let found = counter.counts(&Tile::single(first, second)).await?;
        let counted: u64 = found.iter().map(|&n| u64::from(n)).sum();
        if counted != job.codes.samples() as u64 {
            return Err(Failure::Wrong(format!(
                "pair ({first}, {second}) was counted over {counted} samples"
            )));
        }
        counts.copy_from_slice(&found);
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
