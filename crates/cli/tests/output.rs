//! Tests of places that results cannot be written to, or seem not to be: one line of error, and all
//! is as before.
//!
//! Full and read-only file systems are made with `unshare --map-root-user --mount` of util-linux,
//! for a child process alone, and disappear with it. This needs root or user namespaces. Without
//! either, the tests say so and pass, unless `COFIRE_REQUIRE_MOUNTS` is set, as it is in CI.

#![cfg(target_os = "linux")]
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, and says so by panicking"
)]

mod common;

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use common::{Place, Run, npy, npz, plain_npy};
use npyz::Order;
use zip::CompressionMethod::Stored;

/// The number of neurons, which makes a matrix of 320 kB.
const NEURONS: u32 = 200;

/// Makes the files that are there before a run, and must be there after one that fails.
fn place() -> Place {
    let place = Place::new();
    let values: Vec<u8> =
        (0..30 * NEURONS).map(|k| k.wrapping_mul(2_654_435_761).to_le_bytes()[3]).collect();
    place.put("x.npy", npy(&[30, NEURONS.into()], Order::C, &values));
    fs::create_dir(place.path().join("disk")).unwrap();
    place
}

/// Returns a script that mounts a file system on `disk`, puts results into a directory in it, and
/// runs the command.
fn script(options: &str, and_then: &str, out: &str) -> String {
    format!(
        "set -e; mount -t tmpfs -o {options} tmpfs disk; mkdir disk/out; \
         printf old > disk/out/entropy.npy; printf other > disk/out/other; {and_then}; set +e; \
         '{}' analyze --engine cpu x.npy --out {out}; echo status $?; \
         find disk | sort; cat disk/out/entropy.npy disk/out/other",
        env!("CARGO_BIN_EXE_cofire")
    )
}

/// Runs a script that mounts. Returns `None` if mounting is not allowed.
fn with_mounts(place: &Place, script: &str) -> Option<Run> {
    let unshared = |script: &str| {
        let mut command = Command::new("unshare");
        command.args(["--map-root-user", "--mount", "sh", "-c", script]);
        command.current_dir(place.path()).env_remove("RUST_LOG");
        command.output()
    };
    let can_mount = unshared("mount -t tmpfs tmpfs disk").is_ok_and(|run| run.status.success());
    if can_mount {
        return Some(Run::from(unshared(script).unwrap()));
    }
    let is_required = std::env::var_os("COFIRE_REQUIRE_MOUNTS").is_some();
    assert!(!is_required, "COFIRE_REQUIRE_MOUNTS is set and nothing can be mounted");
    eprintln!("nothing can be mounted: this test did not run");
    None
}

/// Asserts that the run failed with one line, and left all that `script` had made.
fn assert_untouched(what: &str, run: &Run, problem: &str) {
    assert!(run.stderr.starts_with("error: could not write "), "{what}: {run:?}");
    assert!(run.stderr.contains(problem), "{what}: {run:?}");
    assert_eq!(run.stderr.matches('\n').count(), 1, "{what}: {run:?}");
    let (_, left) = run.stdout.split_once("status 1\n").unwrap();
    let expected = "disk\ndisk/out\ndisk/out/entropy.npy\ndisk/out/other\noldother";
    assert_eq!(left, expected, "{what}");
}

#[test]
fn a_full_disk_changes_nothing() {
    for out in ["disk/out", "disk/new", "disk/new/and/deep"] {
        for kib in [16, 64, 256] {
            let place = place();
            let script = script(&format!("size={kib}k"), "true", out);
            let Some(run) = with_mounts(&place, &script) else { return };
            assert_untouched(&format!("{out} of {kib} KiB"), &run, "No space left on device");
        }
    }
}

#[test]
fn a_disk_without_room_for_another_file_changes_nothing() {
    // One inode is for the root and three are for the files there. The rest are for directories and
    // files of results.
    for files in 4..9 {
        let place = place();
        let script = script(&format!("nr_inodes={files}"), "true", "disk/out");
        let Some(run) = with_mounts(&place, &script) else { return };
        let is_enough = run.stdout.contains("status 0\n");
        assert!(!is_enough || files > 5, "{files} files: {run:?}");
        if !is_enough {
            assert_untouched(&format!("{files} files"), &run, "No space left on device");
        }
    }
}

#[test]
fn a_read_only_disk_changes_nothing() {
    for out in ["disk/out", "disk/new"] {
        let place = place();
        let script = script("size=1m", "mount -o remount,ro disk", out);
        let Some(run) = with_mounts(&place, &script) else { return };
        assert_untouched(out, &run, "Read-only file system");
        // The problem is found before the work.
        assert!(run.stdout.starts_with("status"), "{run:?}");
    }
}

/// Tests the same without mounts: files may not grow beyond a few blocks of 512 bytes.
#[test]
fn a_limit_on_the_size_of_files_changes_nothing() {
    let place = place();
    fs::create_dir(place.path().join("out")).unwrap();
    place.put("out/entropy.npy", "old");
    let before = place.tree();
    for out in ["out", "new"] {
        let script = format!(
            "trap '' XFSZ; ulimit -f 8; exec '{}' analyze --engine cpu x.npy --out {out}",
            env!("CARGO_BIN_EXE_cofire")
        );
        let mut command = Command::new("sh");
        let run: Run = command
            .args(["-c", &script])
            .current_dir(place.path())
            .env_remove("RUST_LOG")
            .output()
            .unwrap()
            .into();
        assert_eq!(run.status, 1, "{out}: {run:?}");
        assert!(
            run.stderr.contains("mi.npy") && run.stderr.contains("File too large"),
            "{out}: {run:?}"
        );
        assert_eq!(place.tree(), before, "{out}");
        assert_eq!(place.bytes("out/entropy.npy"), b"old", "{out}");
    }
}

