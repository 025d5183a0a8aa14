//! Tests that a sweep selects the same pairs as the whole matrix, for any blocks.

use cofire::significance::{Null, Surrogates, false_discovery_rates_of_pairs};
use cofire::sweep::{Block, InformationPair, SweepReport};
use cofire::{
    Analysis, Batches, BinEdges, Binning, CancelToken, CancelledBy, Encoder, Engine, Error,
    Estimator, Selection, Units,
};
use ndarray::{Array2, ArrayView2, Axis, concatenate, s};
use std::collections::{BTreeMap, BTreeSet};

/// Makes groups of neurons that follow each other more or less closely. Their entropies differ very
/// much, and some neurons are equal, constant, or rarely active.
fn activations(samples: usize, neurons: usize) -> Array2<f32> {
    let noise = |s: usize, n: usize| {
        let mixed =
            (s as u64 * 0x9e37_79b9 + n as u64 * 0x85eb_ca6b).wrapping_mul(0xc2b2_ae3d_27d4);
        ((mixed >> 20) % 10_000) as f32 / 10_000.0
    };
    Array2::from_shape_fn((samples, neurons), |(s, n)| match n % 7 {
        0 => noise(s, 0) + 0.2 * noise(s, n),
        1 => noise(s, n),
        2 => f32::from(noise(s, 2) < 0.01 * (n as f32 + 1.0)),
        3 => f32::from(noise(s, n) < 0.02),
        4 => noise(s, 4),
        5 => (noise(s, 0) + noise(s, n / 2)).powi(4),
        _ => 0.0,
    })
}

fn encoded(
    activations: ArrayView2<'_, f32>,
    binning: &Binning,
    limit: u64,
) -> cofire::EncodedLayer {
    let edges = BinEdges::fit(activations, binning).unwrap();
    let mut encoder = Encoder::with_memory_limit(edges, limit);
    let mut source = activations;
    source.visit(97, &mut |batch| encoder.push(batch)).unwrap();
    encoder.finish().unwrap()
}

/// Runs sweeps with blocks of several sizes, in memory and from a file.
fn swept(
    analysis: &Analysis,
    activations: ArrayView2<'_, f32>,
    binning: &Binning,
    selection: Selection,
) -> Vec<SweepReport> {
    let mut reports = Vec::new();
    for (limit, edge) in [(u64::MAX, 2000), (u64::MAX, 13), (0, 50), (0, 7)] {
        let layer = encoded(activations, binning, limit);
        let sweep = analysis.sweep_in_blocks(layer, selection, edge).unwrap();
        reports.push(sweep.run().unwrap());
    }
    reports
}

fn key(pair: &InformationPair) -> (u32, u32, u64) {
    (pair.first, pair.second, pair.mutual_information.to_bits())
}

fn index(neuron: usize) -> u32 {
    u32::try_from(neuron).unwrap()
}

fn assert_pairs(report: &SweepReport, expected: &BTreeSet<(usize, usize)>, matrix: &Array2<f64>) {
    let expected: Vec<_> =
        expected.iter().map(|&(i, j)| (index(i), index(j), matrix[[i, j]].to_bits())).collect();
    let found: Vec<_> = report.pairs.iter().map(key).collect();
    assert_eq!(found, expected, "{:?}", report.selection);
    assert_eq!(report.blocks_taken, report.blocks, "all blocks");
}

fn analyses() -> Vec<(Analysis, Binning)> {
    let of =
        |binning: Binning| (Analysis::with_binning(binning.clone()).engine(Engine::Cpu), binning);
    let (ten, binning) = of(Binning::equal_width(10));
    vec![
        (ten.clone(), binning.clone()),
        (ten.clone().units(Units::Bits), binning.clone()),
        (ten.clone().estimator(Estimator::MillerMadow), binning.clone()),
        (ten.estimator(Estimator::ChaoShen), binning),
        of(Binning::Threshold(0.5)),
        of(Binning::EqualFrequency { bins: 4 }),
    ]
}

