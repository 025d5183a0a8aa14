//! The GPU engine: WGSL kernels through wgpu.
//!
//! A tile of pairs is counted in dispatches that no watchdog kills. The device reduces it to one
//! integer per pair, and the host checks the result. Work that a device fails to do is repeated: on
//! a new device, in smaller tiles, then on the CPU. The result has the same bits.

pub(crate) mod counter;
mod kernel_choice;
mod kernel_sources;
pub(crate) mod kernels;
mod pieces;
pub(crate) mod tiling;
mod uploads;
mod visit;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::{Counts, Goal, Job, Sink, cpu};
use crate::device::failure::Failure;
use crate::device::incidents::Incidents;
use crate::device::limits::Care;
use crate::device::tile_queue::TileJob;
use crate::device::{Gpu, recovery};
use crate::error::Error;
use crate::execution::{Execution, Kernel, KernelChoice, OnDeviceFailure, Transfer};
use crate::pairs::tile::Tile;
use crate::support::memory;
use crate::support::monitor::Monitor;
use counter::TileCounter;
pub use kernel_sources::{KernelSource, kernel_sources};

/// Counts every pair. Returns how it was done, and the incidents.
pub(crate) async fn run(
    gpu: &Gpu,
    job: &Job,
    sink: &Arc<dyn Sink>,
    on_failure: OnDeviceFailure,
) -> Result<Execution, Error> {
    let (own, sink) = (job.clone(), Arc::clone(sink));
    gpu.run_job(&job.monitor, async move |gpu| count(&gpu, &own, &sink, on_failure).await).await
}

async fn count(
    gpu: &Gpu,
    job: &Job,
    sink: &Arc<dyn Sink>,
    on_failure: OnDeviceFailure,
) -> Result<Execution, Error> {
    let mut incidents = Incidents::new(gpu.adapter(), on_failure);
    let mut counted = Counted { job, sink, kernel: None, transfer: None };
    recovery::run_with_recovery(&mut counted, gpu, vec![job.pairs.clone()], &mut incidents).await?;
    let (kernel, kernel_choice) = counted.kernel.unwrap_or_else(|| {
        let choice = job.kernel.map_or(KernelChoice::Rule, |_| KernelChoice::Asked);
        (cpu::kernel(job), choice)
    });
    let (adapter, incidents) = (Some(gpu.adapter().clone()), incidents.list);
    Ok(Execution { adapter, kernel, kernel_choice, transfer: counted.transfer, incidents })
}

/// A job of joint histograms.
struct Counted<'a> {
    job: &'a Job,
    sink: &'a Arc<dyn Sink>,
    /// The kernel that counts, once a device has been opened.
    kernel: Option<(Kernel, KernelChoice)>,
    transfer: Option<Transfer>,
}

impl<'a> TileJob for Counted<'a> {
    type Queue = TileCounter<'a>;

    async fn open(
        &mut self,
        gpu: &Gpu,
        tiles: &[Tile],
        care: Care,
    ) -> Result<TileCounter<'a>, Failure> {
        if let Some((kernel, _)) = self.kernel {
            return TileCounter::open(gpu, self.job, kernel, tiles, care).await;
        }
        let (counter, choice) = kernel_choice::open(gpu, self.job, care).await?;
        self.kernel = Some((counter.kernel(), choice));
        Ok(counter)
    }

    fn close(&mut self, counter: TileCounter<'a>) {
        counter.remember_pace();
        let transfer = counter.transfer();
        self.transfer = Some(self.transfer.map_or(transfer, |before| before.and(transfer)));
    }

    fn accept(&self, tile: &Tile, counts: &Counts) {
        self.sink.accept(tile, counts);
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

/// Returns the joint histograms of chosen pairs, one after the other. Incidents are logged, because
/// there is no report.
pub(crate) async fn joint_histograms(
    gpu: &Gpu,
    job: &Job,
    pairs: &[(usize, usize)],
    on_failure: OnDeviceFailure,
) -> Result<Vec<u32>, Error> {
    let counts = memory::zeroed(pairs.len(), job.codes.bins() * job.codes.bins())?;
    let (own, pairs) = (job.clone(), pairs.to_vec());
    let count = async move |gpu: Gpu| {
        let tiles = pairs.iter().map(|&(first, second)| Tile::single(first, second)).collect();
        let counts = Mutex::new(counts);
        let mut chosen = ChosenPairs { job: &own, counts, places: places(&pairs) };
        let mut incidents = Incidents::new(gpu.adapter(), on_failure);
        recovery::run_with_recovery(&mut chosen, &gpu, tiles, &mut incidents).await?;
        Ok(chosen.counts.into_inner().unwrap_or_else(PoisonError::into_inner))
    };
    gpu.run_job(&job.monitor, count).await
}

/// A job of the joint histograms of chosen pairs, one tile per pair.
struct ChosenPairs<'a> {
    job: &'a Job,
    counts: Mutex<Vec<u32>>,
    /// The places of each pair's histogram in `counts`. A pair may have been chosen more than once.
    places: HashMap<(usize, usize), Vec<usize>>,
}

fn places(pairs: &[(usize, usize)]) -> HashMap<(usize, usize), Vec<usize>> {
    let mut places: HashMap<_, Vec<usize>> = HashMap::new();
    for (place, &pair) in pairs.iter().enumerate() {
        places.entry(pair).or_default().push(place);
    }
    places
}

impl<'a> TileJob for ChosenPairs<'a> {
    type Queue = TileCounter<'a>;

    async fn open(
        &mut self,
        gpu: &Gpu,
        tiles: &[Tile],
        care: Care,
    ) -> Result<TileCounter<'a>, Failure> {
        debug_assert_eq!(self.job.goal, Goal::Histograms, "they are what is wanted");
        // The other kernels save work by sharing it among pairs, and single pairs share nothing.
        let kernel = self.job.kernel.unwrap_or(Kernel::JointHistogram);
        TileCounter::open(gpu, self.job, kernel, tiles, care).await
    }

    fn close(&mut self, counter: TileCounter<'a>) {
        counter.remember_pace();
    }

    fn accept(&self, tile: &Tile, counts: &Counts) {
        let Counts::Histograms(histograms) = counts else { return };
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let cells = self.job.codes.bins() * self.job.codes.bins();
        for (pair, histogram) in tile.iter().zip(histograms.chunks_exact(cells)) {
            for &place in self.places.get(&pair).into_iter().flatten() {
                counts[place * cells..(place + 1) * cells].copy_from_slice(histogram);
            }
        }
    }

    async fn count_on_cpu(&self, tiles: Vec<Tile>) -> Result<(), Error> {
        let cells = self.job.codes.bins() * self.job.codes.bins();
        for tile in tiles {
            let pairs: Vec<_> = tile.iter().collect();
            let mut histograms = memory::zeroed(pairs.len(), cells)?;
            cpu::joint_histograms(&self.job.codes, &pairs, &mut histograms);
            self.accept(&tile, &Counts::Histograms(histograms));
        }
        Ok(())
    }

    fn monitor(&self) -> &Monitor {
        &self.job.monitor
    }

    fn samples(&self) -> usize {
        self.job.codes.samples()
    }
}
