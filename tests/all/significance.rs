//! Tests of firing together, permutation tests, and the uncertainty of a pair's mutual information.

use cofire::analysis::Association;
use cofire::significance::{Resampling, false_discovery_rates_of_pairs};
use cofire::{Analysis, Engine, Error, Estimator};
use ndarray::{Array2, s};

use crate::common::activations::{mix, varied};
use crate::common::everywhere;

fn bits() -> Array2<f32> {
    let fires = |s: usize, n: usize| match n {
        0 => s.is_multiple_of(3),
        1 => s.is_multiple_of(4),
        2 => s % 5 < 4,
        3 => s * s % 7 == 1,
        4 => false,
        _ => s.is_multiple_of(2),
    };
    Array2::from_shape_fn((120, 6), |(s, n)| f32::from(u8::from(fires(s, n))))
}

#[test]
fn firing_together_is_counted_everywhere() {
    everywhere("firing together", |place| {
        let report = place.analysis(2).cofiring(bits().view()).unwrap();
        assert_eq!(report.firing.to_vec(), [40, 30, 96, 34, 0, 60], "{place}");
        for ((i, j), &both) in report.both.indexed_iter() {
            let (x, y) = (bits().column(i).to_owned(), bits().column(j).to_owned());
            assert_eq!(both as f32, x.dot(&y), "({i}, {j}) on {place}");
        }
    });
}

#[test]
fn associations_are_those_of_scikit_learn() {
    let report = Analysis::new(2).cofiring(bits().view()).unwrap();
    // sklearn.metrics.jaccard_score and matthews_corrcoef
    let known = [
        ((0, 1), JACCARD_AND_PHI[0]),
        ((0, 2), JACCARD_AND_PHI[1]),
        ((1, 3), JACCARD_AND_PHI[2]),
        ((2, 3), JACCARD_AND_PHI[3]),
    ];
    let (jaccard, phi) =
        (report.association(Association::Jaccard), report.association(Association::Phi));
    let lift = report.association(Association::Lift);
    let pointwise = report.association(Association::PointwiseMutualInformation);
    for ((i, j), (of_jaccard, of_phi)) in known {
        assert!((jaccard[[i, j]] - of_jaccard).abs() < 1e-12, "({i}, {j})");
        assert!((phi[[i, j]] - of_phi).abs() < 1e-12, "({i}, {j})");
        let expected = f64::from(report.firing[i]) * f64::from(report.firing[j]) / 120.0;
        assert!((lift[[i, j]] - f64::from(report.both[[i, j]]) / expected).abs() < 1e-12);
        assert!((pointwise[[i, j]] - lift[[i, j]].ln()).abs() < 1e-12);
    }
    // Neuron 4 never fires.
    assert_eq!(
        [lift[[4, 0]], pointwise[[4, 0]], phi[[4, 0]], jaccard[[4, 4]]],
        [1.0, 0.0, 0.0, 0.0]
    );
}

const JACCARD_AND_PHI: [(f64, f64); 4] = [
    (0.166_666_666_666_666_66, 0.0),
    (0.307_692_307_692_307_7, 0.0),
    (0.142_857_142_857_142_85, -0.021_354_071_087_949_105),
    (0.274_509_803_921_568_65, 0.036_986_336_072_765_46),
];

#[test]
fn the_strongest_pairs_are_those_of_a_full_sort() {
    let x = varied(300, 24, 3).mapv(|x| f32::from(u8::from(x > 0.5)));
    let report = Analysis::new(2).cofiring(x.view()).unwrap();
    for association in Association::ALL {
        let values = report.association(association);
        let rate = |n: usize| f64::from(report.firing[n]) / 300.0;
        let mut expected: Vec<(usize, usize)> = (0..24)
            .flat_map(|i| (i + 1..24).map(move |j| (i, j)))
            .filter(|&(i, j)| [i, j].iter().all(|&n| (0.05..=0.8).contains(&rate(n))))
            .collect();
        expected.sort_by(|&a, &b| values[b].total_cmp(&values[a]));
        let found = report.strongest(association, 17, 0.05..=0.8);
        let pairs: Vec<_> = found.iter().map(|pair| (pair.first, pair.second)).collect();
        assert_eq!(pairs, expected[..17.min(expected.len())], "{}", association.name());
    }
    assert!(report.strongest(Association::Phi, 0, 0.0..=1.0).is_empty());
}

