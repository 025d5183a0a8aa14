//! What an engine is told, and where its sums go.

use ndarray::Array2;

use super::KsgAlgorithm;
use super::column::Column;
use super::harmonic::HarmonicTable;
use crate::pairs::matrix::PairMatrix;
use crate::pairs::tile::Tile;
use crate::support::monitor::Monitor;
use crate::{Error, Units};

/// All that an engine is told.
#[derive(Debug)]
pub(crate) struct NeighborJob {
    /// Every neuron; of two layers, those of the first in front.
    pub(crate) columns: Vec<Column>,
    /// The pairs that are wanted: all of a layer, or every neuron of one with every one of another.
    pub(crate) pairs: Tile,
    pub(crate) samples: usize,
    pub(crate) k: usize,
    pub(crate) algorithm: KsgAlgorithm,
    pub(crate) table: HarmonicTable,
    pub(crate) monitor: Monitor,
}

impl NeighborJob {
    /// Mutual information in nats from a pair's sum.
    fn mutual_information(&self, sum: u64) -> f64 {
        let table = &self.table;
        let (samples, k) = (self.samples, self.k);
        // ψ(k), or ψ(k) − 1/k, and ψ(S), each without Euler's constant.
        let of_k = match self.algorithm {
            KsgAlgorithm::First => i128::from(table.value(k - 1)),
            KsgAlgorithm::Second => 2 * i128::from(table.value(k - 1)) - i128::from(table.value(k)),
        };
        let of_each = i128::from(table.value(samples - 1)) + of_k;
        // Neither is above 2⁶².
        #[expect(clippy::cast_possible_truncation, reason = "a difference of two such sums")]
        let total = (samples as i128 * of_each - i128::from(sum)) as i64;
        table.mean(total, samples)
    }
}

/// Makes mutual information of the sums of tiles, in any order and from any thread.
#[derive(Debug)]
pub(crate) struct Sink {
    matrix: PairMatrix<f64>,
    units: Units,
}

impl Sink {
    pub(crate) fn new(pairs: &Tile, units: Units) -> Result<Self, Error> {
        Ok(Self { matrix: PairMatrix::new(pairs)?, units })
    }

    /// Takes the sums of a tile, in the order of its pairs.
    pub(crate) fn accept(&self, job: &NeighborJob, tile: &Tile, sums: &[u64]) {
        let of_sum = |&sum: &u64| job.mutual_information(sum) * self.units.per_nat();
        let values: Vec<f64> = sums.iter().map(of_sum).collect();
        self.matrix.put(tile, &values);
    }

    /// The whole matrix.
    pub(crate) fn finish(self) -> Result<Array2<f64>, Error> {
        self.matrix.finish(|_, _, value| value)
    }
}
