//! The stages of a job that need no engine: checks, edges, codes.

use super::Analysis;
use crate::MIN_BINS;
use crate::binning::{BinEdges, Binning};
use crate::codes::Codes;
use crate::codes::budget::Memory;
use crate::error::Error;
use crate::input::activations::{Activations, ActivationsView, MAX_SAMPLES};
use crate::input::extents::{Extent, extents};

/// The source of bin edges.
#[derive(Debug, Clone)]
pub(super) enum Edges {
    Fit(Binning),
    Fitted(BinEdges),
}

impl Edges {
    /// Returns the most bins of any neuron, if that does not depend on activations, else the fewest
    /// there can be.
    pub(super) fn fewest_bins(&self) -> usize {
        let known = match self {
            Self::Fit(binning) => binning.known_bins(),
            Self::Fitted(edges) => Some(edges.bins()),
        };
        known.unwrap_or(MIN_BINS)
    }

    /// Refuses fitted edges of another number of neurons.
    pub(super) fn check_neurons(&self, found: usize) -> Result<(), Error> {
        match self {
            Self::Fitted(edges) if edges.neurons() != found => {
                Err(Error::EdgesMismatch { expected: edges.neurons(), found })
            }
            _ => Ok(()),
        }
    }
}

/// Activations of a layer, cut into bins.
pub(crate) struct LayerCodes {
    pub(crate) extents: Vec<Extent>,
    pub(crate) edges: BinEdges,
    pub(crate) codes: Codes,
    /// The memory that the job takes.
    pub(crate) memory: Memory,
}

impl LayerCodes {
    /// Returns the number of samples, which fits a 32-bit count.
    pub(crate) fn samples(&self) -> u32 {
        u32::try_from(self.codes.samples()).unwrap_or(u32::MAX)
    }
}

/// Checks and encodes one layer. `memory` returns the memory that the job takes beside edges and
/// codes, from the layer and its number of bins.
pub(crate) fn prepare(
    analysis: &Analysis,
    view: ActivationsView<'_>,
    memory: impl Fn(&Activations<'_>, usize) -> Memory,
) -> Result<LayerCodes, Error> {
    check_settings(analysis)?;
    let activations = Activations::new(view)?;
    encode(analysis, &activations, |bins| {
        and_codes(&analysis.edges, memory(&activations, bins), &activations, bins)
    })
}

/// Fits edges and makes codes, after [`check_settings`]. `memory` returns all memory that the job
/// takes, from the number of bins.
pub(super) fn encode(
    analysis: &Analysis,
    activations: &Activations<'_>,
    memory: impl Fn(usize) -> Memory,
) -> Result<LayerCodes, Error> {
    let run = &analysis.settings.run;
    let fewest = analysis.edges.fewest_bins();
    run.check_memory(memory(fewest))?;
    run.token.check()?;
    let extents = extents(activations)?;
    run.token.check()?;
    analysis.edges.check_neurons(extents.len())?;
    let edges = match &analysis.edges {
        Edges::Fit(binning) => BinEdges::from_extents(activations, &extents, binning)?,
        Edges::Fitted(edges) => {
            edges.check(activations, 0)?;
            edges.clone()
        }
    };
    if edges.bins() > fewest {
        run.check_memory(memory(edges.bins()))?;
    }
    analysis.settings.check_kernel(edges.bins())?;
    let codes = Codes::encode(activations, &edges, &run.token)?;
    if u32::try_from(codes.samples()).is_err() {
        let (samples, allowed) = (codes.samples(), MAX_SAMPLES);
        return Err(Error::TooManySamples { samples, allowed });
    }
    let memory = memory(edges.bins());
    Ok(LayerCodes { extents, edges, codes, memory })
}

/// Refuses settings that are invalid for any activations.
pub(super) fn check_settings(analysis: &Analysis) -> Result<(), Error> {
    if let Edges::Fit(binning) = &analysis.edges {
        binning.check()?;
    }
    analysis.settings.estimator.check()?;
    analysis.settings.check_kernel(analysis.edges.fewest_bins())
}

/// Adds the memory of edges and codes, of the facts of each neuron, and of the table of f(n).
pub(super) fn and_codes(
    edges: &Edges,
    memory: Memory,
    activations: &Activations<'_>,
    bins: usize,
) -> Memory {
    let (samples, neurons) = (activations.samples(), activations.neurons());
    let edges = match edges {
        Edges::Fit(binning) => {
            BinEdges::bytes_to_fit((samples, neurons), activations.precision(), binning)
        }
        Edges::Fitted(_) => 0,
    };
    memory.and_coded(samples, neurons, bins).and(1, edges).and_table(samples)
}
