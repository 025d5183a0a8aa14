//! Estimates from nearest neighbours, for continuous activations: they use no bins.
//!
//! [`NeighborAnalysis`] has the settings and the calls.

// `stages.rs` runs a job. `column.rs` sorts activations and puts each neuron on a grid where distances
// are exact. `line.rs` estimates from a single neuron, `cpu/nearest_neighbors.rs` from a pair,
// `labels.rs` from a neuron and a label. `cpu/` goes through all pairs on the CPU, `gpu/` on a device.

mod column;
pub(crate) mod cpu;
#[cfg(feature = "gpu")]
pub(crate) mod gpu;
mod harmonic;
mod jitter;
mod job;
mod labels;
mod line;
mod rank_table;
mod report;
mod stages;
#[cfg(test)]
mod tests;

use ndarray::Array1;
use rayon::prelude::*;

use crate::error::Error;
use crate::input::activations::ActivationsView;
use crate::report::BlocksReport;
use crate::settings::{RunSettings, run_setters};
use crate::support::stopwatch::Stopwatch;
use column::Column;
use harmonic::HarmonicTable;
use jitter::Jitter;
use labels::Labels;
pub use report::{
    NeighborBetweenReport, NeighborExecution, NeighborReport, NeighborTimings, NeuronTies,
};
use stages::Outcome;

/// The two estimators of mutual information of Kraskov, Stögbauer and Grassberger, *Estimating
/// mutual information*, Phys. Rev. E 69, 066138 (2004).
///
/// Both find the `k` nearest neighbours of each sample in the plane of two neurons, where the
/// distance is the larger of the two distances along the axes. Then they count the samples that are
/// as near along each axis.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum KsgAlgorithm {
    /// `I = ψ(S) + ψ(k) − ⟨ψ(n_x + 1) + ψ(n_y + 1)⟩`, with the numbers of other samples that are
    /// strictly closer along an axis than the `k`-th neighbour is in the plane.
    ///
    /// If `k` or more other samples are equal in both neurons, this distance is 0; `n_x` and `n_y`
    /// are then the numbers of samples that are equal along an axis.
    #[default]
    First,
    /// `I = ψ(S) + ψ(k) − 1/k − ⟨ψ(n_x) + ψ(n_y)⟩`, with the numbers of other samples that are no
    /// farther along an axis than the farthest of the `k` nearest neighbours is along that axis.
    ///
    /// All samples that are as far in the plane as the `k`-th neighbour count as neighbours, so the
    /// estimate does not depend on the order of samples.
    Second,
}

/// An analysis by nearest neighbours, with its settings: entropy of every neuron and mutual
/// information of every pair.
///
/// Nothing is binned: these estimates are for continuous activations, and have less bias than
/// binned ones at the same number of samples. Entropies are Kozachenko and Leonenko's,
/// `H = ψ(S) − ψ(k) + ⟨ln 2ε⟩` with the distance ε of a sample to its `k`-th neighbour (*Sample
/// estimate of the entropy of a random vector*, Probl. Inf. Transm. 23, 1987); mutual information
/// is that of [`KsgAlgorithm`]. ψ is the digamma function, ⟨⟩ the mean over samples.
///
/// # Ties
///
/// The estimators assume that no two samples are equal. Activations of a rectifier are often equal
/// to 0, which makes an entropy −∞ and mutual information unreliable: of two identical neurons it can
/// be far below 0. [`NeighborReport::ties`] has the equal activations of each neuron. Add noise with
/// [`NeighborAnalysis::jitter`], or use [`crate::Analysis`].
///
/// # The same bits everywhere
///
/// Each neuron is put on a grid of its own. It begins at the neuron's smallest activation, and its
/// step is 2⁻⁵¹ of the power of two above the neuron's spread, the largest activation less the
/// smallest. On it every distance is exact, also compared with those of another neuron, as one step
/// is the other times a power of two. Neighbours are counted in integers, and ψ is summed from one
/// fixed-point table. So mutual information has the same bits with any engine, any number of threads
/// and any order of samples. Activations of a neuron that differ by less than a step, at most 2⁻⁵¹ of
/// its spread, may become equal; other neurons of the job make no difference.
///
/// Nothing changes, to the last bit, if a number is added to all activations of a neuron, provided
/// that their type holds every sum exactly.
///
/// # Examples
///
/// ```
/// use cofire::NeighborAnalysis;
/// use ndarray::Array2;
///
/// // Two neurons that follow the same cause, and one that does not.
/// let activations = Array2::from_shape_fn((500, 3), |(s, n)| {
///     let scattered = |seed: usize| (s * (s + seed) % 1009) as f32;
///     if n < 2 { scattered(1) + 0.05 * scattered(3 + n) } else { scattered(7) }
/// });
/// let report = NeighborAnalysis::new(3).run(activations.view())?;
/// assert!(report.mutual_information[[0, 1]] > 1.0);
/// assert!(report.mutual_information[[0, 2]] < 0.3);
/// assert_eq!(report.mutual_information[[0, 1]], report.mutual_information[[1, 0]]);
/// # Ok::<(), cofire::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "settings do nothing until they are run"]
pub struct NeighborAnalysis {
    k: usize,
    algorithm: KsgAlgorithm,
    jitter: Jitter,
    run: RunSettings,
}

