//! The interface of all selectors of pairs.

use std::collections::BTreeMap;

use ndarray::ArrayView2;

use super::InformationPair;
use crate::error::Error;

/// The neurons of a block of pairs, by their indices in the layer. They are in descending order of
/// entropy if blocks may be passed over.
#[derive(Debug, Clone, Copy)]
pub(super) struct BlockNeurons<'a> {
    pub(super) rows: &'a [usize],
    pub(super) columns: &'a [usize],
    /// True if rows and columns are the same neurons, so that only pairs right of the diagonal
    /// count.
    pub(super) is_triangular: bool,
}

impl BlockNeurons<'_> {
    /// Returns the first column that counts for a row.
    pub(super) fn first_column(&self, row: usize) -> usize {
        if self.is_triangular { row + 1 } else { 0 }
    }
}

/// The numbers of surrogates of a block, by the cell of their statistic.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Tally(pub(super) BTreeMap<u32, u64>);

impl Tally {
    /// Adds the numbers of another surrogate of the same block.
    pub(super) fn add(&mut self, other: Self) {
        other.0.into_iter().for_each(|(cell, count)| *self.0.entry(cell).or_insert(0) += count);
    }
}

/// A selector that picks pairs block by block, and keeps them.
pub(super) trait Selector: Send + Sync {
    /// Returns whether a pair of the block could still be selected, if no pair shares more than the
    /// entropy of either neuron.
    fn may_hold(&self, block: BlockNeurons<'_>) -> bool;

    /// Returns the pairs of a block that may be selected, given the pairs kept so far.
    /// `information` is `rows × columns`.
    fn pick(
        &self,
        block: BlockNeurons<'_>,
        information: ArrayView2<'_, f64>,
    ) -> Vec<InformationPair>;

    /// Returns how many surrogates of a block have which statistic, as far as that can matter given the
    /// pairs kept so far. `information` is that of one surrogate of each pair, `rows × columns`.
    fn tally(&self, _block: BlockNeurons<'_>, _information: ArrayView2<'_, f64>) -> Tally {
        Tally::default()
    }

    /// Keeps the pairs picked from a block, whose surrogates have been tallied. `pairs_left` is the
    /// number of pairs of blocks yet to come.
    fn keep(
        &mut self,
        picked: &[InformationPair],
        surrogates: &Tally,
        pairs_left: u64,
    ) -> Result<(), Error>;

    /// Returns the selected pairs, in any order. If they were selected by false-discovery rate,
    /// also returns these rates.
    fn finish(self: Box<Self>) -> (Vec<InformationPair>, Option<Vec<f64>>);
}

/// Returns the pair of two neurons, the one with the lower index first.
pub(super) fn pair(a: usize, b: usize, mutual_information: f64) -> InformationPair {
    // Codes of more neurons would not fit any memory.
    let narrow = |neuron| u32::try_from(neuron).unwrap_or(u32::MAX);
    InformationPair { first: narrow(a.min(b)), second: narrow(a.max(b)), mutual_information }
}
