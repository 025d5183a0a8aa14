//! Quantiles in f64, interpolated as by `numpy.quantile`.

use std::num::NonZero;

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
    fn interpolate(&self, below: f32, above: f32) -> f64 {
        let (below, above) = (f64::from(below), f64::from(above));
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
pub(super) fn select(values: &mut [f32], quantile: f64) -> f64 {
    let Some(len) = NonZero::new(values.len()) else { return f64::NAN };
    let place = Place::new(len, quantile);
    let (_, &mut below, behind) = values.select_nth_unstable_by(place.below, f32::total_cmp);
    let above = behind.iter().copied().fold(f32::INFINITY, f32::min);
    place.interpolate(below, if place.above == place.below { below } else { above })
}

/// Returns `numpy.unique(numpy.quantile(values, quantiles))`, and reorders the values. O(values ·
/// log quantiles).
pub(super) fn distinct(values: &mut [f32], quantiles: &[f64]) -> Vec<f64> {
    let Some(len) = NonZero::new(values.len()) else { return Vec::new() };
    let places: Vec<Place> = quantiles.iter().map(|&quantile| Place::new(len, quantile)).collect();
    let mut indices: Vec<usize> =
        places.iter().flat_map(|place| [place.below, place.above]).collect();
    indices.sort_unstable();
    indices.dedup();
    sort_at(values, 0, &indices);
    let interpolate = |place: &Place| place.interpolate(values[place.below], values[place.above]);
    let mut results: Vec<f64> = places.iter().map(interpolate).collect();
    results.sort_unstable_by(f64::total_cmp);
    results.dedup();
    results
}

/// Moves values so that those at the given ascending indices are the ones that sorting would put
/// there. `first` is the index of the first value.
fn sort_at(values: &mut [f32], first: usize, indices: &[usize]) {
    let (before, rest) = indices.split_at(indices.len() / 2);
    if let Some((&index, behind)) = rest.split_first() {
        let (lower, _, upper) = values.select_nth_unstable_by(index - first, f32::total_cmp);
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
        let mut values = [4.0, 1.0, 3.0, 2.0];
        assert_eq!(select(&mut values, 0.5), 2.5);
        assert_eq!(select(&mut values, 0.25), 1.75);
        assert_eq!(select(&mut values, 1.0), 4.0);
        assert_eq!(distinct(&mut values, &[0.0, 0.5, 1.0]), [1.0, 2.5, 4.0]);
        let mut ties = [0.0, -0.0, 0.0, -0.0, 7.0];
        assert_eq!(distinct(&mut ties, &[0.0, 0.25, 0.5, 0.75, 1.0]), [0.0, 7.0]);
        assert_eq!(distinct(&mut [5.0], &[0.0, 0.5, 1.0]), [5.0]);
    }

    proptest! {
        #[test]
        fn selecting_and_sorting_agree(
            values in prop::collection::vec(-9i8..9, 1..200),
            quantile in 0.0..=1.0,
        ) {
            let values: Vec<f32> = values.into_iter().map(f32::from).collect();
            let selected = select(&mut values.clone(), quantile);
            prop_assert_eq!(distinct(&mut values.clone(), &[quantile]), [selected]);
        }
    }
}
