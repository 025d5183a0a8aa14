//! The front door: settings, and the calls that do the job.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;

use ndarray::{Array1, Array3, ArrayView2};
use rayon::prelude::*;

use crate::activations::Activations;
use crate::codes::Codes;
use crate::engine::{self, Engine, Job, Kernel, Monitor, OnDeviceFailure, Progress};
use crate::estimator::{CellTable, MAX_TABULATED};
use crate::extents::{Extent, extents};
use crate::measures::{self, MatrixBuilder};
use crate::report::{Report, Timings, degenerate_neurons};
use crate::stopwatch::Stopwatch;
use crate::{BinEdges, Binning, Error, MIN_BINS, Range, Units, bits, plan};

/// Entropy of every neuron and mutual information of every pair, in nats, with bins between each
/// neuron's own extremes, on the best engine of this machine.
///
/// `activations` has shape `samples × neurons`, in any memory layout. This is
/// [`Analysis::new`]`(bins).run(activations)`; the builder has the other choices.
///
/// # Errors
///
/// See [`Analysis::run`].
///
/// # Examples
///
/// ```
/// use ndarray::array;
///
/// // Two neurons that fire together, and one that does not care.
/// let activations = array![[0.1f32, 1.0, 3.0], [0.2, 2.0, 9.0], [0.9, 9.0, 3.0], [0.8, 8.0, 9.0]];
/// let report = cofire::analyze(activations.view(), 2)?;
/// assert!((report.entropy[0] - 2f64.ln()).abs() < 1e-10);
/// assert!((report.mutual_information[[0, 1]] - 2f64.ln()).abs() < 1e-10);
/// assert!(report.mutual_information[[0, 2]] < 1e-10);
/// # Ok::<(), cofire::Error>(())
/// ```
pub fn analyze(activations: ArrayView2<'_, f32>, bins: usize) -> Result<Report, Error> {
    Analysis::new(bins).run(activations)
}

/// Settings of a job, and the calls that run it.
///
/// # Examples
///
/// ```
/// use cofire::{Analysis, Engine, Range, Units};
/// use ndarray::Array2;
///
/// let activations = Array2::from_shape_fn((500, 8), |(s, n)| ((s * (n + 3)) % 17) as f32);
/// let report = Analysis::new(10)
///     .range(Range::Global)
///     .units(Units::Bits)
///     .engine(Engine::Cpu)
///     .run(activations.view())?;
/// assert_eq!(report.mutual_information.dim(), (8, 8));
/// assert_eq!(report.entropy[3], report.mutual_information[[3, 3]]);
/// # Ok::<(), cofire::Error>(())
/// ```
#[derive(Clone)]
#[must_use = "settings do nothing until they are run"]
pub struct Analysis {
    bins: Bins,
    units: Units,
    engine: Engine,
    kernel: Option<Kernel>,
    on_device_failure: OnDeviceFailure,
    memory_limit: Option<u64>,
    progress: Option<Arc<ProgressFunction>>,
}

type ProgressFunction = dyn Fn(Progress) -> ControlFlow<()> + Send + Sync;

#[derive(Debug, Clone)]
enum Bins {
    Fit(Binning),
    Fitted(BinEdges),
}

impl Bins {
    /// The most bins of any neuron, where that does not depend on activations.
    fn known(&self) -> Option<usize> {
        match self {
            Self::Fit(binning) => binning.known_bins(),
            Self::Fitted(edges) => Some(edges.bins()),
        }
    }
}

impl Analysis {
    /// A job with `bins` equal-width bins, 2 to 256, between each neuron's own extremes.
    pub fn new(bins: usize) -> Self {
        Self::with_binning(Binning::equal_width(bins))
    }

