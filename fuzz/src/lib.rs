//! What the fuzz targets share: a file of the bytes in question, and what must hold of any file.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use cofire::files::{self, FileError, Layer};
use tempfile::TempDir;

/// Removed at the end of the process only if that is an orderly one, which libFuzzer's is not: set
/// `TMPDIR` to a place of which that is expected.
static PLACE: LazyLock<TempDir> = LazyLock::new(|| match tempfile::tempdir() {
    Ok(place) => place,
    Err(error) => panic!("no directory for temporary files: {error}"),
});

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
