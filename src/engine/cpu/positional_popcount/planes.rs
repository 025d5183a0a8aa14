//! Counting bit positions: carry-save adders, bit planes, and their transposition into counts.

use fearless_simd::{Simd, prelude::*};

use crate::support::simd::{carry_save_add, transpose_bits};

/// Bits of a lane.
pub(super) const LANE_BITS: usize = 16;

/// The most bits a block may have.
pub(super) const MAX_POSITIONS: usize = 512;

/// The most bytes of a block.
pub(super) const MAX_BLOCK_BYTES: usize = MAX_POSITIONS / 8;

/// One sample of as many neurons as fit into the CPU's widest vector, or into two vectors if they are narrow.
pub(super) type Block<S, const W: usize> = [<S as Simd>::u16s; W];

/// Returns the bits of a block.
pub(super) const fn positions<S: Simd, const W: usize>() -> usize {
    W * S::u16s::LEN * LANE_BITS
}

/// Counts of bit positions.
pub(super) type Counts = [u32; MAX_POSITIONS];

/// The number of samples that a tree of carry-save adders turns into a carry of weight sixteen.
pub(super) const GROUP: usize = 16;

/// The number of planes that stay in registers. Planes above the tree overflow at most once in
/// `GROUPS_A_BATCH` groups. So their carries out are collected, and rippled through the higher planes once
/// per batch.
const LOW_PLANES: usize = 7;
const GROUPS_A_BATCH: usize = (1 << LOW_PLANES) / GROUP;

/// Returns the number of planes that hold every count of up to `samples` samples.
pub(super) fn planes_for(samples: usize) -> usize {
    let bits = usize::BITS - samples.leading_zeros();
    LOW_PLANES.max(bits as usize)
}

/// Adds the blocks of some samples to bit-sliced counters: plane `p` holds bit `p` of the count of every
/// position. There must be enough planes for all samples that were ever added.
///
/// The number of blocks is a power of two. The last block has no bit set and fills up the last group.
#[inline(always)]
pub(super) fn add_samples<S: Simd, const W: usize>(
    simd: S,
    blocks: &[Block<S, W>],
    samples: &[u16],
    planes: &mut [Block<S, W>],
) {
    let Some((low, high)) = planes.split_first_chunk_mut::<LOW_PLANES>() else { return };
    let Some(last) = blocks.len().checked_sub(1) else { return };
    debug_assert!(blocks.len().is_power_of_two(), "{} blocks", blocks.len());
    // No sample lies beyond the mask. Masking spares a bounds check for each sample.
    let block = |sample: u16| blocks[usize::from(sample) & last];
    let mut adder = Adder { simd, low: *low };
    let (groups, rest) = samples.as_chunks::<GROUP>();
    let zero = [S::u16s::splat(simd, 0); W];
    for batch in groups.chunks(GROUPS_A_BATCH) {
        let mut overflow = zero;
        for group in batch {
            let (first, second) = group.split_at(GROUP / 2);
            let first = adder.add_eight(|k| block(first[k]));
            let second = adder.add_eight(|k| block(second[k]));
            let carry = adder.full_add(3, first, second);
            adder.ripple(4, carry, &mut overflow);
        }
        ripple_high::<S, W>(high, overflow);
    }
    if !rest.is_empty() {
        let mut overflow = zero;
        for rest in rest.chunks(GROUP / 2) {
            let carry = adder.add_eight(|k| block(rest.get(k).copied().unwrap_or(u16::MAX)));
            adder.ripple(3, carry, &mut overflow);
        }
        ripple_high::<S, W>(high, overflow);
    }
    *low = adder.low;
}

struct Adder<S: Simd, const W: usize> {
    simd: S,
    low: [Block<S, W>; LOW_PLANES],
}

impl<S: Simd, const W: usize> Adder<S, W> {
    /// Adds two blocks to a plane, bit by bit, and returns the carries.
    #[inline(always)]
    fn full_add(&mut self, plane: usize, a: Block<S, W>, b: Block<S, W>) -> Block<S, W> {
        let mut carry = a;
        for w in 0..W {
            carry[w] = carry_save_add(self.simd, &mut self.low[plane][w], a[w], b[w]);
        }
        carry
    }

