//! Positional population count for two bins, over the samples in which a neuron is in its rarer bin.
//!
//! A block holds one sample of 512 partners, one bit each. Blocks are made from the partners' bit strings by
//! transposition. The samples in which the row neuron is in its rarer bin select blocks, and carry-save
//! adders count the ones of these blocks. `bitset.rs` has to read all samples of each pair. This kernel skips
//! at least half of the samples, and counts no ones within a word.

use std::ops::Range;

use fearless_simd::{Simd, prelude::*, u16x8};

use super::planes::{self, Block, Counts};
use super::ranges;
use super::transposed_bits::{TRANSPOSER_BYTES, Transposer};
use crate::codes::Codes;
use crate::codes::bits::Bits;
use crate::estimator::CellTable;
use crate::pairs::tile::Tile;
use crate::support::simd::{Level, MAX_LANES, Vectorized};

const WORD_BITS: usize = u64::BITS as usize;

/// Words of samples whose blocks are made together and stay in L2: a whole number of vectors.
const SPAN_WORDS: usize = 48;

/// The number of planes that hold every count over one span.
const SPAN_PLANES: usize = (SPAN_WORDS * WORD_BITS).ilog2() as usize + 1;

/// The number of rows that go through a span together, and in how many turns. A row adds one part of its
/// samples per turn, and these lie in about the same blocks for all rows.
const ROWS_TOGETHER: usize = 16;
const TURNS: usize = 4;

/// Bytes for the counters of the blocks that are counted together.
const COUNTER_BYTES: usize = 1 << 20;

/// The most rows of a tile. Blocks are made once for all of them.
pub(super) const MAX_HEIGHT: usize = 256;

/// The most columns of a tile. Lists of samples are made once for all of them, but many small tiles are
/// shared more evenly among threads, and their sums take less memory.
pub(super) const MAX_WIDTH: usize = 512;

/// Computes Σ f(n) of every pair of the tile, with O(samples) block operations for each row and block of
/// columns.
pub(super) fn pair_sums(
    codes: &Codes,
    bits: &Bits,
    table: &CellTable,
    tile: &Tile,
    level: Level,
) -> Vec<u64> {
    level.run(CountTile { codes, bits, table, tile })
}

/// Returns roughly how many cycles a pair takes.
pub(super) fn pair_work(samples: usize) -> usize {
    samples / 256 + 16
}

/// Returns the bytes that a thread works in: counters, blocks, and the lists of a tile's rows.
pub(super) fn working_bytes(samples: usize, height: usize, width: usize) -> usize {
    let span = samples.next_multiple_of(WORD_BITS).min(SPAN_WORDS * WORD_BITS);
    let planes = planes::planes_for(samples).max(SPAN_PLANES);
    let of_block = height * planes * planes::MAX_BLOCK_BYTES;
    let blocks = width.div_ceil(planes::MAX_POSITIONS / 2); // blocks of narrow vectors
    let counters = (blocks * of_block).min(COUNTER_BYTES.max(of_block));
    let blocks = (span + 1).next_power_of_two() * planes::MAX_BLOCK_BYTES;
    let lists = height * (span + MAX_LANES) * size_of::<u16>();
    counters + blocks + lists + TRANSPOSER_BYTES
}

/// Returns whether tiles of some height take less time than those of `bitset.rs`.
///
/// Costs are cycles for each sample of a tile, measured on Zen 4 with AVX-512. With narrower vectors this
/// kernel compares even better.
pub(crate) fn is_faster_than_bitset(codes: &Codes, height: usize) -> bool {
    /// Cycles to make a block.
    const BLOCK: f64 = 42.0;
    /// Cycles for each bit of a row, and for each sample in its rarer bin.
    const BIT: f64 = 0.2;
    const RARER: f64 = 2.1;
    /// Cycles of `bitset.rs` for each pair: 2.1 for a vector of 512 samples.
    const PAIR: f64 = 2.1 / 512.0;
    /// The number of neurons whose marginals are read.
    const ENOUGH: usize = 256;
    let neurons = codes.neurons();
    let some = (0..neurons).step_by(neurons.div_ceil(ENOUGH));
    let looked_at = some.len() * codes.samples();
    let rarer = some.map(|i| codes.marginal(i).iter().min().map_or(0, |&n| u64::from(n)));
    let rarer = rarer.sum::<u64>() as f64 / looked_at as f64;
    let bands = (0..neurons).step_by(height);
    let tiles: usize = bands.map(|begin| (neurons - begin).div_ceil(MAX_WIDTH)).sum();
    let pairs = neurons as f64 * (neurons + 1) as f64 / 2.0;
    tiles as f64 * (BLOCK + height as f64 * (BIT + RARER * rarer)) < pairs * PAIR
}

