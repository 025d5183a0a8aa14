//! The stages of a job: checks, sorting, and a run on an engine.

use std::sync::Arc;

use ndarray::{Array1, Array2};

use super::column::{Column, SortedLayer, Strips};
use super::harmonic::HarmonicTable;
use super::job::{NeighborJob, SumCollector};
use super::{KsgAlgorithm, NeighborAnalysis, NeighborExecution, NeighborTimings, cpu, line};
use crate::codes::budget::Memory;
use crate::engine::{Chosen, GpuGain};
use crate::error::Error;
use crate::input::activations::{Activations, ActivationsView};
use crate::pairs::digest::{self, DigestGrid, Digests, PairSums};
use crate::pairs::tile::Tile;
use crate::report::{BlocksReport, PairBlock};
use crate::support::memory;
use crate::support::stopwatch::Stopwatch;

/// The result of a job.
pub(super) struct Outcome {
    pub(super) mutual_information: Array2<f64>,
    pub(super) digests: Digests,
    pub(super) execution: NeighborExecution,
    pub(super) timings: NeighborTimings,
}

impl NeighborAnalysis {
    /// Checks and sorts: all stages that need no engine. Also returns entropies in nats.
    pub(super) fn prepare(
        &self,
        views: &[ActivationsView<'_>],
    ) -> Result<(NeighborJob, Vec<f64>), Error> {
        let checked = self.check(views)?;
        let samples = checked.first().map_or(0, Activations::samples);
        let table = HarmonicTable::new(samples)?;
        let (columns, entropies) = self.columns(&checked, |sorted, scale| {
            line::entropy(sorted, self.k, &table) - libm::log(scale)
        })?;
        let rows = checked.first().map_or(0, Activations::neurons);
        let first_column = if checked.len() > 1 { rows } else { 0 };
        let pairs = Tile { rows: 0..rows, columns: first_column..columns.len() };
        let total = (pairs.pairs() as u64).saturating_mul(samples as u64);
        let (k, algorithm, monitor) = (self.k, self.algorithm, self.run.monitor(total));
        let grid = if checked.len() > 1 {
            DigestGrid::between(rows, pairs.columns.len())
        } else {
            DigestGrid::within(rows)
        };
        Ok((NeighborJob { columns, pairs, grid, samples, k, algorithm, table, monitor }, entropies))
    }

    /// Checks settings and shapes, before any value is read.
    pub(super) fn check<'a>(
        &self,
        views: &[ActivationsView<'a>],
    ) -> Result<Vec<Activations<'a>>, Error> {
        let layers: Vec<Activations<'a>> =
            views.iter().map(|&view| Activations::new(view)).collect::<Result<_, _>>()?;
        let samples = layers.iter().map(Activations::samples);
        if let (Some(x), Some(y)) = (samples.clone().min(), samples.max())
            && x != y
        {
            let of = |layer: usize| views[layer].samples();
            return Err(Error::SamplesMismatch { first: of(0), second: of(1) });
        }
        let samples = layers.first().map_or(0, Activations::samples);
        if self.k == 0 || self.k >= samples {
            return Err(Error::NeighborsOutOfRange { neighbors: self.k, samples });
        }
        self.jitter.check()?;
        self.check_memory(&layers)?;
        Ok(layers)
    }

