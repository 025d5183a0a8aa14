//! Permutation tests of independence.

use std::sync::Arc;
use std::sync::{Mutex, PoisonError};

use ndarray::Array2;

use crate::analysis::Analysis;
use crate::analysis::prepare::prepare;
use crate::codes::Codes;
use crate::codes::budget::Memory;
use crate::engine::{self, Counts, Goal, GpuGain, Sink};
use crate::error::Error;
use crate::estimator::Entropies;
use crate::execution::Execution;
use crate::input::activations::{Activations, ActivationsView};
use crate::pairs::matrix::PairMatrix;
use crate::pairs::tile::Tile;
use crate::support::memory;
use crate::support::random::{Philox, permutation};

/// P-values of a permutation test of every pair.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PermutationReport {
    /// The p-value of each pair, `(1 + E) / (1 + P)`: in `E` of `P` permutations the pair shares at
    /// least as much as without one. `neurons × neurons`, symmetric. It is 1 on the diagonal, where
    /// there is nothing to test.
    pub p_values: Array2<f64>,
    /// The number of permutations of each pair.
    pub permutations: u32,
    /// The engine, adapter and kernel that computed it, and the incidents.
    pub execution: Execution,
}

impl Analysis {
    /// Tests the independence of every pair of neurons. The samples of one neuron of a pair are put
    /// in random order many times; the test counts how often the pair then shares at least as much.
    ///
    /// The test is exact for any numbers of samples and bins and any estimator, whereas the G-test
    /// ([`crate::Report::g_test`]) is an approximation. But no p-value is below
    /// `1 / (1 + permutations)`. All pairs of a repetition use the same random order, so the tests
    /// of different pairs are not independent of each other; each of them is valid.
    ///
    /// A repetition takes as much work as two calls of [`Analysis::run`] and makes two permutations
    /// of each pair: `permutations` is rounded up to an even number. Permutations come from a
    /// counter-based generator (Philox 4×32-10): the result depends on `seed` and nothing else, to
    /// the last bit. Memory beyond the input is twice the codes and `20 · neurons²` bytes.
    ///
    /// # Errors
    ///
    /// The errors of [`Analysis::run`]. Also fails for no permutations, and for the estimators that
    /// need whole histograms, [`crate::Estimator::ChaoShen`] and [`crate::Estimator::JamesStein`].
    ///
    /// # Examples
    ///
    /// ```
    /// use cofire::Analysis;
    /// use ndarray::Array2;
    ///
    /// let x = Array2::from_shape_fn((40, 3), |(s, n)| [s % 2, s % 2, s * s % 5][n] as f32);
    /// let report = Analysis::new(2).permutation_test(x.view(), 200, 7)?;
    /// assert_eq!(report.p_values[[0, 1]], 1.0 / 201.0); // no permutation comes close
    /// assert!(report.p_values[[0, 2]] > 0.05);
    /// # Ok::<(), cofire::Error>(())
    /// ```
    pub fn permutation_test<'a>(
        &self,
        activations: impl Into<ActivationsView<'a>>,
        permutations: u32,
        seed: u64,
    ) -> Result<PermutationReport, Error> {
        pollster::block_on(self.permutation_test_async(activations, permutations, seed))
    }

    /// Runs [`Analysis::permutation_test`] for callers that have an executor, or are in a browser.
    ///
    /// # Errors
    ///
    /// The errors of [`Analysis::permutation_test`].
    pub async fn permutation_test_async<'a>(
        &self,
        activations: impl Into<ActivationsView<'a>>,
        permutations: u32,
        seed: u64,
    ) -> Result<PermutationReport, Error> {
        let settings = &self.settings;
        let estimator = settings.estimator;
        if estimator.needs_histograms() {
            let wanted = "a permutation test";
            return Err(Error::EstimatorUnsupported { estimator, wanted });
        }
        if permutations == 0 {
            return Err(Error::NoPermutations);
        }
        let memory = |layer: &Activations<'_>, bins| {
            let neurons = layer.neurons();
            // Observed sums, exceedances, and p-values; also codes, in the given and in random
            // order.
            let matrices = Memory::default().and(neurons, 20 * neurons as u128);
            let codes = 2 * neurons as u128 + size_of::<u32>() as u128;
            let memory = matrices.and(layer.samples(), codes);
            settings.and_threads(memory, (layer.samples(), neurons), bins, Goal::Sums)
        };
        let layer = prepare(self, activations.into(), memory)?;
        let samples = layer.samples();
        let neurons = layer.codes.neurons();
        let entropies = Entropies::new(estimator, samples);
        let chosen = settings.run.open_engine(GpuGain::Faster).await?;
        let on_failure = settings.run.on_device_failure;

        let repetitions = permutations.div_ceil(2);
        let (all_pairs, square) = (Tile::triangle(neurons), Tile::rectangle(neurons, neurons));
        let work = all_pairs.work(layer.codes.samples());
        let more = square.work(layer.codes.samples()).saturating_mul(u64::from(repetitions));
        let monitor = Arc::new(settings.run.monitor(work.saturating_add(more)));
        let job = |codes: Arc<Codes>, pairs: &Tile| {
            settings.job(codes, entropies.table(), (pairs.clone(), Goal::Sums), &monitor)
        };

        let codes = Arc::new(layer.codes);
        let observed = Observed(PairMatrix::new(&all_pairs)?);
        let first = job(Arc::clone(&codes), &all_pairs);
        let (Observed(observed), mut execution) =
            engine::run(&chosen, &first, observed, on_failure).await?;
        monitor.end_part();
        drop(first);
        let mut exceedances = Exceedances::new(observed.finish(|_, _, sum| sum)?)?;

        let random = Philox::new(seed);
        for repetition in 0..repetitions {
            let order = permutation(samples, &mut random.stream(u64::from(repetition)));
            let both = Arc::new(Codes::join(codes.select(&order)?, &codes)?);
            let both = job(both, &square);
            let part;
            (exceedances, part) = engine::run(&chosen, &both, exceedances, on_failure).await?;
            monitor.end_part();
            execution = execution.followed_by(part);
        }
        let permutations = 2 * repetitions;
        Ok(PermutationReport {
            p_values: exceedances.p_values(permutations)?,
            permutations,
            execution,
        })
    }
}

