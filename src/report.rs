//! What a job returns.

use std::fmt;
use std::time::Duration;

use ndarray::{Array1, Array2};

use crate::engine::Kernel;
use crate::extents::Extent;
use crate::{BinEdges, Estimator, Measure, Units};

/// Entropies, mutual information, and how they came to be.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Report {
    /// Entropy of each neuron, in [`Report::units`]; length `neurons`.
    pub entropy: Array1<f64>,
    /// How many bins of each neuron have any sample; length `neurons`.
    pub occupied_bins: Array1<u32>,
    /// Mutual information of each pair, in [`Report::units`]; `neurons × neurons`, symmetric to the
    /// bit. On the diagonal each neuron with itself: its entropy, unless the estimator looks at
    /// cells without samples, which a neuron with itself has many of.
    pub mutual_information: Array2<f64>,
    /// How both were estimated.
    pub estimator: Estimator,
    /// The unit of both.
    pub units: Units,
    /// Number of samples measured.
    pub samples: usize,
    /// The bin edges that were used; apply them to other activations with
    /// [`crate::Analysis::with_edges`].
    pub edges: BinEdges,
    /// Neurons with one or two distinct activations, by index.
    pub degenerate: Vec<DegenerateNeuron>,
    /// Which engine, adapter and kernel computed it, and what went wrong on the way.
    pub execution: Execution,
    /// How long the stages took.
    pub timings: Timings,
    /// Host memory that was planned for.
    pub memory: MemoryUse,
}

impl Report {
    /// A measure of every pair, `neurons × neurons`, in [`Report::units`] where it has a unit.
    ///
    /// Made from entropies and mutual information on the spot; O(neurons²).
    ///
    /// # Examples
    ///
    /// ```
    /// use cofire::{Measure, Normalization};
    /// use ndarray::array;
    ///
    /// let activations = array![[0.0f32, 0.0], [0.0, 1.0], [1.0, 2.0], [1.0, 3.0]];
    /// let report = cofire::analyze(activations.view(), 4)?;
    /// let share = report.measure(Measure::Normalized(Normalization::Min));
    /// assert!((share[[0, 1]] - 1.0).abs() < 1e-10); // the second neuron tells all of the first
    /// let given = report.measure(Measure::RowGivenColumn);
    /// assert!(given[[0, 1]].abs() < 1e-10);
    /// assert!((given[[1, 0]] - 2f64.ln()).abs() < 1e-10);
    /// # Ok::<(), cofire::Error>(())
    /// ```
    #[must_use]
    pub fn measure(&self, measure: Measure) -> Array2<f64> {
        let entropy = self.entropy.view();
        measure.of_all(entropy, entropy, self.mutual_information.view())
    }
}

/// Entropies of the neurons of two layers, and the mutual information of each neuron of one with
/// each of the other.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BetweenReport {
    /// The layer whose neurons are rows of the matrix.
    pub rows: LayerFacts,
    /// The layer whose neurons are its columns.
    pub columns: LayerFacts,
    /// Mutual information of each pair, in [`BetweenReport::units`]; `rows × columns`.
    pub mutual_information: Array2<f64>,
    /// How it was estimated.
    pub estimator: Estimator,
    /// The unit of entropies and mutual information.
    pub units: Units,
    /// Number of samples measured.
    pub samples: usize,
    /// Which engine, adapter and kernel computed it, and what went wrong on the way.
    pub execution: Execution,
    /// How long the stages took.
    pub timings: Timings,
}

impl BetweenReport {
    /// A measure of every pair, `rows × columns`, as [`Report::measure`].
    #[must_use]
    pub fn measure(&self, measure: Measure) -> Array2<f64> {
        let (rows, columns) = (self.rows.entropy.view(), self.columns.entropy.view());
        measure.of_all(rows, columns, self.mutual_information.view())
    }
}

