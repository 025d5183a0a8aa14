//! The numbers of samples and bins that estimates need.

use crate::text::grouped;

/// The standard errors by which a mean must exceed its bias for the rest to be more than chance.
const CLEAR_ERRORS: f64 = 4.0;

/// The share of the rest that the bias may have with the numbers that are advised. It is below 1
/// because the rest is itself an estimate.
const SAFE_BIAS: f64 = 0.8;

/// The share of the entropy that a bias may have if the rest is not clear.
const SMALL_BIAS: f64 = 0.05;

/// The size of the histograms that a mean mutual information was estimated from.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Histograms {
    /// The number of samples.
    pub samples: usize,
    /// The number of bins of a neuron.
    pub bins: usize,
    /// The number of neurons in a histogram: 2 for pairs, 1 for a neuron with a label.
    pub neurons: i32,
    /// The number of labels; 1 without labels.
    pub labels: usize,
}

/// The plug-in estimates of mutual information that are judged, in nats.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PlugIn {
    /// The mean of the estimates.
    pub mean: f64,
    /// The mean estimate for unrelated neurons: `(Kx − 1)(Ky − 1) / 2S` if they occupy `Kx` and `Ky`
    /// bins.
    pub bias: f64,
    /// The mean entropy of a neuron.
    pub entropy: f64,
    /// The number of estimates.
    pub estimates: u64,
}

/// Estimates that have too few samples for their bins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct FewSamples {
    /// The number of samples that would do with the same bins. `None` if the neurons share no more than
    /// unrelated ones, as far as these samples tell, and that is little.
    pub samples: Option<u64>,
    /// The largest number of bins that would do with the same samples, if any would.
    pub bins: Option<u64>,
    /// `true` if Miller and Madow's estimator removes most of the bias.
    pub is_correctable: bool,
}

impl FewSamples {
    /// Checks plug-in estimates by their mean and their bias. Returns `None` if the bias is at most half
    /// of the mean.
    ///
    /// The bias falls with more samples or fewer bins, while the rest of the mean stays. So the numbers
    /// are those with which the bias is less than the rest. If the rest is no more than chance, they are
    /// those with which the bias is a twentieth of the entropy, and there are none if it is less already.
    ///
    /// # Examples
    ///
    /// ```
    /// use cofire_report::{FewSamples, Histograms, PlugIn};
    ///
    /// let histograms = Histograms { samples: 1500, bins: 10, neurons: 2, labels: 1 };
    /// let judge = |mean| {
    ///     let plug_in = PlugIn { mean, bias: 0.02, entropy: 1.5, estimates: 1000 };
    ///     FewSamples::of_plug_in(histograms, plug_in)
    /// };
    /// assert_eq!(judge(0.05), None);
    /// let few = judge(0.03).unwrap();
    /// assert_eq!((few.samples, few.bins), (Some(3800), Some(6)));
    /// assert_eq!(judge(0.02).unwrap().samples, None);
    /// ```
    #[must_use]
    pub fn of_plug_in(histograms: Histograms, plug_in: PlugIn) -> Option<Self> {
        let PlugIn { mean, bias, entropy, estimates } = plug_in;
        if !(mean > 0.0 && bias > 0.5 * mean) {
            return None;
        }
        let Histograms { samples, bins, .. } = histograms;
        let samples = samples as f64;
        // The standard error of the mean of G is that of a chi-squared distribution. The bias is of first
        // order; the next one is a sixth of the cells a sample, more in bins of uneven size (Williams 1976).
        let error = (samples * bias * estimates as f64).sqrt().recip();
        let unclear = CLEAR_ERRORS * error + histograms.cells(bins) / (2.0 * samples);
        let rest = mean - bias;
        // Half a nat is the bias if there are as many samples as cells.
        let is_correctable = bias <= 0.5;
        if rest > unclear * bias {
            let target = SAFE_BIAS * rest;
            let with = |fewer: usize| {
                bias * histograms.freedom(fewer) / histograms.freedom(bins) <= target
            };
            let fewer = (2..bins).rev().find(|&fewer| with(fewer));
            return Some(Self {
                is_correctable,
                ..histograms.needing(samples * bias / target, fewer)
            });
        }
        if bias <= SMALL_BIAS * entropy {
            return Some(Self { samples: None, bins: None, is_correctable });
        }
        // More samples may occupy all bins.
        let enough = histograms.freedom(bins) / (2.0 * SMALL_BIAS * entropy);
        let with = |fewer: usize| {
            let entropy = entropy.min((fewer as f64).ln());
            histograms.freedom(fewer) / (2.0 * samples) <= SMALL_BIAS * entropy
        };
        let fewer = (2..bins).rev().find(|&fewer| with(fewer));
        Some(Self { is_correctable, ..histograms.needing(enough, fewer) })
    }

    /// Checks estimates that correct the bias, by the mean number of cells in which the neurons'
    /// occupied bins meet. Returns `None` if there are as many samples as cells.
    #[must_use]
    pub fn of_corrected(histograms: Histograms, cells: f64) -> Option<Self> {
        let Histograms { samples, bins, .. } = histograms;
        let fewer = (2..bins).rev().find(|&fewer| histograms.cells(fewer) <= samples as f64);
        (cells > samples as f64).then(|| histograms.needing(histograms.cells(bins), fewer))
    }

    /// Returns what is needed by all of several estimates. Returns `None` for no estimates.
    #[must_use]
    pub fn of_all(all: impl IntoIterator<Item = Self>) -> Option<Self> {
        all.into_iter().reduce(|one, other| Self {
            samples: one.samples.max(other.samples),
            bins: match (one.samples, other.samples) {
                (None, _) => other.bins,
                (_, None) => one.bins,
                _ => one.bins.zip(other.bins).map(|(one, other)| one.min(other)),
            },
            is_correctable: one.is_correctable && other.is_correctable,
        })
    }

