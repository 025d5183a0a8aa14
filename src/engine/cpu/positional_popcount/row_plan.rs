//! The plan of how each row of a neuron's histograms is counted.

use fearless_simd::Simd;

use crate::codes::Codes;
use crate::codes::sorted_rows::SortedRows;
use crate::engine::cpu::equal_codes::{MAX_ROW, ShortRows, gathers};

/// The rows of all histograms of one row neuron, ordered by the way in which they are counted.
pub(super) struct RowPlan {
    /// The code of every row: first the long rows, then the short rows, then the left-out row.
    code_of_row: Vec<u8>,
    /// The number of samples of each row.
    samples: Vec<u32>,
    /// The number of rows that are counted by bit positions and looked up.
    long: usize,
    /// The number of rows whose samples are compared with each other.
    short: usize,
    /// True if the last row is not counted, because it is what all others leave of the marginals.
    leaves_one_out: bool,
}

impl RowPlan {
    pub(super) fn new(codes: &Codes, neuron: usize) -> Self {
        let marginal = codes.marginal(neuron);
        let max_short = max_short(codes.bins(), gathers(codes.samples()));
        let mut order: Vec<u8> =
            (0..=u8::MAX).zip(marginal).filter(|&(_, &n)| n > 0).map(|(a, _)| a).collect();
        let samples = |a: u8| marginal[usize::from(a)];
        order.sort_by_key(|&a| std::cmp::Reverse(samples(a)));
        let mut long = order.partition_point(|&a| samples(a) > max_short);
        // If the longest row is left out, rows that would otherwise only be compared have to be counted.
        let compared: u32 = order[long..].iter().map(|&a| samples(a)).sum();
        let leaves_one_out = long > 0 && samples(order[0]) > compared;
        if leaves_one_out {
            order.rotate_left(1);
            long -= 1;
        }
        let short = order.len() - long - usize::from(leaves_one_out);
        let samples = order.iter().map(|&a| samples(a)).collect();
        Self { code_of_row: order, samples, long, short, leaves_one_out }
    }

    /// Returns the number of rows that are counted by bit positions: the long rows and, if a row is left out,
    /// all short rows as one.
    pub(super) fn counted(&self) -> usize {
        self.long + usize::from(self.leaves_one_out)
    }

    /// Sorts some samples in the order of the counted rows. `codes` are the neuron's codes of these samples.
    #[inline(always)]
    pub(super) fn sort<S: Simd>(&self, simd: S, codes: &[u8], chunk_len: usize) -> SortedRows {
        if self.counted() == 0 {
            return SortedRows::default();
        }
        let (rows, left_out) = self.code_of_row.split_at(self.long + self.short);
        SortedRows::in_order(simd, codes, rows, left_out.first().copied(), chunk_len)
    }

    /// Returns the samples of a counted row in a chunk of sorted samples, relative to the start of the chunk.
    pub(super) fn samples<'a>(
        &self,
        sorted: &'a SortedRows,
        chunk: usize,
        row: usize,
    ) -> &'a [u16] {
        let rows = if row < self.long { row..row + 1 } else { self.long..self.long + self.short };
        sorted.rows(chunk, rows)
    }

    /// Returns the number of samples of each long row.
    pub(super) fn long_rows(&self) -> &[u32] {
        &self.samples[..self.long]
    }

    /// Returns the number of samples of the left-out row.
    pub(super) fn left_out(&self) -> Option<u32> {
        self.samples.last().copied().filter(|_| self.leaves_one_out)
    }

    /// Returns the short rows of at least two samples. A cell of one sample adds nothing.
    pub(super) fn short_rows(&self, codes: &[u8]) -> ShortRows {
        let rows = self.long..self.long + self.short;
        let rows = self.code_of_row[rows.clone()].iter().zip(&self.samples[rows]);
        ShortRows::new(codes, rows.filter(|&(_, &n)| n > 1).map(|(&code, &n)| (code, n)))
    }
}

/// Returns the most rows of a neuron that are counted by bit positions, in the sense of [`RowPlan::counted`].
pub(super) fn most_counted(samples: usize, bins: usize) -> usize {
    bins.min(samples / (max_short(bins, gathers(samples)) as usize + 1))
}

/// Returns the most samples of a neuron in rows that are compared.
pub(super) fn most_short(samples: usize, bins: usize) -> usize {
    samples.min(bins * max_short(bins, gathers(samples)) as usize)
}

/// Returns the most samples of a row that are compared with each other.
///
/// Cycles per pair, for a row of r samples in 64 lanes: comparing takes about r²/26, and four more per sample
/// if codes have to be gathered. Counting by bit positions takes about r · bins/200, and reading the counts
/// and looking them up 1.7 · bins.
fn max_short(bins: usize, gathers: bool) -> u32 {
    let bins = u32::try_from(bins).unwrap_or(u32::MAX);
    let gather = if gathers { 256 } else { 0 };
    let cheaper = |&r: &u32| r * r * 5 / 2 + gather * r <= (r / 3 + 110) * bins;
    (0..=MAX_ROW).take_while(cheaper).last().unwrap_or(0)
}
