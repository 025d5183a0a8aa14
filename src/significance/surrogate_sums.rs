//! The sink of a test by surrogates: sums of pairs as they are, and those of their surrogates.

use std::sync::{Mutex, PoisonError};

use ndarray::Array2;

use crate::engine::{Counts, Sink};
use crate::error::Error;
use crate::estimator::{Entropies, Marginal};
use crate::pairs::tile::Tile;
use crate::support::memory;

/// The pairs that are tested, each with a place in a list.
#[derive(Debug, Clone, Copy)]
pub(super) enum Pairs {
    /// Each two neurons of a layer of so many neurons. Neurons are not tested with themselves.
    Within(usize),
    /// Each neuron of one layer, the rows, with each of another, the columns.
    Between(usize, usize),
}

impl Pairs {
    /// Returns the bytes that a test takes for each cell of the matrix: those of a pair's sum, of the
    /// sum and the number of its surrogates, and of three results.
    pub(super) fn bytes_of_cell(self) -> u128 {
        match self {
            Self::Within(_) => (8 + 16 + 4) / 2 + 3 * 8, // each pair has two cells
            Self::Between(..) => 8 + 16 + 4 + 3 * 8,
        }
    }

    /// Returns the shape of the matrix of pairs.
    pub(super) fn shape(self) -> (usize, usize) {
        match self {
            Self::Within(neurons) => (neurons, neurons),
            Self::Between(rows, columns) => (rows, columns),
        }
    }

    fn len(self) -> usize {
        match self {
            Self::Within(neurons) => neurons * neurons.saturating_sub(1) / 2,
            Self::Between(rows, columns) => rows * columns,
        }
    }

    /// Returns the place of a pair, the same for both orders of two neurons of a layer; `None` for a
    /// neuron with itself.
    fn place(self, row: usize, column: usize) -> Option<usize> {
        match self {
            Self::Within(_) if row == column => None,
            Self::Within(neurons) => {
                let (i, j) = (row.min(column), row.max(column));
                // Row i has neurons − 1 − i pairs, and the rows before it one more each.
                Some(i * (2 * neurons - i - 1) / 2 + j - i - 1)
            }
            Self::Between(_, columns) => Some(row * columns + column),
        }
    }
}

/// The sums of pairs as they are. The more two neurons share, the larger the sum over the cells of
/// their joint histogram.
#[derive(Debug)]
pub(super) struct Observed {
    pairs: Pairs,
    sums: Mutex<Vec<u64>>,
}

impl Observed {
    pub(super) fn new(pairs: Pairs) -> Result<Self, Error> {
        Ok(Self { pairs, sums: Mutex::new(memory::zeroed(pairs.len(), 1)?) })
    }
}

impl Sink for Observed {
    fn accept(&self, tile: &Tile, counts: &Counts) {
        let Counts::Sums(sums) = counts else { return };
        let mut observed = self.sums.lock().unwrap_or_else(PoisonError::into_inner);
        let first_column = match self.pairs {
            Pairs::Within(_) => 0,
            Pairs::Between(rows, _) => rows,
        };
        for ((row, column), &sum) in tile.iter().zip(sums) {
            if let Some(place) = self.pairs.place(row, column - first_column) {
                observed[place] = sum;
            }
        }
    }
}

/// The sums of surrogates, in comparison with those of the pairs as they are.
///
/// Orders of samples do not change marginals, so it suffices to compare sums, which are integers.
#[derive(Debug)]
pub(super) struct Surrogated {
    pairs: Pairs,
    observed: Vec<u64>,
    seen: Mutex<Seen>,
    /// True if both orders of two neurons of a layer count.
    is_both_ways: bool,
}

#[derive(Debug)]
struct Seen {
    /// The number of surrogates that share at least as much as the pair.
    exceedances: Vec<u32>,
    /// The sum over surrogates of their sums over cells. A sum is below 2⁶².
    totals: Vec<u128>,
}

impl Surrogated {
    pub(super) fn new(observed: Observed) -> Result<Self, Error> {
        let Observed { pairs, sums } = observed;
        let seen = Seen {
            exceedances: memory::zeroed(pairs.len(), 1)?,
            totals: memory::zeroed(pairs.len(), 1)?,
        };
        let observed = sums.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(Self { pairs, observed, seen: Mutex::new(seen), is_both_ways: true })
    }

