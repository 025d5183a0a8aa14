//! Sums of cells into information: entropies, mutual information, units.
//!
//! All of it is arithmetic on integers until one final division, so that identities hold exactly:
//! `I(X; X) = H(X)`, `I(X; Y) = I(Y; X)`, and nothing is shared with a constant neuron.

use std::sync::{Mutex, PoisonError};

use ndarray::Array2;
use rayon::prelude::*;

use crate::estimator::CellTable;
use crate::plan::Tile;
use crate::{Error, memory};

/// The unit of every entropy and mutual information of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Units {
    /// Natural units: logarithms to base e.
    #[default]
    Nats,
    /// Bits: logarithms to base 2.
    Bits,
}

impl Units {
    /// How many of this unit make a nat.
    #[must_use]
    pub fn per_nat(self) -> f64 {
        match self {
            Self::Nats => 1.0,
            Self::Bits => std::f64::consts::LOG2_E,
        }
    }

    /// `"nats"` or `"bits"`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nats => "nats",
            Self::Bits => "bits",
        }
    }
}

/// Plug-in entropy of a histogram from its cell sum: `H = ln S − (1/S) Σ n ln n`.
pub(crate) fn entropy(table: &CellTable, sum: u64, units: Units) -> f64 {
    in_units(table, difference(table.largest_sum(), sum), units)
}

/// Plug-in mutual information `I(X; Y) = H(X) + H(Y) − H(X, Y)` from the three cell sums.
///
/// Rounding of the fixed-point logarithm could leave independent neurons a hair below zero, where
/// the plug-in estimate cannot be: that is set to 0.
fn mutual_information(table: &CellTable, x: u64, y: u64, xy: u64, units: Units) -> f64 {
    let h_x = difference(table.largest_sum(), x);
    let h_xy_minus_h_y = difference(y, xy);
    in_units(table, (h_x - h_xy_minus_h_y).max(0), units)
}

/// Sums are below 2⁶², so their difference is an `i64`.
fn difference(a: u64, b: u64) -> i64 {
    a.wrapping_sub(b).cast_signed()
}

fn in_units(table: &CellTable, difference: i64, units: Units) -> f64 {
    table.to_nats(difference) * units.per_nat()
}

/// Fills the symmetric matrix of mutual information as tiles of sums come in, in any order and from
/// any thread.
#[derive(Debug)]
pub(crate) struct MatrixBuilder {
    /// Row-major, `neurons × neurons`; only the upper triangle is filled.
    upper: Mutex<Vec<f64>>,
    marginal_sums: Vec<u64>,
    units: Units,
}

impl MatrixBuilder {
    pub(crate) fn new(marginal_sums: Vec<u64>, units: Units) -> Result<Self, Error> {
        let neurons = marginal_sums.len();
        let upper = Mutex::new(memory::zeroed(neurons, neurons)?);
        Ok(Self { upper, marginal_sums, units })
    }

    /// Takes the sums of a tile, in the order of its pairs.
    pub(crate) fn accept(&self, table: &CellTable, tile: &Tile, sums: &[u64]) {
        debug_assert_eq!(sums.len(), tile.pairs(), "one sum a pair");
        let shared = |((i, j), &xy): ((usize, usize), &u64)| {
            let (x, y) = (self.marginal_sums[i], self.marginal_sums[j]);
            mutual_information(table, x, y, xy, self.units)
        };
        let shared: Vec<f64> = tile.iter().zip(sums).map(shared).collect();
        let neurons = self.marginal_sums.len();
        let mut upper = self.upper.lock().unwrap_or_else(PoisonError::into_inner);
        let mut shared = shared.as_slice();
        for i in tile.rows.clone() {
            let columns = tile.columns_of(i);
            let (row, others) = shared.split_at(columns.len());
            upper[i * neurons..][columns].copy_from_slice(row);
            shared = others;
        }
    }

    /// The whole matrix.
    pub(crate) fn finish(self) -> Result<Array2<f64>, Error> {
        let neurons = self.marginal_sums.len();
        let mut data = self.upper.into_inner().unwrap_or_else(PoisonError::into_inner);
        mirror(&mut data, neurons);
        let bytes = size_of_val(data.as_slice()) as u64;
        Array2::from_shape_vec((neurons, neurons), data).map_err(|_| Error::OutOfMemory { bytes })
    }
}

/// Copies the upper triangle of a square matrix to the lower one.
fn mirror(data: &mut [f64], neurons: usize) {
    /// Values in a cache line, and so rows that are written while a line of a column is at hand.
    const LINE: usize = 8;
    /// Rows that threads share.
    const BAND: usize = 16 * LINE;
    for begin in (0..neurons).step_by(BAND) {
        let (above, band) = data.split_at_mut(begin * neurons);
        let height = BAND.min(neurons - begin);
        let band = &mut band[..height * neurons];
        band.par_chunks_mut(LINE * neurons).enumerate().for_each(|(k, rows)| {
            let first = begin + k * LINE;
            for (i, row) in above.chunks_exact(neurons).enumerate() {
                for (lower, &shared) in rows.chunks_exact_mut(neurons).zip(&row[first..]) {
                    lower[i] = shared;
                }
            }
        });
        for row in 1..height {
            for column in 0..row {
                band[row * neurons + begin + column] = band[column * neurons + begin + row];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(table: &CellTable, counts: &[u32]) -> u64 {
        table.sum(counts)
    }

    #[test]
    fn closed_forms() {
        let table = CellTable::plug_in(64);
        let uniform = sum(&table, &[16; 4]);
        let constant = sum(&table, &[64]);
        assert!((entropy(&table, uniform, Units::Nats) - 4f64.ln()).abs() < 1e-10);
        assert!((entropy(&table, uniform, Units::Bits) - 2.0).abs() < 1e-10);
        assert_eq!(entropy(&table, constant, Units::Nats), 0.0);
        // X with itself: the joint histogram has the same cells as the marginal one.
        let own = mutual_information(&table, uniform, uniform, uniform, Units::Nats);
        assert_eq!(own, entropy(&table, uniform, Units::Nats));
        // X with a constant: the joint histogram is X's.
        assert_eq!(mutual_information(&table, uniform, constant, uniform, Units::Nats), 0.0);
        // Independent by construction: 4 x 4 cells of 4.
        let joint = sum(&table, &[4; 16]);
        assert!(mutual_information(&table, uniform, uniform, joint, Units::Nats) < 1e-10);
    }

    #[test]
    fn the_largest_jobs_do_not_overflow() {
        let table = CellTable::plug_in(u32::MAX - 1);
        let all = table.largest_sum();
        let h = entropy(&table, 0, Units::Nats);
        assert!((h - f64::from(u32::MAX - 1).ln()).abs() < 1e-6, "{h}");
        assert_eq!(mutual_information(&table, 0, 0, 0, Units::Nats), h);
        assert_eq!(mutual_information(&table, all, all, all, Units::Nats), 0.0);
    }
}
