//! The result of a sweep.

use std::fmt;

use ndarray::Array1;

use super::{InformationPair, Selection, Sweep, collector};
use crate::binning::BinEdges;
use crate::estimator::Estimator;
use crate::execution::Execution;
use crate::input::degenerate::{DegenerateNeuron, degenerate_neurons};
use crate::measures::Units;
use crate::pairs::digest::{Digest, Digests};
use crate::report::{MemoryUse, Timings};

/// The selected pairs, the results of single neurons, and details of their computation.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SweepReport {
    /// The selected pairs, sorted by their first neuron, then by their second. Each pair occurs
    /// once. Empty for [`Selection::All`], whose blocks hold the pairs.
    pub pairs: Vec<InformationPair>,
    /// The false-discovery rate at which each selected pair becomes a discovery, if pairs were
    /// selected by it.
    pub false_discovery_rates: Option<Vec<f64>>,
    /// The selection of pairs.
    pub selection: Selection,
    /// The number of pairs of the layer, pairs of a neuron with itself included.
    pub pairs_in_all: u64,
    /// The number of pairs that were not computed because they could not be selected.
    pub pairs_passed_over: u64,
    /// The number of blocks that have been taken.
    pub blocks_taken: usize,
    /// The number of all blocks.
    pub blocks: usize,
    /// The entropy of each neuron, in [`SweepReport::units`]; length `neurons`.
    pub entropy: Array1<f64>,
    /// The number of occupied bins of each neuron; length `neurons`.
    pub occupied_bins: Array1<u32>,
    /// The estimator of entropies and mutual information.
    pub estimator: Estimator,
    /// The unit of entropies and mutual information.
    pub units: Units,
    /// The number of samples measured.
    pub samples: usize,
    /// Digests of the integers behind the entropies and the pairs of the blocks taken. There is none of all
    /// pairs if some were passed over, which [`Sweep::every_block`] avoids.
    pub digests: Digests,
    /// The bin edges used.
    pub edges: BinEdges,
    /// Neurons with one or two distinct activations, by index.
    pub degenerate: Vec<DegenerateNeuron>,
    /// The engine, adapter and kernel that computed it, and the incidents; `None` if this sweep
    /// computed no block because all were passed over or taken from elsewhere.
    pub execution: Option<Execution>,
    /// The time of each stage; `discretize` is the preparation of codes that existed already.
    pub timings: Timings,
    /// The bytes of codes that went to a temporary file.
    pub spilled_bytes: u64,
    /// The planned host memory, without that of the selected pairs.
    pub memory: MemoryUse,
}

impl SweepReport {
    /// Returns the digest of the entropies and the selected pairs, as
    /// [`Collected::digest_of_selected`](super::Collected::digest_of_selected) does.
    #[must_use]
    pub fn digest_of_selected(&self) -> Option<Digest> {
        collector::digest_of_selected(&self.digests, self.selection, &self.pairs)
    }
}

pub(super) fn of(sweep: Sweep) -> SweepReport {
    let blocks = sweep.collector.blocks();
    let collected = sweep.collector.finish();
    SweepReport {
        pairs: collected.pairs,
        digests: collected.digests,
        false_discovery_rates: collected.false_discovery_rates,
        selection: collected.plan.selection,
        pairs_in_all: collected.pairs_in_all,
        pairs_passed_over: collected.pairs_passed_over,
        blocks_taken: collected.blocks_taken,
        blocks,
        entropy: collected.entropy,
        occupied_bins: collected.plan.occupied_bins.into(),
        estimator: sweep.settings.estimator,
        units: sweep.settings.run.units,
        samples: sweep.samples as usize,
        degenerate: degenerate_neurons(&sweep.fits.extents),
        edges: sweep.fits.edges,
        execution: sweep.execution,
        timings: sweep.timings,
        spilled_bytes: sweep.spilled_bytes,
        memory: sweep.memory,
    }
}

impl fmt::Debug for Sweep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sweep")
            .field("settings", &self.settings)
            .field("collector", &self.collector)
            .finish_non_exhaustive()
    }
}
