//! The files of a layer, by a directory or a pattern.

use std::cmp::Ordering;
use std::fs;
use std::path::{Path, PathBuf};

use crate::FileError;
use crate::source::is_store;

/// Extensions of files with activations. They matter only in directories, which may hold other files,
/// too.
const ENDINGS: [&str; 6] = ["npy", "npz", "safetensors", "arrow", "feather", "parquet"];

/// Returns the files that a path stands for: itself, the shards in a directory, or the matches of a
/// pattern.
///
/// A directory stands for every file in it whose name ends in `.npy`, `.npz`, `.safetensors`, `.arrow`,
/// `.feather` or `.parquet`, and for every Zarr store in it, unless the name begins with a dot. Other
/// subdirectories are ignored. A Zarr store is a directory that stands for itself. A pattern has `*`,
/// `?` or `[...]`, as in a shell, and `**` for any directories. Files are sorted by name, with numbers
/// in names sorted by value: `shard-2` comes before `shard-10`.
///
/// # Errors
///
/// If a pattern is invalid, if a directory cannot be read, and if no file is found. A path that is
/// neither a directory nor a pattern is returned as it is, whether or not it exists.
///
/// # Examples
///
/// ```no_run
/// let shards = cofire_files::expand_path("dumps/layer-3/*.npy")?;
/// let layer = cofire_files::open_batches(&shards, None)?;
/// # Ok::<(), cofire_files::FileError>(())
/// ```
pub fn expand_path(path: impl AsRef<Path>) -> Result<Vec<PathBuf>, FileError> {
    let path = path.as_ref();
    let mut files = if path.is_dir() && !is_store(path) {
        in_directory(path)?
    } else if path.exists() || !is_pattern(path) {
        // A file may be called [1].npy.
        return Ok(vec![path.into()]);
    } else {
        matching(path)?
    };
    if files.is_empty() {
        return Err(FileError::NoFiles { path: path.into() });
    }
    files.sort_by(|a, b| compare_names(&a.to_string_lossy(), &b.to_string_lossy()));
    Ok(files)
}

fn in_directory(directory: &Path) -> Result<Vec<PathBuf>, FileError> {
    let failed = |source| FileError::Read { path: directory.into(), source };
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        let is_hidden =
            path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
        let is_one = ending.is_some_and(|e| ENDINGS.contains(&e.as_str())) && path.is_file();
        if !is_hidden && (is_one || is_store(&path)) {
            files.push(path);
        }
    }
    Ok(files)
}

fn is_pattern(path: &Path) -> bool {
    path.to_string_lossy().contains(['*', '?', '['])
}

fn matching(pattern: &Path) -> Result<Vec<PathBuf>, FileError> {
    let invalid = |problem: String| FileError::InvalidPattern { path: pattern.into(), problem };
    let text = pattern.to_str().ok_or_else(|| invalid("it is not Unicode".to_owned()))?;
    let options = glob::MatchOptions {
        case_sensitive: true,
        require_literal_separator: true,
        require_literal_leading_dot: true,
    };
    let paths = glob::glob_with(text, options).map_err(|error| invalid(error.msg.to_owned()))?;
    let mut files = Vec::new();
    for path in paths {
        let path = path.map_err(|error| {
            let path = error.path().into();
            FileError::Read { path, source: error.into() }
        })?;
        if path.is_file() || is_store(&path) {
            files.push(path);
        }
    }
    Ok(files)
}

/// Compares names as text, but runs of digits as numbers.
pub(crate) fn compare_names(a: &str, b: &str) -> Ordering {
    let (mut left, mut right) = (a, b);
    loop {
        let (digits_left, digits_right) = (digits(left), digits(right));
        let order = if digits_left > 0 && digits_right > 0 {
            let (x, y) = (&left[..digits_left], &right[..digits_right]);
            let (x, y) = (x.trim_start_matches('0'), y.trim_start_matches('0'));
            (left, right) = (&left[digits_left..], &right[digits_right..]);
            // Without leading zeros, the longer number is the larger one.
            x.len().cmp(&y.len()).then_with(|| x.cmp(y))
        } else {
            let (mut rest_left, mut rest_right) = (left.chars(), right.chars());
            let order = match (rest_left.next(), rest_right.next()) {
                // Equal as numbers, but perhaps not as text: 01 and 1.
                (None, None) => return a.cmp(b),
                (x, y) => x.cmp(&y),
            };
            (left, right) = (rest_left.as_str(), rest_right.as_str());
            order
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

/// Returns the number of digits at the beginning of a text.
fn digits(text: &str) -> usize {
    text.bytes().take_while(u8::is_ascii_digit).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn numbers_are_compared_as_numbers() {
        let mut names =
            ["s-10", "s-9", "s-1-b", "s-1-a", "s-010", "t", "s", "s-99999999999999999999"];
        names.sort_by(|a, b| compare_names(a, b));
        let sorted = ["s", "s-1-a", "s-1-b", "s-9", "s-010", "s-10", "s-99999999999999999999", "t"];
        assert_eq!(names, sorted);
    }

    #[test]
    fn directories_and_patterns() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let put = |name: &&str| fs::write(at(name), "x").unwrap();
        ["x-10.npy", "x-9.NPY", "state.json", ".hidden.npy", "[1].npy"].iter().for_each(put);
        fs::create_dir(at("x-1.npy")).unwrap();
        let names = |path: PathBuf| {
            let files = expand_path(path).unwrap();
            let name = |file: &PathBuf| file.file_name().unwrap().to_str().unwrap().to_owned();
            files.iter().map(name).collect::<Vec<_>>()
        };
        assert_eq!(names(directory.path().into()), ["[1].npy", "x-9.NPY", "x-10.npy"]);
        assert_eq!(names(at("x-*")), ["x-9.NPY", "x-10.npy"]);
        assert_eq!(names(at("*.json")), ["state.json"]);
        assert_eq!(names(at("[1].npy")), ["[1].npy"], "a name before a pattern");
        assert_eq!(names(at("missing.npy")), ["missing.npy"]);
        for path in [at("y*"), at("x-1.npy")] {
            let error = expand_path(path).unwrap_err();
            assert!(matches!(error, FileError::NoFiles { .. }), "{error}");
        }
        let error = expand_path(at("x-[")).unwrap_err();
        assert!(matches!(error, FileError::InvalidPattern { .. }), "{error}");
    }

    proptest! {
        #[test]
        fn it_is_an_order(a in "[a01]{0,6}", b in "[a01]{0,6}", c in "[a01]{0,6}") {
            prop_assert_eq!(compare_names(&a, &b), compare_names(&b, &a).reverse());
            prop_assert_eq!(compare_names(&a, &b) == Ordering::Equal, a == b);
            if compare_names(&a, &b).is_le() && compare_names(&b, &c).is_le() {
                prop_assert!(compare_names(&a, &c).is_le(), "{a} {b} {c}");
            }
        }
    }
}
