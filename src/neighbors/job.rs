//! What an engine is told, and where its sums go.

use std::sync::{Mutex, PoisonError};

use ndarray::Array2;

use super::KsgAlgorithm;
use super::column::Column;
use super::harmonic::HarmonicTable;
use crate::engine::Monitor;
use crate::plan::Tile;
use crate::{Error, Units, memory};

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

/// Takes the sums of tiles in any order and from any thread.
#[derive(Debug)]
pub(crate) struct Sink {
    /// Row-major over the rows and columns of the wanted pairs.
    values: Mutex<Vec<f64>>,
    pairs: Tile,
    units: Units,
}

impl Sink {
    pub(crate) fn new(pairs: Tile, units: Units) -> Result<Self, Error> {
        let values = Mutex::new(memory::zeroed(pairs.rows.len(), pairs.columns.len())?);
        Ok(Self { values, pairs, units })
    }

    /// Takes the sums of a tile, in the order of its pairs.
    pub(crate) fn accept(&self, job: &NeighborJob, tile: &Tile, sums: &[u64]) {
        debug_assert_eq!(sums.len(), tile.pairs(), "one sum a pair");
        let width = self.pairs.columns.len();
        let mut values = self.values.lock().unwrap_or_else(PoisonError::into_inner);
        for ((i, j), &sum) in tile.iter().zip(sums) {
            let (row, column) = (i - self.pairs.rows.start, j - self.pairs.columns.start);
            let value = job.mutual_information(sum) * self.units.per_nat();
            values[row * width + column] = value;
            if self.pairs.is_triangular() {
                values[column * width + row] = value;
            }
        }
    }

    /// The whole matrix.
    pub(crate) fn finish(self) -> Result<Array2<f64>, Error> {
        let shape = (self.pairs.rows.len(), self.pairs.columns.len());
        let values = self.values.into_inner().unwrap_or_else(PoisonError::into_inner);
        let bytes = size_of_val(values.as_slice()) as u64;
        Array2::from_shape_vec(shape, values).map_err(|_| Error::OutOfMemory { bytes })
    }
}
