//! Tests of layers with other layers and with labels, and of significance.

use cofire::significance::{Null, Surrogates};
use cofire::{Analysis, NeighborAnalysis};
use half::f16;
use ndarray::{Array2, s};
use npyz::Order;
use serde_json::{Value, json};
use zip::CompressionMethod::Stored;

use crate::common::{
    Place, SHAPE, activations, assert_close, entropy_seen, npy, npy_as, npz, plain_npy,
};

/// Makes two small layers of the same samples, with categories 0 to 3.
fn layers() -> [Array2<f32>; 2] {
    let category = |s: usize, n: usize| ((s * (n + 3) + s * s * (n + 1) / 5) % 4) as f32;
    [3, 2].map(|neurons| Array2::from_shape_fn((50, neurons), |(s, n)| category(s, n + neurons)))
}

fn npy_of(array: &Array2<f32>) -> Vec<u8> {
    let shape = [array.nrows() as u64, array.ncols() as u64];
    npy(&shape, Order::C, &array.iter().copied().collect::<Vec<_>>())
}

fn code(array: &Array2<f32>, sample: usize, neuron: usize) -> u32 {
    array[[sample, neuron]].to_bits()
}

fn json(place: &Place, arguments: &[&str]) -> Value {
    let run = place.analyze(&[arguments, &["--json", "--out", "out"]].concat());
    assert_eq!(run.status, 0, "{arguments:?}: {}", run.stderr);
    serde_json::from_slice(&place.bytes("out/summary.json")).unwrap()
}

#[test]
fn a_layer_is_measured_with_another_one() {
    let [x, y] = layers();
    let place = Place::new();
    place.put("x.npy", npy_of(&x));
    place.put("y.npy", npy_of(&y));
    place.put("both.npz", npz(&[("x.npy", npy_of(&x)), ("y.npy", npy_of(&y))], Stored));
    let of = |array: &Array2<f32>, n| entropy_seen((0..50).map(|s| code(array, s, n)));
    let h_x: Vec<f64> = (0..3).map(|i| of(&x, i)).collect();
    let h_y: Vec<f64> = (0..2).map(|j| of(&y, j)).collect();
    let joint = |i, j| entropy_seen((0..50).map(|s| (code(&x, s, i), code(&y, s, j))));
    let pairs = [(0, 0), (0, 1), (1, 0), (1, 1), (2, 0), (2, 1)];
    let shared = pairs.map(|(i, j)| h_x[i] + h_y[j] - joint(i, j));
    for arguments in [
        &["x.npy", "--other", "y.npy", "--binning", "categories"][..],
        &["x.npy", "--other", "both.npz", "--other-layer", "y", "--bins", "4"],
        &["both.npz", "--layer", "x", "--other-layer", "y", "--binning", "categories"],
    ] {
        let arguments = [arguments, &["--measure", "joint-entropy"]].concat();
        let json = json(&place, &arguments);
        let (shape, found) = place.array("out/mi.npy");
        assert_eq!(shape, [3, 2], "{arguments:?}");
        assert_close("information", &found, &shared);
        assert_close("entropy", &place.array("out/entropy.npy").1, &h_x);
        assert_close("other entropy", &place.array("out/other_entropy.npy").1, &h_y);
        let expected = pairs.map(|(i, j)| joint(i, j));
        assert_close("joint entropy", &place.array("out/joint-entropy.npy").1, &expected);
        let layer = &json["layers"][0];
        assert_eq!((&layer["pairs"], &layer["neurons"]), (&json!(6), &json!(3)));
        assert_eq!((&layer["other"]["neurons"], &layer["other"]["bins"]), (&json!(2), &json!(4)));
        assert_eq!(layer["written"]["other_entropy"], "other_entropy.npy");
        let strongest = shared.iter().copied().fold(0.0, f64::max);
        let found = layer["strongest_pairs"][0]["mutual_information"].as_f64().unwrap();
        assert_close("strongest", &[found], &[strongest]);
        let run = place.analyze(&arguments);
        assert!(run.stdout.contains(" and the other's "), "{}", run.stdout);
        assert!(run.stdout.contains("2 neurons, f32"), "{}", run.stdout);
    }

    let run = place.analyze(&["x.npy", "--other", "both.npz"]);
    let expected = "error: both.npz has several layers; choose one with --other-layer: x, y\n";
    assert_eq!((run.status, run.stderr.as_str()), (2, expected));
}

