//! The number of samples of a neuron below a threshold, in constant time for most distributions.
//!
//! The range of values is cut into equal cells, twice as many as there are samples. The rank at
//! which each cell begins is tabulated. Samples and thresholds are put into cells by the same chain
//! of rounded operations, each of which is monotone. So a sample in an earlier cell than the
//! threshold is below it, and one in a later cell is not. Only samples of the threshold's own cell
//! are compared.

use fearless_simd::{Simd, prelude::*};

use crate::support::simd::MAX_LANES;

/// The number of `f64` lanes of the widest vector.
pub(crate) const LANES: usize = MAX_LANES / size_of::<f64>();

/// The number of cells per sample. More cells take more memory; fewer have more values to compare.
const CELLS_A_SAMPLE: usize = 2;

/// The number of values of a cell that are compared before the cell is searched.
const LOOK: usize = 2 * LANES;

/// A number larger than every value and threshold.
pub(crate) const BEYOND: f64 = (1u128 << 120) as f64;

/// A number that, added to a small number, leaves the rounded number in the low bits of the sum.
const ROUND: f64 = (1u64 << 52) as f64;

/// The values of a neuron in ascending order, and the cells they are in.
#[derive(Debug)]
pub(crate) struct RankTable {
    /// The values, followed by `LOOK` times [`BEYOND`].
    sorted: Vec<f64>,
    samples: usize,
    low: f64,
    cells_per_unit: f64,
    last_cell: f64,
    /// The rank of the first value in a cell or a later one, for each cell and one more.
    begin: Vec<u32>,
}

impl RankTable {
    /// Makes the table of values in ascending order: at least one, and fewer than 2³².
    pub(crate) fn new(mut sorted: Vec<f64>) -> Self {
        let samples = sorted.len();
        let (low, high) = match (sorted.first(), sorted.last()) {
            (Some(&low), Some(&high)) => (low, high),
            _ => (0.0, 0.0),
        };
        // A cell's number fits 32 bits.
        let cells = samples.saturating_mul(CELLS_A_SAMPLE).min(u32::MAX as usize - 1);
        let last_cell = cells as f64;
        let cells_per_unit = if high > low { last_cell / (high - low) } else { 0.0 };
        sorted.resize(samples + LOOK, BEYOND);
        let begin = Vec::new();
        let mut table = Self { sorted, samples, low, cells_per_unit, last_cell, begin };
        let mut begin = Vec::with_capacity(cells + 2);
        for (rank, &value) in (0u32..).zip(&table.sorted[..samples]) {
            while begin.len() <= table.cell_of(value) {
                begin.push(rank);
            }
        }
        #[expect(clippy::cast_possible_truncation, reason = "fewer than 2^32 samples")]
        begin.resize(cells + 2, samples as u32);
        table.begin = begin;
        table
    }

    /// Returns the values in ascending order.
    pub(crate) fn sorted(&self) -> &[f64] {
        &self.sorted[..self.samples]
    }

    /// Returns the cell of one value, as [`RankTable::cells_of`] does for each lane.
    fn cell_of(&self, value: f64) -> usize {
        let cell = (value - self.low) * self.cells_per_unit;
        index_of(cell.max(0.0).min(self.last_cell) + ROUND)
    }

    /// Returns the cell of each lane, which [`index_of`] turns into a number.
    #[inline(always)]
    fn cells_of<S: Simd>(&self, values: S::f64s) -> S::f64s {
        let cells = (values - self.low) * self.cells_per_unit;
        cells.max(0.0).min(self.last_cell) + ROUND
    }

    /// Counts the values below each threshold.
    #[inline(always)]
    pub(crate) fn below<S: Simd>(&self, simd: S, thresholds: S::f64s) -> [u32; LANES] {
        let mut counts = [0; LANES];
        let cells = self.cells_of::<S>(thresholds);
        let (cells, thresholds) = (cells.as_slice(), thresholds.as_slice());
        for lane in 0..S::f64s::LEN {
            counts[lane] = self.below_in_cell(simd, index_of(cells[lane]), thresholds[lane]);
        }
        counts
    }

    /// Counts the values below a threshold that is in this cell.
    #[inline(always)]
    fn below_in_cell<S: Simd>(&self, simd: S, cell: usize, threshold: f64) -> u32 {
        let begin = self.begin[cell];
        let at = begin as usize;
        let mut below = 0;
        for part in self.sorted[at..at + LOOK].chunks_exact(S::f64s::LEN) {
            let part = S::f64s::from_slice(simd, part);
            below += part.simd_lt(threshold).to_bitmask().count_ones();
        }
        if (below as usize) < LOOK { begin + below } else { self.search(cell, threshold) }
    }

    /// Counts as [`RankTable::below_in_cell`] does, for a cell of many values.
    #[cold]
    #[inline(never)]
    fn search(&self, cell: usize, threshold: f64) -> u32 {
        let (begin, end) = (self.begin[cell], self.begin[cell + 1]);
        let values = &self.sorted[begin as usize..end as usize];
        #[expect(clippy::cast_possible_truncation, reason = "no more than the samples")]
        let below = values.partition_point(|&value| value < threshold) as u32;
        begin + below
    }
}

/// Returns the number of a cell that was rounded by adding [`ROUND`].
#[inline(always)]
fn index_of(cell: f64) -> usize {
    #[expect(clippy::cast_possible_truncation, reason = "a cell is below 2^32")]
    let low_bits = cell.to_bits() as u32;
    low_bits as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::simd::{Level, Vectorized};
    use proptest::prelude::*;

    struct Below<'a>(&'a RankTable, &'a [f64]);

    impl Vectorized for Below<'_> {
        type Output = Vec<u32>;
        #[inline(always)]
        fn run<S: Simd>(self, simd: S) -> Vec<u32> {
            let mut found = Vec::new();
            for &threshold in self.1 {
                found.push(self.0.below(simd, S::f64s::splat(simd, threshold))[0]);
            }
            found
        }
    }

    fn check(mut values: Vec<f64>) {
        values.sort_by(f64::total_cmp);
        let table = RankTable::new(values.clone());
        let mut thresholds = vec![-4e15, -1.0, 0.0, 1.0, 4e15];
        for &value in &values {
            thresholds.extend([value - 1.0, value, value + 1.0]);
        }
        let expected: Vec<u32> = thresholds
            .iter()
            .map(|t| values.iter().filter(|value| *value < t).count() as u32)
            .collect();
        for level in Level::available() {
            assert_eq!(level.run(Below(&table, &thresholds)), expected, "{level:?} {values:?}");
        }
    }

    #[test]
    fn one_value_many_values_and_one_far_away() {
        check(vec![3.0]);
        check(vec![3.0; 100]);
        let mut heavy: Vec<f64> = (0..300).map(f64::from).collect();
        heavy.push((1u64 << 51) as f64);
        check(heavy);
    }

    proptest! {
        #[test]
        fn counts_are_those_of_the_definition(
            values in prop::collection::vec(
                prop_oneof![-(1i64 << 51)..=(1i64 << 51), -20i64..20, Just(0i64)], 1..200)
        ) {
            check(values.into_iter().map(|v| v as f64).collect());
        }
    }
}
