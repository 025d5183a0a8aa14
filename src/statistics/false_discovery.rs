//! Benjamini and Hochberg's control of the false-discovery rate.

use ndarray::Array2;

/// Returns the false-discovery rate at which each p-value becomes a discovery, also called adjusted
/// p-value or q-value (Benjamini and Hochberg 1995, Journal of the Royal Statistical Society B
/// 57:289).
///
/// Among all values with a rate of at most `q`, a share of no more than `q` is expected to be due
/// to chance, if the tests are independent or positively dependent. Rates come in the order of
/// `p_values`. A NaN stays NaN, and does not count as a test. O(n log n).
///
/// # Examples
///
/// ```
/// use cofire::significance::false_discovery_rates;
///
/// let rates = false_discovery_rates(&[0.01, 0.04, 0.03, 0.5]);
/// assert!((rates[0] - 0.04).abs() < 1e-12);
/// assert!((rates[1] - 0.16 / 3.0).abs() < 1e-12);
/// assert_eq!(rates[1], rates[2]); // 0.03 is the second of four, 0.04 the third
/// ```
#[must_use]
pub fn false_discovery_rates(p_values: &[f64]) -> Vec<f64> {
    let mut rates = p_values.to_vec();
    adjust(&mut rates);
    rates
}

/// Returns [`false_discovery_rates`] of the pairs above the diagonal of a symmetric matrix of
/// p-values, `neurons × neurons`, such as [`crate::Report::g_test`] returns. Each pair counts once;
/// the diagonal is left as it is.
///
/// # Examples
///
/// ```
/// use cofire::significance::false_discovery_rates_of_pairs;
/// use ndarray::array;
///
/// let p_values = array![[0.0, 0.01, 0.9], [0.01, 0.0, 0.4], [0.9, 0.4, 0.0]];
/// let rates = false_discovery_rates_of_pairs(&p_values);
/// assert!((rates[[0, 1]] - 0.03).abs() < 1e-12); // the smallest of three
/// assert_eq!(rates[[1, 0]], rates[[0, 1]]);
/// ```
#[must_use]
pub fn false_discovery_rates_of_pairs(p_values: &Array2<f64>) -> Array2<f64> {
    let (rows, columns) = p_values.dim();
    let pairs = || (0..rows).flat_map(|i| (i + 1..columns).map(move |j| (i, j)));
    let mut rates: Vec<f64> = pairs().map(|pair| p_values[pair]).collect();
    adjust(&mut rates);
    let mut matrix = p_values.clone();
    for ((i, j), rate) in pairs().zip(rates) {
        matrix[[i, j]] = rate;
        if let Some(mirrored) = matrix.get_mut([j, i]) {
            *mirrored = rate;
        }
    }
    matrix
}

/// Turns p-values into rates.
fn adjust(values: &mut [f64]) {
    let mut order: Vec<usize> = (0..values.len()).filter(|&k| !values[k].is_nan()).collect();
    order.sort_by(|&a, &b| values[a].total_cmp(&values[b]));
    let tests = order.len() as f64;
    let mut smallest = 1.0f64;
    for (rank, &k) in order.iter().enumerate().rev() {
        smallest = smallest.min(values[k] * tests / (rank + 1) as f64);
        values[k] = smallest;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agrees_with_scipy() {
        // scipy.stats.false_discovery_control(ps, method="bh")
        let p = [0.0008, 0.009, 0.165, 0.205, 0.396, 0.45, 0.641, 0.781, 0.9, 0.993];
        let expected = [
            0.008,
            0.045,
            0.5125,
            0.5125,
            0.75,
            0.75,
            0.915_714_285_714_285_8,
            0.976_25,
            0.993,
            0.993,
        ];
        for (found, expected) in false_discovery_rates(&p).iter().zip(expected) {
            assert!((found - expected).abs() < 1e-12, "{found} {expected}");
        }
    }

    #[test]
    fn order_ties_and_gaps_do_not_matter() {
        let rates = false_discovery_rates(&[0.5, f64::NAN, 0.01, 0.01]);
        assert_eq!(rates[0], 0.5);
        assert!(rates[1].is_nan());
        assert_eq!(rates[2], rates[3]);
        assert!((rates[2] - 0.015).abs() < 1e-15);
        assert!(false_discovery_rates(&[]).is_empty());
        let single = Array2::<f64>::zeros((1, 1));
        assert_eq!(false_discovery_rates_of_pairs(&single), single);
    }
}
