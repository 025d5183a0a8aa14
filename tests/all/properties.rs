//! Tests of properties that hold for all activations, mostly to the bit, because sums over cells
//! are exact integers.
//!
//! Every property is tested on random layers with every kernel: on many layers on the CPU, on a few
//! on each adapter.

use std::fmt;

use cofire::{Kernel, Range, Report, Units};
use ndarray::{Array2, ArrayView2, Axis, ShapeBuilder, s};
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestError, TestRng, TestRunner};

use crate::common::activations::{below, mix};
use crate::common::{Place, assert_same_bits, everywhere, kernels};

/// The seed of proptest's random numbers. Every run draws the same layers.
const SEED: [u8; 32] = *b"measures of information, 2210.09";

const CASES_ON_CPU: u32 = 60;

/// The number of cases on an adapter. A software adapter takes milliseconds where the CPU takes
/// microseconds.
const CASES_ON_ADAPTER: u32 = 4;

/// The largest error of an entropy: logarithms are fixed-point numbers with 36 fraction bits, which
/// leaves an entropy within one step of its exact value.
const ENTROPY_TOLERANCE: f64 = 1.0 / (1u64 << 36) as f64 + 1e-14;

/// Activations that are codes plus one half. With [`Layer::range`], their codes are known before
/// they are computed, and stay exact under every relabelling.
#[derive(Clone)]
struct Layer {
    codes: Array2<u16>,
    bins: usize,
    /// The seed of other random numbers of a property.
    seed: u64,
}

impl Layer {
    fn activations(&self) -> Array2<f32> {
        self.codes.mapv(|code| f32::from(code) + 0.5)
    }

    fn range(&self) -> Range {
        Range::Given(0.0, self.bins as f64)
    }

    fn kernels(&self) -> impl Iterator<Item = Kernel> {
        kernels(self.bins)
    }

    fn run(&self, place: &Place, kernel: Kernel) -> Report {
        self.run_on(place, kernel, self.activations().view())
    }

    fn run_on(&self, place: &Place, kernel: Kernel, activations: ArrayView2<'_, f32>) -> Report {
        let settings = place.analysis_over(self.bins, self.range()).kernel(kernel);
        let report = settings.run(activations).unwrap();
        place.check_execution(&report, kernel);
        report
    }

    /// Returns a permutation of `0..len` that depends on the layer and on `salt`.
    fn shuffled(&self, len: usize, salt: u64) -> Vec<usize> {
        let mut order: Vec<usize> = (0..len).collect();
        order.sort_by_key(|&i| mix(self.seed ^ mix(salt) ^ i as u64));
        order
    }
}

impl fmt::Debug for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (samples, neurons) = self.codes.dim();
        write!(f, "{samples} x {neurons}, {} bins, seed {}: {:?}", self.bins, self.seed, self.codes)
    }
}

/// Generates layers of 2 to 300 samples and 1 to 40 neurons. Some neurons use few of their bins.
fn layers() -> impl Strategy<Value = Layer> {
    let bins = prop_oneof![2usize..=34, prop::sample::select(vec![64, 100, 256])];
    (2usize..=300, 1usize..=40, bins, any::<u64>()).prop_map(|(samples, neurons, bins, seed)| {
        let codes = Array2::from_shape_fn((samples, neurons), |(s, j)| {
            let spread = 1 + below(bins, seed ^ j as u64);
            let followed = if s % 3 == 0 { j / 2 } else { j };
            let drawn = below(spread, seed ^ ((followed as u64) << 32) ^ s as u64);
            u16::try_from(drawn).unwrap()
        });
        Layer { codes, bins, seed }
    })
}

/// Checks a property on random layers, in every place.
fn check(name: &str, property: fn(&Place, &Layer)) {
    everywhere(name, |place| {
        let cases = if place.is_cpu() { CASES_ON_CPU } else { CASES_ON_ADAPTER };
        let config = Config { cases, failure_persistence: None, ..Config::default() };
        let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &SEED);
        let outcome = TestRunner::new_with_rng(config, rng).run(&layers(), |layer| {
            property(place, &layer);
            Ok(())
        });
        match outcome {
            Ok(()) => {}
            Err(TestError::Fail(reason, layer)) => {
                panic!("{name} [{place}]: {reason}\nsmallest layer: {layer:?}\nseed: {SEED:?}")
            }
            Err(error) => panic!("{name} [{place}]: {error}"),
        }
    });
}

