//! The sink that turns the results of an engine into the matrix of mutual information.

use std::ops::Range;
use std::sync::Arc;

use ndarray::{Array1, Array2};
use rayon::prelude::*;

use crate::codes::Codes;
use crate::engine::{Counts, Sink};
use crate::error::Error;
use crate::estimator::{Entropies, Marginal};
use crate::measures::Units;
use crate::pairs::digest::{self, Digest, PairKeys, PairSums, integer_of_bits};
use crate::pairs::matrix::PairMatrix;
use crate::pairs::tile::Tile;

/// A sink that computes mutual information of a job's pairs.
#[derive(Debug)]
pub(crate) struct Information {
    entropies: Entropies,
    /// The marginals of all neurons that have codes: the rows first, then the columns.
    marginals: Arc<[Marginal]>,
    pairs: Tile,
    /// Sums over the cells of joint histograms, or joint entropies if the estimator needs
    /// histograms.
    matrix: PairMatrix<f64>,
}

impl Information {
    pub(crate) fn new(codes: &Codes, entropies: Entropies, pairs: &Tile) -> Result<Self, Error> {
        Self::with_marginals(Self::marginals(codes, &entropies), entropies, pairs)
    }

    /// Returns the marginals of all neurons that have codes.
    pub(crate) fn marginals(codes: &Codes, entropies: &Entropies) -> Arc<[Marginal]> {
        let neurons = (0..codes.neurons()).into_par_iter();
        let marginals: Vec<Marginal> = neurons
            .map(|neuron| entropies.marginal(codes.marginal(neuron), codes.bins_of(neuron)))
            .collect();
        marginals.into()
    }

    /// Makes the sink for neurons whose marginals are known, in the order that neurons have in the
    /// codes.
    pub(crate) fn with_marginals(
        marginals: Arc<[Marginal]>,
        entropies: Entropies,
        pairs: &Tile,
    ) -> Result<Self, Error> {
        let matrix = PairMatrix::new(pairs)?;
        Ok(Self { entropies, marginals, pairs: pairs.clone(), matrix })
    }

    /// Returns the entropies of some neurons, given by their numbers in the codes.
    pub(crate) fn entropies_of(&self, neurons: &Range<usize>, units: Units) -> Array1<f64> {
        let of = self.marginals[neurons.clone()].iter();
        of.map(|marginal| marginal.entropy * units.per_nat()).collect()
    }

    /// Returns the number of occupied bins of some neurons.
    pub(crate) fn occupied_bins(&self, neurons: &Range<usize>) -> Array1<u32> {
        self.marginals[neurons.clone()].iter().map(|marginal| marginal.occupied).collect()
    }

    /// Returns the digest of neurons.
    pub(crate) fn digest_of(marginals: &[Marginal]) -> Digest {
        digest::of_neurons(marginals.iter().map(|marginal| (marginal.entropy, marginal.occupied)))
    }

    /// Returns the digest of all neurons that have codes.
    pub(crate) fn digest_of_neurons(&self) -> Digest {
        Self::digest_of(&self.marginals)
    }

    /// Returns the matrix and the sums for its digests, after all tiles have been accepted. `keys` has the
    /// neurons of its rows and columns. A neuron's information with itself is its entropy, although some
    /// estimators would also reckon with cells of both that cannot have samples.
    pub(crate) fn finish(
        self,
        units: Units,
        keys: &PairKeys,
    ) -> Result<(Array2<f64>, PairSums), Error> {
        let own = self.pairs.is_triangular().then(|| self.entropies_of(&self.pairs.rows, units));
        let Self { entropies, marginals, pairs, matrix } = self;
        let pair = |i: usize, j: usize| {
            (&marginals[pairs.rows.start + i], &marginals[pairs.columns.start + j])
        };
        let (mut shared, sums) = if entropies.needs_histograms() {
            matrix.finish_with_digests(keys, integer_of_bits, |i, j, joint| {
                let (x, y) = pair(i, j);
                entropies.shared_of_entropy(x, y, joint) * units.per_nat()
            })?
        } else {
            matrix.finish_with_digests(keys, f64::to_bits, |i, j, joint| {
                let (x, y) = pair(i, j);
                entropies.shared_of_sum(x, y, joint.to_bits()) * units.per_nat()
            })?
        };
        if let Some(own) = own {
            shared.diag_mut().assign(&own);
        }
        Ok((shared, sums))
    }
}

impl Sink for Information {
    fn accept(&self, tile: &Tile, counts: &Counts) {
        match counts {
            Counts::Sums(sums) => self.matrix.put_sums(tile, sums),
            Counts::Histograms(histograms) => {
                let pairs: Vec<(usize, usize)> = tile.iter().collect();
                let histograms = histograms.par_chunks_exact(histograms.len() / pairs.len());
                let joint = |(&(i, j), histogram): (&(usize, usize), &[u32])| {
                    let (x, y) = (&self.marginals[i], &self.marginals[j]);
                    self.entropies.of_histogram(histogram, u64::from(x.bins) * u64::from(y.bins))
                };
                let joint: Vec<f64> = pairs.par_iter().zip(histograms).map(joint).collect();
                self.matrix.put(tile, &joint);
            }
        }
    }
}