#[test]
fn the_strongest_partners_are_those_of_the_matrix() {
    let x = activations(400, 75);
    for (analysis, binning) in analyses() {
        let matrix = analysis.run(x.view()).unwrap().mutual_information;
        for most in [1, 3, 200] {
            let mut expected = BTreeSet::new();
            for i in 0..75 {
                let mut partners: Vec<usize> = (0..75).filter(|&j| j != i).collect();
                // The sort is stable: among equal values, the lower index stays first.
                partners.sort_by(|&a, &b| matrix[[i, b]].total_cmp(&matrix[[i, a]]));
                expected.extend(partners.iter().take(most).map(|&j| (i.min(j), i.max(j))));
            }
            for report in swept(&analysis, x.view(), &binning, Selection::Strongest(most)) {
                assert_pairs(&report, &expected, &matrix);
            }
        }
    }
}

#[test]
fn pairs_above_a_threshold_are_those_of_the_matrix() {
    let x = activations(400, 75);
    for (analysis, binning) in analyses() {
        let whole = analysis.run(x.view()).unwrap();
        let matrix = &whole.mutual_information;
        for least in [1e-6, 0.05, 0.4, 50.0] {
            let above = |&(i, j): &(usize, usize)| matrix[[i, j]] >= least;
            let pairs = (0..75).flat_map(|i| (i + 1..75).map(move |j| (i, j)));
            let expected: BTreeSet<_> = pairs.filter(above).collect();
            for report in swept(&analysis, x.view(), &binning, Selection::AtLeast(least)) {
                assert_pairs(&report, &expected, matrix);
                assert_eq!(report.entropy, whole.entropy);
                assert_eq!(report.occupied_bins, whole.occupied_bins);
                assert_eq!(report.degenerate, whole.degenerate);
            }
        }
    }
}

#[test]
fn discoveries_are_those_of_benjamini_and_hochberg() {
    let x = activations(400, 75);
    for (analysis, binning) in analyses() {
        let whole = analysis.run(x.view()).unwrap();
        let selection = Selection::FalseDiscoveryRate(0.05);
        if whole.estimator != Estimator::PlugIn {
            let layer = encoded(x.view(), &binning, u64::MAX);
            let refused = analysis.sweep(layer, selection).unwrap_err();
            assert!(matches!(refused, Error::EstimatorUnsupported { .. }), "{refused}");
            continue;
        }
        let rates = false_discovery_rates_of_pairs(&whole.g_test().unwrap());
        for rate in [0.5, 0.05, 1e-6] {
            let is_found = |&(i, j): &(usize, usize)| rates[[i, j]] <= rate;
            let pairs = (0..75).flat_map(|i| (i + 1..75).map(move |j| (i, j)));
            let expected: BTreeSet<_> = pairs.filter(is_found).collect();
            assert!(!expected.is_empty(), "{rate}");
            let selection = Selection::FalseDiscoveryRate(rate);
            for report in swept(&analysis, x.view(), &binning, selection) {
                assert_pairs(&report, &expected, &whole.mutual_information);
                let found = report.false_discovery_rates.unwrap();
                for (pair, found) in report.pairs.iter().zip(found) {
                    let expected = rates[[pair.first as usize, pair.second as usize]];
                    assert!((found - expected).abs() <= 1e-12 * expected, "{found} {expected}");
                }
            }
        }
    }
}