/// What is known of the neurons of one of two layers.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LayerFacts {
    /// Entropy of each neuron, in [`BetweenReport::units`]; length `neurons`.
    pub entropy: Array1<f64>,
    /// How many bins of each neuron have any sample; length `neurons`.
    pub occupied_bins: Array1<u32>,
    /// The bin edges that were used.
    pub edges: BinEdges,
    /// Neurons with one or two distinct activations, by index.
    pub degenerate: Vec<DegenerateNeuron>,
}

/// A neuron with fewer than three distinct activations.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct DegenerateNeuron {
    /// Index of the neuron.
    pub neuron: usize,
    /// What is degenerate about it.
    pub kind: Degeneracy,
}

/// How few distinct activations a neuron has.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Degeneracy {
    /// Every activation is zero.
    Dead,
    /// Every activation is this value, which is not zero.
    Constant(f32),
    /// Every activation is one of these two values, the lower one first.
    TwoValued(f32, f32),
}

impl Degeneracy {
    fn of(extent: &Extent) -> Option<Self> {
        let Extent { low, high, at_most_two_values } = *extent;
        match (low == high, at_most_two_values) {
            (true, _) if low == 0.0 => Some(Self::Dead),
            (true, _) => Some(Self::Constant(low)),
            (false, true) => Some(Self::TwoValued(low, high)),
            (false, false) => None,
        }
    }
}

pub(crate) fn degenerate_neurons(extents: &[Extent]) -> Vec<DegenerateNeuron> {
    let kinds = extents.iter().map(Degeneracy::of).enumerate();
    kinds.filter_map(|(neuron, kind)| Some(DegenerateNeuron { neuron, kind: kind? })).collect()
}

/// How a result was computed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Execution {
    /// The adapter that computed it; `None` for the CPU engine.
    pub adapter: Option<AdapterDescription>,
    /// The kernel that counted.
    pub kernel: Kernel,
    /// Why this kernel.
    pub kernel_choice: KernelChoice,
    /// What went to the device and back; `None` for the CPU engine.
    pub transfer: Option<Transfer>,
    /// Tiles that a device failed to compute and how they were rescued. Results are the same bits
    /// with and without incidents.
    pub incidents: Vec<Incident>,
}

impl Execution {
    /// One execution of this and of what was computed after it, in the same way.
    pub(crate) fn followed_by(mut self, later: Self) -> Self {
        self.incidents.extend(later.incidents);
        self.transfer = match (self.transfer, later.transfer) {
            (Some(a), Some(b)) => Some(a.and(b)),
            (a, b) => a.or(b),
        };
        self
    }

    /// `"gpu"` or `"cpu"`.
    #[must_use]
    pub fn engine(&self) -> &'static str {
        if self.adapter.is_some() { "gpu" } else { "cpu" }
    }
}

/// How the kernel of a job was chosen.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum KernelChoice {
    /// By the caller, with [`crate::Analysis::kernel`].
    Asked,
    /// By a rule: the job was too small to measure, or there was nothing to choose from.
    Rule,
    /// It was the fastest of these kernels on a small piece of this job, or of an earlier one of
    /// this process of about the same size, on the same adapter.
    Measured(Vec<KernelSpeed>),
}

/// How fast a kernel was found to be.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct KernelSpeed {
    /// The kernel.
    pub kernel: Kernel,
    /// Pair-samples a second, counting and summing together.
    pub pair_samples_per_second: f64,
}

/// What went between host and device, and how long the host was busy with it.
///
/// Times are the host's. They are parts of [`Timings::pairs`], during most of which the device
/// computes as well; how long the device itself copies is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Transfer {
    /// Bytes of packed codes that were uploaded.
    pub uploaded_bytes: u64,
    /// The most bytes of the device's memory that buffers of the job had at once, with what is on its
    /// way and what may be there twice; the few bytes of parameters apart. [`crate::Analysis::device_memory_limit`] is what it can be.
    pub device_memory_bytes: u64,
    /// Packing codes and handing them to the driver.
    pub upload: Duration,
    /// Bytes of sums that were read back.
    pub read_back_bytes: u64,
    /// Copying sums out of the driver's memory, decoding and checking them.
    pub read_back: Duration,
    /// Waiting for the device with nothing else to do.
    pub waiting: Duration,
    /// How long the device was seen to be busy with what was submitted: from the end of one
    /// submission, or its own submission if that was later, to its end. Other users of the device,
    /// and the way of the news, are in it.
    pub device_busy: Duration,
}

