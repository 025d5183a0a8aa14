//! The samples of a neuron sorted by its code: the rows of all its joint histograms.

/// For every chunk of samples, the sample numbers (from the start of the chunk) in order of code.
#[derive(Debug)]
pub(crate) struct SortedRows {
    bins: usize,
    chunk_len: usize,
    order: Vec<u16>,
    /// For every chunk, where each code's samples begin and, last, where they all end.
    starts: Vec<u32>,
}

impl SortedRows {
    /// Counting sort of one neuron's codes in chunks of `chunk_len` samples, at most 65,536.
    pub(crate) fn new(codes: &[u8], bins: usize, chunk_len: usize) -> Self {
        debug_assert!(chunk_len <= 1 << 16, "a sample number must fit 16 bits");
        let mut order = vec![0; codes.len()];
        let mut starts = Vec::with_capacity(codes.len().div_ceil(chunk_len) * (bins + 1));
        for (codes, order) in codes.chunks(chunk_len).zip(order.chunks_mut(chunk_len)) {
            let mut next = vec![0u32; bins + 1];
            for &code in codes {
                next[usize::from(code) + 1] += 1;
            }
            for bin in 0..bins {
                next[bin + 1] += next[bin];
            }
            starts.extend_from_slice(&next);
            for (sample, &code) in (0u16..=u16::MAX).zip(codes) {
                let place = &mut next[usize::from(code)];
                order[*place as usize] = sample;
                *place += 1;
            }
        }
        Self { bins, chunk_len, order, starts }
    }

    /// The samples of a chunk that have code `code`, ascending.
    pub(crate) fn row(&self, chunk: usize, code: usize) -> &[u16] {
        let starts = self.starts(chunk);
        let base = chunk * self.chunk_len;
        &self.order[base + starts[code] as usize..base + starts[code + 1] as usize]
    }

    /// Where each code's samples begin in a chunk, `bins + 1` numbers.
    fn starts(&self, chunk: usize) -> &[u32] {
        &self.starts[chunk * (self.bins + 1)..][..self.bins + 1]
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
