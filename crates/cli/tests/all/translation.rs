//! Tests of `--estimator ksg` on neurons far from 0, on constant ones, and on equal activations: the
//! values, and the advice beside them.

use npyz::Order;
use serde_json::Value;

use crate::common::{Place, npy};

/// Returns a number that looks like chance, from 0 to 95.
fn level(sample: usize, neuron: usize) -> f32 {
    let mixed = ((sample * 2 + neuron + 1) as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    let mixed = (mixed ^ mixed >> 29).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    ((mixed >> 33) % 96) as f32
}

fn put(place: &Place, name: &str, shape: (usize, usize), of: impl Fn(usize, usize) -> f32) {
    let (samples, neurons) = shape;
    let values: Vec<f32> =
        (0..samples * neurons).map(|index| of(index / neurons, index % neurons)).collect();
    place.put(name, npy(&[samples as u64, neurons as u64], Order::C, &values));
}

/// Runs, and returns the text and the facts about the layer.
fn run(place: &Place, arguments: &[&str]) -> (String, Value) {
    let text = place.analyze(arguments);
    assert_eq!(text.status, 0, "{arguments:?}: {}", text.stderr);
    let json = place.analyze(&[arguments, &["--json"]].concat());
    let mut json: Value = serde_json::from_str(&json.stdout).unwrap();
    (text.stdout, json["layers"][0].take())
}

#[test]
fn neurons_far_from_zero_give_what_centred_ones_give() {
    let place = Place::new();
    // Independent neurons of 96 values a sixteenth apart, around 10⁶ and around 0.
    put(&place, "far.npy", (400, 2), |s, n| 1e6 + level(s, n) / 16.0);
    put(&place, "near.npy", (400, 2), |s, n| level(s, n) / 16.0 - 3.0);
    let method = ["--estimator", "ksg", "--jitter", "1e-10"];
    for (file, out) in [("far.npy", "far"), ("near.npy", "near")] {
        let run = place.analyze(&[&[file, "--out", out][..], &method].concat());
        assert_eq!(run.status, 0, "{}", run.stderr);
        assert!(!run.stdout.contains("unreliable"), "{}", run.stdout);
        assert!(!run.stdout.contains("-inf"), "{}", run.stdout);
    }
    for file in ["mi.npy", "entropy.npy"] {
        let [far, near] = ["far", "near"].map(|out| place.bytes(&format!("{out}/{file}")));
        assert_eq!(far, near, "{file}");
    }
    let information = place.array("far/mi.npy").1[1];
    assert!(information.abs() < 0.12, "{information}");
}

#[test]
fn a_constant_neuron_is_called_constant() {
    let place = Place::new();
    put(&place, "x.npy", (60, 6), |s, n| if n == 1 { 5.0 } else { level(s, n) + s as f32 / 97.0 });
    for jitter in [&[][..], &["--jitter", "1e-10"]] {
        let (text, facts) = run(&place, &[&["x.npy", "--estimator", "ksg"], jitter].concat());
        assert!(text.contains("-inf for 1 of 6 neurons: 1 constant\n"), "{text}");
        assert!(!text.contains("apart") && !text.contains("unreliable"), "{text}");
        assert_eq!((&facts["tied"], &facts["ties"]["constant"]), (&1.into(), &1.into()));
        assert_eq!(
            (&facts["ties"]["neurons"], &facts["ties"]["warning"]),
            (&0.into(), &Value::Null)
        );
    }
}

/// Tests that estimates from equal activations are marked, and that the advice is never to do what
/// was done.
#[test]
fn equal_activations_are_said_with_the_way_out() {
    let place = Place::new();
    // Two rectified neurons that are the same, one that is constant, one without equal activations.
    let of = |s: usize, n: usize| match n {
        0 | 1 => (level(s, 0) - 70.0).max(0.0),
        2 => 3.0,
        _ => s as f32,
    };
    put(&place, "x.npy", (200, 4), of);
    let zeros = (0..200).filter(|&s| level(s, 0) <= 70.0).count();
    let unique = |x: f32| (0..200).filter(|&s| of(s, 0) == x).count() == 1;
    let tied = (0..200).filter(|&s| !unique(of(s, 0))).count();
    assert!((1..zeros).contains(&3) && tied < 200);
    let share = tied as f64 / 200.0;

    let (text, facts) = run(&place, &["x.npy", "--estimator", "ksg"]);
    let expected = format!(
        "unreliable: in 2 of 4 neurons more than 3 samples have the same value, and {:.1} % of their \
         samples equal another; --jitter 1e-10 sets them apart, or leave --estimator out to use bins\n",
        100.0 * share
    );
    assert!(text.contains(&expected), "{expected}{text}");
    let lines: Vec<&str> = text.lines().collect();
    let place_of = |part: &str| lines.iter().position(|line| line.contains(part)).unwrap();
    assert_eq!(place_of("unreliable"), place_of("mutual information") + 1, "{text}");
    assert!(
        text.contains("-inf for 3 of 4 neurons: 1 constant, 2 with equal activations\n"),
        "{text}"
    );
    assert_eq!(facts["ties"]["constant"], 1);
    assert_eq!(facts["ties"]["neurons"], 2);
    assert_eq!(facts["ties"]["share_of_samples"], share);
    assert_eq!(facts["ties"]["warning"], expected.trim_end());
    // The estimate for two neurons that are the same: that they share less than nothing.
    assert!(facts["mutual_information"]["min"].as_f64().unwrap() < 0.0);

    for (arguments, advice) in [
        (
            &["--estimator", "ksg", "--jitter", "0"][..],
            "--jitter 0e0 is too small to set them apart; use more, such as 1e-10",
        ),
        (&["--estimator", "ksg2", "--jitter", "1e-16"], "use more, such as 1e-10"),
        (
            &["--preset", "paper"],
            "--estimator ksg --jitter 1e-10 instead of --preset sets them apart",
        ),
    ] {
        let (text, _) = run(&place, &[&["x.npy"], arguments].concat());
        assert!(text.contains(advice), "{arguments:?}: {text}");
        assert!(!text.contains("; --jitter 1e-10 sets"), "{arguments:?}: {text}");
    }
    let (text, facts) = run(&place, &["x.npy", "--estimator", "ksg", "--jitter", "1e-10"]);
    assert!(
        !text.contains("unreliable") && text.contains("-inf for 1 of 4 neurons: 1 constant\n"),
        "{text}"
    );
    assert!(facts["mutual_information"]["max"].as_f64().unwrap() > 0.5, "{facts}");

    // Between two layers, each has its own line.
    put(&place, "y.npy", (200, 1), |s, _| s as f32);
    for (files, begin) in [
        (["x.npy", "y.npy"], " unreliable: in 2 of 4"),
        (["y.npy", "x.npy"], "other layer: unreliable: in 2 of 4"),
    ] {
        let (text, facts) = run(&place, &[files[0], "--other", files[1], "--estimator", "ksg"]);
        assert!(text.contains(begin), "{text}");
        assert_eq!(text.matches("unreliable").count(), 1, "{text}");
        assert_eq!(facts["other"]["ties"]["neurons"], if files[1] == "x.npy" { 2 } else { 0 });
    }
}

#[test]
fn a_zero_bin_beside_two_bins_is_refused_with_advice_that_is_not_followed_yet() {
    let place = Place::new();
    put(&place, "x.npy", (20, 2), level);
    let run = place.analyze(&["x.npy", "--bins", "2", "--zero-bin", "--measure", "phi"]);
    assert_eq!(run.status, 2, "{}", run.stdout);
    assert!(run.stderr.contains("leave --zero-bin out"), "{}", run.stderr);
    assert!(!run.stderr.contains("use --bins 2"), "{}", run.stderr);
    let run = place.analyze(&["x.npy", "--bins", "1", "--zero-bin", "--measure", "phi"]);
    assert_eq!(run.status, 0, "{}", run.stderr);
}
