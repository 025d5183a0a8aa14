//! Positional population count of one-hot words over sorted rows, for up to 32 bins.
//!
//! The samples of neuron `i` are sorted by its code, so that row `a` of the joint histograms of
//! `i` with all its partners is made by one list of samples. The partners' codes are expanded to
//! one-hot words, so that one 512-bit block holds one sample of 64, 32 or 16 partners. Counting
//! how often each *bit position* of these blocks is set, over the samples of row `a`, counts row
//! `a` of all those histograms at once. A tree of carry-save adders does that without touching
//! memory: plane `p` holds bit `p` of every count (Muła, Kurz and Lemire 2018, arXiv 1611.07612,
//! applied to every position of a word as in Clausecker, Lemire and Schintke 2024,
//! arXiv 2412.16370).
//!
//! GPU twin: `shaders/positional_popcount.wgsl`.

use std::ops::{BitAnd, BitOr, BitXor, Range, Shl, Shr};

use crate::codes::Codes;
use crate::engine::PairSum;
use crate::estimator::CellTable;
use crate::plan::Tile;
use crate::simd::{Level, Vectorized};
use crate::sorted_rows::SortedRows;

/// Samples counted before the planes are read: the one-hot blocks of so many fill 512 KiB of L2,
/// and a count fits [`PLANES`] bits.
const CHUNK: usize = 8192;

/// Bits of the largest count of a chunk, `CHUNK` itself.
const PLANES: usize = 14;

/// Σ f(n) of every pair of the tile. O(samples) block operations for each row of the tile and
/// each 64, 32 or 16 columns, and O(bins² log(samples)) to read the counts.
pub(crate) fn pair_sums(
    codes: &Codes,
    table: &CellTable,
    tile: &Tile,
    level: Level,
) -> Vec<PairSum> {
    match codes.bins() {
        ..=8 => level.run(CountTile::<u8, 64>::new(codes, table, tile)),
        9..=16 => level.run(CountTile::<u16, 32>::new(codes, table, tile)),
        _ => level.run(CountTile::<u32, 16>::new(codes, table, tile)),
    }
}

/// A one-hot word: one bit a bin.
trait Word:
    Copy
    + Default
    + BitAnd<Output = Self>
    + BitOr<Output = Self>
    + BitXor<Output = Self>
    + Shl<usize, Output = Self>
    + Shr<usize, Output = Self>
{
    const ONE: Self;
    /// The lowest bit.
    fn low_bit(self) -> u16;
}

macro_rules! impl_word {
    ($($word:ty),*) => {$(
        impl Word for $word {
            const ONE: Self = 1;
            #[inline(always)]
            fn low_bit(self) -> u16 {
                u16::from(self & 1 == 1)
            }
        }
    )*};
}
impl_word!(u8, u16, u32);

/// One sample of `LANES` neurons: 512 bits.
type Block<W, const LANES: usize> = [W; LANES];

struct CountTile<'a, W, const LANES: usize> {
    codes: &'a Codes,
    table: &'a CellTable,
    tile: &'a Tile,
    word: std::marker::PhantomData<W>,
}

impl<'a, W, const LANES: usize> CountTile<'a, W, LANES> {
    fn new(codes: &'a Codes, table: &'a CellTable, tile: &'a Tile) -> Self {
        Self { codes, table, tile, word: std::marker::PhantomData }
    }
}

impl<W: Word, const LANES: usize> Vectorized for CountTile<'_, W, LANES> {
    type Output = Vec<PairSum>;

    #[inline(always)]
    fn run(self) -> Vec<PairSum> {
        let Self { codes, table, tile, .. } = self;
        let samples = codes.samples();
        let chunks: Vec<Range<usize>> =
            (0..samples).step_by(CHUNK).map(|s| s..samples.min(s + CHUNK)).collect();
        let rows: Vec<SortedRows> = tile
            .rows
            .clone()
            .map(|i| SortedRows::new(codes.neuron(i), codes.bins(), CHUNK))
            .collect();
        let mut expanded: Vec<Block<W, LANES>> = vec![[W::default(); LANES]; samples.min(CHUNK)];
        let mut sums = vec![[PairSum::default(); LANES]; tile.rows.len()];
        let mut out = vec![PairSum::default(); tile.pairs()];

        // With one chunk a count is final when it is read; with more, counts are added up first.
        let cells = codes.bins() * codes.bins();
        let mut counts: Vec<[u32; LANES]> = match chunks.len() {
            1 => Vec::new(),
            _ => vec![[0; LANES]; tile.rows.len() * cells],
        };

        for begin in tile.columns.clone().step_by(LANES) {
            let columns = begin..tile.columns.end.min(begin + LANES);
            sums.fill([PairSum::default(); LANES]);
            for (chunk_index, chunk) in chunks.iter().enumerate() {
                expand(codes, columns.clone(), chunk.clone(), &mut expanded);
                for (row, i) in tile.rows.clone().enumerate() {
                    if tile.columns_of(i).start >= columns.end {
                        continue; // below the diagonal
                    }
                    for a in 0..codes.bins() {
                        let row_samples = rows[row].row(chunk_index, a);
                        let planes = count_positions(&expanded, row_samples);
                        let used = bit_length(row_samples.len());
                        for b in 0..codes.bins() {
                            let found = read_bin(&planes[..used], b);
                            if counts.is_empty() {
                                add_cells(&mut sums[row], &found.map(u32::from), table);
                            } else {
                                let cell = &mut counts[row * cells + a * codes.bins() + b];
                                for (n, more) in cell.iter_mut().zip(found) {
                                    *n += u32::from(more);
                                }
                            }
                        }
                    }
                }
            }
            for (row, counts) in counts.chunks_exact_mut(cells).enumerate() {
                for cell in counts {
                    add_cells(&mut sums[row], cell, table);
                    *cell = [0; LANES];
                }
            }
            store(tile, &columns, &sums, &mut out);
        }
        out
    }
}

