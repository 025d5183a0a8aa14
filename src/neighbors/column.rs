//! A neuron's activations in the form that every estimator of this module needs: on the grid,
//! sorted, and cut into strips.
//!
//! The grid makes distances exact. Its step is 2⁻⁵¹ of the power of two above the largest magnitude
//! of the job. So values on the grid are integers of at most 2⁵¹ in magnitude, distances are at
//! most 2⁵², and their sums and differences are exact in an `f64`. An `f32` within 2²⁷ of the
//! largest magnitude lies on the grid; a smaller one, or one with jitter, is rounded to it.

use rayon::prelude::*;

use super::jitter::Jitter;
use super::rank_table::{LANES, RankTable};
use crate::error::Error;
use crate::input::activations::Activations;
use crate::input::extents::{Extent, extents};

/// Bits of the largest magnitude on the grid.
const GRID_BITS: i32 = 51;

/// A bound of the magnitude of values on a grid.
#[cfg(feature = "gpu")]
pub(crate) const GRID_OFFSET: f64 = (1u64 << GRID_BITS) as f64;

/// The common grid of a job.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grid {
    steps_per_unit: f64,
}

impl Grid {
    /// Returns the grid for values of at most this magnitude.
    pub(crate) fn of(largest: f64) -> Self {
        let exponent = if largest > 0.0 { libm::frexp(largest).1 } else { 0 };
        Self { steps_per_unit: libm::ldexp(1.0, GRID_BITS - exponent) }
    }

    fn round(self, value: f64) -> f64 {
        // Adding 0 turns −0 into 0.
        (value * self.steps_per_unit).round_ties_even() + 0.0
    }
}

/// A layer's activations and extents, needed to choose the grid.
#[derive(Debug)]
pub(crate) struct SortedLayer<'a> {
    activations: Activations<'a>,
    extents: Vec<Extent>,
    jitter: Jitter,
    number: u32,
}

impl<'a> SortedLayer<'a> {
    /// Reads every value once. `number` identifies the layer, so that layers have different noise.
    pub(crate) fn new(
        activations: Activations<'a>,
        jitter: Jitter,
        number: u32,
    ) -> Result<Self, Error> {
        let extents = extents(&activations)?;
        Ok(Self { activations, extents, jitter, number })
    }

    pub(crate) fn samples(&self) -> usize {
        self.activations.samples()
    }

    pub(crate) fn neurons(&self) -> usize {
        self.activations.neurons()
    }

    /// Returns a bound of the magnitude of values.
    pub(crate) fn largest(&self) -> f64 {
        let largest = |&Extent { low, high, .. }: &Extent| {
            low.abs().max(high.abs()) + self.jitter.amplitude * (high - low)
        };
        self.extents.iter().map(largest).fold(0.0, f64::max)
    }

    /// Returns the values of one neuron, with noise.
    fn values(&self, neuron: usize) -> Vec<f64> {
        let Extent { low, high, .. } = self.extents[neuron];
        let spread = high - low;
        let noisy = |(sample, x)| x + self.jitter.noise(self.number, neuron, sample, spread);
        self.activations.of_neuron(neuron).into_iter().enumerate().map(noisy).collect()
    }

    /// Sorts every neuron, and applies `of_sorted` to each neuron's values in ascending order.
    pub(crate) fn columns<T: Send>(
        &self,
        grid: Grid,
        strip_samples: usize,
        of_sorted: impl Fn(&[f64]) -> T + Sync,
    ) -> (Vec<Column>, Vec<T>) {
        let make = |neuron| {
            let values = self.values(neuron);
            let order = order_of(&values);
            let sorted: Vec<f64> = order.iter().map(|&s| values[s as usize]).collect();
            let result = of_sorted(&sorted);
            (Column::new(&values, order, grid, strip_samples), result)
        };
        (0..self.extents.len()).into_par_iter().map(make).unzip()
    }
}

/// Returns the samples in ascending order of their values.
fn order_of(values: &[f64]) -> Vec<u32> {
    // The value rounded to an `f32` is the high half of a key, and decides most comparisons.
    let mut keys: Vec<u64> =
        (0u64..).zip(values).map(|(s, &x)| ascending_bits(x) << 32 | s).collect();
    keys.sort_unstable();
    let value_of = |key| values[sample_of(key) as usize];
    for run in keys.chunk_by_mut(|a, b| a >> 32 == b >> 32).filter(|run| run.len() > 1) {
        run.sort_by(|&a, &b| value_of(a).total_cmp(&value_of(b)));
    }
    keys.into_iter().map(sample_of).collect()
}

/// Returns the sample in the low half of a key.
fn sample_of(key: u64) -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "the low half is the sample's number")]
    let sample = key as u32;
    sample
}

/// Returns 32 bits that have the order of the numbers. A number too large for an `f32` becomes
/// infinite.
fn ascending_bits(value: f64) -> u64 {
    #[expect(clippy::cast_possible_truncation, reason = "rounding keeps the order")]
    let bits = (value as f32 + 0.0).to_bits();
    let flipped = if bits >> 31 == 1 { !bits } else { bits | 1 << 31 };
    u64::from(flipped)
}

/// A neuron on the grid.
#[derive(Debug)]
pub(crate) struct Column {
    /// The value of each sample.
    pub(crate) values: Vec<f64>,
    /// The samples in ascending order of their values.
    pub(crate) order: Vec<u32>,
    pub(crate) ranks: RankTable,
    pub(crate) strips: Strips,
    /// The number of samples that share the most frequent value.
    pub(crate) most_equal: usize,
}

