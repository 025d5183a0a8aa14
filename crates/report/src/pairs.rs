//! A summary of the mutual information of all pairs of a layer.

use ndarray::ArrayView2;
use rayon::prelude::*;

use crate::box_statistics::quantile;

/// The largest number of values that are kept.
pub(crate) const MOST_VALUES: usize = 4000;

/// Half of the 95 % interval of a normal distribution, in standard deviations.
const HALF_INTERVAL: f64 = 1.959_963_984_540_054;

/// Statistics of the mutual information of all pairs of different neurons.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct PairStatistics {
    /// The number of pairs.
    pub count: usize,
    /// The mean.
    pub mean: f64,
    /// The standard error of the mean with respect to the choice of neurons: the jackknife's,
    /// leaving out one neuron with all its pairs at a time. Pairs that share a neuron are not
    /// independent, so the usual formula would give far too small a value. `None` for fewer than
    /// three neurons.
    pub standard_error: Option<f64>,
    /// The median.
    pub median: f64,
    /// The lowest value.
    pub lowest: f64,
    /// The highest value.
    pub highest: f64,
    /// All values, ascending. If there are more than 4,000, evenly spaced quantiles, 4,000 of them.
    pub values: Vec<f64>,
}

impl PairStatistics {
    /// Summarizes a symmetric matrix. Returns `None` for a single neuron.
    pub(crate) fn of(mutual_information: ArrayView2<'_, f64>) -> Option<Self> {
        let neurons = mutual_information.nrows();
        let upper = mutual_information.outer_iter().enumerate();
        let mut all: Vec<f64> =
            upper.flat_map(|(i, row)| row.into_iter().skip(i + 1).copied()).collect();
        if all.is_empty() {
            return None;
        }
        all.par_sort_unstable_by(f64::total_cmp);
        let count = all.len();
        // The sum runs in ascending order, which loses the least precision.
        let sum: f64 = all.iter().sum();
        let of_neurons: Vec<f64> = mutual_information
            .outer_iter()
            .enumerate()
            .map(|(i, row)| row.sum() - mutual_information[[i, i]])
            .collect();
        let values = if count <= MOST_VALUES {
            all.clone()
        } else {
            let share = |k: usize| (k as f64 + 0.5) / MOST_VALUES as f64;
            (0..MOST_VALUES).map(|k| quantile(&all, share(k))).collect()
        };
        Some(Self {
            count,
            mean: sum / count as f64,
            standard_error: (neurons > 2).then(|| jackknife(sum, &of_neurons)),
            median: quantile(&all, 0.5),
            lowest: all[0],
            highest: all[count - 1],
            values,
        })
    }

    /// Returns the 95 % confidence interval of the mean. `None` for fewer than three neurons.
    #[must_use]
    pub fn interval(&self) -> Option<(f64, f64)> {
        let half = self.standard_error? * HALF_INTERVAL;
        Some((self.mean - half, self.mean + half))
    }
}

/// Returns the standard error of the mean over all pairs, from the sum of all pairs and the sum of
/// each neuron's pairs.
fn jackknife(sum: f64, of_neurons: &[f64]) -> f64 {
    let neurons = of_neurons.len() as f64;
    let pairs_left = (neurons - 1.0) * (neurons - 2.0) / 2.0;
    let without: Vec<f64> = of_neurons.iter().map(|own| (sum - own) / pairs_left).collect();
    let mean = without.iter().sum::<f64>() / neurons;
    let squares: f64 = without.iter().map(|value| (value - mean) * (value - mean)).sum();
    ((neurons - 1.0) / neurons * squares).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

    #[test]
    fn the_diagonal_does_not_count() {
        let matrix = array![[9.0, 1.0, 2.0], [1.0, 9.0, 6.0], [2.0, 6.0, 9.0]];
        let found = PairStatistics::of(matrix.view()).unwrap();
        assert_eq!((found.count, found.mean, found.median), (3, 3.0, 2.0));
        assert_eq!((found.lowest, found.highest), (1.0, 6.0));
        assert_eq!(found.values, [1.0, 2.0, 6.0]);
        // Without one neuron, the mean is the pair of the other two: 6, 2 and 1.
        let expected = (2.0 / 3.0 * (9.0 + 1.0 + 4.0f64)).sqrt();
        assert!((found.standard_error.unwrap() - expected).abs() < 1e-12);
        assert_eq!(PairStatistics::of(array![[1.0]].view()), None);
        let two = PairStatistics::of(array![[1.0, 0.5], [0.5, 1.0]].view()).unwrap();
        assert_eq!(two.interval(), None);
    }

    #[test]
    fn many_values_are_thinned_evenly() {
        let matrix = Array2::from_shape_fn((200, 200), |(i, j)| (i.min(j) * 200 + i.max(j)) as f64);
        let found = PairStatistics::of(matrix.view()).unwrap();
        assert_eq!((found.count, found.values.len()), (19_900, MOST_VALUES));
        assert!(found.values.is_sorted());
        let mean = found.values.iter().sum::<f64>() / MOST_VALUES as f64;
        assert!((mean / found.mean - 1.0).abs() < 1e-4, "{mean} {}", found.mean);
    }
}
