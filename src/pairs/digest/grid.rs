//! The division of pairs into blocks that have digests of their own.

use std::ops::Range;

use crate::error::Error;
use crate::pairs::tile::Tile;

/// The most blocks along a layer of up to 65,536 neurons. Wider layers have more, of the widest edge.
const ALONG: usize = 32;

const NARROWEST_EDGE: usize = 16;
const WIDEST_EDGE: usize = 2048;

/// A division of the pairs of a result into blocks, each of which has a digest of its own. It follows from
/// the numbers of neurons alone, unlike the tiles and blocks of a computation.
///
/// Blocks are numbered row by row. Within a layer, those on and right of the diagonal are numbered, as the
/// blocks of [`SweepPlan::block`](crate::sweep::SweepPlan::block) are: a sweep over
/// [all pairs](crate::Selection::All) with the edge [`DigestGrid::edge`] has the same blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DigestGrid {
    rows: usize,
    columns: usize,
    is_between: bool,
}

impl DigestGrid {
    /// Makes the grid of the pairs within a layer.
    #[must_use]
    pub fn within(neurons: usize) -> Self {
        Self { rows: neurons, columns: neurons, is_between: false }
    }

    /// Makes the grid of the pairs of each neuron of one layer with each of another.
    #[must_use]
    pub fn between(rows: usize, columns: usize) -> Self {
        Self { rows, columns, is_between: true }
    }

    /// Returns the number of neurons along the edge of a block: a 32nd of the wider layer, from 16 to 2,048.
    #[must_use]
    pub fn edge(self) -> usize {
        self.rows.max(self.columns).div_ceil(ALONG).clamp(NARROWEST_EDGE, WIDEST_EDGE)
    }

    /// Returns the number of blocks.
    #[must_use]
    pub fn blocks(self) -> usize {
        let (down, along) = (self.groups(self.rows), self.column_groups());
        if self.is_between { down * along } else { along * (along + 1) / 2 }
    }

    /// Returns the rows and columns of a block; `None` if there is no block of that number. Within a layer,
    /// a block whose rows are its columns lies on the diagonal and has no pair twice.
    #[must_use]
    pub fn block(self, number: usize) -> Option<(Range<usize>, Range<usize>)> {
        if number >= self.blocks() {
            return None;
        }
        let along = self.column_groups();
        let (mut row, mut column) = (0, number);
        if self.is_between {
            (row, column) = (number / along, number % along);
        } else {
            // Each row of blocks has one less than the one before.
            while along - row <= column {
                column -= along - row;
                row += 1;
            }
            column += row;
        }
        let of = |group: usize, neurons: usize| {
            group * self.edge()..neurons.min((group + 1) * self.edge())
        };
        Some((of(row, self.rows), of(column, self.columns)))
    }

    /// Returns the number of the block that has the pair of two neurons; `None` if there are no such neurons.
    /// Within a layer, their order does not matter.
    #[must_use]
    pub fn block_of(self, row: usize, column: usize) -> Option<usize> {
        let exists = row < self.rows && column < self.columns;
        exists.then(|| self.number(row / self.edge(), column / self.edge()))
    }

    /// Returns the memory that the sums of all blocks take, in bytes, twice: those of a result, and those of
    /// a block that is added to them.
    pub(crate) fn bytes(self) -> u128 {
        const BYTES_PER_BLOCK: u128 = 2 * 32;
        self.blocks() as u128 * BYTES_PER_BLOCK
    }

    /// Returns the tile of a block. The columns of a second layer follow the rows.
    pub(crate) fn tile(self, block: usize) -> Result<Tile, Error> {
        let blocks = self.blocks();
        let (rows, columns) = self.block(block).ok_or(Error::BlockOutOfRange { block, blocks })?;
        let before = if self.is_between { self.rows } else { 0 };
        Ok(Tile { rows, columns: columns.start + before..columns.end + before })
    }

    /// Returns the number of pairs of a block, those of a neuron with itself included; 0 if there is no block
    /// of that number.
    #[must_use]
    pub fn pairs_of(self, number: usize) -> u64 {
        let Some((rows, columns)) = self.block(number) else { return 0 };
        let (height, width) = (rows.len() as u64, columns.len() as u64);
        let is_triangular = !self.is_between && rows.start == columns.start;
        if is_triangular { height * (height + 1) / 2 } else { height * width }
    }

    /// Returns the number of all pairs, those of a neuron with itself included.
    #[must_use]
    pub fn pairs(self) -> u64 {
        let (rows, columns) = (self.rows as u64, self.columns as u64);
        if self.is_between { rows * columns } else { rows * (rows + 1) / 2 }
    }

    /// Returns the number of neurons that are rows.
    #[must_use]
    pub fn rows(self) -> usize {
        self.rows
    }

    /// Returns the number of neurons that are columns.
    #[must_use]
    pub fn columns(self) -> usize {
        self.columns
    }

    /// Returns whether the pairs are those between two layers.
    #[must_use]
    pub fn is_between(self) -> bool {
        self.is_between
    }

    /// Returns the number of the block of a row and a column of blocks. Within a layer, their order does not
    /// matter.
    pub(super) fn number(self, row: usize, column: usize) -> usize {
        let along = self.column_groups();
        if self.is_between {
            return row * along + column;
        }
        let (row, column) = (row.min(column), row.max(column));
        row * along - row * row.saturating_sub(1) / 2 + column - row
    }

    pub(super) fn column_groups(self) -> usize {
        self.groups(self.columns)
    }

    fn groups(self, neurons: usize) -> usize {
        neurons.div_ceil(self.edge())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_is_in_the_block_of_its_groups() {
        let within = [0, 1, 15, 16, 17, 100, 513, 700].map(DigestGrid::within);
        let between = [(1, 1), (3, 600), (600, 3), (40, 33)];
        let between = between.map(|(rows, columns)| DigestGrid::between(rows, columns));
        for grid in within.into_iter().chain(between) {
            let edge = grid.edge();
            for number in 0..grid.blocks() {
                let (rows, columns) = grid.block(number).unwrap();
                let found = grid.number(rows.start / edge, columns.start / edge);
                assert_eq!(found, number, "{grid:?}");
                assert!(!rows.is_empty() && !columns.is_empty(), "{grid:?} {number}");
            }
            let pairs: u64 = (0..grid.blocks()).map(|number| grid.pairs_of(number)).sum();
            assert_eq!(pairs, grid.pairs(), "{grid:?}");
            assert_eq!(grid.block(grid.blocks()), None, "{grid:?}");
        }
        let grid = DigestGrid::within(100);
        assert_eq!(grid.block_of(99, 3), Some(grid.number(0, 99 / grid.edge())));
        assert_eq!((grid.block_of(100, 3), grid.block_of(3, 100)), (None, None));
        assert_eq!(DigestGrid::within(1 << 20).edge(), WIDEST_EDGE);
        assert_eq!(DigestGrid::within(4096).blocks(), 32 * 33 / 2);
    }
}
