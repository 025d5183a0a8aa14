//! From counts to Σ f(n).

use super::one_hot::WordBits;
use super::planes::{Counts, LANES, MAX_PLANES, POSITIONS};
use crate::estimator::{CellTable, MIN_TABULATED};

/// Neurons that share a lane, at most: words of two bits.
const SHARERS: usize = 8;

/// Sums of a block of columns with one row neuron, `[neuron of the lane][lane]`.
#[derive(Debug, Clone)]
pub(super) struct BlockSums {
    /// Σ f(n) over the cells.
    pub(super) cells: [[u64; LANES]; SHARERS],
    /// Σ n over the cells.
    pub(super) samples: [[u32; LANES]; SHARERS],
}

impl BlockSums {
    pub(super) fn new() -> Self {
        Self { cells: [[0; LANES]; SHARERS], samples: [[0; LANES]; SHARERS] }
    }

    /// Adds one row of the joint histograms of a block, whose counts are final.
    #[inline(always)]
    pub(super) fn add(&mut self, word: WordBits, bins: usize, counts: &Counts, table: &CellTable) {
        // Counts have so few bits that no index can miss the table.
        const _: () = assert!(1 << MAX_PLANES == MIN_TABULATED, "every count is tabulated");
        let table = table.small();
        for k in 0..word.neurons_a_lane() {
            let counts = &counts[word.positions(k, bins)];
            for position in counts {
                for lane in 0..LANES {
                    let n = position[lane];
                    self.cells[k][lane] += table[usize::from(n) % MIN_TABULATED];
                }
                for lane in 0..LANES {
                    self.samples[k][lane] += u32::from(position[lane]);
                }
            }
        }
    }
}

/// Counts over several chunks, of one row of the joint histograms of a block.
#[derive(Clone)]
pub(super) struct TotalCounts([[u32; LANES]; POSITIONS]);

impl TotalCounts {
    pub(super) fn new() -> Self {
        Self([[0; LANES]; POSITIONS])
    }

    #[inline(always)]
    pub(super) fn add(&mut self, counts: &Counts) {
        for (totals, counts) in self.0.iter_mut().zip(counts) {
            for (total, &count) in totals.iter_mut().zip(counts) {
                *total += u32::from(count);
            }
        }
    }

    /// Adds the row to the sums and leaves every count at zero.
    pub(super) fn take(
        &mut self,
        word: WordBits,
        bins: usize,
        table: &CellTable,
        sums: &mut BlockSums,
    ) {
        for k in 0..word.neurons_a_lane() {
            for counts in &mut self.0[word.positions(k, bins)] {
                for (lane, n) in counts.iter_mut().enumerate() {
                    sums.cells[k][lane] += table.value(*n);
                    sums.samples[k][lane] += *n;
                    *n = 0;
                }
            }
        }
    }
}