    fn check_memory(&self, layers: &[Activations<'_>]) -> Result<(), Error> {
        let neurons: Vec<u128> = layers.iter().map(|layer| layer.neurons() as u128).collect();
        let samples = layers.first().map_or(0, Activations::samples) as u128;
        let (all, rows) = (neurons.iter().sum::<u128>(), neurons.first().copied().unwrap_or(0));
        let columns =
            (Column::BYTES_PER_SAMPLE as u128).saturating_mul(samples).saturating_mul(all);
        let matrix = neurons.last().copied().unwrap_or(0).saturating_mul(rows).saturating_mul(8);
        // The table, and for each thread the memory of a sort, or the plane of a pair.
        let threads = rayon::current_num_threads() as u128;
        let rest = samples.saturating_mul(8 + 32 * threads);
        let needed = columns.saturating_add(matrix).saturating_add(rest);
        self.run.check_memory(Memory::default().and(1, needed))
    }

    /// Sorts the neurons of all layers, and applies `of_sorted` to each neuron's values before they
    /// are put on its grid, as in [`SortedLayer::columns`].
    pub(super) fn columns<T: Send>(
        &self,
        layers: &[Activations<'_>],
        of_sorted: impl Fn(&[f64], f64) -> T + Sync,
    ) -> Result<(Vec<Column>, Vec<T>), Error> {
        let numbered = (0u32..).zip(layers);
        let layers: Vec<SortedLayer<'_>> = numbered
            .map(|(number, &layer)| SortedLayer::new(layer, self.jitter, number))
            .collect::<Result<_, _>>()?;
        let samples = layers.first().map_or(0, SortedLayer::samples);
        let strip_samples = Strips::samples_for(samples, self.k);
        let neurons: usize = layers.iter().map(SortedLayer::neurons).sum();
        memory::check::<[u8; Column::BYTES_PER_SAMPLE]>(samples.saturating_mul(neurons))?;
        let (mut columns, mut results) = (Vec::new(), Vec::new());
        for layer in &layers {
            let (of_layer, results_of_layer) = layer.columns(strip_samples, &of_sorted);
            columns.extend(of_layer);
            results.extend(results_of_layer);
        }
        Ok((columns, results))
    }

    /// Runs the stages after sorting. `entropies` are those of all neurons, in nats.
    pub(super) async fn finish(
        &self,
        job: NeighborJob,
        entropies: &[f64],
        clock: Stopwatch,
    ) -> Result<Outcome, Error> {
        let sort = clock.elapsed();
        let clock = Stopwatch::start();
        let chosen = self.run.open_engine(GpuGain::Slower).await?;
        let open_engine = clock.elapsed();

        let clock = Stopwatch::start();
        let job = Arc::new(job);
        let (mutual_information, sums, execution) = self.compute(&chosen, &job).await?;
        let digests = self.digests(&job, entropies, sums);
        let pairs = clock.elapsed();
        let timings = NeighborTimings { sort, open_engine, pairs };
        Ok(Outcome { mutual_information, digests, execution, timings })
    }

    /// Computes some blocks of the grid of a job's pairs.
    pub(super) async fn compute_blocks(
        &self,
        views: &[ActivationsView<'_>],
        blocks: &[usize],
    ) -> Result<BlocksReport, Error> {
        let (mut job, entropies) = self.prepare(views)?;
        let tiles =
            blocks.iter().map(|&block| job.grid.tile(block)).collect::<Result<Vec<_>, Error>>()?;
        job.monitor = self.run.monitor(tiles.iter().map(|tile| tile.work(job.samples)).sum());
        let chosen = self.run.open_engine(GpuGain::Slower).await?;
        let mut sums = PairSums::new(job.grid);
        let mut computed = Vec::with_capacity(blocks.len());
        for (&number, tile) in blocks.iter().zip(tiles) {
            job.pairs = tile;
            let shared = Arc::new(job);
            let (mutual_information, of_block, _) = self.compute(&chosen, &shared).await?;
            of_block.parts().iter().for_each(|part| sums.add(part));
            computed.push(PairBlock { number, mutual_information });
            let problem = "an engine has kept a job that has ended";
            job = Arc::into_inner(shared).ok_or(Error::Internal { problem })?;
            job.monitor.end_part();
        }
        Ok(BlocksReport {
            entropy: self.in_units(&entropies),
            blocks: computed,
            digests: self.digests(&job, &entropies, sums),
            units: self.run.units,
        })
    }

    /// Computes the pairs of a job.
    async fn compute(
        &self,
        chosen: &Chosen,
        job: &Arc<NeighborJob>,
    ) -> Result<(Array2<f64>, PairSums, NeighborExecution), Error> {
        let collector = Arc::new(SumCollector::new(&job.pairs)?);
        let execution = self.run_on(chosen, job, &collector).await?;
        let problem = "an engine has kept the collector of a job that has ended";
        let collector = Arc::into_inner(collector).ok_or(Error::Internal { problem })?;
        let (mutual_information, sums) = collector.finish(job, self.run.units)?;
        Ok((mutual_information, sums, execution))
    }

    fn digests(&self, job: &NeighborJob, entropies: &[f64], sums: PairSums) -> Digests {
        let name = match self.algorithm {
            KsgAlgorithm::First => "ksg",
            KsgAlgorithm::Second => "ksg2",
        };
        let neurons = digest::of_neurons(entropies.iter().map(|&entropy| (entropy, 0)));
        Digests::new(format!("{name} {}", self.k), job.samples, neurons, sums)
    }

    async fn run_on(
        &self,
        chosen: &Chosen,
        job: &Arc<NeighborJob>,
        collector: &Arc<SumCollector>,
    ) -> Result<NeighborExecution, Error> {
        match chosen {
            Chosen::Cpu => {
                cpu::run(job, collector, vec![job.pairs.clone()]).await?;
                Ok(NeighborExecution::default())
            }
            #[cfg(feature = "gpu")]
            Chosen::Gpu(gpu) => {
                super::gpu::run(gpu, job, collector, self.run.on_device_failure).await
            }
        }
    }

    pub(super) fn in_units(&self, entropies: &[f64]) -> Array1<f64> {
        entropies.iter().map(|nats| nats * self.run.units.per_nat()).collect()
    }
}