#[test]
fn layers_are_compared_by_neighbors_and_tested_by_g() {
    let place = Place::new();
    let all = activations();
    let (x, y) = (all.slice(s![.., ..4]), all.slice(s![.., 4..]));
    place.put("x.npy", npy_of(&x.to_owned()));
    place.put("y.npy", npy_of(&y.to_owned()));
    let other = ["x.npy", "--other", "y.npy"];
    json(&place, &[&other[..], &["--estimator", "ksg"]].concat());
    let expected = NeighborAnalysis::new(3).run_between(x, y).unwrap();
    let found = place.array("out/mi.npy").1;
    assert_eq!(found, expected.mutual_information.iter().copied().collect::<Vec<_>>());
    assert_eq!(place.array("out/other_entropy.npy").1, expected.column_entropy.to_vec());

    let json = json(&place, &[&other[..], &["--significance", "g-test", "--bins", "3"]].concat());
    let expected = Analysis::new(3).run_between(x, y).unwrap().g_test().unwrap();
    let found = place.array("out/p_values.npy").1;
    assert_eq!(found, expected.iter().copied().collect::<Vec<_>>());
    let rates = place.array("out/false_discovery_rates.npy").1;
    assert_eq!(rates, cofire::significance::false_discovery_rates(&found));
    let significance = &json["layers"][0]["significance"];
    assert_eq!(significance["pairs"], 12);
    assert_eq!(significance["discoveries"], rates.iter().filter(|&&r| r <= 0.05).count());
}

#[test]
fn the_layer_to_blame_is_named() {
    let place = Place::new();
    place.put("x.npy", npy(&[3, 1], Order::C, &[1.0f32, 2.0, 3.0]));
    place.put("y.npy", npy(&[3, 1], Order::C, &[1.0f32, f32::INFINITY, 3.0]));
    place.put("z.npy", npy(&[2, 1], Order::C, &[1.0f32, 2.0]));
    for (arguments, expected) in [
        (["x.npy", "--other", "y.npy"], "error: y.npy, layer y: activation of sample 1, neuron 0"),
        (["y.npy", "--other", "x.npy"], "error: y.npy, layer y: activation of sample 1, neuron 0"),
        (
            ["x.npy", "--other", "z.npy"],
            "error: x.npy, layer x, with z.npy, layer z: the two layers",
        ),
    ] {
        let run = place.analyze(&arguments);
        assert_eq!(run.status, 2, "{run:?}");
        assert!(run.stderr.starts_with(expected), "{run:?}");
    }
}

#[test]
fn neurons_tell_of_labels() {
    let [x, _] = layers();
    let labels: Vec<u8> = (0..50).map(|s| u8::try_from(s * s % 7 % 3).unwrap()).collect();
    let z = |s: usize| labels[s];
    let of = |n| entropy_seen((0..50).map(|s| code(&x, s, n)));
    let with = |n| entropy_seen((0..50).map(|s| (code(&x, s, n), z(s))));
    let h_z = entropy_seen(labels.iter());
    let shared: Vec<f64> = (0..3).map(|n| of(n) + h_z - with(n)).collect();
    let all = |i, j| entropy_seen((0..50).map(|s| (code(&x, s, i), code(&x, s, j), z(s))));
    let given: Vec<f64> = (0..9)
        .map(|pair| (pair / 3, pair % 3))
        .map(|(i, j)| with(i) + with(j) - h_z - all(i, j))
        .collect();

    let place = Place::new();
    place.put("x.npy", npy_of(&x));
    fn to<T: From<u8>>(labels: &[u8]) -> Vec<T> {
        labels.iter().copied().map(T::from).collect()
    }
    let (flat, c) = (&[50][..], Order::C);
    let i8s: Vec<i8> = labels.iter().map(|&label| i8::try_from(label).unwrap()).collect();
    let large: Vec<u32> = labels.iter().map(|&label| u32::MAX - u32::from(label)).collect();
    for (what, bytes) in [
        ("u8", npy(flat, c, &labels)),
        ("i8", npy(flat, c, &i8s)),
        ("i16", npy(flat, c, &to::<i16>(&labels))),
        ("i32", npy(flat, c, &to::<i32>(&labels))),
        ("i64", npy(flat, c, &to::<i64>(&labels))),
        ("u16", npy(flat, c, &to::<u16>(&labels))),
        ("u32, large", npy(flat, c, &large)),
        ("u64", npy(flat, c, &to::<u64>(&labels))),
        ("f16", npy_as("<f2", flat, c, &to::<f16>(&labels))),
        ("f32", npy(flat, c, &to::<f32>(&labels))),
        ("f64", npy(flat, c, &to::<f64>(&labels))),
        ("big i64", npy_as(">i8", flat, c, &to::<i64>(&labels))),
        ("big f32", npy_as(">f4", flat, c, &to::<f32>(&labels))),
        ("column", npy(&[50, 1], c, &to::<i64>(&labels))),
        ("Fortran", npy(&[1, 50], Order::Fortran, &to::<i64>(&labels))),
    ] {
        place.put("labels.npy", bytes);
        let json = json(&place, &["x.npy", "--binning", "categories", "--labels", "labels.npy"]);
        assert_close(what, &place.array("out/label_information.npy").1, &shared);
        assert_close(what, &place.array("out/mi_given_labels.npy").1, &given);
        let facts = &json["layers"][0]["labels"];
        assert_eq!(facts["labels"], 3, "{what}");
        assert_close(what, &[facts["entropy"].as_f64().unwrap()], &[h_z]);
        let strongest = (0..3).max_by(|&a, &b| shared[a].total_cmp(&shared[b])).unwrap();
        assert_eq!(facts["strongest_neurons"][0]["neuron"], strongest, "{what}");
        assert_eq!(json["layers"][0]["written"]["label_information"], "label_information.npy");
    }

    let run = place.analyze(&["x.npy", "--labels", "labels.npy"]);
    for expected in ["3 different, entropy 0.974342 nats", "most informative", "MI given labels"] {
        assert!(run.stdout.contains(expected), "{expected}: {}", run.stdout);
    }
    let json = json(&place, &["x.npy", "--estimator", "ksg", "--labels", "labels.npy"]);
    let labels: Vec<u32> = labels.into_iter().map(u32::from).collect();
    let expected = NeighborAnalysis::new(3).label_information(x.view(), &labels).unwrap();
    assert_eq!(place.array("out/label_information.npy").1, expected.to_vec());
    assert_eq!(json["layers"][0]["labels"]["mutual_information_given_labels"], Value::Null);
}

