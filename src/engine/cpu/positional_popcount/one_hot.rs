//! Codes as one-hot words, packed without gaps into blocks, one block per sample.

use std::ops::Range;

use fearless_simd::{Simd, prelude::*, u8x16};

use super::planes::{self, Block, Counts, MAX_POSITIONS};
use crate::codes::Codes;
use crate::support::simd::{MAX_LANES, transpose};

/// The layout of a block: the positions of its neurons' bins.
///
/// A neuron has a bit for each bin but the last, whose count is what the others leave of a row.
pub(super) struct Layout {
    /// Bits per neuron.
    pub(super) bits: usize,
    /// Neurons per block.
    pub(super) neurons: usize,
    /// The code that has no bit.
    last_code: u8,
    /// The pieces from which each byte of a block is assembled.
    bytes: Vec<Vec<Piece>>,
}

/// The most words in a vector.
const MAX_WORDS: usize = MAX_LANES / size_of::<u32>();

/// The bits of one neuron in one byte.
struct Piece {
    neuron: usize,
    /// The code whose bit is bit 0 of this byte, modulo 256.
    first_code: u8,
    /// The byte of each code from `first_code` on. The last entry stands for all codes that follow.
    byte_of_code: [u8; LAST_CODE as usize + 1],
}

/// The last code that a piece distinguishes, relative to its first.
const LAST_CODE: u8 = 15;

impl Layout {
    pub(super) fn new<S: Simd, const W: usize>(bins: usize) -> Self {
        let bits = bins - 1;
        let positions = planes::positions::<S, W>();
        let neurons = positions / bits;
        let bytes = (0..positions).step_by(8).map(|byte| pieces(byte, bits, neurons)).collect();
        #[expect(clippy::cast_possible_truncation, reason = "at most 256 bins")]
        let last_code = bits as u8;
        Self { bits, neurons, last_code, bytes }
    }

    /// Arranges one number per bin of some neurons in the order of [`Counts`].
    pub(super) fn arrange<'a>(&self, of: impl Iterator<Item = &'a [u32]>) -> Counts {
        let mut counts = [0; MAX_POSITIONS];
        for (counts, numbers) in counts.chunks_exact_mut(self.bits).zip(of) {
            counts.copy_from_slice(&numbers[..self.bits]);
        }
        counts
    }

    /// Fills one block per sample with the bits of some neurons.
    ///
    /// A vector first holds one byte of as many samples as it has lanes. Then the bytes of a word are zipped
    /// together, and squares of words are transposed.
    #[inline(always)]
    pub(super) fn expand<S: Simd, const W: usize>(
        &self,
        simd: S,
        codes: &Codes,
        neurons: Range<usize>,
        samples: Range<usize>,
        blocks: &mut [Block<S, W>],
    ) {
        let strip = S::u8s::LEN;
        let quarter = S::u32s::LEN;
        // Neurons that are missing from the last block keep the code that has no bit.
        let mut vectors = vec![S::u8s::splat(simd, self.last_code); self.neurons];
        for (begin, blocks) in samples.clone().step_by(strip).zip(blocks.chunks_mut(strip)) {
            let samples = begin..samples.end.min(begin + strip);
            for (vector, neuron) in vectors.iter_mut().zip(neurons.clone()) {
                let codes = &codes.neuron(neuron)[samples.clone()];
                match codes.get(..strip) {
                    Some(codes) => *vector = S::u8s::from_slice(simd, codes),
                    None => vector.as_mut_slice()[..codes.len()].copy_from_slice(codes),
                }
            }
            for (w, bytes) in self.bytes.chunks_exact(strip).enumerate() {
                // A square for each quarter of the samples.
                let mut squares = [[S::u32s::splat(simd, 0); MAX_WORDS]; 4];
                for (word, bytes) in bytes.as_chunks::<4>().0.iter().enumerate() {
                    let mut four = [S::u8s::splat(simd, 0); 4];
                    for (byte, pieces) in four.iter_mut().zip(bytes) {
                        for piece in pieces {
                            *byte |= piece.bits(simd, vectors[piece.neuron]);
                        }
                    }
                    let [a, b, c, d] = zip_words::<S>(four);
                    (squares[0][word], squares[1][word]) = (a, b);
                    (squares[2][word], squares[3][word]) = (c, d);
                }
                for (square, blocks) in squares.iter_mut().zip(blocks.chunks_mut(quarter)) {
                    transpose(square);
                    for (block, &words) in blocks.iter_mut().zip(&*square) {
                        block[w] = words.bitcast();
                    }
                }
            }
        }
    }
}

/// Zips the first, second, third and fourth bytes of some samples into words, in four parts.
#[inline(always)]
fn zip_words<S: Simd>([a, b, c, d]: [S::u8s; 4]) -> [S::u32s; 4] {
    let (low, high) = ((a.zip_low(c), b.zip_low(d)), (a.zip_high(c), b.zip_high(d)));
    [
        low.0.zip_low(low.1).bitcast(),
        low.0.zip_high(low.1).bitcast(),
        high.0.zip_low(high.1).bitcast(),
        high.0.zip_high(high.1).bitcast(),
    ]
}

/// Returns the pieces of the byte that begins at bit `byte` of the block, one for each neuron with bits in
/// it.
fn pieces(byte: usize, bits: usize, neurons: usize) -> Vec<Piece> {
    let own = |neuron: usize| neuron * bits..(neuron + 1) * bits;
    let piece = |neuron: usize| {
        let own = own(neuron);
        let bit = |k: usize| if k < 8 && own.contains(&(byte + k)) { 1 << k } else { 0 };
        #[expect(clippy::cast_possible_truncation, reason = "a modulus")]
        let first_code = byte.wrapping_sub(own.start) as u8;
        Piece { neuron, first_code, byte_of_code: std::array::from_fn(bit) }
    };
    (0..neurons)
        .filter(|&neuron| own(neuron).start < byte + 8 && byte < own(neuron).end)
        .map(piece)
        .collect()
}

impl Piece {
    /// Returns the bits that some codes set.
    #[inline(always)]
    fn bits<S: Simd>(&self, simd: S, codes: S::u8s) -> S::u8s {
        let table = S::u8s::block_splat(u8x16::from_slice(simd, &self.byte_of_code));
        table
            .swizzle_dyn_within_blocks((codes - self.first_code).min(LAST_CODE).bitcast::<S::u8s>())
    }
}
