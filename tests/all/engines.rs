//! Tests that every engine and kernel returns the same bits as the simplest one: the CPU's joint
//! histograms.
//!
//! `tests/all/oracle.rs` compares with external references. The shapes here are odd, so that every
//! tile, lane, word and chunk is tested at its last element and one element beyond.

use cofire::{Analysis, Engine, Kernel, Report};
use ndarray::ArrayView2;

use crate::common::activations::varied;
use crate::common::{Place, assert_same_bits, everywhere, kernels};

const SAMPLES: [usize; 15] =
    [2, 3, 63, 64, 65, 255, 256, 257, 12_287, 12_288, 12_289, 16_383, 16_384, 16_385, 32_769];
const NEURONS: [usize; 15] = [1, 2, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 200];
const BINS: [usize; 10] = [2, 8, 9, 16, 17, 32, 33, 64, 100, 256];

/// The most cells of joint histograms in one job of a sweep: a software adapter clears and sums a
/// few million cells per second.
const MOST_CELLS: usize = 3_000_000;

#[test]
fn every_number_of_samples_and_bins() {
    // Eight neurons: one of each kind.
    sweep("every_number_of_samples_and_bins", &SAMPLES, &[8], 1);
}

#[test]
fn every_number_of_neurons_and_bins() {
    sweep("every_number_of_neurons_and_bins", &[65], &NEURONS, 2);
}

/// Tests more pairs than fit into the histograms of one dispatch, with few and many bins.
#[test]
fn more_neurons_than_a_tile_of_a_device() {
    for (neurons, bins, seed) in [(513, 2, 9), (257, 16, 10), (17, 256, 11)] {
        compare("more_neurons_than_a_tile_of_a_device", 65, neurons, bins, seed);
    }
}

#[test]
fn tiles_of_many_neurons_and_many_samples() {
    for (samples, neurons, bins) in [(8193, 33, 10), (8193, 33, 17), (8193, 33, 33), (257, 200, 16)]
    {
        compare("tiles_of_many_neurons_and_many_samples", samples, neurons, bins, 3);
    }
}

/// Tests the largest number of samples that a kernel counts at once, and one more.
#[test]
fn chunks_of_samples_at_their_last() {
    for (samples, bins) in [(65_535, 16), (65_536, 16), (262_145, 2)] {
        compare("chunks_of_samples_at_their_last", samples, 2, bins, 6);
    }
}

/// Tests more samples than the 4,194,304 of the table of cells: devices then send histograms back,
/// and the host sums over their cells.
#[test]
fn more_samples_than_the_table_of_cells_covers() {
    compare("more_samples_than_the_table_of_cells_covers", (1 << 22) + 5, 2, 3, 4);
}

#[test]
#[ignore = "minutes on a GPU, hours on a software adapter: \
            cargo test --release --test all engines -- --ignored"]
fn the_sizes_of_real_layers() {
    let sizes = [
        (1_000_000, 65, 2),
        (1_000_000, 65, 10),
        (1_000_000, 17, 32),
        (1_000_000, 17, 100),
        (65_535, 129, 10),
        (65_536, 129, 17),
        (65_537, 129, 256),
        (1000, 2000, 2),
        (1000, 2000, 10),
        (1000, 2000, 32),
        (1000, 513, 33),
        (50_000, 768, 10),
    ];
    for (samples, neurons, bins) in sizes {
        compare("the_sizes_of_real_layers", samples, neurons, bins, 5);
    }
}

/// Compares for every shape and number of bins, except those with too many cells.
///
/// The CPU has all of them. The first adapter has every second, and the others, which run the same shaders
/// with other drivers, every sixth: each shape with some numbers of bins, and each number of bins with some
/// shapes. Where a kernel's last word or tile ends depends on the shape, and its counters on the bins.
fn sweep(test: &str, samples: &[usize], neurons: &[usize], seed: u64) {
    // Bins outside: devices keep the pipelines of a number of bins, and would build them again and again.
    for (turn, bins) in BINS.into_iter().enumerate() {
        let has_few_cells =
            |neurons: usize| neurons * (neurons + 1) / 2 * bins * bins <= MOST_CELLS;
        let shapes = neurons.iter().flat_map(|&n| samples.iter().map(move |&s| (s, n)));
        for (number, (samples, neurons)) in shapes.enumerate() {
            if has_few_cells(neurons) {
                let turn = turn + number;
                compare_if(test, (samples, neurons, bins), seed, |place| {
                    let every = if place.is_first_adapter() { 2 } else { 6 };
                    place.is_cpu() || turn.is_multiple_of(every)
                });
            }
        }
    }
}

/// Compares every engine and kernel with the simplest one.
fn compare(test: &str, samples: usize, neurons: usize, bins: usize, seed: u64) {
    compare_if(test, (samples, neurons, bins), seed, |_| true);
}

fn compare_if(
    test: &str,
    (samples, neurons, bins): (usize, usize, usize),
    seed: u64,
    is_for: impl Fn(&Place) -> bool,
) {
    let activations = varied(samples, neurons, seed);
    let expected = reference(activations.view(), bins);
    let what = format!("{samples} samples x {neurons} neurons, {bins} bins, seed {seed}");
    everywhere(test, |place| {
        if is_for(place) {
            compare_in(place, activations.view(), bins, &expected, &what);
        }
    });
}

fn reference(activations: ArrayView2<'_, f32>, bins: usize) -> Report {
    let plainest = Analysis::new(bins).engine(Engine::Cpu).kernel(Kernel::JointHistogram);
    plainest.run(activations).unwrap()
}

fn compare_in(
    place: &Place,
    activations: ArrayView2<'_, f32>,
    bins: usize,
    expected: &Report,
    what: &str,
) {
    for kernel in kernels(bins) {
        let found = place.analysis(bins).kernel(kernel).run(activations);
        let found = found.unwrap_or_else(|error| panic!("[{place}] {kernel}, {what}: {error}"));
        place.check_execution(&found, kernel);
        assert_same_bits(&found, expected, format_args!("[{place}] {kernel}, {what}"));
    }
}