#[test]
fn pairs_are_tested() {
    let place = Place::new();
    place.put("x.npy", plain_npy());
    let view = activations();
    let g = json(&place, &["x.npy", "--bins", "3", "--significance", "g-test"]);
    let report = Analysis::new(3).run(view.view()).unwrap();
    let expected = report.g_test().unwrap();
    assert_eq!(place.array("out/p_values.npy").1, expected.iter().copied().collect::<Vec<_>>());
    let rates = cofire::significance::false_discovery_rates_of_pairs(&expected);
    let found = place.array("out/false_discovery_rates.npy").1;
    assert_eq!(found, rates.iter().copied().collect::<Vec<_>>());
    let pairs = (0..SHAPE.1).flat_map(|i| (i + 1..SHAPE.1).map(move |j| (i, j)));
    let discoveries = pairs.clone().filter(|&pair| rates[pair] <= 0.05).count();
    assert!(discoveries > 0, "neurons 3 and 6 are the same");
    let facts = &g["layers"][0]["significance"];
    assert_eq!((&facts["pairs"], &facts["discoveries"]), (&json!(21), &json!(discoveries)));
    // Neurons 3 to 6 have three bins and need 45 samples. There are 60.
    assert_eq!(facts["pairs_with_few_samples"], 0);
    assert_eq!(facts["permutations"], Value::Null);

    // With five bins they need 125 samples, or 50 together with neuron 2, which has two.
    let run = place.analyze(&["x.npy", "--bins", "5", "--significance", "g-test"]);
    assert!(run.stdout.contains("6 pairs have S < 5 Kx Ky"), "{}", run.stdout);

    let test = ["x.npy", "--bins", "3", "--significance", "permutation"];
    let p = json(&place, &[&test[..], &["--permutations", "99", "--seed", "5"]].concat());
    let expected = Analysis::new(3).permutation_test(view.view(), 99, 5).unwrap();
    let found = place.array("out/p_values.npy").1;
    assert_eq!(found, expected.p_values.iter().copied().collect::<Vec<_>>());
    let facts = &p["layers"][0]["significance"];
    assert_eq!((&facts["test"], &facts["permutations"]), (&json!("permutation"), &json!(99)));
    assert_eq!((&p["settings"]["seed"], &p["settings"]["permutations"]), (&json!(5), &json!(99)));
    let run = place.analyze(&[&test[..], &["--permutations", "10"]].concat());
    assert!(run.stdout.contains("0 of 21 pairs"), "{}", run.stdout);
    assert!(run.stdout.contains("more --permutations may find some"), "{}", run.stdout);
}

