//! The codes of column neurons as shaders read them, `[block][sample][word]`. A word has several
//! neurons, and the words of a block are read together.

use std::ops::Range;

use rayon::prelude::*;

use crate::codes::Codes;

/// The number of samples packed together, so that the codes of a neuron are read a cache line at a
/// time.
const SAMPLES: usize = 256;

/// Returns the number of words per sample.
pub(crate) fn words(neurons: usize, code_bits: usize) -> usize {
    neurons.div_ceil(32 / code_bits)
}

/// Packs the codes of some neurons over a chunk of samples, `code_bits` bits per code, low bits
/// first. The last block is padded with zeros.
pub(crate) fn build(
    codes: &Codes,
    neurons: Range<usize>,
    samples: Range<usize>,
    code_bits: usize,
    block_words: usize,
) -> Vec<u32> {
    let neurons_a_word = 32 / code_bits;
    let block_neurons = block_words * neurons_a_word;
    let block_len = samples.len() * block_words;
    let mut words = vec![0u32; neurons.len().div_ceil(block_neurons) * block_len];
    words.par_chunks_exact_mut(block_len).enumerate().for_each(|(block, words)| {
        let first = neurons.start + block * block_neurons;
        let neurons = first..neurons.end.min(first + block_neurons);
        words.par_chunks_mut(SAMPLES * block_words).enumerate().for_each(|(part, words)| {
            let first = samples.start + part * SAMPLES;
            for (column, neuron) in neurons.clone().enumerate() {
                let codes = &codes.neuron(neuron)[first..];
                let shift = (column % neurons_a_word) * code_bits;
                let word = column / neurons_a_word;
                for (sample, &code) in words.chunks_exact_mut(block_words).zip(codes) {
                    sample[word] |= u32::from(code) << shift;
                }
            }
        });
    });
    words
}
