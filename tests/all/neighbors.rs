//! Tests of estimators from nearest neighbours, against references and for properties that always
//! hold.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};

use cofire::neighbors::{KsgAlgorithm, NeuronTies};
use cofire::{CancelledBy, Engine, Error, NeighborAnalysis, OnDeviceFailure, Progress, Units};
use ndarray::{Array1, Array2, ArrayView2, Axis, s};
use proptest::prelude::*;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use serde::Deserialize;

use crate::common::activations::{mix, varied};
use crate::common::everywhere;

const ALGORITHMS: [KsgAlgorithm; 2] = [KsgAlgorithm::First, KsgAlgorithm::Second];

/// The largest accepted error. The table of harmonic numbers is off by 2⁻⁴¹, and scipy's digamma
/// and logarithms by about 2⁻⁵⁰.
const TOLERANCE: f64 = 1e-11;

/// A case of `tests/neighbors/expected.json`, which `tests/neighbors/make_cases.py` writes.
#[derive(Deserialize)]
struct Case {
    samples: usize,
    seed: u64,
    k: usize,
    /// The entropy of each neuron; `None` for minus infinity.
    entropy: Vec<Option<f64>>,
    first: Vec<Vec<f64>>,
    second: Vec<Vec<f64>>,
    /// Present in `expected.json` only.
    #[serde(default)]
    with_labels: Vec<f64>,
}

fn cases() -> Vec<Case> {
    serde_json::from_str(include_str!("../neighbors/expected.json")).unwrap()
}

/// Returns the cases that `tests/neighbors/make_scales.py` writes.
fn cases_of_scales() -> Vec<Case> {
    serde_json::from_str(include_str!("../neighbors/scales.json")).unwrap()
}

fn fraction(sample: usize, neuron: usize, seed: u64) -> f32 {
    let bits = mix(seed << 40 ^ (neuron as u64) << 20 ^ sample as u64) >> 40;
    bits as f32 / (1u32 << 24) as f32
}

/// Makes eight neurons as `make_cases.py` does.
fn layer(samples: usize, seed: u64) -> Array2<f32> {
    Array2::from_shape_fn((samples, 8), |(s, n)| {
        let x = fraction(s, n, seed);
        match n {
            0 => x,
            1 => fraction(s, 0, seed) + 0.25 * x,
            2 => (x - 0.5).max(0.0),
            3 => (fraction(s, 2, seed) + x - 1.0).max(0.0),
            4 => 3.5,
            5 => (x * 4.0).floor(),
            6 => 64.0 * fraction(s / 2, n, seed) - 32.0,
            _ => x * x * x * x,
        }
    })
}

/// Makes the neurons of `make_scales.py`: those of [`layer`], each times a power of two.
fn layer_of_scales(samples: usize, seed: u64) -> Array2<f32> {
    const PLACES: [i32; 8] = [0, -40, 60, -60, 0, 100, 20, -70];
    let mut layer = layer(samples, seed);
    for (mut neuron, places) in layer.columns_mut().into_iter().zip(PLACES) {
        neuron *= 2f32.powi(places);
    }
    layer
}

fn labels(samples: usize, seed: u64) -> Vec<u32> {
    let label = |s: usize| match s {
        1 => 9,
        _ => (mix(seed << 40 ^ 77 << 20 ^ s as u64) % 3) as u32,
    };
    (0..samples).map(label).collect()
}

fn on_cpu(k: usize) -> NeighborAnalysis {
    NeighborAnalysis::new(k).engine(Engine::Cpu)
}

fn assert_near(found: f64, expected: f64, what: &str) {
    assert!((found - expected).abs() < TOLERANCE, "{what}: {found}, not {expected}");
}

fn bits(matrix: &Array2<f64>) -> Array2<u64> {
    matrix.mapv(f64::to_bits)
}

#[test]
fn estimates_are_those_of_scipy_and_the_definitions() {
    for case in cases() {
        check_case(&case, &layer(case.samples, case.seed));
    }
}

/// Tests neurons that share no grid: where samples of one are equal, the other's distances decide,
/// however small they are.
#[test]
fn estimates_of_neurons_of_very_different_scales_are_those_of_scipy() {
    for case in cases_of_scales() {
        check_case(&case, &layer_of_scales(case.samples, case.seed));
    }
}