struct CountTile<'a> {
    codes: &'a Codes,
    bits: &'a Bits,
    table: &'a CellTable,
    tile: &'a Tile,
}

impl Vectorized for CountTile<'_> {
    type Output = Vec<u64>;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> Vec<u64> {
        if S::u16s::LEN >= 16 { self.count::<S, 1>(simd) } else { self.count::<S, 2>(simd) }
    }
}

impl CountTile<'_> {
    #[inline(always)]
    fn count<S: Simd, const W: usize>(self, simd: S) -> Vec<u64> {
        let Self { codes, bits, tile, .. } = self;
        let zero = [S::u16s::splat(simd, 0); W];
        let planes = planes::planes_for(codes.samples()).max(SPAN_PLANES);
        let width = planes::positions::<S, W>();
        let block_counters = tile.rows.len() * planes;
        let blocks_together = (COUNTER_BYTES / size_of::<Block<S, W>>() / block_counters).max(1);
        let mut sums = vec![0; tile.pairs()];
        let mut counters = Vec::new();
        let mut lists = vec![List::default(); tile.rows.len()];
        // `add_samples` needs an empty block behind those of the samples.
        let span_words = SPAN_WORDS.min(bits.stride());
        let mut blocks = vec![zero; (span_words * WORD_BITS + 1).next_power_of_two()];
        let mut transposer = Transposer::new(simd);
        for group in ranges(tile.columns.clone(), width * blocks_together) {
            counters.clear();
            counters.resize(group.len().div_ceil(width) * block_counters, zero);
            for words in ranges(0..bits.stride(), span_words) {
                for (i, list) in tile.rows.clone().zip(&mut lists) {
                    list.fill(simd, &bits.neuron(i)[words.clone()], ones_are_rarer(codes, i));
                }
                let counters = counters.chunks_exact_mut(block_counters);
                for (columns, counters) in ranges(group.clone(), width).zip(counters) {
                    transposer.fill(bits, &columns, words.clone(), &mut blocks);
                    let lists = lists[..rows_with(tile, &columns)].chunks(ROWS_TOGETHER);
                    let counters = counters.chunks_mut(ROWS_TOGETHER * planes);
                    for (lists, counters) in lists.zip(counters) {
                        add_lists(simd, lists, &blocks, counters.chunks_exact_mut(planes));
                    }
                }
            }
            let counters = counters.chunks_exact(block_counters);
            for (columns, counters) in ranges(group, width).zip(counters) {
                self.sum_block(simd, &columns, counters.chunks_exact(planes), &mut sums);
            }
        }
        sums
    }

    /// Computes Σ f(n) of the pairs of some columns from the counters of each row.
    #[inline(always)]
    fn sum_block<'a, S: Simd, const W: usize>(
        &self,
        simd: S,
        columns: &Range<usize>,
        counters: impl Iterator<Item = &'a [Block<S, W>]>,
        sums: &mut [u64],
    ) {
        let Self { codes, table, tile, .. } = *self;
        let mut counts: Counts = [0; planes::MAX_POSITIONS];
        let mut rest = sums;
        for (i, planes) in tile.rows.clone().zip(counters) {
            let own = tile.columns_of(i);
            let (row, others) = rest.split_at_mut(own.len());
            rest = others;
            let here = own.start.max(columns.start)..columns.end;
            if here.is_empty() {
                continue;
            }
            planes::read_counts(simd, planes, &mut counts);
            let counts = &counts[here.start - columns.start..];
            let row = &mut row[here.start - own.start..];
            let marginal = codes.marginal(i);
            let (zeros, ones) = (marginal[0], marginal[1]);
            let (rarer, other) =
                if ones_are_rarer(codes, i) { (ones, zeros) } else { (zeros, ones) };
            for ((sum, &count), j) in row.iter_mut().zip(counts).zip(here) {
                // Samples with `j` in bin 1 and `i` in its more frequent bin.
                let beside_other = codes.marginal(j)[1] - count;
                *sum = table.sum(&[count, rarer - count, beside_other, other - beside_other]);
            }
        }
    }
}

