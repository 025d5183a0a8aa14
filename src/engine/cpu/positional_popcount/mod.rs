//! Positional population count of one-hot words over sorted rows.
//!
//! The samples of neuron `i` are sorted by its code. Row `a` of the joint histograms of `i` with all its
//! partners then comes from a single list of samples. The partners' codes are expanded to one-hot words, so
//! that one block of bits holds one sample of many partners. Counting how often each *bit position* of these
//! blocks is set, over the samples of row `a`, counts row `a` of all those histograms at once.
//!
//! The counters are bit-sliced: plane `p` holds bit `p` of the count of every position. Adding a block to
//! them is binary addition with carry, on all positions in parallel:
//!
//! ```text
//! for each group of partners j that fit into one block
//!     for each sample s
//!         block[s] = 0
//!         for each partner j
//!             set bit (j, code[j][s]) of block[s]           // one-hot words, side by side
//!
//!     for each row neuron i
//!         for each code a of neuron i
//!             planes = 0
//!             for each sample s with code[i][s] = a         // a list that was sorted beforehand
//!                 carry = block[s]
//!                 for p = 0, 1, 2, ... while carry != 0
//!                     (planes[p], carry) = (planes[p] xor carry, planes[p] and carry)
//!             for each partner j
//!                 for each code b of partner j
//!                     n = Σ 2^p · bit (j, b) of planes[p]   // cell (a, b) of the histogram of i and j
//!                     sum[i][j] += f(n)
//! ```
//!
//! The code does the same faster:
//!
//! * Samples are not added one by one. A tree of carry-save adders takes sixteen at a time and keeps the low
//!   planes in registers (Clausecker, Lemire and Schintke 2024, arXiv 2412.16370).
//! * The counts `n` are not read bit by bit. The planes are transposed into counts at the end of a row.
//! * Two things are not counted, because marginals tell them: a partner's last bin, which is what the others
//!   leave of a row, and the longest row, which is what the others leave of a column.
//! * Rows of few samples are not counted by bit positions. `equal_codes` compares their samples instead.
//! * Samples are expanded in chunks that fit into L2, and each chunk serves all rows of a tile.
//! * Two bins need no one-hot words: see `two_bins`.
//!
//! GPU twin: `shaders/positional_popcount.wgsl`.

mod one_hot;
mod planes;
mod row_plan;
mod transposed_bits;
pub(crate) mod two_bins;

use std::ops::Range;

use fearless_simd::{Simd, prelude::*};

use super::equal_codes::{self, ShortRows};
use super::tile_shape::MAX_HEIGHT;
use crate::codes::Codes;
use crate::codes::bits;
use crate::codes::sorted_rows::SortedRows;
use crate::estimator::CellTable;
use crate::pairs::tile::Tile;
use crate::support::cancel::CancelToken;
use crate::support::simd::{Level, Vectorized};
use one_hot::Layout;
use planes::{Block, Counts, MAX_POSITIONS};
use row_plan::RowPlan;

/// The most samples that are expanded at once. Together with the empty block behind them, their blocks of 512
/// bits fill 512 KiB of L2.
const MAX_CHUNK: usize = 8191;

/// Bytes for the sorted samples of a tile's rows. More samples are taken in several spans.
const SORTED_BYTES: usize = 4 << 20;

/// Bytes for the counters of blocks that are counted together, one span after the other.
const COUNTER_BYTES: usize = 4 << 20;

/// Computes Σ f(n) of every pair of the tile.
///
/// Takes O(samples) block operations for each row of the tile and each block of columns, and O(bins²) per
/// pair to look up counts. Once `stop` is cancelled, the function returns soon, and its sums must not be
/// used.
pub(crate) fn pair_sums(
    codes: &Codes,
    table: &CellTable,
    tile: &Tile,
    level: Level,
    stop: &CancelToken,
) -> Vec<u64> {
    match codes.bits() {
        Some(bits) => two_bins::pair_sums(codes, bits, table, tile, level),
        None => level.run(CountTile { codes, table, tile, stop }),
    }
}

/// Returns roughly how many cycles a pair takes: three for each sample and block, and two to look up each
/// count.
pub(crate) fn pair_work(samples: usize, bins: usize) -> usize {
    if bins == bits::BINS {
        return two_bins::pair_work(samples);
    }
    (samples.saturating_mul(3 * bins) / MAX_POSITIONS).saturating_add(2 * bins * bins)
}