#[test]
fn more_than_two_bins_do_not_fire() {
    let error = Analysis::new(3).cofiring(bits().view()).unwrap_err();
    assert!(matches!(error, Error::NotBinary { bins: 3 }), "{error}");
}

#[test]
fn permutation_tests_are_the_same_everywhere() {
    let x = varied(70, 9, 1);
    let mut first = None;
    everywhere("a permutation test", |place| {
        let report = place.analysis(4).permutation_test(x.view(), 19, 42).unwrap();
        assert_eq!(report.permutations, 19, "{place}");
        assert_eq!(report.p_values, report.p_values.t());
        let first = first.get_or_insert_with(|| report.p_values.clone());
        assert_eq!(*first, report.p_values, "{place}");
    });
    let other = Analysis::new(4).permutation_test(x.view(), 19, 43).unwrap();
    assert_ne!(first.unwrap(), other.p_values, "another seed");
}

#[test]
fn permutation_tests_agree_with_the_definition() {
    // Two in five orders of the six samples share as much.
    let x = Array2::from_shape_fn((6, 2), |(s, n)| f32::from(u8::from(s >= 4 - n)));
    let share = |order: &[usize]| {
        let mut both = Array2::zeros((6, 2));
        for (s, &from) in order.iter().enumerate() {
            both[[s, 0]] = x[[from, 0]];
            both[[s, 1]] = x[[s, 1]];
        }
        Analysis::new(2).engine(Engine::Cpu).run(both.view()).unwrap().mutual_information[[0, 1]]
    };
    let observed = share(&[0, 1, 2, 3, 4, 5]);
    let (mut at_least, mut orders) = (0.0, 0.0);
    let mut order = [0, 1, 2, 3, 4, 5];
    each_order(&mut order, 0, &mut |order| {
        orders += 1.0;
        at_least += f64::from(u8::from(share(order) >= observed));
    });
    let exact = at_least / orders;
    assert!((exact - 0.4f64).abs() < 1e-12, "{exact}");
    let report = Analysis::new(2).permutation_test(x.view(), 4000, 5).unwrap();
    let found = report.p_values[[0, 1]];
    let standard_error = (exact * (1.0 - exact) / 4000.0f64).sqrt();
    assert!((found - exact).abs() < 4.0 * standard_error, "{found} instead of {exact}");
}

fn each_order(order: &mut [usize; 6], fixed: usize, visit: &mut impl FnMut(&[usize])) {
    if fixed == order.len() {
        return visit(order);
    }
    for k in fixed..order.len() {
        order.swap(fixed, k);
        each_order(order, fixed + 1, visit);
        order.swap(fixed, k);
    }
}

#[test]
fn independent_neurons_are_found_about_as_often_as_promised() {
    let x = Array2::from_shape_fn((200, 30), |(s, n)| (mix((s * 30 + n) as u64) % 1000) as f32);
    let report = Analysis::new(4).permutation_test(x.view(), 200, 0).unwrap();
    let pairs: Vec<f64> = (0..30)
        .flat_map(|i| (i + 1..30).map(move |j| (i, j)))
        .map(|pair| report.p_values[pair])
        .collect();
    let below = pairs.iter().filter(|&&p| p <= 0.1).count();
    // Of 435 pairs, 43.5 are expected. The bounds are five standard deviations of independent
    // tests.
    assert!((12..75).contains(&below), "{below} of {} at 0.1", pairs.len());
    let rates = false_discovery_rates_of_pairs(&report.p_values);
    assert!(rates.slice(s![0, 1..]).iter().all(|&rate| rate > 0.1), "nothing to discover");
}

