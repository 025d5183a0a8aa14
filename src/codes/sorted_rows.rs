//! The samples of a neuron sorted by its code: the rows of all its joint histograms.

use std::ops::Range;

use fearless_simd::{Simd, prelude::*};

use crate::MAX_BINS;
use crate::support::simd::MAX_LANES;

/// The sample numbers of every chunk, relative to the start of the chunk, in order of code.
#[derive(Debug, Default)]
pub(crate) struct SortedRows {
    rows: usize,
    order: Vec<u16>,
    /// The begin in `order` of each row's samples and, last, their common end, for every chunk.
    starts: Vec<u32>,
}

impl SortedRows {
    /// Sorts one neuron's codes in chunks of `chunk_len` samples, at most 65,536, by counting. Row `a` has
    /// the samples of code `a`.
    pub(crate) fn new(codes: &[u8], bins: usize, chunk_len: usize) -> Self {
        let in_order: Vec<u8> = (0..=u8::MAX).take(bins).collect();
        let mut sorted = Self::with_capacity(bins, codes.len());
        for codes in codes.chunks(chunk_len) {
            sorted.push_chunk(codes, sample_number, &in_order);
        }
        sorted
    }

    /// Sorts like [`SortedRows::new`], with rows in a given order. `code_of_row` has every code that occurs,
    /// except `left_out` if there is one.
    #[inline(always)]
    pub(crate) fn in_order<S: Simd>(
        simd: S,
        codes: &[u8],
        code_of_row: &[u8],
        left_out: Option<u8>,
        chunk_len: usize,
    ) -> Self {
        let mut sorted = Self::with_capacity(code_of_row.len(), codes.len());
        let Some(left_out) = left_out else {
            for codes in codes.chunks(chunk_len) {
                sorted.push_chunk(codes, sample_number, code_of_row);
            }
            return sorted;
        };
        let mut kept = Kept::default();
        for codes in codes.chunks(chunk_len) {
            kept.all_but(simd, codes, left_out);
            if code_of_row.len() == 1 {
                sorted.starts.push(sorted.end());
                sorted.order.extend(&kept.samples);
                sorted.starts.push(sorted.end());
            } else {
                sorted.push_chunk(&kept.codes, |k| kept.samples[k], code_of_row);
            }
        }
        sorted
    }

    /// Returns the most bytes that sorted rows take. Sorting in a given order takes three more for each
    /// sample of a chunk.
    pub(crate) fn most_bytes(samples: usize, rows: usize, chunk_len: usize) -> usize {
        // A list that grows may have twice the capacity.
        let starts = 2 * samples.div_ceil(chunk_len) * (rows + 1);
        samples * size_of::<u16>() + starts * size_of::<u32>()
    }

    fn with_capacity(rows: usize, samples: usize) -> Self {
        Self { rows, order: Vec::with_capacity(samples), starts: Vec::new() }
    }

    /// Returns the samples of one row in a chunk, ascending.
    pub(crate) fn row(&self, chunk: usize, row: usize) -> &[u16] {
        self.rows(chunk, row..row + 1)
    }

    /// Returns the samples of some neighbouring rows in a chunk, row by row.
    pub(crate) fn rows(&self, chunk: usize, rows: Range<usize>) -> &[u16] {
        let starts = &self.starts[chunk * (self.rows + 1)..][..self.rows + 1];
        &self.order[starts[rows.start] as usize..starts[rows.end] as usize]
    }

    fn end(&self) -> u32 {
        #[expect(clippy::cast_possible_truncation, reason = "samples are counted in 32 bits")]
        let end = self.order.len() as u32;
        end
    }

