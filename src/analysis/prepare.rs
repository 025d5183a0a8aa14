//! What comes before an engine is needed: checks, edges, codes.

use ndarray::ArrayView2;

use super::{Analysis, Bins};
use crate::codes::Codes;
use crate::codes::budget::Memory;
use crate::engine::{Goal, cpu};
use crate::input::activations::{Activations, MAX_SAMPLES};
use crate::input::extents::{Extent, extents};
use crate::report::MemoryUse;
use crate::support::memory;
use crate::{BinEdges, Error, MIN_BINS};

/// Activations of a layer, cut into bins.
pub(crate) struct Layer {
    pub(crate) extents: Vec<Extent>,
    pub(crate) edges: BinEdges,
    pub(crate) codes: Codes,
    /// What the job takes.
    pub(crate) memory: Memory,
}

impl Layer {
    /// Samples, which are known to fit a 32-bit count.
    pub(crate) fn samples(&self) -> u32 {
        u32::try_from(self.codes.samples()).unwrap_or(u32::MAX)
    }
}

/// A number of bytes that no machine has is the largest there is.
fn bytes(number: u128) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

impl Analysis {
    /// Checks, edges and codes of one layer. `memory` is what the job takes beside them, from the
    /// layer and its bins.
    pub(crate) fn prepare(
        &self,
        view: ArrayView2<'_, f32>,
        memory: impl Fn(&Activations<'_>, usize) -> Memory,
    ) -> Result<Layer, Error> {
        self.check_settings()?;
        let activations = Activations::new(view)?;
        self.encode(&activations, |bins| {
            self.and_codes(memory(&activations, bins), &activations, bins)
        })
    }

    /// Edges and codes of activations, once settings have been checked. `memory` is all that the job
    /// takes, from the bins.
    pub(crate) fn encode(
        &self,
        activations: &Activations<'_>,
        memory: impl Fn(usize) -> Memory,
    ) -> Result<Layer, Error> {
        // Bins that depend on activations are two or more.
        let fewest = self.bins.known().unwrap_or(MIN_BINS);
        self.check_memory(memory(fewest))?;
        self.token.check()?;
        let extents = extents(activations)?;
        self.token.check()?;
        let edges = match &self.bins {
            Bins::Fit(binning) => BinEdges::from_extents(activations, &extents, binning)?,
            Bins::Fitted(edges) if edges.neurons() == extents.len() => {
                edges.check(activations, 0)?;
                edges.clone()
            }
            Bins::Fitted(edges) => {
                let (expected, found) = (edges.neurons(), extents.len());
                return Err(Error::EdgesMismatch { expected, found });
            }
        };
        if edges.bins() > fewest {
            self.check_memory(memory(edges.bins()))?;
        }
        self.check_kernel(edges.bins())?;
        let codes = Codes::encode(activations, &edges, &self.token)?;
        if u32::try_from(codes.samples()).is_err() {
            let (samples, allowed) = (codes.samples(), MAX_SAMPLES);
            return Err(Error::TooManySamples { samples, allowed });
        }
        let memory = memory(edges.bins());
        Ok(Layer { extents, edges, codes, memory })
    }

    /// Settings that can be refused without looking at the activations are refused first.
    pub(crate) fn check_settings(&self) -> Result<(), Error> {
        if let Bins::Fit(binning) = &self.bins {
            binning.check()?;
        }
        self.estimator.check()?;
        self.check_kernel(self.bins.known().unwrap_or(MIN_BINS))
    }

    pub(crate) fn check_kernel(&self, bins: usize) -> Result<(), Error> {
        match self.kernel.map(|kernel| (kernel.name(), kernel.max_bins())) {
            Some((kernel, limit)) if bins > limit => {
                Err(Error::KernelUnsupported { kernel, bins, limit })
            }
            _ => Ok(()),
        }
    }

    /// Adds what threads work in while they count the pairs of so many neurons.
    pub(crate) fn and_threads(
        &self,
        memory: Memory,
        (samples, neurons): (usize, usize),
        bins: usize,
        goal: Goal,
    ) -> Memory {
        let asked = (self.kernel, goal);
        memory.and(1, cpu::working_memory::most_bytes(samples, neurons, bins, asked))
    }

    /// What is wanted of the pairs that information is made of.
    pub(crate) fn goal(&self) -> Goal {
        if self.estimator.needs_histograms() { Goal::Histograms } else { Goal::Sums }
    }

    /// Adds edges and codes of activations, what is known of each neuron, and the table of f(n).
    pub(crate) fn and_codes(
        &self,
        memory: Memory,
        activations: &Activations<'_>,
        bins: usize,
    ) -> Memory {
        let (samples, neurons) = (activations.samples(), activations.neurons());
        let edges = match &self.bins {
            Bins::Fit(binning) => BinEdges::bytes_to_fit(samples, neurons, binning),
            Bins::Fitted(_) => 0,
        };
        memory.and_coded(samples, neurons, bins).and(1, edges).and_table(samples)
    }

    /// Bytes that a job may take beyond its input, where there is a limit.
    pub(crate) fn allowed_memory(&self) -> Option<u64> {
        memory::limit(self.memory_limit)
    }

    /// What is left of them beside `used`.
    pub(crate) fn memory_beside(&self, used: Memory) -> u64 {
        // What is taken is no longer free.
        let used = if self.memory_limit.is_some() { used.in_all() } else { used.new };
        self.allowed_memory().unwrap_or(u64::MAX).saturating_sub(bytes(used))
    }

    /// Whether so much is allowed.
    pub(crate) fn check_memory(&self, needed: Memory) -> Result<(), Error> {
        memory::check_limit(self.memory_limit, bytes(needed.held), bytes(needed.new))
    }

    /// What a report says of it.
    pub(crate) fn memory_use(&self, needed: Memory) -> MemoryUse {
        MemoryUse { planned: bytes(needed.in_all()), allowed: self.memory_limit }
    }
}
