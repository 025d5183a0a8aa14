//! What the estimators from nearest neighbours return.

use std::time::Duration;

use ndarray::{Array1, Array2};

use super::KsgAlgorithm;
use crate::{AdapterDescription, Incident, Transfer, Units};

/// Entropies and mutual information from nearest neighbours, and how they came to be.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct NeighborReport {
    /// Kozachenko–Leonenko entropy of each neuron, in [`NeighborReport::units`]; length `neurons`.
    ///
    /// A differential entropy: it may be negative, and is −∞ for a neuron of which a sample has
    /// `neighbors` or more equals.
    pub entropy: Array1<f64>,
    /// Mutual information of each pair, in [`NeighborReport::units`]; `neurons × neurons`, symmetric
    /// to the bit. The diagonal is the estimate for a neuron and itself, which is finite where the
    /// information itself is not. Estimates may be negative.
    pub mutual_information: Array2<f64>,
    /// The unit of both.
    pub units: Units,
    /// Number of samples measured.
    pub samples: usize,
    /// Neighbours of each sample, `k`.
    pub neighbors: usize,
    /// Which estimator of mutual information.
    pub algorithm: KsgAlgorithm,
    /// Which engine computed it, and what went wrong on the way.
    pub execution: NeighborExecution,
    /// How long the stages took.
    pub timings: NeighborTimings,
}

/// Mutual information from nearest neighbours between two layers, and how it came to be.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct NeighborLayersReport {
    /// Kozachenko–Leonenko entropy of each neuron of the first layer, as in
    /// [`NeighborReport::entropy`]; length `M`.
    pub entropy_x: Array1<f64>,
    /// The same of the second layer; length `N`.
    pub entropy_y: Array1<f64>,
    /// Mutual information of each neuron of the first layer with each one of the second, `M × N`.
    /// Estimates may be negative.
    pub mutual_information: Array2<f64>,
    /// The unit of all three.
    pub units: Units,
    /// Number of samples measured.
    pub samples: usize,
    /// Neighbours of each sample, `k`.
    pub neighbors: usize,
    /// Which estimator of mutual information.
    pub algorithm: KsgAlgorithm,
    /// Which engine computed it, and what went wrong on the way.
    pub execution: NeighborExecution,
    /// How long the stages took.
    pub timings: NeighborTimings,
}

/// How a result from nearest neighbours was computed.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct NeighborExecution {
    /// The adapter that computed it; `None` for the CPU engine.
    pub adapter: Option<AdapterDescription>,
    /// What went to the device and back; `None` for the CPU engine.
    pub transfer: Option<Transfer>,
    /// Tiles that a device failed to compute and how they were rescued. Results are the same bits
    /// with and without incidents.
    pub incidents: Vec<Incident>,
}

/// Wall-clock time of each stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct NeighborTimings {
    /// Reading, checking and sorting activations, and the entropies.
    pub sort: Duration,
    /// Finding and opening the engine; next to nothing when it was open already.
    pub open_engine: Duration,
    /// Finding the neighbours of all pairs.
    pub pairs: Duration,
}
