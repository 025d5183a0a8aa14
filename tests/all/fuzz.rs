//! Tests with random settings, and random bits as activations: the result is an answer or an error,
//! never a panic. There is an answer only if the question is valid.

use cofire::significance::Resampling;
use cofire::{
    Analysis, BinRule, Binning, Engine, Error, Estimator, Kernel, NeighborAnalysis,
    OnDeviceFailure, Range, Report, Units,
};
use ndarray::Array2;
use proptest::prelude::*;

use crate::common::activations::mix;

#[derive(Debug, Clone)]
struct Settings {
    bins: usize,
    range: Range,
    units: Units,
    kernel: Option<Kernel>,
    on_device_failure: OnDeviceFailure,
    memory_limit: Option<u64>,
}

impl Settings {
    fn analysis(&self) -> Analysis {
        let binning = Binning::equal_width_over(self.bins, self.range);
        let mut analysis = Analysis::with_binning(binning)
            .engine(Engine::Cpu)
            .units(self.units)
            .on_device_failure(self.on_device_failure);
        if let Some(kernel) = self.kernel {
            analysis = analysis.kernel(kernel);
        }
        if let Some(bytes) = self.memory_limit {
            analysis = analysis.memory_limit(bytes);
        }
        analysis
    }
}

fn ranges() -> impl Strategy<Value = Range> {
    prop_oneof![
        Just(Range::PerNeuron),
        Just(Range::Global),
        (any::<u64>(), any::<u64>())
            .prop_map(|(low, high)| Range::Given(f64::from_bits(low), f64::from_bits(high))),
        (any::<f32>(), any::<f32>()).prop_map(|(low, high)| Range::Given(
            f64::from(low.min(high)),
            f64::from(high.max(low))
        )),
    ]
}

fn settings() -> impl Strategy<Value = Settings> {
    let bins = prop_oneof![8 => 2usize..=256, 1 => 0usize..300, 1 => any::<usize>()];
    let units = prop::sample::select(vec![Units::Nats, Units::Bits]);
    let kernel = prop::option::of(prop::sample::select(Kernel::ALL.to_vec()));
    let failure = prop::sample::select(vec![OnDeviceFailure::UseCpu, OnDeviceFailure::Fail]);
    let limit = prop::option::weighted(0.2, any::<u64>().prop_map(|b| b >> (b % 64)));
    (bins, ranges(), units, kernel, failure, limit).prop_map(
        |(bins, range, units, kernel, on_device_failure, memory_limit)| Settings {
            bins,
            range,
            units,
            kernel,
            on_device_failure,
            memory_limit,
        },
    )
}

/// Generates activations from any bits, or only from those of finite numbers.
fn activations() -> impl Strategy<Value = Array2<f32>> {
    let shape = (0usize..40, 0usize..20);
    let values = prop_oneof![
        1 => Just(None),
        4 => prop::sample::select(vec![0x7fff_ffff_u32, 0x3fff_ffff, 0x0000_000f]).prop_map(Some),
    ];
    (shape, values, any::<u64>()).prop_map(|((samples, neurons), mask, seed)| {
        Array2::from_shape_fn((samples, neurons), |(s, j)| {
            let bits = mix(seed ^ ((s as u64) << 20) ^ j as u64) & u64::from(u32::MAX);
            let bits = u32::try_from(bits).unwrap();
            let x = f32::from_bits(bits & mask.unwrap_or(u32::MAX));
            if mask.is_some() && !x.is_finite() { -1.0 } else { x }
        })
    })
}

/// Returns whether a job with these settings and activations has an answer.
fn is_answerable(settings: &Settings, activations: &Array2<f32>) -> bool {
    let (samples, neurons) = activations.dim();
    let range_is_usable = match settings.range {
        Range::Given(low, high) => low < high && (high - low).is_finite(),
        _ => true,
    };
    samples >= 2
        && neurons >= 1
        && (2..=256).contains(&settings.bins)
        && range_is_usable
        && settings.kernel.is_none_or(|kernel| settings.bins <= kernel.max_bins())
        && activations.iter().all(|x| x.is_finite())
}

fn binnings() -> impl Strategy<Value = Binning> {
    let rules = prop::sample::select(vec![BinRule::Auto, BinRule::Doane, BinRule::Scott]);
    let edges = prop::collection::vec(any::<f32>(), 0..9);
    let binnings = prop_oneof![
        (0usize..300).prop_map(Binning::equal_width),
        rules.prop_map(Binning::equal_width),
        (0usize..300).prop_map(|bins| Binning::EqualFrequency { bins }),
        (0usize..300).prop_map(|bins| Binning::Digitized { bins }),
        any::<u64>().prop_map(|bits| Binning::Threshold(f64::from_bits(bits))),
        edges.prop_map(|mut edges| {
            edges.sort_by(f32::total_cmp);
            Binning::Edges(edges.into_iter().map(f64::from).collect())
        }),
        Just(Binning::Categories),
    ];
    (binnings, any::<bool>()).prop_map(
        |(binning, zero_bin)| {
            if zero_bin { binning.with_zero_bin() } else { binning }
        },
    )
}