/// Returns the most rows of a tile. The codes of a block are expanded once for all rows, but the sorted
/// samples of all rows have to be kept.
pub(crate) fn max_height(samples: usize, bins: usize) -> usize {
    if bins == bits::BINS {
        return two_bins::MAX_HEIGHT;
    }
    (SORTED_BYTES / size_of::<u16>() / samples).clamp(32, MAX_HEIGHT)
}

/// Returns the most columns of a tile.
pub(crate) fn max_width(bins: usize) -> usize {
    if bins == bits::BINS { two_bins::MAX_WIDTH } else { usize::MAX }
}

/// Returns the bytes that a thread works in, for tiles of some shape: sorted samples, counters, expanded
/// blocks, and short rows.
pub(crate) fn working_bytes(samples: usize, bins: usize, height: usize, width: usize) -> usize {
    if bins == bits::BINS {
        return two_bins::working_bytes(samples, height, width);
    }
    let (chunk_len, span_len) = chunk_and_span(samples, height);
    let span = samples.min(span_len);
    let sorted = height * SortedRows::most_bytes(span, bins, chunk_len) + 3 * chunk_len;
    let rows = height * row_plan::most_counted(samples, bins);
    let counters = rows * planes::planes_for(samples) * planes::MAX_BLOCK_BYTES;
    let counters = if samples <= span_len { counters } else { counters.max(COUNTER_BYTES) };
    let expanded = (chunk_len + 1).next_power_of_two() * planes::MAX_BLOCK_BYTES;
    let short = row_plan::most_short(samples, bins);
    let short = equal_codes::working_bytes(samples, height, short, bins);
    sorted + counters + expanded + short
}

/// Returns the number of samples in a chunk and in a span. A chunk is expanded at once, and all chunks have
/// nearly the same length. A span is sorted at once for `rows` rows.
fn chunk_and_span(samples: usize, rows: usize) -> (usize, usize) {
    let chunk_len = samples.div_ceil(samples.div_ceil(MAX_CHUNK));
    let chunks_sorted = SORTED_BYTES / size_of::<u16>() / chunk_len / rows;
    (chunk_len, chunk_len * chunks_sorted.max(1))
}

struct CountTile<'a> {
    codes: &'a Codes,
    table: &'a CellTable,
    tile: &'a Tile,
    stop: &'a CancelToken,
}

impl Vectorized for CountTile<'_> {
    type Output = Vec<u64>;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Vec<u64> {
        // A block must have room for the largest number of bins.
        if S::u16s::LEN >= 16 { self.count::<S, 1>(simd) } else { self.count::<S, 2>(simd) }
    }
}

impl CountTile<'_> {
    #[inline(always)]
    fn count<S: Simd, const W: usize>(self, simd: S) -> Vec<u64> {
        let Self { codes, table, tile, stop } = self;
        let plans: Vec<RowPlan> = tile.rows.clone().map(|i| RowPlan::new(codes, i)).collect();
        let mut sums = TileSums::new(tile);
        Counter::<S, W>::new(simd, codes, table, tile, &plans, stop).count(&mut sums);
        let rows = tile.rows.clone().zip(&plans);
        let short: Vec<ShortRows> =
            rows.map(|(i, plan)| plan.short_rows(codes.neuron(i))).collect();
        equal_codes::for_each_sum(
            simd,
            codes,
            table,
            &short,
            tile.columns.clone(),
            |row| tile.columns_of(tile.rows.start + row).start,
            |row, column, sum| sums.add(row, column, sum),
        );
        sums.sums
    }
}

/// Σ f(n) of every pair of a tile.
struct TileSums<'a> {
    tile: &'a Tile,
    sums: Vec<u64>,
    /// The index that the sum of column 0 would have in each row of the tile, wrapping below zero.
    rows: Vec<usize>,
}

impl<'a> TileSums<'a> {
    fn new(tile: &'a Tile) -> Self {
        let mut end = 0;
        let row = |i: usize| {
            let columns = tile.columns_of(i);
            end += columns.len();
            end.wrapping_sub(columns.end)
        };
        let rows = tile.rows.clone().map(row).collect();
        Self { tile, sums: vec![0; tile.pairs()], rows }
    }

    #[inline(always)]
    fn add(&mut self, row: usize, column: usize, sum: u64) {
        debug_assert!(
            self.tile.columns_of(self.tile.rows.start + row).contains(&column),
            "{row} {column}"
        );
        self.sums[self.rows[row].wrapping_add(column)] += sum;
    }
}

