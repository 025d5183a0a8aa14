//! Bias, standard error and confidence interval of the mutual information of chosen pairs.

use ndarray::{ArrayView2, Axis};
use rayon::prelude::*;

use crate::analysis::{Analysis, joint_histograms};
use crate::error::Error;
use crate::estimator::Entropies;
use crate::input::activations::ActivationsView;
use crate::support::random::{Philox, below};

/// The settings of the confidence interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Resampling {
    /// The number of times that samples are drawn again; some hundreds at least.
    pub replicates: u32,
    /// The probability that the interval holds the true value, such as 0.95.
    pub confidence: f64,
    /// The seed of the random numbers.
    pub seed: u64,
}

impl Default for Resampling {
    /// Returns 1000 replicates, a confidence of 0.95, seed 0.
    fn default() -> Self {
        Self { replicates: 1000, confidence: 0.95, seed: 0 }
    }
}

/// The mutual information of a pair and its uncertainty, in the unit of the settings.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct PairUncertainty {
    /// The first neuron of the pair.
    pub first: usize,
    /// The second neuron of the pair.
    pub second: usize,
    /// The estimate from all samples.
    pub mutual_information: f64,
    /// The jackknife's estimate of its bias (Quenouille 1956): `(S − 1)(mean − estimate)` over the
    /// estimates that leave one sample out. Subtract it for a corrected estimate.
    pub bias: f64,
    /// The jackknife's estimate of its standard error (Tukey 1958).
    pub standard_error: f64,
    /// The lower end of the basic bootstrap interval (Davison and Hinkley 1997, section 2.4): the
    /// estimate minus the larger quantile of the replicates' deviations from it. Replicates have
    /// the bias of the estimate, so the interval is corrected for this bias, and may be below 0.
    pub low: f64,
    /// The upper end of the interval.
    pub high: f64,
}

impl Analysis {
    /// Computes bias, standard error and confidence interval of the mutual information of chosen
    /// pairs, by jackknife and bootstrap from their joint histograms.
    ///
    /// Bin edges stay as they are. Samples are assumed to be independent of each other. Random
    /// numbers come from a counter-based generator: the result is the same on every engine and
    /// number of threads. It takes O(replicates · (samples + bins²)) for each pair, on all cores.
    ///
    /// # Errors
    ///
    /// The errors of [`Analysis::joint_histograms`]. Also fails for no replicates, and for a
    /// confidence that is not between 0 and 1.
    ///
    /// # Examples
    ///
    /// ```
    /// use cofire::{Analysis, significance::Resampling};
    /// use ndarray::Array2;
    ///
    /// let x = Array2::from_shape_fn((100, 2), |(s, n)| ((s + 1).pow([2, 3][n]) % 101) as f32);
    /// let pairs = Analysis::new(6).uncertainty(x.view(), &[(0, 1)], Resampling::default())?;
    /// assert!(pairs[0].bias > 0.0); // plug-in mutual information is too large
    /// assert!(pairs[0].low < pairs[0].mutual_information);
    /// # Ok::<(), cofire::Error>(())
    /// ```
    pub fn uncertainty<'a>(
        &self,
        activations: impl Into<ActivationsView<'a>>,
        pairs: &[(usize, usize)],
        resampling: Resampling,
    ) -> Result<Vec<PairUncertainty>, Error> {
        let Resampling { replicates, confidence, .. } = resampling;
        if replicates == 0 || !(confidence > 0.0 && confidence < 1.0) {
            return Err(Error::InvalidResampling { replicates, confidence });
        }
        let activations = activations.into();
        let counted = pollster::block_on(joint_histograms(self, activations, pairs));
        let (histograms, edges) = counted?;
        let samples = u32::try_from(activations.samples()).unwrap_or(u32::MAX); // was checked
        let whole = Entropies::new(self.settings.estimator, samples);
        let one_less = Entropies::new(self.settings.estimator, samples.max(2) - 1);
        let per_nat = self.settings.run.units.per_nat();
        let tables: Vec<_> = histograms.outer_iter().zip(pairs).enumerate().collect();
        let of = |(number, (counts, &(first, second))): (
            usize,
            (ArrayView2<'_, u32>, &(usize, usize)),
        )| {
            let table = Table::new(counts, (edges.bins_of(first), edges.bins_of(second)));
            let estimate = table.information(&whole, &table.counts);
            let (bias, standard_error) = table.jackknife(&one_less, estimate);
            let random = Philox::new(resampling.seed);
            let off = table.bootstrap(&whole, estimate, replicates, random, number as u64);
            let tail = (1.0 - confidence) / 2.0;
            PairUncertainty {
                first,
                second,
                mutual_information: estimate * per_nat,
                bias: bias * per_nat,
                standard_error: standard_error * per_nat,
                low: (estimate - quantile(&off, 1.0 - tail)) * per_nat,
                high: (estimate - quantile(&off, tail)) * per_nat,
            }
        };
        Ok(tables.into_iter().map(of).collect())
    }
}

