//! Tests that wrong arguments and hostile files give one line and the right exit status, and change
//! nothing.

use npyz::Order;
use zip::CompressionMethod::{Deflated, Stored};

use crate::common::{Place, Run, npy, npz, plain_npy};

/// Makes a `.npy` file with any claims in its header.
fn claim(descr: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let header = format!("{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n");
    let length = u16::try_from(header.len()).unwrap().to_le_bytes();
    [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), data].concat()
}

fn with_json(json: &str) -> Vec<u8> {
    [&(json.len() as u64).to_le_bytes()[..], json.as_bytes(), &[0; 8]].concat()
}

fn assert_refused(what: &str, run: &Run) {
    assert_eq!(run.status, 2, "{what}: {run:?}");
    assert!(run.stderr.starts_with("error: "), "{what}: {run:?}");
    assert_eq!(run.stderr.matches('\n').count(), 1, "{what}: {run:?}");
    assert_eq!(run.stdout, "", "{what}");
}

#[test]
fn hostile_files_are_refused() {
    let mut header_of_4_gib = b"\x93NUMPY\x02\x00".to_vec();
    header_of_4_gib.extend([0xff; 4]);
    let truncated = plain_npy()[..500].to_vec();
    let zeros = npy(&[100 << 20, 1], Order::C, &vec![0u8; 100 << 20]);
    let bomb = npz(&[("x.npy", zeros)], Deflated);
    let tensor = |shape: &str, offsets: &str| {
        with_json(&format!(r#"{{"x":{{"dtype":"F32","shape":{shape},"data_offsets":{offsets}}}}}"#))
    };
    let not_finite = npy(&[2, 2], Order::C, &[1.0f32, f32::NAN, 2.0, 3.0]);
    for (what, name, bytes) in [
        ("empty", "x.npy", vec![]),
        ("text", "x.npy", b"1,2,3\n4,5,6\n".to_vec()),
        ("magic alone", "x.npy", b"\x93NUMPY".to_vec()),
        ("truncated", "x.npy", truncated.clone()),
        ("header of 4 GiB", "x.npy", header_of_4_gib),
        ("2^60 elements", "x.npy", claim("'<f4'", "(1152921504606846976, 1)", &[0; 64])),
        ("overflow", "x.npy", claim("'<f4'", "(4294967296, 4294967296, 2)", &[0; 64])),
        ("nested header", "x.npy", claim(&"(".repeat(60_000), "(2, 2)", &[])),
        ("object", "x.npy", claim("'|O'", "(2, 2)", &[0; 64])),
        ("structure", "x.npy", claim("[('a', '<f4')]", "(2, 2)", &[0; 16])),
        ("one axis", "x.npy", claim("'<f4'", "(4,)", &[0; 16])),
        ("no axis", "x.npy", claim("'<f4'", "()", &[0; 4])),
        ("no samples", "x.npy", claim("'<f4'", "(0, 3)", &[])),
        ("no neurons", "x.npy", claim("'<f4'", "(3, 0)", &[])),
        ("one sample", "x.npy", claim("'<f4'", "(1, 3)", &[0; 12])),
        ("not finite", "x.npy", not_finite),
        ("beyond f32", "x.npy", npy(&[2, 1], Order::C, &[0.0f64, 1e300])),
        ("truncated archive", "x.npz", npz(&[("x.npy", plain_npy())], Stored)[..900].to_vec()),
        ("nested archive", "x.npz", npz(&[("x.npy", npz(&[], Stored))], Stored)),
        ("no arrays", "x.npz", npz(&[("data.pkl", vec![0; 30])], Stored)),
        ("bomb", "x.npz", bomb),
        ("truncated in an archive", "x.npz", npz(&[("x.npy", truncated)], Deflated)),
        ("not JSON", "x.safetensors", with_json("{]")),
        ("deep JSON", "x.safetensors", with_json(&"{\"a\":".repeat(100_000))),
        ("overflow", "x.safetensors", tensor("[4294967296,4294967296,2]", "[0,8]")),
        ("beyond the end", "x.safetensors", tensor("[2,200]", "[0,1600]")),
        ("strange name", "a\nb\u{1b}[2J", b"1,2,3,4,5,6,7".to_vec()),
    ] {
        let place = Place::new();
        place.put(name, bytes);
        assert_refused(what, &place.analyze(&[name, "--out", "results/here"]));
        assert_eq!(place.tree(), [name], "{what}: nothing is left behind");
    }
}

#[test]
fn paths_that_are_no_files_are_refused() {
    let place = Place::new();
    place.put("x.npy", plain_npy());
    assert_refused("missing", &place.analyze(&["missing.npy"]));
    assert_refused("directory", &place.analyze(&["."]));
    assert_refused("no example", &place.analyze(&[]));
    assert_refused("no such layer", &place.analyze(&["x.npy", "--layer", "y"]));
    assert_refused("file as directory", &place.analyze(&["x.npy", "--out", "x.npy"]));
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink("loop", place.path().join("loop")).unwrap();
        assert_refused("link to itself", &place.analyze(&["loop"]));
        let status = std::process::Command::new("mkfifo").arg(place.path().join("pipe")).status();
        if status.is_ok_and(|status| status.success()) {
            assert_refused("named pipe", &place.analyze(&["pipe"])); // without waiting for it
        }
    }
}

#[test]
fn wrong_arguments_are_refused() {
    let place = Place::new();
    place.put("x.npy", plain_npy());
    for arguments in [
        &["--bins", "1"][..],
        &["--bins", "257"],
        &["--bins", "-3"],
        &["--range", "1,0"],
        &["--range", "0,nan"],
        &["--range", "wide"],
        &["--units", "hartleys"],
        &["--threads", "0"],
        &["--kernel", "fast"],
        &["--bins", "0"],
        &["--bins", "many"],
        &["--binning", "threshold"],
        &["--binning", "edges=1;2"],
        &["--estimator", "best"],
        &["--estimator", "pseudo-count"],
        &["--neighbors", "0"],
        &["--preset", "mine"],
        &["--measure", "correlation"],
        &["--rates", "0.5,0.1"],
        &["--significance", "t-test"],
        &["--permutations", "0"],
        &["--seed", "-1"],
        &["--unknown"],
    ] {
        let run = place.analyze(&[&["x.npy"], arguments].concat());
        assert_eq!(run.status, 2, "{arguments:?}: {run:?}");
        assert!(run.stderr.starts_with("error: "), "{arguments:?}: {run:?}");
    }
    assert_refused("adapter of a CPU", &place.analyze(&["x.npy", "--adapter", "llvmpipe"]));
    let many = ["x.npy", "--bins", "3", "--kernel", "bitset"];
    assert_refused("too many bins for the kernel", &place.analyze(&many));
    assert_eq!(place.run(&[]).status, 2, "no command");
}

/// Tests that arguments are checked before files are opened: the file does not exist.
#[test]
fn combinations_that_make_no_sense_are_refused() {
    let place = Place::new();
    for (arguments, expected) in [
        (&["--binning", "threshold=1", "--bins", "10"][..], "leave --bins out"),
        (&["--binning", "edges=0,1,2", "--bins", "2"], "leave --bins out"),
        (&["--binning", "categories", "--bins", "auto"], "leave --bins out"),
        (&["--binning", "equal-frequency", "--bins", "fd"], "give a number"),
        (&["--binning", "equal-frequency", "--range", "per-neuron"], "--range is for equal"),
        (&["--binning", "threshold=0", "--range", "0,1"], "--range is for equal"),
        (&["--binning", "categories", "--zero-bin"], "leave --zero-bin out"),
        (&["--binning", "threshold=0", "--zero-bin"], "--bins 1 --zero-bin"),
        (&["--binning", "threshold=nan"], "threshold NaN is not finite"),
        (&["--binning", "edges=0,2,1"], "give strictly ascending edges"),
        (&["--binning", "edges=0"], "1 edges; give from 2"),
        (&["--bins", "256", "--zero-bin"], "leave no code for the zero bin"),
        (&["--bins", "1"], "choose from 2 to 256"),
        (&["--estimator", "pseudo-count=0"], "a pseudo-count of 0 is not usable"),
        (&["--estimator", "pseudo-count=nan"], "is not usable"),
        (&["--kernel", "bitset"], "kernel bitset counts at most 2 bins, not 10"),
        (&["--measure", "lift"], "use --bins 2"),
        (&["--measure", "phi", "--bins", "2", "--zero-bin"], "leave --zero-bin out"),
        (&["--measure", "jaccard", "--bins", "auto"], "use --bins 2"),
        (&["--measure", "lift", "--bins", "2", "--other", "y.npy"], "leave it or --other out"),
        (&["--rates", "0,1", "--measure", "joint-entropy"], "--rates chooses among pairs"),
        (&["--labels", "l.npy", "--other", "y.npy"], "leave it or --other out"),
        (&["--labels", "l.npy", "--other-layer", "y"], "leave it or --other-layer out"),
        (&["--labels", "l.npy", "--estimator", "chao-shen"], "--estimator chao-shen cannot"),
        (&["--significance", "g-test", "--estimator", "laplace"], "not --estimator laplace"),
        (
            &["--significance", "g-test", "--estimator", "pseudo-count=2"],
            "not --estimator pseudo-count=2",
        ),
        (&["--significance", "permutation", "--estimator", "james-stein"], "cannot be made with"),
        (&["--significance", "permutation", "--other-layer", "y"], "use --significance g-test"),
        (&["--permutations", "1000"], "add --significance permutation"),
        (&["--permutations", "1000", "--significance", "g-test"], "add --significance"),
        (&["--seed", "0"], "add --significance permutation or --jitter"),
        (&["--neighbors", "3"], "add --estimator ksg"),
        (&["--jitter", "1e-9", "--estimator", "plug-in"], "add --estimator ksg"),
        (&["--jitter", "2", "--estimator", "ksg"], "choose from 0 to 1"),
        (&["--jitter", "-1", "--estimator", "ksg"], "choose from 0 to 1"),
        (&["--estimator", "ksg", "--bins", "10"], "--bins is for histograms"),
        (&["--estimator", "ksg", "--binning", "equal-width"], "--binning is for histograms"),
        (&["--estimator", "ksg", "--zero-bin"], "--zero-bin is for histograms"),
        (&["--estimator", "ksg2", "--range", "global"], "--range is for histograms"),
        (&["--estimator", "ksg", "--measure", "joint-entropy"], "--measure is for histograms"),
        (&["--estimator", "ksg", "--significance", "g-test"], "--significance is for"),
        (&["--estimator", "ksg", "--kernel", "bitset"], "--kernel is for histograms"),
        (&["--preset", "paper", "--bins", "100"], "--preset paper uses none"),
        (&["--preset", "paper", "--estimator", "ksg"], "includes --estimator"),
        (&["--preset", "paper", "--neighbors", "3"], "includes --neighbors"),
        (&["--preset", "paper", "--jitter", "0"], "includes --jitter"),
    ] {
        let run = place.analyze(&[&["missing.npy"], arguments].concat());
        assert_refused(&format!("{arguments:?}"), &run);
        assert!(run.stderr.contains(expected), "{arguments:?}: {expected}: {}", run.stderr);
    }
}

#[test]
fn labels_that_are_none_are_refused() {
    let (flat, c) = (&[3][..], Order::C);
    for (what, bytes, expected) in [
        ("negative", npy(flat, c, &[0i64, 4, -2]), "the label of sample 2 is -2, not a whole"),
        ("fractional", npy(flat, c, &[0.0f32, 1.5, 1.0]), "the label of sample 1 is 1.5, not"),
        ("NaN", npy(flat, c, &[f64::NAN, 1.0, 1.0]), "the label of sample 0 is NaN, not"),
        ("too large", npy(flat, c, &[0u64, 1, 1 << 32]), "sample 2 is 4294967296, not a whole"),
        ("too few", npy(&[2], c, &[0i64, 1]), "x.npy, layer x: 2 labels for 3 samples"),
        ("none", npy(&[0], c, &[0i64; 0]), "x.npy, layer x: 0 labels for 3 samples"),
        ("a table", npy(&[3, 2], c, &[0u8; 6]), "array of shape [3, 2] is not a list of labels"),
        ("a number", npy(&[], c, &[7u8]), "array of shape [] is not a list of labels"),
        ("text", claim("'<U3'", "(3,)", &[0; 36]), "labels of type <U3; save them as integers"),
        ("cut off", npy(flat, c, &[0i64, 1, 2])[..140].to_vec(), "are not 3 labels; write"),
        ("2^60", claim("'<i8'", "(1152921504606846976,)", &[0; 8]), "8 bytes of data are not"),
        ("archive", npz(&[("l.npy", npy(flat, c, &[0u8; 3]))], Stored), ".npy files only"),
        ("empty", vec![], "is empty"),
    ] {
        let place = Place::new();
        place.put("x.npy", npy(&[3, 1], c, &[1u8, 2, 3]));
        place.put("l.npy", bytes);
        let run = place.analyze(&["x.npy", "--labels", "l.npy", "--out", "out"]);
        assert_refused(what, &run);
        assert!(run.stderr.contains(expected), "{what}: {}", run.stderr);
        assert_eq!(place.tree(), ["l.npy", "x.npy"], "{what}");
    }
    let place = Place::new();
    place.put("x.npy", plain_npy());
    assert_refused("no file", &place.analyze(&["x.npy", "--labels", "missing.npy"]));
    assert_refused("a directory", &place.analyze(&["x.npy", "--labels", "."]));
    let too_many = ["x.npy", "--estimator", "ksg", "--neighbors", "60"];
    assert_refused("as many neighbours as samples", &place.analyze(&too_many));
    let kernel = ["x.npy", "--binning", "categories", "--kernel", "bitset"];
    assert_refused("more bins than the kernel has", &place.analyze(&kernel));
    let measure = ["x.npy", "--binning", "categories", "--measure", "lift"];
    assert_refused("more categories than two", &place.analyze(&measure));
}

#[test]
fn a_bad_second_file_leaves_nothing() {
    let place = Place::new();
    place.put("good.npy", plain_npy());
    place.put("bad.npy", npy(&[2, 2], Order::C, &[1.0f32, f32::INFINITY, 2.0, 3.0]));
    let run = place.analyze(&["good.npy", "bad.npy", "--out", "out"]);
    assert_eq!(run.status, 2, "{run:?}");
    let expected = "error: bad.npy, layer bad: activation of sample 0, neuron 1 is inf; \
                    remove or replace values that are not finite\n";
    assert_eq!(run.stderr, expected);
    assert_eq!(place.tree(), ["bad.npy", "good.npy"]);
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_an_error_and_not_a_panic() {
    let place = Place::new();
    place.put("x.npy", plain_npy());
    let mut command = crate::common::cofire(place.path(), &["analyze", "--engine", "cpu", "x.npy"]);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let run = Run::from(command.stdout(full).output().unwrap());
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.stderr.starts_with("error: could not write to stdout: "), "{run:?}");
}
