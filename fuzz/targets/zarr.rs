//! Zarr stores. The input consists of lines with a path and a length, each followed by the bytes of
//! that file.

#![no_main]

use std::fs;
use std::path::{Component, Path};

use libfuzzer_sys::fuzz_target;

/// The largest number of files that is written.
const MOST_FILES: usize = 40;

fuzz_target!(|bytes: &[u8]| {
    let store = cofire_fuzz::place_of("x.zarr");
    let _ = fs::remove_dir_all(&store);
    let mut len = 0;
    for (path, contents) in (Files { rest: bytes }).take(MOST_FILES) {
        let path = store.join(path);
        let made = path.parent().is_some_and(|parent| fs::create_dir_all(parent).is_ok());
        // A path cannot be a file and a directory: the first one stays.
        if made && !path.exists() && fs::write(path, contents).is_ok() {
            len += contents.len();
        }
    }
    if store.exists() {
        cofire_fuzz::read_in_batches(&store, len);
    }
});

struct Files<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Files<'a> {
    type Item = (&'a Path, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let end = self.rest.iter().position(|&byte| byte == b'\n')?;
            let line = std::str::from_utf8(&self.rest[..end]);
            self.rest = &self.rest[end + 1..];
            let Some((path, len)) = line.ok().and_then(|line| line.rsplit_once(' ')) else {
                continue;
            };
            let len = len.parse().unwrap_or(usize::MAX).min(self.rest.len());
            let (contents, rest) = self.rest.split_at(len);
            self.rest = rest;
            let path = Path::new(path);
            let within = path.components().all(|part| {
                matches!(part, Component::Normal(name) if name.len() < 100 && !has_zero(name))
            });
            if within && path.components().next().is_some() && path.components().count() < 9 {
                return Some((path, contents));
            }
        }
    }
}

fn has_zero(name: &std::ffi::OsStr) -> bool {
    name.as_encoded_bytes().contains(&0)
}
