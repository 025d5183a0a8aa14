//! A mixture of Gaussians in one dimension.

use std::f64::consts::PI;

use crate::box_statistics::quantile;

/// The largest number of components that is tried.
pub(crate) const MOST_COMPONENTS: usize = 4;

const MOST_ROUNDS: usize = 500;

/// The fit ends when a round raises the mean log-likelihood by less than this.
const TOLERANCE: f64 = 1e-7;

/// The smallest width of a component, as a share of the standard deviation of all values. Without a
/// limit, the likelihood of a component that shrinks onto a single value is unbounded.
const NARROWEST: f64 = 1e-3;

/// One Gaussian of a mixture.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Component {
    /// The component's share of the values.
    pub weight: f64,
    /// The centre.
    pub mean: f64,
    /// The width.
    pub standard_deviation: f64,
}

impl Component {
    /// Returns the component's part of the density at `x`.
    #[must_use]
    pub fn density(&self, x: f64) -> f64 {
        let z = (x - self.mean) / self.standard_deviation;
        self.weight * (-0.5 * z * z).exp() / (self.standard_deviation * (2.0 * PI).sqrt())
    }
}

/// A sum of Gaussians that approximates the density of some values, fitted by expectation
/// maximisation (Dempster, Laird and Rubin 1977).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Mixture {
    /// The components, by ascending mean.
    pub components: Vec<Component>,
    /// The mean log-likelihood of a value, in nats.
    pub log_likelihood: f64,
    /// The Bayesian information criterion, `(3K − 1) ln n − 2 n · log_likelihood`. Lower is better.
    pub bic: f64,
}

impl Mixture {
    /// Fits mixtures of one to four components and returns the one with the lowest BIC. Returns
    /// `None` for fewer than ten values, or if all values are equal.
    ///
    /// `ascending` must be sorted and finite. The fit starts from quantiles, so the same values
    /// give the same mixture. Like every such fit, it may find a local optimum. O(n · rounds).
    ///
    /// # Examples
    ///
    /// ```
    /// use cofire_report::Mixture;
    ///
    /// let two = |k: usize| if k < 50 { 0.0 } else { 10.0 } + (k % 50) as f64 / 50.0;
    /// let values: Vec<f64> = (0..100).map(two).collect();
    /// let mixture = Mixture::of(&values).unwrap();
    /// assert_eq!(mixture.components.len(), 2);
    /// assert!((mixture.components[1].mean - 10.49).abs() < 0.01);
    /// ```
    #[must_use]
    pub fn of(ascending: &[f64]) -> Option<Self> {
        let (first, last) = (ascending.first()?, ascending.last()?);
        if ascending.len() < 10 || first == last {
            return None;
        }
        let all = (1..=MOST_COMPONENTS).map(|components| Self::fit(ascending, components));
        all.min_by(|a, b| a.bic.total_cmp(&b.bic))
    }

    /// Returns the density at `x`.
    #[must_use]
    pub fn density(&self, x: f64) -> f64 {
        self.components.iter().map(|component| component.density(x)).sum()
    }

    /// Fits the given number of components from two starts and returns the better fit.
    fn fit(ascending: &[f64], components: usize) -> Self {
        let spread = deviation(ascending);
        let narrowest = spread * NARROWEST;
        let starts = [even_start(ascending, components), tail_start(ascending, components)];
        let fits = starts.map(|start| Self::improve(ascending, start, narrowest));
        let [even, tail] = fits;
        if components > 1 && tail.log_likelihood > even.log_likelihood { tail } else { even }
    }

    fn improve(values: &[f64], mut components: Vec<Component>, narrowest: f64) -> Self {
        let count = values.len() as f64;
        let mut log_likelihood = f64::NEG_INFINITY;
        for _ in 0..MOST_ROUNDS {
            let (sums, reached) = expect(values, &components);
            for (component, [weight, sum, squares]) in components.iter_mut().zip(sums) {
                if weight > 0.0 {
                    let mean = sum / weight;
                    let variance = (squares / weight - mean * mean).max(narrowest * narrowest);
                    *component = Component {
                        weight: weight / count,
                        mean,
                        standard_deviation: variance.sqrt(),
                    };
                } else {
                    component.weight = 0.0;
                }
            }
            let gained = reached / count - log_likelihood;
            log_likelihood = reached / count;
            if gained < TOLERANCE {
                break;
            }
        }
        components.sort_by(|a, b| a.mean.total_cmp(&b.mean));
        let parameters = (3 * components.len() - 1) as f64;
        let bic = parameters * count.ln() - 2.0 * count * log_likelihood;
        Self { components, log_likelihood, bic }
    }
}

