//! A neuron's activations in the form that every estimator of this module needs: on the grid,
//! sorted, and cut into strips.
//!
//! A grid makes distances exact. Each neuron has its own: it begins at the neuron's lowest value, and
//! its step is 2⁻⁵¹ of the power of two above the neuron's spread. So values on the grid are
//! integers of at most 2⁵¹ in magnitude, and so are their distances. Neither the neuron's place on
//! the axis nor the spread of other neurons changes them.
//!
//! The steps of two grids differ by a power of two, so their distances can be compared exactly too
//! ([`Column::shifts`]).

use rayon::prelude::*;

use super::jitter::Jitter;
use super::rank_table::{LANES, RankTable};
use super::report::NeuronTies;
use crate::error::Error;
use crate::input::activations::Activations;
use crate::input::extents::{Extent, extents};

/// Bits of the largest magnitude on the grid.
const GRID_BITS: i32 = 51;

/// A bound of the magnitude of values on a grid.
#[cfg(feature = "gpu")]
pub(crate) const GRID_OFFSET: f64 = (1u64 << GRID_BITS) as f64;

/// The most binary places by which one grid's steps are taken to be longer than another's. One step
/// of the first is then longer than any distance on the other, and more places change no comparison.
pub(crate) const MAX_SHIFT: u32 = GRID_BITS.unsigned_abs() + 1;

/// The factor of values whose spread is huge, so that no distance or sum of theirs overflows an
/// `f64`. No spread of `f32` values is as large.
const SCALE_OF_HUGE: f64 = 1.0 / 64.0;

/// The smallest huge spread.
const HUGE: f64 = f64::MAX * SCALE_OF_HUGE;

/// The extremes of a neuron, times a power of two.
#[derive(Debug, Clone, Copy)]
struct Scaled {
    scale: f64,
    low: f64,
    spread: f64,
}

impl Scaled {
    fn of(low: f64, high: f64) -> Self {
        let is_huge = high / 2.0 - low / 2.0 >= HUGE / 2.0;
        let scale = if is_huge { SCALE_OF_HUGE } else { 1.0 };
        Self { scale, low: low * scale, spread: high * scale - low * scale }
    }
}

/// The grid of one neuron.
#[derive(Debug, Clone, Copy)]
struct Grid {
    /// The value that is 0 on the grid.
    origin: f64,
    /// Two powers of two whose product is the number of steps per unit. That number may be too large
    /// for an `f64`.
    steps_per_unit: [f64; 2],
    /// The binary logarithm of a step.
    exponent: i32,
}

impl Grid {
    /// Returns the grid for values that are at most `spread` apart.
    fn of(origin: f64, spread: f64) -> Self {
        let bits = if spread > 0.0 { libm::frexp(spread).1 } else { 0 };
        let exponent = bits - GRID_BITS;
        let half = exponent / 2;
        let steps_per_unit = [libm::ldexp(1.0, -half), libm::ldexp(1.0, half - exponent)];
        Self { origin, steps_per_unit, exponent }
    }

    fn round(self, value: f64) -> f64 {
        let [first, second] = self.steps_per_unit;
        // Adding 0 turns −0 into 0.
        ((value - self.origin) * first * second).round_ties_even() + 0.0
    }
}

/// A layer's activations and extents, needed to choose the grids.
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

    fn scaled(&self, neuron: usize) -> Scaled {
        let Extent { low, high, .. } = self.extents[neuron];
        Scaled::of(low, high)
    }

    /// Returns the values of one neuron, and their grid.
    ///
    /// Noise is added to distances from the lowest value: added to large values it would be rounded
    /// away. Without noise the values stay as they are. So differences of values are always those of
    /// the activations, rounded once, and a shift of the neuron that its type can hold changes none.
    fn values(&self, neuron: usize) -> (Vec<f64>, Grid) {
        let Scaled { scale, low, spread } = self.scaled(neuron);
        let scaled = self.activations.of_neuron(neuron).into_iter().map(|x| x * scale);
        let amplitude = self.jitter.amplitude;
        if amplitude == 0.0 {
            return (scaled.collect(), Grid::of(low, spread));
        }
        let noise = |sample| self.jitter.noise(self.number, neuron, sample, spread);
        let noisy = scaled.enumerate().map(|(sample, x)| x - low + noise(sample));
        (noisy.collect(), Grid::of(0.0, spread * (1.0 + 2.0 * amplitude)))
    }

    /// Sorts every neuron, and applies `of_sorted` to each neuron's values in ascending order. Its
    /// second argument is a power of two with which the values are multiplied: 1, except for huge
    /// spreads.
    pub(crate) fn columns<T: Send>(
        &self,
        strip_samples: usize,
        of_sorted: impl Fn(&[f64], f64) -> T + Sync,
    ) -> (Vec<Column>, Vec<T>) {
        let make = |neuron| {
            let (values, mut grid) = self.values(neuron);
            let order = order_of(&values, grid.origin);
            let sorted: Vec<f64> = order.iter().map(|&s| values[s as usize]).collect();
            let scale = self.scaled(neuron).scale;
            let result = of_sorted(&sorted, scale);
            grid.exponent -= libm::ilogb(scale);
            (Column::new(&values, order, grid, strip_samples), result)
        };
        (0..self.extents.len()).into_par_iter().map(make).unzip()
    }
}

