//! Tests that `cofire verify` accepts results of every kind and notices any change, and that digests are
//! those of the same results by other ways.

use std::fs;

use npyz::Order;
use serde_json::Value;
use zip::CompressionMethod::Stored;

use crate::common::{Place, Run, npy, npz};

/// The numbers of samples and neurons, which give 6 blocks of pairs.
const SHAPE: (usize, usize) = (80, 40);

fn values(seed: u64) -> Vec<f32> {
    let noise = |s: usize, n: usize| {
        let mixed = (s as u64 * 0x9e37_79b9 + n as u64 * 0x85eb_ca6b + seed * 0xc2b2_ae35)
            .wrapping_mul(0xc2b2_ae3d_27d4);
        ((mixed >> 20) % 10_000) as f32 / 10_000.0
    };
    let value = |s, n| match n % 5 {
        0 => noise(s, 0) + 0.2 * noise(s, n),
        1 => noise(s, n),
        2 => (noise(s, n) - 0.8).max(0.0),
        3 => noise(s, 4),
        _ => f32::from(noise(s, n) < 0.1),
    };
    (0..SHAPE.0).flat_map(|s| (0..SHAPE.1).map(move |n| value(s, n))).collect()
}

fn array(values: &[f32]) -> Vec<u8> {
    npy(&[SHAPE.0 as u64, SHAPE.1 as u64], Order::C, values)
}

fn place() -> Place {
    let place = Place::new();
    place.put("x.npy", array(&values(0)));
    place.put("y.npz", npz(&[("a.npy", array(&values(0))), ("b.npy", array(&values(1)))], Stored));
    place
}

#[track_caller]
fn succeed(run: &Run) {
    assert_eq!(run.status, 0, "{run:?}");
}

fn verify(place: &Place, arguments: &[&str]) -> Run {
    place.run(&[&["verify", "out", "--engine", "cpu"], arguments].concat())
}

/// Asserts that results are found to be equal.
#[track_caller]
fn is_same(place: &Place, arguments: &[&str]) -> String {
    let run = verify(place, arguments);
    succeed(&run);
    assert!(run.stdout.contains("the same"), "{run:?}");
    run.stdout
}

/// Asserts that the run failed, with a last line on stderr that has all the words.
#[track_caller]
fn fails(place: &Place, arguments: &[&str], status: i32, words: &[&str]) {
    let run = verify(place, arguments);
    assert_eq!(run.status, status, "{run:?}");
    let line = run.stderr.lines().last().unwrap_or_default();
    for word in words {
        assert!(line.contains(word), "{word:?} is not in {line:?}");
    }
    assert!(run.stdout.is_empty(), "{run:?}");
}

fn summary(place: &Place, out: &str) -> Value {
    serde_json::from_slice(&place.bytes(&format!("{out}/summary.json"))).unwrap()
}

/// Replaces text in a file of the results.
#[track_caller]
fn replace(place: &Place, file: &str, from: &str, to: &str) {
    let text = String::from_utf8(place.bytes(file)).unwrap();
    assert!(text.contains(from), "{from} is not in {file}: {text}");
    place.put(file, text.replacen(from, to, 1));
}

const MEASUREMENTS: [&[&str]; 20] = [
    &["x.npy"],
    &["x.npy", "--bins", "4", "--range=-0.5,1.5", "--units", "bits"],
    &["x.npy", "--range", "global"],
    &["x.npy", "--bins", "auto"],
    &["x.npy", "--binning", "equal-frequency", "--bins", "5"],
    &["x.npy", "--binning", "edges=-1,0.1,0.25,9e2", "--zero-bin"],
    &["x.npy", "--binning", "threshold=0.1", "--measure", "lift", "--measure", "joint-entropy"],
    &["x.npy", "--zero-bin", "--bins", "1", "--kernel", "bitset"],
    &[
        "x.npy",
        "--estimator",
        "miller-madow",
        "--significance",
        "permutation",
        "--permutations",
        "2",
    ],
    &["x.npy", "--estimator", "grassberger", "--threads", "1"],
    &["x.npy", "--estimator", "pseudo-count=0.3"],
    &["x.npy", "--estimator", "chao-shen"],
    &["x.npy", "--estimator", "james-stein"],
    &["x.npy", "--estimator", "ksg", "--jitter", "1e-6", "--seed", "3"],
    &["x.npy", "--estimator", "ksg2", "--neighbors", "5", "--units", "bits"],
    &["x.npy", "--preset", "paper", "--units", "bits"],
    &["y.npz"],
    &[
        "y.npz",
        "--layer",
        "a",
        "--other-layer",
        "b",
        "--estimator",
        "james-stein",
        "--range",
        "global",
    ],
    &["x.npy", "--other", "y.npz", "--other-layer", "b", "--preset", "paper"],
    &["x.npy", "y.npz"],
];