    /// Sorts one chunk by counting: `number(k)` is the sample number of the `k`-th code.
    fn push_chunk(&mut self, codes: &[u8], number: impl Fn(usize) -> u16, code_of_row: &[u8]) {
        let part = codes.len() / PARTS;
        // The next place of each code in each part. Left-over samples belong to the last part.
        let mut next = [[0u32; MAX_BINS]; PARTS];
        for s in 0..part {
            for (k, next) in next.iter_mut().enumerate() {
                next[usize::from(codes[k * part + s])] += 1;
            }
        }
        for &code in &codes[PARTS * part..] {
            next[PARTS - 1][usize::from(code)] += 1;
        }
        let mut begin = self.end();
        for code in code_of_row.iter().map(|&code| usize::from(code)) {
            self.starts.push(begin);
            for next in &mut next {
                (next[code], begin) = (begin, begin + next[code]);
            }
        }
        self.starts.push(begin);
        self.order.resize(begin as usize, 0);
        let order = &mut self.order[..];
        let mut place = |part: usize, k: usize| {
            let next = &mut next[part][usize::from(codes[k])];
            order[*next as usize] = number(k);
            *next += 1;
        };
        for s in 0..part {
            for k in 0..PARTS {
                place(k, k * part + s);
            }
        }
        for k in PARTS * part..codes.len() {
            place(PARTS - 1, k);
        }
    }
}

/// The number of parts of a chunk that are sorted side by side. Taking a place twice in a row stalls, so the
/// parts take turns.
const PARTS: usize = 4;

fn sample_number(sample: usize) -> u16 {
    debug_assert!(sample <= usize::from(u16::MAX), "{sample} is beyond a chunk");
    #[expect(clippy::cast_possible_truncation, reason = "a chunk has at most 65,536 samples")]
    let number = sample as u16;
    number
}

/// Samples of a chunk that do not have the left-out code.
#[derive(Default)]
struct Kept {
    codes: Vec<u8>,
    samples: Vec<u16>,
}

impl Kept {
    #[inline(always)]
    fn all_but<S: Simd>(&mut self, simd: S, codes: &[u8], left_out: u8) {
        let lanes = S::u8s::LEN;
        let half = S::u16s::LEN;
        // Whole vectors are stored, and the next vector overwrites the surplus.
        self.codes.resize(codes.len() + MAX_LANES, 0);
        self.samples.resize(codes.len() + MAX_LANES, 0);
        let mut len = 0;
        let mut numbers = S::u16s::from_fn(simd, sample_number);
        let vectors = codes.chunks_exact(lanes);
        let rest = vectors.remainder();
        for vector in vectors {
            let vector = S::u8s::from_slice(simd, vector);
            let keep = vector.simd_ne(left_out);
            vector.compress(keep).store_slice(&mut self.codes[len..len + lanes]);
            let (low, high) = keep.widen();
            for keep in [low, high] {
                numbers.compress(keep).store_slice(&mut self.samples[len..len + half]);
                len += keep.to_bitmask().count_ones() as usize;
                numbers += sample_number(half);
            }
        }
        for (&code, sample) in rest.iter().zip(codes.len() - rest.len()..) {
            if code != left_out {
                self.codes[len] = code;
                self.samples[len] = sample_number(sample);
                len += 1;
            }
        }
        self.codes.truncate(len);
        self.samples.truncate(len);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_hold_every_sample_once_in_order() {
        let codes: Vec<u8> = (0..1000u32).map(|s| u8::try_from(s * s % 7).unwrap()).collect();
        for chunk_len in [1, 10, 64, 999, 1000, 1 << 16] {
            let sorted = SortedRows::new(&codes, 8, chunk_len);
            for (chunk, part) in codes.chunks(chunk_len).enumerate() {
                for code in 0..8u8 {
                    let expected: Vec<usize> =
                        (0..part.len()).filter(|&s| part[s] == code).collect();
                    let row: Vec<usize> = sorted
                        .row(chunk, usize::from(code))
                        .iter()
                        .map(|&s| usize::from(s))
                        .collect();
                    assert_eq!(row, expected, "chunk {chunk} of {chunk_len}, code {code}");
                }
            }
        }
    }
}
