//! Tests of nulls for samples that depend on each other.

use cofire::significance::{Null, PermutationReport, Surrogates, false_discovery_rates_of_pairs};
use cofire::{Analysis, Engine, Error, Estimator, Units};
use ndarray::{Array2, Axis, concatenate, s};

use crate::common::activations::{mix, varied};
use crate::common::everywhere;

const SHIFT: Null = Null::Shift { at_least: None };

/// Returns a number from a normal distribution, by Box and Muller.
fn normal(counter: u64) -> f64 {
    let uniform = |k: u64| ((mix(2 * counter + k) >> 11) as f64 + 0.5) / (1u64 << 53) as f64;
    (-2.0 * uniform(0).ln()).sqrt() * (std::f64::consts::TAU * uniform(1)).cos()
}

/// Makes neurons that each remember nine tenths of the sample before: AR(1), in its stationary
/// state. `driven` has the share of a common input in the noise of each.
fn autoregressive(samples: usize, neurons: usize, seed: u64, driven: f64) -> Array2<f32> {
    const KEPT: f64 = 0.9;
    let noise = |s: usize, n: usize| normal(seed << 40 | (s * (neurons + 1) + n) as u64);
    let mut x = Array2::zeros((samples, neurons));
    for n in 0..neurons {
        let mut value = noise(samples, n) / (1.0 - KEPT * KEPT).sqrt();
        for s in 0..samples {
            let new = driven.sqrt() * noise(s, neurons) + (1.0 - driven).sqrt() * noise(s, n);
            value = KEPT * value + new;
            #[expect(clippy::cast_possible_truncation, reason = "activations are f32")]
            let single = value as f32;
            x[[s, n]] = single;
        }
    }
    x
}

fn upper(matrix: &Array2<f64>) -> Vec<f64> {
    let neurons = matrix.nrows();
    let pairs = (0..neurons).flat_map(|i| (i + 1..neurons).map(move |j| (i, j)));
    pairs.map(|pair| matrix[pair]).collect()
}

/// Returns the largest distance between the distribution of values and the uniform one, times √n:
/// Kolmogorov and Smirnov's statistic. 1.63 is exceeded once in a hundred times.
fn kolmogorov_smirnov(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let n = values.len() as f64;
    let distances = values.iter().enumerate().map(|(k, value)| {
        let (below, up_to) = (k as f64 / n, (k + 1) as f64 / n);
        (value - below).abs().max((value - up_to).abs())
    });
    distances.fold(0.0, f64::max) * n.sqrt()
}

fn test(x: &Array2<f32>, null: Null, seed: u64) -> PermutationReport {
    let surrogates = Surrogates { null, number: 199, seed };
    Analysis::new(4).engine(Engine::Cpu).surrogate_test(x.view(), &surrogates).unwrap()
}

#[test]
fn p_values_of_unrelated_slow_neurons_are_uniform() {
    let x = autoregressive(4000, 24, 1, 0.0);
    for null in [SHIFT, Null::Blocks { length: 100 }] {
        let report = test(&x, null.clone(), 3);
        let values = upper(&report.p_values);
        let found = kolmogorov_smirnov(values.clone());
        let few = values.iter().filter(|&&p| p <= 0.05).count();
        assert!(few < 28, "{null:?}: {few} of {} at 0.05", values.len());
        assert!(found < 1.63, "{null:?}: {found}");
        let rates = upper(&false_discovery_rates_of_pairs(&report.p_values));
        assert!(rates.iter().all(|&rate| rate > 0.05), "{null:?}: nothing to discover");
        // The bias is gone: the mean is within four standard errors of 0.
        let excess = upper(&report.excess);
        let mean = excess.iter().sum::<f64>() / excess.len() as f64;
        let variance = excess.iter().map(|e| (e - mean).powi(2)).sum::<f64>() / excess.len() as f64;
        let error = (variance / excess.len() as f64).sqrt();
        assert!(mean.abs() < 4.0 * error, "{null:?}: {mean} ± {error}");
    }
    // Tests that take the samples for independent ones find what is not there.
    let g_test = Analysis::new(4).run(x.view()).unwrap().g_test().unwrap();
    for values in [upper(&g_test), upper(&test(&x, Null::Permutation, 3).p_values)] {
        let found = kolmogorov_smirnov(values.clone());
        let few = values.iter().filter(|&&p| p <= 0.05).count();
        assert!(few > values.len() / 2, "{few} of {} at 0.05", values.len());
        assert!(found > 4.0, "{found}");
    }
}

