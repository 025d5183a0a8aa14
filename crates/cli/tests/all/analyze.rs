//! Tests of what `cofire analyze` prints and writes.

use std::io::Read;
use std::process::Stdio;

use half::{bf16, f16};
use npyz::Order;
use safetensors::Dtype;
use serde_json::Value;
use zip::CompressionMethod::{Deflated, Stored};

use crate::common::{Place, Run, SHAPE, columns, npy, npy_as, npz, plain_npy, safetensors, values};

const NPY_SHAPE: [u64; 2] = [SHAPE.0 as u64, SHAPE.1 as u64];

/// Makes files of the activations in every format, element type, byte order and memory order.
fn every_file() -> Vec<(&'static str, Vec<u8>)> {
    let values = values();
    fn to<T: From<u8>>(values: &[u8]) -> Vec<T> {
        values.iter().copied().map(T::from).collect()
    }
    let f16s: Vec<f16> = to(&values);
    let bytes = |f: fn(u8) -> Vec<u8>| values.iter().copied().flat_map(f).collect::<Vec<u8>>();
    let tensors = |dtype, bytes| safetensors(&[SHAPE.0, SHAPE.1], &[("ffn", dtype, bytes)]);
    let (c, fortran) = (Order::C, Order::Fortran);
    let floats: Vec<f32> = to(&values);
    vec![
        ("f32.npy", plain_npy()),
        ("f16.npy", npy_as("<f2", &NPY_SHAPE, c, &f16s)),
        ("f64.npy", npy(&NPY_SHAPE, c, &to::<f64>(&values))),
        ("u8.npy", npy(&NPY_SHAPE, c, &values)),
        ("u16.npy", npy(&NPY_SHAPE, c, &to::<u16>(&values))),
        ("u32.npy", npy(&NPY_SHAPE, c, &to::<u32>(&values))),
        ("u64.npy", npy(&NPY_SHAPE, c, &to::<u64>(&values))),
        (
            "i8.npy",
            npy(
                &NPY_SHAPE,
                c,
                &values.iter().map(|&x| i8::try_from(x).unwrap()).collect::<Vec<_>>(),
            ),
        ),
        ("i16.npy", npy(&NPY_SHAPE, c, &to::<i16>(&values))),
        ("i32.npy", npy(&NPY_SHAPE, c, &to::<i32>(&values))),
        ("i64.npy", npy(&NPY_SHAPE, c, &to::<i64>(&values))),
        ("big_f32.npy", npy_as(">f4", &NPY_SHAPE, c, &floats)),
        ("big_i64.npy", npy_as(">i8", &NPY_SHAPE, c, &to::<i64>(&values))),
        ("fortran.npy", npy(&NPY_SHAPE, fortran, &columns(&floats))),
        ("axes.npy", npy(&[6, 10, NPY_SHAPE[1]], c, &floats)),
        ("stored.npz", npz(&[("ffn.npy", plain_npy())], Stored)),
        ("deflated.npz", npz(&[("ffn.npy", plain_npy())], Deflated)),
        ("f32.safetensors", tensors(Dtype::F32, bytes(|x| f32::from(x).to_le_bytes().into()))),
        ("f64.safetensors", tensors(Dtype::F64, bytes(|x| f64::from(x).to_le_bytes().into()))),
        ("f16.safetensors", tensors(Dtype::F16, bytes(|x| f16::from(x).to_le_bytes().into()))),
        ("bf16.safetensors", tensors(Dtype::BF16, bytes(|x| bf16::from(x).to_le_bytes().into()))),
        ("u8.safetensors", tensors(Dtype::U8, bytes(|x| vec![x]))),
        ("i64.safetensors", tensors(Dtype::I64, bytes(|x| i64::from(x).to_le_bytes().into()))),
    ]
}

#[test]
fn every_format_gives_the_same_results() {
    let place = Place::new();
    for (name, bytes) in every_file() {
        place.put(name, bytes);
        let run = place.analyze(&[name, "--out", "out"]);
        assert_eq!(run.status, 0, "{name}: {}", run.stderr);
        assert!(run.stdout.contains("60 samples x 7 neurons"), "{name}: {}", run.stdout);
        let (shape, entropy) = place.array("out/entropy.npy");
        assert_eq!(shape, [7], "{name}");
        let (shape, mi) = place.array("out/mi.npy");
        assert_eq!(shape, [7, 7], "{name}");
        for j in 0..7 {
            assert_eq!(entropy[j], mi[j * 7 + j], "{name}, neuron {j}");
        }
        if name == "f32.npy" {
            place.put("entropy", place.bytes("out/entropy.npy"));
            place.put("mi", place.bytes("out/mi.npy"));
        }
        assert_eq!(place.bytes("out/entropy.npy"), place.bytes("entropy"), "{name}");
        assert_eq!(place.bytes("out/mi.npy"), place.bytes("mi"), "{name}");
    }
}

