//! Tests of every estimator, and of the measures made from entropies, against the published
//! formulas. `tests/reference/make_estimators.py` has them in plain Python.

use cofire::{Analysis, Error, Estimator, Measure, Selection};
use ndarray::{Array1, Array2};
use serde::Deserialize;

use crate::common::{Place, everywhere};

/// The largest accepted error. The table of f(n) is rounded to 2⁻³⁶; pseudo-counts multiply that by
/// the number of samples and divide by a little more.
const TOLERANCE: f64 = 1e-10;

#[derive(Deserialize)]
struct Reference {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    name: String,
    samples: usize,
    neurons: usize,
    bins: usize,
    activations: Vec<f32>,
    labels: Vec<u32>,
    estimators: Vec<Expected>,
    g_test: Vec<f64>,
    joint_entropy_of_all: f64,
}

#[derive(Deserialize)]
struct Expected {
    estimator: String,
    entropy: Vec<f64>,
    mutual_information: Vec<f64>,
    label_entropy: f64,
    label_information: Vec<f64>,
    given_label: Option<Vec<f64>>,
}

impl Case {
    fn activations(&self) -> Array2<f32> {
        Array2::from_shape_vec((self.samples, self.neurons), self.activations.clone()).unwrap()
    }

    fn square(&self, values: &[f64]) -> Array2<f64> {
        Array2::from_shape_vec((self.neurons, self.neurons), values.to_vec()).unwrap()
    }
}

fn cases() -> Vec<Case> {
    let text = include_str!("../reference/estimators.json");
    serde_json::from_str::<Reference>(text).unwrap().cases
}

const ESTIMATORS: [Estimator; 8] = [
    Estimator::PlugIn,
    Estimator::MillerMadow,
    Estimator::Grassberger,
    Estimator::LAPLACE,
    Estimator::JEFFREYS,
    Estimator::PseudoCount(0.01),
    Estimator::ChaoShen,
    Estimator::JamesStein,
];

fn assert_near<'a>(
    found: impl IntoIterator<Item = &'a f64>,
    expected: impl IntoIterator<Item = &'a f64>,
    tolerance: f64,
    what: &str,
) {
    for (k, (found, expected)) in found.into_iter().zip(expected).enumerate() {
        let error = (found - expected).abs();
        assert!(error <= tolerance, "{what}, {k}: {found} instead of {expected}");
    }
}

/// Calls `test` for every case, estimator and engine.
fn for_each(name: &str, test: impl Fn(&Case, &Expected, Analysis, &str)) {
    for case in cases() {
        assert_eq!(case.estimators.len(), ESTIMATORS.len(), "{}", case.name);
        for (estimator, expected) in ESTIMATORS.into_iter().zip(&case.estimators) {
            assert_eq!(estimator.to_string(), expected.estimator, "the order of the file");
            everywhere(name, |place: &Place| {
                let what = format!("{}, {estimator} on {place}", case.name);
                test(&case, expected, place.analysis(case.bins).estimator(estimator), &what);
            });
        }
    }
}

#[test]
fn entropies_and_mutual_information_are_those_of_the_formulas() {
    for_each(
        "entropies and mutual information are those of the formulas",
        |case, expected, analysis, what| {
            let report = analysis.run(case.activations().view()).unwrap();
            assert_near(&report.entropy, &expected.entropy, TOLERANCE, what);
            assert_near(&report.mutual_information, &expected.mutual_information, TOLERANCE, what);
            assert_eq!(report.mutual_information, report.mutual_information.t(), "{what}");
            assert_eq!(report.estimator.to_string(), expected.estimator, "{what}");
        },
    );
}

#[test]
fn the_diagonal_is_the_entropies_whatever_the_estimator() {
    for_each("the diagonal is the entropies", |case, _, analysis, what| {
        let x = case.activations();
        let report = analysis.run(x.view()).unwrap();
        assert_eq!(report.mutual_information.diag(), report.entropy, "{what}");
        for (measure, expected) in [
            (Measure::JointEntropy, report.entropy.clone()),
            (Measure::RowGivenColumn, Array1::zeros(case.neurons)),
            (Measure::VariationOfInformation, Array1::zeros(case.neurons)),
        ] {
            assert_eq!(report.measure(measure).diag(), expected, "{what}, {measure}");
        }
        // In blocks of two neurons.
        let layer = analysis.encode_batches(&mut x.view()).unwrap();
        let mut sweep = analysis.sweep_in_blocks(layer, Selection::All, 2).unwrap();
        for number in 0..sweep.blocks() {
            let block = sweep.compute(number).unwrap();
            let (row, column, part) = block.matrix().unwrap();
            let rows = row..row + part.nrows();
            let columns = column..column + part.ncols();
            let expected = report.mutual_information.slice(ndarray::s![rows, columns]);
            assert_eq!(part, expected, "{what}, block {number}");
        }
        // What a label leaves of it.
        if let Ok(given) = analysis.run_given_labels(x.view(), &case.labels) {
            let left = &given.label.entropy - &given.label.mutual_information;
            let found = given.conditional_mutual_information;
            assert_near(found.diag(), &left, 2.0 * TOLERANCE, what);
        }
    });
}

