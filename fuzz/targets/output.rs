//! Any names of folders and files: everything must end up in the output directory, or nothing
//! anywhere.

#![no_main]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Component, Path, PathBuf};
use std::sync::LazyLock;

use cofire_files::{FileError, OutputDirectory};
use libfuzzer_sys::fuzz_target;
use tempfile::TempDir;

static PLACE: LazyLock<TempDir> = LazyLock::new(|| match tempfile::tempdir() {
    Ok(place) => place,
    Err(error) => panic!("no directory for temporary files: {error}"),
});

// The first byte says whether the directory exists before, and whether the output is committed.
// Names follow, separated by zero bytes. A name that begins with byte 1 is that of a folder. Names
// with a leading slash that follow it are its files.
fuzz_target!(|bytes: &[u8]| {
    let [choices, names @ ..] = bytes else { return };
    let (is_there, is_kept) = (choices & 1 == 1, choices & 2 == 2);
    let target = PLACE.path().join("out");
    if is_there {
        done(fs::create_dir(&target));
        done(fs::write(target.join("other"), "other"));
    }
    let written = write(done(OutputDirectory::create(&target)), names, is_kept);
    let mut expected: BTreeSet<PathBuf> = written.unwrap_or_default();
    let others = if is_there { vec![PathBuf::from("other")] } else { Vec::new() };
    expected.extend(others);
    let mut found = BTreeSet::new();
    walk(PLACE.path(), &mut found);
    let expected: BTreeSet<PathBuf> = expected.iter().map(|path| target.join(path)).collect();
    assert_eq!(found, expected, "what is there");
    if target.exists() {
        done(fs::remove_dir_all(&target));
    }
});

/// Writes a file for each name. Returns the paths if the output is committed.
fn write(mut output: OutputDirectory, names: &[u8], is_kept: bool) -> Option<BTreeSet<PathBuf>> {
    let mut written = BTreeSet::new();
    let mut note = |path: PathBuf| {
        let is_plain = path.components().all(|part| matches!(part, Component::Normal(_)));
        assert!(is_plain, "{} leads elsewhere", path.display());
        assert!(written.insert(path.clone()), "{} was handed out twice", path.display());
    };
    let names = String::from_utf8_lossy(names).into_owned();
    let mut names = names.split('\0').take(40).peekable();
    while let Some(name) = names.next() {
        if name.starts_with('\u{1}') {
            let mut folder = done(output.folder(name.trim_start_matches('\u{1}')));
            while let Some(name) = names.next_if(|name| name.starts_with('/')) {
                note(done(folder.write_text(name, "text")));
            }
        } else {
            note(done(output.write_text(name, "text")));
        }
    }
    if !is_kept {
        return None;
    }
    // A file replaces an existing file, but a folder does not.
    match output.commit() {
        Ok(()) => Some(written),
        Err(FileError::InTheWay { .. }) => None,
        Err(error) => panic!("{error}"),
    }
}

/// Collects the files below a directory.
fn walk(directory: &Path, found: &mut BTreeSet<PathBuf>) {
    for entry in done(fs::read_dir(directory)) {
        let path = done(entry).path();
        if path.is_dir() {
            walk(&path, found);
        } else {
            found.insert(path);
        }
    }
}

fn done<T, E: std::fmt::Display>(result: Result<T, E>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("{error}"),
    }
}
