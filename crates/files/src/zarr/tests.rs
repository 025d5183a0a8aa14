//! Stores as zarr-python writes them, stores of every shape, and stores that are wrong.

mod claims;

use std::fs;
use std::path::{Path, PathBuf};

use ndarray::{Array2, ArrayD, IxDyn, s};
use proptest::prelude::*;
use tempfile::TempDir;

use super::*;
use crate::tests::{activations, joined, reference};
use crate::{expand_path, layers, open_batches, read_layer};
use cofire::Batches;

/// A store made for a test: elements in row-major order, in chunks of a shape.
struct Made {
    _directory: TempDir,
    path: PathBuf,
}

impl Made {
    /// Makes an array of version 3, uncompressed, whose chunks are filled up with NaN.
    fn new(values: &ArrayD<f32>, chunk: &[usize]) -> Self {
        let made = Self::empty(values.shape(), chunk);
        let grid: Vec<usize> =
            values.shape().iter().zip(chunk).map(|(n, c)| n.div_ceil(*c)).collect();
        for indices in ndarray::indices(IxDyn(&grid)) {
            let elements = ndarray::indices(IxDyn(chunk)).into_iter().flat_map(|within| {
                let axes = (0..chunk.len()).map(|axis| indices[axis] * chunk[axis] + within[axis]);
                let at: Vec<usize> = axes.collect();
                values.get(IxDyn(&at)).copied().unwrap_or(f32::NAN).to_le_bytes()
            });
            let mut file = made.path.join("c");
            file.extend((0..grid.len()).map(|axis| indices[axis].to_string()));
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, elements.collect::<Vec<u8>>()).unwrap();
        }
        made
    }

    fn empty(shape: &[usize], chunk: &[usize]) -> Self {
        let metadata = format!(
            r#"{{"zarr_format": 3, "node_type": "array", "shape": {shape:?}, "data_type": "float32",
            "chunk_grid": {{"name": "regular", "configuration": {{"chunk_shape": {chunk:?}}}}},
            "chunk_key_encoding": {{"name": "default", "configuration": {{"separator": "/"}}}},
            "fill_value": 0.0, "attributes": {{}},
            "codecs": [{{"name": "bytes", "configuration": {{"endian": "little"}}}}]}}"#
        );
        Self::of(&[("zarr.json", metadata.as_bytes())])
    }

    fn of(files: &[(&str, &[u8])]) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("made.zarr");
        fs::create_dir(&path).unwrap();
        files.iter().for_each(|(name, bytes)| fs::write(path.join(name), bytes).unwrap());
        Self { _directory: directory, path }
    }

    /// Makes a copy of a store that zarr-python has written.
    fn copy(name: &str) -> Self {
        let made = Self::of(&[]);
        for entry in WalkDir::new(reference(name)) {
            let entry = entry.unwrap();
            let target = made.path.join(entry.path().strip_prefix(reference(name)).unwrap());
            if entry.file_type().is_dir() {
                fs::create_dir_all(target).unwrap();
            } else {
                fs::copy(entry.path(), target).unwrap();
            }
        }
        made
    }

    fn edit(&self, file: &str, old: &str, new: &str) {
        let path = self.path.join(file);
        let text = fs::read_to_string(&path).unwrap();
        let lines: String = text.lines().map(str::trim).collect();
        assert!(lines.contains(old), "{old} is not in {lines}");
        fs::write(path, lines.replace(old, new)).unwrap();
    }

    fn error(&self) -> FileError {
        let whole = read_layer(&self.path, None).unwrap_err();
        let visited = open_batches(&[&self.path], None)
            .map(|mut batches| batches.visit(2, &mut |_| Ok(())).is_ok());
        assert!(!visited.unwrap_or(false), "only as a whole: {whole}");
        whole
    }
}

#[test]
fn what_zarr_python_writes() {
    for name in [
        "default",
        "plain",
        "gzip",
        "blosc",
        "sharded",
        "transposed",
        "v2_default",
        "v2_blosc",
        "v2_gzip",
        "v2_fortran",
    ] {
        let path = reference(&format!("store_{name}.zarr"));
        let [layer] = layers(&path).unwrap().try_into().unwrap();
        assert_eq!(layer.name, format!("store_{name}"));
        assert_eq!((&*layer.shape, layer.element_type), (&[40, 9][..], ElementType::F32), "{name}");
        let layer = read_layer(&path, None).unwrap();
        assert_eq!(layer.activations, activations(40, 9), "{name}");
        for most_samples in [1, 7, 40] {
            let mut batches = open_batches(&[&path], None).unwrap();
            assert_eq!((batches.samples(), batches.neurons()), (40, 9), "{name}");
            assert_eq!(joined(&mut batches, most_samples).unwrap(), layer.activations, "{name}");
        }
    }
}

