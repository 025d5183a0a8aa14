//! How each row of a neuron's histograms is counted.

use fearless_simd::Simd;

use crate::codes::Codes;
use crate::codes::sorted_rows::SortedRows;
use crate::engine::cpu::equal_codes::{MAX_ROW, ShortRows, gathers};

/// The rows of all histograms of one row neuron, by how they are counted.
pub(super) struct RowPlan {
    /// The code of every row: first the long rows, then the short ones, then the one that is left
    /// out.
    code_of_row: Vec<u8>,
    /// Samples of each row.
    samples: Vec<u32>,
    /// Rows that are counted by bit positions and looked up.
    long: usize,
    /// Rows whose samples are compared with each other.
    short: usize,
    /// Whether the last row is not counted: it is what all others leave of the marginals.
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
        // Leaving the longest row out means counting those that otherwise would only be compared.
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

    /// Rows that are counted by bit positions: the long ones, and, where one is left out, all
    /// short ones as one.
    pub(super) fn counted(&self) -> usize {
        self.long + usize::from(self.leaves_one_out)
    }

    /// Some samples in the order of the counted rows; `codes` are those of the neuron.
    #[inline(always)]
    pub(super) fn sort<S: Simd>(&self, simd: S, codes: &[u8], chunk_len: usize) -> SortedRows {
        if self.counted() == 0 {
            return SortedRows::default();
        }
        let (rows, left_out) = self.code_of_row.split_at(self.long + self.short);
        SortedRows::in_order(simd, codes, rows, left_out.first().copied(), chunk_len)
    }

    /// The samples of a counted row in a chunk of sorted samples, from the start of the chunk.
    pub(super) fn samples<'a>(
        &self,
        sorted: &'a SortedRows,
        chunk: usize,
        row: usize,
    ) -> &'a [u16] {
        let rows = if row < self.long { row..row + 1 } else { self.long..self.long + self.short };
        sorted.rows(chunk, rows)
    }

    /// How many samples each long row has.
    pub(super) fn long_rows(&self) -> &[u32] {
        &self.samples[..self.long]
    }

    /// How many samples the row has that is left out.
    pub(super) fn left_out(&self) -> Option<u32> {
        self.samples.last().copied().filter(|_| self.leaves_one_out)
    }

    /// The short rows of at least two samples: a cell of one sample adds nothing.
    pub(super) fn short_rows(&self, codes: &[u8]) -> ShortRows {
        let rows = self.long..self.long + self.short;
        let rows = self.code_of_row[rows.clone()].iter().zip(&self.samples[rows]);
        ShortRows::new(codes, rows.filter(|&(_, &n)| n > 1).map(|(&code, &n)| (code, n)))
    }
}

/// The most rows of a neuron that are counted by bit positions, as [`RowPlan::counted`] says.
pub(super) fn most_counted(samples: usize, bins: usize) -> usize {
    bins.min(samples / (max_short(bins, gathers(samples)) as usize + 1))
}

/// The most samples of a neuron in rows that are compared.
pub(super) fn most_short(samples: usize, bins: usize) -> usize {
    samples.min(bins * max_short(bins, gathers(samples)) as usize)
}

/// The most samples of a row that are compared with each other.
///
/// Comparing takes about r²/26 cycles a pair, r samples in 64 lanes, and four a sample where codes
/// have to be gathered; counting by bit positions about r · bins/200, and reading the counts and
/// looking them up 1.7 · bins.
fn max_short(bins: usize, gathers: bool) -> u32 {
    let bins = u32::try_from(bins).unwrap_or(u32::MAX);
    let gather = if gathers { 256 } else { 0 };
    let cheaper = |&r: &u32| r * r * 5 / 2 + gather * r <= (r / 3 + 110) * bins;
    (0..=MAX_ROW).take_while(cheaper).last().unwrap_or(0)
}
