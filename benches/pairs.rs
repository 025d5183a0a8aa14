//! Benches of counting all pairs, in pair-samples per second: every kernel, on the CPU and on the best
//! adapter, with samples, neurons and bins varied one at a time.
//!
//! The time is the one that the report states for this stage: uploads, counting, and reading back. It is
//! without discretising, opening an adapter or creating pipelines.
//!
//! Names contain the CPU's instruction set, so that runs with and without `COFIRE_SIMD_LEVEL=avx2` stand side
//! by side.

mod common;

use std::cell::LazyCell;

use criterion::{
    BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main,
};

use common::workload::Workload;
use common::{Place, check, kernels, sized, time_stage};

/// The workload from which each axis varies one number.
const BASE: Workload = Workload { name: "base", samples: 10_000, neurons: 128, bins: 10 };

fn samples(c: &mut Criterion) {
    let points = [100, 1_000, 10_000, 100_000];
    axis(c, "samples", points.map(|samples| (samples, Workload { samples, ..BASE })));
}

fn neurons(c: &mut Criterion) {
    let points = [32, 128, 512];
    axis(c, "neurons", points.map(|neurons| (neurons, Workload { neurons, ..BASE })));
}

fn bins(c: &mut Criterion) {
    let points = [2, 4, 10, 16, 32, 64, 256];
    axis(c, "bins", points.map(|bins| (bins, Workload { bins, ..BASE })));
}

fn axis<const POINTS: usize>(c: &mut Criterion, name: &str, points: [(usize, Workload); POINTS]) {
    let places = Place::all();
    let mut group = c.benchmark_group(format!("pairs/{name}"));
    group.sampling_mode(SamplingMode::Flat);
    for (point, job) in points {
        let job = sized(job);
        let activations = LazyCell::new(|| job.activations());
        group.throughput(Throughput::Elements(job.pair_samples()));
        for place in places.iter().filter(|place| place.is_fast_enough(job.pair_samples())) {
            for kernel in kernels(job.bins) {
                let analysis = place.analysis(job.bins).kernel(kernel);
                let checked = LazyCell::new(|| check(&analysis, &activations));
                let id = BenchmarkId::new(format!("{kernel} on {place}"), point);
                group.bench_function(id, |b| {
                    LazyCell::force(&checked);
                    b.iter_custom(|n| time_stage(n, &analysis, &activations, |t| t.pairs));
                });
            }
        }
    }
}

criterion_group! {
    name = benches;
    config = common::criterion();
    targets = samples, neurons, bins
}
criterion_main!(benches);