    /// Sets whether the next order makes two surrogates of two neurons of a layer, or only the one
    /// with the neuron of the lower index in this order.
    pub(super) fn both_ways(self, is_both_ways: bool) -> Self {
        Self { is_both_ways, ..self }
    }

    /// Returns the results. `rows` and `columns` are the marginals.
    pub(super) fn finish(
        self,
        number: u32,
        entropies: &Entropies,
        (rows, columns): (&[Marginal], &[Marginal]),
        per_nat: f64,
    ) -> Result<Compared, Error> {
        let Self { pairs, observed, seen, .. } = self;
        let Seen { exceedances, totals } =
            seen.into_inner().unwrap_or_else(PoisonError::into_inner);
        let (height, width) = pairs.shape();
        let fill = |of_pair: &dyn Fn(usize, usize, usize) -> f64, itself: f64| {
            let mut numbers = memory::zeroed(height, width)?;
            for (i, row) in numbers.chunks_exact_mut(width.max(1)).enumerate() {
                for (j, number) in row.iter_mut().enumerate() {
                    let place = pairs.place(i, j);
                    *number = place.map_or(itself, |place| of_pair(i, j, place));
                }
            }
            let bytes = size_of_val(numbers.as_slice()) as u64;
            Array2::from_shape_vec((height, width), numbers)
                .map_err(|_| Error::OutOfMemory { bytes })
        };
        // The order of the two neurons must not matter to the last bit.
        let marginals = |i: usize, j: usize| match pairs {
            Pairs::Within(_) => (&rows[i.min(j)], &columns[i.max(j)]),
            Pairs::Between(..) => (&rows[i], &columns[j]),
        };
        let shared = |i: usize, j: usize, sum: u64| {
            let (x, y) = marginals(i, j);
            entropies.shared_of_sum(x, y, sum) * per_nat
        };
        let of_null = |i: usize, j: usize, place: usize| {
            // Estimates are affine in the sum, so their mean is that of the mean sum. Rounding it
            // to a whole number is a part in 2³⁶ of a sample's information.
            let mean = (totals[place] + u128::from(number / 2)) / u128::from(number);
            shared(i, j, u64::try_from(mean).unwrap_or(u64::MAX))
        };
        let p_values = fill(
            &|_, _, place| (1.0 + f64::from(exceedances[place])) / (1.0 + f64::from(number)),
            1.0,
        )?;
        let null_mean = fill(&of_null, 0.0)?;
        let excess = fill(&|i, j, place| shared(i, j, observed[place]) - null_mean[[i, j]], 0.0)?;
        Ok(Compared { p_values, null_mean, excess })
    }
}

impl Sink for Surrogated {
    fn accept(&self, tile: &Tile, counts: &Counts) {
        let Counts::Sums(sums) = counts else { return };
        let (rows, _) = self.pairs.shape();
        let is_within = matches!(self.pairs, Pairs::Within(_));
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let Seen { exceedances, totals } = &mut *seen;
        for ((row, column), &sum) in tile.iter().zip(sums) {
            let column = column - rows;
            if is_within && row > column && !self.is_both_ways {
                continue;
            }
            if let Some(place) = self.pairs.place(row, column) {
                exceedances[place] += u32::from(sum >= self.observed[place]);
                totals[place] += u128::from(sum);
            }
        }
    }
}

/// The comparison of all pairs with their surrogates.
pub(super) struct Compared {
    pub(super) p_values: Array2<f64>,
    pub(super) null_mean: Array2<f64>,
    pub(super) excess: Array2<f64>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pair_has_a_place_of_its_own() {
        for neurons in [0, 1, 2, 3, 9] {
            let pairs = Pairs::Within(neurons);
            let places = (0..neurons)
                .flat_map(|i| (i + 1..neurons).map(move |j| (i, j)))
                .map(|(i, j)| {
                    assert_eq!(pairs.place(i, j), pairs.place(j, i));
                    pairs.place(i, j).unwrap()
                })
                .collect::<Vec<_>>();
            assert_eq!(places, (0..pairs.len()).collect::<Vec<_>>(), "{neurons}");
        }
        let pairs = Pairs::Between(2, 3);
        let places = (0..2).flat_map(|i| (0..3).map(move |j| pairs.place(i, j).unwrap()));
        assert_eq!(places.collect::<Vec<_>>(), [0, 1, 2, 3, 4, 5]);
        assert_eq!(pairs.len(), 6);
    }
}