#[test]
fn groups_have_their_arrays_for_layers() {
    let path = reference("store_group.zarr");
    let found = layers(&path).unwrap();
    let found: Vec<_> =
        found.iter().map(|layer| (&*layer.name, &*layer.shape, layer.is_readable())).collect();
    let expected = [
        ("blocks/9", &[4, 5, 6][..], true),
        ("blocks/10", &[4, 5, 6], true),
        ("complex", &[20, 2], false),
        ("labels", &[20], false),
        ("sparse", &[20, 6], true),
    ];
    assert_eq!(found, expected);
    let layer = read_layer(&path, Some("blocks/10")).unwrap();
    assert_eq!(layer.element_type, ElementType::F16);
    assert_eq!(layer.activations, activations(20, 6));
    // An array of a group is a store, too.
    assert_eq!(
        read_layer(path.join("blocks/9"), Some("9")).unwrap().activations,
        activations(20, 6)
    );
    // Missing chunks hold the fill value.
    let mut sparse = Array2::from_elem((20, 6), 3.0);
    sparse.slice_mut(s![10..15, ..]).assign(&activations(5, 6).mapv(|x| (x * 8.0).trunc()));
    assert_eq!(read_layer(&path, Some("sparse")).unwrap().activations, sparse);
    let error = read_layer(&path, None).unwrap_err();
    assert!(matches!(error, FileError::SeveralLayers { .. }), "{error}");
    let error = read_layer(&path, Some("complex")).unwrap_err();
    assert!(matches!(error, FileError::UnsupportedElement { .. }), "{error}");
    let error = read_layer(&path, Some("blocks")).unwrap_err();
    assert!(matches!(error, FileError::LayerNotFound { .. }), "{error}");
}

#[test]
fn stores_are_found_in_directories() {
    let made = Made::copy("store_group.zarr");
    assert_eq!(expand_path(&made.path).unwrap(), std::slice::from_ref(&made.path));
    let directory = made.path.join("blocks/more");
    fs::create_dir(&directory).unwrap();
    fs::rename(made.path.join("blocks/9"), directory.join("9")).unwrap();
    fs::rename(made.path.join("blocks/10"), directory.join("10.zarr")).unwrap();
    fs::create_dir(directory.join("other")).unwrap();
    let shards = [directory.join("9"), directory.join("10.zarr")];
    assert_eq!(expand_path(&directory).unwrap(), shards);
    assert_eq!(expand_path(directory.join("*")).unwrap(), shards);
    let error = open_batches(&shards, Some("9")).unwrap_err();
    assert!(matches!(error, FileError::LayerNotFound { .. }), "{error}");
    let batches = open_batches(&shards, None).unwrap();
    assert_eq!((batches.samples(), batches.neurons()), (40, 6));
}

#[test]
fn stores_that_change_between_visits_are_noticed() {
    let made = Made::copy("store_plain.zarr");
    let mut batches = open_batches(&[&made.path], None).unwrap();
    fs::remove_file(made.path.join("c/1/1")).unwrap();
    let error = batches.visit(9, &mut |_| Ok(())).unwrap_err();
    assert!(error.to_string().contains("has changed since it was opened"), "{error}");
}

