//! The codes of two bins as bit strings: one bit a sample, set where the sample is in bin 1.

use fearless_simd::{Simd, prelude::*};
use rayon::prelude::*;

use crate::simd::{Level, Vectorized};
use crate::{Error, memory};

/// Bins of codes that are bit strings as well.
pub(crate) const BINS: usize = 2;

/// Words of 64 bits in the widest vector.
pub(crate) const VECTOR_WORDS: usize = 8;

/// A bit string for every neuron, as long as a whole number of vectors, filled up with zeros.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Bits {
    stride: usize,
    words: Vec<u64>,
}

impl Bits {
    /// Packs neuron-major codes of so many samples each.
    pub(crate) fn pack(codes: &[u8], samples: usize) -> Result<Self, Error> {
        let stride = samples.div_ceil(64).next_multiple_of(VECTOR_WORDS);
        let mut words = memory::zeroed(stride, codes.len() / samples)?;
        let level = Level::best();
        words
            .par_chunks_exact_mut(stride)
            .zip(codes.par_chunks_exact(samples))
            .for_each(|(words, codes)| level.run(Pack { codes, words }));
        Ok(Self { stride, words })
    }

    /// Words of a neuron.
    pub(crate) fn stride(&self) -> usize {
        self.stride
    }

    /// The words of one neuron; the first sample is the lowest bit of the first word.
    pub(crate) fn neuron(&self, neuron: usize) -> &[u64] {
        &self.words[neuron * self.stride..][..self.stride]
    }
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