/// Returns the samples in ascending order of their values.
fn order_of(values: &[f64], origin: f64) -> Vec<u32> {
    // The distance from the origin, rounded to an `f32`, is the high half of a key, and decides most
    // comparisons.
    let mut keys: Vec<u64> =
        (0u64..).zip(values).map(|(s, &x)| ascending_bits(x - origin) << 32 | s).collect();
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

/// A neuron on its grid.
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
    /// The number of samples that equal at least one other.
    pub(crate) tied: usize,
    /// The binary logarithm of a step of the grid.
    pub(crate) exponent: i32,
}

impl Column {
    /// The bytes of one sample.
    pub(crate) const BYTES_PER_SAMPLE: usize = 8 + 4 + 8 + 8 + 2;

    fn new(values: &[f64], order: Vec<u32>, grid: Grid, strip_samples: usize) -> Self {
        let values: Vec<f64> = values.iter().map(|&x| grid.round(x)).collect();
        let sorted: Vec<f64> = order.iter().map(|&s| values[s as usize]).collect();
        let equal = || sorted.chunk_by(|a, b| a == b).map(<[f64]>::len);
        let most_equal = equal().max().unwrap_or(0);
        let tied = equal().filter(|&samples| samples > 1).sum();
        let strips = Strips::new(&sorted, &order, strip_samples);
        let (ranks, exponent) = (RankTable::new(sorted), grid.exponent);
        Self { values, order, ranks, strips, most_equal, tied, exponent }
    }

    /// Returns the binary places by which the steps of this grid and of another one are longer than
    /// the shorter steps of the two. One of the numbers is 0, and neither is above [`MAX_SHIFT`].
    pub(crate) fn shifts(&self, other: &Self) -> (u32, u32) {
        // All distances of a constant neuron are 0 in any unit.
        if self.is_constant() || other.is_constant() {
            return (0, 0);
        }
        let longer = |a: &Self, b: &Self| {
            a.exponent.saturating_sub(b.exponent).max(0).unsigned_abs().min(MAX_SHIFT)
        };
        (longer(self, other), longer(other, self))
    }

    pub(crate) fn ties(&self) -> NeuronTies {
        NeuronTies { samples: self.tied, most_frequent: self.most_equal }
    }

    fn is_constant(&self) -> bool {
        self.most_equal == self.order.len()
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
        let order = order_of(&values, 0.5);
        let sorted: Vec<f64> = order.iter().map(|&s| values[s as usize]).collect();
        assert!(sorted.is_sorted(), "{sorted:?}");
        let mut samples = order;
        samples.sort_unstable();
        assert_eq!(samples, (0..10).collect::<Vec<u32>>());
    }

    #[test]
    fn the_ends_of_any_spread_lie_on_the_grid() {
        let tiny = f64::from_bits(1);
        let spreads = [
            1.0,
            0.999f32.into(),
            1.001f32.into(),
            f64::from(f32::MAX),
            2f64.powi(1017),
            3.0 * tiny,
            tiny,
        ];
        for (spread, low) in
            spreads.into_iter().flat_map(|spread| [(spread, 0.0), (spread, -spread)])
        {
            let grid = Grid::of(low, spread);
            let top = grid.round(low + spread);
            assert!(top <= (1i64 << GRID_BITS) as f64 && top >= (1i64 << (GRID_BITS - 1)) as f64);
            assert_eq!(libm::ldexp(top, grid.exponent), spread, "{spread}");
            assert_eq!(grid.round(low).to_bits(), 0);
        }
        let grid = Grid::of(8.0, 8.0);
        let next = 8.0 * (1.0 + f64::from(f32::EPSILON));
        assert_eq!(libm::ldexp(grid.round(next), grid.exponent) + 8.0, next);
        assert_eq!(Grid::of(0.0, 0.0).round(-0.0).to_bits(), 0);
    }

    #[test]
    fn huge_spreads_are_scaled_and_others_are_not() {
        for (low, high) in [(f64::MIN, f64::MAX), (0.0, f64::MAX), (f64::MIN / 8.0, 0.0)] {
            let Scaled { scale, low: scaled, spread } = Scaled::of(low, high);
            assert_eq!((scale, scaled), (SCALE_OF_HUGE, low * scale));
            assert!(spread * 8.0 < f64::MAX, "{spread}");
        }
        for (low, high) in [(-3e38, 3e38), (1e307, 1.1e307), (f64::MAX, f64::MAX)] {
            let Scaled { scale, spread, .. } = Scaled::of(low, high);
            assert_eq!((scale, spread), (1.0, high - low));
            assert!(spread * 8.0 < f64::MAX, "{spread}");
        }
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
        let (columns, medians) = layer.columns(50, |sorted, _| sorted[sorted.len() / 2]);
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
        assert_eq!((columns[1].most_equal, columns[1].tied), (501, 501));
        assert_eq!((columns[2].most_equal, columns[2].tied), (143, 1000));
        assert_eq!((columns[0].most_equal, columns[0].tied), (1, 0));
    }
}