fn check_case(case: &Case, activations: &Array2<f32>) {
    for (algorithm, expected) in ALGORITHMS.into_iter().zip([&case.first, &case.second]) {
        let report = on_cpu(case.k).algorithm(algorithm).run(activations.view()).unwrap();
        for ((i, j), &found) in report.mutual_information.indexed_iter() {
            let what = format!("{} samples, k = {}, {algorithm:?}", case.samples, case.k);
            assert_near(found, expected[i][j], &format!("{what}, pair ({i}, {j})"));
        }
        for (n, (&found, expected)) in report.entropy.iter().zip(&case.entropy).enumerate() {
            let what = format!("{} samples, k = {}, entropy {n}", case.samples, case.k);
            match expected {
                Some(expected) => assert_near(found, *expected, &what),
                None => assert_eq!(found, f64::NEG_INFINITY, "{what}"),
            }
        }
    }
}

#[test]
fn estimates_with_labels_are_those_of_scikit_learn() {
    for case in cases() {
        let activations = layer(case.samples, case.seed);
        let labels = labels(case.samples, case.seed);
        let found = on_cpu(case.k).label_information(activations.view(), &labels).unwrap();
        for (n, (&found, &expected)) in found.iter().zip(&case.with_labels).enumerate() {
            let what = format!("{} samples, k = {}, neuron {n}", case.samples, case.k);
            assert_near(found.max(0.0), expected, &what);
        }
    }
}

/// Tests that estimates agree with theory: `−½ ln(1 − ρ²)` for a bivariate normal distribution, and
/// `½ ln 2πe` for the entropy of a normal distribution.
#[test]
fn normals_have_the_information_that_theory_says() {
    const RUNS: usize = 24;
    for (correlation, k) in [(0.0f32, 3), (0.6, 3), (0.6, 10), (0.9, 4)] {
        let mut random = ChaCha8Rng::seed_from_u64(5);
        let mut normal = || -> f32 { StandardNormal.sample(&mut random) };
        let slope = (1.0 - correlation * correlation).sqrt();
        let (mut information, mut entropies) = ([Vec::new(), Vec::new()], Vec::new());
        for _ in 0..RUNS {
            let activations: Vec<f32> = (0..1000)
                .flat_map(|_| {
                    let (x, noise) = (normal(), normal());
                    [x, correlation * x + slope * noise]
                })
                .collect();
            let activations = Array2::from_shape_vec((1000, 2), activations).unwrap();
            for (algorithm, list) in ALGORITHMS.into_iter().zip(&mut information) {
                let report = on_cpu(k).algorithm(algorithm).run(activations.view()).unwrap();
                list.push(report.mutual_information[[0, 1]]);
                entropies.extend(report.entropy.iter().take(1));
            }
        }
        let theory = -f64::from(slope).ln();
        for list in information {
            check_mean(&list, theory, &format!("correlation {correlation}, k = {k}"));
        }
        let entropy = 0.5 * (2.0 * std::f64::consts::PI * std::f64::consts::E).ln();
        check_mean(&entropies, entropy, "entropy of a normal");
    }
}

fn check_mean(list: &[f64], theory: f64, what: &str) {
    let list = Array1::from(list.to_vec());
    let (mean, deviation) = (list.mean().unwrap(), list.std(1.0));
    let standard_error = deviation / (list.len() as f64).sqrt();
    assert!((mean - theory).abs() < 3.0 * standard_error, "{what}: {mean}, theory {theory}");
}

#[test]
fn neither_order_nor_layout_nor_a_power_of_two_changes_a_bit() {
    let activations = layer(300, 9);
    for algorithm in ALGORITHMS {
        for k in [1, 4, 7, 40] {
            let settings = on_cpu(k).algorithm(algorithm);
            let expected = settings.run(activations.view()).unwrap();
            let matrix = bits(&expected.mutual_information);
            assert_eq!(matrix, matrix.t(), "symmetry, k = {k}");

            let order: Vec<usize> = (0..300).map(|s| (s * 77 + 5) % 300).collect();
            let shuffled = settings.run(activations.select(Axis(0), &order).view()).unwrap();
            assert_eq!(bits(&shuffled.mutual_information), matrix, "order, k = {k}");
            assert_eq!(shuffled.entropy, expected.entropy, "order, k = {k}");

            let by_neuron = activations.t().as_standard_layout().into_owned();
            let found = settings.run(by_neuron.t()).unwrap();
            assert_eq!(bits(&found.mutual_information), matrix, "layout, k = {k}");

            for factor in [0.125, 1024.0] {
                let scaled = settings.run((&activations * factor).view()).unwrap();
                assert_eq!(bits(&scaled.mutual_information), matrix, "times {factor}, k = {k}");
            }
        }
    }
}

