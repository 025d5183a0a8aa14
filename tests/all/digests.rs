//! Tests that a digest is the same for the same integers, however they were computed, and another one for
//! any others.

use cofire::digest::{Digest, DigestGrid};
use cofire::neighbors::KsgAlgorithm;
use cofire::{
    Analysis, Binning, Engine, Estimator, Measure, NeighborAnalysis, OnDeviceFailure, Selection,
    Units,
};
use ndarray::{Array2, Axis, s};
use proptest::prelude::*;

use crate::common::activations::{mix, varied};
use crate::common::{everywhere, kernels};

const ESTIMATORS: [Estimator; 7] = [
    Estimator::PlugIn,
    Estimator::MillerMadow,
    Estimator::Grassberger,
    Estimator::LAPLACE,
    Estimator::PseudoCount(0.1),
    Estimator::ChaoShen,
    Estimator::JamesStein,
];

const SELECTIONS: [Selection; 4] = [
    Selection::All,
    Selection::Strongest(2),
    Selection::AtLeast(0.5),
    Selection::FalseDiscoveryRate(0.05),
];

/// Adds up the two sums of a block in the words of the documentation, from joint histograms and a table of
/// f(n) made here.
#[test]
fn the_digest_of_a_block_is_its_definition() {
    let x = varied(150, 40, 3);
    let report = Analysis::new(6).run(x.view()).unwrap();
    let coefficient = |seed: u64, neuron: usize| {
        // `mix` adds the step of SplitMix64 once.
        mix(seed.wrapping_add((neuron as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15))) | 1
    };
    let f = |n: u32| match n {
        0 | 1 => 0,
        n => {
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a whole number"
            )]
            let rounded = (f64::from(n).ln() * 2f64.powi(36)).round() as u64;
            u64::from(n) * rounded
        }
    };
    let grid = DigestGrid::within(40);
    assert_eq!((grid.edge(), grid.blocks()), (16, 6));
    for number in 0..grid.blocks() {
        let (rows, columns) = grid.block(number).unwrap();
        let pairs = rows.flat_map(|i| columns.clone().map(move |j| (i, j)));
        let pairs: Vec<_> = pairs.filter(|(i, j)| i <= j).collect();
        let counts = Analysis::new(6).joint_histograms(x.view(), &pairs).unwrap();
        let of_lane = |seed: u64| {
            let terms = pairs.iter().zip(counts.axis_iter(Axis(0))).map(|(&(i, j), counts)| {
                let sum: u64 = counts.iter().map(|&n| f(n)).sum();
                coefficient(seed, i).wrapping_mul(coefficient(seed, j)).wrapping_mul(sum)
            });
            terms.fold(0u64, u64::wrapping_add)
        };
        let [a, b] = [0xa409_3822_299f_31d0, 0x082e_fa98_ec4e_6c89].map(of_lane);
        let expected = format!("{a:016x}{b:016x}");
        assert_eq!(report.digests.block(number).unwrap().to_string(), expected, "{number}");
    }
}

/// Compares the digest of a small layer with the known one. A change of the definition, or of a bit of a result, shows here, and
/// makes digests that people have published worthless.
#[test]
fn a_known_layer_has_its_known_digest() {
    let x = varied(300, 21, 5);
    let of = |estimator| {
        let report = Analysis::new(7).estimator(estimator).run(x.view()).unwrap();
        report.digest().to_string()
    };
    assert_eq!(of(Estimator::PlugIn), "0b0150ac6ecba3bd47b0989d0a77087e");
}

#[test]
fn engines_kernels_units_and_pieces_do_not_matter() {
    for (samples, neurons, bins) in [(150, 70, 2), (333, 37, 9), (60, 21, 33)] {
        let x = varied(samples, neurons, 7);
        for estimator in ESTIMATORS {
            let of = |analysis: Analysis| analysis.estimator(estimator);
            let expected = of(Analysis::new(bins).engine(Engine::Cpu)).run(x.view()).unwrap();
            let (all, digests) = (expected.digest(), &expected.digests);
            assert_eq!(digests.all(), Some(all));
            let blocks = (0..digests.grid().blocks()).map(|n| digests.block(n).unwrap());
            let blocks: Vec<Digest> = blocks.collect();
            assert_eq!(digests.of_blocks(&blocks), Some(all), "{estimator}");
            assert_eq!(digests.of_blocks(&blocks[1..]), None, "{estimator}");
            let what = format!("{samples} x {neurons} into {bins}, {estimator}");
            everywhere("digests", |place| {
                for kernel in kernels(bins) {
                    let analysis = of(place.analysis(bins)).kernel(kernel).units(Units::Bits);
                    let found = analysis.run(x.view()).unwrap();
                    assert_eq!(found.digests, expected.digests, "[{place}] {kernel:?} {what}");
                }
                let mut source = x.view();
                let batches = of(place.analysis(bins)).run_batches(&mut source).unwrap();
                assert_eq!(batches.digests, expected.digests, "[{place}] {what}, in batches");
            });
        }
    }
}

