//! The front door: settings, and the calls that do the job.

mod batches;
mod cofiring;
mod histograms;
mod labels;
mod prepare;
mod run;
mod total_correlation;

pub use cofiring::{Association, CofiringPair, CofiringReport};
pub use labels::{ConditionalReport, LabelReport};
pub use total_correlation::TotalCorrelation;

use std::fmt;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;

use ndarray::ArrayView2;

use crate::codes::Codes;
use crate::engine::{Engine, Goal, Job};
use crate::estimator::CellTable;
use crate::execution::Kernel;
use crate::execution::OnDeviceFailure;
use crate::pairs::tile::Tile;
use crate::report::Report;
use crate::support::cancel::CancelToken;
use crate::support::monitor::{Monitor, Progress};
use crate::{BinEdges, Binning, Error, Estimator, Range, Units};

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
    pub(crate) estimator: Estimator,
    pub(crate) units: Units,
    pub(crate) engine: Engine,
    pub(crate) kernel: Option<Kernel>,
    pub(crate) on_device_failure: OnDeviceFailure,
    memory_limit: Option<u64>,
    pub(crate) device_memory_limit: Option<u64>,
    spill_directory: Option<PathBuf>,
    progress: Option<Arc<ProgressFunction>>,
    pub(crate) token: CancelToken,
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
            estimator: Estimator::default(),
            units: Units::default(),
            engine: Engine::default(),
            kernel: None,
            on_device_failure: OnDeviceFailure::default(),
            memory_limit: None,
            device_memory_limit: None,
            spill_directory: None,
            progress: None,
            token: CancelToken::new(),
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

    /// How entropies are estimated from histograms. Default: [`Estimator::PlugIn`].
    pub fn estimator(mut self, estimator: Estimator) -> Self {
        self.estimator = estimator;
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
    /// result, and tables. A job that needs more is refused before it starts. Default: three
    /// quarters of what is free when the job begins, where the operating system tells (feature
    /// `system-memory`).
    pub fn memory_limit(mut self, bytes: u64) -> Self {
        self.memory_limit = Some(bytes);
        self
    }

    /// The most memory of a GPU in bytes that the buffers of a job may have, all together. What does
    /// not fit at once is counted in smaller tiles and uploaded again when it is needed; where not
    /// even one pair fits, the CPU takes over, and the report says what would have been needed.
    /// Default: 2 GiB, of which most jobs use little.
    /// [`Transfer::device_memory_bytes`](crate::Transfer::device_memory_bytes) is what it was.
    pub fn device_memory_limit(mut self, bytes: u64) -> Self {
        self.device_memory_limit = Some(bytes);
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

    /// A token with which the job can be stopped from any thread: it then ends with
    /// [`Error::Cancelled`], within a fifth of a second or so.
    pub fn cancel_token(mut self, token: &CancelToken) -> Self {
        self.token = token.clone();
        self
    }

    /// A job with these settings.
    fn job(&self, codes: Codes, table: Arc<CellTable>, pairs: Tile, goal: Goal) -> Job {
        let monitor = Arc::new(self.monitor(pairs.work(codes.samples())));
        Job { codes: Arc::new(codes), table, pairs, goal, kernel: self.kernel, monitor }
    }

    pub(crate) fn monitor(&self, total: u64) -> Monitor {
        let progress = self.progress.clone();
        let callback = progress.map(|f| Box::new(move |p| f(p)) as Box<_>);
        Monitor::new(total, callback, self.token.clone())
    }
}

impl fmt::Debug for Analysis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Analysis")
            .field("bins", &self.bins)
            .field("estimator", &self.estimator)
            .field("units", &self.units)
            .field("engine", &self.engine)
            .field("kernel", &self.kernel)
            .field("on_device_failure", &self.on_device_failure)
            .field("memory_limit", &self.memory_limit)
            .field("device_memory_limit", &self.device_memory_limit)
            .field("spill_directory", &self.spill_directory)
            .field("progress", &self.progress.is_some())
            .field("token", &self.token)
            .finish()
    }
}
