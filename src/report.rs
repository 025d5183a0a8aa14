//! The results of jobs: entropies, mutual information, timings, memory, degenerate neurons.

use std::time::Duration;

use ndarray::{Array1, Array2};

use crate::binning::BinEdges;
use crate::estimator::Estimator;
use crate::execution::Execution;
pub use crate::input::degenerate::{Degeneracy, DegenerateNeuron};
use crate::measures::{Measure, Units};
use crate::pairs::digest::{Digest, Digests};

/// Entropies, mutual information, and details of their computation.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Report {
    /// The entropy of each neuron, in [`Report::units`]; length `neurons`.
    pub entropy: Array1<f64>,
    /// The number of occupied bins of each neuron; length `neurons`.
    pub occupied_bins: Array1<u32>,
    /// The mutual information of each pair, in [`Report::units`]; `neurons × neurons`, symmetric to
    /// the bit. On the diagonal is the information of each neuron with itself, which is its entropy,
    /// to the bit and with every estimator.
    pub mutual_information: Array2<f64>,
    /// The estimator of both.
    pub estimator: Estimator,
    /// The unit of both.
    pub units: Units,
    /// The number of samples measured.
    pub samples: usize,
    /// Digests of the integers behind the entropies and all pairs.
    pub digests: Digests,
    /// The bin edges used; apply them to other activations with
    /// [`crate::Analysis::with_edges`].
    pub edges: BinEdges,
    /// Neurons with one or two distinct activations, by index.
    pub degenerate: Vec<DegenerateNeuron>,
    /// The engine, adapter and kernel that computed it, and the incidents.
    pub execution: Execution,
    /// The time of each stage.
    pub timings: Timings,
    /// The planned host memory.
    pub memory: MemoryUse,
}

impl Report {
    /// Returns the digest of the entropies and all pairs. Two results with the same digest have the same
    /// numbers: see [`crate::digest`].
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digests.of_counted()
    }

    /// Computes a measure of every pair, `neurons × neurons`, in [`Report::units`] if it has a unit.
    ///
    /// It is computed from entropies and mutual information; O(neurons²).
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
    /// assert!((share[[0, 1]] - 1.0).abs() < 1e-10); // the second neuron determines the first
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

/// The entropies of the neurons of two layers, and the mutual information of each neuron of one with
/// each of the other.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BetweenReport {
    /// The layer whose neurons are rows of the matrix.
    pub rows: LayerFacts,
    /// The layer whose neurons are columns of the matrix.
    pub columns: LayerFacts,
    /// The mutual information of each pair, in [`BetweenReport::units`]; `rows × columns`.
    pub mutual_information: Array2<f64>,
    /// The estimator of entropies and mutual information.
    pub estimator: Estimator,
    /// The unit of entropies and mutual information.
    pub units: Units,
    /// The number of samples measured.
    pub samples: usize,
    /// Digests of the integers behind the entropies and all pairs.
    pub digests: Digests,
    /// The engine, adapter and kernel that computed it, and the incidents.
    pub execution: Execution,
    /// The time of each stage.
    pub timings: Timings,
}

impl BetweenReport {
    /// Returns the digest of the entropies and all pairs, as [`Report::digest`] does.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digests.of_counted()
    }

    /// Computes a measure of every pair, `rows × columns`, as [`Report::measure`] does.
    #[must_use]
    pub fn measure(&self, measure: Measure) -> Array2<f64> {
        let (rows, columns) = (self.rows.entropy.view(), self.columns.entropy.view());
        measure.of_all(rows, columns, self.mutual_information.view())
    }
}

/// Some blocks of pairs, computed by themselves: to compare them with a result that has all pairs.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct BlocksReport {
    /// The entropy of each neuron, in [`BlocksReport::units`]. For pairs between two layers, the neurons of
    /// the second follow those of the first.
    pub entropy: Array1<f64>,
    /// The blocks, in the order in which they were asked for.
    pub blocks: Vec<PairBlock>,
    /// Digests of the entropies and of these blocks.
    pub digests: Digests,
    /// The unit of entropies and mutual information.
    pub units: Units,
}

/// A block of pairs of a [grid](crate::digest::DigestGrid).
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PairBlock {
    /// The number of the block.
    pub number: usize,
    /// The mutual information of each pair, `rows × columns` of the block. A block on the diagonal is
    /// complete.
    pub mutual_information: Array2<f64>,
}

/// The results of single neurons of one of two layers.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LayerFacts {
    /// The entropy of each neuron, in [`BetweenReport::units`]; length `neurons`.
    pub entropy: Array1<f64>,
    /// The number of occupied bins of each neuron; length `neurons`.
    pub occupied_bins: Array1<u32>,
    /// The bin edges used.
    pub edges: BinEdges,
    /// Neurons with one or two distinct activations, by index.
    pub degenerate: Vec<DegenerateNeuron>,
}

/// The host memory of a job beyond its input, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct MemoryUse {
    /// The planned memory: codes, edges, tables, results, and the buffers of threads.
    pub planned: u64,
    /// The given limit. Without one, a job is refused if it plans to take more than three quarters of
    /// the free memory.
    pub allowed: Option<u64>,
}

/// Wall-clock time of each stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Timings {
    /// Finding extremes, fitting edges, encoding, and counting marginals.
    pub discretize: Duration,
    /// Finding and opening the engine; almost nothing if it was open already.
    pub open_engine: Duration,
    /// Counting all pairs and reducing them to information.
    pub pairs: Duration,
}
