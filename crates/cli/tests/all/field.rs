//! Inputs like those that people reported of other tools, and the numbers that are right.

use npyz::Order;

use crate::common::{Place, npy};

/// Returns the entropy of bins with these numbers of samples.
fn entropy(counts: &[f64]) -> f64 {
    let samples: f64 = counts.iter().sum();
    counts.iter().filter(|&&n| n > 0.0).map(|n| -n / samples * (n / samples).ln()).sum()
}

fn assert_entropies(place: &Place, arguments: &[&str], expected: &[f64]) {
    let run = place.analyze(&[arguments, &["--out", "out"]].concat());
    assert_eq!(run.status, 0, "{}", run.stderr);
    let (_, found) = place.array("out/entropy.npy");
    assert_eq!(found.len(), expected.len(), "{found:?}");
    for (neuron, (found, expected)) in found.iter().zip(expected).enumerate() {
        assert!((found - expected).abs() < 1e-9, "{arguments:?} {neuron}: {found}, not {expected}");
    }
}

/// Tests two values in three bins, 50 and 51 of two values, and a ReLU neuron that is mostly zero: their
/// quantiles fall together.
#[test]
fn ties_leave_no_neuron_with_one_bin() {
    let place = Place::new();
    let two: Vec<f32> = (0..8).flat_map(|s| [if s < 4 { 1.0 } else { 4.0 }, 7.0]).collect();
    place.put("two.npy", npy(&[8, 2], Order::C, &two));
    for bins in ["2", "3", "10"] {
        let arguments = ["two.npy", "--binning", "equal-frequency", "--bins", bins];
        assert_entropies(&place, &arguments, &[2f64.ln(), 0.0]);
    }
    let more: Vec<f32> = (0..101u16)
        .flat_map(|s| [f32::from(s / 50 % 2), f32::from(s.saturating_sub(69)), f32::from(s.min(2))])
        .collect();
    place.put("more.npy", npy(&[101, 3], Order::C, &more));
    let relu = [70.0, 4.0, 3.0, 3.0, 4.0, 3.0, 3.0, 4.0, 3.0, 4.0];
    let expected = [entropy(&[51.0, 50.0]), entropy(&relu), entropy(&[1.0, 1.0, 99.0])];
    let arguments = ["more.npy", "--binning", "equal-frequency", "--bins", "10"];
    assert_entropies(&place, &arguments, &expected);
}

/// Tests neurons that would have far fewer values as `f32`, or only one.
#[test]
fn doubles_and_large_integers_are_binned_as_they_are() {
    let place = Place::new();
    let doubles: Vec<f64> = (0..200)
        .flat_map(|s| [1e9 + f64::from(s % 10) / 16.0, 1e-200 * f64::from(s % 4), f64::from(s)])
        .collect();
    place.put("doubles.npy", npy(&[200, 3], Order::C, &doubles));
    let expected = [10f64.ln(), 4f64.ln(), 10f64.ln()];
    assert_entropies(&place, &["doubles.npy", "--bins", "10"], &expected);
    let ids: Vec<i64> =
        (0..200).flat_map(|s| [(1 << 53) - s % 8, 123_456_789_012 + s % 5]).collect();
    place.put("ids.npy", npy(&[200, 2], Order::C, &ids));
    assert_entropies(&place, &["ids.npy", "--bins", "256"], &[8f64.ln(), 5f64.ln()]);
    let run = place.run(&["pairs", "ids.npy", "--bins", "256", "--all", "--out", "pairs"]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let (_, found) = place.array("pairs/entropy.npy");
    assert!((found[0] - 8f64.ln()).abs() < 1e-9, "in batches: {found:?}");
}

#[test]
fn integers_that_no_double_holds_are_refused_with_their_place() {
    let place = Place::new();
    let mut ids = vec![1i64; 30];
    ids[7] = (1 << 53) + 1;
    place.put("ids.npy", npy(&[10, 3], Order::C, &ids));
    for command in [&["analyze", "ids.npy"][..], &["pairs", "ids.npy", "--all", "--out", "pairs"]] {
        let run = place.run(command);
        assert_eq!(run.status, 2, "{run:?}");
        let place = "9007199254740993 of sample 2, neuron 1 is beyond 2^53";
        assert!(run.stderr.contains(place), "{}", run.stderr);
    }
}
