//! Analyses from joint histograms: [`Analysis`] and the results of its calls that are not in
//! [`report`](crate::report).

// This file has the settings and the public calls. The other files compute the results.

mod batches;
mod blocks;
mod cofiring;
mod histograms;
mod labels;
pub(crate) mod prepare;
pub(crate) mod run;
mod total_correlation;

use std::path::PathBuf;

use ndarray::{Array1, Array3};

use crate::binning::{BinEdges, Binning};
use crate::codes::budget::Memory;
use crate::codes::encoder::EncodedLayer;
use crate::error::Error;
use crate::estimator::Estimator;
use crate::execution::Kernel;
use crate::input::activations::ActivationsView;
use crate::input::batches::Batches;
use crate::report::{BetweenReport, BlocksReport, Report};
use crate::settings::{CountSettings, run_setters};
use crate::surrogates::Surrogates;
use crate::sweep::{Selection, Sweep};
pub use cofiring::{Association, CofiringPair, CofiringReport};
pub(crate) use histograms::joint_histograms;
pub use labels::{ConditionalReport, LabelReport};
use prepare::Edges;
pub use total_correlation::TotalCorrelation;

/// Computes the entropy of every neuron and the mutual information of every pair, in nats, with
/// bins between each neuron's own extremes, on the best engine of this machine.
///
/// `activations` has shape `samples × neurons`, in any memory layout. This is
/// [`Analysis::new`]`(bins).run(activations)`; an [`Analysis`] has more settings.
///
/// # Errors
///
/// The errors of [`Analysis::run`].
///
/// # Examples
///
/// ```
/// use ndarray::array;
///
/// // Two neurons that fire together, and one that is independent of them.
/// let activations = array![[0.1f32, 1.0, 3.0], [0.2, 2.0, 9.0], [0.9, 9.0, 3.0], [0.8, 8.0, 9.0]];
/// let report = cofire::analyze(activations.view(), 2)?;
/// assert!((report.entropy[0] - 2f64.ln()).abs() < 1e-10);
/// assert!((report.mutual_information[[0, 1]] - 2f64.ln()).abs() < 1e-10);
/// assert!(report.mutual_information[[0, 2]] < 1e-10);
/// # Ok::<(), cofire::Error>(())
/// ```
pub fn analyze<'a>(
    activations: impl Into<ActivationsView<'a>>,
    bins: usize,
) -> Result<Report, Error> {
    Analysis::new(bins).run(activations)
}

/// An analysis from joint histograms: its settings, and the calls that run it.
///
/// # Examples
///
/// ```
/// use cofire::{Analysis, Binning, Engine, Range, Units};
/// use ndarray::Array2;
///
/// let activations = Array2::from_shape_fn((500, 8), |(s, n)| ((s * (n + 3)) % 17) as f32);
/// let report = Analysis::with_binning(Binning::equal_width_over(10, Range::Global))
///     .units(Units::Bits)
///     .engine(Engine::Cpu)
///     .run(activations.view())?;
/// assert_eq!(report.mutual_information.dim(), (8, 8));
/// assert_eq!(report.entropy[3], report.mutual_information[[3, 3]]);
/// # Ok::<(), cofire::Error>(())
/// ```
#[derive(Debug, Clone)]
#[must_use = "settings do nothing until they are run"]
pub struct Analysis {
    edges: Edges,
    pub(crate) settings: CountSettings,
    spill_directory: Option<PathBuf>,
}

/// Settings.
impl Analysis {
    /// Makes an analysis with `bins` equal-width bins, 2 to 256, between each neuron's own extremes.
    pub fn new(bins: usize) -> Self {
        Self::with_binning(Binning::equal_width(bins))
    }