/// One joint histogram.
struct Table {
    counts: Vec<u32>,
    /// The number of cells in a row: at least the number of bins of the second neuron.
    columns: usize,
    /// The numbers of bins of the two neurons.
    bins: (usize, usize),
    samples: u32,
}

impl Table {
    fn new(counts: ArrayView2<'_, u32>, bins: (usize, usize)) -> Self {
        let (samples, columns) = (counts.sum(), counts.len_of(Axis(1)));
        Self { counts: counts.iter().copied().collect(), columns, bins, samples }
    }

    /// Returns mutual information of a histogram of the same shape, in nats.
    fn information(&self, entropies: &Entropies, counts: &[u32]) -> f64 {
        let rows = counts.chunks_exact(self.columns);
        let of_rows: Vec<u32> = rows.clone().map(|row| row.iter().sum()).collect();
        let mut of_columns = vec![0; self.columns];
        for row in rows {
            of_columns.iter_mut().zip(row).for_each(|(sum, n)| *sum += n);
        }
        let x = entropies.marginal(&of_rows, self.bins.0);
        let y = entropies.marginal(&of_columns, self.bins.1);
        if entropies.needs_histograms() {
            let joint = entropies.of_histogram(counts, (self.bins.0 * self.bins.1) as u64);
            entropies.shared_of_entropy(&x, &y, joint)
        } else {
            entropies.shared_of_sum(&x, &y, entropies.table().sum(counts))
        }
    }

    /// Returns bias and standard error. Leaving out any sample of a cell has the same effect.
    fn jackknife(&self, one_less: &Entropies, estimate: f64) -> (f64, f64) {
        let samples = f64::from(self.samples);
        let occupied = (0..self.counts.len()).into_par_iter().filter(|&k| self.counts[k] > 0);
        let without: Vec<(f64, f64)> = occupied
            .map(|k| {
                let mut counts = self.counts.clone();
                counts[k] -= 1;
                (f64::from(self.counts[k]), self.information(one_less, &counts))
            })
            .collect();
        let mean = without.iter().map(|(n, value)| n * value).sum::<f64>() / samples;
        let squares = without.iter().map(|(n, value)| n * (value - mean) * (value - mean));
        let variance = squares.sum::<f64>() * (samples - 1.0) / samples;
        ((samples - 1.0) * (mean - estimate), variance.sqrt())
    }

    /// Returns the deviations of replicates from the estimate, in ascending order.
    fn bootstrap(
        &self,
        entropies: &Entropies,
        estimate: f64,
        replicates: u32,
        random: Philox,
        pair: u64,
    ) -> Vec<f64> {
        // The cell of every sample, so that drawing a sample draws a cell.
        let cells: Vec<u32> = (0..)
            .zip(&self.counts)
            .flat_map(|(cell, &n)| std::iter::repeat_n(cell, n as usize))
            .collect();
        let mut off: Vec<f64> = (0..replicates)
            .into_par_iter()
            .map(|replicate| {
                let mut numbers = random.stream(pair << 32 | u64::from(replicate));
                let mut counts = vec![0; self.counts.len()];
                for _ in 0..self.samples {
                    let drawn = below(self.samples, &mut numbers) as usize;
                    counts[cells[drawn] as usize] += 1;
                }
                self.information(entropies, &counts) - estimate
            })
            .collect();
        off.sort_by(f64::total_cmp);
        off
    }
}

/// Returns the quantile of sorted values, interpolated linearly.
fn quantile(sorted: &[f64], share: f64) -> f64 {
    let place = share * (sorted.len() - 1) as f64;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place in the list"
    )]
    let below = place.floor() as usize;
    let above = (below + 1).min(sorted.len() - 1);
    sorted[below] + (sorted[above] - sorted[below]) * (place - below as f64)
}
