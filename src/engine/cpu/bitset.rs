//! Joint histograms of two bins: one bit per sample, and one count of ones per pair.
//!
//! Let `n₁₁` be the number of samples in which both neurons are in bin 1. The other three cells follow from
//! `n₁₁` and the marginals. `n₁₁` is the number of ones in the conjunction of two bit strings. So all pairs
//! form a Gram matrix of bits, which is cut into blocks like one of floats: some rows times some columns stay
//! in registers, some samples in cache.
//!
//! GPU twin: `shaders/bitset.wgsl`.

use std::ops::Range;

use fearless_simd::{Simd, prelude::*};

use crate::codes::Codes;
use crate::codes::bits::{Bits, VECTOR_WORDS};
use crate::estimator::CellTable;
use crate::pairs::tile::Tile;
use crate::support::simd::{Level, Vectorized};

/// Words of a neuron that are counted in one pass over all rows and columns: 64 rows fill 512 KiB of L2.
const WORDS_TOGETHER: usize = 1024;

/// Computes Σ f(n) of every pair of the tile, with O(samples / 64) word operations per pair.
pub(crate) fn pair_sums(codes: &Codes, table: &CellTable, tile: &Tile, level: Level) -> Vec<u64> {
    let ones = Ones::count(codes, tile, level);
    tile.iter().map(|pair| table.sum(&ones.histogram(pair))).collect()
}

/// Counts the joint histograms of the tile, one after the other.
pub(crate) fn histograms(codes: &Codes, tile: &Tile, level: Level) -> Vec<u32> {
    let ones = Ones::count(codes, tile, level);
    tile.iter().flat_map(|pair| ones.histogram(pair)).collect()
}

/// The number of samples in which both neurons of a pair are in bin 1, for every pair of a tile.
struct Ones<'a> {
    codes: &'a Codes,
    tile: &'a Tile,
    samples: u32,
    /// Counts row by row, also below the diagonal.
    counts: Vec<u32>,
}

impl<'a> Ones<'a> {
    fn count(codes: &'a Codes, tile: &'a Tile, level: Level) -> Self {
        let mut counts = vec![0; tile.rows.len() * tile.columns.len()];
        if let Some(bits) = codes.bits() {
            level.run(CountOnes { tile, bits, ones: &mut counts });
        }
        let samples = codes.marginal(tile.rows.start).iter().sum::<u32>();
        Self { codes, tile, samples, counts }
    }

    /// Returns the joint histogram of a pair, row by row. Three of its cells are what the count leaves of the
    /// marginals.
    fn histogram(&self, (i, j): (usize, usize)) -> [u32; 4] {
        let Self { codes, tile, samples, counts } = self;
        let both = counts[(i - tile.rows.start) * tile.columns.len() + j - tile.columns.start];
        let (only_i, only_j) = (codes.marginal(i)[1] - both, codes.marginal(j)[1] - both);
        [samples - both - only_i - only_j, only_j, only_i, both]
    }
}

/// Returns roughly how many cycles a pair takes.
pub(crate) fn pair_work(samples: usize) -> usize {
    samples / 128 + 16
}

/// A count of the ones that every row of a tile has in common with every column.
struct CountOnes<'a> {
    tile: &'a Tile,
    bits: &'a Bits,
    /// Counts row by row, also below the diagonal.
    ones: &'a mut [u32],
}

impl Vectorized for CountOnes<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        // As many sums as fit into registers together with their inputs.
        if S::u64s::LEN == VECTOR_WORDS {
            self.count::<S, 4, 4>(simd)
        } else {
            self.count::<S, 2, 4>(simd)
        }
    }
}

impl CountOnes<'_> {
    #[inline(always)]
    fn count<S: Simd, const R: usize, const C: usize>(self, simd: S) {
        let Self { tile, bits, ones } = self;
        let (height, width) = (tile.rows.len(), tile.columns.len());
        for begin in (0..bits.stride()).step_by(WORDS_TOGETHER) {
            let words = begin..bits.stride().min(begin + WORDS_TOGETHER);
            for column in (0..width).step_by(C) {
                let last_row = if tile.is_triangular() { height.min(column + C) } else { height };
                let some_columns = neighbours::<C>(bits, &tile.columns, column, &words);
                for row in (0..last_row).step_by(R) {
                    let some_rows = neighbours::<R>(bits, &tile.rows, row, &words);
                    let common = ones_in_common::<S, R, C>(simd, some_rows, some_columns);
                    for (row, common) in (row..height).zip(common) {
                        for (column, common) in (column..width).zip(common) {
                            ones[row * width + column] += common;
                        }
                    }
                }
            }
        }
    }
}

/// Returns some words of `N` neighbouring neurons. The last neuron stands in for missing ones.
#[inline(always)]
fn neighbours<'a, const N: usize>(
    bits: &'a Bits,
    neurons: &Range<usize>,
    first: usize,
    words: &Range<usize>,
) -> [&'a [u64]; N] {
    let mut some: [&[u64]; N] = [&[]; N];
    for (k, some) in some.iter_mut().enumerate() {
        let neuron = (neurons.start + first + k).min(neurons.end - 1);
        *some = &bits.neuron(neuron)[words.clone()];
    }
    some
}

/// The number of vectors whose ones a byte can count: each adds at most eight.
const VECTORS_A_BYTE: usize = 31;

#[inline(always)]
fn ones_in_common<S: Simd, const R: usize, const C: usize>(
    simd: S,
    rows: [&[u64]; R],
    columns: [&[u64]; C],
) -> [[u32; C]; R] {
    let len = S::u64s::LEN;
    let words = rows[0].len();
    let mut sums = [[S::u32s::splat(simd, 0); C]; R];
    for begin in (0..words).step_by(VECTORS_A_BYTE * len) {
        let mut bytes = [[S::u8s::splat(simd, 0); C]; R];
        for word in (begin..words.min(begin + VECTORS_A_BYTE * len)).step_by(len) {
            let mut row_words = [bytes[0][0]; R];
            for (vector, words) in row_words.iter_mut().zip(rows) {
                *vector = S::u64s::from_slice(simd, &words[word..word + len]).bitcast();
            }
            for c in 0..C {
                let column = S::u64s::from_slice(simd, &columns[c][word..word + len]);
                for r in 0..R {
                    bytes[r][c] += (row_words[r] & column.bitcast::<S::u8s>()).count_ones();
                }
            }
        }
        // Indices, because iterators would keep the sums in memory.
        for r in 0..R {
            for c in 0..C {
                sums[r][c] += bytes[r][c].pairwise_widening_add().pairwise_widening_add();
            }
        }
    }
    let mut ones = [[0; C]; R];
    for r in 0..R {
        for c in 0..C {
            ones[r][c] = sums[r][c].reduce_sum();
        }
    }
    ones
}