#[test]
fn two_layers_are_a_part_of_one() {
    let activations = layer(150, 3);
    for algorithm in ALGORITHMS {
        let settings = on_cpu(3).algorithm(algorithm);
        let whole = settings.run(activations.view()).unwrap();
        let (x, y) = (activations.slice(s![.., ..3]), activations.slice(s![.., 3..]));
        let between = settings.run_between(x, y).unwrap();
        assert_eq!(
            between.mutual_information,
            whole.mutual_information.slice(s![..3, 3..]),
            "{algorithm:?}"
        );
        assert_eq!(between.row_entropy, whole.entropy.slice(s![..3]));
        assert_eq!(between.column_entropy, whole.entropy.slice(s![3..]));
        // The estimates of a layer with itself are the same, also on the diagonal.
        let same = settings.run_between(activations.view(), activations.view()).unwrap();
        assert_eq!(same.mutual_information, whole.mutual_information, "{algorithm:?}");
    }
}

#[test]
fn neither_threads_nor_runs_change_a_bit_with_jitter() {
    let activations = layer(400, 8);
    let settings = on_cpu(3).jitter(1e-6, 11);
    let expected = settings.run(activations.view()).unwrap();
    assert!(expected.entropy.slice(s![..4]).iter().all(|h| h.is_finite()), "{expected:?}");
    for threads in [1, 3] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        let found = pool.install(|| settings.run(activations.view())).unwrap();
        assert_eq!(bits(&found.mutual_information), bits(&expected.mutual_information));
        assert_eq!(found.entropy, expected.entropy);
    }
    let other = on_cpu(3).jitter(1e-6, 12).run(activations.view()).unwrap();
    assert_ne!(other.entropy, expected.entropy, "another seed");
    // Two layers get different noise.
    let (x, y) = (activations.view(), activations.view());
    let between = settings.run_between(x, y).unwrap();
    assert_ne!(between.row_entropy, between.column_entropy, "one noise for two layers");
}

#[test]
fn neurons_of_any_scales_have_the_same_bits_on_every_engine() {
    let activations = layer_of_scales(130, 6);
    for (k, amplitude) in [(1, 0.0), (3, 0.0), (3, 1e-10), (20, 0.3)] {
        for algorithm in ALGORITHMS {
            let settings = on_cpu(k).algorithm(algorithm).jitter(amplitude, 2);
            let expected = settings.run(activations.view()).unwrap();
            everywhere("neurons_of_any_scales_have_the_same_bits_on_every_engine", |place| {
                let here = settings.clone().engine(place.engine());
                let found =
                    here.on_device_failure(OnDeviceFailure::Fail).run(activations.view()).unwrap();
                let (found, expected) = (&found.mutual_information, &expected.mutual_information);
                let what = format!("[{place}] k = {k}, jitter {amplitude}, {algorithm:?}");
                assert_eq!(bits(found), bits(expected), "{what}");
            });
        }
    }
}

/// Tests that neither the place of neurons nor other neurons change a bit, on every engine.
#[test]
fn a_shift_of_neurons_changes_no_bit_on_any_engine() {
    let still = Array2::from_shape_fn((90, 4), |(s, n)| {
        (fraction(s, n, 12) * 64.0).floor() / (1u64 << (3 * n)) as f32
            * if n == 3 { 0.0 } else { 1.0 }
    });
    let shifts = [1e6f32.floor(), -4096.0, 2f32.powi(-6) * 1000.0, 0.1];
    let moved = &still + &ArrayView2::from_shape((1, 4), &shifts).unwrap();
    for amplitude in [0.0, 1e-10] {
        for algorithm in ALGORITHMS {
            let settings = on_cpu(3).algorithm(algorithm).jitter(amplitude, 1);
            let expected = settings.run(still.view()).unwrap();
            everywhere("a_shift_of_neurons_changes_no_bit_on_any_engine", |place| {
                let found = settings.clone().engine(place.engine()).run(moved.view()).unwrap();
                let what = format!("[{place}] jitter {amplitude}, {algorithm:?}");
                assert_eq!(
                    bits(&found.mutual_information),
                    bits(&expected.mutual_information),
                    "{what}"
                );
                assert_eq!(found.entropy, expected.entropy, "{what}");
                assert_eq!(found.ties, expected.ties, "{what}");
            });
        }
    }
}