/// Makes a file with two layers, each of which gets its own folder.
fn two_layers() -> Vec<u8> {
    npz(&[("a.npy", plain_npy()), ("b.npy", plain_npy())], Stored)
}

#[test]
fn links_to_directories_are_followed_where_the_user_named_them() {
    let place = Place::new();
    let at = |name: &str| place.path().join(name);
    place.put("x.npy", plain_npy());
    fs::create_dir(at("real")).unwrap();
    symlink("real", at("link")).unwrap();
    let run = place.analyze(&["x.npy", "--out", "link"]);
    assert_eq!(run.status, 0, "{run:?}");
    assert!(fs::symlink_metadata(at("link")).unwrap().is_symlink(), "the link is still one");
    assert!(at("real/mi.npy").is_file(), "{:?}", place.tree());
}

#[test]
fn links_to_nothing_are_refused_before_the_work() {
    let place = Place::new();
    place.put("x.npy", plain_npy());
    symlink("nowhere/at/all", place.path().join("link")).unwrap();
    for out in ["link", "link/below"] {
        let run = place.analyze(&["x.npy", "--out", out]);
        assert_eq!((run.status, run.stdout.as_str()), (2, ""), "{out}: {run:?}");
        assert!(
            run.stderr.contains("link is in the way: it is a symbolic link to nothing"),
            "{out}: {run:?}"
        );
        assert_eq!(run.stderr.matches('\n').count(), 1, "{out}: {run:?}");
        assert_eq!(place.tree(), ["link", "x.npy"], "{out}");
    }
}

/// Tests that links which others have put into the directory are not followed.
#[test]
fn planted_links_lead_nowhere() {
    let place = Place::new();
    let at = |name: &str| place.path().join(name);
    place.put("x.npz", two_layers());
    place.put("secret", "secret");
    for name in ["elsewhere", "out", "out/a"] {
        fs::create_dir(at(name)).unwrap();
    }
    // Links in place of files are replaced, not followed, even if they lead nowhere.
    symlink(at("secret"), at("out/a/mi.npy")).unwrap();
    symlink("nowhere", at("out/a/entropy.npy")).unwrap();
    let run = place.analyze(&["x.npz", "--out", "out"]);
    assert_eq!(run.status, 0, "{run:?}");
    assert_eq!(place.bytes("secret"), b"secret");
    let is_file = |name: &str| fs::symlink_metadata(at(name)).unwrap().is_file();
    assert!(is_file("out/a/mi.npy") && is_file("out/a/entropy.npy"), "files of their own");
    assert!(!at("nowhere").exists() && !at("out/a/nowhere").exists(), "nothing new elsewhere");

    // A link in place of a folder is refused, and nothing changes.
    fs::remove_dir_all(at("out/b")).unwrap();
    symlink(at("elsewhere"), at("out/b")).unwrap();
    place.put("out/a/mi.npy", "old");
    let before = place.tree();
    let run = place.analyze(&["x.npz", "--out", "out"]);
    assert_eq!(run.status, 2, "{run:?}");
    assert!(run.stderr.contains("not a directory"), "{run:?}");
    assert_eq!(place.tree(), before);
    assert_eq!(place.bytes("out/a/mi.npy"), b"old");
    assert_eq!(fs::read_dir(at("elsewhere")).unwrap().count(), 0, "nothing was written there");
}

#[test]
fn what_is_in_the_way_is_left_as_it_is() {
    let place = Place::new();
    place.put("x.npy", plain_npy());
    fs::create_dir_all(place.path().join("out/mi.npy/kept")).unwrap();
    place.put("out/entropy.npy", "old");
    let before = place.tree();
    let run = place.analyze(&["x.npy", "--out", "out"]);
    assert_eq!(run.status, 2, "{run:?}");
    assert!(run.stderr.contains("mi.npy is in the way: it is a directory"), "{run:?}");
    assert_eq!(place.tree(), before);
    assert_eq!(place.bytes("out/entropy.npy"), b"old");
    let run = place.analyze(&["x.npy", "--out", "x.npy/out"]);
    assert_ne!(run.status, 0, "below a file: {run:?}");
    assert_eq!(place.tree(), before);
}

/// Tests that results stay in the directory, wherever the names of layers point: they come from
/// files.
#[test]
fn names_of_layers_lead_nowhere() {
    let place = Place::new();
    let names = ["../up", "/etc/cofire", "..", "a/../../b", "C:\\x", "con", "\u{202e}txt"];
    let members: Vec<(String, Vec<u8>)> =
        names.iter().map(|name| (format!("{name}.npy"), plain_npy())).collect();
    let members: Vec<(&str, Vec<u8>)> =
        members.iter().map(|(name, bytes)| (name.as_str(), bytes.clone())).collect();
    place.put("x.npz", npz(&members, Stored));
    fs::create_dir(place.path().join("in")).unwrap();
    let run = place.analyze(&["x.npz", "--out", "in/out"]);
    assert_eq!(run.status, 0, "{run:?}");
    let tree = place.tree();
    let outside: Vec<&String> = tree.iter().filter(|path| !path.starts_with("in/")).collect();
    assert_eq!(outside, ["x.npz"], "{tree:?}");
    let matrices = tree.iter().filter(|path| path.ends_with("/mi.npy")).count();
    assert_eq!(matrices, names.len(), "{tree:?}");
    assert!(!Path::new("/etc/cofire").exists(), "beside the system's files");
}