#[test]
fn the_effective_number_of_samples_is_that_of_the_rhythm() {
    let median = |report: &PermutationReport| {
        let mut values = upper(&report.effective_samples().unwrap());
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    // Bartlett (1946): correlations of two AR(1) neurons have the variance (1 + 0.81) / (1 - 0.81)
    // / S, that of S / 9.5 independent samples. Mutual information over bins sees functions that
    // forget faster, so there are more effective samples than that.
    let slow = autoregressive(4000, 24, 2, 0.0);
    let found = median(&test(&slow, SHIFT, 0));
    assert!((420.0..1600.0).contains(&found), "{found}");
    // Independent samples are as many as there are.
    let found = median(&test(&slow, Null::Permutation, 0));
    assert!((found / 4000.0 - 1.0).abs() < 0.1, "{found}");
    let quick = varied(4000, 12, 1);
    let found = median(&test(&quick, SHIFT, 0));
    assert!((found / 4000.0 - 1.0).abs() < 0.2, "{found}");
    let report = test(&slow, SHIFT, 0);
    assert!(report.effective_samples().unwrap().diag().iter().all(|value| value.is_nan()));
    let mut dead = slow.slice(s![.., ..2]).to_owned();
    dead.column_mut(1).fill(0.5);
    let report = test(&dead, SHIFT, 0);
    assert!(report.effective_samples().unwrap()[[0, 1]].is_nan());
    assert_eq!((report.p_values[[0, 1]], report.excess[[0, 1]]), (1.0, 0.0));
}

#[test]
fn coupled_slow_neurons_are_found() {
    // The share of pairs found at 0.05, by the share of common input. docs/SIGNIFICANCE.md has them.
    for (driven, least) in [(0.1, 0.3), (0.25, 0.95), (0.5, 1.0)] {
        let x = autoregressive(4000, 24, 5, driven);
        for null in [SHIFT, Null::Blocks { length: 100 }] {
            let values = upper(&test(&x, null.clone(), 1).p_values);
            let found = values.iter().filter(|&&p| p <= 0.05).count() as f64 / values.len() as f64;
            assert!(found >= least, "{null:?}, {driven}: {found}");
        }
    }
}

#[test]
fn tests_by_surrogates_are_the_same_everywhere() {
    let x = varied(70, 9, 1);
    let ids: Vec<u32> = (0..70).map(|s| s / 6 + s / 40).collect();
    let nulls = [SHIFT, Null::Blocks { length: 8 }, Null::Documents(ids.into())];
    for null in nulls {
        let mut first = None;
        let surrogates = Surrogates { null, number: 7, seed: 42 };
        everywhere("a test by surrogates", |place| {
            let within = place.analysis(4).surrogate_test(x.view(), &surrogates).unwrap();
            let (rows, columns) = (x.slice(s![.., ..4]), x.slice(s![.., 4..]));
            let between = place.analysis(4).surrogate_test_between(rows, columns, &surrogates);
            let between = between.unwrap();
            assert_eq!(between.p_values.dim(), (4, 5), "{place}");
            for report in [&within, &between] {
                assert_eq!(report.permutations, 7, "{place}");
            }
            assert_eq!(within.p_values, within.p_values.t(), "{place}");
            assert_eq!(within.excess, within.excess.t(), "{place}");
            let found = [within, between].map(|r| (r.p_values, r.excess, r.null_mean));
            let first = first.get_or_insert_with(|| found.clone());
            assert_eq!(*first, found, "{place}");
        });
    }
}

#[test]
fn all_shifts_are_used_if_there_are_no_more() {
    // 31 samples have the shifts 5 to 26.
    let x = varied(31, 4, 3);
    let analysis = Analysis::new(3).engine(Engine::Cpu).units(Units::Bits);
    let surrogates = Surrogates { null: Null::Shift { at_least: Some(5) }, number: 1000, seed: 9 };
    let report = analysis.surrogate_test(x.view(), &surrogates).unwrap();
    assert_eq!(report.permutations, 22);
    let observed = analysis.run(x.view()).unwrap().mutual_information;
    let shifted: Vec<Array2<f64>> = (5..=26)
        .map(|d| {
            let y = concatenate![Axis(0), x.slice(s![d.., ..]), x.slice(s![..d, ..])];
            analysis.run_between(y.view(), x.view()).unwrap().mutual_information
        })
        .collect();
    for (i, j) in (0..4).flat_map(|i| (i + 1..4).map(move |j| (i, j))) {
        let values: Vec<f64> = shifted.iter().map(|matrix| matrix[[i, j]]).collect();
        let at_least = values.iter().filter(|&&v| v >= observed[[i, j]]).count() as f64;
        assert_eq!(report.p_values[[i, j]], (1.0 + at_least) / 23.0, "({i}, {j})");
        let mean = values.iter().sum::<f64>() / 22.0;
        assert!((report.null_mean[[i, j]] - mean).abs() < 1e-9, "({i}, {j})");
        assert!((report.excess[[i, j]] - observed[[i, j]] + mean).abs() < 1e-9, "({i}, {j})");
    }
    let other = Surrogates { seed: 10, ..surrogates };
    let again = analysis.surrogate_test(x.view(), &other).unwrap();
    assert_eq!(again.p_values, report.p_values, "all of them have no chance");
}

#[test]
fn nulls_that_do_not_fit_are_refused() {
    let x = varied(60, 3, 0);
    let refused = |null| {
        let surrogates = Surrogates { null, number: 99, seed: 0 };
        Analysis::new(3).surrogate_test(x.view(), &surrogates).unwrap_err()
    };
    let error = refused(Null::Shift { at_least: Some(31) });
    assert!(matches!(error, Error::ShiftOutOfRange { at_least: 31, samples: 60 }), "{error}");
    let error = refused(Null::Blocks { length: 0 });
    assert!(matches!(error, Error::EmptyBlocks), "{error}");
    let error = refused(Null::Blocks { length: 15 });
    assert!(matches!(error, Error::TooFewBlocks { blocks: 4, least: 5, .. }), "{error}");
    let error = refused(Null::Documents(vec![0; 59].into()));
    assert!(matches!(error, Error::DocumentsMismatch { ids: 59, samples: 60 }), "{error}");
    let error = refused(Null::Documents((0..60).map(|s| s % 20).collect()));
    assert!(matches!(error, Error::DocumentReturns { document: 0, again: 20, .. }), "{error}");
    let shrunk = Analysis::new(3).estimator(Estimator::ChaoShen);
    let surrogates = Surrogates { null: SHIFT, number: 9, seed: 0 };
    let error = shrunk.surrogate_test_between(x.view(), x.view(), &surrogates).unwrap_err();
    assert!(matches!(error, Error::EstimatorUnsupported { .. }), "{error}");
    let other = Analysis::new(3).estimator(Estimator::MillerMadow);
    let report = other.surrogate_test(x.view(), &surrogates).unwrap();
    assert!(matches!(report.effective_samples(), Err(Error::EstimatorUnsupported { .. })));
}