#[test]
fn the_widest_neurons_are_as_good_as_narrow_ones() {
    let narrow = Array2::from_shape_fn((200, 2), |(s, n)| fraction(s, n, 8) - 0.5);
    let wide = Array2::from_shape_fn((200, 2), |(s, n)| {
        let ends = if s < 2 { f32::MAX * (1.0 - 2.0 * s as f32) } else { 0.0 };
        if ends == 0.0 { (fraction(s, n, 8) - 0.5) * 3e38 * 2.0 } else { ends }
    });
    for amplitude in [0.0, 1e-10, 1.0] {
        let settings = on_cpu(3).jitter(amplitude, 1);
        let wide = settings.run(wide.view()).unwrap();
        assert!(wide.entropy.iter().chain(&wide.mutual_information).all(|x| x.is_finite()));
        let narrow = settings.run(narrow.view()).unwrap();
        let scale = 6e38f64.ln();
        let difference = &wide.entropy - &narrow.entropy - scale;
        assert!(difference.iter().all(|x| x.abs() < 0.2), "{difference}");
    }
    // A power of two is exact, also at the largest scale.
    let expected = on_cpu(3).run(narrow.view()).unwrap();
    let found = on_cpu(3).run((&narrow * 2f32.powi(127) * 2.0).view()).unwrap();
    assert_eq!(bits(&found.mutual_information), bits(&expected.mutual_information));
}

#[test]
fn reports_have_the_equal_activations_of_each_neuron() {
    let rectified = |s: usize| (s as f32 - 59.0).max(0.0);
    let activations = Array2::from_shape_fn((100, 4), |(s, n)| match n {
        0 => 7.5,
        1 => rectified(s),
        2 => (s / 2) as f32,
        _ => s as f32 + 1e6,
    });
    let ties = |report: Vec<NeuronTies>| -> Vec<(usize, usize)> {
        report.iter().map(|ties| (ties.samples, ties.most_frequent)).collect()
    };
    let expected = [(100, 100), (60, 60), (100, 2), (0, 1)];
    assert_eq!(ties(on_cpu(3).run(activations.view()).unwrap().ties), expected);
    // Noise sets all apart but the samples of a constant neuron.
    let noisy = on_cpu(3).jitter(1e-10, 1);
    let expected = [(100, 100), (0, 1), (0, 1), (0, 1)];
    assert_eq!(ties(noisy.run(activations.view()).unwrap().ties), expected);
    let (x, y) = (activations.slice(s![.., ..1]), activations.slice(s![.., 1..]));
    let between = noisy.run_between(x, y).unwrap();
    assert_eq!(ties(between.row_ties), expected[..1]);
    assert_eq!(ties(between.column_ties), expected[1..]);
}

/// Tests numbers of samples at which a lane, a workgroup or a chunk ends, or one more.
#[test]
fn every_engine_gives_the_same_bits() {
    let cases = [
        (2, 3, vec![1]),
        (64, 8, vec![1, 7, 32]),
        (65, 40, vec![3]),
        (257, 8, vec![1, 2, 3, 10, 16]),
        (3749, 1, vec![16]),
        (8193, 1, vec![4]),
    ];
    for (samples, neurons, ks) in cases {
        let activations = varied(samples, neurons, samples as u64);
        for k in ks {
            for algorithm in ALGORITHMS {
                let expected = on_cpu(k).algorithm(algorithm).run(activations.view()).unwrap();
                everywhere("every_engine_gives_the_same_bits", |place| {
                    let here =
                        on_cpu(k).engine(place.engine()).on_device_failure(OnDeviceFailure::Fail);
                    let found = here.algorithm(algorithm).run(activations.view());
                    let what = format!("[{place}] {samples} x {neurons}, k = {k}, {algorithm:?}");
                    let found = found.unwrap_or_else(|error| panic!("{what}: {error}"));
                    assert!(found.execution.incidents.is_empty(), "{what}: {found:?}");
                    assert_eq!(found.execution.adapter.is_none(), place.is_cpu(), "{what}");
                    let (found, expected) =
                        (found.mutual_information, &expected.mutual_information);
                    assert_eq!(bits(&found), bits(expected), "{what}");
                });
            }
        }
    }
}