#[test]
fn results_of_analyze_are_accepted() {
    let place = place();
    for arguments in MEASUREMENTS {
        let _ = fs::remove_dir_all(place.path().join("out"));
        let run = place.analyze(&[arguments, &["--out", "out"]].concat());
        succeed(&run);
        let text = is_same(&place, &["--blocks", "all"]);
        let summary = summary(&place, "out");
        for layer in summary["layers"].as_array().unwrap() {
            let digest = layer["digest"].as_str().unwrap();
            assert!(text.contains(digest) && run.stdout.contains(digest), "{arguments:?} {text}");
        }
        assert!(text.contains("entropy.npy, "), "{text}");
        assert!(is_same(&place, &["--blocks", "2"]).contains(" in 2 of "), "{arguments:?}");
    }
}

/// Verifies the results of the CPU on every adapter.
#[test]
fn other_engines_accept_them() {
    let place = place();
    let devices: Value = serde_json::from_str(&place.run(&["devices", "--json"]).stdout).unwrap();
    let adapters: Vec<Value> = devices["adapters"].as_array().cloned().unwrap_or_default();
    for arguments in [
        &["x.npy"][..],
        &["x.npy", "--estimator", "ksg"],
        &["y.npz", "--layer", "a", "--other-layer", "b"],
    ] {
        succeed(&place.analyze(&[arguments, &["--out", "out"]].concat()));
        for label in adapters.iter().filter_map(|adapter| adapter["label"].as_str()) {
            let run = place.run(&["verify", "out", "--blocks", "3", "--adapter", label]);
            assert_eq!(run.status, 0, "[{label}] {run:?}");
        }
    }
}

#[test]
fn any_change_of_the_results_is_noticed() {
    let place = place();
    succeed(&place.analyze(&["x.npy", "--out", "out"]));
    let summary = place.bytes("out/summary.json");
    let header = place.bytes("out/mi.npy").len() - 8 * SHAPE.1 * SHAPE.1;
    for (row, column) in [(0, 0), (3, 39), (39, 3), (20, 19)] {
        let honest = place.bytes("out/mi.npy");
        let mut changed = honest.clone();
        changed[header + 8 * (row * SHAPE.1 + column)] ^= 1;
        place.put("out/mi.npy", &changed);
        let names = format!("row {row} and column {column} share");
        fails(&place, &["--blocks", "all"], 1, &["differs", &names, "mi.npy", "here"]);
        place.put("out/mi.npy", &honest);
    }
    let honest = place.bytes("out/entropy.npy");
    let mut changed = honest.clone();
    *changed.last_mut().unwrap() ^= 1;
    place.put("out/entropy.npy", changed);
    fails(&place, &["--blocks", "1"], 1, &["neuron 39 has an entropy of", "entropy.npy"]);
    place.put("out/entropy.npy", honest);

    // Any digit of the digests of blocks shows in that of the whole, even if the block is not chosen.
    let digests: Value = serde_json::from_slice(&place.bytes("out/digests.json")).unwrap();
    let blocks = digests["blocks"].as_array().unwrap();
    assert_eq!(blocks.len(), 6);
    let honest = place.bytes("out/digests.json");
    for block in blocks {
        let block = block.as_str().unwrap();
        let digit = if block.ends_with('0') { "1" } else { "0" };
        replace(&place, "out/digests.json", block, &format!("{}{digit}", &block[..31]));
        fails(&place, &["--blocks", "1"], 1, &["differs", "digest"]);
        place.put("out/digests.json", &honest);
    }
    replace(&place, "out/digests.json", "\"block_edge\": 16", "\"block_edge\": 17");
    fails(&place, &[], 1, &["digests.json has 6 blocks of 17 neurons"]);
    place.put("out/digests.json", &honest);

    for (from, to) in [
        ("\"--bins\": \"10\"", "\"--bins\": \"9\""),
        ("\"--range\": \"per-neuron\"", "\"--range\": \"global\""),
        ("\"--estimator\": \"plug-in\"", "\"--estimator\": \"jeffreys\""),
        ("\"--units\": \"nats\"", "\"--units\": \"bits\""),
    ] {
        replace(&place, "out/summary.json", from, to);
        fails(&place, &["--blocks", "1"], 1, &["differs: neuron"]);
        place.put("out/summary.json", &summary);
    }
    is_same(&place, &["--blocks", "all"]);
}

