//! Bit strings transposed into blocks: for each sample, one bit of 64 or more neurons.

use std::ops::Range;

use fearless_simd::{Simd, prelude::*};

use super::planes::{self, Block};
use crate::codes::bits::Bits;
use crate::support::simd::{MAX_LANES, transpose};

/// Bits of a word.
const WORD_BITS: usize = 64;

/// The largest number of words in a vector.
const MAX_WORDS: usize = MAX_LANES / size_of::<u64>();

/// The most bytes that a transposer works in: 64 vectors for every 64 positions of a block.
pub(super) const TRANSPOSER_BYTES: usize = planes::MAX_POSITIONS * MAX_LANES;

/// A transposer of squares of bits, 64 × 64 in each lane.
pub(super) struct Transposer<S: Simd> {
    simd: S,
    /// A vector for each of 64 samples and each 64 neurons of the block. Each of its lanes belongs to another
    /// word of samples.
    words: Vec<S::u64s>,
}

impl<S: Simd> Transposer<S> {
    pub(super) fn new(simd: S) -> Self {
        Self { simd, words: Vec::new() }
    }

    /// Makes the blocks of some words of samples, a whole number of vectors.
    #[inline(always)]
    pub(super) fn fill<const W: usize>(
        &mut self,
        bits: &Bits,
        neurons: &Range<usize>,
        words: Range<usize>,
        blocks: &mut [Block<S, W>],
    ) {
        let len = S::u64s::LEN;
        let width = planes::positions::<S, W>() / WORD_BITS;
        let zero = S::u64s::splat(self.simd, 0);
        self.words.resize(WORD_BITS * width, zero);
        let begin = words.start;
        for word in words.step_by(len) {
            for (part, first) in neurons.clone().step_by(WORD_BITS).enumerate() {
                let mut square = [zero; WORD_BITS];
                let neurons = first..neurons.end.min(first + WORD_BITS);
                for (row, neuron) in square.iter_mut().zip(neurons) {
                    *row = S::u64s::from_slice(self.simd, &bits.neuron(neuron)[word..word + len]);
                }
                transpose_words::<S>(&mut square);
                for (words, row) in self.words.chunks_exact_mut(width).zip(&square) {
                    words[part] = *row;
                }
            }
            for sample in 0..WORD_BITS {
                let words = &self.words[sample * width..][..width];
                for (w, words) in words.chunks_exact(len).enumerate() {
                    let mut square = [zero; MAX_WORDS];
                    square[..len].copy_from_slice(words);
                    transpose(&mut square);
                    for lane in 0..len {
                        blocks[(word - begin + lane) * WORD_BITS + sample][w] =
                            square[lane].bitcast();
                    }
                }
            }
        }
    }
}

/// Transposes the 64 × 64 bits of every lane (Warren, *Hacker's Delight*, section 7-3). Runs three stages at
/// a time, because eight vectors fit into registers.
#[inline(always)]
fn transpose_words<S: Simd>(square: &mut [S::u64s; WORD_BITS]) {
    for k in 0..8 {
        let mut rows = [square[k]; 8];
        for r in 0..8 {
            rows[r] = square[8 * r + k];
        }
        swap_squares::<S>(&mut rows, 4, 32, 0x0000_0000_ffff_ffff);
        swap_squares::<S>(&mut rows, 2, 16, 0x0000_ffff_0000_ffff);
        swap_squares::<S>(&mut rows, 1, 8, 0x00ff_00ff_00ff_00ff);
        for r in 0..8 {
            square[8 * r + k] = rows[r];
        }
    }
    let (eights, _) = square.as_chunks_mut::<8>();
    for eight in eights {
        let mut rows = *eight;
        swap_squares::<S>(&mut rows, 4, 4, 0x0f0f_0f0f_0f0f_0f0f);
        swap_squares::<S>(&mut rows, 2, 2, 0x3333_3333_3333_3333);
        swap_squares::<S>(&mut rows, 1, 1, 0x5555_5555_5555_5555);
        *eight = rows;
    }
}

/// Swaps the high bits of each row with the low bits of the row `distance` behind it.
#[inline(always)]
fn swap_squares<S: Simd>(rows: &mut [S::u64s; 8], distance: usize, shift: u32, low: u64) {
    for k in 0..8 {
        if k & distance == 0 {
            let (a, b) = (rows[k], rows[k + distance]);
            let differ = ((a >> shift) ^ b) & low;
            rows[k] = a ^ (differ << shift);
            rows[k + distance] = b ^ differ;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::support::simd::{Level, Vectorized};

    struct Fill<'a> {
        bits: &'a Bits,
        neurons: Range<usize>,
        words: Range<usize>,
    }

    impl Vectorized for Fill<'_> {
        /// The bits of every sample.
        type Output = Vec<Vec<bool>>;

        #[inline(always)]
        fn run<S: Simd>(self, simd: S) -> Self::Output {
            let mut blocks = vec![[S::u16s::splat(simd, u16::MAX); 2]; self.words.len() * 64];
            Transposer::new(simd).fill(self.bits, &self.neurons, self.words, &mut blocks);
            let bit = |block: &Block<S, 2>, k: usize| {
                let lane = k / 16;
                block[lane / S::u16s::LEN].as_slice()[lane % S::u16s::LEN] >> (k % 16) & 1 == 1
            };
            let bits = planes::positions::<S, 2>();
            blocks.iter().map(|block| (0..bits).map(|k| bit(block, k)).collect()).collect()
        }
    }

    #[test]
    fn every_bit_finds_its_place() {
        let (samples, neurons) = (1100, 150);
        let code = |s: usize, j: usize| u8::from((s * s + 31 * j * s + j) % 13 < 5);
        let codes: Vec<u8> =
            (0..neurons).flat_map(|j| (0..samples).map(move |s| code(s, j))).collect();
        let bits = Bits::pack(&codes, samples).unwrap();
        for level in Level::available() {
            let blocks = level.run(Fill { bits: &bits, neurons: 20..147, words: 8..24 });
            for (block, s) in blocks.iter().zip(512..) {
                for (k, &bit) in block.iter().enumerate() {
                    let j = 20 + k;
                    let expected = s < samples && j < 147 && code(s, j) == 1;
                    assert_eq!(bit, expected, "sample {s}, neuron {j}, {level:?}");
                }
            }
        }
    }
}
