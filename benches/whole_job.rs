//! Benches of the whole job, from activations to the matrix of mutual information, in pair-samples per
//! second. The sizes are those that other libraries were timed at. The baseline is a naive loop.

mod common;

use std::cell::LazyCell;
use std::hint::black_box;

use criterion::{
    BenchmarkId, Criterion, SamplingMode, Throughput, criterion_group, criterion_main,
};

use common::workload::WORKLOADS;
use common::{Place, check, naive, run, sized};

fn whole_job(c: &mut Criterion) {
    let places = Place::all();
    let mut group = c.benchmark_group("whole_job");
    group.sampling_mode(SamplingMode::Flat);
    // The last workload is for the example `benchmark` on a large GPU. It takes minutes elsewhere.
    for job in &WORKLOADS[..4] {
        let job = sized(*job);
        let activations = LazyCell::new(|| job.activations());
        group.throughput(Throughput::Elements(job.pair_samples()));
        for place in places.iter().filter(|place| place.is_fast_enough(job.pair_samples())) {
            let analysis = place.analysis(job.bins);
            let checked = LazyCell::new(|| check(&analysis, &activations));
            group.bench_function(BenchmarkId::new(place.to_string(), job.name), |b| {
                LazyCell::force(&checked);
                b.iter(|| run(&analysis, &activations));
            });
        }
        // Every other answer was compared with that of the naive loop.
        group.bench_function(BenchmarkId::new("naive loop on one thread", job.name), |b| {
            b.iter(|| naive::matrix(black_box(activations.view()), job.bins));
        });
    }
}

criterion_group! {
    name = benches;
    config = common::criterion();
    targets = whole_job
}
criterion_main!(benches);
