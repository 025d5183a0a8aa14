//! Tests that too few samples for the bins are said, by every command, with the number that would do.

use npyz::Order;
use serde_json::Value;

use crate::common::{Place, Run, npy};

/// Puts numbers that do not depend on each other into `x.npy`.
fn unrelated(samples: usize, neurons: usize) -> Place {
    let place = Place::new();
    let mut state = 7u64;
    let values: Vec<f32> = (0..samples * neurons)
        .map(|_| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            (state >> 40) as f32
        })
        .collect();
    place.put("x.npy", npy(&[samples as u64, neurons as u64], Order::C, &values));
    let labels: Vec<u8> = (0..samples).map(|sample| u8::try_from(sample % 3).unwrap()).collect();
    place.put("labels.npy", npy(&[samples as u64], Order::C, &labels));
    place
}

/// Runs a command on `x.npy`. Returns what it printed, and its `summary.json`.
fn run(place: &Place, command: &str, options: &str) -> (Run, Value) {
    let options: Vec<&str> = options.split_whitespace().collect();
    let json: &[&str] = if command == "analyze" { &["--json"] } else { &[] };
    let all = [&[command, "x.npy", "--engine", "cpu", "--out", "out"], json, &options[..]].concat();
    let run = place.run(&all);
    assert_eq!(run.status, 0, "{all:?}: {run:?}");
    let json = serde_json::from_slice(&place.bytes("out/summary.json")).unwrap();
    (run, json)
}

const SAID: &str = "too few samples for the bins";

#[test]
fn twenty_samples_are_too_few_for_256_bins() {
    let place = unrelated(20, 30);
    for (command, bins, expected) in [
        ("analyze", "--bins 256", "0,000 samples or 2 bins would do"),
        ("analyze", "--bins 256 --other x.npy", "0,000 samples or 2 bins would do"),
        ("analyze", "--bins 256 --units bits", "0,000 samples or 2 bins would do"),
        ("analyze", "--bins 255 --zero-bin", "0,000 samples or 2 bins would do"),
        ("analyze", "--bins 256 --binning equal-frequency", "2 bins would do"),
        ("analyze", "--bins 256 --estimator miller-madow", "about 66,000 samples or 4 bins"),
        ("analyze", "--bins sqrt", "2 bins would do"),
        ("pairs", "--bins 256 --strongest 2", "0,000 samples or 2 bins would do"),
        ("pairs", "--bins 256 --at-least 2", "0,000 samples or 2 bins would do"),
        ("pairs", "--bins 256 --all", "0,000 samples or 2 bins would do"),
        ("pairs", "--bins 256 --all --job job --units bits", "0,000 samples or 2 bins"),
        ("pairs", "--bins 256 --strongest 2 --estimator grassberger", "about 66,000 samples"),
    ] {
        let (run, json) = run(&place, command, bins);
        assert!(run.stdout.contains(SAID), "{command} {bins}: {run:?}");
        assert!(run.stdout.contains(expected), "{command} {bins}: {expected}: {run:?}");
        let facts = if command == "analyze" { &json["layers"][0] } else { &json };
        let facts = &facts["too_few_samples"];
        assert!(facts["problem"].as_str().unwrap().contains(SAID), "{command} {bins}: {facts}");
        assert!(facts["samples_that_would_do"].as_u64() > Some(20), "{command} {bins}: {facts}");
        assert!(facts["bins_that_would_do"].as_u64() >= Some(2), "{command} {bins}: {facts}");
    }
    let merged = place.run(&["merge", "job", "--out", "merged"]);
    assert!(merged.stdout.contains("0,000 samples or 2 bins would do"), "{merged:?}");
    let compared =
        place.run(&["compare", "x.npy", "--engine", "cpu", "--bins", "256", "--out", "r"]);
    assert!(compared.stdout.contains("0,000 samples or 2 bins would do"), "{compared:?}");
}

#[test]
fn following_the_advice_silences_it() {
    let place = unrelated(20, 30);
    for options in ["--bins 2", "--bins 4 --estimator miller-madow", "--estimator ksg"] {
        let (run, json) = run(&place, "analyze", options);
        assert!(!run.stdout.contains(SAID), "{options}: {run:?}");
        let facts = &json["layers"][0]["too_few_samples"];
        assert!(facts["samples_that_would_do"].is_null(), "{options}: {facts}");
    }
    // Neurons that are not related show nothing else with more samples either.
    let (run, _) = run(&unrelated(2000, 30), "analyze", "");
    assert!(!run.stdout.contains(SAID), "{run:?}");
    assert!(run.stdout.contains("unrelated neurons show more than half of that\n"), "{run:?}");
}

#[test]
fn labels_need_samples_too() {
    let (run, json) = run(&unrelated(30, 8), "analyze", "--bins 10 --labels labels.npy");
    let labels = &json["layers"][0]["labels"];
    for name in ["too_few_samples", "too_few_samples_given_labels"] {
        assert!(labels[name]["problem"].as_str().unwrap().contains(SAID), "{name}: {labels}");
    }
    // 9 · 2 / 2 and 9² · 3 / 2, divided by a twentieth of an entropy of about 2.
    let needed = |name: &str| labels[name]["samples_that_would_do"].as_u64().unwrap();
    assert!((80..110).contains(&needed("too_few_samples")), "{labels}");
    assert!((1100..1500).contains(&needed("too_few_samples_given_labels")), "{labels}");
    assert_eq!(run.stdout.matches("too few samples").count(), 3, "{run:?}");
}
