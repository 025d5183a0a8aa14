//! The two sums over pairs, made row by row while a matrix is finished.

use std::ops::Range;

use super::{DigestGrid, PI, added, mixed};
use crate::pairs::tile::Tile;

/// The step of SplitMix64: 2⁶⁴ divided by the golden ratio, made odd.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// The sums over the pairs of a block of the grid that were counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DigestPart {
    /// The number of the block in the [`DigestGrid`].
    pub block: u32,
    /// The number of pairs.
    pub pairs: u64,
    /// The two sums over these pairs.
    pub sums: [u64; 2],
}

/// The sums over pairs of every block of a grid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PairSums {
    grid: DigestGrid,
    blocks: Vec<BlockSums>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct BlockSums {
    pairs: u64,
    sums: [u64; 2],
}

impl PairSums {
    pub(crate) fn new(grid: DigestGrid) -> Self {
        Self { grid, blocks: vec![BlockSums::default(); grid.blocks()] }
    }

    pub(crate) fn grid(&self) -> DigestGrid {
        self.grid
    }

    /// Adds pairs that were counted elsewhere. A part of a block that the grid does not have is ignored.
    pub(crate) fn add(&mut self, part: &DigestPart) {
        if let Some(block) = self.blocks.get_mut(part.block as usize) {
            block.add(part.pairs, part.sums);
        }
    }

    /// Adds a row of pairs.
    pub(crate) fn add_row(&mut self, row: &RowSums) {
        for (column, sums) in row.groups.iter().enumerate().filter(|(_, sums)| sums.pairs > 0) {
            self.blocks[self.grid.number(row.group, column)].add(sums.pairs, sums.sums);
        }
    }

    pub(super) fn part(&self, number: usize) -> Option<DigestPart> {
        let BlockSums { pairs, sums } = *self.blocks.get(number)?;
        Some(DigestPart { block: u32::try_from(number).ok()?, pairs, sums })
    }

    /// Returns the sums of the blocks that have pairs.
    pub(crate) fn parts(&self) -> Vec<DigestPart> {
        let all = (0..self.blocks.len()).filter_map(|number| self.part(number));
        all.filter(|part| part.pairs > 0).collect()
    }

    pub(super) fn counted(&self) -> u64 {
        self.blocks.iter().fold(0, |pairs, block| pairs.saturating_add(block.pairs))
    }

    pub(super) fn total(&self) -> [u64; 2] {
        self.blocks.iter().fold([0; 2], |sums, block| added(sums, block.sums))
    }
}

impl BlockSums {
    fn add(&mut self, pairs: u64, sums: [u64; 2]) {
        self.pairs = self.pairs.saturating_add(pairs);
        self.sums = added(self.sums, sums);
    }
}

/// The neurons of a matrix of pairs, as digests need them.
#[derive(Debug)]
pub(crate) struct PairKeys {
    grid: DigestGrid,
    /// The numbers of the rows' neurons.
    rows: Vec<usize>,
    /// The coefficients of the columns, for each of the two sums.
    coefficients: [Vec<u64>; 2],
    /// Columns that follow each other and belong to the same column of blocks, with its number.
    runs: Vec<(usize, Range<usize>)>,
}

/// The sums over the pairs of a row, for each column of blocks.
#[derive(Debug)]
pub(crate) struct RowSums {
    /// The row of blocks.
    group: usize,
    groups: Vec<BlockSums>,
}

impl PairKeys {
    /// The memory of the keys of a neuron, in bytes.
    pub(crate) const BYTES_PER_NEURON: usize =
        size_of::<usize>() + 2 * size_of::<u64>() + size_of::<(usize, Range<usize>)>();

    /// Makes the keys of a matrix whose rows and columns are these neurons of the layer, or of the two
    /// layers.
    pub(crate) fn new(
        grid: DigestGrid,
        rows: impl Iterator<Item = usize>,
        columns: impl Iterator<Item = usize>,
    ) -> Self {
        let (mut runs, mut coefficients): (Vec<(usize, Range<usize>)>, _) =
            (Vec::new(), [Vec::new(), Vec::new()]);
        for (place, neuron) in columns.enumerate() {
            let of_column = coefficients_of(neuron, grid.is_between());
            coefficients[0].push(of_column[0]);
            coefficients[1].push(of_column[1]);
            let group = neuron / grid.edge();
            match runs.last_mut() {
                Some((last, places)) if *last == group => places.end = place + 1,
                _ => runs.push((group, place..place + 1)),
            }
        }
        Self { grid, rows: rows.collect(), coefficients, runs }
    }

    /// Makes the keys of a tile of the pairs of a layer, or of two layers whose neurons are numbered one
    /// behind the other.
    pub(crate) fn of_tile(grid: DigestGrid, tile: &Tile) -> Self {
        let before = if grid.is_between() { grid.rows() } else { 0 };
        let columns = tile.columns.start - before..tile.columns.end - before;
        Self::new(grid, tile.rows.clone(), columns)
    }

    pub(crate) fn grid(&self) -> DigestGrid {
        self.grid
    }

