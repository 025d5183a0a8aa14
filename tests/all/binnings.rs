//! Tests of every binning against references that numpy computed, and against its definition on
//! random activations.
//!
//! `tests/oracle/make_binnings.py` computes the references, and describes them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};

use cofire::{
    ActivationsView, Analysis, BinEdges, BinRule, Binning, Bins, Engine, Error, Kernel, Range,
};
use ndarray::{Array2, ShapeBuilder, array};
use proptest::prelude::*;
use serde::Deserialize;

use crate::common::activations::varied;
use crate::common::{assert_same_bits, everywhere, kernels};

#[derive(Deserialize)]
struct References {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    activations: String,
    binning: CaseBinning,
    /// The number of samples in each bin of each neuron.
    counts: Vec<Vec<u32>>,
    /// Bits of the edges of each neuron; none if one bin holds all activations.
    edges: Option<Vec<Option<Vec<u64>>>>,
}

#[derive(Debug, Deserialize)]
struct CaseBinning {
    #[serde(flatten)]
    rule: CaseRule,
    #[serde(default, rename = "zero-bin")]
    zero_bin: bool,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum CaseRule {
    EqualWidth { bins: CaseBins, range: CaseRange },
    EqualFrequency { bins: usize },
    Digitized { bins: usize },
    Threshold { threshold: f64 },
    Edges { edges: Vec<f64> },
    Categories,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum CaseBins {
    Fixed(usize),
    Rule(String),
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum CaseRange {
    Given(f64, f64),
    Named(String),
}

impl CaseBinning {
    fn binning(&self) -> Binning {
        let binning = match &self.rule {
            CaseRule::EqualWidth { bins, range } => {
                let bins = match bins {
                    CaseBins::Fixed(bins) => Bins::Fixed(*bins),
                    CaseBins::Rule(name) => Bins::Rule(rule(name)),
                };
                let range = match range {
                    CaseRange::Given(low, high) => Range::Given(*low, *high),
                    CaseRange::Named(name) if name == "global" => Range::Global,
                    CaseRange::Named(name) => {
                        assert_eq!(name, "per-neuron", "a range");
                        Range::PerNeuron
                    }
                };
                Binning::EqualWidth { bins, range }
            }
            CaseRule::EqualFrequency { bins } => Binning::EqualFrequency { bins: *bins },
            CaseRule::Digitized { bins } => Binning::Digitized { bins: *bins },
            CaseRule::Threshold { threshold } => Binning::Threshold(*threshold),
            CaseRule::Edges { edges } => Binning::Edges(edges.clone()),
            CaseRule::Categories => Binning::Categories,
        };
        if self.zero_bin { binning.with_zero_bin() } else { binning }
    }
}

/// Returns the rule with this name in numpy.
fn rule(name: &str) -> BinRule {
    match name {
        "auto" => BinRule::Auto,
        "sturges" => BinRule::Sturges,
        "doane" => BinRule::Doane,
        "scott" => BinRule::Scott,
        "fd" => BinRule::FreedmanDiaconis,
        "sqrt" => BinRule::SquareRoot,
        "rice" => BinRule::Rice,
        other => panic!("no rule is called {other}"),
    }
}

const RULES: [BinRule; 7] = [
    BinRule::Auto,
    BinRule::Sturges,
    BinRule::Doane,
    BinRule::Scott,
    BinRule::FreedmanDiaconis,
    BinRule::SquareRoot,
    BinRule::Rice,
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle")
}

/// Activations of a reference, of either precision.
enum Data {
    F32(Array2<f32>),
    F64(Array2<f64>),
}

impl Data {
    fn view(&self) -> ActivationsView<'_> {
        match self {
            Self::F32(array) => array.into(),
            Self::F64(array) => array.into(),
        }
    }
}

/// Makes or reads the activations that `make_binnings.py` calls by this name.
fn activations(name: &str) -> Data {
    if name == "doubles" {
        let offsets = [0.0, 1e9, 1e9, 2f64.powi(52), -1e-9];
        let scales = [10.0, 8.0, 1000.0, 3.0, 7.0];
        return Data::F64(Array2::from_shape_fn((400, 5), |(s, j)| {
            (s * (j + 7) % 101) as f64 / scales[j] + offsets[j]
        }));
    }
    Data::F32(match name {
        "ties" => Array2::from_shape_fn((101, 7), |(s, j)| {
            [
                s / 50 % 2 * 3 + 1,
                s.saturating_sub(69),
                s / 2 % 3,
                s / 20,
                s.min(2),
                (s * s % 101).min(4),
                s % 2,
            ][j] as f32
        }),
        "categories" => Array2::from_shape_fn((500, 6), |(s, j)| {
            (s * (j + 3) / 7 % [1, 2, 3, 10, 100, 256][j]) as f32
        }),
        "two_values" => Array2::from_shape_fn((10, 3), |(s, j)| ((3 * s + j) % 2) as f32),
        _ => {
            let path = folder().join("cases/data").join(format!("{name}.npy"));
            let npy = npyz::NpyFile::new(BufReader::new(File::open(path).unwrap())).unwrap();
            let shape: Vec<usize> =
                npy.shape().iter().map(|&n| usize::try_from(n).unwrap()).collect();
            Array2::from_shape_vec((shape[0], shape[1]), npy.into_vec().unwrap()).unwrap()
        }
    })
}

/// Counts the samples in each bin of each neuron: the diagonal of its joint histogram with itself.
fn counts<'a>(analysis: &Analysis, activations: impl Into<ActivationsView<'a>>) -> Vec<Vec<u32>> {
    let activations = activations.into();
    let pairs: Vec<_> = (0..activations.neurons()).map(|neuron| (neuron, neuron)).collect();
    let joint = analysis.joint_histograms(activations, &pairs).unwrap();
    joint.outer_iter().map(|joint| joint.diag().to_vec()).collect()
}

fn cpu(binning: Binning) -> Analysis {
    Analysis::with_binning(binning).engine(Engine::Cpu)
}

#[test]
fn bins_and_counts_are_those_of_numpy() {
    let references = File::open(folder().join("binnings.json")).unwrap();
    let references: References = serde_json::from_reader(BufReader::new(references)).unwrap();
    assert_eq!(references.cases.len(), 211, "cases in binnings.json");
    let mut data = BTreeMap::new();
    let mut wrong = Vec::new();
    for case in &references.cases {
        let activations =
            data.entry(&case.activations).or_insert_with(|| activations(&case.activations));
        let binning = case.binning.binning();
        let edges = BinEdges::fit(activations.view(), &binning).unwrap();
        assert_eq!(edges.has_zero_bin(), case.binning.zero_bin, "{:?}", case.binning);
        let found = counts(&cpu(binning.clone()), activations.view());
        let reapplied = Analysis::with_edges(edges.clone()).engine(Engine::Cpu);
        assert_eq!(counts(&reapplied, activations.view()), found, "{:?}", case.binning);
        for (j, expected) in case.counts.iter().enumerate() {
            let mut same_length = expected.clone();
            same_length.resize(edges.bins(), 0);
            // If a layer has only one value, it keeps the number of bins that was asked for.
            if edges.bins_of(j) != expected.len() || found[j] != same_length {
                wrong.push(format!(
                    "{} {:?} neuron {j}: {} bins {:?}, not {} {expected:?}",
                    case.activations,
                    case.binning,
                    edges.bins_of(j),
                    found[j],
                    expected.len()
                ));
            }
            if let Some(all) = &case.edges {
                let bits = |edges: &[f64]| edges.iter().map(|e| e.to_bits()).collect::<Vec<_>>();
                let (found, expected) = (edges.of(j).map(bits), &all[j]);
                // With a zero bin, a neuron with one other value has edges without width.
                if &found != expected && !(case.binning.zero_bin && expected.is_none()) {
                    wrong.push(format!("{} {binning:?} edges of {j}", case.activations));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} are wrong:\n{}", wrong.len(), wrong.join("\n"));
}

/// Tests that neurons with fewer bins than others leave the upper codes unused, on every engine.
#[test]
fn neurons_of_different_numbers_of_bins_on_every_engine() {
    let activations = varied(700, 24, 3);
    let binnings = [
        Binning::EqualFrequency { bins: 7 },
        Binning::EqualFrequency { bins: 12 }.with_zero_bin(),
        Binning::equal_width(BinRule::Auto),
        Binning::equal_width(5).with_zero_bin(),
        Binning::Threshold(0.25),
        Binning::Edges(vec![0.0, 0.1, 0.15, 0.5, 2.0]),
    ];
    for binning in binnings {
        let edges = BinEdges::fit(activations.view(), &binning).unwrap();
        let expected = cpu(binning.clone()).kernel(Kernel::JointHistogram);
        let expected = expected.run(activations.view()).unwrap();
        everywhere("neurons_of_different_numbers_of_bins_on_every_engine", |place| {
            for kernel in kernels(edges.bins()) {
                let analysis = place.analysis_with_edges(edges.clone()).kernel(kernel);
                let found = analysis.run(activations.view()).unwrap();
                assert_same_bits(&found, &expected, format!("[{place}] {kernel}, {binning:?}"));
            }
        });
    }
}

#[test]
fn constant_neurons_have_one_bin() {
    let activations = array![[3.0f32, 0.0, 0.0], [3.0, -0.0, 5.0], [3.0, 0.0, 0.0]];
    let rules = RULES.map(Binning::equal_width);
    for binning in rules.into_iter().chain([Binning::EqualFrequency { bins: 4 }]) {
        let edges = BinEdges::fit(activations.view(), &binning).unwrap();
        assert_eq!((edges.of(0), edges.bins_of(0)), (None, 1), "{binning:?}");
        assert_eq!((edges.of(1), edges.bins_of(1)), (None, 1), "{binning:?}");
        let edges = BinEdges::fit(activations.view(), &binning.with_zero_bin()).unwrap();
        assert_eq!((edges.of(0), edges.bins_of(0)), (Some(&[3.0, 3.0][..]), 2));
        assert_eq!((edges.of(1), edges.bins_of(1)), (None, 1));
        assert_eq!((edges.of(2), edges.bins_of(2)), (Some(&[5.0, 5.0][..]), 2));
        assert_eq!((edges.of(3), edges.bins_of(3)), (None, 1), "no such neuron");
    }
    let constant = Array2::from_elem((5, 2), 7.0f32);
    let edges = BinEdges::fit(constant.view(), &Binning::EqualFrequency { bins: 9 }).unwrap();
    assert_eq!(edges.bins(), 2, "kernels want two");
    let edges = BinEdges::fit(constant.view(), &Binning::equal_width(9)).unwrap();
    assert_eq!(edges.bins(), 9, "what was asked for");
    let report = cpu(Binning::equal_width(BinRule::Scott)).run(constant.view()).unwrap();
    assert!(report.mutual_information.iter().all(|&shared| shared == 0.0), "{report:?}");
}

#[test]
fn zero_bins_of_zero_bins_are_one() {
    let twice = Binning::WithZeroBin(Box::new(Binning::Threshold(1.0).with_zero_bin()));
    let once = Binning::Threshold(1.0).with_zero_bin();
    assert_eq!(once.clone().with_zero_bin(), once);
    let activations = array![[0.0f32], [1.0], [2.0], [-0.0]];
    assert_eq!(counts(&cpu(twice), activations.view()), [[2, 1, 1]]);
    assert_eq!(counts(&cpu(once), activations.view()), [[2, 1, 1]]);
}

#[test]
fn equal_widths_over_a_range_are_written_in_two_ways() {
    let activations = array![[0.0f32, 8.0], [1.0, 9.0], [3.0, 9.5]];
    let global = Binning::EqualWidth { bins: 4.into(), range: Range::Global };
    let short = Binning::equal_width_over(4, Range::Global);
    assert_eq!(short, global);
    let per_neuron = Binning::equal_width_over(4, Range::PerNeuron);
    assert_eq!(per_neuron, Binning::equal_width(4));
    let found = [&short, &per_neuron].map(|b| counts(&cpu(b.clone()), activations.view()));
    assert_ne!(found[0], found[1], "the ranges differ");
}

#[test]
fn kernels_are_refused_when_the_number_of_bins_is_known() {
    let activations = varied(100, 8, 0);
    let bitset = |binning| cpu(binning).kernel(Kernel::Bitset).run(activations.view());
    assert!(bitset(Binning::EqualFrequency { bins: 2 }).is_ok(), "two bins");
    assert!(bitset(Binning::Threshold(0.5)).is_ok(), "two bins");
    assert!(bitset(Binning::Edges(vec![0.0, 1.0])).is_ok(), "one bin");
    for (binning, expected) in [
        (Binning::EqualFrequency { bins: 5 }, 5),
        (Binning::Threshold(0.5).with_zero_bin(), 3),
        (Binning::equal_width(BinRule::Sturges), 8),
    ] {
        let error = bitset(binning.clone()).unwrap_err();
        let Error::KernelUnsupported { bins, limit: 2, .. } = error else { panic!("{error:?}") };
        assert_eq!(bins, expected, "{binning:?}");
    }
}

fn values() -> impl Strategy<Value = f32> {
    prop_oneof![
        4 => -2.0f32..2.0,
        2 => prop::sample::select(vec![0.0, -0.0, 1.0, -1.0, 0.5, 1e-45, 1e30, -3e38]),
        1 => prop::num::f32::NORMAL | prop::num::f32::SUBNORMAL,
    ]
}

fn layer(samples: usize, neurons: usize) -> impl Strategy<Value = Array2<f32>> {
    prop::collection::vec(values(), samples * neurons)
        .prop_map(move |x| Array2::from_shape_vec((samples, neurons), x).unwrap())
}

fn layers() -> impl Strategy<Value = Array2<f32>> {
    (2usize..150, 1usize..6).prop_flat_map(|(samples, neurons)| layer(samples, neurons))
}

/// Generates two sets of activations of one layer.
fn pairs_of_layers() -> impl Strategy<Value = (Array2<f32>, Array2<f32>)> {
    (2usize..150, 2usize..150, 1usize..6)
        .prop_flat_map(|(one, other, neurons)| (layer(one, neurons), layer(other, neurons)))
}

fn binnings() -> impl Strategy<Value = Binning> {
    let bins = prop_oneof![2usize..12, Just(255)];
    let range = prop_oneof![
        Just(Range::PerNeuron),
        Just(Range::Global),
        (-2.0..0.0, 0.5..2.0).prop_map(|(low, high)| Range::Given(low, high)),
    ];
    let number = prop_oneof![
        bins.clone().prop_map(Bins::Fixed),
        prop::sample::select(RULES.to_vec()).prop_map(Bins::Rule),
    ];
    let rule = prop_oneof![
        (number, range).prop_map(|(bins, range)| Binning::EqualWidth { bins, range }),
        bins.prop_map(|bins| Binning::EqualFrequency { bins }),
        (1usize..12).prop_map(|bins| Binning::Digitized { bins }),
        values().prop_map(|threshold| Binning::Threshold(threshold.into())),
        prop::collection::btree_set(-20i32..20, 2..9).prop_map(|edges| Binning::Edges(
            edges.into_iter().map(|e| f64::from(e) / 8.0).collect()
        )),
    ];
    (rule, any::<bool>()).prop_map(
        |(rule, zero_bin)| {
            if zero_bin { rule.with_zero_bin() } else { rule }
        },
    )
}

/// Returns the bin of an activation, from the documented meaning of edges.
fn code(edges: &BinEdges, neuron: usize, x: f32) -> usize {
    let Some(table) = edges.of(neuron) else { return 0 };
    let inner = &table[1..table.len() - 1];
    match edges.has_zero_bin() {
        true if x == 0.0 => 0,
        zero_bin => {
            inner.iter().filter(|&&edge| edge <= f64::from(x)).count() + usize::from(zero_bin)
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 500,
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(221_009_404),
        ..ProptestConfig::default()
    })]

    #[test]
    fn counts_follow_from_edges((train, test) in pairs_of_layers(), binning in binnings()) {
        let edges = BinEdges::fit(train.view(), &binning).unwrap();
        let refitted = counts(&cpu(binning), train.view());
        let applied = Analysis::with_edges(edges.clone()).engine(Engine::Cpu);
        prop_assert_eq!(&refitted, &counts(&applied, train.view()));
        for (layer, found) in [(&train, refitted), (&test, counts(&applied, test.view()))] {
            for (j, column) in layer.columns().into_iter().enumerate() {
                let mut expected = vec![0; edges.bins()];
                column.iter().for_each(|&x| expected[code(&edges, j, x)] += 1);
                prop_assert_eq!(&found[j], &expected, "neuron {}, {:?}", j, edges.of(j));
                prop_assert!(expected[edges.bins_of(j)..].iter().all(|&n| n == 0), "codes beyond");
            }
        }
    }

    #[test]
    fn zeros_are_alone_and_change_nothing(layer in layers(), binning in binnings()) {
        let with = binning.with_zero_bin();
        let edges = BinEdges::fit(layer.view(), &with).unwrap();
        let found = counts(&cpu(with.clone()), layer.view());
        for (j, column) in layer.columns().into_iter().enumerate() {
            let zeros = column.iter().filter(|&&x| x == 0.0).count();
            prop_assert_eq!(found[j][0] as usize, zeros, "neuron {}", j);
            // A neuron without its zeros has the bins that it has in addition to a zero bin.
            let others: Vec<f32> = column.iter().copied().filter(|&x| x != 0.0).collect();
            let Binning::WithZeroBin(rule) = &with else { panic!("{with:?}") };
            let is_global = matches!(
                **rule,
                Binning::EqualWidth { range: Range::Global, .. } | Binning::Digitized { .. }
            );
            // With a zero bin, a rule chooses at most 255 others.
            if others.len() < 2 || is_global || edges.bins_of(j) == 256 {
                continue;
            }
            let alone = Array2::from_shape_vec((others.len(), 1), others).unwrap();
            let alone_edges = BinEdges::fit(alone.view(), rule).unwrap();
            if alone_edges.of(0).is_some() {
                prop_assert_eq!(edges.of(j), alone_edges.of(0), "neuron {}", j);
            }
        }
    }

    /// Tests that each bin holds its share, except for bins with many equal activations.
    #[test]
    fn equal_frequency_is_even_but_for_ties(layer in layers(), bins in 2usize..40) {
        let binning = Binning::EqualFrequency { bins };
        let edges = BinEdges::fit(layer.view(), &binning).unwrap();
        let samples = layer.nrows();
        for (j, column) in layer.columns().into_iter().enumerate() {
            let mut in_bins = BTreeMap::<usize, BTreeMap<u64, usize>>::new();
            for &x in column {
                let bin = in_bins.entry(code(&edges, j, x)).or_default();
                // The bits are the key of a value; both zeros have the same.
                let bits = f64::from(x + 0.0).to_bits();
                *bin.entry(bits).or_default() += 1;
            }
            for bin in in_bins.values() {
                let largest_tie = bin.values().max().copied().unwrap_or_default();
                let all: usize = bin.values().sum();
                prop_assert!(
                    all <= samples.div_ceil(bins) + 2 * largest_tie,
                    "{} of {} samples in one of {} bins, {} alike", all, samples, bins, largest_tie
                );
            }
        }
    }

    #[test]
    fn fitting_depends_on_nothing_else(layer in layers(), binning in binnings()) {
        let edges = BinEdges::fit(layer.view(), &binning).unwrap();
        let mut transposed = Array2::zeros(layer.dim().f());
        transposed.assign(&layer);
        prop_assert_eq!(&BinEdges::fit(transposed.view(), &binning).unwrap(), &edges);
        let threads = rayon::ThreadPoolBuilder::new().num_threads(3).build().unwrap();
        let refitted = threads.install(|| BinEdges::fit(layer.view(), &binning).unwrap());
        prop_assert_eq!(&refitted, &edges);
        prop_assert_eq!(&cpu(binning).run(layer.view()).unwrap().edges, &edges);
    }
}