/// Runs sweeps with blocks of several sizes, over codes in memory and in a file, whose neurons may be in the order of
/// their entropies.
#[test]
fn sweeps_have_the_digest_of_the_matrix_if_they_compute_every_block() {
    let x = varied(200, 75, 1);
    let mut with_blocks_passed_over = 0;
    for estimator in [Estimator::PlugIn, Estimator::MillerMadow, Estimator::ChaoShen] {
        let analysis = Analysis::new(8).engine(Engine::Cpu).estimator(estimator);
        let expected = analysis.run(x.view()).unwrap().digests;
        for selection in SELECTIONS {
            if selection.check(estimator).is_err() {
                continue;
            }
            let mut of_selected = Vec::new();
            for (limit, edge) in [(u64::MAX, 2000), (u64::MAX, 13), (0, 50), (0, 7)] {
                let sweep = |is_every: bool| {
                    let edges = cofire::BinEdges::fit(x.view(), &Binning::equal_width(8)).unwrap();
                    let mut encoder = cofire::Encoder::with_memory_limit(edges, limit);
                    encoder.push(x.view()).unwrap();
                    let layer = encoder.finish().unwrap();
                    let sweep = analysis.sweep_in_blocks(layer, selection, edge).unwrap();
                    if is_every { sweep.every_block() } else { sweep }
                };
                let what = format!("{estimator} {selection:?} {limit} {edge}");
                let every = sweep(true).run().unwrap();
                assert_eq!(every.pairs_passed_over, 0, "{what}");
                assert_eq!(every.digests, expected, "{what}");
                let some = sweep(false).run().unwrap();
                assert_eq!(some.pairs, every.pairs, "{what}");
                assert_eq!(some.digests.all().is_none(), some.pairs_passed_over > 0, "{what}");
                assert_eq!(some.digests.neurons(), expected.neurons(), "{what}");
                let counted = some.pairs_in_all - some.pairs_passed_over;
                assert_eq!(some.digests.pairs_counted(), counted, "{what}");
                for block in 0..expected.grid().blocks() {
                    let found = some.digests.block(block);
                    assert!(found.is_none() || found == expected.block(block), "{what}");
                }
                with_blocks_passed_over += usize::from(some.pairs_passed_over > 0);
                of_selected.extend([some.digest_of_selected(), every.digest_of_selected()]);
            }
            of_selected.dedup();
            assert_eq!(of_selected.len(), 1, "{estimator} {selection:?}");
            assert_eq!(of_selected[0].is_none(), selection == Selection::All);
        }
    }
    assert!(with_blocks_passed_over > 3, "passing over is tested: {with_blocks_passed_over}");
}

#[test]
fn blocks_can_be_computed_alone() {
    let x = varied(120, 90, 2);
    let (rows, columns) = (x.slice(s![.., ..50]), x.slice(s![.., 50..]));
    everywhere("blocks alone", |place| {
        for estimator in [Estimator::PlugIn, Estimator::JamesStein] {
            let analysis = place.analysis(5).estimator(estimator);
            let whole = analysis.run_between(rows, columns).unwrap();
            let grid = whole.digests.grid();
            assert_eq!(grid, DigestGrid::between(50, 40));
            let chosen: Vec<usize> = (0..grid.blocks()).rev().step_by(2).collect();
            let some = analysis.run_between_blocks(rows, columns, &chosen).unwrap();
            assert_eq!(some.digests.all(), None);
            assert_eq!(some.digests.neurons(), whole.digests.neurons());
            for (&number, block) in chosen.iter().zip(&some.blocks) {
                assert_eq!(block.number, number);
                assert_eq!(some.digests.block(number), whole.digests.block(number), "[{place}]");
                let (rows, columns) = grid.block(number).unwrap();
                let expected = whole.mutual_information.slice(s![rows, columns]);
                assert_eq!(block.mutual_information, expected, "[{place}] {number}");
            }
            let all: Vec<usize> = (0..grid.blocks()).collect();
            let all = analysis.run_between_blocks(rows, columns, &all).unwrap();
            assert_eq!(all.digests, whole.digests, "[{place}]");
            assert!(analysis.run_between_blocks(rows, columns, &[grid.blocks()]).is_err());
        }
    });
}