    /// Returns the way out in words. Returns `None` if there is none.
    #[must_use]
    pub fn advice(&self) -> Option<String> {
        let number = match (self.samples, self.bins) {
            (None, _) => return None,
            (Some(samples), None) => format!("about {} samples would do", grouped_u64(samples)),
            (Some(samples), Some(bins)) => {
                format!("about {} samples or {bins} bins would do", grouped_u64(samples))
            }
        };
        let estimator = if self.is_correctable { ", or --estimator miller-madow" } else { "" };
        Some(number + estimator)
    }
}

impl Histograms {
    /// Returns the number of cells if neurons have `bins` bins.
    fn cells(self, bins: usize) -> f64 {
        (bins as f64).powi(self.neurons) * self.labels as f64
    }

    /// Returns the degrees of freedom that unrelated neurons have in a histogram.
    fn freedom(self, bins: usize) -> f64 {
        let labels = match self.neurons {
            1 => self.labels.saturating_sub(1), // with the label
            _ => self.labels,                   // given the label
        };
        (bins as f64 - 1.0).powi(self.neurons) * labels as f64
    }

    fn needing(self, samples: f64, bins: Option<usize>) -> FewSamples {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a positive number below 2^53, and others are at their limit anyway"
        )]
        let enough = samples.ceil() as u64;
        FewSamples {
            samples: (samples > self.samples as f64).then(|| rounded_up(enough)),
            bins: bins.map(|bins| bins as u64),
            is_correctable: false,
        }
    }
}

/// Returns a number rounded up to two digits.
fn rounded_up(number: u64) -> u64 {
    let unit = 10u64.pow(number.checked_ilog10().unwrap_or(0).saturating_sub(1));
    number.div_ceil(unit).saturating_mul(unit)
}

fn grouped_u64(number: u64) -> String {
    grouped(usize::try_from(number).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FEW: Histograms = Histograms { samples: 20, bins: 256, neurons: 2, labels: 1 };

    fn numbers(few: Option<FewSamples>) -> (Option<u64>, Option<u64>) {
        few.map(|few| (few.samples, few.bins)).unwrap()
    }

    fn plug_in(mean: f64, bias: f64, entropy: f64) -> PlugIn {
        PlugIn { mean, bias, entropy, estimates: 100 }
    }

    #[test]
    fn without_a_clear_rest_the_bias_has_to_be_small() {
        // 19 of 20 samples in a bin of their own: the mean is ln 20, the bias 18²/40.
        let of_pairs = FewSamples::of_plug_in(FEW, plug_in(3.0, 8.1, 3.0));
        assert_eq!(numbers(of_pairs), (Some(220_000), Some(2))); // 255² / 2 / 0.15
        let label = Histograms { neurons: 1, labels: 3, ..FEW };
        let of_label = FewSamples::of_plug_in(label, plug_in(0.9, 0.9, 3.0));
        assert_eq!(numbers(of_label), (Some(1700), None)); // 255 · 2 / 2 / 0.15
        let given = Histograms { samples: 100, labels: 2, ..FEW };
        let given = FewSamples::of_plug_in(given, plug_in(0.5, 0.5, 3.0));
        assert_eq!(numbers(given), (Some(440_000), Some(3))); // 2² · 2 / 200 is less than ln 3 / 20
    }

    #[test]
    fn unrelated_neurons_need_no_more_samples() {
        let many = Histograms { samples: 1000, bins: 10, ..FEW };
        let few = FewSamples::of_plug_in(many, plug_in(0.041, 0.0405, 2.2)).unwrap();
        assert_eq!((few.samples, few.advice()), (None, None));
    }

    #[test]
    fn following_the_advice_silences_it() {
        // The bias falls as the formula says, the rest of the mean stays.
        for (rest, samples, bins) in [(0.02, 1500, 10), (0.005, 1500, 10), (0.3, 60, 12)] {
            let judge = |samples: usize, bins: usize| {
                let histograms = Histograms { samples, bins, neurons: 2, labels: 1 };
                let bias = histograms.freedom(bins) / (2.0 * samples as f64);
                let estimates = PlugIn { estimates: 10_000, ..plug_in(rest + bias, bias, 1.0) };
                FewSamples::of_plug_in(histograms, estimates)
            };
            let (enough, fewer) = numbers(judge(samples, bins));
            assert!(judge(enough.unwrap() as usize, bins).is_none(), "{samples} samples");
            assert!(judge(samples, fewer.unwrap() as usize).is_none(), "{samples}, {fewer:?} bins");
        }
    }

    #[test]
    fn corrections_need_as_many_samples_as_cells() {
        assert_eq!(numbers(FewSamples::of_corrected(FEW, 361.0)), (Some(66_000), Some(4)));
        assert_eq!(FewSamples::of_corrected(FEW, 20.0), None);
    }

    #[test]
    fn of_several_the_greatest_need_counts() {
        let few = |samples, bins| FewSamples { samples, bins, is_correctable: true };
        let all = [few(Some(500), Some(3)), few(None, None), few(Some(2000), Some(5))];
        assert_eq!(FewSamples::of_all(all), Some(few(Some(2000), Some(3))));
        let expected = "about 2,000 samples or 3 bins would do, or --estimator miller-madow";
        assert_eq!(FewSamples::of_all(all).unwrap().advice().unwrap(), expected);
        assert_eq!(FewSamples::of_all([]), None);
    }
}
