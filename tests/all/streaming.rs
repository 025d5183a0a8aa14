//! Tests that activations in batches give the same bits as in one piece, for any batches.

use cofire::{
    ActivationsView, Analysis, Batches, BinEdges, BinRule, Binning, Encoder, Engine, Error,
    Estimator, Precision, Range, Report,
};
use ndarray::{Array2, Axis};

/// Makes activations of many kinds: smooth, rectified, constant, two-valued, with ties.
fn activations(samples: usize, neurons: usize) -> Array2<f32> {
    let noise = |s: usize, n: usize| {
        let mixed =
            (s as u64 * 0x9e37_79b9 + n as u64 * 0x85eb_ca6b).wrapping_mul(0xc2b2_ae3d_27d4);
        ((mixed >> 20) % 10_000) as f32 / 5_000.0 - 1.0
    };
    Array2::from_shape_fn((samples, neurons), |(s, n)| match n % 6 {
        0 => noise(s, 0) + 0.3 * noise(s, n),
        1 => noise(s, n).max(0.0),
        2 => 4.5,
        3 => f32::from(noise(s, n) > 0.5),
        4 => (noise(s, 0) * 3.0).round(),
        _ => noise(s, n) * 1e-3 * (n as f32),
    })
}

/// A source with batches of uneven sizes and of two memory layouts.
struct Uneven(Array2<f32>);

impl Batches for Uneven {
    fn samples(&self) -> usize {
        self.0.nrows()
    }

    fn neurons(&self) -> usize {
        self.0.ncols()
    }

    fn visit(
        &mut self,
        most_samples: usize,
        visitor: &mut dyn FnMut(ActivationsView<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let (mut begin, mut size) = (0, 1);
        while begin < self.0.nrows() {
            let end = (begin + size).min(begin + most_samples).min(self.0.nrows());
            let batch = self.0.slice(ndarray::s![begin..end, ..]);
            let columns = batch.t().as_standard_layout().into_owned();
            visitor(if size % 2 == 0 { batch.into() } else { columns.t().into() })?;
            (begin, size) = (end, size * 3 % 97);
        }
        Ok(())
    }
}

fn assert_same(found: &Report, expected: &Report, what: &str) {
    assert_eq!(found.edges, expected.edges, "edges, {what}");
    assert_eq!(found.entropy, expected.entropy, "entropy, {what}");
    assert_eq!(found.occupied_bins, expected.occupied_bins, "occupied bins, {what}");
    assert_eq!(found.degenerate, expected.degenerate, "degenerate neurons, {what}");
    assert_eq!(found.digests, expected.digests, "digests, {what}");
    let bits = |report: &Report| report.mutual_information.mapv(f64::to_bits);
    assert_eq!(bits(found), bits(expected), "mutual information, {what}");
}

fn binnings() -> Vec<Binning> {
    let rule = |rule: BinRule, range| Binning::EqualWidth { bins: rule.into(), range };
    vec![
        Binning::equal_width(10),
        Binning::equal_width(2),
        Binning::EqualWidth { bins: 100.into(), range: Range::Global },
        Binning::EqualWidth { bins: 7.into(), range: Range::Given(-1.0, 2.0) },
        Binning::equal_width(10).with_zero_bin(),
        Binning::EqualWidth { bins: 5.into(), range: Range::Global }.with_zero_bin(),
        rule(BinRule::Auto, Range::PerNeuron),
        rule(BinRule::Auto, Range::Global),
        rule(BinRule::Auto, Range::Given(-0.5, 0.5)).with_zero_bin(),
        Binning::EqualFrequency { bins: 9 },
        Binning::EqualFrequency { bins: 9 }.with_zero_bin(),
        Binning::Digitized { bins: 20 },
        Binning::Threshold(0.0),
        Binning::Edges(vec![-1.0, -0.1, 0.4, 3.0]),
    ]
}

#[test]
fn batches_of_any_size_give_the_bits_of_one_piece() {
    for (samples, neurons) in [(2, 1), (130, 7), (1000, 40)] {
        let whole = activations(samples, neurons);
        for binning in binnings() {
            let analysis = Analysis::with_binning(binning.clone()).engine(Engine::Cpu);
            let expected = analysis.run(whole.view()).unwrap();
            let what = format!("{samples} x {neurons}, {binning:?}");
            let found = analysis.run_batches(&mut Uneven(whole.clone())).unwrap();
            assert_same(&found, &expected, &what);
            let found = analysis.run_batches(&mut whole.view()).unwrap();
            assert_same(&found, &expected, &what);
        }
    }
    let categories = Array2::from_shape_fn((300, 5), |(s, n)| ((s * (n + 3)) % (n + 2)) as f32);
    let analysis = Analysis::with_binning(Binning::Categories).engine(Engine::Cpu);
    let expected = analysis.run(categories.view()).unwrap();
    assert_same(&analysis.run_batches(&mut Uneven(categories)).unwrap(), &expected, "categories");
}

#[test]
fn pushed_batches_give_them_too_in_memory_and_from_a_file() {
    let whole = activations(2000, 30);
    for binning in binnings() {
        for estimator in [Estimator::PlugIn, Estimator::ChaoShen] {
            let analysis = Analysis::with_binning(binning.clone()).estimator(estimator);
            let analysis = analysis.engine(Engine::Cpu);
            let expected = analysis.run(whole.view()).unwrap();
            for limit in [u64::MAX, 0] {
                let edges = BinEdges::fit_batches(&mut Uneven(whole.clone()), &binning).unwrap();
                let mut encoder = Encoder::with_memory_limit(edges, limit);
                for batch in whole.axis_chunks_iter(Axis(0), 333) {
                    encoder.push(batch).unwrap();
                }
                let layer = encoder.finish().unwrap();
                assert_eq!(layer.spilled_bytes() > 0, limit == 0, "{limit}");
                let found = analysis.run_encoded(layer).unwrap();
                assert_same(&found, &expected, &format!("{binning:?}, {estimator}, {limit}"));
            }
        }
    }
}

/// Batches of both precisions, as shards of several types are.
struct Mixed {
    single: Array2<f32>,
    double: Array2<f64>,
    announced: Precision,
}

impl Batches for Mixed {
    fn samples(&self) -> usize {
        self.single.nrows() + self.double.nrows()
    }