/// Makes a test of each property, with the property's name.
macro_rules! properties {
    ($($name:ident)*) => { $(
        #[test]
        fn $name() {
            check(stringify!($name), property::$name);
        }
    )* };
}

properties! {
    permuting_samples_changes_no_bit
    permuting_neurons_permutes_the_matrix
    relabelling_bins_changes_no_bit
    negating_activations_changes_no_bit
    scaling_by_powers_of_two_changes_no_bit
    the_matrix_is_symmetric_and_has_the_entropies_on_its_diagonal
    information_is_between_zero_and_either_entropy
    entropy_is_between_zero_and_the_logarithm_of_occupied_bins
    merging_bins_loses_information
    every_memory_layout_gives_the_same_bits
    bits_are_nats_by_a_factor
    marginals_of_joint_histograms_are_single_histograms
    swapping_a_pair_transposes_its_counts
    a_constant_neuron_shares_nothing
    a_copied_neuron_shares_everything
}

mod property {
    use super::*;

    pub(super) fn permuting_samples_changes_no_bit(place: &Place, layer: &Layer) {
        let order = layer.shuffled(layer.codes.nrows(), 1);
        let permuted = layer.activations().select(Axis(0), &order);
        for kernel in layer.kernels() {
            let found = layer.run_on(place, kernel, permuted.view());
            assert_same_bits(&found, &layer.run(place, kernel), kernel);
        }
    }

    pub(super) fn permuting_neurons_permutes_the_matrix(place: &Place, layer: &Layer) {
        let order = layer.shuffled(layer.codes.ncols(), 2);
        let permuted = layer.activations().select(Axis(1), &order);
        for kernel in layer.kernels() {
            let found = layer.run_on(place, kernel, permuted.view());
            let mut expected = layer.run(place, kernel);
            expected.entropy = expected.entropy.select(Axis(0), &order);
            let rows = expected.mutual_information.select(Axis(0), &order);
            expected.mutual_information = rows.select(Axis(1), &order);
            // Digests tell one order of neurons from another.
            expected.digests = found.digests.clone();
            assert_same_bits(&found, &expected, kernel);
        }
    }

    pub(super) fn relabelling_bins_changes_no_bit(place: &Place, layer: &Layer) {
        let mut relabelled = layer.clone();
        for (j, mut column) in relabelled.codes.columns_mut().into_iter().enumerate() {
            let labels = layer.shuffled(layer.bins, 3 + j as u64);
            column.mapv_inplace(|code| u16::try_from(labels[usize::from(code)]).unwrap());
        }
        for kernel in layer.kernels() {
            let found = relabelled.run(place, kernel);
            assert_same_bits(&found, &layer.run(place, kernel), kernel);
        }
    }

    pub(super) fn negating_activations_changes_no_bit(place: &Place, layer: &Layer) {
        let negated = layer.activations().mapv(|x| -x);
        let range = Range::Given(-(layer.bins as f64), 0.0);
        for kernel in layer.kernels() {
            let settings = place.analysis_over(layer.bins, range).kernel(kernel);
            let found = settings.run(negated.view()).unwrap();
            assert_same_bits(&found, &layer.run(place, kernel), kernel);
        }
    }

    /// Uses ranges that follow the activations, so that the bins of each neuron scale with it.
    pub(super) fn scaling_by_powers_of_two_changes_no_bit(place: &Place, layer: &Layer) {
        let activations = layer.activations();
        let mut scaled = activations.clone();
        for (j, mut column) in scaled.columns_mut().into_iter().enumerate() {
            let exponent = (mix(layer.seed ^ j as u64) % 181) as i32 - 90;
            column.mapv_inplace(|x| x * 2f32.powi(exponent));
        }
        for kernel in layer.kernels() {
            let settings = place.analysis_over(layer.bins, Range::PerNeuron).kernel(kernel);
            let found = settings.run(scaled.view()).unwrap();
            assert_same_bits(&found, &settings.run(activations.view()).unwrap(), kernel);
        }
    }