impl Column {
    /// The bytes of one sample.
    pub(crate) const BYTES_PER_SAMPLE: usize = 8 + 4 + 8 + 8 + 2;

    fn new(values: &[f64], order: Vec<u32>, grid: Grid, strip_samples: usize) -> Self {
        let values: Vec<f64> = values.iter().map(|&x| grid.round(x)).collect();
        let sorted: Vec<f64> = order.iter().map(|&s| values[s as usize]).collect();
        let most_equal = sorted.chunk_by(|a, b| a == b).map(<[f64]>::len).max().unwrap_or(0);
        let strips = Strips::new(&sorted, &order, strip_samples);
        Self { values, order, ranks: RankTable::new(sorted), strips, most_equal }
    }
}

/// A neuron's samples cut into strips of neighbouring values, about equally many samples in each.
///
/// Equal values are never in two strips. Equal values that fill a strip have a strip of their own:
/// however many there are, they are searched along the other neuron only.
#[derive(Debug)]
pub(crate) struct Strips {
    /// The rank of each strip's first sample, and at the end the number of samples.
    pub(crate) begin: Vec<usize>,
    /// The smallest and the largest value of each strip.
    pub(crate) low: Vec<f64>,
    pub(crate) high: Vec<f64>,
    /// The strip of each sample.
    pub(crate) of_sample: Vec<u16>,
}

impl Strips {
    /// Returns the number of samples of a strip for a search of `k` neighbours.
    ///
    /// If samples spread evenly, a square piece of such a strip holds `k` samples, or as many as a
    /// vector has lanes if that is more.
    pub(crate) fn samples_for(samples: usize, k: usize) -> usize {
        samples.saturating_mul(k.max(LANES)).isqrt().max(1)
    }

    fn new(sorted: &[f64], order: &[u32], strip_samples: usize) -> Self {
        let mut begin = vec![0];
        let mut rank = 0;
        for equal in sorted.chunk_by(|a, b| a == b) {
            let in_strip = rank - begin[begin.len() - 1];
            if in_strip > 0 && in_strip + equal.len() > strip_samples {
                begin.push(rank);
            }
            rank += equal.len();
        }
        begin.push(rank);
        let mut of_sample = vec![0; order.len()];
        // There are at most 2√(samples / 8) + 1 strips: below 2^16 for any number of samples.
        for (strip, ends) in (0..=u16::MAX).zip(begin.windows(2)) {
            for &sample in &order[ends[0]..ends[1]] {
                of_sample[sample as usize] = strip;
            }
        }
        let low = begin.windows(2).map(|ends| sorted[ends[0]]).collect();
        let high = begin.windows(2).map(|ends| sorted[ends[1] - 1]).collect();
        Self { begin, low, high, of_sample }
    }

    pub(crate) fn len(&self) -> usize {
        self.low.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn orders_ascend_whatever_the_values() {
        let values = [3.0, -0.0, 0.0, -1e300, 1e300, 5e-324, -5e-324, 1.0 + 1e-12, 1.0, 1e299];
        let order = order_of(&values);
        let sorted: Vec<f64> = order.iter().map(|&s| values[s as usize]).collect();
        assert!(sorted.is_sorted(), "{sorted:?}");
        let mut samples = order;
        samples.sort_unstable();
        assert_eq!(samples, (0..10).collect::<Vec<u32>>());
    }

    #[test]
    fn activations_of_ordinary_size_lie_on_the_grid() {
        for largest in [
            1.0,
            f64::from(0.999f32),
            f64::from(1.001f32),
            f64::from(f32::MAX),
            f64::from(f32::MIN_POSITIVE / 1024.0),
        ] {
            let grid = Grid::of(largest);
            let top = grid.round(largest);
            assert!(top <= (1i64 << GRID_BITS) as f64 && top >= (1i64 << (GRID_BITS - 1)) as f64);
            assert_eq!(top / grid.steps_per_unit, largest);
        }
        let grid = Grid::of(8.0);
        let smallest = 8.0f32 / (1 << 27) as f32 * (1.0 + f32::EPSILON);
        assert_eq!(grid.round(f64::from(smallest)) / grid.steps_per_unit, f64::from(smallest));
        assert_eq!(Grid::of(0.0).round(-0.0).to_bits(), 0);
    }

    #[test]
    fn strips_keep_equal_values_together() {
        let activations = Array2::from_shape_fn((1000, 3), |(s, n)| match n {
            0 => s as f32,
            1 => (s as f32 - 500.0).max(0.0),
            _ => (s % 7) as f32,
        });
        let view = Activations::new(activations.view()).unwrap();
        let layer = SortedLayer::new(view, Jitter::default(), 0).unwrap();
        let (columns, medians) =
            layer.columns(Grid::of(layer.largest()), 50, |sorted| sorted[sorted.len() / 2]);
        assert_eq!(medians, [500.0, 0.0, 3.0]);
        for (column, expected) in columns.iter().zip([20, 11, 7]) {
            let Strips { begin, low, high, of_sample } = &column.strips;
            assert_eq!(column.strips.len(), expected);
            assert!(low.iter().zip(high).all(|(low, high)| low <= high));
            assert!(high.iter().zip(&low[1..]).all(|(high, low)| high < low));
            for (sample, &strip) in of_sample.iter().enumerate() {
                let strip = usize::from(strip);
                assert!((low[strip]..=high[strip]).contains(&column.values[sample]));
            }
            assert_eq!(begin[begin.len() - 1], 1000);
        }
        assert_eq!(columns[1].most_equal, 501);
    }
}
