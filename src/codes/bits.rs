//! The codes of two bins as bit strings: one bit per sample, set if the sample is in bin 1.

use fearless_simd::{Simd, prelude::*};
use rayon::prelude::*;

use crate::error::Error;
use crate::support::memory;
use crate::support::reorder::reorder;
use crate::support::simd::{Level, Vectorized};

/// The number of bins with which codes are also bit strings.
pub(crate) const BINS: usize = 2;

/// Words of 64 bits in the widest vector.
pub(crate) const VECTOR_WORDS: usize = 8;

/// A bit string for every neuron, padded with zeros to a whole number of vectors.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bits {
    stride: usize,
    words: Vec<u64>,
}

impl Bits {
    /// Packs neuron-major codes, `samples` of them per neuron.
    pub(crate) fn pack(codes: &[u8], samples: usize) -> Result<Self, Error> {
        let stride = stride(samples);
        let mut words = memory::zeroed(stride, codes.len() / samples)?;
        let level = Level::best();
        words
            .par_chunks_exact_mut(stride)
            .zip(codes.par_chunks_exact(samples))
            .for_each(|(words, codes)| level.run(Pack { codes, words }));
        Ok(Self { stride, words })
    }

    /// Makes bit strings from whole bytes, `[neuron][byte]`, as [`pack_bytes`] returns them.
    pub(crate) fn from_bytes(bytes: &[u8], samples: usize) -> Result<Self, Error> {
        let (stride, width) = (stride(samples), samples.div_ceil(8));
        let mut words = memory::zeroed(stride, bytes.len() / width)?;
        let neurons = words.par_chunks_exact_mut(stride).zip(bytes.par_chunks_exact(width));
        neurons.for_each(|(words, bytes)| {
            for (word, bytes) in words.iter_mut().zip(bytes.chunks(8)) {
                let mut whole = [0; 8];
                whole[..bytes.len()].copy_from_slice(bytes);
                *word = u64::from_le_bytes(whole);
            }
        });
        Ok(Self { stride, words })
    }

    /// Writes the codes of a neuron, one byte per sample.
    pub(crate) fn unpack(&self, neuron: usize, codes: &mut [u8]) {
        for (&word, codes) in self.neuron(neuron).iter().zip(codes.chunks_mut(64)) {
            for (bit, code) in codes.iter_mut().enumerate() {
                *code = u8::from(word >> bit & 1 == 1);
            }
        }
    }

    /// Reorders the neurons: neuron `order[k]` becomes neuron `k`.
    pub(crate) fn reorder(&mut self, order: &[usize]) {
        reorder(&mut self.words, self.stride, order);
    }

    /// Returns the number of words per neuron.
    pub(crate) fn stride(&self) -> usize {
        self.stride
    }

    /// Returns the words of one neuron. The first sample is the lowest bit of the first word.
    pub(crate) fn neuron(&self, neuron: usize) -> &[u64] {
        &self.words[neuron * self.stride..][..self.stride]
    }
}

/// Returns the bytes of a neuron's bit string.
pub(crate) fn bytes(samples: usize) -> usize {
    stride(samples) * size_of::<u64>()
}

/// Returns the words of a neuron's bit string.
fn stride(samples: usize) -> usize {
    samples.div_ceil(64).next_multiple_of(VECTOR_WORDS)
}

/// Packs neuron-major codes, `samples` of them per neuron, into bits, eight per byte. There are no gaps
/// except in the last byte of each neuron.
pub(crate) fn pack_bytes(codes: &[u8], samples: usize) -> Result<Vec<u8>, Error> {
    let width = samples.div_ceil(8);
    let mut bytes = memory::zeroed(width, codes.len() / samples)?;
    let level = Level::best();
    let neurons = bytes.par_chunks_exact_mut(width).zip(codes.par_chunks_exact(samples));
    neurons.for_each_init(
        || vec![0; samples.div_ceil(64)],
        |words, (bytes, codes)| {
            level.run(Pack { codes, words });
            for (bytes, word) in bytes.chunks_mut(8).zip(words) {
                bytes.copy_from_slice(&word.to_le_bytes()[..bytes.len()]);
            }
        },
    );
    Ok(bytes)
}

struct Pack<'a> {
    codes: &'a [u8],
    words: &'a mut [u64],
}

impl Vectorized for Pack<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let (whole, rest) = self.codes.as_chunks::<64>();
        for (word, codes) in self.words.iter_mut().zip(whole) {
            *word = pack(simd, codes);
        }
        if !rest.is_empty() {
            let mut padded = [0; 64];
            padded[..rest.len()].copy_from_slice(rest);
            self.words[whole.len()] = pack(simd, &padded);
        }
    }
}

#[inline(always)]
fn pack<S: Simd>(simd: S, codes: &[u8; 64]) -> u64 {
    let mut word = 0;
    for (part, codes) in codes.chunks_exact(S::u8s::LEN).enumerate() {
        let ones = S::u8s::from_slice(simd, codes).simd_eq(1).to_bitmask();
        word |= ones << (part * S::u8s::LEN);
    }
    word
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_of_bits_and_back() {
        for samples in [1, 7, 8, 9, 64, 65, 513] {
            let codes: Vec<u8> = (0..3 * samples).map(|k| u8::from(k % 5 < 2)).collect();
            let bits = Bits::pack(&codes, samples).unwrap();
            let bytes = pack_bytes(&codes, samples).unwrap();
            assert_eq!(bytes.len(), 3 * samples.div_ceil(8));
            assert_eq!(Bits::from_bytes(&bytes, samples).unwrap(), bits);
            let mut unpacked = vec![9; samples];
            bits.unpack(2, &mut unpacked);
            assert_eq!(unpacked, codes[2 * samples..]);
        }
    }

    #[test]
    fn every_sample_has_its_bit() {
        for samples in [1, 63, 64, 65, 511, 512, 513] {
            let codes: Vec<u8> = (0..3 * samples).map(|k| u8::from(k % 5 < 2)).collect();
            let bits = Bits::pack(&codes, samples).unwrap();
            for (neuron, codes) in codes.chunks_exact(samples).enumerate() {
                let words = bits.neuron(neuron);
                assert_eq!(words.len(), samples.div_ceil(512) * 8);
                for sample in 0..words.len() * 64 {
                    let bit = words[sample / 64] >> (sample % 64) & 1;
                    let code = codes.get(sample).copied().unwrap_or(0);
                    assert_eq!(bit, u64::from(code), "sample {sample} of {samples}");
                }
            }
        }
    }
}
