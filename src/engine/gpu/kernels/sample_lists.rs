//! The samples of row neurons sorted by their codes, as shaders read them.
//!
//! For each neuron, 16-bit numbers, two a word, low half first: how many samples have each code,
//! filled up to a word, then the sample numbers of each code, filled up to a multiple of 8.

use std::ops::Range;

use rayon::prelude::*;

use crate::codes::Codes;
use crate::codes::sorted_rows::SortedRows;

/// The most samples in a chunk: numbers, and the number of them, then fit 16 bits, and an
/// invocation that takes 8 samples a turn loops at most 8,192 times and a little, where lavapipe
/// silently ends it after 65,535.
pub(crate) const MAX_SAMPLES: usize = 65_535;

/// Every code's list begins at a multiple of this many numbers.
const GROUP: usize = 8;

/// Words a neuron.
pub(crate) fn stride(samples: usize, bins: usize) -> usize {
    bins.div_ceil(2) + (samples + bins * (GROUP - 1)).div_ceil(2)
}

/// The most bytes that a neuron takes in either buffer of a kernel that reads these lists: the lists
/// of a row neuron, or a word for each sample of a column neuron.
pub(crate) fn bytes_per_neuron(chunk: usize, bins: usize) -> usize {
    stride(chunk, bins).max(chunk) * size_of::<u32>()
}

/// The lists of some neurons over a chunk of samples, `[neuron][word]`.
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
