//! Positional population count of one-hot words over sorted rows, for up to 32 bins.
//!
//! The samples of neuron `i` are sorted by its code, so that row `a` of the joint histograms of
//! `i` with all its partners is made by one list of samples. The partners' codes are expanded to
//! one-hot words, so that one block of 512 bits holds one sample of 16 to 256 partners. Counting
//! how often each *bit position* of these blocks is set, over the samples of row `a`, counts row
//! `a` of all those histograms at once. A tree of carry-save adders does that in registers: plane
//! `p` holds bit `p` of the count of every position (Clausecker, Lemire and Schintke 2024,
//! arXiv 2412.16370). At the end of a row the planes are transposed into counts.
//!
//! GPU twin: `shaders/positional_popcount.wgsl`.

mod one_hot;
mod planes;
mod tally;

use std::ops::Range;

use crate::codes::Codes;
use crate::engine::PairSum;
use crate::estimator::CellTable;
use crate::plan::Tile;
use crate::simd::{Level, Vectorized};
use crate::sorted_rows::SortedRows;
use one_hot::WordBits;
use planes::{Block, LANES};
use tally::{BlockSums, TotalCounts};

/// The most samples that are counted before the planes are read: their blocks fill 768 KiB of L2,
/// and their number fits the planes.
const MAX_CHUNK: usize = 12_288;

/// Σ f(n) of every pair of the tile.
///
/// O(samples) block operations for each row of the tile and each block of columns, and O(bins²)
/// a pair to look counts up.
pub(crate) fn pair_sums(
    codes: &Codes,
    table: &CellTable,
    tile: &Tile,
    level: Level,
) -> Vec<PairSum> {
    level.run(CountTile { codes, table, tile })
}

struct CountTile<'a> {
    codes: &'a Codes,
    table: &'a CellTable,
    tile: &'a Tile,
}

impl Vectorized for CountTile<'_> {
    type Output = Vec<PairSum>;

    #[inline(always)]
    fn run(self) -> Vec<PairSum> {
        let Self { codes, table, tile } = self;
        let (samples, bins) = (codes.samples(), codes.bins());
        let word = WordBits::for_bins(bins);
        // Chunks of nearly equal length.
        let chunk_len = samples.div_ceil(samples.div_ceil(MAX_CHUNK));
        let chunks: Vec<Range<usize>> =
            (0..samples).step_by(chunk_len).map(|s| s..samples.min(s + chunk_len)).collect();
        let sorted: Vec<SortedRows> =
            tile.rows.clone().map(|i| SortedRows::new(codes.neuron(i), bins, chunk_len)).collect();
        // Behind the samples comes a block without any bit, which `count_positions` wants.
        let mut blocks: Vec<Block> = vec![[0; LANES]; chunk_len + 1];
        // With one chunk a count is final when it is read; with more, counts are added up first.
        let mut totals = match chunks.len() {
            1 => Vec::new(),
            _ => vec![TotalCounts::new(); tile.rows.len() * bins],
        };
        let mut block_sums = vec![BlockSums::new(); tile.rows.len()];
        let mut sums = vec![PairSum::default(); tile.pairs()];

        for begin in tile.columns.clone().step_by(word.neurons_a_block()) {
            let columns = begin..tile.columns.end.min(begin + word.neurons_a_block());
            // Rows whose own column lies behind the block have no pair in it.
            let rows = tile.rows.clone().filter(|&i| tile.columns_of(i).start < columns.end);
            let rows = rows.count();
            block_sums.fill(BlockSums::new());
            for (index, chunk) in chunks.iter().enumerate() {
                word.expand(codes, columns.clone(), chunk.clone(), &mut blocks[..chunk_len]);
                for (row, sorted) in sorted[..rows].iter().enumerate() {
                    for a in 0..bins {
                        let counts = planes::count_positions(&blocks, sorted.row(index, a));
                        match totals.get_mut(row * bins + a) {
                            None => block_sums[row].add(word, bins, &counts, table),
                            Some(totals) => totals.add(&counts),
                        }
                    }
                }
            }
            for (row, totals) in totals.chunks_exact_mut(bins).enumerate() {
                for totals in totals {
                    totals.take(word, bins, table, &mut block_sums[row]);
                }
            }
            store(tile, &columns, word, &block_sums[..rows], &mut sums);
        }
        sums
    }
}

/// Puts the sums of one block of columns where the numbering of the tile's pairs wants them.
fn store(
    tile: &Tile,
    columns: &Range<usize>,
    word: WordBits,
    block_sums: &[BlockSums],
    sums: &mut [PairSum],
) {
    let mut first = 0;
    for (i, block_sums) in tile.rows.clone().zip(block_sums) {
        let row = tile.columns_of(i);
        for j in columns.start.max(row.start)..columns.end {
            sums[first + j - row.start] = word.sum_of(j - columns.start, block_sums);
        }
        first += row.len();
    }
}
