//! Tests of whole files: those that are read, and those that are refused.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use ::safetensors::Dtype;
use ::safetensors::tensor::TensorView;
use ::zip::CompressionMethod::{Deflated, Stored};
use ::zip::write::{SimpleFileOptions, ZipWriter};
use ndarray::{Array2, arr2};
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use cofire::Batches;

/// A directory into which files are put by name.
pub(super) struct Files(TempDir);

impl Files {
    pub(super) fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    pub(super) fn put(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.path().join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

/// Returns `activations` of `tests/reference/make_files.py`.
#[cfg(any(feature = "tables", feature = "zarr"))]
pub(super) fn activations(samples: usize, neurons: usize) -> Array2<f32> {
    Array2::from_shape_fn((samples, neurons), |(s, n)| ((s * 7 + n * 3) % 23) as f32 / 8.0 - 1.0)
}

/// Returns the path of a file that `tests/reference/make_files.py` has made.
pub(super) fn reference(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "tests/reference/files", name].iter().collect()
}

/// Returns a `.npy` file with any header.
pub(super) fn npy(descr: &str, fortran_order: &str, shape: &str, data: &[u8]) -> Vec<u8> {
    let header =
        format!("{{'descr': {descr}, 'fortran_order': {fortran_order}, 'shape': {shape}, }}");
    let mut bytes = b"\x93NUMPY\x01\x00".to_vec();
    bytes.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
    bytes.extend(header.as_bytes());
    bytes.extend(data);
    bytes
}

pub(super) fn small_npy() -> Vec<u8> {
    let data: Vec<u8> = (0..6u8).flat_map(|x| f32::from(x).to_le_bytes()).collect();
    npy("'<f4'", "False", "(3, 2)", &data)
}

fn small_activations() -> Array2<f32> {
    arr2(&[[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])
}

pub(super) fn npz(members: &[(&str, Vec<u8>)], method: ::zip::CompressionMethod) -> Vec<u8> {
    let mut archive = ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, bytes) in members {
        archive.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

pub(super) fn tensors(layers: &[(&str, Dtype, &[usize], &[u8])]) -> Vec<u8> {
    let views = layers.iter().map(|&(name, dtype, shape, data)| {
        (name, TensorView::new(dtype, shape.to_vec(), data).unwrap())
    });
    ::safetensors::serialize(views, None).unwrap()
}

fn with_json(json: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = (json.len() as u64).to_le_bytes().to_vec();
    bytes.extend(json.as_bytes());
    bytes.extend(data);
    bytes
}

pub(super) fn small_tensors() -> Vec<u8> {
    let data: Vec<u8> = (0..6u8).flat_map(|x| f32::from(x).to_le_bytes()).collect();
    tensors(&[("b", Dtype::F32, &[3, 2], &data), ("a", Dtype::U8, &[1, 3, 2], &[0, 1, 2, 3, 4, 5])])
}

#[test]
fn every_format_gives_the_same_activations() {
    let files = Files::new();
    let members = [("x.npy", small_npy()), ("y.npy", small_npy()), ("notes.txt", vec![1])];
    for (name, bytes) in [
        ("stored", npz(&members, Stored)),
        ("deflated", npz(&members, Deflated)),
        ("tensors", tensors(&[("x", Dtype::U8, &[3, 2], &[0, 1, 2, 3, 4, 5])])),
        ("x.npy", small_npy()),
    ] {
        let path = files.put(name, &bytes);
        let layer = read_layer(&path, Some("x")).unwrap();
        assert_eq!(layer.name, "x", "{name}");
        assert_eq!(layer.activations, small_activations(), "{name}");
        let infos = layers(&path).unwrap();
        assert_eq!((infos[0].name.as_str(), &*infos[0].shape), ("x", &[3, 2][..]), "{name}");
        assert!(infos[0].is_readable(), "{name}");
    }
}

#[test]
fn byte_orders_memory_orders_and_axes() {
    let files = Files::new();
    let big: Vec<u8> = (0..6i16).flat_map(i16::to_be_bytes).collect();
    let columns: Vec<u8> = [0.0f64, 2.0, 4.0, 1.0, 3.0, 5.0].map(f64::to_le_bytes).concat();
    for (name, bytes) in [
        ("big", npy("'>i2'", "False", "(3, 2)", &big)),
        ("columns", npy("'<f8'", "True", "(3, 2)", &columns)),
        ("axes", npy("'|u1'", "False", "(1, 3, 2)", &[0, 1, 2, 3, 4, 5])),
    ] {
        let layer = read_layer(files.put(name, &bytes), None).unwrap();
        assert_eq!(layer.activations, small_activations(), "{name}");
        let is_fortran = match &layer.activations {
            Activations::F32(array) => array.t().is_standard_layout(),
            Activations::F64(array) => array.t().is_standard_layout(),
        };
        assert_eq!(is_fortran, name == "columns", "{name}");
    }
}

#[test]
fn more_than_one_block() {
    let files = Files::new();
    let values: Vec<f64> = (0..300_007u32).map(|x| f64::from(x) / 8.0).collect();
    let data: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
    let bytes = npy("'<f8'", "False", "(300007, 1)", &data);
    let layer = read_layer(files.put("x", &npz(&[("x.npy", bytes)], Deflated)), None).unwrap();
    assert!(layer.activations.to_f64().iter().eq(&values), "values");
}

#[test]
fn a_layer_is_chosen_by_name() {
    let files = Files::new();
    let path = files.put("t", &small_tensors());
    assert_eq!(read_layer(&path, Some("a")).unwrap().activations, small_activations());
    let several = read_layer(&path, None).unwrap_err().to_string();
    assert!(several.ends_with("has several layers; choose one of: b, a"), "{several}");
    let missing = read_layer(&path, Some("c")).unwrap_err().to_string();
    assert!(missing.ends_with("has no layer c; there are: b, a"), "{missing}");
    let empty = layers(files.put("e", &npz(&[("x.txt", vec![])], Stored))).unwrap_err();
    assert!(matches!(empty, FileError::NoArrays { .. }), "{empty}");
}

#[test]
fn what_is_not_activations_is_listed_and_not_read() {
    let files = Files::new();
    for (descr, shape, shown) in [
        ("'|O'", "(2, 2)", "object"),
        ("[('a', '<f4')]", "(2, 2)", "structure"),
        ("'<c8'", "(2, 2)", "<c8"),
        ("'<U7'", "(2, 2)", "<U7"),
        ("'<f4'", "()", "shape []"),
        ("'<f4'", "(4,)", "shape [4]"),
    ] {
        let path = files.put("x.npy", &npy(descr, "False", shape, &[0; 16]));
        assert!(!layers(&path).unwrap()[0].is_readable(), "{descr} {shape}");
        let error = read_layer(&path, None).unwrap_err().to_string();
        assert!(error.contains(shown), "{error}");
    }
}

#[test]
fn what_is_not_a_file_of_arrays() {
    let files = Files::new();
    let message = |path: &Path| layers(path).unwrap_err().to_string();
    assert!(message(files.0.path()).contains("is a directory"), "directory");
    assert!(message(Path::new("/dev/null")).contains("not a regular file"), "device");
    assert!(message(&files.0.path().join("missing")).contains("could not open"), "missing");
    assert!(message(&files.put("empty", b"")).contains("is empty"), "empty");
    assert!(message(&files.put("text.npy", b"0,1,2\n3,4,5\n")).contains("is not a .npy"), "text");
    assert!(message(&files.put("short", b"\x93NUM")).contains("is not a .npy"), "short");
}

/// Checks that false claims of files are errors, at once and without much memory.
#[test]
fn false_claims_are_refused() {
    let zeros = |descr: &str, shape: &str, len| npy(descr, "False", shape, &vec![0; len]);
    let nested = npz(&[("x.npy", small_npy())], Stored);
    let header = |json: &str| with_json(json, &[0; 8]);
    let tensor = |shape: &str, offsets: &str| {
        header(&format!(r#"{{"x":{{"dtype":"F32","shape":{shape},"data_offsets":{offsets}}}}}"#))
    };
    let mut long_header = b"\x93NUMPY\x02\x00".to_vec();
    long_header.extend([0xff; 4]);
    let mut wrong_crc = npz(&[("x.npy", small_npy())], Stored);
    let last = wrong_crc.windows(4).position(|w| w == 5f32.to_le_bytes()).unwrap();
    wrong_crc[last] ^= 1;
    let files = Files::new();
    for (what, bytes) in [
        ("short", zeros("'<f4'", "(3, 2)", 23)),
        ("long", zeros("'<f4'", "(3, 2)", 25)),
        ("2^60 elements", zeros("'<f4'", "(1152921504606846976, 1)", 24)),
        ("overflow", zeros("'<f4'", "(4294967296, 4294967296, 4294967296)", 24)),
        ("overflow but for a zero", zeros("'<f4'", "(4294967296, 0, 4294967296, 4294967296)", 0)),
        ("header of 4 GiB", long_header),
        ("nested archive", npz(&[("x.npy", nested)], Stored)),
        ("wrong checksum", wrong_crc),
        ("header beyond the file", with_json(&" ".repeat(9), &[])[..12].to_vec()),
        ("2^60 bytes of header", [&(1u64 << 60).to_le_bytes()[..], b"{}"].concat()),
        ("not UTF-8", header("{\"\u{fffd}\":1}").iter().map(|b| b | 0x80).collect()),
        ("not JSON", header("{]")),
        ("deep JSON", header(&"{\"a\":".repeat(100_000))),
        ("wrong type", header(r#"{"x":{"dtype":"F3","shape":[2],"data_offsets":[0,8]}}"#)),
        ("wrong offsets", tensor("[2,1]", "[8,0]")),
        ("offsets beyond the end", tensor("[2,2]", "[0,16]")),
        ("shape against offsets", tensor("[2,2]", "[0,8]")),
        ("overflowing shape", tensor("[4294967296,4294967296,2]", "[0,8]")),
        ("negative shape", tensor("[-2,-1]", "[0,8]")),
        ("uncovered data", header("{}")),
    ] {
        let path = files.put("x", &bytes);
        let error = read_layer(&path, Some("x")).unwrap_err();
        assert!(!error.to_string().contains('\n'), "{what}: {error}");
        assert!(!matches!(error, FileError::LayerNotFound { .. }), "{what}: {error}");
    }
}

#[test]
fn of_two_members_with_one_name_the_later_counts_as_for_numpy() {
    let other = npy("'<f4'", "False", "(1, 1)", &7f32.to_le_bytes());
    let mut bytes = npz(&[("x.npy", small_npy()), ("y.npy", other)], Stored);
    let names = (0..bytes.len() - 5).filter(|&at| &bytes[at..at + 5] == b"y.npy");
    names.collect::<Vec<_>>().iter().for_each(|&at| bytes[at] = b'x');
    let files = Files::new();
    let layer = read_layer(files.put("twice.npz", &bytes), None).unwrap();
    assert_eq!(layer.activations, Array2::from_elem((1, 1), 7.0), "the later of the two");
}

#[test]
fn bombs_do_not_go_off() {
    let files = Files::new();
    let data = vec![0; 100 << 20];
    let bomb = npz(&[("x.npy", npy("'|u1'", "False", "(104857600, 1)", &data))], Deflated);
    let error = read_layer(files.put("x", &bomb), None).unwrap_err();
    assert!(matches!(error, FileError::Expansion { .. }), "{error}");

    // The same for the size that an archive claims, or hides.
    let small = npz(&[("x.npy", npy("'|u1'", "False", "(4096, 1)", &[0; 4096]))], Deflated);
    let directory = small.windows(4).rposition(|w| w == b"PK\x01\x02").unwrap();
    for claim in [0u32, 60, 4000, 1 << 25, u32::MAX - 1, u32::MAX] {
        let mut bytes = small.clone();
        bytes[directory + 24..directory + 28].copy_from_slice(&claim.to_le_bytes());
        let error = read_layer(files.put("x", &bytes), None).unwrap_err().to_string();
        assert!(!error.contains('\n'), "{error}");
    }
}

/// Joins all batches, none of which may be empty or too large.
pub(super) fn joined(
    batches: &mut FileBatches,
    most_samples: usize,
) -> Result<Activations, cofire::Error> {
    let mut all = Activations::empty(batches.precision(), batches.neurons());
    batches.visit(most_samples, &mut |batch| {
        assert!((1..=most_samples).contains(&batch.samples()), "{} samples", batch.samples());
        all.append(batch);
        Ok(())
    })?;
    Ok(all)
}

/// Checks that a layer can be read in batches exactly if it can be read in one piece, and is the same.
fn survives_batches(path: &Path, name: &str) {
    let whole = read_layer(path, Some(name)).map(|layer| layer.activations);
    let batches = open_batches(&[path], Some(name)).and_then(|mut batches| {
        let all = joined(&mut batches, 3).map_err(|error| match error {
            cofire::Error::Batches(error) => *error.downcast::<FileError>().unwrap(),
            other => panic!("{other}"),
        })?;
        Ok((batches.samples(), batches.neurons(), all.bits()))
    });
    match (whole, batches) {
        (Ok(whole), Ok((samples, neurons, bits))) => {
            assert_eq!(whole.dim(), (samples, neurons), "shape");
            assert_eq!(whole.bits(), bits, "values");
        }
        (Ok(whole), Err(error)) => assert_eq!(whole.dim().1, 0, "{error}"),
        (Err(error), Ok(_)) => panic!("only as a whole: {error}"),
        (Err(_), Err(_)) => {}
    }
}

/// Calls everything on a file of these bytes. Errors are fine, anything else is not.
pub(super) fn survives(bytes: &[u8]) {
    let files = Files::new();
    let path = files.put("x", bytes);
    let names = layers(&path).map(|layers| layers.into_iter().map(|layer| layer.name));
    for name in names.into_iter().flatten() {
        if let Ok(layer) = read_layer(&path, Some(&name)) {
            let (samples, neurons) = layer.activations.dim();
            assert!(samples * neurons <= bytes.len() * 2000, "more than can be packed");
        }
        survives_batches(&path, &name);
    }
    let _ = read_layer(&path, None);
}

fn valid_files() -> Vec<Vec<u8>> {
    let members = [("x.npy", small_npy()), ("y.npy", small_npy())];
    vec![
        small_npy(),
        npy("[('a', '<f4'), ('b', 'u1')]", "True", "(3, 2)", &[0; 30]),
        npz(&members, Stored),
        npz(&members, Deflated),
        small_tensors(),
    ]
}

#[cfg(not(all(feature = "tables", feature = "zarr")))]
#[test]
fn what_this_build_does_not_read_is_recognised() {
    let (tables, zarr) = (cfg!(feature = "tables"), cfg!(feature = "zarr"));
    let made = [
        ("dataset.arrow", "an Arrow stream", "tables", tables),
        ("table_zstd.feather", "an Arrow file", "tables", tables),
        ("dataset.parquet", "a Parquet file", "tables", tables),
        ("store_default.zarr", "a Zarr store", "zarr", zarr),
        ("store_v2_gzip.zarr", "a Zarr store", "zarr", zarr),
    ];
    for (name, kind, needed, _) in made.iter().filter(|(.., is_built)| !is_built) {
        let path = reference(name);
        let errors = [
            layers(&path).unwrap_err(),
            read_layer(&path, None).unwrap_err(),
            open_batches(&[&path], None).unwrap_err(),
        ];
        for error in errors {
            let text = error.to_string();
            let FileError::FeatureDisabled { path: found, format, feature } = error else {
                panic!("{text}");
            };
            assert_eq!((&found, format, feature), (&path, *kind, *needed), "{text}");
            assert!(text.contains(kind) && text.contains(needed), "{text}");
        }
        // By what it holds, not by its name: a store is a directory.
        if path.is_file() {
            let files = Files::new();
            let renamed = files.put("x.npy", &fs::read(&path).unwrap());
            let error = layers(&renamed).unwrap_err();
            assert!(matches!(error, FileError::FeatureDisabled { .. }), "{name}: {error}");
        }
    }
}

proptest! {
    #[test]
    fn random_bytes_never_panic(
        magic in prop::sample::select(vec![
            &b""[..], b"\x93NUMPY\x01\x00", b"\x93NUMPY\x03\x00", b"PK\x03\x04", b"PK\x05\x06",
            b"\x20\0\0\0\0\0\0\0{",
        ]),
        bytes in prop::collection::vec(any::<u8>(), 0..300),
    ) {
        survives(&[magic, &bytes].concat());
    }

    #[test]
    fn mutated_files_never_panic(
        which in 0..5usize,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in prop::option::weighted(0.2, any::<prop::sample::Index>()),
        wide in prop::option::weighted(0.3, any::<prop::sample::Index>()),
    ) {
        let mut bytes = valid_files().swap_remove(which);
        for (index, byte) in changes {
            let index = index.index(bytes.len());
            bytes[index] = byte;
        }
        if let Some(index) = wide {
            // Large numbers hurt most in sizes and offsets.
            let begin = index.index(bytes.len() - 4);
            bytes[begin..begin + 4].fill(0xff);
        }
        if let Some(index) = cut {
            bytes.truncate(index.index(bytes.len()));
        }
        survives(&bytes);
    }
}
