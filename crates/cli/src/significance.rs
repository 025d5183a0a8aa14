//! Tests of whether pairs share more than chance explains.

use std::path::PathBuf;
use std::time::Instant;

use cofire::significance::{
    PermutationReport, false_discovery_rates, false_discovery_rates_of_pairs,
};
use cofire::{BetweenReport, Error, Report};
use ndarray::{Array1, Array2};
use serde::Serialize;

use crate::failure::Failure;
use crate::results::Results;
use crate::settings::{OrderSettings, SignificanceTest, SurrogateSettings};
use crate::statistics::{Pairs, Spread};

/// The false-discovery rate at or below which pairs are counted.
pub(crate) const RATE: f64 = 0.05;

/// The result of a test of all pairs.
#[derive(Debug, Serialize)]
pub(crate) struct SignificanceFacts {
    pub(crate) test: &'static str,
    #[serde(flatten)]
    pub(crate) orders: OrderFacts,
    /// The number of permutations or shifts that were made.
    pub(crate) permutations: Option<u32>,
    pub(crate) seed: Option<u64>,
    pub(crate) pairs: u64,
    pub(crate) false_discovery_rate: f64,
    /// The number of pairs at or below that rate.
    pub(crate) discoveries: u64,
    /// The number of pairs with fewer than five samples per cell, for which a G-test's p-values are
    /// wrong, mostly too small.
    pub(crate) pairs_with_few_samples: Option<u64>,
    /// The mutual information of pairs less its mean over permutations or shifts.
    pub(crate) excess: Option<Spread>,
    /// The effective numbers of samples, of the pairs that have one.
    pub(crate) effective_samples: Option<Spread>,
    pub(crate) incidents: Vec<String>,
    pub(crate) seconds: f64,
}

/// The options of permutations and shifts, as they were given.
#[derive(Debug, Default, Serialize)]
pub(crate) struct OrderFacts {
    pub(crate) shift_at_least: Option<usize>,
    pub(crate) blocks: Option<usize>,
    pub(crate) documents: Option<PathBuf>,
}

/// Runs the G-test of the pairs within a layer.
pub(crate) fn g_test(
    report: &Report,
    results: &mut Results<'_>,
    failed: impl Fn(Error) -> Failure,
) -> Result<SignificanceFacts, Failure> {
    let clock = Instant::now();
    let p_values = report.g_test().map_err(failed)?;
    let few = few_samples(Pairs::Once, report.samples, [&report.occupied_bins; 2]);
    let facts = SignificanceFacts { pairs_with_few_samples: Some(few), ..of(&SignificanceTest::G) };
    facts.finish(Pairs::Once, p_values, results, clock)
}

/// Runs the G-test of the pairs between two layers.
pub(crate) fn g_test_between(
    report: &BetweenReport,
    results: &mut Results<'_>,
    failed: impl Fn(Error) -> Failure,
) -> Result<SignificanceFacts, Failure> {
    let clock = Instant::now();
    let p_values = report.g_test().map_err(failed)?;
    let occupied = [&report.rows.occupied_bins, &report.columns.occupied_bins];
    let few = few_samples(Pairs::Between, report.samples, occupied);
    let facts = SignificanceFacts { pairs_with_few_samples: Some(few), ..of(&SignificanceTest::G) };
    facts.finish(Pairs::Between, p_values, results, clock)
}

/// Writes the results of a test by permutations or shifts, within a layer or between two. It comes
/// with a clock that was started when it began.
pub(crate) fn surrogate_test(
    settings: &SurrogateSettings,
    pairs: Pairs,
    (report, clock): (PermutationReport, Instant),
    results: &mut Results<'_>,
    failed: impl Fn(Error) -> Failure,
) -> Result<SignificanceFacts, Failure> {
    results.write("excess", "excess.npy", report.excess.view())?;
    let excess = pairs.spread(&report.excess);
    let effective_samples = match report.effective_samples() {
        Ok(effective) => {
            results.write("effective_samples", "effective_samples.npy", effective.view())?;
            let known = || pairs.of(&effective).map(|(_, _, n)| n).filter(|n| !n.is_nan());
            Spread::of(known)
        }
        // Only plug-in estimates tell it.
        Err(Error::EstimatorUnsupported { .. }) => None,
        Err(error) => return Err(failed(error)),
    };
    let facts = SignificanceFacts {
        permutations: Some(report.permutations),
        incidents: report.execution.incidents.iter().map(ToString::to_string).collect(),
        excess,
        effective_samples,
        ..of(&SignificanceTest::Surrogates(settings.clone()))
    };
    facts.finish(pairs, report.p_values, results, clock)
}