/// A counter of long rows by bit positions.
struct Counter<'a, S: Simd, const W: usize> {
    simd: S,
    codes: &'a Codes,
    table: &'a CellTable,
    tile: &'a Tile,
    plans: &'a [RowPlan],
    stop: &'a CancelToken,
    layout: Layout,
    chunk_len: usize,
    /// Samples that are sorted together: a whole number of chunks.
    span_len: usize,
    /// The number of planes, which is enough for every count.
    planes: usize,
    /// f(n) for n below 256.
    byte_values: [u64; 256],
}

impl<'a, S: Simd, const W: usize> Counter<'a, S, W> {
    fn new(
        simd: S,
        codes: &'a Codes,
        table: &'a CellTable,
        tile: &'a Tile,
        plans: &'a [RowPlan],
        stop: &'a CancelToken,
    ) -> Self {
        let samples = codes.samples();
        let mut byte_values = [0; 256];
        for (n, value) in (0..).zip(&mut byte_values) {
            *value = table.value(n);
        }
        let (chunk_len, span_len) = chunk_and_span(samples, plans.len());
        Self {
            simd,
            codes,
            table,
            tile,
            plans,
            stop,
            layout: Layout::new::<S, W>(codes.bins()),
            chunk_len,
            span_len,
            planes: planes::planes_for(samples),
            byte_values,
        }
    }

    /// Adds Σ f(n) over the long rows and the left-out rows to the sums.
    #[inline(always)]
    fn count(&self, sums: &mut TileSums<'_>) {
        let rows: usize = self.plans.iter().map(RowPlan::counted).sum();
        if rows == 0 {
            return;
        }
        let Self { codes, tile, .. } = *self;
        let zero = [S::u16s::splat(self.simd, 0); W];
        let counters_of_block = rows * self.planes;
        // If the sorted samples of all rows fit, they serve one block after the other. Otherwise each span of
        // them serves several blocks, whose counters are kept from span to span.
        let blocks_together = if codes.samples() <= self.span_len {
            1
        } else {
            (COUNTER_BYTES / size_of::<Block<S, W>>() / counters_of_block).max(1)
        };
        let mut counters = vec![zero; blocks_together * counters_of_block];
        // `add_samples` needs an empty block behind those of the samples.
        let mut expanded: Vec<Block<S, W>> = vec![zero; (self.chunk_len + 1).next_power_of_two()];
        let mut total = vec![zero; self.planes];
        let mut sorted = Vec::new();
        let mut sorted_span = None;
        for group in ranges(tile.columns.clone(), self.layout.neurons * blocks_together) {
            for span in ranges(0..codes.samples(), self.span_len) {
                if sorted_span.as_ref() != Some(&span) {
                    if self.stop.is_cancelled() {
                        return;
                    }
                    sorted.clear();
                    for (i, plan) in tile.rows.clone().zip(self.plans) {
                        let codes = &codes.neuron(i)[span.clone()];
                        sorted.push(plan.sort(self.simd, codes, self.chunk_len));
                    }
                    sorted_span = Some(span.clone());
                }
                let blocks = ranges(group.clone(), self.layout.neurons);
                for (columns, counters) in blocks.zip(counters.chunks_exact_mut(counters_of_block))
                {
                    self.count_block(&columns, &span, &sorted, &mut expanded, counters);
                }
            }
            let blocks = ranges(group, self.layout.neurons);
            for (columns, counters) in blocks.zip(counters.chunks_exact_mut(counters_of_block)) {
                self.sum_block(&columns, counters, &mut total, sums);
            }
        }
    }