    /// Makes an analysis with any [`Binning`]: equal widths over another range, equally filled bins,
    /// a number of bins by a rule, a threshold, given edges, a bin for zeros.
    ///
    /// # Examples
    ///
    /// ```
    /// use cofire::{Analysis, Binning};
    /// use ndarray::array;
    ///
    /// let activations = array![[0.0f32, 1.5], [0.0, 0.0], [2.0, 0.0], [3.0, 0.5]];
    /// let report = Analysis::with_binning(Binning::Threshold(0.0)).run(activations.view())?;
    /// assert!((report.entropy[0] - 2f64.ln()).abs() < 1e-10);
    /// # Ok::<(), cofire::Error>(())
    /// ```
    pub fn with_binning(binning: Binning) -> Self {
        Self::of(Edges::Fit(binning))
    }

    /// Makes an analysis with edges that were fitted before: a test set needs the edges of its
    /// training set.
    pub fn with_edges(edges: BinEdges) -> Self {
        Self::of(Edges::Fitted(edges))
    }

    fn of(edges: Edges) -> Self {
        Self { edges, settings: CountSettings::default(), spill_directory: None }
    }

    /// Sets the estimator of entropies. Default: [`Estimator::PlugIn`].
    pub fn estimator(mut self, estimator: Estimator) -> Self {
        self.settings.estimator = estimator;
        self
    }

    /// Sets the kernel that counts. Default: the one that is likely the fastest; for a device's jobs of a
    /// second or more, the one that is fastest on a small part.
    pub fn kernel(mut self, kernel: Kernel) -> Self {
        self.settings.kernel = Some(kernel);
        self
    }

    /// Sets the directory for the temporary file of codes that the allowed memory does not hold.
    /// Only calls that take batches write one. Default: the system's directory for temporary files,
    /// which may itself be in memory.
    pub fn spill_directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.spill_directory = Some(directory.into());
        self
    }

    run_setters!(settings.run);
}

