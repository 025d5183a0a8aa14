//! Quantiles in f64, interpolated as by `numpy.quantile`.

use std::num::NonZero;

use crate::input::element::Element;

/// The position of a quantile between two values of a sorted list, by numpy's method "linear"
/// (Hyndman and Fan's seventh).
struct Place {
    below: usize,
    above: usize,
    share: f64,
}

impl Place {
    fn new(values: NonZero<usize>, quantile: f64) -> Self {
        let last = values.get() - 1;
        let place = last as f64 * quantile;
        if place >= last as f64 {
            return Self { below: last, above: last, share: 0.0 };
        }
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "below the number of values"
        )]
        let below = place as usize;
        Self { below, above: below + 1, share: place - below as f64 }
    }

    /// Interpolates from the nearer end, as numpy does, so that the result never decreases with the
    /// share.
    fn interpolate(&self, below: f64, above: f64) -> f64 {
        let difference = above - below;
        let value = if self.share >= 0.5 {
            above - difference * (1.0 - self.share)
        } else {
            below + difference * self.share
        };
        // Which of the zeros 0 and −0 comes first depends on the order of sorting; adding 0 makes
        // both 0.
        value + 0.0
    }
}

/// Returns a quantile of unsorted values, which it reorders. O(values).
pub(super) fn select<T: Element>(values: &mut [T], quantile: f64) -> f64 {
    let Some(len) = NonZero::new(values.len()) else { return f64::NAN };
    let place = Place::new(len, quantile);
    let (_, &mut below, behind) = values.select_nth_unstable_by(place.below, T::compare);
    let above = behind.iter().copied().fold(T::INFINITY, T::smaller);
    let above = if place.above == place.below { below } else { above };
    place.interpolate(below.into(), above.into())
}

/// A quantile of some values.
#[derive(Debug, Clone, Copy)]
pub(super) struct Quantile {
    pub(super) value: f64,
    /// The smallest value that is not below the quantile.
    pub(super) lowest_at_or_above: f64,
}

/// Returns `numpy.quantile(values, shares)` for ascending shares, and reorders the values. O(values ·
/// log shares).
pub(super) fn quantiles<T: Element>(values: &mut [T], shares: &[f64]) -> Vec<Quantile> {
    let Some(len) = NonZero::new(values.len()) else { return Vec::new() };
    let places: Vec<Place> = shares.iter().map(|&share| Place::new(len, share)).collect();
    let mut indices: Vec<usize> =
        places.iter().flat_map(|place| [place.below, place.above]).collect();
    indices.sort_unstable();
    indices.dedup();
    sort_at(values, 0, &indices);
    let of_place = |place: &Place| {
        let (below, above) = (values[place.below].into(), values[place.above].into());
        let value = place.interpolate(below, above);
        let lowest_at_or_above = if below >= value { below } else { above };
        Quantile { value, lowest_at_or_above }
    };
    places.iter().map(of_place).collect()
}

/// Moves values so that those at the given ascending indices are the ones that sorting would put
/// there. `first` is the index of the first value.
fn sort_at<T: Element>(values: &mut [T], first: usize, indices: &[usize]) {
    let (before, rest) = indices.split_at(indices.len() / 2);
    if let Some((&index, behind)) = rest.split_first() {
        let (lower, _, upper) = values.select_nth_unstable_by(index - first, T::compare);
        sort_at(lower, first, before);
        sort_at(upper, index + 1, behind);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn closed_forms() {
        let mut values = [4.0f32, 1.0, 3.0, 2.0];
        assert_eq!(select(&mut values, 0.5), 2.5);
        assert_eq!(select(&mut values, 0.25), 1.75);
        assert_eq!(select(&mut values, 1.0), 4.0);
        let found = quantiles(&mut values, &[0.0, 0.5, 1.0]);
        assert_eq!(found.iter().map(|q| q.value).collect::<Vec<_>>(), [1.0, 2.5, 4.0]);
        let lowest: Vec<f64> = found.iter().map(|q| q.lowest_at_or_above).collect();
        assert_eq!(lowest, [1.0, 3.0, 4.0]);
    }

    proptest! {
        #[test]
        fn selecting_and_sorting_agree(
            values in prop::collection::vec(-9i8..9, 1..200),
            quantile in 0.0..=1.0,
        ) {
            let values: Vec<f32> = values.into_iter().map(f32::from).collect();
            let selected = select(&mut values.clone(), quantile);
            let found = quantiles(&mut values.clone(), &[quantile])[0];
            prop_assert_eq!(found.value, selected);
            let mut at_or_above: Vec<f32> = values.clone();
            at_or_above.retain(|&x| f64::from(x) >= selected);
            let lowest = at_or_above.into_iter().fold(f32::INFINITY, f32::min);
            prop_assert_eq!(found.lowest_at_or_above, f64::from(lowest));
        }
    }
}
