//! Estimators from nearest neighbours, for continuous activations: they use no bins.
//!
//! This file has the public calls, as `analysis.rs` has those of binned estimates; `stages.rs` runs
//! a job. `column.rs` sorts activations and puts them on a grid where distances are exact.
//! `line.rs` estimates from a single neuron, `nearest_neighbors.rs` from a pair, `labels.rs` from a
//! neuron and a label. `cpu.rs` goes through all pairs on the CPU, `engine/gpu/nearest_neighbors/`
//! on a device.

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

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use ndarray::{Array1, ArrayView2};
use rayon::prelude::*;

pub use report::{NeighborExecution, NeighborLayersReport, NeighborReport, NeighborTimings};

use crate::engine::Engine;
use crate::execution::OnDeviceFailure;
use crate::support::cancel::CancelToken;
use crate::support::monitor::Progress;
use crate::support::stopwatch::Stopwatch;
use crate::{Error, Units};
use column::Column;
use harmonic::HarmonicTable;
use jitter::Jitter;
use labels::Labels;
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
/// to 0, which makes an entropy −∞. Add noise with [`NeighborAnalysis::jitter`], or use
/// [`crate::Analysis`].
///
/// # The same bits everywhere
///
/// Activations are put on a grid whose step is 2⁻⁵¹ of the power of two above the largest magnitude
/// of the job. On it every distance is exact, neighbours are counted in integers, and ψ is summed
/// from one fixed-point table. So mutual information has the same bits with any engine, any number
/// of threads and any order of samples. An `f32` within 2²⁷ of the largest magnitude lies on the
/// grid; smaller ones are rounded to it.
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
#[derive(Clone)]
#[must_use = "settings do nothing until they are run"]
pub struct NeighborAnalysis {
    k: usize,
    algorithm: KsgAlgorithm,
    jitter: Jitter,
    units: Units,
    engine: Engine,
    on_device_failure: OnDeviceFailure,
    memory_limit: Option<u64>,
    device_memory_limit: Option<u64>,
    progress: Option<Arc<ProgressFunction>>,
    token: CancelToken,
}

