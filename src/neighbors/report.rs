//! The results of the estimators from nearest neighbours.

use std::time::Duration;

use ndarray::{Array1, Array2};

use super::KsgAlgorithm;
use crate::execution::{AdapterDescription, Incident, Transfer};
use crate::measures::Units;
use crate::pairs::digest::{Digest, Digests};

/// Equal activations of a neuron, as the estimators see them: with noise if it was asked for, and on
/// the neuron's grid.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub struct NeuronTies {
    /// The number of samples that equal at least one other.
    pub samples: usize,
    /// The number of samples that share the most frequent value: 1 if all differ, and all samples if
    /// the neuron is constant.
    pub most_frequent: usize,
}

/// Entropies and mutual information from nearest neighbours, and details of their computation.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct NeighborReport {
    /// Kozachenko–Leonenko entropy of each neuron, in [`NeighborReport::units`]; length `neurons`.
    ///
    /// This is a differential entropy: it may be negative, and is −∞ for a neuron in which some
    /// sample equals `neighbors` or more others.
    pub entropy: Array1<f64>,
    /// Mutual information of each pair, in [`NeighborReport::units`]; `neurons × neurons`,
    /// symmetric to the bit. The diagonal is the estimate for a neuron and itself, which is finite
    /// even where the information itself is infinite. Estimates may be negative.
    pub mutual_information: Array2<f64>,
    /// Equal activations of each neuron; length `neurons`. Where `most_frequent` is more than
    /// `neighbors`, and the neuron is not constant, estimates of its pairs are unreliable.
    pub ties: Vec<NeuronTies>,
    /// The unit of both.
    pub units: Units,
    /// The number of samples measured.
    pub samples: usize,
    /// Digests of the entropies and of the integers behind all pairs.
    pub digests: Digests,
    /// The number of neighbours of each sample, `k`.
    pub neighbors: usize,
    /// The estimator of mutual information.
    pub algorithm: KsgAlgorithm,
    /// The engine that computed it, and its incidents.
    pub execution: NeighborExecution,
    /// The time of each stage.
    pub timings: NeighborTimings,
}

impl NeighborReport {
    /// Returns the digest of the entropies and all pairs, as [`crate::Report::digest`] does.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digests.of_counted()
    }
}

/// Mutual information from nearest neighbours between two layers, and details of its computation.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct NeighborBetweenReport {
    /// Kozachenko–Leonenko entropy of each neuron of the first layer, as in
    /// [`NeighborReport::entropy`]; length `rows`.
    pub row_entropy: Array1<f64>,
    /// Kozachenko–Leonenko entropy of each neuron of the second layer; length `columns`.
    pub column_entropy: Array1<f64>,
    /// Mutual information of each neuron of the first layer with each one of the second,
    /// `rows × columns`.
    /// Estimates may be negative.
    pub mutual_information: Array2<f64>,
    /// Equal activations of each neuron of the first layer, as in [`NeighborReport::ties`]; length
    /// `rows`.
    pub row_ties: Vec<NeuronTies>,
    /// Equal activations of each neuron of the second layer; length `columns`.
    pub column_ties: Vec<NeuronTies>,
    /// The unit of all three.
    pub units: Units,
    /// The number of samples measured.
    pub samples: usize,
    /// Digests of the entropies and of the integers behind all pairs.
    pub digests: Digests,
    /// The number of neighbours of each sample, `k`.
    pub neighbors: usize,
    /// The estimator of mutual information.
    pub algorithm: KsgAlgorithm,
    /// The engine that computed it, and its incidents.
    pub execution: NeighborExecution,
    /// The time of each stage.
    pub timings: NeighborTimings,
}

impl NeighborBetweenReport {
    /// Returns the digest of the entropies and all pairs, as [`crate::Report::digest`] does.
    #[must_use]
    pub fn digest(&self) -> Digest {
        self.digests.of_counted()
    }
}

/// The engine of a result from nearest neighbours, and its incidents.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct NeighborExecution {
    /// The adapter that computed it; `None` for the CPU engine.
    pub adapter: Option<AdapterDescription>,
    /// The data moved to the device and back; `None` for the CPU engine.
    pub transfer: Option<Transfer>,
    /// Tiles that a device failed to compute, and how each was rescued. Results have the same bits
    /// with and without incidents.
    pub incidents: Vec<Incident>,
}

/// Wall-clock time of each stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct NeighborTimings {
    /// Reading, checking and sorting activations, and the entropies.
    pub sort: Duration,
    /// Finding and opening the engine; almost nothing if it was open already.
    pub open_engine: Duration,
    /// Finding the neighbours of all pairs.
    pub pairs: Duration,
}
