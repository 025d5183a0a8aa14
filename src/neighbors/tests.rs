//! Tests of pairs against the definition, at every instruction set.

use ndarray::Array2;
use proptest::prelude::*;

use super::column::{Column, Grid, SortedLayer, Strips};
use super::cpu::nearest_neighbors::{Plane, pair_sum};
use super::{HarmonicTable, Jitter, KsgAlgorithm, line};
use crate::input::activations::Activations;
use crate::support::simd::Level;

/// Returns the sum of a pair, by comparing every sample with every other one.
fn sum_by_definition(
    (x, y): (&[f64], &[f64]),
    k: usize,
    algorithm: KsgAlgorithm,
    table: &HarmonicTable,
) -> u64 {
    let mut sum = 0;
    for i in 0..x.len() {
        let others = (0..x.len()).filter(|&j| j != i);
        let distances: Vec<(f64, f64)> =
            others.map(|j| ((x[j] - x[i]).abs(), (y[j] - y[i]).abs())).collect();
        let mut apart: Vec<f64> = distances.iter().map(|(dx, dy)| dx.max(*dy)).collect();
        let kth = *apart.select_nth_unstable_by(k - 1, f64::total_cmp).1;
        let count =
            |near: &dyn Fn(&(f64, f64)) -> bool| distances.iter().filter(|d| near(d)).count();
        let (n_x, n_y) = match algorithm {
            KsgAlgorithm::First if kth == 0.0 => (count(&|d| d.0 == 0.0), count(&|d| d.1 == 0.0)),
            KsgAlgorithm::First => (count(&|d| d.0 < kth), count(&|d| d.1 < kth)),
            KsgAlgorithm::Second => {
                let nearest = || distances.iter().filter(|d| d.0.max(d.1) <= kth);
                let far_x = nearest().map(|d| d.0).fold(0.0, f64::max);
                let far_y = nearest().map(|d| d.1).fold(0.0, f64::max);
                (count(&|d| d.0 <= far_x) - 1, count(&|d| d.1 <= far_y) - 1)
            }
        };
        sum += table.value(n_x) + table.value(n_y);
    }
    sum
}

fn columns(activations: &Array2<f32>, strip_samples: usize) -> Vec<Column> {
    let view = Activations::new(activations.view()).unwrap();
    let layer = SortedLayer::new(view, Jitter::default(), 0).unwrap();
    layer.columns(Grid::of(layer.largest()), strip_samples, |_| ()).0
}

fn check(activations: &Array2<f32>, ks: &[usize], strip_samples: usize) {
    let columns = columns(activations, strip_samples);
    let table = HarmonicTable::new(activations.nrows()).unwrap();
    let mut plane = Plane::default();
    for &k in ks.iter().filter(|k| **k < activations.nrows()) {
        for algorithm in [KsgAlgorithm::First, KsgAlgorithm::Second] {
            for i in 0..columns.len() {
                for j in i..columns.len() {
                    let (x, y) = (&columns[i], &columns[j]);
                    let expected = sum_by_definition((&x.values, &y.values), k, algorithm, &table);
                    for level in Level::available() {
                        for pair in [(x, y), (y, x)] {
                            let found = pair_sum(pair, k, algorithm, &table, level, &mut plane);
                            assert_eq!(
                                found, expected,
                                "pair ({i}, {j}), k = {k}, {algorithm:?}, {level:?}, strips of \
                                 {strip_samples}, {activations:?}"
                            );
                        }
                    }
                    if i == j {
                        assert_eq!(
                            line::own_sum(x, k, algorithm, &table),
                            expected,
                            "{i}, k = {k}"
                        );
                    }
                }
            }
        }
    }
}

/// Returns neurons of eight kinds: spread evenly, in a dense clump with far outliers, rectified,
/// constant, of few values, of a tiny scale, following the first, and ascending.
fn varied(samples: usize, seed: u64) -> Array2<f32> {
    let jitter = Jitter { amplitude: 1.0, seed };
    Array2::from_shape_fn((samples, 8), |(s, n)| {
        let x = jitter.noise(0, n, s, 1.0) as f32;
        match n {
            0 => x,
            1 => x.powi(31) * 100.0,
            2 => x.max(0.0),
            3 => 2.5,
            4 => (x * 3.0).round(),
            5 => x * 1e-9,
            6 => jitter.noise(0, 0, s, 1.0) as f32 + 0.1 * x,
            _ => s as f32 - 7.0,
        }
    })
}

#[test]
fn kinds_of_neurons_agree_with_the_definition() {
    for samples in [2, 3, 9, 50, 257] {
        let ks = [1, 2, 3, 4, 5, 6, 10, 40, 96, 97, samples - 1];
        check(&varied(samples, samples as u64), &ks, Strips::samples_for(samples, 3));
    }
    check(&varied(700, 1), &[3, 120], Strips::samples_for(700, 3));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn pairs_agree_with_the_definition(
        rows in prop::collection::vec(
            (prop_oneof![-4i8..4, Just(0), any::<i8>()], prop_oneof![-4i8..4, Just(0), any::<i8>()]),
            2..60,
        ),
        k in 1usize..30,
        strip_samples in 1usize..40,
    ) {
        let activations = Array2::from_shape_fn((rows.len(), 2), |(s, n)| {
            f32::from(if n == 0 { rows[s].0 } else { rows[s].1 })
        });
        check(&activations, &[k], strip_samples);
    }
}
