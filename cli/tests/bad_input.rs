//! Wrong arguments and hostile files: one line, the right exit status, and nothing touched.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, and says so by panicking"
)]

mod common;

use common::{Place, Run, npy, npz, plain_npy};
use npyz::Order;
use zip::CompressionMethod::{Deflated, Stored};

/// A `.npy` file that claims anything.
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
            assert_refused("named pipe", &place.analyze(&["pipe"])); // and does not wait for it
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
    let mut command = common::cofire(place.path(), &["analyze", "--engine", "cpu", "x.npy"]);
    let full = std::fs::OpenOptions::new().write(true).open("/dev/full").unwrap();
    let run = Run::from(command.stdout(full).output().unwrap());
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.stderr.starts_with("error: could not write to stdout: "), "{run:?}");
}