/// Tests the rule for when the G-test's approximation is good, and the shares in its documentation.
#[test]
fn the_g_test_is_right_with_enough_samples_a_cell() {
    for (bins, samples, neurons, expected) in [
        (2, 20, 100, 0.04..0.08),
        (10, 500, 100, 0.07..0.12),
        (30, 4500, 40, 0.24..0.36),
        (10, 50, 100, 0.0..0.01), // half a sample a cell
        (10, 150, 100, 0.2..0.35),
    ] {
        let x = Array2::from_shape_fn((samples, neurons), |(s, n)| {
            (mix((s * neurons + n) as u64) % bins as u64) as f32
        });
        let report = Analysis::new(bins).engine(Engine::Cpu).run(x.view()).unwrap();
        let p_values = report.g_test().unwrap();
        let pairs = p_values.indexed_iter().filter(|((i, j), _)| i < j);
        let low = pairs.clone().filter(|&(_, &p)| p < 0.05).count() as f64;
        let share = low / pairs.count() as f64;
        assert!(expected.contains(&share), "{bins} bins, {samples} samples: {share}");
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    let x = bits();
    let analysis = Analysis::new(2);
    let error = analysis.permutation_test(x.view(), 0, 0).unwrap_err();
    assert!(matches!(error, Error::NoPermutations), "{error}");
    let shrunk = analysis.clone().estimator(Estimator::JamesStein);
    let error = shrunk.permutation_test(x.view(), 10, 0).unwrap_err();
    assert!(matches!(error, Error::EstimatorUnsupported { .. }), "{error}");
    for (replicates, confidence) in [(0, 0.9), (10, 0.0), (10, 1.0), (10, f64::NAN)] {
        let resampling = Resampling { replicates, confidence, seed: 0 };
        let error = analysis.uncertainty(x.view(), &[(0, 1)], resampling).unwrap_err();
        assert!(matches!(error, Error::InvalidResampling { .. }), "{error}");
    }
    let resampling = Resampling::default();
    assert!(analysis.uncertainty(x.view(), &[], resampling).unwrap().is_empty());
    let error = analysis.uncertainty(x.view(), &[(0, 6)], resampling).unwrap_err();
    assert!(matches!(error, Error::PairOutOfRange { .. }), "{error}");
    let error = analysis.run_between(x.view(), x.slice(s![..7, ..])).unwrap_err();
    assert!(matches!(error, Error::SamplesMismatch { first: 120, second: 7 }), "{error}");
    let error = analysis.label_information(x.view(), &[1, 2]).unwrap_err();
    assert!(matches!(error, Error::LabelsMismatch { labels: 2, samples: 120 }), "{error}");
    let error = analysis.estimator(Estimator::PseudoCount(-1.0)).run(x.view()).unwrap_err();
    assert!(matches!(error, Error::InvalidPseudoCount { .. }), "{error}");
}

/// Makes two neurons of three bins with the given joint histogram.
fn of_histogram(counts: [[usize; 3]; 3]) -> Array2<f32> {
    let mut samples = Vec::new();
    for (a, row) in counts.iter().enumerate() {
        for (b, &n) in row.iter().enumerate() {
            samples.extend(std::iter::repeat_n([a as f32, b as f32], n));
        }
    }
    Array2::from(samples)
}

#[test]
fn the_jackknife_leaves_every_sample_out_once() {
    let x = of_histogram([[10, 3, 0], [2, 8, 5], [1, 0, 7]]);
    let found = Analysis::new(3).uncertainty(x.view(), &[(0, 1)], Resampling::default()).unwrap();
    // The reference is the definition in Python: 36 estimates of 35 samples each.
    let expected = JACKKNIFE;
    let found = [found[0].mutual_information, found[0].bias, found[0].standard_error];
    for (found, expected) in found.iter().zip(expected) {
        assert!((found - expected).abs() < 1e-8, "{found} {expected}");
    }
}

const JACKKNIFE: [f64; 3] =
    [0.413_279_456_618_642_6, 0.047_150_371_429_725, 0.118_953_912_518_577_81];

#[test]
fn intervals_hold_the_truth_about_as_often_as_promised() {
    // Two bits that are equal three times out of four.
    let share = |p: f64| p * p.ln();
    let truth = 2.0 * 2f64.ln() + 2.0 * share(0.375) + 2.0 * share(0.125);
    let mut held = 0;
    for trial in 0..100u64 {
        let x = Array2::from_shape_fn((400, 2), |(s, n)| {
            let random = mix(trial << 32 | s as u64);
            let first = random % 2;
            let flips = u64::from((random / 2).is_multiple_of(4));
            if n == 0 { first as f32 } else { (first ^ flips) as f32 }
        });
        let resampling = Resampling { replicates: 200, confidence: 0.9, seed: trial };
        let found = Analysis::new(2).uncertainty(x.view(), &[(0, 1)], resampling).unwrap()[0];
        held += u32::from(found.low <= truth && truth <= found.high);
        let again = Analysis::new(2).uncertainty(x.view(), &[(0, 1)], resampling).unwrap()[0];
        assert_eq!(found, again);
    }
    assert!((80..=98).contains(&held), "{held} of 100 at 0.9");
}
