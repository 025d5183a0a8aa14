//! The pairs that are counted together: the upper triangle of a matrix, or a rectangle, cut into tiles.

use std::ops::Range;

/// A block of the pair matrix: every pair `(i, j)` with `i` in `rows`, `j` in `columns`, `i <= j`.
///
/// A tile either lies right of the diagonal, or begins on it (`rows.start == columns.start`) and is at least
/// as wide as it is high. Its pairs are numbered row by row, without the pairs below the diagonal. Before
/// they are cut, all pairs of a job are one tile.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Tile {
    pub(crate) rows: Range<usize>,
    pub(crate) columns: Range<usize>,
}

impl Tile {
    /// Returns the tile of all pairs of `neurons` neurons, each with itself included.
    pub(crate) fn triangle(neurons: usize) -> Self {
        Self { rows: 0..neurons, columns: 0..neurons }
    }

    /// Returns the tile that pairs each of the first `rows` neurons with each of the `columns` neurons behind
    /// them.
    pub(crate) fn rectangle(rows: usize, columns: usize) -> Self {
        Self { rows: 0..rows, columns: rows..rows + columns }
    }

    /// Returns the tile of a single pair. The order of the two neurons is kept.
    #[cfg(any(feature = "gpu", test))]
    pub(crate) fn single(first: usize, second: usize) -> Self {
        Self { rows: first..first + 1, columns: second..second + 1 }
    }

    /// Returns whether the tile begins on the diagonal.
    pub(crate) fn is_triangular(&self) -> bool {
        self.rows.start == self.columns.start
    }

    /// Returns the number of pairs.
    pub(crate) fn pairs(&self) -> usize {
        let (rows, columns) = (self.rows.len(), self.columns.len());
        let below = if self.is_triangular() { rows * rows.saturating_sub(1) / 2 } else { 0 };
        rows * columns - below
    }

    /// Iterates over the pairs in the order of their numbers.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, usize)> + '_ {
        self.rows.clone().flat_map(|i| self.columns_of(i).map(move |j| (i, j)))
    }

    /// Cuts the tile into smaller ones of at most `height × width`, in rows of tiles. If the tile is on the
    /// diagonal, `width` must be at least `height`.
    pub(crate) fn cut(&self, height: usize, width: usize) -> Vec<Self> {
        debug_assert!(0 < height && 0 < width, "{height} x {width}");
        debug_assert!(height <= width || !self.is_triangular(), "{height} x {width}");
        let mut tiles = Vec::new();
        for row in self.rows.clone().step_by(height) {
            for column in self.columns_of(row).step_by(width) {
                tiles.push(Self {
                    rows: row..self.rows.end.min(row + height),
                    columns: column..self.columns.end.min(column + width),
                });
            }
        }
        tiles
    }

    /// Returns the pair-samples of all pairs, the unit in which work is counted.
    pub(crate) fn work(&self, samples: usize) -> u64 {
        (self.pairs() as u64).saturating_mul(samples as u64)
    }

    /// Returns the columns that pair with row `i`.
    pub(crate) fn columns_of(&self, i: usize) -> Range<usize> {
        let start = if self.is_triangular() { i } else { self.columns.start };
        start..self.columns.end
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_pair_is_in_exactly_one_tile() {
        for neurons in [1, 2, 7, 8, 9, 31, 64, 65] {
            for (height, width) in [(1, 1), (1, 5), (4, 4), (8, 20), (64, 64), (3, 100)] {
                let mut seen = HashSet::new();
                for tile in Tile::triangle(neurons).cut(height, width) {
                    assert_eq!(tile.iter().count(), tile.pairs(), "{tile:?}");
                    for (i, j) in tile.iter() {
                        assert!(i <= j && j < neurons, "({i}, {j})");
                        assert!(seen.insert((i, j)), "({i}, {j}) twice");
                    }
                }
                assert_eq!(seen.len(), neurons * (neurons + 1) / 2, "{neurons} {height} {width}");
            }
        }
    }

    #[test]
    fn pieces_of_tiles_make_up_the_tiles() {
        for tile in Tile::triangle(50).cut(20, 30) {
            let mut pieces: Vec<_> =
                tile.cut(7, 11).iter().flat_map(|piece| piece.iter().collect::<Vec<_>>()).collect();
            pieces.sort_unstable();
            assert_eq!(pieces, tile.iter().collect::<Vec<_>>(), "{tile:?}");
        }
    }

    #[test]
    fn rectangles_pair_every_row_with_every_column_behind_them() {
        let tile = Tile::rectangle(3, 2);
        let pairs: Vec<_> = tile.iter().collect();
        assert_eq!(pairs, [(0, 3), (0, 4), (1, 3), (1, 4), (2, 3), (2, 4)]);
        let mut cut: Vec<_> =
            tile.cut(2, 1).iter().flat_map(|piece| piece.iter().collect::<Vec<_>>()).collect();
        cut.sort_unstable();
        assert_eq!(cut, pairs);
        assert_eq!(Tile::rectangle(0, 0).pairs(), 0);
    }

    #[test]
    fn a_single_pair_keeps_its_order() {
        assert_eq!(Tile::single(5, 2).iter().collect::<Vec<_>>(), [(5, 2)]);
        assert_eq!(Tile::single(3, 3).iter().collect::<Vec<_>>(), [(3, 3)]);
    }

    #[test]
    fn work_does_not_overflow() {
        assert_eq!(Tile::triangle(4).work(10), 100);
        assert_eq!(Tile::triangle(1 << 30).work(usize::MAX), u64::MAX);
    }
}