/// Returns facts for a test that is still to be made.
fn of(test: &SignificanceTest) -> SignificanceFacts {
    let surrogates = test.surrogates();
    SignificanceFacts {
        test: test.name(),
        orders: OrderFacts::of(surrogates),
        permutations: surrogates.map(|surrogates| surrogates.permutations),
        seed: surrogates.map(|surrogates| surrogates.seed),
        pairs: 0,
        false_discovery_rate: RATE,
        discoveries: 0,
        pairs_with_few_samples: None,
        excess: None,
        effective_samples: None,
        incidents: Vec::new(),
        seconds: 0.0,
    }
}

impl OrderFacts {
    pub(crate) fn of(settings: Option<&SurrogateSettings>) -> Self {
        match settings.map(|settings| &settings.order) {
            None | Some(OrderSettings::Permutation) => Self::default(),
            Some(&OrderSettings::Shift { at_least }) => {
                Self { shift_at_least: at_least, ..Self::default() }
            }
            Some(&OrderSettings::Blocks { length }) => {
                Self { blocks: Some(length), ..Self::default() }
            }
            Some(OrderSettings::Documents(file)) => {
                Self { documents: Some(file.clone()), ..Self::default() }
            }
        }
    }
}

impl SignificanceFacts {
    fn finish(
        self,
        pairs: Pairs,
        p_values: Array2<f64>,
        results: &mut Results<'_>,
        clock: Instant,
    ) -> Result<Self, Failure> {
        results.write("p_values", "p_values.npy", p_values.view())?;
        let rates = match pairs {
            Pairs::Between => {
                let shape = p_values.dim();
                let rates = false_discovery_rates(&p_values.into_iter().collect::<Vec<_>>());
                Array2::from_shape_vec(shape, rates)
                    .map_err(|error| Failure::Other(error.to_string()))?
            }
            _ => false_discovery_rates_of_pairs(&p_values),
        };
        let file = "false_discovery_rates.npy";
        results.write("false_discovery_rates", file, rates.view())?;
        let discoveries = pairs.of(&rates).filter(|(_, _, rate)| *rate <= RATE).count() as u64;
        let seconds = clock.elapsed().as_secs_f64();
        Ok(Self { pairs: pairs.count(rates.dim()), discoveries, seconds, ..self })
    }
}

/// Counts the pairs with S < 5 Kx Ky, leaving out constant neurons.
fn few_samples(pairs: Pairs, samples: usize, occupied: [&Array1<u32>; 2]) -> u64 {
    let [rows, columns] = occupied;
    let mut few = 0;
    for (i, &x) in rows.iter().enumerate() {
        let first = if pairs == Pairs::Once { i + 1 } else { 0 };
        let others = columns
            .iter()
            .skip(first)
            .filter(|&&y| x > 1 && y > 1 && (samples as u64) < 5 * u64::from(x) * u64::from(y));
        few += others.count() as u64;
    }
    few
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_with_few_samples_are_counted_once() {
        let occupied = Array1::from(vec![2, 3, 1, 10]);
        // 5 · 2 · 3 = 30, 5 · 2 · 10 = 100, 5 · 3 · 10 = 150; one neuron is constant.
        for (samples, expected) in [(29, 3), (30, 2), (100, 1), (149, 1), (150, 0)] {
            assert_eq!(few_samples(Pairs::Once, samples, [&occupied; 2]), expected, "{samples}");
        }
        let other = Array1::from(vec![2]);
        assert_eq!(few_samples(Pairs::Between, 20, [&occupied, &other]), 2);
    }
}