#[test]
fn results_are_those_of_counting() {
    let place = Place::new();
    place.put("x.npy", plain_npy());
    assert_eq!(place.analyze(&["x.npy", "--bins", "2", "--out", "out"]).status, 0);
    let (_, entropy) = place.array("out/entropy.npy");
    let (_, mi) = place.array("out/mi.npy");
    let values = values();
    let is_high = |sample: usize, neuron: usize| {
        let column = || (0..SHAPE.0).map(|s| values[s * SHAPE.1 + neuron]);
        let (low, high) = (column().min().unwrap(), column().max().unwrap());
        2 * u16::from(values[sample * SHAPE.1 + neuron]) >= u16::from(low) + u16::from(high)
            && low < high
    };
    let information = |counts: &[f64]| -> f64 {
        let samples = SHAPE.0 as f64;
        counts.iter().filter(|&&n| n > 0.0).map(|n| -(n / samples) * (n / samples).ln()).sum()
    };
    for first in 0..SHAPE.1 {
        for second in 0..SHAPE.1 {
            let mut cells = [0.0; 4];
            for sample in 0..SHAPE.0 {
                cells[usize::from(is_high(sample, first)) * 2
                    + usize::from(is_high(sample, second))] += 1.0;
            }
            let h_x = information(&[cells[0] + cells[1], cells[2] + cells[3]]);
            let h_y = information(&[cells[0] + cells[2], cells[1] + cells[3]]);
            let expected = h_x + h_y - information(&cells);
            assert!((entropy[first] - h_x).abs() < 1e-9, "entropy of {first}");
            assert!(
                (mi[first * SHAPE.1 + second] - expected).abs() < 1e-9,
                "pair {first}, {second}"
            );
        }
    }
}

#[test]
fn the_summary_says_what_was_found() {
    let place = Place::new();
    place.put("x.npy", plain_npy());
    let run = place.analyze(&["x.npy", "--bins", "5", "--range", "-1,101", "--units", "bits"]);
    assert_eq!((run.status, run.stderr.as_str()), (0, ""), "silence in a pipe");
    for expected in [
        "x (x.npy)",
        "60 samples x 7 neurons, f32",
        "5, range -1,101",
        "cpu, ",
        "kernel positional_popcount",
        " bits, of 21 pairs",
        "neurons 3 and 6",
        "1 dead, 1 constant, 1 two-valued",
        "pairs/s",
    ] {
        assert!(run.stdout.contains(expected), "{expected}: {}", run.stdout);
    }
    assert!(!run.stdout.contains("layer  "), "no table for a single layer");
}

#[test]
fn a_single_neuron_has_no_pairs() {
    let place = Place::new();
    place.put("x.npy", npy(&[4, 1], Order::C, &[1u8, 2, 3, 4]));
    let run = place.analyze(&["x.npy"]);
    assert!(run.stdout.contains("n/a (a single neuron has no pairs)"), "{}", run.stdout);
    let json: Value = serde_json::from_str(&place.analyze(&["x.npy", "--json"]).stdout).unwrap();
    assert_eq!(json["layers"][0]["mutual_information"], Value::Null);
}