#[test]
fn nulls_for_samples_in_a_sequence_are_those_of_the_library() {
    let place = Place::new();
    place.put("x.npy", plain_npy());
    let view = activations();
    let ids: Vec<u32> = (0..).flat_map(|id| [id; 5]).take(SHAPE.0).collect();
    let text: String = ids.iter().map(|id| format!("chapter {id}\n")).collect();
    place.put("ids.txt", text.into_bytes());
    let documents = Null::Documents(ids.into());
    let flat = |matrix: &Array2<f64>| matrix.iter().copied().collect::<Vec<_>>();
    for (null, options, said) in [
        (
            Null::Shift { at_least: None },
            &["--significance", "shift"][..],
            "19 shifts by 3 samples or more",
        ),
        (
            Null::Shift { at_least: Some(7) },
            &["--significance", "shift", "--shift-at-least", "7"],
            "19 shifts by 7 samples or more",
        ),
        (
            Null::Blocks { length: 8 },
            &["--significance", "permutation", "--blocks", "8"],
            "19 permutations of blocks of 8 samples",
        ),
        (
            documents,
            &["--significance", "permutation", "--documents", "ids.txt"],
            "19 permutations of documents",
        ),
    ] {
        let options = [&["x.npy", "--bins", "3", "--permutations", "19"], options].concat();
        let surrogates = Surrogates { null, number: 19, seed: 0 };
        let expected = Analysis::new(3).surrogate_test(view.view(), &surrogates).unwrap();
        let found = json(&place, &options);
        assert_eq!(place.array("out/p_values.npy").1, flat(&expected.p_values), "{options:?}");
        assert_eq!(place.array("out/excess.npy").1, flat(&expected.excess), "{options:?}");
        let effective = place.array("out/effective_samples.npy").1;
        let bits = |values: &[f64]| values.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        let wanted = flat(&expected.effective_samples().unwrap());
        assert_eq!(bits(&effective), bits(&wanted), "{options:?}");
        let facts = &found["layers"][0]["significance"];
        assert_eq!(facts["permutations"], 19, "{options:?}");
        assert!(facts["excess"]["mean"].is_number(), "{facts}");
        assert!(facts["effective_samples"]["median"].is_number(), "{facts}");
        let run = place.analyze(&options);
        assert!(run.stdout.contains(said), "{said}: {}", run.stdout);
        assert!(run.stdout.contains("effective samples"), "{}", run.stdout);
        // Between two layers, of which the second is the first.
        let between = Analysis::new(3);
        let expected =
            between.surrogate_test_between(view.view(), view.view(), &surrogates).unwrap();
        json(&place, &[&options[..], &["--other", "x.npy"]].concat());
        assert_eq!(place.array("out/p_values.npy").1, flat(&expected.p_values), "{options:?}");
        assert_eq!(place.array("out/excess.npy").1, flat(&expected.excess), "{options:?}");
    }
    // All of the five shifts are made, so more cannot be advised.
    let few = ["x.npy", "--bins", "3", "--significance", "shift", "--shift-at-least", "28"];
    let run = place.analyze(&few);
    assert!(run.stdout.contains("0 of 21 pairs"), "{}", run.stdout);
    assert!(run.stdout.contains(", 5 shifts by 28 samples or more"), "{}", run.stdout);
    assert!(run.stdout.contains("there are no more shifts"), "{}", run.stdout);
    // Other estimators tell no effective number of samples.
    let laplace = ["x.npy", "--bins", "3", "--significance", "shift", "--estimator", "laplace"];
    let found = json(&place, &[&laplace[..], &["--permutations", "9"]].concat());
    assert_eq!(found["layers"][0]["significance"]["effective_samples"], Value::Null);

    place.put("few.txt", b"a\nb\n");
    place.put("gap.txt", b"a\n\nb\n");
    place.put("bytes.txt", vec![0xff, 0xfe, 0x00]);
    let again: String = (0..SHAPE.0).map(|s| format!("{}\n", s / 4 % 9)).collect();
    place.put("again.txt", again.into_bytes());
    for (options, said) in [
        (&["--significance", "shift", "--shift-at-least", "31"][..], "from 1 to 30"),
        (&["--significance", "permutation", "--blocks", "30"], "make at least"),
        (&["--significance", "permutation", "--documents", "few.txt"], "2 ids of documents for 60"),
        (&["--significance", "permutation", "--documents", "gap.txt"], "line 2 has no id"),
        (&["--significance", "permutation", "--documents", "bytes.txt"], "UTF-8"),
        (&["--significance", "permutation", "--documents", "none.txt"], "could not be read"),
        (&["--significance", "permutation", "--documents", "again.txt"], "begins at sample 0 and"),
    ] {
        let run = place.analyze(&[&["x.npy"], options].concat());
        assert_eq!(run.status, 2, "{options:?}: {run:?}");
        assert!(run.stderr.contains(said), "{said}: {}", run.stderr);
    }
}