#[test]
fn two_layers_have_the_same_bits_on_every_engine() {
    let (x, y) = (layer(130, 1), layer(130, 2));
    let expected = on_cpu(3).run_between(x.view(), y.slice(s![.., ..5])).unwrap();
    everywhere("two_layers_have_the_same_bits_on_every_engine", |place| {
        let here = on_cpu(3).engine(place.engine()).on_device_failure(OnDeviceFailure::Fail);
        let found = here.run_between(x.view(), y.slice(s![.., ..5])).unwrap();
        assert_eq!(found.mutual_information.dim(), (8, 5));
        assert_eq!(
            bits(&found.mutual_information),
            bits(&expected.mutual_information),
            "[{place}]"
        );
    });
}

#[test]
fn bits_are_nats_by_the_logarithm_of_two() {
    let activations = layer(60, 1);
    let nats = on_cpu(2).run(activations.view()).unwrap();
    let bits = on_cpu(2).units(Units::Bits).run(activations.view()).unwrap();
    assert_eq!(bits.units, Units::Bits);
    let per_nat = std::f64::consts::LOG2_E;
    assert_eq!(bits.mutual_information, &nats.mutual_information * per_nat);
    assert_eq!(bits.entropy, &nats.entropy * per_nat);
}

#[test]
fn what_cannot_be_estimated_is_refused_with_a_remedy() {
    let activations = layer(10, 1);
    let run = |settings: NeighborAnalysis| settings.run(activations.view()).unwrap_err();
    let error = run(on_cpu(0));
    assert!(matches!(error, Error::NeighborsOutOfRange { neighbors: 0, samples: 10 }), "{error}");
    let error = run(on_cpu(10));
    assert!(error.to_string().contains("one less than the number of samples"), "{error}");
    assert!(on_cpu(9).run(activations.view()).is_ok());
    let error = run(on_cpu(3).jitter(f64::NAN, 1));
    assert!(matches!(error, Error::JitterOutOfRange { .. }), "{error}");
    let error = run(on_cpu(3).memory_limit(1000));
    assert!(matches!(error, Error::MemoryLimit { allowed: 1000, .. }), "{error}");
    let error = on_cpu(3).run(Array2::<f32>::zeros((1, 3)).view()).unwrap_err();
    assert!(matches!(error, Error::OneSample), "{error}");

    let mut with_nan = activations.clone();
    with_nan[[4, 5]] = f32::NAN;
    let error = on_cpu(3).run(with_nan.view()).unwrap_err();
    assert!(matches!(error, Error::NonFinite { sample: 4, neuron: 5, .. }), "{error}");

    let shorter = activations.slice(s![1.., ..]);
    let error = on_cpu(3).run_between(activations.view(), shorter).unwrap_err();
    assert!(matches!(error, Error::SamplesMismatch { first: 10, second: 9 }), "{error}");
    let error = on_cpu(3).label_information(activations.view(), &[1, 2]).unwrap_err();
    assert!(matches!(error, Error::LabelsMismatch { labels: 2, samples: 10 }), "{error}");
    let each: Vec<u32> = (0..10).collect();
    let error = on_cpu(3).label_information(activations.view(), &each).unwrap_err();
    assert!(matches!(error, Error::LabelsOccurOnce { samples: 10 }), "{error}");
}

