//! Statistics for notched box plots.

/// Median, quartiles, whiskers and notch of some values, as `matplotlib.pyplot.boxplot` draws them
/// with `notch=True`.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct BoxStatistics {
    /// The number of values.
    pub count: usize,
    /// The mean of the values.
    pub mean: f64,
    /// The median of the values.
    pub median: f64,
    /// The first and the third quartile, interpolated linearly between values.
    pub quartiles: (f64, f64),
    /// The 95 % confidence interval of the median, `median ± 1.57 (Q3 − Q1) / √n` (McGill, Tukey
    /// and Larsen 1978, The American Statistician 32:12).
    pub notch: (f64, f64),
    /// The lowest and the highest value within 1.5 times `Q3 − Q1` of the box.
    pub whiskers: (f64, f64),
}

impl BoxStatistics {
    /// Computes the statistics of ascending, finite values. Returns `None` if there are no values.
    ///
    /// # Examples
    ///
    /// ```
    /// let statistics = cofire_report::BoxStatistics::of(&[1.0, 2.0, 3.0, 4.0, 100.0]).unwrap();
    /// assert_eq!((statistics.median, statistics.quartiles), (3.0, (2.0, 4.0)));
    /// assert_eq!(statistics.whiskers, (1.0, 4.0)); // 100 lies outside
    /// ```
    #[must_use]
    pub fn of(ascending: &[f64]) -> Option<Self> {
        let (&lowest, &highest) = (ascending.first()?, ascending.last()?);
        let count = ascending.len();
        let mean = ascending.iter().sum::<f64>() / count as f64;
        let median = quantile(ascending, 0.5);
        let quartiles = (quantile(ascending, 0.25), quantile(ascending, 0.75));
        let spread = quartiles.1 - quartiles.0;
        let half = 1.57 * spread / (count as f64).sqrt();
        let (low, high) = (quartiles.0 - 1.5 * spread, quartiles.1 + 1.5 * spread);
        let first_inside = ascending.iter().copied().find(|&value| value >= low);
        let last_inside = ascending.iter().copied().rfind(|&value| value <= high);
        // If no value lies between a quartile and its fence, the whisker has length 0.
        let whiskers = (
            first_inside.unwrap_or(lowest).min(quartiles.0),
            last_inside.unwrap_or(highest).max(quartiles.1),
        );
        let notch = (median - half, median + half);
        Some(Self { count, mean, median, quartiles, notch, whiskers })
    }
}

/// Returns the quantile at `share` of ascending values, interpolated linearly as `numpy.quantile`
/// does. Returns 0 if there are no values.
pub(crate) fn quantile(ascending: &[f64], share: f64) -> f64 {
    let Some(last) = ascending.len().checked_sub(1) else { return 0.0 };
    let place = share.clamp(0.0, 1.0) * last as f64;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place in the list"
    )]
    let below = place.floor() as usize;
    let above = (below + 1).min(last);
    ascending[below] + (ascending[above] - ascending[below]) * (place - below as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares with matplotlib.cbook.boxplot_stats, matplotlib 3.11.2.
    #[test]
    fn agrees_with_matplotlib() {
        let values = [0.1, 0.4, 0.5, 0.55, 0.7, 0.9, 1.3, 2.9];
        let found = BoxStatistics::of(&values).unwrap();
        let expected = [
            (found.mean, 0.91875),
            (found.median, 0.625),
            (found.quartiles.0, 0.475),
            (found.quartiles.1, 1.0),
            (found.whiskers.0, 0.1),
            (found.whiskers.1, 1.3),
            (found.notch.0, 0.333_583_617_803_494_1),
            (found.notch.1, 0.916_416_382_196_505_9),
        ];
        for (found, expected) in expected {
            assert!((found - expected).abs() < 1e-9, "{found} {expected}");
        }
    }

    #[test]
    fn few_values_have_statistics_too() {
        assert_eq!(BoxStatistics::of(&[]), None);
        let one = BoxStatistics::of(&[2.0]).unwrap();
        assert_eq!((one.median, one.notch, one.whiskers), (2.0, (2.0, 2.0), (2.0, 2.0)));
    }
}
