//! Counting bit positions: carry-save adders, bit planes, and their transposition into counts.

/// 16-bit lanes of a block.
pub(super) const LANES: usize = 32;

/// Bit positions of a lane.
pub(super) const POSITIONS: usize = 16;

/// One sample of as many neurons as fit 512 bits.
pub(super) type Block = [u16; LANES];

/// Counts of each bit position, `[position][lane]`.
pub(super) type Counts = [Block; POSITIONS];

/// Bits of the largest count.
pub(super) const MAX_PLANES: usize = 14;

/// Samples that one tree of carry-save adders turns into a carry of weight eight.
const GROUP: usize = 8;

/// Planes 3 to 6 overflow once at most in so many groups, so their carries out are collected and
/// rippled through the higher planes once a batch.
const GROUPS_A_BATCH: usize = 16;

/// How often each bit position is set in `blocks[s]`, over all `s` of `samples`: fewer than 2¹⁴.
///
/// The last block has no bit set; it fills the last group up.
#[inline(always)]
pub(super) fn count_positions(blocks: &[Block], samples: &[u16]) -> Counts {
    debug_assert!(samples.len() < 1 << MAX_PLANES, "{} samples", samples.len());
    let zero = blocks.len() - 1;
    let mut low = LowPlanes::default();
    let mut high = [[0; LANES]; MAX_PLANES - LowPlanes::PLANES];
    for batch in samples.chunks(GROUP * GROUPS_A_BATCH) {
        let mut overflow = [0; LANES];
        let groups = batch.chunks_exact(GROUP);
        let rest = groups.remainder();
        for group in groups {
            let carry = low.add(|k| &blocks[usize::from(group[k])]);
            or(&mut overflow, &carry);
        }
        if !rest.is_empty() {
            let sample = |k: usize| rest.get(k).map_or(zero, |&s| usize::from(s));
            let carry = low.add(|k| &blocks[sample(k)]);
            or(&mut overflow, &carry);
        }
        for plane in &mut high {
            overflow = half_add(plane, &overflow);
        }
    }
    let mut planes = [[0; LANES]; POSITIONS];
    planes[..LowPlanes::PLANES].copy_from_slice(&low.into_planes());
    planes[LowPlanes::PLANES..MAX_PLANES].copy_from_slice(&high);
    transpose(&mut planes);
    planes
}

/// The planes that stay in registers.
struct LowPlanes {
    ones: Block,
    twos: Block,
    fours: Block,
    higher: [Block; 4],
}

impl Default for LowPlanes {
    #[inline(always)]
    fn default() -> Self {
        let zero = [0; LANES];
        Self { ones: zero, twos: zero, fours: zero, higher: [zero; 4] }
    }
}

impl LowPlanes {
    const PLANES: usize = 7;

    /// Adds eight samples and returns the carry out of the last plane.
    #[inline(always)]
    fn add<'a>(&mut self, sample: impl Fn(usize) -> &'a Block) -> Block {
        let two_a = full_add(&mut self.ones, sample(0), sample(1));
        let two_b = full_add(&mut self.ones, sample(2), sample(3));
        let four_a = full_add(&mut self.twos, &two_a, &two_b);
        let two_a = full_add(&mut self.ones, sample(4), sample(5));
        let two_b = full_add(&mut self.ones, sample(6), sample(7));
        let four_b = full_add(&mut self.twos, &two_a, &two_b);
        let mut carry = full_add(&mut self.fours, &four_a, &four_b);
        for plane in &mut self.higher {
            carry = half_add(plane, &carry);
        }
        carry
    }

    #[inline(always)]
    fn into_planes(self) -> [Block; Self::PLANES] {
        let [p3, p4, p5, p6] = self.higher;
        [self.ones, self.twos, self.fours, p3, p4, p5, p6]
    }
}

/// Carry-save adder: adds two blocks to a plane, bit by bit, and returns the carries.
#[inline(always)]
fn full_add(plane: &mut Block, a: &Block, b: &Block) -> Block {
    let mut carry = [0; LANES];
    for lane in 0..LANES {
        let (p, a, b) = (plane[lane], a[lane], b[lane]);
        let differ = p ^ a;
        plane[lane] = differ ^ b;
        carry[lane] = (p & a) | (differ & b);
    }
    carry
}

/// Adds a carry to a plane and returns the carry out.
#[inline(always)]
fn half_add(plane: &mut Block, carry: &Block) -> Block {
    let mut out = [0; LANES];
    for lane in 0..LANES {
        out[lane] = plane[lane] & carry[lane];
        plane[lane] ^= carry[lane];
    }
    out
}

#[inline(always)]
fn or(plane: &mut Block, bits: &Block) {
    for lane in 0..LANES {
        plane[lane] |= bits[lane];
    }
}

/// Transposes the 16 × 16 bits of every lane: bit `t` of plane `p` becomes bit `p` of count `t`.
///
/// Four stages swap blocks of 8, 4, 2 and 1 bits (Warren, *Hacker's Delight*, section 7-3).
#[inline(always)]
fn transpose(planes: &mut Counts) {
    swap_blocks::<8>(planes, 0x00ff);
    swap_blocks::<4>(planes, 0x0f0f);
    swap_blocks::<2>(planes, 0x3333);
    swap_blocks::<1>(planes, 0x5555);
}

#[inline(always)]
fn swap_blocks<const SIZE: usize>(planes: &mut Counts, mask: u16) {
    for upper in (0..POSITIONS).filter(|row| row & SIZE == 0) {
        let lower = upper + SIZE;
        for lane in 0..LANES {
            let (a, b) = (planes[upper][lane], planes[lower][lane]);
            let differ = ((a >> SIZE) ^ b) & mask;
            planes[lower][lane] = b ^ differ;
            planes[upper][lane] = a ^ (differ << SIZE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_counted_for_every_number_of_samples() {
        let mut blocks: Vec<Block> = (0..9000u32)
            .map(|s| {
                std::array::from_fn(|lane| (s.wrapping_mul((lane as u32 + 7) * 40503) >> 7) as u16)
            })
            .collect();
        blocks.push([0; LANES]);
        for len in [0, 1, 7, 8, 9, 127, 128, 129, 1000, 2047, 8999] {
            let samples: Vec<u16> = (0..len).map(|k| (k * 7 % 9000) as u16).collect();
            let counts = count_positions(&blocks, &samples);
            for (position, counts) in counts.iter().enumerate() {
                for (lane, &count) in counts.iter().enumerate() {
                    let set = |s: &&u16| blocks[usize::from(**s)][lane] >> position & 1 == 1;
                    let expected = samples.iter().filter(set).count();
                    assert_eq!(usize::from(count), expected, "{len} {position} {lane}");
                }
            }
        }
    }

    #[test]
    fn the_largest_count_fits() {
        let blocks = [[u16::MAX; LANES], [0; LANES]];
        let largest = (1 << MAX_PLANES) - 1;
        let counts = count_positions(&blocks, &vec![0; largest]);
        assert_eq!(counts, [[u16::try_from(largest).unwrap(); LANES]; POSITIONS]);
    }
}
