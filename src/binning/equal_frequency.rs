//! Cuts between bins that hold equally many samples, as far as ties allow.
//!
//! ```text
//! cuts(values, bins):
//!     for k in 1..bins:
//!         cut = quantile(values, k / bins)
//!         if a value lies between the cut before (or the smallest value) and this one:
//!             keep the cut
//!         else:
//!             # The smallest value at or above the cut before fills at least one bin, and gets one.
//!             above = the values above it
//!             return the cuts so far, min(above), cuts(above, bins - k)   (nothing if none is above)
//! ```
//!
//! A value that is tied is never split, and no bin is empty. If ties are met, and there are no more distinct
//! values than bins, each value gets a bin instead.

use super::linspace::linspace;
use super::quantiles;
use crate::input::element::Element;

/// Returns the ascending cuts between at most `bins` bins, and reorders the values. A value is above a cut
/// if it is at least the cut. O(values · log bins), and O(values · bins) if there are ties.
pub(super) fn cuts<T: Element>(values: &mut [T], bins: usize) -> Vec<f64> {
    let mut cuts = Vec::with_capacity(bins - 1);
    let (mut rest, mut bins_left) = (values, bins);
    while bins_left > 1 && !rest.is_empty() {
        let shares = linspace(0.0, 1.0, bins_left);
        let quantiles = quantiles::quantiles(rest, &shares[1..bins_left]);
        // The smallest value at or above the cut before.
        let mut lowest = smallest(rest);
        let mut kept = 0;
        while kept < quantiles.len() && lowest < quantiles[kept].value {
            cuts.push(quantiles[kept].value);
            lowest = quantiles[kept].lowest_at_or_above;
            kept += 1;
        }
        if kept == quantiles.len() {
            break;
        }
        if bins_left == bins
            && let Some(few) = distinct(rest, bins)
        {
            return few[1..].to_vec();
        }
        rest = above(rest, lowest);
        if !rest.is_empty() {
            cuts.push(smallest(rest));
        }
        bins_left -= kept + 1;
    }
    cuts
}

fn smallest<T: Element>(values: &[T]) -> f64 {
    // Adding 0 turns −0 into 0.
    values.iter().copied().fold(T::INFINITY, T::smaller).into() + 0.0
}

/// Returns the distinct values in ascending order, or `None` if there are more than `most`.
fn distinct<T: Element>(values: &[T], most: usize) -> Option<Vec<f64>> {
    let mut distinct = Vec::with_capacity(most);
    for &value in values {
        let value = value.into() + 0.0;
        let place = distinct.partition_point(|&other| other < value);
        if distinct.get(place) != Some(&value) {
            if distinct.len() == most {
                return None;
            }
            distinct.insert(place, value);
        }
    }
    Some(distinct)
}

/// Moves the values above a value to the end, and returns them.
fn above<T: Element>(values: &mut [T], value: f64) -> &mut [T] {
    let mut not_above = 0;
    for k in 0..values.len() {
        values.swap(not_above, k);
        not_above += usize::from(values[not_above].into() <= value);
    }
    &mut values[not_above..]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Computes cuts as they are defined, from sorted values.
    fn cuts_by_definition(sorted: &[f64], bins: usize) -> Vec<f64> {
        let mut cuts = Vec::new();
        let mut below = 0;
        for k in 1..bins {
            let share = linspace(0.0, 1.0, bins)[k];
            let cut = quantiles::select(&mut sorted.to_vec(), share);
            let now_below = sorted.partition_point(|&x| x < cut);
            if now_below <= below {
                let tied = sorted[below];
                let rest = &sorted[sorted.partition_point(|&x| x <= tied)..];
                if let Some(&first) = rest.first() {
                    cuts.push(first);
                    cuts.extend(cuts_by_definition(rest, bins - k));
                }
                return cuts;
            }
            cuts.push(cut);
            below = now_below;
        }
        cuts
    }

    fn bins_of(values: &[f64], cuts: &[f64]) -> Vec<usize> {
        values.iter().map(|x| cuts.partition_point(|cut| cut <= x)).collect()
    }

    /// Cuts that `cuts_equal_frequency` of the reference in numpy 2 finds.
    #[test]
    fn cuts_of_the_reference() {
        let relu: Vec<f64> = (0..100).map(|s| f64::from((s - 69).max(0))).collect();
        let found = cuts(&mut relu.clone(), 10);
        assert_eq!(found[0], 1.0);
        let counts = |values: &[f64], cuts: &[f64]| {
            let mut counts = vec![0; cuts.len() + 1];
            bins_of(values, cuts).into_iter().for_each(|bin| counts[bin] += 1);
            counts
        };
        assert_eq!(counts(&relu, &found), [70, 4, 3, 3, 3, 4, 3, 3, 3, 4], "{found:?}");
        assert_eq!(cuts(&mut [1.0, 1.0, 1.0, 1.0, 4.0, 4.0, 4.0, 4.0], 3), [4.0]);
        assert_eq!(cuts(&mut [1.0, 2.0, 3.0, 4.0], 2), [2.5]);
        assert_eq!(cuts(&mut [1.0, 2.0, 2.0], 3), [2.0]);
        assert_eq!(cuts(&mut [-0.0, 0.0, 0.0, 1.0], 2), [1.0]);
        assert_eq!(cuts(&mut [1.0f32, 2.0, 3.0, 3.0, 3.0], 3), [2.0, 3.0]);
    }

    proptest! {
        /// Checks any multiset: cuts are as defined, and no bin is empty.
        #[test]
        fn cuts_follow_the_definition(
            values in prop::collection::vec(
                prop_oneof![(-3i8..3).prop_map(f64::from), -2.0..2.0, Just(0.0), Just(-0.0)],
                1..80,
            ),
            bins in 2usize..12,
        ) {
            let mut sorted: Vec<f64> = values.iter().map(|x| x + 0.0).collect();
            sorted.sort_by(f64::total_cmp);
            let found = cuts(&mut values.clone(), bins);
            let mut distinct = sorted.clone();
            distinct.dedup();
            let expected = cuts_by_definition(&sorted, bins);
            if distinct.len() <= bins {
                let of_values = |cuts: &[f64]| bins_of(&distinct, cuts);
                let each_alone: Vec<usize> = (0..distinct.len()).collect();
                prop_assert_eq!(of_values(&found), each_alone);
            } else {
                prop_assert_eq!(&found, &expected);
            }
            prop_assert!(found.len() < bins);
            let mut occupied = bins_of(&values, &found);
            occupied.sort_unstable();
            occupied.dedup();
            prop_assert_eq!(occupied.len(), found.len() + 1, "no bin is empty");
        }

        #[test]
        fn both_precisions_agree(
            values in prop::collection::vec(-9i8..9, 1..200),
            bins in 2usize..12,
        ) {
            let mut singles: Vec<f32> = values.iter().copied().map(f32::from).collect();
            let mut doubles: Vec<f64> = values.into_iter().map(f64::from).collect();
            prop_assert_eq!(cuts(&mut singles, bins), cuts(&mut doubles, bins));
        }
    }
}