    /// A job with any other bins: equally filled ones, a number by a rule, a threshold, given
    /// edges, a bin for zeros.
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
        Self::with_bins(Bins::Fit(binning))
    }

    /// A job with edges that were fitted before, as a test set needs the edges of its training
    /// set. [`Analysis::range`] has no effect on it.
    pub fn with_edges(edges: BinEdges) -> Self {
        Self::with_bins(Bins::Fitted(edges))
    }

    fn with_bins(bins: Bins) -> Self {
        Self {
            bins,
            units: Units::default(),
            engine: Engine::default(),
            kernel: None,
            on_device_failure: OnDeviceFailure::default(),
            memory_limit: None,
            progress: None,
        }
    }

    /// Where the bins of a neuron begin and end. Default: [`Range::PerNeuron`]. It is the range of
    /// [`Binning::EqualWidth`], and has no effect on other binnings.
    pub fn range(mut self, range: Range) -> Self {
        if let Bins::Fit(binning) = &mut self.bins {
            binning.set_range(range);
        }
        self
    }

    /// The unit of the results. Default: [`Units::Nats`].
    pub fn units(mut self, units: Units) -> Self {
        self.units = units;
        self
    }

    /// Which engine computes. Default: [`Engine::Auto`].
    pub fn engine(mut self, engine: Engine) -> Self {
        self.engine = engine;
        self
    }

    /// Which kernel counts. Default: the fastest for the number of bins.
    pub fn kernel(mut self, kernel: Kernel) -> Self {
        self.kernel = Some(kernel);
        self
    }

    /// What to do when a device fails on the way. Default: [`OnDeviceFailure::UseCpu`].
    pub fn on_device_failure(mut self, choice: OnDeviceFailure) -> Self {
        self.on_device_failure = choice;
        self
    }

    /// The most host memory in bytes that the job may allocate beyond its input: the codes, the
    /// result, and tables. A job that needs more is refused before it starts. Default: no limit.
    pub fn memory_limit(mut self, bytes: u64) -> Self {
        self.memory_limit = Some(bytes);
        self
    }

    /// A function that is told how far the job is, and may stop it by returning
    /// [`ControlFlow::Break`]: the job then ends with [`Error::Cancelled`]. It is called a few
    /// times a second or more, from any thread, and should be quick.
    pub fn progress(
        mut self,
        callback: impl Fn(Progress) -> ControlFlow<()> + Send + Sync + 'static,
    ) -> Self {
        self.progress = Some(Arc::new(callback));
        self
    }

    /// Entropies and mutual information of activations of shape `samples × neurons`.
    ///
    /// Plug-in estimates from `bins × bins` joint histograms. O(samples · neurons²) time;
    /// `samples · neurons + 8 · neurons²` bytes of memory beyond the input.
    ///
    /// The bits of the result do not depend on engine, adapter, kernel or number of threads.
    ///
    /// # Errors
    ///
    /// For what [`BinEdges::fit`] refuses, edges of another layer, a kernel that cannot count so
    /// many bins, more memory than allowed or available, a GPU that was asked for and is not there,
    /// and a callback that wants to stop.
    pub fn run(&self, activations: ArrayView2<'_, f32>) -> Result<Report, Error> {
        pollster::block_on(self.run_async(activations))
    }

    /// [`Analysis::run`] for callers that have an executor, or are in a browser.
    ///
    /// Activations are encoded on the calling thread before the first suspension; after that only
    /// short pieces of work run on the executor's threads.
    ///
    /// # Errors
    ///
    /// As [`Analysis::run`].
    pub async fn run_async(&self, activations: ArrayView2<'_, f32>) -> Result<Report, Error> {
        let clock = Stopwatch::start();
        let matrix_bytes = |neurons: u128, _| neurons.saturating_mul(neurons).saturating_mul(8);
        let input = self.prepare(activations, matrix_bytes)?;
        let marginal_sums = input.marginal_sums();
        let entropy = marginal_sums
            .iter()
            .map(|&sum| measures::entropy(&input.table, sum, self.units))
            .collect::<Array1<f64>>();
        let matrix = MatrixBuilder::new(marginal_sums, self.units)?;
        let (samples, neurons) = (input.codes.samples(), input.codes.neurons());
        let discretize = clock.elapsed();

        let clock = Stopwatch::start();
        let chosen = engine::choose(&self.engine).await?;
        let open_engine = clock.elapsed();

        let clock = Stopwatch::start();
        let job = Job {
            codes: Arc::new(input.codes),
            table: Arc::new(input.table),
            kernel: input.kernel,
            monitor: Arc::new(self.monitor(plan::total_work(samples, neurons))),
        };
        let sink = Arc::new(matrix);
        let execution = engine::run(&chosen, &job, &sink, self.on_device_failure).await?;
        // An engine that returns has dropped its share.
        let matrix = Arc::into_inner(sink).ok_or(Error::Cancelled)?.finish()?;
        let pairs = clock.elapsed();

        Ok(Report {
            entropy,
            mutual_information: matrix,
            units: self.units,
            samples,
            degenerate: degenerate_neurons(&input.extents),
            edges: input.edges,
            execution,
            timings: Timings { discretize, open_engine, pairs },
        })
    }

    /// The joint histograms of chosen pairs: counts of shape `pairs × bins × bins`, where
    /// `[p, a, b]` is the number of samples whose first neuron of pair `p` falls into bin `a` and
    /// whose second falls into bin `b`.
    ///
    /// # Errors
    ///
    /// As [`Analysis::run`], and for a pair that names a neuron that does not exist.
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
    pub fn joint_histograms(
        &self,
        activations: ArrayView2<'_, f32>,
        pairs: &[(usize, usize)],
    ) -> Result<Array3<u32>, Error> {
        pollster::block_on(self.joint_histograms_async(activations, pairs))
    }

    /// [`Analysis::joint_histograms`] for callers that have an executor, or are in a browser.
    ///
    /// # Errors
    ///
    /// As [`Analysis::joint_histograms`].
    pub async fn joint_histograms_async(
        &self,
        activations: ArrayView2<'_, f32>,
        pairs: &[(usize, usize)],
    ) -> Result<Array3<u32>, Error> {
        let counts_bytes = |_, bins: usize| 4 * (bins * bins) as u128 * pairs.len() as u128;
        let input = self.prepare(activations, counts_bytes)?;
        let last = input.codes.neurons() - 1;
        if let Some(&(first, second)) = pairs.iter().find(|(i, j)| *i.max(j) > last) {
            return Err(Error::PairOutOfRange { first, second, last });
        }
        let chosen = engine::choose(&self.engine).await?;
        let job = Job {
            codes: Arc::new(input.codes),
            table: Arc::new(input.table),
            kernel: input.kernel,
            monitor: Arc::new(self.monitor(0)),
        };
        engine::joint_histograms(&chosen, &job, pairs, self.on_device_failure).await
    }

    /// Everything before an engine is needed: checks, edges, codes.
    ///
    /// `result_bytes` tells how much memory the result takes, from the numbers of neurons and bins.
    fn prepare(
        &self,
        view: ArrayView2<'_, f32>,
        result_bytes: impl Fn(u128, usize) -> u128,
    ) -> Result<Prepared, Error> {
        self.check_settings()?;
        let activations = Activations::new(view)?;
        // Bins that depend on activations are two or more.
        let fewest = self.bins.known().unwrap_or(MIN_BINS);
        self.check_memory(&activations, fewest, &result_bytes)?;
        let extents = extents(&activations)?;
        let edges = match &self.bins {
            Bins::Fit(binning) => BinEdges::from_extents(&activations, &extents, binning)?,
            Bins::Fitted(edges) if edges.neurons() == extents.len() => {
                edges.check(&activations)?;
                edges.clone()
            }
            Bins::Fitted(edges) => {
                let (expected, found) = (edges.neurons(), extents.len());
                return Err(Error::EdgesMismatch { expected, found });
            }
        };
        if edges.bins() > fewest {
            self.check_memory(&activations, edges.bins(), &result_bytes)?;
        }
        let kernel = self.checked_kernel(edges.bins())?;
        let codes = Codes::encode(&activations, &edges)?;
        let samples = u32::try_from(codes.samples()).map_err(|_| Error::TooManySamples {
            samples: codes.samples(),
            allowed: crate::activations::MAX_SAMPLES,
        })?;
        Ok(Prepared { extents, edges, codes, table: CellTable::plug_in(samples), kernel })
    }

    /// Settings that can be refused without looking at the activations are refused first.
    fn check_settings(&self) -> Result<(), Error> {
        if let Bins::Fit(binning) = &self.bins {
            binning.check()?;
        }
        self.checked_kernel(self.bins.known().unwrap_or(MIN_BINS))?;
        Ok(())
    }

    fn checked_kernel(&self, bins: usize) -> Result<Option<Kernel>, Error> {
        if let Some(kernel) = self.kernel {
            let limit = kernel.max_bins();
            if bins > limit {
                return Err(Error::KernelUnsupported { kernel: kernel.name(), bins, limit });
            }
        }
        Ok(self.kernel)
    }

    fn check_memory(
        &self,
        activations: &Activations<'_>,
        bins: usize,
        result_bytes: impl Fn(u128, usize) -> u128,
    ) -> Result<(), Error> {
        let (samples, neurons) = (activations.samples(), activations.neurons());
        let edges = match &self.bins {
            Bins::Fit(binning) => BinEdges::bytes_to_fit(samples, neurons, binning),
            Bins::Fitted(_) => 0,
        };
        let (samples, neurons) = (samples as u128, neurons as u128);
        let codes = samples.saturating_mul(neurons);
        let bit_strings = if bins == bits::BINS { codes / 8 } else { 0 };
        let codes = codes.saturating_add(bit_strings);
        let table = 8 * samples.min(MAX_TABULATED as u128);
        let needed = result_bytes(neurons, bins).saturating_add(codes).saturating_add(table);
        let needed = u64::try_from(needed.saturating_add(edges)).unwrap_or(u64::MAX);
        match self.memory_limit {
            Some(allowed) if needed > allowed => Err(Error::MemoryLimit { needed, allowed }),
            _ => Ok(()),
        }
    }

    fn monitor(&self, total: u64) -> Monitor {
        let progress = self.progress.clone();
        Monitor::new(total, progress.map(|f| Box::new(move |p| f(p)) as Box<_>))
    }
}

impl fmt::Debug for Analysis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Analysis")
            .field("bins", &self.bins)
            .field("units", &self.units)
            .field("engine", &self.engine)
            .field("kernel", &self.kernel)
            .field("on_device_failure", &self.on_device_failure)
            .field("memory_limit", &self.memory_limit)
            .field("progress", &self.progress.is_some())
            .finish()
    }
}

struct Prepared {
    extents: Vec<Extent>,
    edges: BinEdges,
    codes: Codes,
    table: CellTable,
    kernel: Option<Kernel>,
}

impl Prepared {
    /// Σ f(n) of every neuron's own histogram.
    fn marginal_sums(&self) -> Vec<u64> {
        (0..self.codes.neurons())
            .into_par_iter()
            .map(|neuron| self.table.sum(self.codes.marginal(neuron)))
            .collect()
    }
}