/// Returns, for each component, the sums of responsibilities, of values and of squared values
/// weighted by them. Also returns the log-likelihood of all values.
fn expect(values: &[f64], components: &[Component]) -> ([[f64; 3]; MOST_COMPONENTS], f64) {
    let mut sums = [[0.0; 3]; MOST_COMPONENTS];
    let mut log_likelihood = 0.0;
    let mut logs = [0.0; MOST_COMPONENTS];
    for &x in values {
        for (log, component) in logs.iter_mut().zip(components) {
            let z = (x - component.mean) / component.standard_deviation;
            *log = component.weight.ln() - 0.5 * z * z - component.standard_deviation.ln();
        }
        let logs = &logs[..components.len()];
        let highest = logs.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let total: f64 = logs.iter().map(|log| (log - highest).exp()).sum();
        log_likelihood += highest + total.ln() - 0.5 * (2.0 * PI).ln();
        for (sums, log) in sums.iter_mut().zip(logs) {
            let share = (log - highest).exp() / total;
            sums[0] += share;
            sums[1] += share * x;
            sums[2] += share * x * x;
        }
    }
    (sums, log_likelihood)
}

/// Places each component in the middle of an equal share of the values.
fn even_start(ascending: &[f64], components: usize) -> Vec<Component> {
    start(ascending, &(0..=components).map(|k| k as f64 / components as f64).collect::<Vec<_>>())
}

/// Places the first component in the lower 65 % of the values, and the others in ever smaller parts
/// of the upper tail, where the few pairs with much mutual information are.
fn tail_start(ascending: &[f64], components: usize) -> Vec<Component> {
    let mut ends = vec![0.0];
    ends.extend((1..components).map(|k| 1.0 - 0.5f64.powf(1.5 * k as f64)));
    ends.push(1.0);
    start(ascending, &ends)
}

fn start(ascending: &[f64], ends: &[f64]) -> Vec<Component> {
    let narrowest = deviation(ascending) * 0.05;
    let middle = |from: f64, to: f64| {
        let width = (quantile(ascending, to) - quantile(ascending, from)) / 2.0;
        Component {
            weight: to - from,
            mean: quantile(ascending, (from + to) / 2.0),
            standard_deviation: width.max(narrowest),
        }
    };
    ends.windows(2).map(|ends| middle(ends[0], ends[1])).collect()
}

fn deviation(values: &[f64]) -> f64 {
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    (values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / count).sqrt()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares with `sklearn.mixture.GaussianMixture` with twenty starts.
    /// `tests/reference/reference.py` writes the cases.
    #[test]
    fn agrees_with_scikit_learn() {
        let cases: serde_json::Value =
            serde_json::from_str(include_str!("../tests/reference/mixtures.json")).unwrap();
        for case in cases.as_array().unwrap() {
            let mut values: Vec<f64> =
                case["values"].as_array().unwrap().iter().map(|x| x.as_f64().unwrap()).collect();
            values.sort_by(f64::total_cmp);
            let name = &case["name"];
            // With more components than needed there are many optima, and the fit may find any of
            // them.
            let worth = case["best"].as_u64();
            for fit in case["fits"].as_array().unwrap() {
                if fit["components"].as_u64() > worth {
                    continue;
                }
                let components = usize::try_from(fit["components"].as_u64().unwrap()).unwrap();
                let found = Mixture::fit(&values, components);
                let expected = fit["log_likelihood"].as_f64().unwrap();
                // A better optimum than the reference's is fine.
                assert!(
                    found.log_likelihood > expected - 2e-3,
                    "{name}, {components}: {} {expected}",
                    found.log_likelihood
                );
            }
            let best = Mixture::of(&values).unwrap();
            assert_eq!(
                best.components.len() as u64,
                case["best"].as_u64().unwrap(),
                "{name}: {best:?}"
            );
            let (bic, expected) = (best.bic, case["bic"].as_f64().unwrap());
            assert!((bic - expected).abs() < 2e-3 * expected.abs(), "{name}: {bic} {expected}");
        }
    }

    #[test]
    fn densities_integrate_to_one() {
        let values: Vec<f64> = (0..200).map(|k| (f64::from(k) / 199.0).powi(3)).collect();
        let mixture = Mixture::of(&values).unwrap();
        let step = 1e-5;
        let whole: f64 =
            (-100_000..200_000).map(|k| mixture.density(f64::from(k) * step) * step).sum();
        assert!((whole - 1.0).abs() < 1e-4, "{whole}");
    }

    #[test]
    fn values_without_spread_have_no_mixture() {
        assert_eq!(Mixture::of(&[1.0; 50]), None);
        assert_eq!(Mixture::of(&[1.0, 2.0]), None);
        assert_eq!(Mixture::of(&[]), None);
        // There are only two values. Components must not shrink onto them.
        let two: Vec<f64> = (0..40).map(|k| if k < 20 { 0.0 } else { 1.0 }).collect();
        let mixture = Mixture::of(&two).unwrap();
        assert!(mixture.bic.is_finite(), "{mixture:?}");
    }
}
