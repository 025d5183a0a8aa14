//! Kendall's rank correlation.

use statrs::distribution::{ContinuousCDF, Normal};

/// The largest number of pairs of values for which the exact distribution is used, as in SciPy.
const MOST_EXACT: usize = 33;

/// The agreement of two lists in order.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Kendall {
    /// τ-b: 1 for the same order, −1 for the opposite order, corrected for ties.
    pub tau: f64,
    /// The probability of a τ at least as far from 0 if the lists were independent. Exact for short
    /// lists without ties; otherwise from a normal approximation.
    pub p_value: f64,
}

impl Kendall {
    /// Correlates paired values, as `scipy.stats.kendalltau` with `method="auto"` does. O(n²).
    ///
    /// Returns `None` for fewer than two pairs, for lists of different lengths, if all values of a
    /// list are equal, and if a value is NaN.
    ///
    /// # Examples
    ///
    /// ```
    /// use cofire_report::Kendall;
    ///
    /// let kendall = Kendall::of(&[0.2, 0.5, 0.7, 0.9], &[10.0, 30.0, 20.0, 40.0]).unwrap();
    /// assert!((kendall.tau - 2.0 / 3.0).abs() < 1e-12);
    /// assert!((kendall.p_value - 1.0 / 3.0).abs() < 1e-12);
    /// ```
    #[must_use]
    pub fn of(x: &[f64], y: &[f64]) -> Option<Self> {
        let count = x.len();
        if count != y.len() || count < 2 || x.iter().chain(y).any(|value| value.is_nan()) {
            return None;
        }
        let (mut concordant, mut discordant) = (0u64, 0u64);
        for i in 0..count {
            for j in i + 1..count {
                match (order(x[i], x[j]) * order(y[i], y[j])).signum() {
                    1 => concordant += 1,
                    -1 => discordant += 1,
                    _ => {}
                }
            }
        }
        let (ties_x, ties_y) = (Ties::of(x), Ties::of(y));
        let pairs = (count * (count - 1) / 2) as f64;
        let difference = concordant as f64 - discordant as f64;
        let untied = ((pairs - ties_x.pairs) * (pairs - ties_y.pairs)).sqrt();
        if untied == 0.0 {
            return None;
        }
        let has_ties = ties_x.pairs > 0.0 || ties_y.pairs > 0.0;
        let fewer = concordant.min(discordant);
        let p_value = if !has_ties && (count <= MOST_EXACT || fewer <= 1) {
            exact_p_value(count, fewer)
        } else {
            normal_p_value(count as f64, difference, &ties_x, &ties_y)
        };
        Some(Self { tau: (difference / untied).clamp(-1.0, 1.0), p_value })
    }
}

fn order(a: f64, b: f64) -> i32 {
    match a.partial_cmp(&b) {
        Some(order) => order as i32,
        None => 0,
    }
}

/// Sums over the tied values of a list, for the variance.
#[derive(Debug, Default)]
struct Ties {
    /// Pairs of equal values.
    pairs: f64,
    /// Σ t (t − 1) (t − 2) over groups of t equal values.
    triples: f64,
    /// Σ t (t − 1) (2t + 5).
    weighted: f64,
}

impl Ties {
    fn of(values: &[f64]) -> Self {
        let mut sorted = values.to_vec();
        sorted.sort_by(f64::total_cmp);
        // Sorting puts 0 and −0, which are equal, next to each other.
        let mut ties = Self::default();
        for group in sorted.chunk_by(|a, b| a == b) {
            let t = group.len() as f64;
            ties.pairs += t * (t - 1.0) / 2.0;
            ties.triples += t * (t - 1.0) * (t - 2.0);
            ties.weighted += t * (t - 1.0) * (2.0 * t + 5.0);
        }
        ties
    }
}

/// Returns twice the share of all orders of `count` values with at most `fewer` discordant pairs
/// (Kendall 1970, *Rank Correlation Methods*).
fn exact_p_value(count: usize, fewer: u64) -> f64 {
    let fewer = usize::try_from(fewer).unwrap_or(usize::MAX);
    let pairs = count * (count - 1) / 2;
    if 2 * fewer == pairs {
        return 1.0;
    }
    // The share of orders with k discordant pairs, as values are added one by one. Each new value
    // can make between 0 and as many discordant pairs as there are values before it.
    let mut shares = vec![1.0f64];
    for values in 1..count {
        let next = (0..=(shares.len() - 1 + values).min(fewer)).map(|k| {
            let from = k.saturating_sub(values);
            let to = k.min(shares.len() - 1);
            let ways = if from <= to { shares[from..=to].iter().sum() } else { 0.0 };
            ways / (values + 1) as f64
        });
        shares = next.collect();
    }
    (2.0 * shares.iter().take(fewer + 1).sum::<f64>()).min(1.0)
}

fn normal_p_value(count: f64, difference: f64, x: &Ties, y: &Ties) -> f64 {
    let m = count * (count - 1.0);
    let mut variance =
        (m * (2.0 * count + 5.0) - x.weighted - y.weighted) / 18.0 + 2.0 * x.pairs * y.pairs / m;
    if count > 2.0 {
        variance += x.triples * y.triples / (9.0 * m * (count - 2.0));
    }
    let z = difference / variance.sqrt();
    2.0 * Normal::standard().cdf(-z.abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares with `scipy.stats.kendalltau`. `tests/reference/reference.py` writes the cases.
    #[test]
    fn agrees_with_scipy() {
        let cases: serde_json::Value =
            serde_json::from_str(include_str!("../tests/reference/kendall.json")).unwrap();
        let list = |value: &serde_json::Value| -> Vec<f64> {
            value.as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect()
        };
        let cases = cases.as_array().unwrap();
        assert!(cases.len() > 20, "cases are there");
        for case in cases {
            let found = Kendall::of(&list(&case["x"]), &list(&case["y"])).unwrap();
            let (tau, p_value) = (case["tau"].as_f64().unwrap(), case["p"].as_f64().unwrap());
            assert!((found.tau - tau).abs() < 1e-12, "{case}: {found:?}");
            assert!((found.p_value - p_value).abs() < 1e-9, "{case}: {found:?}");
        }
    }

    #[test]
    fn lists_without_order_have_no_correlation() {
        assert_eq!(Kendall::of(&[1.0], &[1.0]), None);
        assert_eq!(Kendall::of(&[1.0, 1.0], &[1.0, 2.0]), None);
        assert_eq!(Kendall::of(&[1.0, f64::NAN], &[1.0, 2.0]), None);
        assert_eq!(Kendall::of(&[1.0, 2.0], &[1.0]), None);
    }
}