#[test]
fn nearest_neighbours_have_digests_too() {
    let x = varied(60, 36, 4);
    let (rows, columns) = (x.slice(s![.., ..19]), x.slice(s![.., 19..]));
    for algorithm in [KsgAlgorithm::First, KsgAlgorithm::Second] {
        let settings = NeighborAnalysis::new(3).algorithm(algorithm).jitter(1e-6, 9);
        let cpu = settings.clone().engine(Engine::Cpu);
        let within = cpu.run(x.view()).unwrap().digests;
        let between = cpu.run_between(rows, columns).unwrap().digests;
        everywhere("digests of neighbours", |place| {
            let here = settings.clone().engine(place.engine());
            let here = here.on_device_failure(OnDeviceFailure::Fail).units(Units::Bits);
            assert_eq!(here.run(x.view()).unwrap().digests, within, "[{place}]");
            assert_eq!(here.run_between(rows, columns).unwrap().digests, between, "[{place}]");
            let some = here.run_blocks(x.view(), &[4, 1]).unwrap().digests;
            assert_eq!(some.pairs_counted(), 16 * 16 + 16 * 4);
            for block in [4, 1] {
                assert_eq!(some.block(block), within.block(block), "[{place}] {block}");
            }
            let some = here.run_between_blocks(rows, columns, &[1]).unwrap().digests;
            assert_eq!(some.block(1), between.block(1), "[{place}]");
        });
        let others = [
            NeighborAnalysis::new(4).algorithm(algorithm).jitter(1e-6, 9),
            settings.clone().jitter(1e-6, 8),
        ];
        for other in others {
            assert_ne!(other.run(x.view()).unwrap().digest(), within.all().unwrap());
        }
    }
}

#[test]
fn settings_that_change_the_integers_change_the_digest() {
    let x = varied(100, 30, 6);
    let mut digests = Vec::new();
    for estimator in ESTIMATORS {
        for bins in [5, 6] {
            let analysis = Analysis::new(bins).estimator(estimator);
            digests.push(analysis.run(x.view()).unwrap().digest());
            let (rows, columns) = (x.slice(s![.., ..15]), x.slice(s![.., 15..]));
            digests.push(analysis.run_between(rows, columns).unwrap().digest());
            digests.push(analysis.run_between(columns, rows).unwrap().digest());
        }
    }
    let paper = cofire::paper::measures(x.view()).unwrap().digests;
    digests
        .extend([paper.all().unwrap(), NeighborAnalysis::new(3).run(x.view()).unwrap().digest()]);
    let all = digests.len();
    digests.sort_unstable_by_key(ToString::to_string);
    digests.dedup();
    assert_eq!(digests.len(), all);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    /// Replaces a sample, or swaps two neurons. The digest changes exactly if a bit of the entropies or of the
    /// joint entropies does.
    #[test]
    fn it_differs_exactly_if_a_number_does(
        samples in 2usize..60,
        neurons in 2usize..40,
        seed in any::<u64>(),
        (sample, i, j) in any::<(prop::sample::Index, prop::sample::Index, prop::sample::Index)>(),
        to_swap in any::<bool>(),
    ) {
        let x = varied(samples, neurons, seed % 1000);
        let (sample, i, j) = (sample.index(samples), i.index(neurons), j.index(neurons));
        let mut other = x.clone();
        if to_swap {
            other.column_mut(i).assign(&x.column(j));
            other.column_mut(j).assign(&x.column(i));
        } else {
            other[[sample, i]] = x[[sample, j]];
        }
        let numbers = |x: &Array2<f32>| {
            let report = Analysis::new(6).engine(Engine::Cpu).run(x.view()).unwrap();
            let joint = report.measure(Measure::JointEntropy);
            let bits = report.entropy.iter().chain(&joint).map(|x| x.to_bits());
            (bits.collect::<Vec<u64>>(), report.digest())
        };
        let ((before, of_before), (after, of_after)) = (numbers(&x), numbers(&other));
        prop_assert_eq!(before == after, of_before == of_after);
    }
}

#[test]
fn digests_are_read_and_written() {
    let text = "00112233445566778899aabbccddeeff";
    assert_eq!(text.parse::<Digest>().unwrap().to_string(), text);
    for text in
        ["", "0", &text[1..], &format!("{text}0"), &text.replace('0', "+"), "é".repeat(16).as_str()]
    {
        assert!(text.parse::<Digest>().is_err(), "{text}");
    }
}