    fn neurons(&self) -> usize {
        self.single.ncols()
    }

    fn precision(&self) -> Precision {
        self.announced
    }

    fn visit(
        &mut self,
        most_samples: usize,
        visitor: &mut dyn FnMut(ActivationsView<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        for batch in self.single.axis_chunks_iter(Axis(0), most_samples) {
            visitor(batch.into())?;
        }
        for batch in self.double.axis_chunks_iter(Axis(0), most_samples) {
            visitor(batch.into())?;
        }
        Ok(())
    }
}

#[test]
fn doubles_in_batches_give_the_bits_of_one_piece() {
    let single = activations(170, 9);
    // As `f32`, these would have a few values, or only one.
    let far = |x: &f32| f64::from(*x) / 3.0 + 1e9;
    let double =
        Array2::from_shape_fn((230, 9), |(s, n)| far(&single[[s % 170, n]]) + s as f64 / 7.0);
    let wide = single.mapv(f64::from);
    let both = ndarray::concatenate(Axis(0), &[wide.view(), double.view()]).unwrap();
    let in_columns = both.t().as_standard_layout().into_owned();
    for binning in binnings() {
        let analysis = Analysis::with_binning(binning.clone()).engine(Engine::Cpu);
        let expected = analysis.run(both.view()).unwrap();
        let what = format!("{binning:?}");
        assert_same(&analysis.run(in_columns.t()).unwrap(), &expected, &what);
        assert_same(&analysis.run_batches(&mut both.view()).unwrap(), &expected, &what);
        let (single, double) = (single.clone(), double.clone());
        let mut mixed = Mixed { single, double, announced: Precision::F64 };
        assert_same(&analysis.run_batches(&mut mixed).unwrap(), &expected, &what);
        mixed.announced = Precision::F32;
        let error = analysis.run_batches(&mut mixed).unwrap_err();
        assert!(matches!(error, Error::Batches(_)), "{what}: {error}");
        // An `f32` in double precision is the same activation.
        let of_singles = analysis.run(&mixed.single).unwrap();
        // A threshold is rounded to the type of the activations, so its edges differ.
        if !matches!(binning, Binning::Threshold(_)) {
            assert_same(&analysis.run(&wide).unwrap(), &of_singles, &what);
        }
    }
}

/// Tests more codes than half the memory allowed, which go to a file in several pieces.
#[test]
fn codes_beyond_the_budget_go_to_a_file() {
    let (samples, neurons) = (150_000, 300);
    let whole = activations(samples, neurons);
    let analysis = Analysis::new(10).engine(Engine::Cpu);
    let expected = analysis.run(whole.view()).unwrap();
    let directory = tempfile::tempdir().unwrap();
    let limited = analysis.memory_limit(80 << 20).spill_directory(directory.path());
    let layer = limited.encode_batches(&mut whole.view()).unwrap();
    assert_eq!(layer.spilled_bytes(), (samples * neurons) as u64);
    assert_same(&limited.run_encoded(layer).unwrap(), &expected, "from a file");
    assert_eq!(std::fs::read_dir(directory.path()).unwrap().count(), 0, "nothing is left behind");
}

#[test]
fn what_cannot_fit_is_refused_before_anything_is_read() {
    struct Untouchable;
    impl Batches for Untouchable {
        fn samples(&self) -> usize {
            1_000_000
        }
        fn neurons(&self) -> usize {
            100_000
        }
        fn visit(
            &mut self,
            _: usize,
            _: &mut dyn FnMut(ActivationsView<'_>) -> Result<(), Error>,
        ) -> Result<(), Error> {
            panic!("nobody should read this")
        }
    }
    let refused = Analysis::new(10).memory_limit(1 << 30).run_batches(&mut Untouchable);
    let matrix = 8 * 100_000u64 * 100_000;
    match refused {
        Err(Error::MemoryLimit { needed, allowed }) => {
            assert!(needed >= matrix && allowed == 1 << 30, "{needed} {allowed}");
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn places_are_counted_over_all_batches() {
    let mut bad = activations(500, 6);
    bad[[431, 5]] = f32::NAN;
    let analysis = Analysis::new(10).engine(Engine::Cpu);
    let error = analysis.run_batches(&mut Uneven(bad.clone())).unwrap_err();
    assert!(matches!(error, Error::NonFinite { sample: 431, neuron: 5, .. }), "{error}");

    let edges = BinEdges::fit(activations(500, 6).view(), &Binning::equal_width(4)).unwrap();
    let error = Analysis::with_edges(edges.clone()).run_batches(&mut Uneven(bad.clone()));
    let error = error.unwrap_err();
    assert!(matches!(error, Error::NonFinite { sample: 431, neuron: 5, .. }), "{error}");

    let mut encoder = Encoder::new(edges);
    encoder.push(bad.slice(ndarray::s![..400, ..])).unwrap();
    let error = encoder.push(bad.slice(ndarray::s![400.., ..])).unwrap_err();
    assert!(matches!(error, Error::NonFinite { sample: 431, neuron: 5, .. }), "{error}");
    // The refused batch has left nothing behind.
    bad[[431, 5]] = 0.25;
    encoder.push(bad.slice(ndarray::s![400.., ..])).unwrap();
    let layer = encoder.finish().unwrap();
    assert_eq!((layer.samples(), layer.neurons()), (500, 6));

    let mut categories = Array2::from_shape_fn((300, 3), |(s, n)| ((s * (n + 3)) % 4) as f32);
    categories[[250, 1]] = 1.5;
    let analysis = Analysis::with_binning(Binning::Categories);
    let error = analysis.run_batches(&mut Uneven(categories)).unwrap_err();
    assert!(matches!(error, Error::NotACategory { sample: 250, neuron: 1, .. }), "{error}");
}

#[test]
fn sources_that_do_not_keep_their_word_are_noticed() {
    struct Liar {
        samples: usize,
        neurons: usize,
        batches: Vec<(usize, usize)>,
    }
    impl Batches for Liar {
        fn samples(&self) -> usize {
            self.samples
        }
        fn neurons(&self) -> usize {
            self.neurons
        }
        fn visit(
            &mut self,
            _: usize,
            visitor: &mut dyn FnMut(ActivationsView<'_>) -> Result<(), Error>,
        ) -> Result<(), Error> {
            self.batches
                .iter()
                .try_for_each(|&shape| visitor((&activations(shape.0, shape.1)).into()))
        }
    }
    for binning in
        [Binning::equal_width(5), Binning::EqualFrequency { bins: 5 }, Binning::Threshold(0.)]
    {
        for batches in [vec![(10, 4), (9, 4)], vec![(10, 4), (11, 4)], vec![(20, 5)], vec![]] {
            let mut liar = Liar { samples: 20, neurons: 4, batches: batches.clone() };
            let error = Analysis::with_binning(binning.clone()).run_batches(&mut liar).unwrap_err();
            let is_told = matches!(error, Error::Batches(_) | Error::EdgesMismatch { .. });
            assert!(is_told, "{batches:?}: {error}");
        }
    }
    for (samples, neurons) in [(0, 4), (1, 4), (4, 0)] {
        let mut empty = Liar { samples, neurons, batches: vec![] };
        let error = Analysis::new(5).run_batches(&mut empty).unwrap_err();
        let is_told =
            matches!(error, Error::NoSamples { .. } | Error::OneSample | Error::NoNeurons { .. });
        assert!(is_told, "{samples} x {neurons}: {error}");
    }
    let edges = BinEdges::fit(activations(9, 4).view(), &Binning::equal_width(5)).unwrap();
    let error = Encoder::new(edges).finish().unwrap_err();
    assert!(matches!(error, Error::NoSamples { neurons: 4 }), "{error}");
}