#[test]
fn claims_are_compared_with_what_is_there() {
    let edited = |store: &str, old: &str, new: &str| {
        let made = Made::copy(store);
        made.edit("zarr.json", old, new);
        made.error()
    };
    let shape = r#""shape": [40,9]"#;
    let huge = edited("store_plain.zarr", shape, r#""shape": [4000000000,9000]"#);
    assert!(matches!(huge, FileError::Expansion { .. }), "{huge}");
    let more =
        edited("store_plain.zarr", shape, r#""shape": [9223372036854775807,9223372036854775807]"#);
    assert!(matches!(more, FileError::Damaged { .. }), "{more}");
    let chunk = r#""chunk_shape": [15,5]"#;
    let huge = edited("store_plain.zarr", chunk, r#""chunk_shape": [15000000000,5000000000]"#);
    assert!(matches!(huge, FileError::Expansion { .. }), "{huge}");
    let shard = r#""chunk_shape": [30,10]"#;
    let huge = edited("store_sharded.zarr", shard, r#""chunk_shape": [30000000000,10]"#);
    assert!(matches!(huge, FileError::Expansion { .. }), "{huge}");
    let flat = edited("store_plain.zarr", shape, r#""shape": [360]"#);
    assert!(matches!(flat, FileError::UnusableShape { .. }), "{flat}");
    let grid = edited("store_plain.zarr", r#""name": "regular""#, r#""name": "rectangular""#);
    assert!(matches!(grid, FileError::UnsupportedPacking { .. }), "{grid}");
    let codec = edited("store_gzip.zarr", r#""name": "gzip""#, r#""name": "shrink""#);
    assert!(matches!(codec, FileError::UnsupportedPacking { .. }), "{codec}");
    assert!(codec.to_string().contains("shrink"), "{codec}");
}

#[test]
fn damaged_stores() {
    for name in ["plain", "gzip", "blosc", "default", "sharded"] {
        for (what, bytes) in [("cut off", &b"\x28\xb5"[..]), ("empty", b""), ("noise", &[7; 500])] {
            let made = Made::copy(&format!("store_{name}.zarr"));
            fs::write(made.path.join("c/0/0"), bytes).unwrap();
            let error = made.error();
            assert!(matches!(error, FileError::Read { .. }), "{name}, {what}: {error}");
        }
    }
    for text in ["", "{", "[]", r#"{"zarr_format": 3}"#, "\0\0"] {
        let error = Made::of(&[("zarr.json", text.as_bytes())]).error();
        assert!(matches!(error, FileError::Damaged { .. }), "{text}: {error}");
    }
    let group = br#"{"zarr_format": 3, "node_type": "group"}"#;
    let error = Made::of(&[("zarr.json", group)]).error();
    assert!(matches!(error, FileError::NoArrays { .. }), "{error}");
    let long = vec![b' '; 17 << 20];
    let error = Made::of(&[("zarr.json", &long)]).error();
    assert!(error.to_string().contains("is longer than"), "{error}");
    let made = Made::of(&[("zarr.json", group)]);
    let deep: PathBuf = std::iter::repeat_n("d", 70).collect();
    fs::create_dir_all(made.path.join(deep)).unwrap();
    let error = made.error();
    assert!(error.to_string().contains("more than 64 deep"), "{error}");
}

#[cfg(unix)]
#[test]
fn links_in_circles_and_pipes_are_refused() {
    let made = Made::copy("store_plain.zarr");
    std::os::unix::fs::symlink(&made.path, made.path.join("again")).unwrap();
    assert!(matches!(made.error(), FileError::Open { .. }), "a circle");
    let made = Made::copy("store_plain.zarr");
    fs::remove_file(made.path.join("c/0/0")).unwrap();
    let pipe = std::process::Command::new("mkfifo").arg(made.path.join("c/0/0")).status();
    assert!(pipe.unwrap().success(), "mkfifo");
    assert!(matches!(made.error(), FileError::NotAFile { .. }), "a pipe");
}

/// Reads an array by slabs of other sizes than usual.
fn by_slabs(path: &Path, together: u64, most: u64) -> Vec<u8> {
    let source = Source::open(path).unwrap();
    let store = Store::open(&source).unwrap();
    let [stored] = &*store.arrays else { panic!("one array") };
    let place = Place::file(path);
    let array =
        Array::new_with_metadata(store.storage.clone(), "/", stored.metadata.clone()).unwrap();
    let description = stored.describe(place).unwrap();
    let array_size = description.array_size(place).unwrap();
    let mut slabs = Slabs::new(place, source.len, array, &description).unwrap();
    slabs.choose(together, most);
    let mut bytes = vec![0; usize::try_from(array_size.bytes).unwrap()];
    let mut begin = 0;
    for block in bytes.chunks_mut(44) {
        crate::array::Bytes::read_at(&mut slabs, begin, block).unwrap();
        begin += block.len() as u64;
    }
    bytes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn any_shape_in_any_chunks(
        axes in prop::collection::vec((1usize..6, 1usize..5), 2..5),
        most_samples in 1usize..9,
        together in 1u64..600,
        most in 1u64..600,
    ) {
        let (shape, chunk): (Vec<usize>, Vec<usize>) = axes.into_iter().unzip();
        let elements: usize = shape.iter().product();
        let values: Vec<f32> = (0..elements).map(|index| index as f32 * 1.5 - 7.0).collect();
        let values = ArrayD::from_shape_vec(IxDyn(&shape), values).unwrap();
        let made = Made::new(&values, &chunk);
        let neurons = shape[shape.len() - 1];
        let expected = values.to_shape((elements / neurons, neurons)).unwrap().into_owned();
        prop_assert_eq!(read_layer(&made.path, None).unwrap().activations, expected.clone());
        let mut batches = open_batches(&[&made.path], None).unwrap();
        prop_assert_eq!(joined(&mut batches, most_samples).unwrap(), expected.clone());
        let bytes: Vec<u8> = expected.iter().flat_map(|x| x.to_ne_bytes()).collect();
        prop_assert_eq!(by_slabs(&made.path, together, most), bytes);
    }

    #[test]
    fn changed_bytes_never_panic(
        name in prop::sample::select(vec!["plain", "gzip", "blosc", "default", "sharded", "v2_blosc", "v2_fortran"]),
        file in 0usize..9,
        changes in prop::collection::vec((0usize..1 << 16, any::<u8>()), 1..4),
    ) {
        let made = Made::copy(&format!("store_{name}.zarr"));
        let files = WalkDir::new(&made.path).sort_by_file_name().into_iter();
        let files = files.map(Result::unwrap).filter(|entry| entry.file_type().is_file());
        let files: Vec<_> = files.collect();
        let path = files[file % files.len()].path();
        let mut bytes = fs::read(path).unwrap();
        for (at, byte) in changes {
            let at = at % bytes.len();
            bytes[at] = byte;
        }
        fs::write(path, bytes).unwrap();
        if let Ok(layer) = read_layer(&made.path, None)
            && layer.activations.dim().1 > 0
        {
            let mut batches = open_batches(&[&made.path], None).unwrap();
            prop_assert_eq!(joined(&mut batches, 11).unwrap().bits(), layer.activations.bits());
        }
    }
}