/// Calls.
impl Analysis {
    /// Computes entropies and mutual information of activations of shape `samples × neurons`.
    ///
    /// Estimates are made from joint histograms, `bins × bins` for each pair. O(samples · neurons²)
    /// time; `samples · neurons + 8 · neurons²` bytes of memory beyond the input, an eighth more for
    /// codes of two bins, and some MiB for each thread.
    ///
    /// Activations are `f32` or `f64`, see [`ActivationsView`]. The bits of the result do not depend on
    /// engine, adapter, kernel or number of threads.
    ///
    /// # Errors
    ///
    /// Fails for activations or a binning that [`BinEdges::fit`] refuses, an unusable pseudo-count,
    /// edges of another layer, and a kernel that cannot count the number of bins. Fails if more
    /// memory is needed than allowed or available, if the requested GPU is missing, and if the
    /// callback or the token stops the job.
    pub fn run<'a>(&self, activations: impl Into<ActivationsView<'a>>) -> Result<Report, Error> {
        pollster::block_on(self.run_async(activations))
    }

    /// Runs [`Analysis::run`] for callers that have an executor, or are in a browser.
    ///
    /// Activations are encoded on the calling thread before the first suspension; after that only
    /// short pieces of work run on the executor's threads.
    ///
    /// # Errors
    ///
    /// The errors of [`Analysis::run`].
    pub async fn run_async<'a>(
        &self,
        activations: impl Into<ActivationsView<'a>>,
    ) -> Result<Report, Error> {
        run::layer(self, activations.into()).await
    }

    /// Computes the entropies alone, without any pair: O(samples · neurons), on the host.
    ///
    /// They have the same bits as [`Report::entropy`].
    ///
    /// # Errors
    ///
    /// The errors of [`Analysis::run`], except those of engines.
    ///
    /// # Examples
    ///
    /// ```
    /// use cofire::{Analysis, Units};
    /// use ndarray::array;
    ///
    /// let activations = array![[0.0f32, 3.0], [1.0, 3.0], [2.0, 3.0], [3.0, 3.0]];
    /// let entropies = Analysis::new(4).units(Units::Bits).entropies(activations.view())?;
    /// assert!((entropies[0] - 2.0).abs() < 1e-10);
    /// assert_eq!(entropies[1], 0.0);
    /// # Ok::<(), cofire::Error>(())
    /// ```
    pub fn entropies<'a>(
        &self,
        activations: impl Into<ActivationsView<'a>>,
    ) -> Result<Array1<f64>, Error> {
        run::entropies(self, activations.into())
    }

    /// Computes the entropies of the neurons of two layers, or of two networks, and the mutual
    /// information of each neuron of the first with each of the second. Pairs within a layer are
    /// not computed.
    ///
    /// Activations are `samples × neurons`, with the same samples in the same order. Bins are
    /// fitted to each layer by itself. O(samples · rows · columns) time, and
    /// `samples · (rows + columns) + 8 · rows · columns` bytes of memory beyond the input, for
    /// `rows` neurons in the first layer and `columns` in the second.
    ///
    /// # Errors
    ///
    /// The errors of [`Analysis::run`]. Also fails for layers of different numbers of samples.
    ///
    /// # Examples
    ///
    /// ```
    /// use cofire::Analysis;
    /// use ndarray::array;
    ///
    /// let rows = array![[0.0f32], [1.0], [0.0], [1.0]];
    /// let columns = array![[5.0f32, 2.0], [7.0, 2.0], [5.0, 3.0], [7.0, 3.0]];
    /// let report = Analysis::new(2).run_between(rows.view(), columns.view())?;
    /// assert_eq!(report.mutual_information.dim(), (1, 2));
    /// assert!((report.mutual_information[[0, 0]] - 2f64.ln()).abs() < 1e-10);
    /// assert!(report.mutual_information[[0, 1]] < 1e-10);
    /// # Ok::<(), cofire::Error>(())
    /// ```
    pub fn run_between<'a>(
        &self,
        rows: impl Into<ActivationsView<'a>>,
        columns: impl Into<ActivationsView<'a>>,
    ) -> Result<BetweenReport, Error> {
        pollster::block_on(self.run_between_async(rows, columns))
    }

    /// Runs [`Analysis::run_between`] for callers that have an executor, or are in a browser.
    ///
    /// # Errors
    ///
    /// The errors of [`Analysis::run_between`].
    pub async fn run_between_async<'a>(
        &self,
        rows: impl Into<ActivationsView<'a>>,
        columns: impl Into<ActivationsView<'a>>,
    ) -> Result<BetweenReport, Error> {
        run::between(self, rows.into(), columns.into()).await
    }

    /// Computes some blocks of the pairs of [`Analysis::run_between`] by themselves, with the same bits. Their
    /// digests can be compared with those of a result that has all pairs.
    ///
    /// `blocks` are numbers in the grid of [`DigestGrid::between`](crate::digest::DigestGrid::between). Blocks
    /// of the pairs within a layer are those of a [`Sweep`] over [`Selection::All`] with the edge of
    /// [`DigestGrid::within`](crate::digest::DigestGrid::within).
    ///
    /// # Errors
    ///
    /// The errors of [`Analysis::run_between`]. Also fails for a block that does not exist.
    ///
    /// # Examples
    ///
    /// ```
    /// use cofire::Analysis;
    /// use ndarray::{Array2, s};
    ///
    /// let activations = Array2::from_shape_fn((200, 50), |(s, n)| ((s * s * (n + 2)) % 211) as f32);
    /// let (rows, columns) = (activations.slice(s![.., ..30]), activations.slice(s![.., 30..]));
    /// let result = Analysis::new(5).run_between(rows, columns)?;
    /// let again = Analysis::new(5).run_between_blocks(rows, columns, &[2])?;
    /// assert_eq!(again.digests.block(2), result.digests.block(2));
    /// # Ok::<(), cofire::Error>(())
    /// ```
    pub fn run_between_blocks<'a>(
        &self,
        rows: impl Into<ActivationsView<'a>>,
        columns: impl Into<ActivationsView<'a>>,
        blocks: &[usize],
    ) -> Result<BlocksReport, Error> {
        pollster::block_on(blocks::between(self, rows.into(), columns.into(), blocks))
    }

    /// Computes the mutual information of every neuron with a label of each sample: a class, a
    /// token, a group.
    ///
    /// Neurons are binned as usual. Each label is a category of its own, whatever its number, and
    /// there may be as many as samples. The estimator is applied to each of the three entropies of
    /// `I(X; Z) = H(X) + H(Z) − H(X, Z)`. It runs on the host: O(samples · neurons).
    ///
    /// # Errors
    ///
    /// The errors of [`Analysis::run`]. Also fails if the number of labels differs from that of
    /// samples.
    ///
    /// # Examples
    ///
    /// ```
    /// use cofire::Analysis;
    /// use ndarray::array;
    ///
    /// let activations = array![[0.1f32, 3.0], [0.2, 9.0], [0.9, 3.0], [0.8, 9.0]];
    /// let report = Analysis::new(2).label_information(activations.view(), &[7, 7, 4, 4])?;
    /// assert!((report.mutual_information[0] - 2f64.ln()).abs() < 1e-10);
    /// assert!(report.mutual_information[1].abs() < 1e-10);
    /// # Ok::<(), cofire::Error>(())
    /// ```
    pub fn label_information<'a>(
        &self,
        activations: impl Into<ActivationsView<'a>>,
        labels: &[u32],
    ) -> Result<LabelReport, Error> {
        labels::information(self, activations.into(), labels)
    }

    /// Computes the mutual information of every pair of neurons given a label of each sample:
    /// `I(X; Y | Z) = H(X, Z) + H(Y, Z) − H(Z) − H(X, Y, Z)`.
    ///
    /// It leaves out the information that two neurons share only because both depend on the label.
    /// The samples of each label are counted by themselves. This takes about as long as
    /// [`Analysis::run`] if labels have some thousands of samples, and longer if they have few.
    ///
    /// # Errors
    ///
    /// The errors of [`Analysis::label_information`]. Also fails for the estimators that need whole
    /// histograms, [`Estimator::ChaoShen`] and [`Estimator::JamesStein`].
    ///
    /// # Examples
    ///
    /// ```
    /// use cofire::Analysis;
    /// use ndarray::array;
    ///
    /// // The label is 1 where exactly one of the two neurons fires.
    /// let activations = array![[0.0f32, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
    /// let report = Analysis::new(2).run_given_labels(activations.view(), &[0, 1, 1, 0])?;
    /// assert!(report.label.mutual_information[0].abs() < 1e-10);
    /// assert!((report.conditional_mutual_information[[0, 1]] - 2f64.ln()).abs() < 1e-10);
    /// # Ok::<(), cofire::Error>(())
    /// ```
    pub fn run_given_labels<'a>(
        &self,
        activations: impl Into<ActivationsView<'a>>,
        labels: &[u32],
    ) -> Result<ConditionalReport, Error> {
        pollster::block_on(self.run_given_labels_async(activations, labels))
    }

    /// Runs [`Analysis::run_given_labels`] for callers that have an executor, or are in a browser.
    ///
    /// # Errors
    ///
    /// The errors of [`Analysis::run_given_labels`].
    pub async fn run_given_labels_async<'a>(
        &self,
        activations: impl Into<ActivationsView<'a>>,
        labels: &[u32],
    ) -> Result<ConditionalReport, Error> {
        labels::conditional(self, activations.into(), labels).await
    }

    /// Counts the samples in which every neuron fires, and every pair of neurons together. Neurons
    /// that are on or off, such as the features of a sparse autoencoder, have no other statistics of
    /// pairs.
    ///
    /// It needs two bins, of which the second means firing. O(samples · neurons² / 64) time;
    /// `9/8 · samples · neurons + 4 · neurons²` bytes of memory beyond the input.
    ///
    /// # Errors
    ///
    /// The errors of [`Analysis::run`]. Also fails for other than two bins.
    pub fn cofiring<'a>(
        &self,
        activations: impl Into<ActivationsView<'a>>,
    ) -> Result<CofiringReport, Error> {
        pollster::block_on(self.cofiring_async(activations))
    }

    /// Runs [`Analysis::cofiring`] for callers that have an executor, or are in a browser.
    ///
    /// # Errors
    ///
    /// The errors of [`Analysis::cofiring`].
    pub async fn cofiring_async<'a>(
        &self,
        activations: impl Into<ActivationsView<'a>>,
    ) -> Result<CofiringReport, Error> {
        cofiring::report(self, activations.into()).await
    }

    /// Computes the total correlation (Watanabe 1960, also called multi-information) of all neurons
    /// of the activations: how far they are, taken together, from being independent.
    ///
    /// It needs many more samples than there are patterns. It can be estimated for some neurons, and
    /// hardly ever for a whole layer: choose columns and few bins, and look at
    /// [`TotalCorrelation::coverage`]. It runs on the host: O(samples · neurons) time, twice the
    /// codes in memory.
    ///
    /// # Errors
    ///
    /// The errors of [`Analysis::run`].
    ///
    /// # Examples
    ///
    /// ```
    /// use cofire::Analysis;
    /// use ndarray::Array2;
    ///
    /// // The third neuron is on when exactly one of the other two is.
    /// let fires = |s: usize, n: usize| [s % 2, s / 2 % 2, (s % 2) ^ (s / 2 % 2)][n];
    /// let x = Array2::from_shape_fn((400, 3), |(s, n)| fires(s, n) as f32);
    /// let total = Analysis::new(2).total_correlation(x.view())?;
    /// assert!((total.total_correlation - 2f64.ln()).abs() < 1e-10); // though no pair shares any
    /// assert!(total.is_estimable());
    /// # Ok::<(), cofire::Error>(())
    /// ```
    pub fn total_correlation<'a>(
        &self,
        activations: impl Into<ActivationsView<'a>>,
    ) -> Result<TotalCorrelation, Error> {
        total_correlation::of_layer(self, activations.into())
    }

    /// Counts the joint histograms of chosen pairs: counts of shape `pairs × bins × bins`, where
    /// `[p, a, b]` is the number of samples whose first neuron of pair `p` falls into bin `a` and
    /// whose second falls into bin `b`.
    ///
    /// # Errors
    ///
    /// The errors of [`Analysis::run`]. Also fails for a pair with a neuron that does not exist.
    ///
    /// # Examples
    ///
    /// ```
    /// use cofire::Analysis;
    /// use ndarray::array;
    ///
    /// let activations = array![[0.0f32, 5.0], [1.0, 5.0], [1.0, 7.0]];
    /// let counts = Analysis::new(2).joint_histograms(activations.view(), &[(0, 1)])?;
    /// assert_eq!(counts, array![[[1, 0], [1, 1]]]);
    /// # Ok::<(), cofire::Error>(())
    /// ```
    pub fn joint_histograms<'a>(
        &self,
        activations: impl Into<ActivationsView<'a>>,
        pairs: &[(usize, usize)],
    ) -> Result<Array3<u32>, Error> {
        pollster::block_on(self.joint_histograms_async(activations, pairs))
    }

    /// Runs [`Analysis::joint_histograms`] for callers that have an executor, or are in a browser.
    ///
    /// # Errors
    ///
    /// The errors of [`Analysis::joint_histograms`].
    pub async fn joint_histograms_async<'a>(
        &self,
        activations: impl Into<ActivationsView<'a>>,
        pairs: &[(usize, usize)],
    ) -> Result<Array3<u32>, Error> {
        joint_histograms(self, activations.into(), pairs).await.map(|(counts, _)| counts)
    }

    /// Computes the pointwise mutual information of chosen pairs, `ln (S · n(a, b) / (n(a) · n(b)))`
    /// in the unit of these settings: how much more often than by chance the two neurons are in bins
    /// `a` and `b` at once. The result has shape `pairs × bins × bins`.
    ///
    /// It is −∞ if that never happens though both bins are occupied, and NaN if one of them is
    /// empty. Its mean over all samples is the plug-in mutual information. The estimator has no
    /// effect on it.
    ///
    /// # Errors
    ///
    /// The errors of [`Analysis::joint_histograms`].
    ///
    /// # Examples
    ///
    /// ```
    /// use cofire::Analysis;
    /// use ndarray::array;
    ///
    /// let activations = array![[0.0f32, 5.0], [0.0, 5.0], [1.0, 7.0], [1.0, 7.0]];
    /// let tables = Analysis::new(2).pointwise_mutual_information(activations.view(), &[(0, 1)])?;
    /// assert_eq!(tables[[0, 0, 0]], 2f64.ln());
    /// assert_eq!(tables[[0, 0, 1]], f64::NEG_INFINITY);
    /// # Ok::<(), cofire::Error>(())
    /// ```
    pub fn pointwise_mutual_information<'a>(
        &self,
        activations: impl Into<ActivationsView<'a>>,
        pairs: &[(usize, usize)],
    ) -> Result<Array3<f64>, Error> {
        let activations = activations.into();
        let counts = self.joint_histograms(activations, pairs)?;
        Ok(histograms::pointwise(&counts, activations.samples(), self.settings.run.units))
    }

    /// Runs [`Analysis::run`] for activations that come in batches of samples: the same bits,
    /// whatever the size of the batches.
    ///
    /// The source is visited once to find the edges, unless they are given, and once to make codes. A
    /// visit holds one batch at a time: 8 MiB, or a 32nd of the memory allowed, or one sample. If
    /// quantiles or rules need whole neurons, these are visited in portions of an eighth of the
    /// memory allowed, one visit for each portion.
    ///
    /// # Errors
    ///
    /// The errors of [`Analysis::run`], and those of the source. Also fails if a temporary file
    /// cannot be written.
    ///
    /// # Examples
    ///
    /// ```
    /// use cofire::Analysis;
    /// use ndarray::{Array2, ArrayView2};
    ///
    /// let activations = Array2::from_shape_fn((500, 8), |(s, n)| ((s * (n + 3)) % 17) as f32);
    /// let report = Analysis::new(10).run_batches(&mut activations.view())?;
    /// let in_one_piece = Analysis::new(10).run(activations.view())?;
    /// assert_eq!(report.mutual_information, in_one_piece.mutual_information);
    /// # Ok::<(), cofire::Error>(())
    /// ```
    pub fn run_batches(&self, source: &mut dyn Batches) -> Result<Report, Error> {
        batches::run(self, source)
    }

    /// Makes the bin codes of activations that come in batches, as [`Analysis::run_batches`] does,
    /// for [`Analysis::sweep`] or [`Analysis::run_encoded`].
    ///
    /// Codes may take half of the memory allowed: one byte a sample and neuron, or one bit if there are
    /// two bins. Larger ones go to a temporary file as a whole, which needs the feature `spill`.
    ///
    /// # Errors
    ///
    /// The errors of [`Analysis::run_batches`].
    pub fn encode_batches(&self, source: &mut dyn Batches) -> Result<EncodedLayer, Error> {
        batches::encode(self, source, Memory::default())
    }

    /// Runs [`Analysis::run`] for a layer that has been encoded. The layer keeps its edges: the
    /// binning of this analysis has no effect.
    ///
    /// # Errors
    ///
    /// The errors of [`Analysis::run`], except those of activations.
    pub fn run_encoded(&self, layer: EncodedLayer) -> Result<Report, Error> {
        batches::run_encoded(&self.settings, layer)
    }

    /// Prepares a sweep over all pairs of a layer, block by block, that keeps the selected pairs.
    /// The layer keeps its edges: the binning of this analysis has no effect.
    ///
    /// # Errors
    ///
    /// Fails for an invalid selection, for [`Selection::FalseDiscoveryRate`] with an estimator
    /// other than [`Estimator::PlugIn`], for a kernel that cannot count the number of bins, and if
    /// more memory is needed than allowed.
    ///
    /// # Examples
    ///
    /// ```
    /// use cofire::{Analysis, Selection};
    /// use ndarray::Array2;
    ///
    /// let activations = Array2::from_shape_fn((500, 30), |(s, n)| ((s * (n % 9 + 3)) % 17) as f32);
    /// let analysis = Analysis::new(10);
    /// let layer = analysis.encode_batches(&mut activations.view())?;
    /// let report = analysis.sweep(layer, Selection::Strongest(3))?.run()?;
    /// assert!(report.pairs.iter().all(|pair| pair.first < pair.second));
    /// # Ok::<(), cofire::Error>(())
    /// ```
    pub fn sweep(&self, layer: EncodedLayer, selection: Selection) -> Result<Sweep, Error> {
        Sweep::new(&self.settings, layer, selection, None, None)
    }

    /// Prepares a sweep as [`Analysis::sweep`] does, with blocks of a given number of neurons along
    /// their edge instead of the largest that memory allows. A block computed on one machine can be
    /// taken on another only if their blocks have the same size.
    ///
    /// # Errors
    ///
    /// The errors of [`Analysis::sweep`].
    pub fn sweep_in_blocks(
        &self,
        layer: EncodedLayer,
        selection: Selection,
        block_edge: usize,
    ) -> Result<Sweep, Error> {
        Sweep::new(&self.settings, layer, selection, None, Some(block_edge.max(1)))
    }

    /// Prepares a sweep over all pairs of a layer that selects discoveries at a false-discovery rate,
    /// as [`Selection::FalseDiscoveryRate`] does, but estimated from surrogates: for samples that
    /// depend on each other, for which the p-values of the G-test are too small.
    ///
    /// The G-test's p-value is the statistic that is compared. With `P` surrogates of each pair, the
    /// rate of a limit is `(1 + surrogates at or below it) / P`, divided by the number of pairs at or
    /// below it: surrogates of all pairs are pooled, so some tens of each are enough, and rates far
    /// below `1 / P` can be told (Tusher et al. 2001, PNAS 98:5116; Storey and Tibshirani 2003, PNAS
    /// 100:9440, with all pairs taken for unrelated). A pair's rate is the smallest of all limits that
    /// include it. Limits are on a grid of 64 steps to a factor of 2, from a p-value of 0.25 down. The
    /// result does not depend on the blocks.
    ///
    /// The rate is that of all pairs together. If some neurons are much slower than others, pairs of
    /// these have more of the false discoveries than their share. Each surrogate takes as much work as
    /// the pairs themselves. Memory is that of other sweeps and seven times the codes of a block's
    /// edge.
    ///
    /// # Errors
    ///
    /// The errors of [`Analysis::sweep`], and of
    /// [`Analysis::surrogate_test`](crate::Analysis::surrogate_test).
    ///
    /// # Examples
    ///
    /// ```
    /// use cofire::Analysis;
    /// use cofire::significance::{Null, Surrogates};
    /// use ndarray::Array2;
    ///
    /// // Each sample is a sum over ten steps of noise; the last neuron is a copy of the first.
    /// let noise = |s: usize, n: usize| {
    ///     let k = (19 * s + n % 19) as u64;
    ///     (k.wrapping_mul(k).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40) as f32
    /// };
    /// let slow = |(s, n)| (s..s + 10).map(|s| noise(s, n)).sum::<f32>();
    /// let activations = Array2::from_shape_fn((2000, 20), slow);
    /// let analysis = Analysis::new(6);
    /// let layer = analysis.encode_batches(&mut activations.view())?;
    /// let surrogates = Surrogates { null: Null::Shift { at_least: None }, number: 20, seed: 0 };
    /// let report = analysis.sweep_with_surrogates(layer, 0.05, &surrogates, None)?.run()?;
    /// assert!(report.pairs.iter().any(|pair| (pair.first, pair.second) == (0, 19)));
    /// # Ok::<(), cofire::Error>(())
    /// ```
    pub fn sweep_with_surrogates(
        &self,
        layer: EncodedLayer,
        false_discovery_rate: f64,
        surrogates: &Surrogates,
        block_edge: Option<usize>,
    ) -> Result<Sweep, Error> {
        let selection = Selection::FalseDiscoveryRate(false_discovery_rate);
        let edge = block_edge.map(|edge| edge.max(1));
        Sweep::new(&self.settings, layer, selection, Some(surrogates), edge)
    }
}