impl NeighborAnalysis {
    /// Makes a job with `k` neighbours of each sample, from 1 to one less than the number of
    /// samples.
    ///
    /// Small `k` has less bias, large `k` less variance; 3 to 10 are usual.
    pub fn new(k: usize) -> Self {
        Self {
            k,
            algorithm: KsgAlgorithm::default(),
            jitter: Jitter::default(),
            run: RunSettings::default(),
        }
    }

    /// Sets the estimator of mutual information. Default: [`KsgAlgorithm::First`].
    pub fn algorithm(mut self, algorithm: KsgAlgorithm) -> Self {
        self.algorithm = algorithm;
        self
    }

    /// Adds uniform noise to every activation. The noise is at most `amplitude`, from 0 to 1, times
    /// a neuron's spread: its largest activation less its smallest. Default: none.
    ///
    /// The noise depends only on the seed, the layer of [`NeighborAnalysis::run_between`], the
    /// neuron and the sample: engines, threads and runs give the same bits. It makes equal
    /// activations distinct; constant neurons stay constant. An amplitude of `1e-10` changes
    /// estimates of distinct activations by no more than its own noise. It has about half a million
    /// different values: if as many samples are equal, use a larger amplitude.
    ///
    /// # Examples
    ///
    /// ```
    /// use cofire::NeighborAnalysis;
    /// use ndarray::Array2;
    ///
    /// let rectified = Array2::from_shape_fn((100, 1), |(s, _)| (s as f32 - 50.0).max(0.0));
    /// let plain = NeighborAnalysis::new(3).run(rectified.view())?;
    /// assert_eq!(plain.entropy[0], f64::NEG_INFINITY);
    /// let noisy = NeighborAnalysis::new(3).jitter(1e-6, 42).run(rectified.view())?;
    /// assert!(noisy.entropy[0].is_finite());
    /// # Ok::<(), cofire::Error>(())
    /// ```
    pub fn jitter(mut self, amplitude: f64, seed: u64) -> Self {
        self.jitter = Jitter { amplitude, seed };
        self
    }

    run_setters!(run);