    /// Returns the plans of the rows that have a pair in a block. Rows whose own column lies behind the block
    /// have none.
    fn plans_of(&self, columns: &Range<usize>) -> &'a [RowPlan] {
        let rows = self.tile.rows.clone();
        let rows = rows.filter(|&i| self.tile.columns_of(i).start < columns.end);
        &self.plans[..rows.count()]
    }

    /// Adds the samples of a span to the counters of a block.
    #[inline(always)]
    fn count_block(
        &self,
        columns: &Range<usize>,
        span: &Range<usize>,
        sorted: &[SortedRows],
        expanded: &mut [Block<S, W>],
        counters: &mut [Block<S, W>],
    ) {
        for (index, chunk) in ranges(span.clone(), self.chunk_len).enumerate() {
            if self.stop.is_cancelled() {
                return;
            }
            let blocks = &mut expanded[..chunk.len()];
            self.layout.expand(self.simd, self.codes, columns.clone(), chunk, blocks);
            let mut counters = counters.chunks_exact_mut(self.planes);
            for (plan, sorted) in self.plans_of(columns).iter().zip(sorted) {
                for (row, planes) in (0..plan.counted()).zip(&mut counters) {
                    let samples = plan.samples(sorted, index, row);
                    planes::add_samples(self.simd, expanded, samples, planes);
                }
            }
        }
    }

    /// Adds Σ f(n) over the counters of a block to the sums, and resets the counters to zero.
    #[inline(always)]
    fn sum_block(
        &self,
        columns: &Range<usize>,
        mut counters: &mut [Block<S, W>],
        total: &mut [Block<S, W>],
        sums: &mut TileSums<'_>,
    ) {
        let marginals = self.layout.arrange(columns.clone().map(|j| self.codes.marginal(j)));
        let mut block_sums = [0; MAX_POSITIONS];
        let block_sums = &mut block_sums[..columns.len()];
        for (row, plan) in self.plans_of(columns).iter().enumerate() {
            let (own, others) =
                std::mem::take(&mut counters).split_at_mut(plan.counted() * self.planes);
            counters = others;
            block_sums.fill(0);
            self.add_block(plan, own, total, &marginals, block_sums);
            own.fill([S::u16s::splat(self.simd, 0); W]);
            let first = self.tile.columns_of(self.tile.rows.start + row).start.max(columns.start);
            for column in first..columns.end {
                sums.add(row, column, block_sums[column - columns.start]);
            }
        }
    }

    /// Adds Σ f(n) over the counted rows and the left-out row, for every neuron of a block.
    #[inline(always)]
    fn add_block(
        &self,
        plan: &RowPlan,
        counters: &[Block<S, W>],
        total: &mut [Block<S, W>],
        marginals: &Counts,
        sums: &mut [u64],
    ) {
        total.fill([S::u16s::splat(self.simd, 0); W]);
        let mut long_rows = plan.long_rows().iter();
        for planes in counters.chunks_exact(self.planes) {
            if plan.left_out().is_some() {
                planes::add_planes(self.simd, total, planes);
            }
            if let Some(&samples) = long_rows.next() {
                self.look_up(planes, samples, sums);
            }
        }
        if let Some(samples) = plan.left_out() {
            let mut counts: Counts = [0; MAX_POSITIONS];
            planes::read_counts(self.simd, total, &mut counts);
            for (count, marginal) in counts.iter_mut().zip(marginals) {
                *count = marginal.wrapping_sub(*count);
            }
            self.add_row(&counts, samples, sums);
        }
    }

    /// Adds Σ f(n) over one row of `samples` samples.
    #[inline(always)]
    fn look_up(&self, planes: &[Block<S, W>], samples: u32, sums: &mut [u64]) {
        if samples <= planes::MAX_BYTE {
            // Planes above the eighth are empty, and every count is a valid index.
            let mut counts = [0u8; MAX_POSITIONS];
            planes::read_bytes(self.simd, &planes[..8.min(planes.len())], &mut counts);
            let values = &self.byte_values;
            for (sum, counts) in sums.iter_mut().zip(counts.chunks_exact(self.layout.bits)) {
                #[expect(clippy::cast_possible_truncation, reason = "just compared")]
                let mut last = samples as u8;
                let mut cells = 0;
                for &n in counts {
                    cells += values[usize::from(n)];
                    last = last.wrapping_sub(n);
                }
                *sum += cells + values[usize::from(last)];
            }
        } else {
            let mut counts: Counts = [0; MAX_POSITIONS];
            planes::read_counts(self.simd, planes, &mut counts);
            self.add_row(&counts, samples, sums);
        }
    }

    #[inline(always)]
    fn add_row(&self, counts: &Counts, samples: u32, sums: &mut [u64]) {
        for (sum, counts) in sums.iter_mut().zip(counts.chunks_exact(self.layout.bits)) {
            let mut last = samples;
            let mut cells = 0;
            for &n in counts {
                cells += self.table.value(n);
                last = last.wrapping_sub(n);
            }
            *sum += cells + self.table.value(last);
        }
    }
}

/// Cuts a range into ranges of `len`. The last may be shorter.
fn ranges(whole: Range<usize>, len: usize) -> impl Iterator<Item = Range<usize>> {
    let end = whole.end;
    whole.step_by(len).map(move |begin| begin..end.min(begin + len))
}
