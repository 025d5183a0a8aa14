//! The samples of row neurons sorted by their codes, as shaders read them.
//!
//! Each neuron has 16-bit numbers, two per word, low half first: the number of samples with each
//! code, padded to a word, then the sample numbers of each code, padded to a multiple of 8.

use std::ops::Range;

use rayon::prelude::*;

use crate::codes::Codes;
use crate::codes::sorted_rows::SortedRows;

/// The most samples in a chunk. Sample numbers and their count then fit 16 bits. An invocation that
/// takes 8 samples per turn loops little more than 8,192 times. Lavapipe silently ends an
/// invocation after 65,535 turns.
pub(crate) const MAX_SAMPLES: usize = 65_535;

/// The number of which the beginning of every code's list is a multiple.
const GROUP: usize = 8;

/// Returns the number of words per neuron.
pub(crate) fn stride(samples: usize, bins: usize) -> usize {
    bins.div_ceil(2) + (samples + bins * (GROUP - 1)).div_ceil(2)
}

/// Returns the most bytes per neuron in either buffer of a kernel that reads these lists: the lists
/// of a row neuron, or one word for each sample of a column neuron.
pub(crate) fn bytes_per_neuron(chunk: usize, bins: usize) -> usize {
    stride(chunk, bins).max(chunk) * size_of::<u32>()
}

/// Builds the lists of some neurons over a chunk of samples, `[neuron][word]`.
pub(crate) fn build(codes: &Codes, neurons: Range<usize>, samples: Range<usize>) -> Vec<u32> {
    let bins = codes.bins();
    let stride = stride(samples.len(), bins);
    let mut words = vec![0u32; neurons.len() * stride];
    words.par_chunks_exact_mut(stride).zip(neurons).for_each(|(words, neuron)| {
        let (lengths, lists) = words.split_at_mut(bins.div_ceil(2));
        let codes = &codes.neuron(neuron)[samples.clone()];
        let sorted = SortedRows::new(codes, bins, codes.len());
        let mut begin = 0;
        for code in 0..bins {
            let list = sorted.row(0, code);
            #[expect(clippy::cast_possible_truncation, reason = "no more than MAX_SAMPLES")]
            set_half(lengths, code, list.len() as u16);
            for (at, &sample) in (begin..).zip(list) {
                set_half(lists, at, sample);
            }
            begin += list.len().next_multiple_of(GROUP);
        }
    });
    words
}

fn set_half(words: &mut [u32], at: usize, number: u16) {
    words[at / 2] |= u32::from(number) << (16 * (at % 2));
}
