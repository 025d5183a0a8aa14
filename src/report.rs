//! What a job returns.

use std::time::Duration;

use ndarray::{Array1, Array2};

use crate::execution::Execution;
use crate::input::degenerate::DegenerateNeuron;
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