/// The sums of the pairs without permutation.
#[derive(Debug)]
struct Observed(PairMatrix<u64>);

impl Sink for Observed {
    fn accept(&self, tile: &Tile, counts: &Counts) {
        if let Counts::Sums(sums) = counts {
            self.0.put(tile, sums);
        }
    }
}

/// The number of permutations in which each pair shares at least as much.
///
/// The more two neurons share, the larger the sum over the cells of their joint histogram.
/// Permutations do not change marginals, so it suffices to compare these sums, which are integers.
#[derive(Debug)]
struct Exceedances {
    observed: Array2<u64>,
    /// Row by row: neuron `i` in random order with neuron `j` in the given order.
    counts: Mutex<Vec<u32>>,
}

impl Exceedances {
    fn new(observed: Array2<u64>) -> Result<Self, Error> {
        let counts = memory::zeroed(observed.nrows(), observed.ncols())?;
        Ok(Self { observed, counts: Mutex::new(counts) })
    }

    fn p_values(self, permutations: u32) -> Result<Array2<f64>, Error> {
        let Self { observed, counts } = self;
        let neurons = observed.nrows();
        drop(observed);
        let counts = counts.into_inner().unwrap_or_else(PoisonError::into_inner);
        let mut p_values = memory::zeroed(neurons, neurons)?;
        for (i, row) in p_values.chunks_exact_mut(neurons.max(1)).enumerate() {
            for (j, p_value) in row.iter_mut().enumerate() {
                let both_ways = counts[i * neurons + j] + counts[j * neurons + i];
                let exceedances = if i == j { permutations } else { both_ways };
                *p_value = (1.0 + f64::from(exceedances)) / (1.0 + f64::from(permutations));
            }
        }
        let bytes = size_of_val(p_values.as_slice()) as u64;
        Array2::from_shape_vec((neurons, neurons), p_values)
            .map_err(|_| Error::OutOfMemory { bytes })
    }
}

impl Sink for Exceedances {
    fn accept(&self, tile: &Tile, counts: &Counts) {
        let Counts::Sums(sums) = counts else { return };
        let neurons = self.observed.nrows();
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        for ((i, column), &sum) in tile.iter().zip(sums) {
            let j = column - neurons;
            counts[i * neurons + j] += u32::from(sum >= self.observed[[i, j]]);
        }
    }
}