    pub(super) fn the_matrix_is_symmetric_and_has_the_entropies_on_its_diagonal(
        place: &Place,
        layer: &Layer,
    ) {
        for kernel in layer.kernels() {
            let report = layer.run(place, kernel);
            let mut expected = report.clone();
            expected.mutual_information = report.mutual_information.t().to_owned();
            expected.mutual_information.diag_mut().assign(&report.entropy);
            assert_same_bits(&report, &expected, kernel);
        }
    }

    pub(super) fn information_is_between_zero_and_either_entropy(place: &Place, layer: &Layer) {
        for kernel in layer.kernels() {
            let report = layer.run(place, kernel);
            for ((i, j), &shared) in report.mutual_information.indexed_iter() {
                let most = report.entropy[i].min(report.entropy[j]);
                assert!((0.0..=most).contains(&shared), "{kernel}: {shared} of ({i}, {j}), {most}");
                assert!(shared.is_sign_positive(), "{kernel}: ({i}, {j}) is a negative zero");
            }
        }
    }

    pub(super) fn entropy_is_between_zero_and_the_logarithm_of_occupied_bins(
        place: &Place,
        layer: &Layer,
    ) {
        for kernel in layer.kernels() {
            let report = layer.run(place, kernel);
            for (j, &entropy) in report.entropy.iter().enumerate() {
                let mut codes = layer.codes.column(j).to_vec();
                codes.sort_unstable();
                codes.dedup();
                let most = (codes.len() as f64).ln() + ENTROPY_TOLERANCE;
                assert!((0.0..=most).contains(&entropy), "{kernel}: {entropy} of {j}, {most}");
            }
        }
    }

    /// Tests entropies without tolerance, because f(a + b) ≥ f(a) + f(b) holds for the integers
    /// that are summed.
    pub(super) fn merging_bins_loses_information(place: &Place, layer: &Layer) {
        let merged_bins = layer.bins / 2;
        if merged_bins < 2 {
            return;
        }
        let even = Layer { bins: 2 * merged_bins, ..layer.clone() };
        let activations = layer.activations();
        for kernel in even.kernels() {
            let fine = even.run_on(place, kernel, activations.view());
            let settings = place.analysis_over(merged_bins, even.range()).kernel(kernel);
            let merged = settings.run(activations.view()).unwrap();
            for (j, (merged, fine)) in merged.entropy.iter().zip(&fine.entropy).enumerate() {
                assert!(merged <= fine, "{kernel}: entropy of {j} rose from {fine} to {merged}");
            }
            for (at, &fine) in fine.mutual_information.indexed_iter() {
                let merged = merged.mutual_information[at];
                let most = fine + 4.0 * ENTROPY_TOLERANCE;
                assert!(merged <= most, "{kernel}: {at:?} rose from {fine} to {merged}");
            }
        }
    }

    pub(super) fn every_memory_layout_gives_the_same_bits(place: &Place, layer: &Layer) {
        let c = layer.activations();
        let (samples, neurons) = c.dim();
        let mut fortran = Array2::zeros((samples, neurons).f());
        fortran.assign(&c);
        // Every value is surrounded by others, which must not be read.
        let mut wide = Array2::from_elem((2 * samples, 3 * neurons), f32::NAN);
        wide.slice_mut(s![1..;2, 2..;3]).assign(&c);
        let mut backwards = c.slice(s![..;-1, ..;-1]).to_owned();
        backwards.invert_axis(Axis(0));
        backwards.invert_axis(Axis(1));
        let transposed = c.t().as_standard_layout().into_owned();
        let layouts = [
            ("Fortran", fortran.view()),
            ("strided", wide.slice(s![1..;2, 2..;3])),
            ("backwards", backwards.view()),
            ("reversed axes", transposed.view().reversed_axes()),
        ];
        for kernel in layer.kernels() {
            let expected = layer.run(place, kernel);
            for (name, view) in layouts {
                assert_eq!(view, c, "the {name} layout holds the same values");
                let found = layer.run_on(place, kernel, view);
                assert_same_bits(&found, &expected, format_args!("{kernel}, {name}"));
            }
        }
    }