#[test]
fn blocks_of_all_pairs_make_up_the_matrix() {
    let x = activations(300, 40);
    let analysis = Analysis::new(10).engine(Engine::Cpu);
    let whole = analysis.run(x.view()).unwrap().mutual_information;
    let layer = encoded(x.view(), &Binning::equal_width(10), 0);
    let mut sweep = analysis.sweep_in_blocks(layer, Selection::All, 16).unwrap();
    let mut seen = Array2::<u8>::zeros((40, 40));
    // The order of blocks does not matter.
    for number in (0..sweep.blocks()).rev() {
        let block = sweep.compute(number).unwrap();
        let (row, column, part) = block.matrix().unwrap();
        for ((i, j), information) in part.indexed_iter() {
            assert_eq!(information.to_bits(), whole[[row + i, column + j]].to_bits());
            seen[[row + i, column + j]] += 1;
        }
        sweep.take(number, block).unwrap();
    }
    for ((i, j), &times) in seen.indexed_iter() {
        let is_on_diagonal = i / 16 == j / 16;
        assert_eq!(times, u8::from(is_on_diagonal || i < j), "({i}, {j})");
    }
    assert!(sweep.finish().pairs.is_empty());
}

#[test]
fn low_entropies_are_passed_over_and_nothing_is_missed() {
    // Most neurons fire two or three times.
    let x = Array2::from_shape_fn((2000, 200), |(s, n)| {
        let rare = 700 + n;
        f32::from(if n < 20 { (s * (n / 2 + 1)) % 5 < 2 } else { s % rare == 0 })
    });
    let binning = Binning::Threshold(0.5);
    let analysis = Analysis::with_binning(binning.clone()).engine(Engine::Cpu);
    for selection in
        [Selection::Strongest(1), Selection::AtLeast(0.3), Selection::FalseDiscoveryRate(1e-12)]
    {
        let layer = encoded(x.view(), &binning, u64::MAX);
        let report = analysis.sweep_in_blocks(layer, selection, 10).unwrap().run().unwrap();
        println!("{selection:?}: {} of {}", report.pairs_passed_over, report.pairs_in_all);
        if selection != Selection::Strongest(1) {
            assert!(report.pairs_passed_over > report.pairs_in_all / 4, "{selection:?}");
        }
        // A single block with all neurons cannot be passed over. It must give the same pairs.
        let layer = encoded(x.view(), &binning, u64::MAX);
        let all = analysis.sweep_in_blocks(layer, selection, 1000).unwrap().run().unwrap();
        assert_eq!(all.pairs_passed_over, 0, "{selection:?}");
        assert_eq!(report.pairs, all.pairs, "{selection:?}");
    }
}

/// Returns the cell of a p-value on the grid of limits.
fn cell(p_value: f64) -> Option<i64> {
    let steps = 64.0 * ((0.25f64).log2() - p_value.max(f64::MIN_POSITIVE).log2());
    #[expect(clippy::cast_possible_truncation, reason = "a few thousand steps")]
    (p_value <= 0.25).then_some(steps.floor() as i64)
}

/// Returns the rate of every pair whose limit has at most the given rate, from all p-values and those
/// of all surrogates: the definition, without blocks.
fn pooled(
    observed: &BTreeMap<(usize, usize), f64>,
    null: &[f64],
    surrogates: f64,
    rate: f64,
) -> BTreeMap<(usize, usize), f64> {
    let rate_of = |limit: i64| {
        let null = null.iter().filter(|&&p| cell(p).is_some_and(|c| c >= limit)).count();
        let pairs = observed.values().filter(|&&p| cell(p).is_some_and(|c| c >= limit)).count();
        (1.0 + null as f64) / surrogates / pairs as f64
    };
    let cells: BTreeSet<i64> = observed.values().filter_map(|&p| cell(p)).collect();
    let rates: BTreeMap<i64, f64> = cells.iter().map(|&cell| (cell, rate_of(cell))).collect();
    let of_pair = |(&pair, &p): (&(usize, usize), &f64)| {
        let cell = cell(p)?;
        let smallest = rates.range(..=cell).map(|(_, &rate)| rate).fold(1.0, f64::min);
        (smallest <= rate).then_some((pair, smallest))
    };
    observed.iter().filter_map(of_pair).collect()
}

