//! The pieces of a tile, each counted by one dispatch: rows, or some columns of a row if a single
//! row takes too long.

use super::kernels::count_kernel::Piece;
use crate::pairs::tile::Tile;

/// A walk over a tile, piece by piece, row by row.
#[derive(Debug, Clone)]
pub(crate) struct Pieces<'a> {
    tile: &'a Tile,
    /// The step of columns: the first column of a piece is a multiple of it.
    column_step: usize,
    /// The work per pair.
    pair_work: u64,
    row: usize,
    column: usize,
}

impl<'a> Pieces<'a> {
    pub(crate) fn new(tile: &'a Tile, column_step: usize, pair_work: usize) -> Self {
        let (row, column) = (0, 0);
        let column_step = column_step.clamp(1, tile.columns.len().max(1));
        Self { tile, column_step, pair_work: (pair_work as u64).max(1), row, column }
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.row == self.tile.rows.len()
    }

    /// Returns the next piece. Its work is at most `room`, unless it is the smallest piece: one row
    /// and one step of columns. Returns `None` if the tile is finished, or if the next row or step
    /// should wait for an empty submission, which has room for `allowed` work.
    pub(crate) fn next(&mut self, room: u64, allowed: u64) -> Option<Piece> {
        let width = self.tile.columns.len();
        let rows = self.whole_rows(room);
        if self.is_finished() || (rows == 0 && self.row_work(self.row) <= allowed && room < allowed)
        {
            return None;
        }
        if rows > 0 {
            let piece = Piece { rows: self.row..self.row + rows, columns: 0..width };
            (self.row, self.column) = (piece.rows.end, 0);
            return Some(piece);
        }
        let steps = usize::try_from(room / self.pair_work).unwrap_or(width) / self.column_step;
        if steps == 0 && room < allowed {
            return None;
        }
        // Steps of columns that lie below the diagonal as a whole are left out.
        let diagonal = if self.tile.is_triangular() { self.row } else { 0 };
        let start = self.column.max(diagonal / self.column_step * self.column_step);
        let end = width.min(start + steps.max(1) * self.column_step);
        let piece = Piece { rows: self.row..self.row + 1, columns: start..end };
        (self.row, self.column) = if end == width { (self.row + 1, 0) } else { (self.row, end) };
        Some(piece)
    }

    /// Returns the number of pairs in a piece.
    pub(crate) fn pairs(&self, piece: &Piece) -> u64 {
        let first = |row: usize| if self.tile.is_triangular() { row } else { 0 };
        let columns = &piece.columns;
        let of_row = |row| columns.end.saturating_sub(columns.start.max(first(row)));
        piece.rows.clone().map(|row| of_row(row) as u64).sum()
    }

    fn row_work(&self, row: usize) -> u64 {
        let pairs = self.tile.columns_of(self.tile.rows.start + row).len() as u64;
        pairs.saturating_mul(self.pair_work)
    }

    /// Returns the number of whole rows that fit `room`. Returns 0 if a row has been begun.
    fn whole_rows(&self, room: u64) -> usize {
        if self.column > 0 {
            return 0;
        }
        let mut left = room;
        let mut fits = |row: &usize| {
            let work = self.row_work(*row);
            let fits = work <= left;
            left = left.saturating_sub(work);
            fits
        };
        (self.row..self.tile.rows.len()).take_while(|row| fits(row)).count()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn pieces_make_up_the_tile_whatever_the_room() {
        let tiles = [
            Tile { rows: 10..30, columns: 10..47 },
            Tile { rows: 0..7, columns: 7..200 },
            Tile::single(3, 1),
        ];
        for tile in tiles {
            for step in [1, 8, 64, 1000] {
                for allowed in [1, 50, 777, 10_000, u64::MAX] {
                    check(&tile, step, allowed);
                }
            }
        }
    }

    fn check(tile: &Tile, step: usize, allowed: u64) {
        let mut pieces = Pieces::new(tile, step, 10);
        let mut seen = HashSet::new();
        let mut room = allowed;
        let mut pairs = 0;
        while !pieces.is_finished() {
            let Some(piece) = pieces.next(room, allowed) else {
                assert!(room < allowed, "nothing fits an empty submission: {pieces:?}");
                room = allowed;
                continue;
            };
            let work = pieces.pairs(&piece) * 10;
            let is_smallest = piece.rows.len() == 1 && piece.columns.len() <= step;
            assert!(work <= room || is_smallest, "{piece:?} in {room}: {pieces:?}");
            assert!(piece.columns.start % step == 0, "{piece:?}");
            pairs += pieces.pairs(&piece);
            room = room.saturating_sub(work);
            for row in piece.rows {
                for column in piece.columns.clone() {
                    let (i, j) = (tile.rows.start + row, tile.columns.start + column);
                    if tile.columns_of(i).contains(&j) {
                        assert!(seen.insert((i, j)), "({i}, {j}) twice");
                    }
                }
            }
        }
        assert_eq!(pairs, tile.pairs() as u64, "{tile:?} {step} {allowed}");
        assert_eq!(seen, tile.iter().collect::<HashSet<_>>(), "{tile:?} {step} {allowed}");
    }
}