impl Transfer {
    /// Both of them.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            uploaded_bytes: self.uploaded_bytes + other.uploaded_bytes,
            device_memory_bytes: self.device_memory_bytes.max(other.device_memory_bytes),
            upload: self.upload + other.upload,
            read_back_bytes: self.read_back_bytes + other.read_back_bytes,
            read_back: self.read_back + other.read_back,
            waiting: self.waiting + other.waiting,
            device_busy: self.device_busy + other.device_busy,
        }
    }
}

/// A GPU adapter, as its driver describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AdapterDescription {
    /// Name of the adapter, such as `NVIDIA GeForce RTX 4070` or `llvmpipe (LLVM 15.0.6)`.
    pub name: String,
    /// The interface it is reached through: `Vulkan`, `Metal`, `Dx12`, `Gl` or `BrowserWebGpu`.
    pub backend: String,
    /// Name and version of the driver, as far as it tells.
    pub driver: String,
    /// Whether it computes on the CPU: lavapipe, llvmpipe, SwiftShader, WARP.
    pub is_software: bool,
}

impl fmt::Display for AdapterDescription {
    /// The label by which an adapter can be asked for: `backend/name`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.backend, self.name)
    }
}

/// Something a device did wrong, and what was done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Incident {
    /// What happened.
    pub problem: String,
    /// What was done about it.
    pub remedy: Remedy,
}

/// What was done about a tile, or a device, that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remedy {
    /// The device did the tile again in smaller dispatches.
    SmallerDispatches,
    /// The CPU did the tile.
    TileOnCpu,
    /// A new device of the same adapter went on with what was left.
    NewDevice,
    /// A device went on with what was left in smaller tiles, which take less memory, and in
    /// smaller dispatches: another new one, or the caller's own.
    SmallerTiles,
    /// The CPU did this tile and all that were left.
    RestOnCpu,
}

impl fmt::Display for Incident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let remedy = match self.remedy {
            Remedy::SmallerDispatches => "done again in smaller dispatches",
            Remedy::TileOnCpu => "done again on the CPU",
            Remedy::NewDevice => "went on with a new device",
            Remedy::SmallerTiles => "went on in smaller tiles",
            Remedy::RestOnCpu => "finished on the CPU",
        };
        write!(f, "{}; {remedy}", self.problem)
    }
}

/// Host memory of a job beyond its input, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemoryUse {
    /// What the job was planned to take: codes, edges, tables and results. What threads work in, a few
    /// MiB each, comes on top.
    pub planned: u64,
    /// The limit that was given; without one, a job that planned to take more than three quarters of
    /// what was free would have been refused.
    pub allowed: Option<u64>,
}

/// Wall-clock time of each stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Timings {
    /// Reading extremes, fitting edges, encoding, marginals.
    pub discretize: Duration,
    /// Finding and opening the engine; next to nothing when it was open already.
    pub open_engine: Duration,
    /// Counting all pairs and reducing them to information.
    pub pairs: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degenerate_neurons_are_told_apart() {
        let extent = |low, high, at_most_two_values| Extent { low, high, at_most_two_values };
        let extents = [
            extent(0.0, 1.0, false),
            extent(-0.0, 0.0, true),
            extent(3.0, 3.0, true),
            extent(0.0, 1.0, true),
        ];
        let found = degenerate_neurons(&extents);
        let expected = [
            (1, Degeneracy::Dead),
            (2, Degeneracy::Constant(3.0)),
            (3, Degeneracy::TwoValued(0.0, 1.0)),
        ];
        let found: Vec<_> = found.iter().map(|d| (d.neuron, d.kind)).collect();
        assert_eq!(found, expected);
    }
}
