//! Rules for the number of equal-width bins, as in `numpy.histogram_bin_edges`.

use super::quantiles;
use crate::input::element::Element;

/// A rule for the number of equal-width bins of a neuron, from its own activations.
///
/// Each is the rule of the same name of `numpy.histogram_bin_edges(x, bins=rule)`, computed in f64
/// and in numpy's order of operations. The rule gives a width, and the number of bins is the
/// smallest that fills the range with bins of at most that width. A width of zero gives one bin.
/// More than 256 bins (255 beside a zero bin) become 256, whereas numpy would use them all. With
/// [`crate::Range::Global`] and [`crate::Range::Given`] the rule is numpy's with
/// `range=(low, high)`: the width comes from the neuron's activations inside the range, the number
/// from the whole range.
///
/// `S` is the number of samples of the neuron (without zeros beside a zero bin, and without samples
/// outside a given range), `σ` their standard deviation.
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
    /// numpy's `"auto"`: the narrower of Sturges' width and that of Freedman and Diaconis; the
    /// latter is at least half the width of the square-root rule.
    Auto,
    /// `log₂ S + 1` bins (Sturges, *The Choice of a Class Interval*, 1926): for bell-shaped
    /// distributions.
    Sturges,
    /// Sturges' formula with a term for skewness (Doane, *Aesthetic Frequency Classifications*,
    /// 1976).
    Doane,
    /// Width `σ · (24 √π / S)^⅓` (Scott, *On optimal and data-based histograms*, 1979).
    Scott,
    /// Width `2 · IQR · S^−⅓`, from the interquartile range (Freedman and Diaconis, *On the
    /// histogram as a density estimator*, 1981). It gives one bin if half of the activations are
    /// equal, as in most ReLU neurons.
    FreedmanDiaconis,
    /// `√S` bins.
    SquareRoot,
    /// `2 · S^⅓` bins (Rice).
    Rice,
}

