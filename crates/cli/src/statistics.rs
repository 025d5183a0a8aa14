//! Summary statistics of a matrix.

use ndarray::Array2;
use serde::Serialize;

/// Mean, median and extremes of some values.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Spread {
    pub(crate) mean: f64,
    pub(crate) median: f64,
    pub(crate) min: f64,
    pub(crate) max: f64,
}

impl Spread {
    /// Computes the spread of values, none of which may be NaN. Returns `None` if there are no
    /// values.
    ///
    /// Iterates over the values a few times and stores nothing: all pairs of a wide layer would
    /// take half as much memory as the result itself.
    pub(crate) fn of<I: Iterator<Item = f64>>(values: impl Fn() -> I) -> Option<Self> {
        let (mut count, mut sum, mut min, mut max) = (0u64, 0.0, f64::INFINITY, f64::NEG_INFINITY);
        for value in values() {
            count += 1;
            sum += value;
            min = min.min(value);
            max = max.max(value);
        }
        let last = count.checked_sub(1)?;
        let lower = nth_smallest(&values, last / 2);
        let median =
            if count % 2 == 1 { lower } else { (lower + next(&values, lower, count / 2)) / 2.0 };
        Some(Self { mean: sum / count as f64, median, min, max })
    }
}

/// Finds the value with `rank` smaller ones before it, digit by digit of its ordered bits, the
/// highest digit first.
fn nth_smallest<I: Iterator<Item = f64>>(values: impl Fn() -> I, mut rank: u64) -> f64 {
    const DIGIT_BITS: u32 = 16;
    let mut prefix = 0u64;
    for digit in (0..u64::BITS / DIGIT_BITS).rev() {
        let shift = digit * DIGIT_BITS;
        let mut counts = vec![0u64; 1 << DIGIT_BITS];
        let known = u64::MAX.checked_shl(shift + DIGIT_BITS).unwrap_or(0);
        for bits in values().map(ordered_bits).filter(|bits| bits & known == prefix) {
            #[expect(clippy::cast_possible_truncation, reason = "one digit is what is wanted")]
            let digit = (bits >> shift) as u16;
            counts[usize::from(digit)] += 1;
        }
        for (value, count) in (0u64..).zip(counts) {
            if rank < count {
                prefix |= value << shift;
                break;
            }
            rank -= count;
        }
    }
    of_ordered_bits(prefix)
}

/// Finds the value at `rank`, given the value before it.
fn next<I: Iterator<Item = f64>>(values: impl Fn() -> I, before: f64, rank: u64) -> f64 {
    if values().filter(|&value| value <= before).count() as u64 > rank {
        return before;
    }
    values().filter(|&value| value > before).fold(f64::INFINITY, f64::min)
}

const SIGN: u64 = 1 << 63;

/// Returns bits that have the order of the numbers. Bits of negative numbers are inverted, because
/// they are in reverse order.
fn ordered_bits(value: f64) -> u64 {
    let bits = (value + 0.0).to_bits(); // -0.0 is 0.0
    if bits & SIGN == 0 { bits | SIGN } else { !bits }
}

fn of_ordered_bits(bits: u64) -> f64 {
    f64::from_bits(if bits & SIGN == 0 { !bits } else { bits & !SIGN })
}

/// The cells of a matrix that are pairs of neurons.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pairs {
    /// The cells above the diagonal of a symmetric matrix: each pair once.
    Once,
    /// The cells off the diagonal: each pair in both orders.
    BothWays,
    /// All cells: rows are neurons of one layer, columns of another.
    Between,
}

impl Pairs {
    /// Counts the pairs in a matrix of this shape.
    pub(crate) fn count(self, (rows, columns): (usize, usize)) -> u64 {
        let (rows, columns) = (rows as u64, columns as u64);
        match self {
            Self::Once => rows * rows.saturating_sub(1) / 2,
            Self::BothWays => rows * rows.saturating_sub(1),
            Self::Between => rows * columns,
        }
    }

    /// Iterates over the row, column and value of each pair.
    pub(crate) fn of(self, matrix: &Array2<f64>) -> impl Iterator<Item = (usize, usize, f64)> {
        matrix.outer_iter().enumerate().flat_map(move |(first, row)| {
            let begin = if self == Self::Once { first + 1 } else { 0 };
            let cells = row.into_iter().enumerate().skip(begin);
            let cells = cells.filter(move |&(second, _)| self != Self::BothWays || second != first);
            cells.map(move |(second, &value)| (first, second, value))
        })
    }