fn ones_are_rarer(codes: &Codes, neuron: usize) -> bool {
    let marginal = codes.marginal(neuron);
    marginal[1] <= marginal[0]
}

/// Returns how many rows of a tile have a pair in some of its columns.
fn rows_with(tile: &Tile, columns: &Range<usize>) -> usize {
    tile.rows.clone().filter(|&i| tile.columns_of(i).start < columns.end).count()
}

/// Adds the samples of some rows to their counters.
#[inline(always)]
fn add_lists<'a, S: Simd, const W: usize>(
    simd: S,
    lists: &[List],
    blocks: &[Block<S, W>],
    counters: impl Iterator<Item = &'a mut [Block<S, W>]>,
) {
    let mut span = [[[S::u16s::splat(simd, 0); W]; SPAN_PLANES]; ROWS_TOGETHER];
    for turn in 0..TURNS {
        for (list, span) in lists.iter().zip(&mut span) {
            planes::add_samples(simd, blocks, list.turn(turn), span);
        }
    }
    for (counters, span) in counters.zip(&span) {
        planes::add_planes(simd, counters, span);
    }
}

/// The samples of a span in which a row neuron is in its rarer bin.
#[derive(Clone, Default)]
struct List {
    /// The sample numbers, and behind the first `len` the surplus of the last vector.
    samples: Vec<u16>,
    len: usize,
    /// Samples per turn: whole groups.
    turn_len: usize,
}

impl List {
    /// Lists the ones of some words if `ones` is true, or else the zeros. The zeros behind the last sample
    /// are listed too, but their blocks have no bit set.
    #[inline(always)]
    fn fill<S: Simd>(&mut self, simd: S, words: &[u64], ones: bool) {
        self.samples.resize(words.len() * WORD_BITS + MAX_LANES, 0);
        let flip = if ones { 0 } else { u64::MAX };
        let mut len = 0;
        for (word, first) in words.iter().zip((0..).step_by(WORD_BITS)) {
            len = push_ones(simd, word ^ flip, first, &mut self.samples, len);
        }
        self.len = len;
        self.turn_len = len.div_ceil(TURNS).next_multiple_of(planes::GROUP);
    }

    #[inline(always)]
    fn turn(&self, turn: usize) -> &[u16] {
        let begin = self.len.min(turn * self.turn_len);
        &self.samples[begin..self.len.min(begin + self.turn_len)]
    }
}

/// Writes the numbers of the ones in a word to `samples` from index `len` on, and returns the index behind
/// them. The lowest bit of the word has the number `first`.
#[inline(always)]
fn push_ones<S: Simd>(
    simd: S,
    word: u64,
    first: u16,
    samples: &mut [u16],
    mut len: usize,
) -> usize {
    let lanes = S::u16s::LEN;
    if lanes == NUMBERS.len() {
        // Vectors of this length are compressed by one instruction.
        let (low, high) = (word & u64::from(u32::MAX), word >> u32::BITS);
        let numbers = S::u16s::from_slice(simd, &NUMBERS) + first;
        for (numbers, ones) in [(numbers, low), (numbers + HALF_WORD, high)] {
            let keep = S::mask16s::from_bitmask(simd, ones);
            numbers.compress(keep).store_slice(&mut samples[len..len + lanes]);
            len += ones.count_ones() as usize;
        }
        return len;
    }
    for (byte, first) in word.to_le_bytes().into_iter().zip((first..).step_by(8)) {
        let numbers = u16x8::from_slice(simd, &ONES_OF_BYTE[usize::from(byte)]) + first;
        numbers.store_slice(&mut samples[len..len + 8]);
        len += byte.count_ones() as usize;
    }
    len
}

