//! Tests of pairs against the definition, at every instruction set.

use ndarray::Array2;
use proptest::prelude::*;

use super::column::{Column, SortedLayer, Strips};
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

fn columns(activations: &Array2<f32>, amplitude: f64, strip_samples: usize) -> Vec<Column> {
    let view = Activations::new(activations.view()).unwrap();
    let layer = SortedLayer::new(view, Jitter { amplitude, seed: 5 }, 0).unwrap();
    layer.columns(strip_samples, |_, _| ()).0
}

/// Returns the values of a neuron on its grid, in the unit of the activations.
fn units(column: &Column) -> Vec<f64> {
    column.values.iter().map(|&steps| libm::ldexp(steps, column.exponent)).collect()
}

fn check(activations: &Array2<f32>, amplitude: f64, ks: &[usize], strip_samples: usize) {
    let columns = columns(activations, amplitude, strip_samples);
    let table = HarmonicTable::new(activations.nrows()).unwrap();
    let mut plane = Plane::default();
    for &k in ks.iter().filter(|k| **k < activations.nrows()) {
        for algorithm in [KsgAlgorithm::First, KsgAlgorithm::Second] {
            for i in 0..columns.len() {
                for j in i..columns.len() {
                    let (x, y) = (&columns[i], &columns[j]);
                    let expected = sum_by_definition((&units(x), &units(y)), k, algorithm, &table);
                    for level in Level::available() {
                        for pair in [(x, y), (y, x)] {
                            let found = pair_sum(pair, k, algorithm, &table, level, &mut plane);
                            assert_eq!(
                                found, expected,
                                "pair ({i}, {j}), k = {k}, {algorithm:?}, {level:?}, strips of \
                                 {strip_samples}, jitter {amplitude}, {activations:?}"
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

/// Returns neurons of eleven kinds: spread evenly, in a dense clump with far outliers, rectified,
/// constant, of few values, of a tiny scale, following the first, ascending, and then rectified or
/// of few values with scales so far apart that only ties let them meet.
fn varied(samples: usize, seed: u64) -> Array2<f32> {
    let jitter = Jitter { amplitude: 1.0, seed };
    Array2::from_shape_fn((samples, 11), |(s, n)| {
        let x = jitter.noise(0, n, s, 1.0) as f32;
        match n {
            0 => x,
            1 => x.powi(31) * 100.0,
            2 => x.max(0.0),
            3 => 2.5,
            4 => (x * 3.0).round(),
            5 => x * 1e-9,
            6 => jitter.noise(0, 0, s, 1.0) as f32 + 0.1 * x,
            7 => s as f32 - 7.0,
            8 => x.max(0.0) * 3e-15,
            9 => (x * 3.0).round() * 1e9,
            _ => x.max(0.0) * 1e30,
        }
    })
}

#[test]
fn kinds_of_neurons_agree_with_the_definition() {
    for samples in [2, 3, 9, 50, 257] {
        let ks = [1, 2, 3, 4, 5, 6, 10, 40, 96, 97, samples - 1];
        let strip_samples = Strips::samples_for(samples, 3);
        check(&varied(samples, samples as u64), 0.0, &ks, strip_samples);
    }
    // Noise fills all bits of the grid.
    check(&varied(70, 2), 1e-7, &[1, 3, 10, 69], Strips::samples_for(70, 3));
    check(&varied(500, 1), 0.0, &[3, 120], Strips::samples_for(500, 3));
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
        places in prop_oneof![Just(0), -9i32..9, -70i32..70],
        amplitude in prop_oneof![Just(0.0), Just(1e-9), Just(0.3)],
    ) {
        let scale = libm::ldexpf(1.0, places);
        let activations = Array2::from_shape_fn((rows.len(), 2), |(s, n)| {
            if n == 0 { f32::from(rows[s].0) } else { f32::from(rows[s].1) * scale }
        });
        check(&activations, amplitude, &[k], strip_samples);
    }

    /// Tests the search where values of one axis and distances along the other have many bits, so
    /// that their sums are rounded.
    #[test]
    fn pairs_of_any_scales_agree_with_the_definition(
        seed in any::<u64>(),
        samples in 2usize..80,
        k in 1usize..6,
        strip_samples in 1usize..40,
        places in -60i32..60,
        digits in (1i32..10, 1i32..10),
        amplitude in prop_oneof![Just(0.0), Just(1e-13), Just(1e-5)],
    ) {
        let noise = Jitter { amplitude: 1.0, seed };
        let scale = libm::ldexpf(1.0, places);
        let activations = Array2::from_shape_fn((samples, 2), |(s, n)| {
            let (digits, scale) = if n == 0 { (digits.0, 1.0) } else { (digits.1, scale) };
            // Few digits give many ties, and with noise as small clusters.
            (noise.noise(0, n, s, libm::ldexp(1.0, digits)) as f32).round() * scale
        });
        check(&activations, amplitude, &[k], strip_samples);
    }
}