#[test]
fn rates_of_pooled_surrogates_are_those_of_the_definition() {
    // 200 samples have the 21 shifts from 90 to 110, which are all used.
    const LEAST: usize = 90;
    let x = activations(200, 40);
    let null = Null::Shift { at_least: Some(LEAST) };
    let surrogates = Surrogates { null, number: 1000, seed: 3 };
    let mut some = 0;
    for (analysis, binning) in analyses() {
        let whole = analysis.run(x.view()).unwrap();
        if whole.estimator != Estimator::PlugIn {
            let layer = encoded(x.view(), &binning, u64::MAX);
            let refused = analysis.sweep_with_surrogates(layer, 0.1, &surrogates, None);
            let refused = refused.unwrap_err();
            assert!(matches!(refused, Error::EstimatorUnsupported { .. }), "{refused}");
            continue;
        }
        // The neuron that comes first in the sweep, by its entropy, is the one that is shifted.
        let mut order: Vec<usize> = (0..40).collect();
        order.sort_by(|&a, &b| whole.entropy[b].total_cmp(&whole.entropy[a]));
        let pairs = || (0..40).flat_map(|i| (i + 1..40).map(move |j| (i, j)));
        let pairs: Vec<(usize, usize)> = pairs().map(|(a, b)| (order[a], order[b])).collect();
        let key = |(i, j): (usize, usize)| (i.min(j), i.max(j));
        let p_values = whole.g_test().unwrap();
        let observed = pairs.iter().map(|&pair| (key(pair), p_values[pair])).collect();
        let mut null = Vec::new();
        for d in LEAST..=200 - LEAST {
            let shifted = concatenate![Axis(0), x.slice(s![d.., ..]), x.slice(s![..d, ..])];
            let report = analysis.run_between(shifted.view(), x.view()).unwrap();
            let p_values = report.g_test().unwrap();
            null.extend(pairs.iter().map(|&pair| p_values[pair]));
        }
        for rate in [0.5, 0.05, 0.002] {
            let expected = pooled(&observed, &null, 21.0, rate);
            some += expected.len();
            for (limit, edge) in [(u64::MAX, None), (u64::MAX, Some(6)), (0, Some(17))] {
                let layer = encoded(x.view(), &binning, limit);
                let sweep = analysis.sweep_with_surrogates(layer, rate, &surrogates, edge).unwrap();
                assert_eq!(sweep.plan().surrogates, 21);
                let report = sweep.run().unwrap();
                let keys = expected.keys().copied().collect();
                assert_pairs(&report, &keys, &whole.mutual_information);
                let found = report.false_discovery_rates.unwrap();
                for (found, expected) in found.iter().zip(expected.values()) {
                    assert!((found - expected).abs() <= 1e-12, "{found} {expected}");
                }
            }
        }
    }
    assert!(some > 100, "{some} pairs");
}