#[test]
fn layers_against_layers_are_a_part_of_one_layer() {
    for_each("layers against layers are a part of one layer", |case, _, analysis, what| {
        let x = case.activations();
        let whole = analysis.run(x.view()).unwrap();
        let (rows, columns) = x.view().split_at(ndarray::Axis(1), 2);
        let report = analysis.run_between(rows, columns).unwrap();
        let part = whole.mutual_information.slice(ndarray::s![..2, 2..]);
        assert_eq!(report.mutual_information, part, "{what}");
        assert_eq!(report.rows.entropy, whole.entropy.slice(ndarray::s![..2]), "{what}");
        assert_eq!(report.columns.entropy, whole.entropy.slice(ndarray::s![2..]), "{what}");
        let joint = whole.measure(Measure::JointEntropy);
        assert_eq!(report.measure(Measure::JointEntropy), joint.slice(ndarray::s![..2, 2..]));
        if report.estimator == Estimator::PlugIn {
            let whole = whole.g_test().unwrap();
            assert_eq!(report.g_test().unwrap(), whole.slice(ndarray::s![..2, 2..]), "{what}");
        }
    });
}

#[test]
fn labels_are_told_and_taken_as_known() {
    for_each("labels are told and taken as known", |case, expected, analysis, what| {
        let x = case.activations();
        let report = analysis.label_information(x.view(), &case.labels).unwrap();
        assert_near([&report.label_entropy], [&expected.label_entropy], TOLERANCE, what);
        assert_near(&report.entropy, &expected.entropy, TOLERANCE, what);
        let shared = &report.mutual_information;
        assert_near(shared, &expected.label_information, TOLERANCE, what);
        let given = analysis.run_given_labels(x.view(), &case.labels);
        match &expected.given_label {
            Some(expected) => {
                let given = given.unwrap().conditional_mutual_information;
                assert_near(&given, expected, 2.0 * TOLERANCE, what);
                assert_eq!(given, given.t(), "{what}");
            }
            None => {
                let error = given.unwrap_err();
                assert!(matches!(error, Error::EstimatorUnsupported { .. }), "{what}: {error}");
            }
        }
    });
}

#[test]
fn entropies_alone_are_the_same_bits() {
    for_each("entropies alone", |case, _, analysis, what| {
        let x = case.activations();
        let report = analysis.run(x.view()).unwrap();
        assert_eq!(analysis.entropies(x.view()).unwrap(), report.entropy, "{what}");
    });
}

#[test]
fn the_released_code_of_the_paper_is_reproduced() {
    let case = &cases()[2];
    let x = case.activations();
    let x = x.slice(ndarray::s![.., ..3]);
    let report = cofire::paper::measures(x).unwrap();
    assert_near(&report.entropy, &PAPER_ENTROPY, TOLERANCE, "entropy");
    assert_near(&report.mutual_information, &PAPER_INFORMATION, 1e-9, "mutual information");
}

/// The output of `make_estimators.py --paper`, which uses numpy.digitize and the oracle's rules for
/// nearest neighbours.
const PAPER_ENTROPY: [f64; 3] =
    [3.929_083_698_634_872, 3.863_361_084_387_458, 3.808_715_445_081_977];
const PAPER_INFORMATION: [f64; 9] = [
    4.157_402_810_866_102,
    1.462_616_346_948_631_3,
    0.147_966_780_465_169_2,
    1.462_616_346_948_631_3,
    4.009_625_033_088_324,
    0.373_678_278_450_250_37,
    0.147_966_780_465_169_2,
    0.373_678_278_450_250_37,
    3.891_402_810_866_101_6,
];

#[test]
fn one_label_for_all_tells_nothing_and_takes_nothing_away() {
    let case = &cases()[1];
    let x = case.activations();
    let labels = vec![9; case.samples];
    let analysis = Analysis::new(case.bins);
    let given = analysis.run_given_labels(x.view(), &labels).unwrap();
    let plain = analysis.run(x.view()).unwrap();
    assert_eq!(given.conditional_mutual_information, plain.mutual_information);
    assert_eq!(given.label.mutual_information, Array1::<f64>::zeros(case.neurons));
    assert_eq!((given.label.labels, given.label.label_entropy), (1, 0.0));
}

#[test]
fn p_values_are_those_of_scipy() {
    for case in cases() {
        let report = Analysis::new(case.bins).run(case.activations().view()).unwrap();
        let found = report.g_test().unwrap();
        assert_near(&found, &case.square(&case.g_test), 1e-8, &case.name);
        let bits = Analysis::new(case.bins).units(cofire::Units::Bits);
        let in_bits = bits.run(case.activations().view()).unwrap().g_test().unwrap();
        assert_near(&in_bits, &found, 1e-12, &case.name);
        let other = Analysis::new(case.bins).estimator(Estimator::MillerMadow);
        let error = other.run(case.activations().view()).unwrap().g_test().unwrap_err();
        assert!(matches!(error, Error::EstimatorUnsupported { .. }), "{error}");
    }
}

#[test]
fn total_correlation_is_what_is_left_of_the_entropies() {
    for case in cases() {
        let x = case.activations();
        let analysis = Analysis::new(case.bins);
        let found = analysis.total_correlation(x.view()).unwrap();
        let expected = case.joint_entropy_of_all;
        assert_near([&found.joint_entropy], [&expected], TOLERANCE, &case.name);
        let sum: f64 = case.estimators[0].entropy.iter().sum();
        assert_near([&found.total_correlation], [&(sum - expected)], TOLERANCE, &case.name);
        // For two neurons it is their mutual information.
        let two = analysis.total_correlation(x.slice(ndarray::s![.., ..2])).unwrap();
        let shared = case.estimators[0].mutual_information[1];
        assert_near([&two.total_correlation], [&shared], TOLERANCE, &case.name);
        assert!(found.coverage <= two.coverage, "{}: {found:?} {two:?}", case.name);
    }
}
