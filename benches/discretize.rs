//! Benches of reading extremes, fitting edges and encoding, in activations per second.
//!
//! `fit` times [`BinEdges::fit`]. `encode` also turns every activation into its code and counts a single
//! pair, which takes next to no time. `fit_binning` and `encode_edges` do the same for bins that are not of
//! one width.

#![expect(clippy::expect_used, reason = "a bench that cannot go on says so by panicking")]

mod common;

use std::cell::LazyCell;

use cofire::{Analysis, BinEdges, BinRule, Binning, Engine};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use ndarray::{Array2, ShapeBuilder};

use common::workload::Workload;
use common::{Place, check, naive, sized};

/// Memory layouts: rows of samples, as frameworks dump them, and one contiguous run per neuron.
const LAYOUTS: [&str; 2] = ["sample_major", "neuron_major"];

fn activations(samples: usize, neurons: usize, layout: &str) -> Array2<f32> {
    let job = Workload { name: "discretize", samples, neurons, bins: 2 };
    let activations = sized(job).activations();
    if layout == "sample_major" {
        return activations;
    }
    let mut transposed = Array2::zeros(activations.dim().f());
    transposed.assign(&activations);
    transposed
}

/// Returns the same activations in double precision and in the same memory layout.
fn in_f64(activations: &Array2<f32>) -> Array2<f64> {
    activations.mapv(f64::from)
}

/// Returns the throughput in activations, for any size.
fn elements(activations: &Array2<f32>) -> Throughput {
    Throughput::Elements(activations.len() as u64)
}

fn fit(c: &mut Criterion) {
    const BINS: usize = 10;
    let mut group = c.benchmark_group("discretize/fit");
    for layout in LAYOUTS {
        for (samples, neurons) in [(10_000, 64), (100_000, 64), (10_000, 640)] {
            let activations = activations(samples, neurons, layout);
            let fit = || BinEdges::fit(activations.view(), &Binning::equal_width(BINS));
            let fitted = fit().expect("edges are fitted");
            for (neuron, column) in activations.columns().into_iter().enumerate() {
                let expected = naive::edges(column, BINS);
                assert_eq!(fitted.of(neuron), expected.as_deref(), "edges of neuron {neuron}");
            }
            let size = format!("{samples}x{neurons}");
            group.throughput(elements(&activations));
            group.bench_function(BenchmarkId::new(layout, &size), |b| b.iter(fit));
            let doubles = in_f64(&activations);
            let fit = || BinEdges::fit(doubles.view(), &Binning::equal_width(BINS));
            assert_eq!(fit().expect("edges are fitted"), fitted, "both precisions");
            group.bench_function(BenchmarkId::new(format!("{layout}_f64"), size), |b| b.iter(fit));
        }
    }
}

fn encode(c: &mut Criterion) {
    const PAIR: [(usize, usize); 1] = [(0, 1)];
    let cpu = Place::cpu();
    let mut group = c.benchmark_group("discretize/encode");
    for layout in LAYOUTS {
        let activations = activations(20_000, 160, layout);
        let doubles = in_f64(&activations);
        for bins in [2, 10, 32, 100, 256] {
            let analysis = cpu.analysis(bins);
            let checked = LazyCell::new(|| check(&analysis, &activations));
            group.throughput(elements(&activations));
            group.bench_function(BenchmarkId::new(layout, bins), |b| {
                LazyCell::force(&checked);
                b.iter(|| analysis.joint_histograms(activations.view(), &PAIR));
            });
            group.bench_function(BenchmarkId::new(format!("{layout}_f64"), bins), |b| {
                b.iter(|| analysis.joint_histograms(doubles.view(), &PAIR));
            });
        }
    }
}

fn fit_binning(c: &mut Criterion) {
    let mut group = c.benchmark_group("discretize/fit_binning");
    let activations = activations(10_000, 640, "sample_major");
    group.throughput(elements(&activations));
    let binnings = [
        ("zero_bin", Binning::equal_width(10).with_zero_bin()),
        ("equal_frequency_10", Binning::EqualFrequency { bins: 10 }),
        ("equal_frequency_256", Binning::EqualFrequency { bins: 256 }),
        ("auto", Binning::equal_width(BinRule::Auto)),
        ("doane", Binning::equal_width(BinRule::Doane)),
    ];
    for (name, binning) in binnings {
        let fit = || BinEdges::fit(activations.view(), &binning);
        assert_eq!(fit().expect("edges are fitted").neurons(), activations.ncols(), "{name}");
        group.bench_function(name, |b| b.iter(fit));
    }
}

fn encode_edges(c: &mut Criterion) {
    let mut group = c.benchmark_group("discretize/encode_edges");
    let activations = activations(20_000, 160, "sample_major");
    let doubles = in_f64(&activations);
    group.throughput(elements(&activations));
    for bins in [2, 10, 32, 100, 256] {
        let binning = Binning::EqualFrequency { bins };
        let edges = BinEdges::fit(activations.view(), &binning).expect("edges are fitted");
        let analysis = Analysis::with_edges(edges.clone()).engine(Engine::Cpu);
        let encode = || analysis.joint_histograms(activations.view(), &[(0, 0)]);
        let mut expected = vec![0; edges.bins()];
        if let Some([_, inner @ .., _]) = edges.of(0) {
            for &x in activations.column(0) {
                expected[inner.partition_point(|&edge| edge <= f64::from(x))] += 1;
            }
        }
        let counts = encode().expect("a pair is counted");
        assert_eq!(counts.index_axis(ndarray::Axis(0), 0).diag().to_vec(), expected, "{bins} bins");
        group.bench_function(BenchmarkId::from_parameter(bins), |b| b.iter(encode));
        let encode = || analysis.joint_histograms(doubles.view(), &[(0, 0)]);
        group.bench_function(BenchmarkId::new("f64", bins), |b| b.iter(encode));
    }
}

criterion_group! {
    name = benches;
    config = common::criterion();
    targets = fit, encode, fit_binning, encode_edges
}
criterion_main!(benches);
