//! What a sweep returns.

use std::fmt;

use ndarray::Array1;

use super::{InformationPair, Selection, Sweep};
use crate::execution::{Execution, KernelChoice};
use crate::input::degenerate::degenerate_neurons;
use crate::report::{MemoryUse, Timings};
use crate::{BinEdges, DegenerateNeuron, Estimator, Kernel, Units};

/// The pairs that were selected, what is known of single neurons, and how both came to be.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SweepReport {
    /// The pairs that were selected, in order of their neurons: first by the first, then by the second
    /// one. Each pair is there once. Empty for [`Selection::All`], whose blocks hold them.
    pub pairs: Vec<InformationPair>,
    /// The false-discovery rate at which each of them becomes a discovery, where they were selected by
    /// it.
    pub false_discovery_rates: Option<Vec<f64>>,
    /// How they were selected.
    pub selection: Selection,
    /// Pairs of the layer, each neuron with itself included.
    pub pairs_in_all: u64,
    /// Pairs that were not computed, as they could not be selected.
    pub pairs_passed_over: u64,
    /// Blocks that have been taken, of all there are.
    pub blocks_taken: usize,
    /// Blocks there are.
    pub blocks: usize,
    /// Entropy of each neuron, in [`SweepReport::units`]; length `neurons`.
    pub entropy: Array1<f64>,
    /// How many bins of each neuron have any sample; length `neurons`.
    pub occupied_bins: Array1<u32>,
    /// How everything was estimated.
    pub estimator: Estimator,
    /// The unit of entropies and mutual information.
    pub units: Units,
    /// Number of samples measured.
    pub samples: usize,
    /// The bin edges that were used.
    pub edges: BinEdges,
    /// Neurons with one or two distinct activations, by index.
    pub degenerate: Vec<DegenerateNeuron>,
    /// Which engine, adapter and kernel computed it, and what went wrong on the way.
    pub execution: Execution,
    /// How long the stages took; `discretize` is what had to be done with codes that were there.
    pub timings: Timings,
    /// Bytes of codes that went to a temporary file.
    pub spilled_bytes: u64,
    /// Host memory that was planned for, beside the pairs that were selected.
    pub memory: MemoryUse,
}

pub(super) fn of(sweep: Sweep) -> SweepReport {
    let blocks = sweep.collector.blocks();
    let collected = sweep.collector.finish();
    SweepReport {
        pairs: collected.pairs,
        false_discovery_rates: collected.false_discovery_rates,
        selection: collected.plan.selection,
        pairs_in_all: collected.pairs_in_all,
        pairs_passed_over: collected.pairs_passed_over,
        blocks_taken: collected.blocks_taken,
        blocks,
        entropy: collected.entropy,
        occupied_bins: collected.plan.occupied_bins.into(),
        estimator: sweep.analysis.estimator,
        units: sweep.analysis.units,
        samples: sweep.samples as usize,
        degenerate: degenerate_neurons(&sweep.fits.extents),
        edges: sweep.fits.edges,
        // Nothing was computed where all blocks were passed over or taken from elsewhere.
        execution: sweep.execution.unwrap_or(Execution {
            adapter: None,
            kernel: sweep.analysis.kernel.unwrap_or(Kernel::PositionalPopcount),
            kernel_choice: KernelChoice::Rule,
            transfer: None,
            incidents: Vec::new(),
        }),
        timings: sweep.timings,
        spilled_bytes: sweep.spilled_bytes,
        memory: sweep.memory,
    }
}

impl fmt::Debug for Sweep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sweep")
            .field("analysis", &self.analysis)
            .field("collector", &self.collector)
            .finish_non_exhaustive()
    }
}
