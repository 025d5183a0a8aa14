//! The selection of all pairs that share at least a given amount of information.

use ndarray::ArrayView2;
use rayon::prelude::*;

use super::InformationPair;
use super::selectors::{BlockNeurons, Selector, Tally, pair};
use crate::error::Error;

pub(super) struct AtLeast {
    least: f64,
    /// The entropy of every neuron, by its index.
    entropy: Vec<f64>,
    pairs: Vec<InformationPair>,
    /// The most pairs that memory is allowed to hold.
    most_pairs: usize,
}

impl AtLeast {
    pub(super) fn new(least: f64, entropy: Vec<f64>, most_pairs: usize) -> Self {
        Self { least, entropy, pairs: Vec::new(), most_pairs }
    }
}

impl Selector for AtLeast {
    fn may_hold(&self, block: BlockNeurons<'_>) -> bool {
        let reach = |neurons: &[usize]| neurons.iter().any(|&n| self.entropy[n] >= self.least);
        reach(block.rows) && reach(block.columns)
    }

    fn pick(
        &self,
        block: BlockNeurons<'_>,
        information: ArrayView2<'_, f64>,
    ) -> Vec<InformationPair> {
        let rows = block.rows.par_iter().enumerate();
        let picked = rows.flat_map_iter(|(k, &row)| {
            let columns = block.columns.iter().zip(information.row(k));
            let columns = columns.skip(block.first_column(k));
            let reaching = columns.filter(|&(_, &information)| information >= self.least);
            reaching.map(move |(&column, &information)| pair(row, column, information))
        });
        picked.collect()
    }

    fn keep(
        &mut self,
        picked: &[InformationPair],
        _surrogates: &Tally,
        _pairs_left: u64,
    ) -> Result<(), Error> {
        if self.pairs.len() + picked.len() > self.most_pairs {
            return Err(Error::TooManyPairs { allowed: self.most_pairs });
        }
        self.pairs.extend_from_slice(picked);
        Ok(())
    }

    fn finish(self: Box<Self>) -> (Vec<InformationPair>, Option<Vec<f64>>) {
        (self.pairs, None)
    }
}
