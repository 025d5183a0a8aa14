//! A matrix with a number for every pair, filled tile by tile.

use std::sync::{Mutex, PoisonError};

use ndarray::Array2;
use rayon::prelude::*;

use super::digest::{PairKeys, PairSums};
use super::tile::Tile;
use crate::error::Error;
use crate::support::memory;

/// A matrix that takes a number for each pair of a job, in any order of tiles and from any thread.
///
/// A matrix of `f64` also takes sums. It holds their bits in the place of the results that will be computed
/// from them, so no second matrix is needed. Sums are below 2⁶², and such bits are never a NaN. So nothing on
/// the way can change them.
#[derive(Debug)]
pub(crate) struct PairMatrix<T> {
    pairs: Tile,
    /// Row-major. Only the upper half of a triangle is filled.
    numbers: Mutex<Vec<T>>,
}

impl<T: Copy + Default + Send + Sync> PairMatrix<T> {
    /// Makes a matrix of zeros for the pairs of a job.
    pub(crate) fn new(pairs: &Tile) -> Result<Self, Error> {
        let numbers = memory::zeroed(pairs.rows.len(), pairs.columns.len())?;
        Ok(Self { pairs: pairs.clone(), numbers: Mutex::new(numbers) })
    }

    /// Stores the numbers of a tile, in the order of its pairs.
    pub(crate) fn put(&self, tile: &Tile, numbers: &[T]) {
        self.update(tile, numbers, |number, &new| *number = new);
    }

    #[inline(always)]
    fn update<U>(&self, tile: &Tile, values: &[U], write: impl Fn(&mut T, &U)) {
        debug_assert_eq!(values.len(), tile.pairs(), "one value a pair");
        let width = self.pairs.columns.len();
        let mut numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        let mut values = values;
        for i in tile.rows.clone() {
            let columns = tile.columns_of(i);
            let (row, others) = values.split_at(columns.len());
            let first =
                (i - self.pairs.rows.start) * width + columns.start - self.pairs.columns.start;
            for (number, value) in numbers[first..][..columns.len()].iter_mut().zip(row) {
                write(number, value);
            }
            values = others;
        }
    }

    /// Returns the whole matrix, with `of_number(row, column, number)` for every pair. Rows and columns are
    /// counted from the first ones. A triangle is mirrored.
    pub(crate) fn finish(
        self,
        of_number: impl Fn(usize, usize, T) -> T + Sync,
    ) -> Result<Array2<T>, Error> {
        self.finish_rows(|row, first, numbers| convert(row, first, numbers, &of_number))
    }

    /// Returns the whole matrix, after `of_row(row, first, numbers)` for the pairs of every row, from its
    /// column `first` on. A triangle is mirrored.
    fn finish_rows(
        self,
        of_row: impl Fn(usize, usize, &mut [T]) + Sync,
    ) -> Result<Array2<T>, Error> {
        let (height, width) = (self.pairs.rows.len(), self.pairs.columns.len());
        let mut data = self.numbers.into_inner().unwrap_or_else(PoisonError::into_inner);
        for begin in (0..height).step_by(BAND) {
            let end = height.min(begin + BAND);
            let (above, rows) = data.split_at_mut(begin * width);
            let rows = &mut rows[..(end - begin) * width];
            rows.par_chunks_mut(width).zip(begin..end).for_each(|(numbers, row)| {
                let first = if self.pairs.is_triangular() { row } else { 0 };
                of_row(row, first, &mut numbers[first..]);
            });
            if self.pairs.is_triangular() {
                mirror(above, rows, width);
            }
        }
        let bytes = size_of_val(data.as_slice()) as u64;
        Array2::from_shape_vec((height, width), data).map_err(|_| Error::OutOfMemory { bytes })
    }
}

/// Converts the numbers of a row, from its column `first` on.
#[inline(always)]
fn convert<T: Copy>(
    row: usize,
    first: usize,
    numbers: &mut [T],
    of_number: impl Fn(usize, usize, T) -> T,
) {
    for (column, number) in (first..).zip(numbers) {
        *number = of_number(row, column, *number);
    }
}

