//! The numbers of samples and bins that estimates need.

use crate::text::grouped;

/// The samples per cell of a joint histogram from which a bias of first order describes it well, the
/// rule of the G-test.
const SAMPLES_OF_CELL: f64 = 5.0;

/// The share of the bias by which the mean must exceed it for the rest to be more than chance.
const CLEAR_REST: f64 = 0.25;

/// The share of the rest that the bias may have with the numbers that are advised. It is below 1
/// because the rest is itself an estimate.
const SAFE_BIAS: f64 = 0.8;

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

/// Estimates that have too few samples for their bins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct FewSamples {
    /// The number of samples that would do with the same bins. `None` if more samples would show the
    /// same, because the neurons share hardly more than unrelated ones.
    pub samples: Option<u64>,
    /// The largest number of bins that would do with the same samples, if any would.
    pub bins: Option<u64>,
    /// `true` if Miller and Madow's estimator removes most of the bias.
    pub is_correctable: bool,
}

impl FewSamples {
    /// Judges plug-in estimates by their mean over all pairs, and by their `bias`, the mean for
    /// unrelated neurons, both in nats. Returns `None` if the bias is at most half of the mean.
    ///
    /// The bias is `(Kx − 1)(Ky − 1) / 2S` for neurons that occupy `Kx` and `Ky` bins. So it falls with
    /// more samples or fewer bins, while the rest of the mean stays. If the rest is too small to tell,
    /// the numbers are those for five samples per cell.
    ///
    /// # Examples
    ///
    /// ```
    /// use cofire_report::{FewSamples, Histograms};
    ///
    /// let histograms = Histograms { samples: 1500, bins: 10, neurons: 2, labels: 1 };
    /// assert_eq!(FewSamples::of_plug_in(histograms, 0.05, 0.02), None);
    /// let few = FewSamples::of_plug_in(histograms, 0.03, 0.02).unwrap();
    /// assert_eq!(few.samples, Some(3800));
    /// assert_eq!(few.bins, Some(6));
    /// ```
    #[must_use]
    pub fn of_plug_in(histograms: Histograms, mean: f64, bias: f64) -> Option<Self> {
        let Histograms { samples, bins, neurons, .. } = histograms;
        if !(mean > 0.0 && bias > 0.5 * mean) {
            return None;
        }
        let rest = mean - bias;
        let (enough, fewer) = if rest > CLEAR_REST * bias {
            let share = SAFE_BIAS * rest / bias;
            let fewer = (bins as f64 - 1.0) * share.powf(1.0 / f64::from(neurons));
            (samples as f64 / share, fewer.floor() + 1.0)
        } else {
            histograms.with_samples_of_cell(SAMPLES_OF_CELL)
        };
        // Half a nat is the bias if there are as many samples as cells.
        Some(Self { is_correctable: bias <= 0.5, ..histograms.needing(enough, fewer) })
    }

    /// Judges estimates that correct the bias, by the mean number of cells in which the neurons'
    /// occupied bins meet. Returns `None` if there are as many samples as cells.
    #[must_use]
    pub fn of_corrected(histograms: Histograms, cells: f64) -> Option<Self> {
        let (enough, fewer) = histograms.with_samples_of_cell(1.0);
        (cells > histograms.samples as f64).then(|| histograms.needing(enough, fewer))
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
    /// Returns the number of samples that gives every cell so many, and the number of bins with which
    /// the samples are so many.
    fn with_samples_of_cell(self, wanted: f64) -> (f64, f64) {
        let wanted = wanted * self.labels as f64;
        let bins = (self.samples as f64 / wanted).powf(1.0 / f64::from(self.neurons));
        // The root of a whole number may be just below a whole one.
        (wanted * (self.bins as f64).powi(self.neurons), (bins + 1e-9).floor())
    }

    fn needing(self, samples: f64, bins: f64) -> FewSamples {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "positive numbers below 2^53, and others are at their limit anyway"
        )]
        let whole = |number: f64| number as u64;
        FewSamples {
            samples: (samples > self.samples as f64).then(|| rounded_up(whole(samples.ceil()))),
            bins: (bins >= 2.0 && bins < self.bins as f64).then(|| whole(bins)),
            is_correctable: false,
        }
    }
}

/// Rounds a number up to two digits.
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

    #[test]
    fn without_a_rest_it_is_five_samples_a_cell() {
        // 19 of 20 samples in a bin of their own: the mean is ln 20, the bias 18²/40.
        assert_eq!(numbers(FewSamples::of_plug_in(FEW, 3.0, 8.1)), (Some(330_000), Some(2)));
        let label = Histograms { neurons: 1, labels: 2, ..FEW };
        assert_eq!(numbers(FewSamples::of_plug_in(label, 0.5, 0.5)), (Some(2600), Some(2)));
        let given = Histograms { samples: 100, labels: 2, ..FEW };
        assert_eq!(numbers(FewSamples::of_plug_in(given, 0.5, 0.5)), (Some(660_000), Some(3)));
    }

    #[test]
    fn more_samples_do_not_relate_neurons() {
        let many = Histograms { samples: 1000, bins: 10, ..FEW };
        let few = FewSamples::of_plug_in(many, 0.041, 0.04).unwrap();
        assert_eq!((few.samples, few.advice()), (None, None));
    }

    #[test]
    fn following_the_advice_silences_it() {
        // The bias falls as the formula says, the rest of the mean stays.
        for (rest, samples, bins) in [(0.02, 1500, 10), (0.02, 400, 7), (0.3, 60, 12)] {
            let bias = |samples: f64, bins: f64| (bins - 1.0).powi(2) / (2.0 * samples);
            let judge = |samples: usize, bins: usize| {
                let bias = bias(samples as f64, bins as f64);
                let histograms = Histograms { samples, bins, neurons: 2, labels: 1 };
                FewSamples::of_plug_in(histograms, rest + bias, bias)
            };
            let (enough, fewer) = numbers(judge(samples, bins));
            assert!(judge(enough.unwrap() as usize, bins).is_none(), "{samples} samples");
            if let Some(fewer) = fewer {
                assert!(judge(samples, fewer as usize).is_none(), "{bins} bins");
            }
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