    pub(super) fn bits_are_nats_by_a_factor(place: &Place, layer: &Layer) {
        for kernel in layer.kernels() {
            let settings = place.analysis_over(layer.bins, layer.range()).kernel(kernel);
            let in_bits = settings.units(Units::Bits).run(layer.activations().view()).unwrap();
            assert_eq!(in_bits.units, Units::Bits, "{kernel}: the report names its unit");
            let mut expected = layer.run(place, kernel);
            assert_eq!(expected.units, Units::Nats, "{kernel}: the unit without a choice");
            expected.entropy *= std::f64::consts::LOG2_E;
            expected.mutual_information *= std::f64::consts::LOG2_E;
            assert_same_bits(&in_bits, &expected, kernel);
        }
    }

    pub(super) fn marginals_of_joint_histograms_are_single_histograms(
        place: &Place,
        layer: &Layer,
    ) {
        let single = |j: usize| {
            let mut counts = vec![0u32; layer.bins];
            layer.codes.column(j).iter().for_each(|&code| counts[usize::from(code)] += 1);
            counts
        };
        let last = layer.codes.ncols() - 1;
        let pairs = [(0, last), (last / 2, last / 2), (last, 0), (last / 2, last)];
        let settings = place.analysis_over(layer.bins, layer.range());
        for kernel in layer.kernels() {
            let settings = settings.clone().kernel(kernel);
            let found = settings.joint_histograms(layer.activations().view(), &pairs).unwrap();
            for (counts, (i, j)) in found.outer_iter().zip(pairs) {
                assert_eq!(
                    counts.sum_axis(Axis(1)).to_vec(),
                    single(i),
                    "{kernel}: first of ({i}, {j})"
                );
                assert_eq!(
                    counts.sum_axis(Axis(0)).to_vec(),
                    single(j),
                    "{kernel}: second of ({i}, {j})"
                );
            }
        }
    }

    pub(super) fn swapping_a_pair_transposes_its_counts(place: &Place, layer: &Layer) {
        let last = layer.codes.ncols() - 1;
        let pairs = [(0, last), (last, 0), (last / 3, last / 2), (last / 2, last / 3)];
        let settings = place.analysis_over(layer.bins, layer.range());
        for kernel in layer.kernels() {
            let settings = settings.clone().kernel(kernel);
            let found = settings.joint_histograms(layer.activations().view(), &pairs).unwrap();
            for p in [0, 2] {
                let (counts, swapped) =
                    (found.index_axis(Axis(0), p), found.index_axis(Axis(0), p + 1));
                assert_eq!(counts.t(), swapped, "{kernel}: pair {:?}", pairs[p]);
            }
        }
    }

    pub(super) fn a_constant_neuron_shares_nothing(place: &Place, layer: &Layer) {
        let constant = layer.shuffled(layer.codes.ncols(), 4)[0];
        let mut activations = layer.activations();
        activations.column_mut(constant).fill(-1.5);
        for range in [Range::PerNeuron, layer.range()] {
            for kernel in layer.kernels() {
                let settings = place.analysis_over(layer.bins, range).kernel(kernel);
                let report = settings.run(activations.view()).unwrap();
                let entropy = report.entropy[constant];
                assert_eq!(entropy.to_bits(), 0, "{kernel}: entropy of {constant} is {entropy}");
                let row = report.mutual_information.row(constant);
                assert!(row.iter().all(|x| x.to_bits() == 0), "{kernel}: {constant} shares {row}");
            }
        }
    }

    pub(super) fn a_copied_neuron_shares_everything(place: &Place, layer: &Layer) {
        let order = layer.shuffled(layer.codes.ncols(), 5);
        let (from, to) = (order[0], order[order.len() - 1]);
        let mut copied = layer.clone();
        copied.codes.column_mut(to).assign(&layer.codes.column(from));
        for kernel in layer.kernels() {
            let report = copied.run(place, kernel);
            let shared = report.mutual_information[[from, to]];
            assert_eq!(
                shared.to_bits(),
                report.entropy[from].to_bits(),
                "{kernel}: {from} and its copy {to} share {shared}"
            );
        }
    }
}
