//! What the fuzz targets share: a file of the bytes in question, and what must hold of any file.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use cofire::Batches;
use cofire::files::{self, FileError, Layer};
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

/// Lists a file's layers and reads each of them, and the one that is read without a name.
///
/// Whatever the bytes, an answer or an error of one line comes back, a layer has the shape that
/// was listed for it, and holds no more than deflate can pack into the file.
pub fn read_all(path: &Path, len: usize) -> Vec<Layer> {
    /// The most that deflate unpacks from a byte, rounded up.
    const EXPANSION: usize = 1033;
    let mut read = Vec::new();
    for info in one_line(files::layers(path)).unwrap_or_default() {
        let Some(layer) = one_line(files::read_layer(path, Some(&info.name))) else { continue };
        assert_eq!(layer.name, info.name, "another layer than was asked for");
        assert!(layer.activations.len() <= len * EXPANSION, "more values than the file has");
        read.push(layer);
    }
    if let Some(only) = one_line(files::read_layer(path, None)) {
        let named = read.iter().find(|layer| layer.name == only.name);
        let is_same = |layer: &Layer| bits(layer) == bits(&only);
        assert!(named.is_some_and(is_same), "the only layer differs from itself by name");
    }
    read
}

/// Lists the layers of a table or store and reads each of them, whole and in batches.
///
/// Whatever the bytes, an answer or an error of one line comes back; what is a layer in one piece is
/// the same in batches, to the bit, and nothing else is. None holds more than 200 times what there is,
/// or else 64 million values.
pub fn read_in_batches(path: &Path, len: usize) {
    let most = len.saturating_mul(200).max(64 << 20);
    let mut names: Vec<Option<String>> = vec![None];
    names.extend(one_line(files::layers(path)).into_iter().flatten().map(|info| Some(info.name)));
    for name in names {
        let whole = one_line(files::read_layer(path, name.as_deref()));
        let whole = whole.map(|layer| layer.activations);
        let values = whole.as_ref().map_or(0, |layer| layer.len());
        assert!(values <= most, "{values} values of {len} bytes");
        if values > MANY {
            continue;
        }
        let batches = one_line(files::open_batches(&[path], name.as_deref()));
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

/// The activations of a layer to the bit, NaN included, in row-major order.
#[must_use]
pub fn bits(layer: &Layer) -> Vec<u32> {
    layer.activations.iter().map(|x| x.to_bits()).collect()
}

fn one_line<T>(result: Result<T, FileError>) -> Option<T> {
    match result {
        Ok(value) => Some(value),
        Err(error) => {
            assert!(!error.to_string().contains('\n'), "an error of several lines: {error}");
            None
        }
    }
}