    /// Adds eight blocks and returns carries of weight eight.
    #[inline(always)]
    fn add_eight(&mut self, block: impl Fn(usize) -> Block<S, W>) -> Block<S, W> {
        let two_a = self.full_add(0, block(0), block(1));
        let two_b = self.full_add(0, block(2), block(3));
        let four_a = self.full_add(1, two_a, two_b);
        let two_a = self.full_add(0, block(4), block(5));
        let two_b = self.full_add(0, block(6), block(7));
        let four_b = self.full_add(1, two_a, two_b);
        self.full_add(2, four_a, four_b)
    }

    /// Adds a carry to the planes from `plane` on, and collects the carry out of the last in `overflow`.
    #[inline(always)]
    fn ripple(&mut self, plane: usize, mut carry: Block<S, W>, overflow: &mut Block<S, W>) {
        for plane in &mut self.low[plane..] {
            carry = half_add::<S, W>(plane, carry);
        }
        for w in 0..W {
            overflow[w] |= carry[w];
        }
    }
}

/// Adds a carry to a plane and returns the carry out.
#[inline(always)]
fn half_add<S: Simd, const W: usize>(plane: &mut Block<S, W>, carry: Block<S, W>) -> Block<S, W> {
    let mut out = carry;
    for w in 0..W {
        out[w] = plane[w] & carry[w];
        plane[w] ^= carry[w];
    }
    out
}

#[inline(always)]
fn ripple_high<S: Simd, const W: usize>(planes: &mut [Block<S, W>], mut carry: Block<S, W>) {
    for plane in planes {
        carry = half_add::<S, W>(plane, carry);
    }
}

/// Adds counters to counters. There must be enough planes for the sums.
#[inline(always)]
pub(super) fn add_planes<S: Simd, const W: usize>(
    simd: S,
    sums: &mut [Block<S, W>],
    planes: &[Block<S, W>],
) {
    for w in 0..W {
        let mut carry = S::u16s::splat(simd, 0);
        let (low, high) = sums.split_at_mut(planes.len().min(sums.len()));
        for (sum, plane) in low.iter_mut().zip(planes) {
            carry = carry_save_add(simd, &mut sum[w], plane[w], carry);
        }
        for sum in high {
            let out = sum[w] & carry;
            sum[w] ^= carry;
            carry = out;
        }
    }
}

/// The largest count that [`read_bytes`] can read.
pub(super) const MAX_BYTE: u32 = u8::MAX as u32;

/// Reads eight bits of every count, in the order of positions, from at most eight planes.
///
/// Zips put the eight bytes of the planes that belong to the same eight positions beside each other. Then
/// their 8 × 8 bits are transposed.
#[inline(always)]
pub(super) fn read_bytes<S: Simd, const W: usize>(
    simd: S,
    planes: &[Block<S, W>],
    bytes: &mut [u8; MAX_POSITIONS],
) {
    let len = S::u8s::LEN;
    for (w, bytes) in bytes.chunks_exact_mut(BYTE_BITS * len).take(W).enumerate() {
        let mut rows = [S::u8s::splat(simd, 0); BYTE_BITS];
        for (row, plane) in rows.iter_mut().zip(planes) {
            *row = plane[w].bitcast();
        }
        for _ in 0..BYTE_BITS.ilog2() {
            let from = rows;
            for k in 0..BYTE_BITS / 2 {
                rows[2 * k] = from[k].zip_low(from[k + BYTE_BITS / 2]);
                rows[2 * k + 1] = from[k].zip_high(from[k + BYTE_BITS / 2]);
            }
        }
        for (row, bytes) in rows.into_iter().zip(bytes.chunks_exact_mut(len)) {
            transpose_bits::<S>(row.bitcast()).bitcast::<S::u8s>().store_slice(bytes);
        }
    }
}

/// Reads the counts that the planes hold, in the order of positions.
#[inline(always)]
pub(super) fn read_counts<S: Simd, const W: usize>(
    simd: S,
    planes: &[Block<S, W>],
    counts: &mut Counts,
) {
    counts.fill(0);
    let mut bytes = [0; MAX_POSITIONS];
    for (shift, planes) in (0..).step_by(BYTE_BITS).zip(planes.chunks(BYTE_BITS)) {
        read_bytes(simd, planes, &mut bytes);
        for (count, &byte) in counts.iter_mut().zip(&bytes) {
            *count |= u32::from(byte) << shift;
        }
    }
}

const BYTE_BITS: usize = 8;
