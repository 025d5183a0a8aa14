//! Codes as one-hot words, packed into blocks of 512 bits, a block a sample.

use std::ops::Range;

use super::planes::{Block, LANES, POSITIONS};
use super::tally::BlockSums;
use crate::codes::Codes;
use crate::engine::PairSum;

/// Bits of a one-hot word: a neuron's share of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct WordBits(usize);

/// Samples that are transposed together.
const STRIP: usize = 64;

impl WordBits {
    /// The narrowest word with a bit for every bin.
    pub(super) fn for_bins(bins: usize) -> Self {
        debug_assert!(bins <= 32, "{bins} bins");
        Self(bins.next_power_of_two())
    }

    pub(super) fn neurons_a_block(self) -> usize {
        LANES * POSITIONS / self.0
    }

    /// Neurons that share a lane.
    pub(super) fn neurons_a_lane(self) -> usize {
        (POSITIONS / self.0).max(1)
    }

    /// Lanes that a neuron takes.
    fn lanes_a_neuron(self) -> usize {
        (self.0 / POSITIONS).max(1)
    }

    /// The positions of a lane that belong to its `k`-th neuron and can be set.
    pub(super) fn positions(self, k: usize, bins: usize) -> Range<usize> {
        let first = k * self.0;
        first..first + bins.min(POSITIONS)
    }

    /// The sums of the `neuron`-th neuron of a block.
    pub(super) fn sum_of(self, neuron: usize, sums: &BlockSums) -> PairSum {
        let k = neuron % self.neurons_a_lane();
        let lane = neuron / self.neurons_a_lane() * self.lanes_a_neuron();
        let mut sum = PairSum::default();
        for lane in lane..lane + self.lanes_a_neuron() {
            sum.cells += sums.cells[k][lane];
            sum.samples += u64::from(sums.samples[k][lane]);
        }
        sum
    }

    /// Fills one block a sample with the words of some neurons. Bits beyond the last neuron are
    /// those of some code: nobody reads their counts.
    #[inline(always)]
    pub(super) fn expand(
        self,
        codes: &Codes,
        neurons: Range<usize>,
        samples: Range<usize>,
        blocks: &mut [Block],
    ) {
        let mut strip = Strip([[0; 256]; STRIP]);
        for (begin, blocks) in samples.clone().step_by(STRIP).zip(blocks.chunks_mut(STRIP)) {
            let samples = begin..samples.end.min(begin + STRIP);
            let width = samples.len();
            strip.fill(codes, neurons.clone(), samples);
            for (block, codes) in blocks[..width].iter_mut().zip(&strip.0) {
                *block = match self.0 {
                    2 => pack::<2>(codes),
                    4 => pack::<4>(codes),
                    8 => pack::<8>(codes),
                    16 => pack::<16>(codes),
                    _ => pack_wide(codes),
                };
            }
        }
    }
}

/// Codes of a strip of samples, a row a sample.
struct Strip([[u8; 256]; STRIP]);

impl Strip {
    #[inline(always)]
    fn fill(&mut self, codes: &Codes, neurons: Range<usize>, samples: Range<usize>) {
        for (column, neuron) in neurons.enumerate() {
            for (row, &code) in self.0.iter_mut().zip(&codes.neuron(neuron)[samples.clone()]) {
                row[column] = code;
            }
        }
    }
}

// `std::array::from_fn` would read better in what follows, but is not inlined into functions that
// are compiled for more than the target's own instruction set.

/// Words of up to 16 bits, `16 / BITS` a lane.
#[inline(always)]
fn pack<const BITS: usize>(codes: &[u8; 256]) -> Block {
    let neurons = POSITIONS / BITS;
    let mut block = [0; LANES];
    for (lane, bits) in block.iter_mut().enumerate() {
        for k in 0..neurons {
            *bits |= 1 << (k * BITS + usize::from(codes[lane * neurons + k]));
        }
    }
    block
}

/// Words of 32 bits, two lanes each.
#[inline(always)]
fn pack_wide(codes: &[u8; 256]) -> Block {
    let mut block = [0; LANES];
    for (word, &code) in block.chunks_exact_mut(2).zip(codes) {
        let bits = 1u32 << code;
        #[expect(clippy::cast_possible_truncation, reason = "the two halves of the word")]
        let halves = [bits as u16, (bits >> 16) as u16];
        word.copy_from_slice(&halves);
    }
    block
}