    /// Returns the sums over pairs of a row, from its column `first` on. `integer` returns the integer of a
    /// pair from its number in the matrix.
    #[inline(always)]
    pub(crate) fn row(
        &self,
        row: usize,
        first: usize,
        numbers: &[f64],
        integer: impl Fn(f64) -> u64,
    ) -> RowSums {
        let mut groups = vec![BlockSums::default(); self.grid.column_groups()];
        let begin = self.runs.partition_point(|(_, places)| places.end <= first);
        for (group, places) in &self.runs[begin..] {
            let places = places.start.max(first)..places.end;
            let numbers = &numbers[places.start - first..places.end - first];
            let [a, b] = &self.coefficients;
            let mut sums = [0u64; 2];
            for ((&number, &a), &b) in numbers.iter().zip(&a[places.clone()]).zip(&b[places]) {
                let integer = integer(number);
                sums[0] = sums[0].wrapping_add(integer.wrapping_mul(a));
                sums[1] = sums[1].wrapping_add(integer.wrapping_mul(b));
            }
            groups[*group].add(numbers.len() as u64, sums);
        }
        let neuron = self.rows[row];
        let [a, b] = coefficients_of(neuron, false);
        for BlockSums { sums, .. } in &mut groups {
            *sums = [sums[0].wrapping_mul(a), sums[1].wrapping_mul(b)];
        }
        RowSums { group: neuron / self.grid.edge(), groups }
    }
}

/// Returns the two coefficients of a neuron. Those of a second layer's neurons are other ones.
fn coefficients_of(neuron: usize, is_of_second: bool) -> [u64; 2] {
    let seeds = if is_of_second { [PI[4], PI[5]] } else { [PI[2], PI[3]] };
    let counter = (neuron as u64).wrapping_add(1).wrapping_mul(STEP);
    seeds.map(|seed| mixed(seed.wrapping_add(counter)) | 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Adds up a matrix by the definition, one pair after the other.
    fn by_definition(grid: DigestGrid, integer: impl Fn(usize, usize) -> u64) -> PairSums {
        let mut sums = PairSums::new(grid);
        for i in 0..grid.rows() {
            for j in if grid.is_between() { 0 } else { i }..grid.columns() {
                let (x, y) = (coefficients_of(i, false), coefficients_of(j, grid.is_between()));
                let of = |lane: usize| x[lane].wrapping_mul(y[lane]).wrapping_mul(integer(i, j));
                let block = grid.number(i / grid.edge(), j / grid.edge()) as u32;
                sums.add(&DigestPart { block, pairs: 1, sums: [of(0), of(1)] });
            }
        }
        sums
    }

    /// Adds up a matrix in tiles, whose rows and columns are neurons in the given order.
    fn in_tiles(
        grid: DigestGrid,
        order: &[usize],
        (height, width): (usize, usize),
        integer: impl Fn(usize, usize) -> u64,
    ) -> PairSums {
        let all = if grid.is_between() {
            Tile::rectangle(grid.rows(), grid.columns())
        } else {
            Tile::triangle(grid.rows())
        };
        let before = if grid.is_between() { grid.rows() } else { 0 };
        let mut sums = PairSums::new(grid);
        for tile in all.cut(height, width).into_iter().rev() {
            let rows = order[tile.rows.clone()].iter().copied();
            let columns = order[tile.columns.clone()].iter().map(|&neuron| neuron - before);
            let keys = PairKeys::new(grid, rows, columns);
            for (row, i) in tile.rows.clone().enumerate() {
                let first = if tile.is_triangular() { row } else { 0 };
                let numbers: Vec<f64> = order[tile.columns_of(i)]
                    .iter()
                    .map(|&j| {
                        let (i, j) = (order[i], j - before);
                        let (i, j) = if grid.is_between() { (i, j) } else { (i.min(j), i.max(j)) };
                        f64::from_bits(integer(i, j))
                    })
                    .collect();
                let row = keys.row(row, first, &numbers, f64::to_bits);
                let mut part = PairSums::new(grid);
                part.add_row(&row);
                part.parts().iter().for_each(|part| sums.add(part));
            }
        }
        sums
    }

    fn integer(i: usize, j: usize) -> u64 {
        mixed((i * 1000 + j) as u64) >> 2
    }

    proptest! {
        #[test]
        fn tiles_and_their_order_do_not_matter(
            neurons in 1usize..90,
            others in 1usize..40,
            (height, more) in (1usize..40, 0usize..40),
            seed in any::<u64>(),
        ) {
            let within = DigestGrid::within(neurons);
            let mut order: Vec<usize> = (0..neurons).collect();
            order.sort_by_key(|&neuron| mixed(seed ^ neuron as u64));
            let expected = by_definition(within, integer);
            prop_assert_eq!(in_tiles(within, &order, (height, height + more), integer), expected);

            let between = DigestGrid::between(neurons, others);
            let order: Vec<usize> = (0..neurons + others).collect();
            let expected = by_definition(between, integer);
            prop_assert_eq!(in_tiles(between, &order, (height, more + 1), integer), expected);
        }

        #[test]
        fn a_change_of_one_integer_or_a_swap_of_two_is_seen_in_both_sums(
            neurons in 2usize..60,
            pairs in any::<[prop::sample::Index; 4]>(),
            bit in 0u32..62,
        ) {
            let grid = DigestGrid::within(neurons);
            let [i, j, k, l] = pairs.map(|index| index.index(neurons));
            let (first, second) = ((i.min(j), i.max(j)), (k.min(l), k.max(l)));
            let honest = by_definition(grid, integer);
            let changed = by_definition(grid, |i, j| {
                if (i, j) == first { integer(i, j) ^ (1 << bit) } else { integer(i, j) }
            });
            prop_assert!(honest.total().iter().zip(changed.total()).all(|(&a, b)| a != b));
            let swapped = by_definition(grid, |i, j| match (i, j) {
                pair if pair == first => integer(second.0, second.1),
                pair if pair == second => integer(first.0, first.1),
                _ => integer(i, j),
            });
            prop_assert_eq!(honest == swapped, first == second);
            prop_assert_eq!(honest.total() == swapped.total(), first == second);
        }
    }
}