const HALF_WORD: u16 = 32;

const NUMBERS: [u16; HALF_WORD as usize] = {
    let mut numbers = [0; HALF_WORD as usize];
    let mut number = 0;
    while number < HALF_WORD {
        numbers[number as usize] = number;
        number += 1;
    }
    numbers
};

/// The numbers of the ones in every byte, followed by zeros.
const ONES_OF_BYTE: [[u16; 8]; 256] = {
    let mut ones = [[0; 8]; 256];
    let mut byte = 0;
    while byte < ones.len() {
        let (mut bit, mut len) = (0, 0);
        while bit < 8 {
            if byte >> bit & 1 == 1 {
                ones[byte][len] = bit;
                len += 1;
            }
            bit += 1;
        }
        byte += 1;
    }
    ones
};

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codes::bits::BINS;
    use crate::engine::cpu::bitset;
    use crate::pairs::tile::Tile;

    /// Makes codes with neuron `j` in bin 1 in about `j` of `neurons` samples.
    fn codes(samples: usize, neurons: usize) -> Codes {
        Codes::from_fn(samples, neurons, BINS, |s, j| {
            let mixed = (s * neurons + j + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 33;
            usize::from(mixed % neurons < j)
        })
    }

    /// Covers several blocks, spans and groups of rows, bins in every ratio, and left-over samples and
    /// neurons.
    #[test]
    fn sums_are_those_of_conjunctions() {
        let codes = codes(7001, 690);
        let table = CellTable::plug_in(7001);
        for (height, width) in [(37, 611), (256, 512)] {
            for tile in Tile::triangle(690).cut(height, width) {
                let expected = bitset::pair_sums(&codes, &table, &tile, Level::best());
                for level in Level::available() {
                    let found = pair_sums(&codes, codes.bits().unwrap(), &table, &tile, level);
                    assert_eq!(found, expected, "{tile:?}, {level:?}");
                }
            }
        }
    }

    #[test]
    fn ones_are_numbered() {
        struct Push(u64);
        impl Vectorized for Push {
            type Output = Vec<u16>;
            #[inline(always)]
            fn run<S: Simd>(self, simd: S) -> Vec<u16> {
                let mut samples = vec![u16::MAX; 2 * WORD_BITS + MAX_LANES];
                let len = push_ones(simd, self.0, 64, &mut samples, 0);
                let len = push_ones(simd, !self.0, 128, &mut samples, len);
                samples[..len].to_vec()
            }
        }
        for word in [0, 1, 1 << 63, u64::MAX, 0x0123_4567_89ab_cdef, 0x8000_0001_8000_0001] {
            let ones = |word: u64, first| {
                (0..64u16).filter(move |k| word >> k & 1 == 1).map(move |k| k + first)
            };
            let expected: Vec<u16> = ones(word, 64).chain(ones(!word, 128)).collect();
            for level in Level::available() {
                assert_eq!(level.run(Push(word)), expected, "{word:x}, {level:?}");
            }
        }
    }

    #[test]
    fn it_is_chosen_for_many_neurons_and_few_threads() {
        let is_faster = |neurons, height, ones| {
            let codes = Codes::from_fn(100, neurons, BINS, |s, _| usize::from(s < ones));
            is_faster_than_bitset(&codes, height)
        };
        assert!(is_faster(2048, 256, 30), "measured at 3/4 of the time");
        assert!(is_faster(2048, 256, 70), "the other bin is the rarer one");
        assert!(!is_faster(2048, 8, 30), "64 threads");
        assert!(!is_faster(256, 64, 50), "measured at twice the time and more");
        assert!(!is_faster(1, 1, 0), "one pair");
    }
}