    /// Computes mean, median and extremes of the pairs.
    pub(crate) fn spread(self, matrix: &Array2<f64>) -> Option<Spread> {
        Spread::of(|| self.of(matrix).map(|(_, _, value)| value))
    }
}

/// The number of strongest pairs, or neurons, that are reported.
pub(crate) const STRONGEST: usize = 5;

/// Two neurons and their mutual information.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(crate) struct Pair {
    pub(crate) first: usize,
    pub(crate) second: usize,
    pub(crate) mutual_information: f64,
}

/// Returns the pairs with the most mutual information, strongest first. Pairs of equal strength
/// keep their order. Pairs without mutual information are left out.
pub(crate) fn strongest_pairs(pairs: Pairs, matrix: &Array2<f64>, most: usize) -> Vec<Pair> {
    let mut strongest: Vec<Pair> = Vec::with_capacity(most + 1);
    let mut threshold = 0.0;
    for (first, second, mutual_information) in pairs.of(matrix) {
        if mutual_information > threshold {
            let place = strongest.partition_point(|p| p.mutual_information >= mutual_information);
            strongest.insert(place, Pair { first, second, mutual_information });
            strongest.truncate(most);
            if strongest.len() == most {
                threshold = strongest.last().map_or(0.0, |pair| pair.mutual_information);
            }
        }
    }
    strongest
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::arr2;

    #[test]
    fn medians_are_those_of_sorted_values() {
        let mut seed = 1u64;
        for count in [1, 2, 3, 4, 17, 1000, 1001] {
            let values: Vec<f64> = (0..count)
                .map(|_| {
                    seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                    f64::from((seed >> 40) as u32 % 50) / 7.0 - 2.0 // with ties
                })
                .collect();
            let mut sorted = values.clone();
            sorted.sort_by(f64::total_cmp);
            let expected = (sorted[(count - 1) / 2] + sorted[count / 2]) / 2.0;
            let spread = Spread::of(|| values.iter().copied());
            assert_eq!(spread.map(|s| s.median), Some(expected), "{count}");
            assert_eq!(spread.map(|s| s.max), sorted.last().copied(), "{count}");
        }
        assert_eq!(Spread::of(std::iter::empty), None);
    }

    #[test]
    fn extremes_may_be_negative_and_infinite() {
        let values = [-1.0, f64::NEG_INFINITY, -0.0, -3.0, 0.0];
        let spread = Spread::of(|| values.iter().copied()).map(|s| (s.median, s.min, s.max));
        assert_eq!(spread, Some((-1.0, f64::NEG_INFINITY, 0.0)));
        let spread = Spread::of(|| [-2.0, -4.0].iter().copied());
        let expected = Spread { mean: -3.0, median: -3.0, min: -4.0, max: -2.0 };
        assert_eq!(spread, Some(expected));
    }

    #[test]
    fn pairs_are_those_above_the_diagonal() {
        let matrix =
            arr2(&[[9.0, 1.0, 3.0, 0.0], [1.0, 9.0, 3.0, 2.0], [3.0, 3.0, 9.0, 0.0], [0.0; 4]]);
        let values = |pairs: Pairs| pairs.of(&matrix).map(|(_, _, x)| x).collect::<Vec<_>>();
        assert_eq!(values(Pairs::Once), [1.0, 3.0, 0.0, 3.0, 2.0, 0.0]);
        let both_ways = [1.0, 3.0, 0.0, 1.0, 3.0, 2.0, 3.0, 3.0, 0.0, 0.0, 0.0, 0.0];
        assert_eq!(values(Pairs::BothWays), both_ways);
        assert_eq!(values(Pairs::Between).len(), 16);
        for pairs in [Pairs::Once, Pairs::BothWays, Pairs::Between] {
            assert_eq!(pairs.count(matrix.dim()), values(pairs).len() as u64, "{pairs:?}");
        }
        let of = |most| {
            let pairs = strongest_pairs(Pairs::Once, &matrix, most);
            pairs.iter().map(|p| (p.first, p.second)).collect::<Vec<_>>()
        };
        assert_eq!(of(3), [(0, 2), (1, 2), (1, 3)]);
        assert_eq!(of(9), [(0, 2), (1, 2), (1, 3), (0, 1)]);
        assert_eq!(Pairs::Once.of(&arr2(&[[1.0]])).count(), 0);
    }
}
