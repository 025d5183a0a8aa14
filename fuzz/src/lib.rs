//! What the fuzz targets share: a file of the bytes in question, and what must hold of any file.

use std::fmt::Display;
use std::path::{Path, PathBuf};
use std::sync::{LazyLock, Once};
use std::{fs, panic};

use cofire::Batches;
use cofire_files::Layer;
use tempfile::TempDir;

/// Removed at the end of the process only if that is an orderly one, which libFuzzer's is not: set
/// `TMPDIR` to a place of which that is expected.
static PLACE: LazyLock<TempDir> = LazyLock::new(|| match tempfile::tempdir() {
    Ok(place) => place,
    Err(error) => panic!("no directory for temporary files: {error}"),
});

/// Values of a layer beyond which it is not compared with itself in batches, which would take seconds.
const MANY: usize = 1 << 22;

/// The path of a file or store, the only one there is at a time, for the target to make.
#[must_use]
pub fn place_of(name: &str) -> PathBuf {
    PLACE.path().join(name)
}

/// A file of these bytes, the only one there is at a time.
#[must_use]
pub fn file_of(bytes: &[u8]) -> PathBuf {
    let path = PLACE.path().join("x");
    if let Err(error) = fs::write(&path, bytes) {
        panic!("{}: {error}", path.display());
    }
    path
}

/// The most that deflate unpacks from a byte, rounded up.
pub const DEFLATE: usize = 1033;

/// The most values that a file or store of so many bytes may have where they need not be there one by
/// one: in runs, or as the value that fills what is missing.
#[must_use]
pub fn most_values(len: usize) -> usize {
    len.saturating_mul(200).max(64 << 20)
}

/// Lists a file's layers and reads each of them, and the one that is read without a name.
///
/// Whatever the bytes, an answer or an error of one line comes back, a layer has the shape that
/// was listed for it, and holds no more values than `most`.
pub fn read_all(path: &Path, most: usize) -> Vec<Layer> {
    allow_panics_of_crates();
    let mut read = Vec::new();
    for info in one_line(cofire_files::layers(path)).unwrap_or_default() {
        let Some(layer) = one_line(cofire_files::read_layer(path, Some(&info.name))) else { continue };
        assert_eq!(layer.name, info.name, "another layer than was asked for");
        assert!(layer.activations.len() <= most, "more values than the file has");
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
/// Whatever the bytes, an answer or an error of one line comes back; what is a layer in one piece is
/// the same in batches, to the bit, and nothing else is. None holds more than [`most_values`].
pub fn read_in_batches(path: &Path, len: usize) {
    allow_panics_of_crates();
    let most = most_values(len);
    let mut names: Vec<Option<String>> = vec![None];
    names.extend(one_line(cofire_files::layers(path)).into_iter().flatten().map(|info| Some(info.name)));
    for name in names {
        let whole = one_line(cofire_files::read_layer(path, name.as_deref()));
        let whole = whole.map(|layer| layer.activations);
        let values = whole.as_ref().map_or(0, |layer| layer.len());
        assert!(values <= most, "{values} values of {len} bytes");
        if values > MANY {
            continue;
        }
        let batches = one_line(cofire_files::open_batches(&[path], name.as_deref()));
        let Some(mut batches) = batches else {
            // Nobody can make batches of samples without neurons.
            assert!(whole.is_none_or(|layer| layer.ncols() == 0), "only whole");
            continue;
        };
        let shape = (batches.samples(), batches.neurons());
        let mut rest = whole.iter().flatten().map(|x| x.to_bits());
        let most_samples = 1 + shape.0 / (1 + len % 7);
        let visited = batches.visit(most_samples, &mut |batch| {
            assert!((1..=most_samples).contains(&batch.nrows()), "{} samples", batch.nrows());
            let is_same = batch.iter().all(|x| rest.next() == Some(x.to_bits()));
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

/// libFuzzer for Rust ends the process at any panic. Those of the crates that decode tables and chunks
/// are caught, and are errors; one that is not caught ends the process still.
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

/// The activations of a layer to the bit, NaN included, in row-major order.
#[must_use]
pub fn bits(layer: &Layer) -> Vec<u32> {
    layer.activations.iter().map(|x| x.to_bits()).collect()
}

/// What came out, or nothing where that was an error, which has to be a line of text.
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
