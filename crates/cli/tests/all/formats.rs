//! Formats that this build lacks are refused with the command that builds a program that has them.

#![cfg(not(all(feature = "tables", feature = "zarr")))]

use crate::common::{Place, Run};

const REFERENCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../files/tests/reference/files");

/// Returns the command, with the features that this build has already.
fn command(feature: &str) -> String {
    let has = if cfg!(feature = "tables") {
        "tables,"
    } else if cfg!(feature = "zarr") {
        ",zarr"
    } else {
        ""
    };
    let features =
        if has.starts_with(',') { format!("{feature}{has}") } else { format!("{has}{feature}") };
    format!("cargo install --path crates/cli --features {features}")
}

fn assert_refused(run: &Run, what: &str, feature: &str) {
    assert_eq!(run.status, 2, "{}", run.stderr);
    assert!(run.stderr.contains(what), "{what}: {}", run.stderr);
    assert!(run.stderr.trim_end().ends_with(&command(feature)), "{}", run.stderr);
    assert_eq!(run.stderr.lines().count(), 1, "{}", run.stderr);
}

#[test]
fn files_are_refused_with_the_command() {
    let place = Place::new();
    let made = [
        ("dataset.arrow", "an Arrow stream", "tables", cfg!(feature = "tables")),
        ("table_zstd.feather", "an Arrow file", "tables", cfg!(feature = "tables")),
        ("dataset.parquet", "a Parquet file", "tables", cfg!(feature = "tables")),
        ("store_default.zarr", "a Zarr store", "zarr", cfg!(feature = "zarr")),
        ("store_group.zarr", "a Zarr store", "zarr", cfg!(feature = "zarr")),
    ];
    for (name, what, feature, _) in made.into_iter().filter(|(.., is_built)| !is_built) {
        let file = format!("{REFERENCE}/{name}");
        let what = format!("{name} is {what}, which this build of cofire does not read");
        let runs = [
            place.analyze(&[&file]),
            place.run(&["pairs", &file, "--strongest", "3", "--out", "out"]),
            place.run(&["compare", &file, &file, "--names", "a,b", "--out", "out"]),
        ];
        for run in &runs {
            assert_refused(run, &what, feature);
        }
    }
    assert_eq!(place.tree(), [""; 0], "nothing was made");
}

#[cfg(not(feature = "tables"))]
#[test]
fn so_is_output() {
    let place = Place::new();
    place.put("x.npy", crate::common::plain_npy());
    let how = ["--strongest", "3", "--format", "csv", "--format", "parquet", "--out", "out"];
    let run = place.run(&[&["pairs", "x.npy"], &how[..]].concat());
    assert_refused(&run, "--format parquet", "tables");
    assert_eq!(place.tree(), ["x.npy"], "nothing was made");
}
