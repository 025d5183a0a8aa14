//! Rules for the number of equal-width bins, as `numpy.histogram_bin_edges` has them.

use super::quantiles;

/// A rule for the number of equal-width bins of a neuron, from its own activations.
///
/// Each is the rule of the same name of `numpy.histogram_bin_edges(x, bins=rule)`, computed in f64
/// and in numpy's order of operations. It gives a width, and bins enough of that width to fill the
/// range are taken; where the width is zero, one bin. More than 256 bins (255 beside a zero bin)
/// become 256, where numpy would take them all. With [`crate::Range::Global`] and
/// [`crate::Range::Given`] it is numpy with `range=(low, high)`: the width from the neuron's
/// activations inside the range, the number from the whole range.
///
/// `S` is the number of samples of the neuron (those that are not zero beside a zero bin, those
/// inside a given range), `σ` their standard deviation.
///
/// # Examples
///
/// ```
/// use cofire::{BinEdges, BinRule, Binning};
/// use ndarray::Array2;
///
/// // Evenly spread: log₂ 64 + 1 bins by Sturges' formula, √64 by the square root.
/// let x = Array2::from_shape_fn((64, 1), |(s, _)| s as f32);
/// let bins = |rule| BinEdges::fit(x.view(), &Binning::equal_width(rule)).map(|e| e.bins_of(0));
/// assert_eq!(bins(BinRule::Sturges)?, 7);
/// assert_eq!(bins(BinRule::SquareRoot)?, 8);
/// # Ok::<(), cofire::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BinRule {
    /// numpy's `"auto"`: the narrower of Sturges' bins and those of Freedman and Diaconis, the
    /// latter not narrower than half of those of the square root.
    Auto,
    /// `log₂ S + 1` bins (Sturges, *The Choice of a Class Interval*, 1926): for a bell curve.
    Sturges,
    /// Sturges' formula with a term for skewness (Doane, *Aesthetic Frequency Classifications*,
    /// 1976).
    Doane,
    /// Width `σ · (24 √π / S)^⅓` (Scott, *On optimal and data-based histograms*, 1979).
    Scott,
    /// Width `2 · IQR · S^−⅓`, from the interquartile range (Freedman and Diaconis, *On the
    /// histogram as a density estimator*, 1981): one bin where half of the activations are equal,
    /// as in most ReLU neurons.
    FreedmanDiaconis,
    /// `√S` bins.
    SquareRoot,
    /// `2 · S^⅓` bins (Rice).
    Rice,
}

impl BinRule {
    /// The number of bins, 1 to `most`, that fill a range of some width. The values are put into
    /// another order.
    pub(super) fn bins(self, values: &mut [f32], range_width: f64, most: usize) -> usize {
        let width = if values.is_empty() { 0.0 } else { self.bin_width(values) };
        if width == 0.0 || range_width == 0.0 {
            return 1;
        }
        let bins = (range_width / width).ceil();
        if bins >= most as f64 {
            return most;
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a small whole number"
        )]
        let bins = bins as usize;
        bins.max(1)
    }

    fn bin_width(self, values: &mut [f32]) -> f64 {
        let samples = values.len() as f64;
        match self {
            Self::Auto => {
                let sturges = Self::Sturges.bin_width(values);
                let square_root = Self::SquareRoot.bin_width(values);
                let relaxed = Self::FreedmanDiaconis.bin_width(values).max(square_root / 2.0);
                relaxed.min(sturges)
            }
            Self::Sturges => extent(values) / (libm::log2(samples) + 1.0),
            Self::Doane => doane(values),
            Self::Scott => {
                const TWENTY_FOUR_ROOTS_OF_PI: f64 = 24.0 * 1.772_453_850_905_515_9;
                let (root, _) = power_of_a_third(TWENTY_FOUR_ROOTS_OF_PI / samples);
                root * standard_deviation(values)
            }
            Self::FreedmanDiaconis => {
                let range = quantiles::select(values, 0.75) - quantiles::select(values, 0.25);
                2.0 * range * one_over(power_of_a_third(samples))
            }
            Self::SquareRoot => extent(values) / samples.sqrt(),
            Self::Rice => extent(values) / (2.0 * power_of_a_third(samples).0),
        }
    }
}

fn extent(values: &[f32]) -> f64 {
    let low = values.iter().copied().fold(f32::INFINITY, f32::min);
    let high = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    f64::from(high) - f64::from(low)
}

fn doane(values: &[f32]) -> f64 {
    let samples = values.len() as f64;
    let deviation = standard_deviation(values);
    if values.len() <= 2 || deviation == 0.0 {
        return 0.0;
    }
    let mean = mean(values);
    let cube = |x: f64| {
        let distance = (x - mean) / deviation;
        distance * distance * distance
    };
    let skewness = sum(values, cube) / samples;
    let its_deviation = (6.0 * (samples - 2.0) / ((samples + 1.0) * (samples + 3.0))).sqrt();
    let bins = 1.0 + libm::log2(samples) + libm::log2(1.0 + skewness.abs() / its_deviation);
    extent(values) / bins
}

fn mean(values: &[f32]) -> f64 {
    sum(values, |x| x) / values.len() as f64
}

fn standard_deviation(values: &[f32]) -> f64 {
    let mean = mean(values);
    (sum(values, |x| (x - mean) * (x - mean)) / values.len() as f64).sqrt()
}

/// Σ f(x) in the order in which numpy adds, so that it has numpy's bits: halves down to 128 terms,
/// and eight sums side by side in each.
fn sum(values: &[f32], f: impl Fn(f64) -> f64 + Copy) -> f64 {
    const SIDE_BY_SIDE: usize = 8;
    const BLOCK: usize = 128;
    if values.len() > BLOCK {
        let half = values.len() / 2;
        let (first, second) = values.split_at(half - half % SIDE_BY_SIDE);
        return sum(first, f) + sum(second, f);
    }
    let (eights, rest) = values.as_chunks::<SIDE_BY_SIDE>();
    let mut total = 0.0;
    if let Some((first, others)) = eights.split_first() {
        let mut sums = first.map(|x| f(f64::from(x)));
        for eight in others {
            for (sum, &x) in sums.iter_mut().zip(eight) {
                *sum += f(f64::from(x));
            }
        }
        let [a, b, c, d, e, f, g, h] = sums;
        total = ((a + b) + (c + d)) + ((e + f) + (g + h));
    }
    rest.iter().fold(total, |total, &x| total + f(f64::from(x)))
}

/// `x` to the power of the f64 that is nearest to ⅓, as a sum of two numbers of which the first is
/// rounded correctly but for the rarest cases.
///
/// `libm::pow` is off by a unit in the last place for every tenth number. That would make 21 bins
/// of Rice's 20 for 1,000 samples.
fn power_of_a_third(x: f64) -> (f64, f64) {
    /// ⅓ less the f64 nearest to it.
    const SHORT_OF_A_THIRD: f64 = 1.850_371_707_708_594e-17;
    let root = libm::cbrt(x);
    let square = root * root;
    let square_rest = libm::fma(root, root, -square);
    let cube = square * root;
    let cube_rest = libm::fma(square, root, -cube) + square_rest * root;
    let root_rest = ((x - cube) - cube_rest) / (3.0 * square);
    let rest = root_rest - root * SHORT_OF_A_THIRD * libm::log(x);
    let sum = root + rest;
    (sum, rest - (sum - root))
}

/// `1 / (high + low)`.
fn one_over((high, low): (f64, f64)) -> f64 {
    let inverse = 1.0 / high;
    inverse + (libm::fma(-inverse, high, 1.0) - inverse * low) / high
}
