//! Neighbours on a line: the estimators from a single neuron.

use super::KsgAlgorithm;
use super::column::Column;
use super::harmonic::HarmonicTable;
use crate::estimator::difference;

/// Returns the distance from the value of this rank to its `k`-th nearest other value. The values
/// ascend, and `k` is less than their number. O(log k).
pub(crate) fn kth_distance(sorted: &[f64], rank: usize, k: usize) -> f64 {
    let above = sorted.len() - 1 - rank;
    let value = sorted[rank];
    // The k nearest are `left` neighbours below and `k - left` above. As `left` grows, the distance
    // to the lowest of them grows and that to the highest shrinks; the best `left` is where they
    // cross.
    let lowest = |left: usize| value - sorted[rank - left];
    let highest = |left: usize| sorted[rank + k - left] - value;
    let (first, last) = (k.saturating_sub(above), k.min(rank));
    let (mut low, mut high) = (first, last);
    while low < high {
        let middle = (low + high) / 2;
        if lowest(middle) >= highest(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    let crossing = lowest(low).max(highest(low));
    if low > first { crossing.min(highest(low - 1)) } else { crossing }
}

/// Counts the other values that are closer than a positive `radius` to the value of this rank.
/// O(log count).
pub(crate) fn closer_than(sorted: &[f64], rank: usize, radius: f64) -> usize {
    let value = sorted[rank];
    let below = &sorted[..rank];
    let left = leading(rank, |i| value - below[rank - 1 - i] < radius);
    let above = &sorted[rank + 1..];
    left + leading(above.len(), |i| above[i] - value < radius)
}

/// Returns the first number up to `end` for which `is_near` is false. It must be false for all
/// following numbers too.
fn leading(end: usize, is_near: impl Fn(usize) -> bool) -> usize {
    let (mut low, mut high) = (0, 1);
    while high <= end && is_near(high - 1) {
        low = high;
        high *= 2;
    }
    high = high.min(end + 1);
    // `is_near(low - 1)` is true; `is_near(high - 1)` is false, or `high - 1` is beyond the end.
    while high - low > 1 {
        let middle = (low + high) / 2;
        if is_near(middle - 1) {
            low = middle;
        } else {
            high = middle;
        }
    }
    low
}

/// Returns the radius within which neighbours on the grid are counted. If `k` others are equal the
/// distance is 0; the radius is then one step of the grid, so that only equal values are counted.
pub(crate) fn open_radius(distance: f64) -> f64 {
    distance.max(1.0)
}

/// Returns Kozachenko and Leonenko's entropy in nats, `ψ(S) − ψ(k) + ⟨ln 2ε⟩`, of values in
/// ascending order.
pub(crate) fn entropy(sorted: &[f64], k: usize, table: &HarmonicTable) -> f64 {
    let samples = sorted.len();
    let mut sum = 0.0;
    let mut lost = 0.0; // the rounding error of the sum (Kahan)
    for rank in 0..samples {
        let width = 2.0 * kth_distance(sorted, rank, k);
        if width == 0.0 {
            return f64::NEG_INFINITY;
        }
        // libm gives the same bits on every machine.
        let term = libm::log(width) - lost;
        let next = sum + term;
        lost = (next - sum) - term;
        sum = next;
    }
    let digammas = difference(table.value(samples - 1), table.value(k - 1));
    table.mean(digammas, 1) + sum / samples as f64
}

/// Returns the sum that [`super::nearest_neighbors`] computes for a pair, for a neuron and itself.
pub(crate) fn own_sum(
    column: &Column,
    k: usize,
    algorithm: KsgAlgorithm,
    table: &HarmonicTable,
) -> u64 {
    let sorted = column.ranks.sorted();
    let of_rank = |rank| {
        let distance = kth_distance(sorted, rank, k);
        match algorithm {
            KsgAlgorithm::First => table.value(closer_than(sorted, rank, open_radius(distance))),
            KsgAlgorithm::Second => table.value(closer_than(sorted, rank, distance + 1.0) - 1),
        }
    };
    (0..sorted.len()).map(|rank| 2 * of_rank(rank)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn distances_and_counts_are_those_of_the_definition(
            values in prop::collection::vec(-30i32..30, 2..40),
            radius in 1u8..9,
        ) {
            let mut sorted: Vec<f64> = values.into_iter().map(f64::from).collect();
            sorted.sort_by(f64::total_cmp);
            for rank in 0..sorted.len() {
                let mut others: Vec<f64> = sorted.iter().map(|x| (x - sorted[rank]).abs()).collect();
                others.remove(rank);
                others.sort_by(f64::total_cmp);
                for k in 1..sorted.len() {
                    prop_assert_eq!(kth_distance(&sorted, rank, k), others[k - 1]);
                }
                let radius = f64::from(radius);
                let expected = others.iter().filter(|&&d| d < radius).count();
                prop_assert_eq!(closer_than(&sorted, rank, radius), expected);
            }
        }
    }

    #[test]
    fn an_entropy_of_equal_samples_is_minus_infinity() {
        let table = HarmonicTable::new(4).unwrap();
        assert_eq!(entropy(&[0.0, 1.0, 1.0, 2.0], 1, &table), f64::NEG_INFINITY);
        let finite = entropy(&[0.0, 1.0, 1.0, 2.0], 2, &table);
        // ψ(4) − ψ(2) + ln 2, because all distances are 1.
        let expected = 0.5 + 1.0 / 3.0 + 2f64.ln();
        assert!((finite - expected).abs() < 1e-11, "{finite}");
    }
}
