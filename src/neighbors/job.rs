//! A job as an engine receives it, and the collector of its sums.

use ndarray::Array2;

use super::KsgAlgorithm;
use super::column::Column;
use super::harmonic::HarmonicTable;
use super::report::NeuronTies;
use crate::error::Error;
use crate::measures::Units;
use crate::pairs::digest::{DigestGrid, PairKeys, PairSums};
use crate::pairs::matrix::PairMatrix;
use crate::pairs::tile::Tile;
use crate::support::monitor::Monitor;

/// All input of an engine.
#[derive(Debug)]
pub(crate) struct NeighborJob {
    /// Every neuron; with two layers, those of the first come first.
    pub(crate) columns: Vec<Column>,
    /// The pairs to compute: all of a layer, or every neuron of one layer with every one of
    /// another.
    pub(crate) pairs: Tile,
    pub(crate) grid: DigestGrid,
    pub(crate) samples: usize,
    pub(crate) k: usize,
    pub(crate) algorithm: KsgAlgorithm,
    pub(crate) table: HarmonicTable,
    pub(crate) monitor: Monitor,
}

impl NeighborJob {
    /// Returns the equal activations of every neuron.
    pub(crate) fn ties(&self) -> Vec<NeuronTies> {
        self.columns.iter().map(Column::ties).collect()
    }

    /// Returns mutual information in nats from a pair's sum.
    fn mutual_information(&self, sum: u64) -> f64 {
        let table = &self.table;
        let (samples, k) = (self.samples, self.k);
        // ψ(k), or ψ(k) − 1/k, and ψ(S), each without Euler's constant.
        let of_k = match self.algorithm {
            KsgAlgorithm::First => i128::from(table.value(k - 1)),
            KsgAlgorithm::Second => 2 * i128::from(table.value(k - 1)) - i128::from(table.value(k)),
        };
        let of_each = i128::from(table.value(samples - 1)) + of_k;
        // Both are at most 2⁶².
        #[expect(clippy::cast_possible_truncation, reason = "a difference of two such sums")]
        let total = (samples as i128 * of_each - i128::from(sum)) as i64;
        table.mean(total, samples)
    }
}

/// A collector of the sums of tiles, in any order and from any thread.
#[derive(Debug)]
pub(crate) struct SumCollector {
    matrix: PairMatrix<f64>,
}

impl SumCollector {
    pub(crate) fn new(pairs: &Tile) -> Result<Self, Error> {
        Ok(Self { matrix: PairMatrix::new(pairs)? })
    }

    /// Accepts the sums of a tile, in the order of its pairs.
    pub(crate) fn accept(&self, tile: &Tile, sums: &[u64]) {
        self.matrix.put_sums(tile, sums);
    }

    /// Returns the mutual information of all pairs, and the sums over pairs for their digests.
    pub(crate) fn finish(
        self,
        job: &NeighborJob,
        units: Units,
    ) -> Result<(Array2<f64>, PairSums), Error> {
        let keys = PairKeys::of_tile(job.grid, &job.pairs);
        self.matrix.finish_with_digests(&keys, f64::to_bits, |_, _, sum| {
            job.mutual_information(sum.to_bits()) * units.per_nat()
        })
    }
}