fn estimators() -> impl Strategy<Value = Estimator> {
    let named = vec![
        Estimator::PlugIn,
        Estimator::MillerMadow,
        Estimator::Grassberger,
        Estimator::ChaoShen,
        Estimator::JamesStein,
        Estimator::LAPLACE,
    ];
    let added = any::<f64>().prop_map(Estimator::PseudoCount);
    prop_oneof![4 => prop::sample::select(named), 1 => added]
}

/// Returns whether the result is an error in one line, or a value that passes the check.
fn answered<T>(result: Result<T, Error>, check: impl FnOnce(T) -> bool) -> bool {
    match result {
        Ok(value) => check(value),
        Err(error) => !error.to_string().contains('\n'),
    }
}

fn check_report(report: &Report, settings: &Settings, activations: &Array2<f32>) {
    let neurons = activations.ncols();
    let most = (settings.bins as f64).ln() * settings.units.per_nat() + 1e-10;
    assert_eq!(report.entropy.len(), neurons, "entropies");
    assert_eq!(report.mutual_information.dim(), (neurons, neurons), "shape of the matrix");
    assert!(report.entropy.iter().all(|h| (0.0..=most).contains(h)), "{}", report.entropy);
    let shared = &report.mutual_information;
    assert!(shared.iter().all(|x| (0.0..=most).contains(x)), "{shared}");
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 1000,
        failure_persistence: None,
        rng_seed: proptest::test_runner::RngSeed::Fixed(221_009_404),
        ..ProptestConfig::default()
    })]

    #[test]
    fn an_answer_or_an_error(settings in settings(), activations in activations()) {
        match settings.analysis().run(activations.view()) {
            Ok(report) => {
                prop_assert!(is_answerable(&settings, &activations), "should have been refused");
                check_report(&report, &settings, &activations);
            }
            Err(Error::MemoryLimit { needed, allowed }) => {
                prop_assert_eq!(Some(allowed), settings.memory_limit, "the limit that was set");
                prop_assert!(needed > allowed, "{} bytes fit into {}", needed, allowed);
            }
            Err(error) => {
                prop_assert!(!is_answerable(&settings, &activations), "refused: {}", error);
                prop_assert!(!error.to_string().contains('\n'), "not one line: {}", error);
            }
        }
    }

    #[test]
    fn other_questions_get_an_answer_or_an_error(
        binning in binnings(),
        estimator in estimators(),
        activations in activations(),
        labels in prop::collection::vec(0u32..5, 0..40),
        k in 0usize..6,
    ) {
        let x = activations.view();
        let analysis = Analysis::with_binning(binning).engine(Engine::Cpu).estimator(estimator);
        let finite = |values: &Array2<f64>| values.iter().all(|x| x.is_finite());
        prop_assert!(answered(analysis.run(x), |r| finite(&r.mutual_information)), "run");
        let between = analysis.run_between(x, x);
        prop_assert!(answered(between, |r| finite(&r.mutual_information)), "between");
        let of_labels = analysis.label_information(x, &labels);
        prop_assert!(answered(of_labels, |r| r.mutual_information.iter().all(|x| x.is_finite())));
        let given = analysis.run_given_labels(x, &labels);
        let check = |r: cofire::analysis::ConditionalReport| finite(&r.conditional_mutual_information);
        prop_assert!(answered(given, check), "given labels");
        prop_assert!(answered(analysis.cofiring(x), |r| r.samples == activations.nrows()));
        let whole = analysis.total_correlation(x);
        prop_assert!(answered(whole, |r| r.total_correlation.is_finite()), "as a whole");
        let tested = analysis.permutation_test(x, 2, 1);
        let is_share = |p: &f64| *p > 0.0 && *p <= 1.0;
        prop_assert!(answered(tested, |r| r.p_values.iter().all(is_share)), "tested");
        let resampling = Resampling { replicates: 3, ..Resampling::default() };
        let sure = analysis.uncertainty(x, &[(0, 1)], resampling);
        prop_assert!(answered(sure, |r| r.iter().all(|pair| pair.low <= pair.high)), "sure");
        let near = NeighborAnalysis::new(k).engine(Engine::Cpu).run(x);
        prop_assert!(answered(near, |r| finite(&r.mutual_information)), "neighbours");
    }

    #[test]
    fn counts_or_an_error(
        settings in settings(),
        activations in activations(),
        pairs in prop::collection::vec((0usize..20, 0usize..20), 0..4),
    ) {
        let neurons = activations.ncols();
        match settings.analysis().joint_histograms(activations.view(), &pairs) {
            Ok(counts) => {
                prop_assert!(is_answerable(&settings, &activations), "should have been refused");
                let samples = u32::try_from(activations.nrows()).unwrap();
                for (counts, pair) in counts.outer_iter().zip(&pairs) {
                    prop_assert_eq!(counts.sum(), samples, "pair {:?}", pair);
                }
            }
            Err(Error::PairOutOfRange { first, second, last }) => {
                prop_assert_eq!(last + 1, neurons, "neurons");
                prop_assert!(first.max(second) > last, "({}, {})", first, second);
            }
            Err(Error::MemoryLimit { .. }) => prop_assert!(settings.memory_limit.is_some(), "no limit"),
            Err(error) => {
                prop_assert!(!is_answerable(&settings, &activations), "refused: {}", error);
            }
        }
    }
}