impl PairMatrix<f64> {
    /// Stores the sums of a tile, in the order of its pairs, if there is nothing to add them to. Adding would
    /// read each page of memory before it is written to, and such a page is mapped twice.
    pub(crate) fn put_sums(&self, tile: &Tile, sums: &[u64]) {
        self.update(tile, sums, |number, &sum| *number = f64::from_bits(sum));
    }

    /// Adds the sums of a tile, in the order of its pairs.
    pub(crate) fn add_sums(&self, tile: &Tile, sums: &[u64]) {
        self.update(tile, sums, |number, &sum| {
            *number = f64::from_bits(number.to_bits().wrapping_add(sum));
        });
    }

    /// Returns the whole matrix like [`PairMatrix::finish`], from the sums that were added.
    pub(crate) fn finish_sums(
        self,
        of_sum: impl Fn(usize, usize, u64) -> f64 + Sync,
    ) -> Result<Array2<f64>, Error> {
        self.finish(|row, column, number| of_sum(row, column, number.to_bits()))
    }

    /// Returns the whole matrix like [`PairMatrix::finish`], and the sums over pairs for their digests.
    /// `integer` returns the integer of a pair from its number.
    pub(crate) fn finish_with_digests(
        self,
        keys: &PairKeys,
        integer: impl Fn(f64) -> u64 + Sync,
        of_number: impl Fn(usize, usize, f64) -> f64 + Sync,
    ) -> Result<(Array2<f64>, PairSums), Error> {
        let sums = Mutex::new(PairSums::new(keys.grid()));
        let matrix = self.finish_rows(|row, first, numbers| {
            let of_row = keys.row(row, first, numbers, &integer);
            sums.lock().unwrap_or_else(PoisonError::into_inner).add_row(&of_row);
            convert(row, first, numbers, &of_number);
        })?;
        Ok((matrix, sums.into_inner().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// The number of values in a cache line, and thus of rows that are written for each line that is read.
const LINE: usize = 8;

/// Rows that are finished together.
const BAND: usize = 16 * LINE;

/// Fills a band of rows of a symmetric matrix left of the diagonal. The rows above the band are complete, and
/// the band itself is complete from the diagonal on.
fn mirror<T: Copy + Send + Sync>(above: &[T], band: &mut [T], width: usize) {
    let begin = above.len() / width;
    band.par_chunks_mut(LINE * width).enumerate().for_each(|(k, rows)| {
        let first = begin + k * LINE;
        for (i, row) in above.chunks_exact(width).enumerate() {
            for (lower, &shared) in rows.chunks_exact_mut(width).zip(&row[first..]) {
                lower[i] = shared;
            }
        }
    });
    for row in 1..band.len() / width {
        for column in 0..row {
            band[row * width + begin + column] = band[column * width + begin + row];
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(i: usize, j: usize) -> u64 {
        (i * 1000 + j) as u64
    }

    /// Fills a matrix tile by tile, twice, the last tile first.
    fn filled(pairs: &Tile) -> PairMatrix<f64> {
        let matrix = PairMatrix::new(pairs).unwrap();
        for _ in 0..2 {
            for tile in pairs.cut(30, 50).iter().rev() {
                let sums: Vec<u64> = tile.iter().map(|(i, j)| sum(i, j)).collect();
                matrix.add_sums(tile, &sums);
            }
        }
        matrix
    }

    #[test]
    fn triangles_come_out_symmetric() {
        for neurons in [1, 7, 8, 9, 127, 128, 129, 300] {
            let found = filled(&Tile::triangle(neurons)).finish_sums(|i, j, sum| {
                assert!(i <= j, "({i}, {j})");
                sum as f64
            });
            for ((i, j), &number) in found.unwrap().indexed_iter() {
                assert_eq!(number, 2.0 * sum(i.min(j), i.max(j)) as f64, "({i}, {j})");
            }
        }
    }

    #[test]
    fn rectangles_are_counted_from_their_own_first_column() {
        for (rows, columns) in [(1, 1), (3, 200), (200, 3), (130, 131)] {
            let found = filled(&Tile::rectangle(rows, columns)).finish_sums(|_, _, sum| sum as f64);
            let found = found.unwrap();
            assert_eq!(found.dim(), (rows, columns));
            for ((i, j), &number) in found.indexed_iter() {
                assert_eq!(number, 2.0 * sum(i, rows + j) as f64, "({i}, {j})");
            }
        }
    }
}
