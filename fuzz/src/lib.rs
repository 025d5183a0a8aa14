//! Helpers of the fuzz targets: making a file of given bytes, and checking the rules that hold for
//! any file.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Once};
use std::{fs, panic};

use cofire::{ActivationsView, Batches};
use cofire_files::{Activations, Layer};
use tempfile::TempDir;

/// The directory for temporary files. It is removed only if the process exits normally, which
/// libFuzzer's does not: set `TMPDIR` to a folder that is cleaned up.
static PLACE: LazyLock<TempDir> = LazyLock::new(|| match tempfile::tempdir() {
    Ok(place) => place,
    Err(error) => panic!("no directory for temporary files: {error}"),
});

/// The largest number of values of a layer that is also compared with itself in batches. More would
/// take seconds.
const MANY: usize = 1 << 22;

/// Returns a path for the target to make a file or store at. Only one exists at a time.
#[must_use]
pub fn place_of(name: &str) -> PathBuf {
    PLACE.path().join(name)
}

/// Writes a file of these bytes and returns its path. Only one exists at a time.
#[must_use]
pub fn file_of(bytes: &[u8]) -> PathBuf {
    let path = PLACE.path().join("x");
    if let Err(error) = fs::write(&path, bytes) {
        panic!("{}: {error}", path.display());
    }
    path
}

/// The largest factor by which deflate expands data, rounded up.
pub const DEFLATE: usize = 1033;

/// Returns the largest number of values that a file or store of `len` bytes may have if values need
/// not be stored one by one: in runs, or as the fill value of missing chunks.
#[must_use]
pub fn most_values(len: usize) -> usize {
    len.saturating_mul(200).max(64 << 20)
}

/// Lists the layers of a file and reads each of them, and the layer that is read without a name.
///
/// Asserts that, whatever the bytes, each call returns a result or an error of one line. A layer
/// must have the name that was asked for, and hold no more than `most` values. The layer without a
/// name must equal one of the others.
pub fn read_all(path: &Path, most: usize) -> Vec<Layer> {
    allow_panics_of_crates();
    let mut read = Vec::new();
    for info in one_line(cofire_files::layers(path)).unwrap_or_default() {
        let Some(layer) = one_line(cofire_files::read_layer(path, Some(&info.name))) else {
            continue;
        };
        assert_eq!(layer.name, info.name, "another layer than was asked for");
        assert!(values(&layer.activations) <= most, "more values than the file has");
        read.push(layer);
    }
    if let Some(only) = one_line(cofire_files::read_layer(path, None)) {
        let named = read.iter().find(|layer| layer.name == only.name);
        let is_same = |layer: &Layer| bits(layer) == bits(&only);
        assert!(named.is_some_and(is_same), "the only layer differs from itself by name");
    }
    read
}

/// Lists the layers of a table or store and reads each of them, whole and in batches.
///
/// Asserts that, whatever the bytes, each call returns a result or an error of one line. A layer
/// that can be read whole must be the same in batches, to the bit, and any other must fail in
/// batches too. No layer may hold more than [`most_values`].
pub fn read_in_batches(path: &Path, len: usize) {
    allow_panics_of_crates();
    let most = most_values(len);
    let mut names: Vec<Option<String>> = vec![None];
    names.extend(
        one_line(cofire_files::layers(path)).into_iter().flatten().map(|info| Some(info.name)),
    );
    for name in names {
        let whole = one_line(cofire_files::read_layer(path, name.as_deref()));
        let whole = whole.map(|layer| layer.activations);
        let values = whole.as_ref().map_or(0, values);
        assert!(values <= most, "{values} values of {len} bytes");
        if values > MANY {
            continue;
        }
        let batches = one_line(cofire_files::open_batches(&[path], name.as_deref()));
        let Some(mut batches) = batches else {
            // Samples without neurons cannot be divided into batches.
            assert!(whole.is_none_or(|layer| layer.dim().1 == 0), "only whole");
            continue;
        };
        let shape = (batches.samples(), batches.neurons());
        let bits = whole.as_ref().map(|whole| bits_of(whole.view())).unwrap_or_default();
        let mut rest = bits.iter();
        let most_samples = 1 + shape.0 / (1 + len % 7);
        let visited = batches.visit(most_samples, &mut |batch| {
            assert!((1..=most_samples).contains(&batch.samples()), "{} samples", batch.samples());
            let is_same = bits_of(batch).iter().all(|bits| rest.next() == Some(bits));
            assert!(is_same || whole.is_none(), "another value than as a whole");
            Ok(())
        });
        match &whole {
            Some(whole) => {
                assert_eq!(whole.dim(), shape, "shape");
                assert!(visited.is_ok() && rest.next().is_none(), "only whole");
            }
            None => assert!(visited.is_err(), "only in batches"),
        }
    }
}

/// Lets panics of the crates that decode tables and chunks pass libFuzzer's hook, which would end the
/// process. cofire catches these panics and returns errors. A panic that is not caught still ends
/// the process.
fn allow_panics_of_crates() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let ends_the_process = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let file = info.location().map_or("", |location| location.file());
            if !file.contains("/registry/src/") && !file.contains("/rustc/") {
                ends_the_process(info);
            }
        }));
    });
}

/// Returns the bits of a layer's activations, NaN included, in row-major order.
#[must_use]
pub fn bits(layer: &Layer) -> Vec<u64> {
    bits_of(layer.activations.view())
}

fn bits_of(activations: ActivationsView<'_>) -> Vec<u64> {
    match activations {
        ActivationsView::F32(view) => view.iter().map(|&x| f64::from(x).to_bits()).collect(),
        ActivationsView::F64(view) => view.iter().map(|x| x.to_bits()).collect(),
    }
}

fn values(activations: &Activations) -> usize {
    let (samples, neurons) = activations.dim();
    samples * neurons
}

/// Returns the value, or `None` for an error. Asserts that the error's text is a single line.
pub fn one_line<T, E: Display>(result: Result<T, E>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) => {
            let text = error.to_string();
            assert!(
                !text.is_empty() && !text.contains('\n'),
                "an error of several lines: {text:?}"
            );
            None
        }
    }
}
