//! The order in which tiles are visited, so that the uploads for one tile are used by the next
//! ones.

use std::ops::Range;

use crate::pairs::tile::Tile;

/// The role of a neuron in a tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Role {
    Rows,
    Columns,
}

/// The unit of uploads: neurons in a role over a chunk of samples.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Block {
    pub(crate) role: Role,
    pub(crate) neurons: Range<usize>,
    pub(crate) samples: Range<usize>,
}

impl Block {
    /// Returns the block that a tile needs in a role for a chunk of samples.
    pub(crate) fn of(tile: &Tile, role: Role, samples: &Range<usize>) -> Self {
        let neurons = match role {
            Role::Rows => tile.rows.clone(),
            Role::Columns => tile.columns.clone(),
        };
        Self { role, neurons, samples: samples.clone() }
    }
}

/// The tiles of a job in the order in which they are counted, each over all chunks of samples.
#[derive(Debug)]
pub(crate) struct Visit {
    tiles: Vec<Tile>,
    chunks: Vec<Range<usize>>,
}

impl Visit {
    /// Cuts the pairs of a job, or the remaining pairs, into square tiles of at most `edge`
    /// neurons. The parts follow one another.
    pub(crate) fn new(
        parts: &[Tile],
        edge: usize,
        samples: usize,
        chunk: usize,
        panels: usize,
    ) -> Self {
        let tiles = parts.iter().flat_map(|pairs| squares(pairs, edge, panels)).collect();
        let chunk = chunk.max(1);
        let chunks = (0..samples).step_by(chunk).map(|at| at..samples.min(at + chunk)).collect();
        Self { tiles, chunks }
    }

    pub(crate) fn tiles(&self) -> &[Tile] {
        &self.tiles
    }

    /// Returns the chunks of samples in the order in which the tile with this number counts them.
    /// Every other tile counts them backwards.
    pub(crate) fn chunks(&self, tile: usize) -> impl Iterator<Item = Range<usize>> + use<> {
        let chunks = self.chunks.clone();
        to_and_fro(0..chunks.len(), tile).map(move |chunk| chunks[chunk].clone())
    }

    /// Returns the time when a block is needed next, at or after chunk number `turn` of a tile.
    /// Time is counted in chunks of tiles. `usize::MAX` if the block is not needed again.
    pub(crate) fn next_use(&self, block: &Block, tile: usize, turn: usize) -> usize {
        let per_tile = self.chunks.len();
        let now = tile.saturating_mul(per_tile).saturating_add(turn);
        let Some(chunk) = self.chunks.iter().position(|samples| *samples == block.samples) else {
            return usize::MAX;
        };
        let later = self.tiles.iter().enumerate().skip(tile);
        later
            .filter(|(_, tile)| match block.role {
                Role::Rows => tile.rows == block.neurons,
                Role::Columns => tile.columns == block.neurons,
            })
            .map(|(number, _)| {
                let turn = if number.is_multiple_of(2) { chunk } else { per_tile - 1 - chunk };
                number * per_tile + turn
            })
            .find(|&at| at >= now)
            .unwrap_or(usize::MAX)
    }
}

/// Cuts pairs into square tiles of `edge` neurons. They are visited in squares of `panels` ×
/// `panels` tiles. A square of n × n tiles needs 2n uploads, but n² tiles of one row need n² + 1.
/// Every other row, and every other row of squares, is walked backwards.
fn squares(pairs: &Tile, edge: usize, panels: usize) -> Vec<Tile> {
    let rows = panels_of(&pairs.rows, edge.max(1));
    let columns = panels_of(&pairs.columns, edge.max(1));
    // The first column that pairs with a row, counted in panels or squares as the row is.
    let first = |row: usize| if pairs.is_triangular() { row } else { 0 };
    let square = panels.max(1);
    let (high_squares, wide_squares) =
        (rows.len().div_ceil(square), columns.len().div_ceil(square));
    let mut tiles = Vec::new();
    let mut walk = 0usize;
    for high in 0..high_squares {
        for wide in to_and_fro(first(high)..wide_squares, high) {
            for row in high * square..rows.len().min((high + 1) * square) {
                let last = columns.len().min((wide + 1) * square);
                for column in to_and_fro(first(row).max(wide * square)..last, walk) {
                    let (rows, columns) = (rows[row].clone(), columns[column].clone());
                    tiles.push(Tile { rows, columns });
                }
                walk += 1;
            }
        }
    }
    tiles
}

/// Cuts neurons into panels of `edge`.
fn panels_of(neurons: &Range<usize>, edge: usize) -> Vec<Range<usize>> {
    let begins = neurons.clone().step_by(edge);
    begins.map(|begin| begin..neurons.end.min(begin + edge)).collect()
}