#[test]
fn rates_of_pooled_surrogates_do_not_depend_on_the_order_of_blocks() {
    let x = activations(300, 60);
    let binning = Binning::equal_width(10);
    let analysis = Analysis::with_binning(binning.clone()).engine(Engine::Cpu);
    let surrogates = Surrogates { null: Null::Blocks { length: 10 }, number: 5, seed: 1 };
    let new = || {
        let layer = encoded(x.view(), &binning, u64::MAX);
        analysis.sweep_with_surrogates(layer, 0.1, &surrogates, Some(5)).unwrap()
    };
    let expected = new().run().unwrap();
    let counts = (expected.pairs.len(), expected.pairs_passed_over);
    assert!(counts.0 > 20 && counts.1 > 0, "{counts:?}");
    let (mut even, mut odd, mut joined) = (new(), new(), new());
    let mut found: Vec<Block> = Vec::new();
    for number in (0..even.blocks()).rev() {
        let machine = if number % 2 == 0 { &mut even } else { &mut odd };
        let block = machine.compute(number).unwrap();
        machine.take(number, block.clone()).unwrap();
        found.push(block);
    }
    for (number, block) in found.into_iter().rev().enumerate() {
        joined.take(number, block.clone()).unwrap();
        joined.take(number, block).unwrap(); // twice is once
    }
    let joined = joined.finish();
    assert_eq!(joined.pairs, expected.pairs);
    assert_eq!(joined.false_discovery_rates, expected.false_discovery_rates);
    // A block whose surrogates were not counted says nothing of them.
    let refused = new().take(0, Block::of_pairs(Vec::new())).unwrap_err();
    assert!(matches!(refused, Error::ForeignBlock { block: 0 }), "{refused}");
    let layer = encoded(x.view(), &binning, u64::MAX);
    let mut plain = analysis.sweep_in_blocks(layer, Selection::FalseDiscoveryRate(0.1), 5).unwrap();
    let refused = plain.take(0, new().compute(0).unwrap()).unwrap_err();
    assert!(matches!(refused, Error::ForeignBlock { block: 0 }), "{refused}");
    let none = Surrogates { number: 0, ..surrogates };
    let layer = encoded(x.view(), &binning, u64::MAX);
    let refused = analysis.sweep_with_surrogates(layer, 0.1, &none, None).unwrap_err();
    assert!(matches!(refused, Error::NoPermutations), "{refused}");
}

#[test]
fn blocks_may_come_from_another_sweep_and_some_may_be_missing() {
    let x = activations(300, 60);
    let binning = Binning::equal_width(10);
    let analysis = Analysis::with_binning(binning.clone()).engine(Engine::Cpu);
    let new = |selection| {
        let layer = encoded(x.view(), &binning, u64::MAX);
        analysis.sweep_in_blocks(layer, selection, 16).unwrap()
    };
    for selection in [Selection::Strongest(2), Selection::FalseDiscoveryRate(0.01)] {
        let expected = new(selection).run().unwrap();
        // Two machines compute half of the blocks each; a third one joins them.
        let (mut even, mut odd, mut joined) = (new(selection), new(selection), new(selection));
        let mut found: Vec<Block> = Vec::new();
        for number in 0..even.blocks() {
            let machine = if number % 2 == 0 { &mut even } else { &mut odd };
            let block = machine.compute(number).unwrap();
            machine.take(number, block.clone()).unwrap();
            found.push(block);
        }
        for (number, block) in found.into_iter().enumerate().rev() {
            joined.take(number, block.clone()).unwrap();
            joined.take(number, block).unwrap(); // twice is once
        }
        let joined = joined.finish();
        assert_eq!(joined.pairs, expected.pairs, "{selection:?}");
        assert_eq!(joined.false_discovery_rates, expected.false_discovery_rates, "{selection:?}");
    }
    let sweep = new(Selection::Strongest(2)).finish();
    assert_eq!((sweep.blocks_taken, sweep.pairs.len()), (0, 0));
    assert!(sweep.execution.is_none(), "nothing was computed: {:?}", sweep.execution);
    let mut sweep = new(Selection::Strongest(2));
    let beyond = sweep.blocks();
    let refused = sweep.compute(beyond).unwrap_err();
    let is_named = matches!(refused, Error::BlockOutOfRange { block, blocks } if block == blocks);
    assert!(is_named, "{refused}");
}