    /// Computes entropies and mutual information of activations of shape `samples × neurons`.
    ///
    /// On the CPU this takes O(neurons² · samples) time for activations that spread evenly,
    /// whatever share of them is equal, and O(neurons² · samples²) at worst. On a device it always
    /// takes the latter. There `k` is limited by workgroup memory, to 32 on most devices; a job
    /// with more runs on the CPU, as after a failure. Memory beyond the input is
    /// `30 · samples · neurons + 8 · neurons²` bytes.
    ///
    /// # Errors
    ///
    /// Fails for `k` of 0 or not less than the number of samples, fewer than two samples, no
    /// neurons, an activation that is not finite, or a jitter outside 0 to 1. Fails if more memory
    /// is needed than allowed or available, if the requested GPU is missing, and if the callback or
    /// the token stops the job.
    pub fn run<'a>(
        &self,
        activations: impl Into<ActivationsView<'a>>,
    ) -> Result<NeighborReport, Error> {
        pollster::block_on(self.run_async(activations))
    }

    /// Runs [`NeighborAnalysis::run`] for callers that have an executor, or are in a browser.
    ///
    /// Activations are sorted on the calling thread before the first suspension; after that only
    /// short pieces of work run on the executor's threads.
    ///
    /// # Errors
    ///
    /// The errors of [`NeighborAnalysis::run`].
    pub async fn run_async<'a>(
        &self,
        activations: impl Into<ActivationsView<'a>>,
    ) -> Result<NeighborReport, Error> {
        let clock = Stopwatch::start();
        let activations = activations.into();
        let (job, entropies) = self.prepare(&[activations])?;
        let ties = job.ties();
        let Outcome { mutual_information, digests, execution, timings } =
            self.finish(job, &entropies, clock).await?;
        Ok(NeighborReport {
            entropy: self.in_units(&entropies),
            mutual_information,
            ties,
            units: self.run.units,
            samples: activations.samples(),
            digests,
            neighbors: self.k,
            algorithm: self.algorithm,
            execution,
            timings,
        })
    }

    /// Computes the entropies of the neurons of two layers, and the mutual information of each
    /// neuron of the first with each of the second. Pairs within a layer are not computed.
    ///
    /// Activations are `samples × neurons`, with the same samples in the same order. The cost is that of [`NeighborAnalysis::run`], with `rows · columns` pairs
    /// for `rows` neurons in the first layer and `columns` in the second.
    ///
    /// # Errors
    ///
    /// The errors of [`NeighborAnalysis::run`]. Also fails if the layers differ in the number of
    /// samples.
    ///
    /// # Examples
    ///
    /// ```
    /// use cofire::NeighborAnalysis;
    /// use ndarray::{Array2, s};
    ///
    /// let activations = Array2::from_shape_fn((200, 5), |(s, n)| ((s * s * (n + 2)) % 211) as f32);
    /// let (rows, columns) = (activations.slice(s![.., ..3]), activations.slice(s![.., 3..]));
    /// let between = NeighborAnalysis::new(4).run_between(rows, columns)?;
    /// assert_eq!(between.mutual_information.dim(), (3, 2));
    /// let whole = NeighborAnalysis::new(4).run(activations.view())?;
    /// assert_eq!(between.mutual_information, whole.mutual_information.slice(s![..3, 3..]));
    /// # Ok::<(), cofire::Error>(())
    /// ```
    pub fn run_between<'a>(
        &self,
        rows: impl Into<ActivationsView<'a>>,
        columns: impl Into<ActivationsView<'a>>,
    ) -> Result<NeighborBetweenReport, Error> {
        pollster::block_on(self.run_between_async(rows, columns))
    }

    /// Runs [`NeighborAnalysis::run_between`] for callers that have an executor, or are in a
    /// browser.
    ///
    /// # Errors
    ///
    /// The errors of [`NeighborAnalysis::run_between`].
    pub async fn run_between_async<'a>(
        &self,
        rows: impl Into<ActivationsView<'a>>,
        columns: impl Into<ActivationsView<'a>>,
    ) -> Result<NeighborBetweenReport, Error> {
        let clock = Stopwatch::start();
        let (rows, columns) = (rows.into(), columns.into());
        let (job, entropies) = self.prepare(&[rows, columns])?;
        let mut row_ties = job.ties();
        let column_ties = row_ties.split_off(rows.neurons());
        let Outcome { mutual_information, digests, execution, timings } =
            self.finish(job, &entropies, clock).await?;
        let (of_rows, of_columns) = entropies.split_at(rows.neurons());
        Ok(NeighborBetweenReport {
            row_entropy: self.in_units(of_rows),
            column_entropy: self.in_units(of_columns),
            mutual_information,
            row_ties,
            column_ties,
            units: self.run.units,
            samples: rows.samples(),
            digests,
            neighbors: self.k,
            algorithm: self.algorithm,
            execution,
            timings,
        })
    }

    /// Computes some blocks of the pairs of [`NeighborAnalysis::run`] by themselves, with the same bits. Their
    /// digests can be compared with those of a result that has all pairs.
    ///
    /// `blocks` are numbers in the grid of [`DigestGrid::within`](crate::digest::DigestGrid::within).
    ///
    /// # Errors
    ///
    /// The errors of [`NeighborAnalysis::run`]. Also fails for a block that does not exist.
    ///
    /// # Examples
    ///
    /// ```
    /// use cofire::NeighborAnalysis;
    /// use ndarray::Array2;
    ///
    /// let activations = Array2::from_shape_fn((100, 40), |(s, n)| ((s * s * (n + 2)) % 211) as f32);
    /// let result = NeighborAnalysis::new(4).run(activations.view())?;
    /// let again = NeighborAnalysis::new(4).run_blocks(activations.view(), &[1])?;
    /// assert_eq!(again.digests.block(1), result.digests.block(1));
    /// # Ok::<(), cofire::Error>(())
    /// ```
    pub fn run_blocks<'a>(
        &self,
        activations: impl Into<ActivationsView<'a>>,
        blocks: &[usize],
    ) -> Result<BlocksReport, Error> {
        pollster::block_on(self.compute_blocks(&[activations.into()], blocks))
    }

    /// Computes some blocks of the pairs of [`NeighborAnalysis::run_between`], as
    /// [`NeighborAnalysis::run_blocks`] does.
    ///
    /// `blocks` are numbers in the grid of [`DigestGrid::between`](crate::digest::DigestGrid::between).
    ///
    /// # Errors
    ///
    /// The errors of [`NeighborAnalysis::run_between`]. Also fails for a block that does not exist.
    pub fn run_between_blocks<'a>(
        &self,
        rows: impl Into<ActivationsView<'a>>,
        columns: impl Into<ActivationsView<'a>>,
        blocks: &[usize],
    ) -> Result<BlocksReport, Error> {
        pollster::block_on(self.compute_blocks(&[rows.into(), columns.into()], blocks))
    }

    /// Computes mutual information of each neuron with a discrete label of the samples, in the unit
    /// set by [`NeighborAnalysis::units`]; length `neurons`.
    ///
    /// This is Ross's estimator (*Mutual information between discrete and continuous data sets*,
    /// PLoS ONE 9(2), e87357, 2014): `I = ψ(S) + ⟨ψ(k)⟩ − ⟨ψ(S_label)⟩ − ⟨ψ(m)⟩`, where `m − 1`
    /// samples of any label are closer than the `k`-th neighbour among those of the same label. As
    /// in scikit-learn's `mutual_info_classif`, a label of no more than `k` samples has as many
    /// neighbours as it has other samples, and samples whose label no other sample has are left
    /// out. Unlike there, activations are neither scaled nor made noisy, and estimates below 0 are
    /// not set to 0.
    ///
    /// It runs on the CPU whatever the engine, in O(neurons · samples · log samples) time.
    ///
    /// # Errors
    ///
    /// The errors of [`NeighborAnalysis::run`]. Also fails if the number of labels differs from
    /// that of samples, and if every label occurs only once.
    ///
    /// # Examples
    ///
    /// ```
    /// use cofire::NeighborAnalysis;
    /// use ndarray::Array2;
    ///
    /// let labels: Vec<u32> = (0..300).map(|s| s % 3).collect();
    /// let activations = Array2::from_shape_fn((300, 2), |(s, n)| {
    ///     let noise = (s * s % 1009) as f32 / 1009.0;
    ///     if n == 0 { labels[s] as f32 + noise } else { noise }
    /// });
    /// let information = NeighborAnalysis::new(3).label_information(activations.view(), &labels)?;
    /// assert!((information[0] - 3f64.ln()).abs() < 0.05);
    /// assert!(information[1].abs() < 0.1);
    /// # Ok::<(), cofire::Error>(())
    /// ```
    pub fn label_information<'a>(
        &self,
        activations: impl Into<ActivationsView<'a>>,
        labels: &[u32],
    ) -> Result<Array1<f64>, Error> {
        let activations = activations.into();
        let checked = self.check(&[activations])?;
        let samples = activations.samples();
        if labels.len() != samples {
            return Err(Error::LabelsMismatch { labels: labels.len(), samples });
        }
        let labels = Labels::new(labels);
        if labels.samples() == 0 {
            return Err(Error::LabelsOccurOnce { samples });
        }
        let (columns, _) = self.columns(&checked, |_, _| ())?;
        let table = HarmonicTable::new(samples)?;
        let monitor = self.run.monitor((samples * columns.len()) as u64);
        let of_column = |column: &Column| {
            monitor.advance(samples as u64)?;
            Ok(labels.mutual_information(column, self.k, &table) * self.run.units.per_nat())
        };
        columns.par_iter().map(of_column).collect::<Result<Vec<f64>, Error>>().map(Array1::from)
    }
}