#[test]
fn progress_reaches_the_whole_and_a_callback_stops_a_job() {
    let activations = layer(100, 1);
    everywhere("progress_reaches_the_whole_and_a_callback_stops_a_job", |place| {
        let settings = on_cpu(3).engine(place.engine());
        let seen: Arc<Mutex<Vec<Progress>>> = Arc::default();
        let notes = Arc::clone(&seen);
        let watched = settings.clone().progress(move |progress| {
            notes.lock().unwrap().push(progress);
            ControlFlow::Continue(())
        });
        watched.run(activations.view()).unwrap();
        let seen = seen.lock().unwrap();
        let total = 8 * 9 / 2 * 100;
        assert!(seen.iter().all(|p| p.total == total), "[{place}] {seen:?}");
        assert_eq!(seen.iter().map(|p| p.done).max(), Some(total), "[{place}] {seen:?}");
        let stopped = settings.progress(|_| ControlFlow::Break(()));
        let error = stopped.run(activations.view()).unwrap_err();
        assert!(
            matches!(error, Error::Cancelled { by: CancelledBy::Progress }),
            "[{place}] {error}"
        );
        let error = stopped.label_information(activations.view(), &[1; 100]).unwrap_err();
        assert!(
            matches!(error, Error::Cancelled { by: CancelledBy::Progress }),
            "[{place}] {error}"
        );
    });
}

/// Generates activations of any magnitude: similar or very different, huge, tiny and denormal.
fn any_activation() -> impl Strategy<Value = f32> {
    prop_oneof![
        any::<f32>().prop_filter("finite", |x| x.is_finite()),
        -1.0f32..1.0,
        Just(0.0),
        Just(-0.0),
        Just(f32::MAX),
        Just(f32::MIN_POSITIVE),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn any_activations_give_finite_information(
        values in prop::collection::vec(any_activation(), 20..80),
        k in 1usize..9,
        amplitude in prop_oneof![Just(0.0), Just(1e-10), Just(1.0)],
    ) {
        let samples = values.len() / 2;
        let view = ArrayView2::from_shape((samples, 2), &values[..2 * samples]).unwrap();
        let report = on_cpu(k).jitter(amplitude, 3).run(view).unwrap();
        prop_assert!(report.mutual_information.iter().all(|i| i.is_finite()), "{:?}", report);
        prop_assert!(report.entropy.iter().all(|h| *h < f64::INFINITY), "{:?}", report);
    }

    /// Tests any shift that is exact in `f32`: values and shifts are whole numbers of up to 23 bits
    /// times a power of two of each neuron's own.
    #[test]
    fn any_exact_shift_gives_the_same_bits(
        values in prop::collection::vec(
            prop_oneof![-4i32..4, Just(0), -9000i32..9000, -(1i32 << 22)..(1 << 22)],
            30..120,
        ),
        shifts in prop::collection::vec(-(1i32 << 23)..(1 << 23), 3),
        places in prop::collection::vec(-100i32..90, 3),
        k in 1usize..9,
        amplitude in prop_oneof![Just(0.0), Just(1e-12), Just(1e-6), Just(1.0)],
    ) {
        let samples = values.len() / 3;
        let of = |shifts: &[i32]| Array2::from_shape_fn((samples, 3), |(s, n)| {
            let sum = values[3 * s + n] + shifts[n];
            sum as f32 * 2f32.powi(places[n])
        });
        let (still, moved) = (of(&[0; 3]), of(&shifts));
        let labels: Vec<u32> = (0..3).cycle().take(samples).collect();
        for algorithm in ALGORITHMS {
            let settings = on_cpu(k).algorithm(algorithm).jitter(amplitude, 3);
            let expected = settings.run(still.view()).unwrap();
            let found = settings.run(moved.view()).unwrap();
            prop_assert_eq!(bits(&found.mutual_information), bits(&expected.mutual_information));
            prop_assert_eq!(&found.entropy, &expected.entropy);
            prop_assert_eq!(&found.ties, &expected.ties);

            let between = |layer: &Array2<f32>| {
                settings.run_between(layer.slice(s![.., ..1]), layer.slice(s![.., 1..])).unwrap()
            };
            let (expected, found) = (between(&still), between(&moved));
            prop_assert_eq!(bits(&found.mutual_information), bits(&expected.mutual_information));
            prop_assert_eq!(found.row_entropy, expected.row_entropy);
            prop_assert_eq!(found.column_entropy, expected.column_entropy);

            let of_labels = |layer: &Array2<f32>| {
                settings.label_information(layer.view(), &labels).unwrap()
            };
            prop_assert_eq!(of_labels(&moved), of_labels(&still));
        }
    }
}
