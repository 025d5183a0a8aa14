//! What an engine finds, into the matrix of mutual information.

use std::ops::Range;
use std::sync::Arc;

use ndarray::{Array1, Array2};
use rayon::prelude::*;

use crate::Error;
use crate::codes::Codes;
use crate::engine::{Found, Sink};
use crate::estimator::{Entropies, Marginal};
use crate::measures::Units;
use crate::pairs::matrix::PairMatrix;
use crate::pairs::tile::Tile;

/// Makes mutual information of what is found of a job's pairs.
#[derive(Debug)]
pub(crate) struct Information {
    entropies: Entropies,
    /// Of every neuron that has codes: the rows, and the columns behind them.
    marginals: Arc<[Marginal]>,
    pairs: Tile,
    /// Sums over the cells of joint histograms, or where those do not tell, joint entropies.
    matrix: PairMatrix<f64>,
}

impl Information {
    pub(crate) fn new(codes: &Codes, entropies: Entropies, pairs: &Tile) -> Result<Self, Error> {
        let neurons = (0..codes.neurons()).into_par_iter();
        let marginals: Vec<Marginal> = neurons
            .map(|neuron| entropies.marginal(codes.marginal(neuron), codes.bins_of(neuron)))
            .collect();
        Self::with_marginals(marginals.into(), entropies, pairs)
    }

    /// For pairs of neurons whose marginals are known, by the numbers they have in the codes.
    pub(crate) fn with_marginals(
        marginals: Arc<[Marginal]>,
        entropies: Entropies,
        pairs: &Tile,
    ) -> Result<Self, Error> {
        let matrix = PairMatrix::new(pairs)?;
        Ok(Self { entropies, marginals, pairs: pairs.clone(), matrix })
    }

    /// Of some neurons, by the numbers they have in the codes.
    pub(crate) fn entropies_of(&self, neurons: &Range<usize>, units: Units) -> Array1<f64> {
        let of = self.marginals[neurons.clone()].iter();
        of.map(|marginal| marginal.entropy * units.per_nat()).collect()
    }

    /// How many bins of some neurons have any sample.
    pub(crate) fn occupied_bins(&self, neurons: &Range<usize>) -> Array1<u32> {
        self.marginals[neurons.clone()].iter().map(|marginal| marginal.occupied).collect()
    }

    /// The matrix, once everything has been found.
    pub(crate) fn finish(self, units: Units) -> Result<Array2<f64>, Error> {
        let Self { entropies, marginals, pairs, matrix } = self;
        let pair = |i: usize, j: usize| {
            (&marginals[pairs.rows.start + i], &marginals[pairs.columns.start + j])
        };
        if entropies.needs_histograms() {
            matrix.finish(|i, j, joint| {
                let (x, y) = pair(i, j);
                entropies.shared_of_entropy(x, y, joint) * units.per_nat()
            })
        } else {
            matrix.finish_sums(|i, j, joint| {
                let (x, y) = pair(i, j);
                entropies.shared_of_sum(x, y, joint) * units.per_nat()
            })
        }
    }
}

impl Sink for Information {
    fn accept(&self, tile: &Tile, found: &Found) {
        match found {
            Found::Sums(sums) => self.matrix.put_sums(tile, sums),
            Found::Histograms(counts) => {
                let pairs: Vec<(usize, usize)> = tile.iter().collect();
                let histograms = counts.par_chunks_exact(counts.len() / pairs.len());
                let joint = |(&(i, j), counts): (&(usize, usize), &[u32])| {
                    let (x, y) = (&self.marginals[i], &self.marginals[j]);
                    self.entropies.of_histogram(counts, u64::from(x.bins) * u64::from(y.bins))
                };
                let joint: Vec<f64> = pairs.par_iter().zip(histograms).map(joint).collect();
                self.matrix.put(tile, &joint);
            }
        }
    }
}