/// Returns the numbers of a range, ascending if `turn` is even and descending if it is odd.
fn to_and_fro(range: Range<usize>, turn: usize) -> impl Iterator<Item = usize> {
    let (start, end) = (range.start, range.end);
    range.map(move |at| if turn.is_multiple_of(2) { at } else { start + end - 1 - at })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn every_pair_is_visited_once() {
        for (neurons, edge) in [(1, 1), (7, 3), (64, 8), (65, 8), (40, 100)] {
            for panels in [1, 2, 3, 100] {
                let visit = Visit::new(&[Tile::triangle(neurons)], edge, 10, 4, panels);
                let mut seen = HashSet::new();
                for tile in visit.tiles() {
                    assert!(tile.rows.len() <= edge && tile.columns.len() <= edge, "{tile:?}");
                    for (i, j) in tile.iter() {
                        assert!(i <= j && j < neurons, "({i}, {j})");
                        assert!(seen.insert((i, j)), "({i}, {j}) twice");
                    }
                }
                assert_eq!(seen.len(), neurons * (neurons + 1) / 2, "{neurons} {edge} {panels}");
            }
        }
    }

    #[test]
    fn every_pair_of_a_rectangle_is_visited_once() {
        for (rows, columns, edge) in [(1, 1, 1), (7, 30, 3), (30, 7, 4), (5, 40, 100)] {
            for panels in [1, 2, 100] {
                let pairs = Tile::rectangle(rows, columns);
                let visit = Visit::new(std::slice::from_ref(&pairs), edge, 10, 4, panels);
                let mut seen: Vec<_> =
                    visit.tiles().iter().flat_map(|tile| tile.iter().collect::<Vec<_>>()).collect();
                seen.sort_unstable();
                assert_eq!(seen, pairs.iter().collect::<Vec<_>>(), "{rows} {columns} {edge}");
            }
        }
    }

    #[test]
    fn every_tile_has_all_samples() {
        let visit = Visit::new(&[Tile::triangle(4)], 2, 10, 4, 1);
        let chunks = |tile| visit.chunks(tile).collect::<Vec<_>>();
        assert_eq!(chunks(0), [0..4, 4..8, 8..10]);
        assert_eq!(chunks(1), [8..10, 4..8, 0..4]);
    }

    #[test]
    fn the_next_use_is_the_first_one_from_now_on() {
        let visit = Visit::new(&[Tile::triangle(4)], 2, 10, 4, 9); // tiles: (0, 0), (0, 1), (1, 1)
        let rows = |neurons, samples| Block { role: Role::Rows, neurons, samples };
        assert_eq!(visit.next_use(&rows(0..2, 0..4), 0, 0), 0);
        assert_eq!(visit.next_use(&rows(0..2, 0..4), 0, 1), 5);
        assert_eq!(visit.next_use(&rows(0..2, 8..10), 0, 1), 2);
        assert_eq!(visit.next_use(&rows(2..4, 4..8), 0, 0), 7);
        assert_eq!(visit.next_use(&rows(0..2, 0..4), 2, 0), usize::MAX);
        assert_eq!(visit.next_use(&rows(0..3, 0..4), 0, 0), usize::MAX);
    }

    /// Counts uploads of whole panels if `kept` of them stay. The panel that is needed last is
    /// dropped first.
    fn uploads(visit: &Visit, kept: usize) -> usize {
        let mut here: Vec<Block> = Vec::new();
        let mut uploads = 0;
        for (number, tile) in visit.tiles().iter().enumerate() {
            for (turn, samples) in visit.chunks(number).enumerate() {
                for role in [Role::Rows, Role::Columns] {
                    let block = Block::of(tile, role, &samples);
                    if here.contains(&block) {
                        continue;
                    }
                    uploads += 1;
                    if here.len() == kept {
                        let next = |(_, b): &(usize, &Block)| visit.next_use(b, number, turn);
                        let last = here.iter().enumerate().max_by_key(next).map(|(at, _)| at);
                        here.swap_remove(last.unwrap());
                    }
                    here.push(block);
                }
            }
        }
        uploads
    }

    #[test]
    fn squares_save_uploads_where_memory_is_short() {
        let panels = 40;
        let in_rows = Visit::new(&[Tile::triangle(panels)], 1, 1, 1, usize::MAX);
        let in_squares = Visit::new(&[Tile::triangle(panels)], 1, 1, 1, 4);
        assert_eq!(uploads(&in_rows, 2 * panels), 2 * panels);
        let (rows, squares) = (uploads(&in_rows, 8), uploads(&in_squares, 8));
        assert!(2 * squares < rows, "{squares} in squares, {rows} in rows");
    }

    #[test]
    fn chunks_to_and_fro_save_uploads_where_not_even_a_tile_fits() {
        let visit = Visit::new(&[Tile::triangle(2)], 1, 8, 1, 1); // 3 tiles of 8 chunks
        assert!(uploads(&visit, 6) < 3 * 2 * 8, "{}", uploads(&visit, 6));
    }
}