type ProgressFunction = dyn Fn(Progress) -> ControlFlow<()> + Send + Sync;

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
            units: Units::default(),
            engine: Engine::default(),
            on_device_failure: OnDeviceFailure::default(),
            memory_limit: None,
            device_memory_limit: None,
            progress: None,
            token: CancelToken::new(),
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
    /// estimates of distinct activations by no more than its own noise.
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

    /// Sets the unit of the results. Default: [`Units::Nats`].
    pub fn units(mut self, units: Units) -> Self {
        self.units = units;
        self
    }

    /// Sets the engine. Default: [`Engine::Auto`], which is the CPU here: the CPU compares a sample
    /// with its neighbourhood only, a device with all other samples.
    pub fn engine(mut self, engine: Engine) -> Self {
        self.engine = engine;
        self
    }

    /// Sets what happens if a device fails during the job. Default: [`OnDeviceFailure::UseCpu`].
    pub fn on_device_failure(mut self, choice: OnDeviceFailure) -> Self {
        self.on_device_failure = choice;
        self
    }

    /// Sets a limit for the host memory, in bytes, that the job may allocate beyond its input. A
    /// job that needs more is refused before it starts. Default: no limit.
    pub fn memory_limit(mut self, bytes: u64) -> Self {
        self.memory_limit = Some(bytes);
        self
    }

    /// Sets a limit, in bytes, for the buffers of a job on a GPU, all together.
    ///
    /// Neurons that do not fit at once are counted in smaller tiles, and uploaded again when
    /// needed. If not even one pair fits, the CPU takes over, and the report says how much would
    /// have been needed. Default: 2 GiB, of which most jobs use little.
    /// [`Transfer::device_memory_bytes`](crate::Transfer::device_memory_bytes) reports the memory
    /// used.
    pub fn device_memory_limit(mut self, bytes: u64) -> Self {
        self.device_memory_limit = Some(bytes);
        self
    }

    /// Sets a function that receives the progress of the job. It may stop the job by returning
    /// [`ControlFlow::Break`]: the job then ends with [`Error::Cancelled`]. It is called a few
    /// times a second or more, from any thread, and should be quick.
    pub fn progress(
        mut self,
        callback: impl Fn(Progress) -> ControlFlow<()> + Send + Sync + 'static,
    ) -> Self {
        self.progress = Some(Arc::new(callback));
        self
    }

    /// Sets a token with which any thread can cancel the job. The job then ends with
    /// [`Error::Cancelled`], within about a fifth of a second.
    pub fn cancel_token(mut self, token: &CancelToken) -> Self {
        self.token = token.clone();
        self
    }

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
    pub fn run(&self, activations: ArrayView2<'_, f32>) -> Result<NeighborReport, Error> {
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
    pub async fn run_async(
        &self,
        activations: ArrayView2<'_, f32>,
    ) -> Result<NeighborReport, Error> {
        let clock = Stopwatch::start();
        let (job, entropies) = self.prepare(&[activations])?;
        let Outcome { mutual_information, execution, timings } = self.finish(job, clock).await?;
        Ok(NeighborReport {
            entropy: self.in_units(&entropies),
            mutual_information,
            units: self.units,
            samples: activations.nrows(),
            neighbors: self.k,
            algorithm: self.algorithm,
            execution,
            timings,
        })
    }

    /// Computes mutual information of each neuron of `x`, of shape `samples × M`, with each neuron
    /// of `y`, of shape `samples × N`. Both have the same samples in the same order. The result is
    /// `M × N`.
    ///
    /// Both layers are put on one grid. The cost is that of [`NeighborAnalysis::run`], with `M · N`
    /// pairs.
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
    /// let (x, y) = (activations.slice(s![.., ..3]), activations.slice(s![.., 3..]));
    /// let between = NeighborAnalysis::new(4).run_between(x, y)?;
    /// assert_eq!(between.mutual_information.dim(), (3, 2));
    /// let whole = NeighborAnalysis::new(4).run(activations.view())?;
    /// assert_eq!(between.mutual_information, whole.mutual_information.slice(s![..3, 3..]));
    /// # Ok::<(), cofire::Error>(())
    /// ```
    pub fn run_between(
        &self,
        x: ArrayView2<'_, f32>,
        y: ArrayView2<'_, f32>,
    ) -> Result<NeighborLayersReport, Error> {
        pollster::block_on(self.run_between_async(x, y))
    }

    /// Runs [`NeighborAnalysis::run_between`] for callers that have an executor, or are in a
    /// browser.
    ///
    /// # Errors
    ///
    /// The errors of [`NeighborAnalysis::run_between`].
    pub async fn run_between_async(
        &self,
        x: ArrayView2<'_, f32>,
        y: ArrayView2<'_, f32>,
    ) -> Result<NeighborLayersReport, Error> {
        let clock = Stopwatch::start();
        let (job, entropies) = self.prepare(&[x, y])?;
        let Outcome { mutual_information, execution, timings } = self.finish(job, clock).await?;
        let (of_x, of_y) = entropies.split_at(x.ncols());
        Ok(NeighborLayersReport {
            entropy_x: self.in_units(of_x),
            entropy_y: self.in_units(of_y),
            mutual_information,
            units: self.units,
            samples: x.nrows(),
            neighbors: self.k,
            algorithm: self.algorithm,
            execution,
            timings,
        })
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
    /// let information = NeighborAnalysis::new(3).with_labels(activations.view(), &labels)?;
    /// assert!((information[0] - 3f64.ln()).abs() < 0.05);
    /// assert!(information[1].abs() < 0.1);
    /// # Ok::<(), cofire::Error>(())
    /// ```
    pub fn with_labels(
        &self,
        activations: ArrayView2<'_, f32>,
        labels: &[u32],
    ) -> Result<Array1<f64>, Error> {
        let checked = self.check(&[activations])?;
        let samples = activations.nrows();
        if labels.len() != samples {
            return Err(Error::LabelsMismatch { labels: labels.len(), samples });
        }
        let labels = Labels::new(labels);
        if labels.samples() == 0 {
            return Err(Error::LabelsOccurOnce { samples });
        }
        let (columns, _) = self.columns(&checked, |_| ())?;
        let table = HarmonicTable::new(samples)?;
        let monitor = self.monitor((samples * columns.len()) as u64);
        let of_column = |column: &Column| {
            monitor.advance(samples as u64)?;
            Ok(labels.mutual_information(column, self.k, &table) * self.units.per_nat())
        };
        columns.par_iter().map(of_column).collect::<Result<Vec<f64>, Error>>().map(Array1::from)
    }
}

impl fmt::Debug for NeighborAnalysis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NeighborAnalysis")
            .field("k", &self.k)
            .field("algorithm", &self.algorithm)
            .field("jitter", &self.jitter)
            .field("units", &self.units)
            .field("engine", &self.engine)
            .field("on_device_failure", &self.on_device_failure)
            .field("memory_limit", &self.memory_limit)
            .field("device_memory_limit", &self.device_memory_limit)
            .field("progress", &self.progress.is_some())
            .field("token", &self.token)
            .finish()
    }
}