impl BinRule {
    /// Returns the number of bins, 1 to `most`, that fill a range of the given width. Reorders the
    /// values.
    pub(super) fn bins<T: Element>(self, values: &mut [T], range_width: f64, most: usize) -> usize {
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

    fn bin_width<T: Element>(self, values: &mut [T]) -> f64 {
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

fn extent<T: Element>(values: &[T]) -> f64 {
    let low = values.iter().copied().fold(T::INFINITY, T::smaller);
    let high = values.iter().copied().fold(T::NEG_INFINITY, T::larger);
    high.into() - low.into()
}

fn doane<T: Element>(values: &[T]) -> f64 {
    let samples = values.len() as f64;
    let deviation = standard_deviation(values);
    if values.len() <= 2 || deviation == 0.0 {
        return 0.0;
    }
    let mean = mean(values);
    let cubed = |x: f64| cube((x - mean) / deviation);
    let skewness = sum(values, cubed) / samples;
    let its_deviation = (6.0 * (samples - 2.0) / ((samples + 1.0) * (samples + 3.0))).sqrt();
    let bins = 1.0 + libm::log2(samples) + libm::log2(1.0 + skewness.abs() / its_deviation);
    extent(values) / bins
}

fn mean<T: Element>(values: &[T]) -> f64 {
    sum(values, |x| x) / values.len() as f64
}

fn standard_deviation<T: Element>(values: &[T]) -> f64 {
    let mean = mean(values);
    (sum(values, |x| (x - mean) * (x - mean)) / values.len() as f64).sqrt()
}

/// Returns Σ f(x), added in numpy's order so that it has numpy's bits: halves down to 128 terms,
/// and eight sums side by side in each.
fn sum<T: Element>(values: &[T], f: impl Fn(f64) -> f64 + Copy) -> f64 {
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
        let mut sums = first.map(|x| f(x.into()));
        for eight in others {
            for (sum, &x) in sums.iter_mut().zip(eight) {
                *sum += f(x.into());
            }
        }
        let [a, b, c, d, e, f, g, h] = sums;
        total = ((a + b) + (c + d)) + ((e + f) + (g + h));
    }
    rest.iter().fold(total, |total, &x| total + f(x.into()))
}

/// Returns `x³` rounded once, as numpy's power is.
///
/// For symmetric values the sum of cubes consists of rounding errors only, and Doane's formula
/// gives one more bin if the sum is not zero.
#[inline(always)]
fn cube(x: f64) -> f64 {
    let (cube, rest) = cube_and_rest(x);
    cube + rest
}

/// Returns `x³` as a sum of two numbers.
#[inline(always)]
fn cube_and_rest(x: f64) -> (f64, f64) {
    let square = x * x;
    let cube = square * x;
    (cube, product_rest(square, x, cube) + product_rest(x, x, square) * x)
}

/// Returns `a · b − product` exactly, where `product` is `a · b` rounded, for numbers that are
/// neither very large nor very small (Dekker, *A floating-point technique for extending the
/// available precision*, 1971).
#[inline(always)]
fn product_rest(a: f64, b: f64, product: f64) -> f64 {
    let halves = |x: f64| {
        let shifted = x * f64::from((1u32 << 27) + 1);
        let high = shifted - (shifted - x);
        (high, x - high)
    };
    let ((a_high, a_low), (b_high, b_low)) = (halves(a), halves(b));
    ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low
}

/// Returns `x` to the power of the f64 nearest to ⅓, as a sum of two numbers. The first is rounded
/// correctly except in very rare cases.
///
/// `libm::pow` is off by a unit in the last place for every tenth number. With it, Rice's rule
/// would give 21 bins instead of 20 for 1,000 samples.
fn power_of_a_third(x: f64) -> (f64, f64) {
    /// The difference of ⅓ and the f64 nearest to it.
    const SHORT_OF_A_THIRD: f64 = 1.850_371_707_708_594e-17;
    let root = libm::cbrt(x);
    let (cube, cube_rest) = cube_and_rest(root);
    let root_rest = ((x - cube) - cube_rest) / (3.0 * root * root);
    let rest = root_rest - root * SHORT_OF_A_THIRD * libm::log(x);
    let sum = root + rest;
    (sum, rest - (sum - root))
}

/// Returns `1 / (high + low)`.
fn one_over((high, low): (f64, f64)) -> f64 {
    let inverse = 1.0 / high;
    let product = inverse * high;
    let rest = (1.0 - product) - product_rest(inverse, high, product);
    inverse + (rest - inverse * low) / high
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expects `n ** (1 / 3)` and `n ** (-1 / 3)` as computed by Python with glibc.
    #[test]
    fn cube_roots_have_the_bits_of_python() {
        let expected = [
            (1.0, 1.0, 1.0),
            (2.0, 1.259_921_049_894_873_2, 0.793_700_525_984_099_8),
            (3.0, 1.442_249_570_307_408_3, 0.693_361_274_350_634_8),
            (5.0, 1.709_975_946_676_696_8, 0.584_803_547_642_573_3),
            (8.0, 2.0, 0.5),
            (27.0, 3.0, 0.333_333_333_333_333_37),
            (61.0, 3.936_497_183_102_173, 0.254_032_952_009_366_3),
            (96.0, 4.578_856_970_213_327_5, 0.218_395_116_184_074_73),
            (125.0, 4.999_999_999_999_999, 0.2),
            (1e3, 9.999_999_999_999_998, 0.100_000_000_000_000_02),
            (2.5e3, 13.572_088_082_974_531, 0.073_680_629_972_807_75),
            (1e4, 21.544_346_900_318_832, 0.046_415_888_336_127_795),
            (6.4e4, 39.999_999_999_999_99, 0.025_000_000_000_000_005),
            (1_000_003.0, 100.000_099_999_899_97, 0.009_999_990_000_020_003),
            (4_294_967_294.0, 1_625.498_676_963_125, 0.000_615_195_825_239_472_3),
        ];
        for (n, root, inverse) in expected {
            let found = power_of_a_third(n);
            assert_eq!(found.0, root, "{n} to the power of a third");
            assert_eq!(one_over(found), inverse, "and one over it");
        }
    }

    /// Expects `x.sum()` and `x.std()` as computed by numpy 2.4.6 for the first n of
    /// `((np.arange(1000) * 7919 % 1009) / 3).astype(np.float32).astype(np.float64)`.
    #[test]
    fn sums_and_deviations_have_the_bits_of_numpy() {
        let x: Vec<f32> = (0..1000).map(|k| (f64::from(k * 7919 % 1009) / 3.0) as f32).collect();
        let expected = [
            (1, 0.0, 0.0),
            (7, 946.999_998_092_651_4, 97.738_789_212_190_64),
            (8, 1_262.666_654_586_792, 109.167_428_908_344_3),
            (127, 21_446.666_657_924_652, 97.935_469_312_768_97),
            (128, 21_696.333_329_677_58, 97.811_166_497_967_38),
            (129, 21_895.000_001_430_51, 97.464_883_710_768_2),
            (136, 23_203.000_005_245_21, 97.327_646_822_217_53),
            (1000, 168_226.000_005_751_85, 97.119_690_363_064_69),
        ];
        for (n, total, deviation) in expected {
            assert_eq!(sum(&x[..n], |x| x), total, "sum of {n}");
            assert_eq!(standard_deviation(&x[..n]), deviation, "deviation of {n}");
        }
    }

    /// Checks a ramp, which is symmetric except for rounding: numpy 2.4.6 makes 11 bins by Doane's
    /// formula if cubes are rounded once; cubes rounded twice make 10.
    #[test]
    fn skewness_of_nothing_but_rounding() {
        let ramp = |samples: u16| (0..samples).map(f32::from).collect::<Vec<_>>();
        assert_eq!(BinRule::Doane.bins(&mut ramp(512), 511.0, 256), 11);
    }

    #[test]
    fn widths_of_zero_are_one_bin_and_narrow_ones_the_most() {
        let mut zeros_and_more = [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 5.0];
        assert_eq!(BinRule::FreedmanDiaconis.bins(&mut zeros_and_more, 5.0, 256), 1);
        assert_eq!(BinRule::Scott.bins::<f32>(&mut [], 5.0, 256), 1);
        assert_eq!(BinRule::Doane.bins(&mut [1.0, 2.0], 1.0, 256), 1);
        assert_eq!(BinRule::SquareRoot.bins(&mut [1.0, 2.0], 1e300, 255), 255);
    }
}