#[test]
fn several_layers_of_several_files() {
    let place = Place::new();
    let small = npy(&[3, 2], Order::C, &[0u8, 1, 2, 3, 5, 4]);
    let labels = npy(&[3], Order::C, &[0i64, 1, 2]);
    let members = ["../a.npy", "b.npy"].map(|name| (name, small.clone()));
    let mut with_labels = members.to_vec();
    with_labels.push(("labels.npy", labels));
    place.put("one.npz", npz(&with_labels, Stored));
    place.put("two.npz", npz(&members, Deflated));
    let run = place.analyze(&["one.npz", "two.npz", "--out", "out", "--json"]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert!(
        run.stderr.contains("skipping one.npz, layer labels: i64 of shape [3]"),
        "{}",
        run.stderr
    );
    assert!(run.stdout.contains("mean entropy (nats)"), "a table: {}", run.stdout);
    let json: Value = serde_json::from_slice(&place.bytes("out/summary.json")).unwrap();
    let written: Vec<&str> = json["layers"]
        .as_array()
        .unwrap()
        .iter()
        .map(|layer| layer["written"]["mutual_information"].as_str().unwrap())
        .collect();
    assert_eq!(written, ["one..._a/mi.npy", "one.b/mi.npy", "two..._a/mi.npy", "two.b/mi.npy"]);
    for path in written {
        assert_eq!(place.array(&format!("out/{path}")).0, [2, 2], "{path}");
    }

    let run = place.analyze(&["two.npz", "--layer", "b", "--layer", "b"]);
    assert!(
        run.stdout.starts_with("b (two.npz)") && !run.stdout.contains("../a"),
        "{}",
        run.stdout
    );
}

#[test]
fn json_has_the_facts() {
    let place = Place::new();
    place.put(
        "x.npy",
        npy(
            &[2, 30, 7],
            Order::C,
            &values().into_iter().map(|x| f64::from(x) / 3.0).collect::<Vec<_>>(),
        ),
    );
    let run = place.analyze(&["x.npy", "--json", "--threads", "1", "--kernel", "joint_histogram"]);
    assert_eq!(run.status, 0, "{}", run.stderr);
    let json: Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(json["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(json["settings"]["threads"], 1);
    let layer = &json["layers"][0];
    assert_eq!(layer["stored_shape"], serde_json::json!([2, 30, 7]));
    assert_eq!(layer["samples"], 60);
    assert_eq!(layer["element_type"], "f64");
    assert!(layer.get("rounded_to_f32").is_none(), "nothing is rounded");
    assert_eq!(layer["kernel"], "joint_histogram");
    assert_eq!(layer["pairs"], 21);
    assert_eq!(layer["degenerate"]["dead"], serde_json::json!([0]));
    assert_eq!(layer["degenerate"]["constant"], serde_json::json!([{"neuron": 1, "value": 3.0}]));
    assert_eq!(layer["degenerate"]["two_valued"][0]["neuron"], 2);
    assert!(layer["seconds"]["pairs"].as_f64().unwrap() > 0.0, "timings");
    assert!(layer["entropy"]["median"].as_f64().unwrap() > 0.0, "entropy");
}

#[test]
fn an_existing_directory_gains_files_and_loses_none() {
    let place = Place::new();
    place.put("x.npy", plain_npy());
    assert_eq!(place.analyze(&["x.npy", "--out", "a/b"]).status, 0);
    place.put("a/b/notes", "mine");
    assert_eq!(place.analyze(&["x.npy", "--out", "a/b", "--bins", "3", "--json"]).status, 0);
    let mut expected = ["digests.json", "entropy.npy", "mi.npy", "notes", "summary.json"]
        .map(|name| format!("a/b/{name}"))
        .to_vec();
    expected.splice(0..0, ["a/".to_owned(), "a/b/".to_owned()]);
    expected.push("x.npy".to_owned());
    assert_eq!(place.tree(), expected);
    assert_eq!(place.bytes("a/b/notes"), b"mine");
    assert_eq!(place.analyze(&["x.npy", "--out", "."]).status, 0, "the working directory");
}

#[test]
fn a_reader_that_leaves_is_no_error() {
    let place = Place::new();
    place.put("x.npz", npz(&[("a.npy", plain_npy()), ("b.npy", plain_npy())], Stored));
    for arguments in [&["--json"][..], &[], &["--out", "out"]] {
        let arguments = [&["analyze", "--engine", "cpu", "x.npz"], arguments].concat();
        let mut command = crate::common::cofire(place.path(), &arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        drop(child.stdout.take());
        let mut stderr = String::new();
        child.stderr.take().unwrap().read_to_string(&mut stderr).unwrap();
        assert!(child.wait().unwrap().success(), "{arguments:?}: {stderr}");
        assert!(!stderr.contains("panicked") && !stderr.contains("error"), "{stderr}");
    }
    assert!(place.tree().contains(&"out/b/mi.npy".to_owned()), "files are written all the same");
}

#[test]
fn the_example_needs_no_file() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let output = crate::common::cofire(&root, &["analyze", "--engine", "cpu"]).output().unwrap();
    let run = Run::from(output);
    assert_eq!(run.status, 0, "{}", run.stderr);
    assert!(run.stderr.contains("examples/data/minilm.safetensors"), "{}", run.stderr);
    assert!(run.stdout.contains("layer.5.ffn"), "{}", run.stdout);
}

#[cfg(feature = "zarr")]
#[test]
fn zarr_stores_are_measured_like_files() {
    let made = |name: &str| {
        let files = concat!(env!("CARGO_MANIFEST_DIR"), "/../files/tests/reference/files");
        format!("{files}/store_{name}.zarr")
    };
    let succeeded = |run: Run| {
        assert_eq!(run.status, 0, "{}", run.stderr);
        run
    };
    let place = Place::new();
    // `activations` of make_files.py, beside those files.
    let value = |s: usize, n: usize| u8::try_from((s * 7 + n * 3) % 23).unwrap();
    let activations = (0..40).flat_map(|s| (0..9).map(move |n| f32::from(value(s, n)) / 8.0 - 1.0));
    place.put("dump.npy", npy(&[40, 9], Order::C, &activations.collect::<Vec<_>>()));
    let bytes = |file: &str| {
        succeeded(place.analyze(&[file, "--out", "out"]));
        [place.bytes("out/entropy.npy"), place.bytes("out/mi.npy")]
    };
    let expected = bytes("dump.npy");
    for name in ["default", "sharded", "v2_blosc", "v2_fortran"] {
        assert!(bytes(&made(name)) == expected, "{name}: other bytes than of the dump");
    }
    let run = succeeded(place.analyze(&[&made("group")]));
    assert!(run.stdout.contains("blocks/10"), "{}", run.stdout);
    assert!(run.stderr.contains("layer labels: i64 of shape [20]"), "{}", run.stderr);
    let pairs =
        ["pairs", &made("default"), "--strongest", "3", "--engine", "cpu", "--out", "pairs"];
    succeeded(place.run(&pairs));
    let models = [&made("default"), &made("sharded")];
    let compare = ["compare", models[0], models[1], "--engine", "cpu", "--out", "compared"];
    assert!(succeeded(place.run(&compare)).stdout.contains("store_sharded"), "the model's name");
}