/// Puts the sums of one block of columns where the numbering of the tile's pairs wants them.
fn store<const LANES: usize>(
    tile: &Tile,
    columns: &Range<usize>,
    sums: &[[PairSum; LANES]],
    out: &mut [PairSum],
) {
    let mut first = 0;
    for (i, sums) in tile.rows.clone().zip(sums) {
        let row = tile.columns_of(i);
        for j in columns.start.max(row.start)..columns.end {
            out[first + j - row.start] = sums[j - columns.start];
        }
        first += row.len();
    }
}

/// One-hot words of a chunk of samples, a block of neurons wide. Lanes beyond the last column keep
/// zeros or an earlier block's words: nobody reads their counts.
#[inline(always)]
fn expand<W: Word, const LANES: usize>(
    codes: &Codes,
    columns: Range<usize>,
    chunk: Range<usize>,
    expanded: &mut [Block<W, LANES>],
) {
    for (lane, j) in columns.enumerate() {
        let codes = &codes.neuron(j)[chunk.clone()];
        for (block, &code) in expanded.iter_mut().zip(codes) {
            block[lane] = W::ONE << usize::from(code);
        }
    }
}

/// How often each bit position is set in the blocks of `samples`: bit `p` of every count is in
/// plane `p`.
#[inline(always)]
fn count_positions<W: Word, const LANES: usize>(
    expanded: &[Block<W, LANES>],
    samples: &[u16],
) -> [Block<W, LANES>; PLANES] {
    let mut planes = [[W::default(); LANES]; PLANES];
    let [mut ones, mut twos, mut fours] = [[W::default(); LANES]; 3];
    let used = bit_length(samples.len());
    let groups = samples.chunks_exact(8);
    let rest = groups.remainder();
    for group in groups {
        let block = |k: usize| &expanded[usize::from(group[k])];
        let (one, two_a) = add(&ones, block(0), block(1));
        let (one, two_b) = add(&one, block(2), block(3));
        let (two, four_a) = add(&twos, &two_a, &two_b);
        let (one, two_a) = add(&one, block(4), block(5));
        let (one, two_b) = add(&one, block(6), block(7));
        let (two, four_b) = add(&two, &two_a, &two_b);
        let (four, mut carry) = add(&fours, &four_a, &four_b);
        (ones, twos, fours) = (one, two, four);
        for plane in &mut planes[3..used] {
            carry = half_add(plane, &carry);
        }
    }
    (planes[0], planes[1], planes[2]) = (ones, twos, fours);
    for &sample in rest {
        let mut carry = expanded[usize::from(sample)];
        for plane in &mut planes[..used] {
            carry = half_add(plane, &carry);
        }
    }
    planes
}

/// Carry-save adder: sum and carry of three blocks, position by position.
#[inline(always)]
fn add<W: Word, const LANES: usize>(
    a: &Block<W, LANES>,
    b: &Block<W, LANES>,
    c: &Block<W, LANES>,
) -> (Block<W, LANES>, Block<W, LANES>) {
    let mut sum = *a;
    let mut carry = *a;
    for lane in 0..LANES {
        let (a, b, c) = (a[lane], b[lane], c[lane]);
        sum[lane] = a ^ b ^ c;
        carry[lane] = (a & b) | ((a ^ b) & c);
    }
    (sum, carry)
}

/// Adds a carry to a plane and returns the carry out.
#[inline(always)]
fn half_add<W: Word, const LANES: usize>(
    plane: &mut Block<W, LANES>,
    carry: &Block<W, LANES>,
) -> Block<W, LANES> {
    let mut out = *carry;
    for lane in 0..LANES {
        out[lane] = plane[lane] & carry[lane];
        plane[lane] = plane[lane] ^ carry[lane];
    }
    out
}

/// The counts of bin `b` of every lane.
#[inline(always)]
fn read_bin<W: Word, const LANES: usize>(planes: &[Block<W, LANES>], b: usize) -> [u16; LANES] {
    let mut counts = [0u16; LANES];
    for (p, plane) in planes.iter().enumerate() {
        for lane in 0..LANES {
            counts[lane] |= (plane[lane] >> b).low_bit() << p;
        }
    }
    counts
}

#[inline(always)]
fn add_cells<const LANES: usize>(
    sums: &mut [PairSum; LANES],
    counts: &[u32; LANES],
    table: &CellTable,
) {
    for (sum, &n) in sums.iter_mut().zip(counts) {
        sum.cells += table.value(n);
        sum.samples += u64::from(n);
    }
}

/// Bits needed to write a number.
fn bit_length(n: usize) -> usize {
    (usize::BITS - n.leading_zeros()) as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_chunk_fits_the_planes() {
        assert_eq!(bit_length(CHUNK), PLANES);
        let expanded = vec![[1u8; 64]; CHUNK];
        let samples: Vec<u16> = (0..CHUNK).map(|s| u16::try_from(s).unwrap()).collect();
        let planes = count_positions(&expanded, &samples);
        assert_eq!(read_bin(&planes, 0), [u16::try_from(CHUNK).unwrap(); 64]);
        assert_eq!(read_bin(&planes, 1), [0; 64]);
    }
}
