//! What every way to select pairs has to do.

use ndarray::ArrayView2;

use super::InformationPair;
use crate::Error;

/// The neurons of a block of pairs, by their indices in the layer, in descending order of entropy
/// where blocks may be passed over.
#[derive(Debug, Clone, Copy)]
pub(super) struct BlockNeurons<'a> {
    pub(super) rows: &'a [usize],
    pub(super) columns: &'a [usize],
    /// Whether both are the same neurons, so that only pairs right of the diagonal count.
    pub(super) is_triangular: bool,
}

impl BlockNeurons<'_> {
    /// The pairs of a row and the columns that count for it.
    pub(super) fn first_column(&self, row: usize) -> usize {
        if self.is_triangular { row + 1 } else { 0 }
    }
}

/// Picks pairs block by block, and keeps them.
pub(super) trait Selector: Send + Sync {
    /// Whether a pair of the block could still be selected, if no pair shares more than the entropy of
    /// either neuron.
    fn may_hold(&self, block: BlockNeurons<'_>) -> bool;

    /// The pairs of a block that may be selected, by what has been kept so far; `rows × columns` of
    /// mutual information.
    fn pick(
        &self,
        block: BlockNeurons<'_>,
        information: ArrayView2<'_, f64>,
    ) -> Vec<InformationPair>;

    /// Keeps what was picked of a block. `pairs_left` have not been looked at yet.
    fn keep(&mut self, picked: &[InformationPair], pairs_left: u64) -> Result<(), Error>;

    /// The pairs that are selected, in any order, and their false-discovery rates if they were
    /// selected by those.
    fn finish(self: Box<Self>) -> (Vec<InformationPair>, Option<Vec<f64>>);
}

/// The pair of two neurons, the one of lower index first.
pub(super) fn pair(a: usize, b: usize, mutual_information: f64) -> InformationPair {
    // Codes of more neurons than that would not fit any memory.
    let narrow = |neuron| u32::try_from(neuron).unwrap_or(u32::MAX);
    InformationPair { first: narrow(a.min(b)), second: narrow(a.max(b)), mutual_information }
}