#[test]
fn selections_and_budgets_that_make_no_sense_are_refused() {
    let x = activations(300, 60);
    let binning = Binning::equal_width(10);
    let analysis = Analysis::with_binning(binning.clone()).engine(Engine::Cpu);
    let refused = |analysis: &Analysis, selection| {
        analysis.sweep(encoded(x.view(), &binning, u64::MAX), selection).unwrap_err()
    };
    for selection in [
        Selection::Strongest(0),
        Selection::AtLeast(0.0),
        Selection::AtLeast(f64::NAN),
        Selection::FalseDiscoveryRate(0.0),
        Selection::FalseDiscoveryRate(1.0),
        Selection::FalseDiscoveryRate(f64::NAN),
    ] {
        let error = refused(&analysis, selection);
        let is_named = match selection {
            Selection::Strongest(_) => matches!(error, Error::NoPartners),
            Selection::AtLeast(_) => matches!(error, Error::LeastInformationOutOfRange { .. }),
            _ => matches!(error, Error::FalseDiscoveryRateOutOfRange { .. }),
        };
        assert!(is_named, "{selection:?}: {error}");
    }
    let error = refused(&analysis.clone().memory_limit(1000), Selection::Strongest(1));
    assert!(matches!(error, Error::MemoryLimit { allowed: 1000, .. }), "{error}");

    // The limit suffices for a block, but not for the selected pairs.
    let wide = activations(50, 3000);
    let layer = encoded(wide.view(), &Binning::Threshold(0.5), 0);
    let small = Analysis::with_binning(Binning::Threshold(0.5)).engine(Engine::Cpu);
    let sweep = small.memory_limit(40 << 20).sweep(layer, Selection::AtLeast(1e-12)).unwrap();
    let error = sweep.run().unwrap_err();
    assert!(matches!(error, Error::TooManyPairs { .. }), "{error}");
}

#[test]
fn a_sweep_that_is_stopped_keeps_what_it_has() {
    let x = activations(300, 60);
    let binning = Binning::equal_width(10);
    let token = CancelToken::new();
    let analysis = Analysis::with_binning(binning.clone()).engine(Engine::Cpu);
    let stoppable = analysis.clone().cancel_token(&token);
    let layer = || encoded(x.view(), &binning, u64::MAX);
    let selection = Selection::AtLeast(0.05);
    let mut sweep = stoppable.sweep_in_blocks(layer(), selection, 16).unwrap();
    for number in 0..3 {
        let block = sweep.compute(number).unwrap();
        sweep.take(number, block).unwrap();
    }
    token.cancel();
    let stopped = sweep.compute(3);
    let by_token = matches!(stopped, Err(Error::Cancelled { by: CancelledBy::Token }));
    assert!(by_token, "the token was cancelled: {stopped:?}");
    let partly = sweep.finish();
    assert_eq!(partly.blocks_taken, 3);
    let all = analysis.sweep_in_blocks(layer(), selection, 16).unwrap().run().unwrap();
    assert!(!partly.pairs.is_empty() && partly.pairs.len() < all.pairs.len(), "some of all");
    assert!(partly.pairs.iter().all(|pair| all.pairs.contains(pair)), "and no others");
    // Reading stops as well.
    let mut source = x.view();
    assert!(
        matches!(stoppable.encode_batches(&mut source), Err(Error::Cancelled { .. })),
        "cancelled"
    );
}

#[cfg(feature = "gpu")]
#[test]
fn devices_give_the_same_pairs() {
    let x = activations(300, 90);
    let binning = Binning::equal_width(10);
    let cpu = Analysis::with_binning(binning.clone()).engine(Engine::Cpu);
    let selection = Selection::Strongest(4);
    let expected = cpu.sweep(encoded(x.view(), &binning, u64::MAX), selection).unwrap();
    let expected = expected.run().unwrap();
    let adapters = cofire::gpu::adapters().len();
    if std::env::var_os("COFIRE_REQUIRE_ADAPTERS").is_some() {
        assert!(adapters > 0, "adapters are required");
    }
    if adapters == 0 {
        println!("no adapter: not run");
        return;
    }
    let device = cpu.engine(Engine::best_gpu());
    for limit in [u64::MAX, 0] {
        let layer = encoded(x.view(), &binning, limit);
        let found = device.sweep_in_blocks(layer, selection, 40).unwrap().run().unwrap();
        assert_eq!(found.pairs, expected.pairs, "{limit}");
        let execution = found.execution.unwrap();
        assert!(execution.adapter.is_some(), "computed on the device");
    }
}