#[test]
fn other_activations_are_noticed() {
    let place = place();
    succeed(&place.analyze(&["x.npy", "--out", "out"]));
    let mut changed = values(0);
    changed[7 * SHAPE.1 + 5] = 0.123;
    place.put("x.npy", array(&changed));
    fails(&place, &[], 1, &["x.npy, layer x have the fingerprint", "--input"]);
    // Without a fingerprint, the numbers tell.
    let text = String::from_utf8(place.bytes("out/summary.json")).unwrap();
    let fingerprint = summary(&place, "out")["layers"][0]["fingerprint"].to_string();
    place.put("out/summary.json", text.replace(&fingerprint, "null"));
    fails(&place, &["--blocks", "all"], 1, &["differs: row 0 and column 5 share", "mi.npy"]);
    place.put("out/summary.json", text);

    fs::remove_file(place.path().join("x.npy")).unwrap();
    fails(&place, &[], 2, &["x.npy is not there", "--input"]);
    place.put("moved.npy", array(&values(0)));
    let run = verify(&place, &["--input", "moved.npy"]);
    assert_eq!(run.status, 0, "{run:?}");
    place.put("again.npy", array(&values(1)));
    fails(&place, &["--input", "again.npy"], 1, &["fingerprint"]);
    fails(&place, &["--input", "moved.npy", "again.npy"], 2, &["2 files, and 1", "x.npy"]);
    fails(&place, &["--other", "moved.npy"], 2, &["leave --other out"]);
}

#[test]
fn other_files_are_refused() {
    let place = place();
    fails(&place, &[], 2, &["summary.json", "--out of analyze"]);
    succeed(&place.analyze(&["x.npy", "--out", "out"]));
    let summary = place.bytes("out/summary.json");
    for text in ["", "{}", "[]", "{\"version\": \"1\", \"layers\": [{}]}"] {
        place.put("out/summary.json", text);
        fails(&place, &[], 2, &["summary.json", "expected a summary"]);
    }
    for path in ["../x.npy", "/etc/passwd", "a/../../x.npy"] {
        place.put("out/summary.json", &summary);
        replace(&place, "out/summary.json", "\"mi.npy\"", &format!("\"{path}\""));
        fails(&place, &[], 2, &[path, "not within the results"]);
    }
    place.put("out/summary.json", &summary);
    replace(&place, "out/summary.json", "\"--bins\": \"10\"", "\"--bins\": \"many\"");
    fails(&place, &[], 2, &["the settings in summary.json", "many"]);
    place.put("out/summary.json", &summary);
    replace(&place, "out/summary.json", "\"--bins\": \"10\"", "\"--out\": \"elsewhere\"");
    is_same(&place, &[]); // 10 is the default
    assert!(!place.path().join("elsewhere").exists(), "only settings of measurements are taken");
    place.put("out/summary.json", &summary);
    place.put("out/mi.npy", "no matrix");
    fails(&place, &[], 2, &["mi.npy"]);
    // A matrix may be too large to share: the digests of its blocks are enough.
    fs::remove_file(place.path().join("out/mi.npy")).unwrap();
    let text = is_same(&place, &["--blocks", "all"]);
    assert!(text.contains("820 in 6 of 6 blocks: the same"), "{text}");
    assert!(text.lines().any(|l| l.contains("not compared") && l.contains("mi.npy")), "{text}");
}

#[test]
fn results_of_pairs_are_accepted_and_changes_noticed() {
    let place = place();
    // Shards of one layer.
    let all = values(0);
    let (first, second) = all.split_at(30 * SHAPE.1);
    fs::create_dir(place.path().join("shards")).unwrap();
    place.put("shards/0.npy", npy(&[30, SHAPE.1 as u64], Order::C, first));
    place.put("shards/1.npy", npy(&[SHAPE.0 as u64 - 30, SHAPE.1 as u64], Order::C, second));
    for (how, layer) in [
        (&["--strongest", "2", "--bins", "6"][..], "x.npy"),
        (&["--at-least", "0.9"], "shards"),
        (&["--false-discovery-rate", "0.01", "--format", "csv"], "x.npy"),
        (&["--strongest", "1", "--estimator", "chao-shen", "--units", "bits"], "shards"),
        (&["--at-least", "0.9", "--digest", "--job", "job"], "x.npy"),
        (&["--all", "--memory", "1G"], "x.npy"),
    ] {
        let _ = fs::remove_dir_all(place.path().join("out"));
        let run = place.run(&[&["pairs", layer, "--engine", "cpu", "--out", "out"], how].concat());
        succeed(&run);
        let text = is_same(&place, &["--blocks", "all"]);
        is_same(&place, &["--blocks", "1", "--seed", "5", "--memory", "1G"]);
        if how.contains(&"--all") {
            assert!(text.contains("mi.npy"), "{text}");
            continue;
        }
        assert!(text.contains("selected pairs") && text.contains("pairs.csv"), "{text}");
        // The last digit of the last pair.
        let csv = String::from_utf8(place.bytes("out/pairs.csv")).unwrap();
        let (begin, digit) = csv.trim_end().split_at(csv.trim_end().len() - 1);
        let other = if digit == "1" { "2" } else { "1" };
        place.put("out/pairs.csv", format!("{begin}{other}\n"));
        fails(&place, &["--blocks", "all"], 1, &["differs", "share", "pairs.csv", "here"]);
        place.put("out/pairs.csv", format!("{}\n", csv.trim_end().rsplit_once('\n').unwrap().0));
        fails(&place, &["--blocks", "1"], 1, &["the digest of the selected pairs is"]);
        place.put("out/pairs.csv", csv + "1,x,2\n");
        fails(&place, &[], 2, &["pairs.csv", "is no pair"]);
    }
}

#[test]
fn parts_and_analyze_have_the_digest_of_one_run() {
    let place = place();
    succeed(&place.analyze(&["x.npy", "--out", "analyzed", "--estimator", "miller-madow"]));
    succeed(&place.analyze(&["x.npy", "--out", "plug-in"]));
    let of_analyze = |out: &str| summary(&place, out)["layers"][0]["digest"].clone();
    for (how, analyzed, has_all) in [
        (&["--all"][..], "plug-in", true),
        (&["--strongest", "2", "--estimator", "miller-madow"], "analyzed", true),
        (&["--at-least", "1.5", "--digest"], "plug-in", true),
        (&["--at-least", "1.5"], "plug-in", false),
    ] {
        let run = |more: &[&str]| {
            let run = place.run(&[&["pairs", "x.npy", "--engine", "cpu"], how, more].concat());
            succeed(&run);
        };
        let _ = fs::remove_dir_all(place.path().join("jobs"));
        let _ = fs::remove_dir_all(place.path().join("out"));
        run(&["--out", "out", "--block-edge", "7"]);
        let whole = summary(&place, "out");
        for part in 1..=3 {
            run(&["--part", &format!("{part}/3"), "--job", "jobs", "--block-edge", "11"]);
        }
        succeed(&place.run(&["merge", "jobs", "--out", "merged"]));
        let merged = summary(&place, "merged");
        assert_eq!(merged["digest_of_selected"], whole["digest_of_selected"], "{how:?}");
        assert_eq!(whole["digest_of_selected"].is_null(), how == ["--all"]);
        for summary in [&merged, &whole] {
            let expected = if has_all { of_analyze(analyzed) } else { Value::Null };
            assert_eq!(summary["digest"], expected, "{how:?}");
        }
        let verify = |more: &[&str]| {
            place.run(&[&["verify", "merged", "--blocks", "all", "--engine", "cpu"], more].concat())
        };
        let without = verify(&[]);
        assert_eq!(without.status, 2, "{without:?}");
        assert!(without.stderr.contains("give them with --input"), "{without:?}");
        succeed(&verify(&["--input", "x.npy"]));
    }
}
