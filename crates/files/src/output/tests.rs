use super::*;
use ndarray::arr2;

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).unwrap();
    let mut names: Vec<_> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn text(path: PathBuf) -> String {
    fs::read_to_string(path).unwrap()
}

#[test]
fn dropped_output_leaves_no_trace() {
    let parent = tempfile::tempdir().unwrap();
    for target in ["new", "a/b/new", "a/../b/new", "."] {
        let mut output = OutputDirectory::create(parent.path().join(target)).unwrap();
        output.write_text("x", "1").unwrap();
        output.folder("f").unwrap().write_text("y", "2").unwrap();
        drop(output);
        assert_eq!(names(parent.path()), [""; 0], "{target}");
    }
}

#[test]
fn a_new_directory_appears_whole() {
    let parent = tempfile::tempdir().unwrap();
    let target = parent.path().join("a/b");
    let mut output = OutputDirectory::create(&target).unwrap();
    output.write_array("x.npy", arr2(&[[1.0, 2.0], [3.0, 4.0]]).t()).unwrap();
    let mut folder = output.folder("f").unwrap();
    assert_eq!(folder.write_text("x.npy", "1").unwrap(), Path::new("f/x.npy"));
    assert_eq!(folder.write_text("X.npy", "2").unwrap(), Path::new("f/X_2.npy"));
    assert_eq!(folder.write_bytes("b.png", &[0, 255]).unwrap(), Path::new("f/b.png"));
    assert!(!target.exists());
    output.commit().unwrap();
    assert_eq!(names(parent.path()), ["a"]);
    assert_eq!(names(&target), ["f", "x.npy"]);
    assert_eq!(names(&target.join("f")), ["X_2.npy", "b.png", "x.npy"]);
    assert_eq!(fs::read(target.join("f/b.png")).unwrap(), [0, 255]);
    let npy = npyz::NpyFile::new(File::open(target.join("x.npy")).unwrap()).unwrap();
    assert_eq!(npy.shape(), [2, 2]);
    assert_eq!(npy.into_vec::<f64>().unwrap(), [1.0, 3.0, 2.0, 4.0]);
}

#[cfg(unix)]
#[test]
fn a_new_directory_is_as_open_as_any() {
    use std::os::unix::fs::PermissionsExt;

    let parent = tempfile::tempdir().unwrap();
    let mode =
        |name: &str| fs::metadata(parent.path().join(name)).unwrap().permissions().mode() & 0o777;
    OutputDirectory::create(parent.path().join("ours")).unwrap().commit().unwrap();
    fs::create_dir(parent.path().join("plain")).unwrap();
    assert_eq!(mode("ours"), mode("plain"));
}

#[test]
fn an_existing_directory_keeps_its_other_files() {
    let target = tempfile::tempdir().unwrap();
    let at = |name: &str| target.path().join(name);
    fs::write(at("other"), "other").unwrap();
    fs::write(at("old"), "old").unwrap();
    fs::create_dir(at("f")).unwrap();
    fs::write(at("f/kept"), "kept").unwrap();
    let mut output = OutputDirectory::create(target.path()).unwrap();
    output.write_text("old", "new").unwrap();
    output.folder("f").unwrap().write_text("x", "x").unwrap();
    output.folder("g").unwrap().write_text("y", "y").unwrap();
    output.commit().unwrap();
    assert_eq!(names(target.path()), ["f", "g", "old", "other"]);
    assert_eq!(names(&at("f")), ["kept", "x"]);
    let texts = ["other", "old", "f/kept", "f/x", "g/y"].map(|name| text(at(name)));
    assert_eq!(texts, ["other", "new", "kept", "x", "y"]);
}

#[test]
fn what_is_in_the_way_leaves_all_as_it_was() {
    let target = tempfile::tempdir().unwrap();
    let at = |name: &str| target.path().join(name);
    fs::write(at("first"), "old").unwrap();
    fs::create_dir(at("second")).unwrap();
    let mut output = OutputDirectory::create(target.path()).unwrap();
    output.write_text("first", "new").unwrap();
    output.write_text("second", "new").unwrap();
    let error = output.commit().unwrap_err();
    assert!(matches!(error, FileError::InTheWay { .. }), "{error}");
    assert_eq!(names(target.path()), ["first", "second"]);
    assert_eq!(text(at("first")), "old");

    let error = OutputDirectory::create(at("first")).unwrap_err();
    assert!(matches!(error, FileError::InTheWay { .. }), "{error}");
}

#[test]
fn a_failure_halfway_is_undone() {
    let target = tempfile::tempdir().unwrap();
    let at = |name: &str| target.path().join(name);
    fs::write(at("first"), "old").unwrap();
    let mut output = OutputDirectory::create(target.path()).unwrap();
    output.write_text("first", "new").unwrap();
    output.folder("f").unwrap().write_text("second", "new").unwrap();
    let third = output.write_text("third", "new").unwrap();
    fs::remove_file(output.staging.contents().join(third)).unwrap(); // by somebody else
    let error = output.commit().unwrap_err();
    assert!(matches!(error, FileError::Write { .. }), "{error}");
    assert_eq!(names(target.path()), ["first"]);
    assert_eq!(text(at("first")), "old");
}

#[cfg(unix)]
#[test]
fn links_do_not_lead_out() {
    use std::os::unix::fs::symlink;

    let parent = tempfile::tempdir().unwrap();
    let at = |name: &str| parent.path().join(name);
    fs::create_dir(at("elsewhere")).unwrap();
    fs::write(at("elsewhere/x"), "old").unwrap();
    fs::create_dir(at("target")).unwrap();
    symlink(at("elsewhere"), at("target/f")).unwrap();
    symlink(at("elsewhere/x"), at("target/x")).unwrap();

    let mut output = OutputDirectory::create(at("target")).unwrap();
    output.folder("f").unwrap().write_text("x", "new").unwrap();
    assert!(matches!(output.commit(), Err(FileError::InTheWay { .. })), "a linked folder");
    let mut output = OutputDirectory::create(at("target")).unwrap();
    output.write_text("x", "new").unwrap();
    output.commit().unwrap();
    assert_eq!((text(at("elsewhere/x")), text(at("target/x"))), ("old".into(), "new".into()));

    symlink(at("loop"), at("loop")).unwrap();
    assert!(OutputDirectory::create(at("loop")).is_err(), "a link to itself");
}

/// Ends a process in the middle of its work: releases its lock, and does nothing else.
fn kill(output: OutputDirectory) {
    let OutputDirectory { staging, .. } = output;
    staging.abandon();
}

#[test]
fn what_a_killed_process_left_is_removed() {
    let parent = tempfile::tempdir().unwrap();
    let target = parent.path().join("target");
    for round in 0..2 {
        // First beside the target, then within it.
        let mut killed = OutputDirectory::create(&target).unwrap();
        killed.write_text("x", "killed").unwrap();
        kill(killed);
        let place = if round == 0 { parent.path() } else { &target };
        assert_eq!(names(place).iter().filter(|name| name.starts_with(".cofire-")).count(), 1);

        let living = OutputDirectory::create(parent.path().join("living")).unwrap();
        let mut output = OutputDirectory::create(&target).unwrap();
        output.write_text("y", "new").unwrap();
        output.commit().unwrap();
        assert_eq!(names(&target), ["y"]);
        living.commit().unwrap();
        assert_eq!(names(parent.path()), ["living", "target"]);
    }
}

/// Tests processes that were killed between making the directory, making its lock and locking it.
#[test]
fn what_a_process_left_before_it_held_its_lock_is_removed() {
    let parent = tempfile::tempdir().unwrap();
    fs::create_dir(parent.path().join(".cofire-empty1")).unwrap();
    fs::create_dir(parent.path().join(".cofire-begun1")).unwrap();
    fs::write(parent.path().join(".cofire-begun1/unlocked"), "").unwrap();
    fs::create_dir(parent.path().join(".cofire-living")).unwrap();
    let living = File::create(parent.path().join(".cofire-living/unlocked")).unwrap();
    living.lock().unwrap();
    drop(OutputDirectory::create(parent.path().join("target")).unwrap());
    assert_eq!(names(parent.path()), [".cofire-living"]);
}

/// Makes directories at the same time in the same place. Each thread may take a new one of another for an
/// abandoned one.
#[test]
fn directories_can_be_made_side_by_side() {
    let parent = tempfile::tempdir().unwrap();
    std::thread::scope(|scope| {
        for thread in 0..4 {
            let parent = parent.path();
            scope.spawn(move || {
                for round in 0..50 {
                    let target = parent.join(format!("{thread}-{round}"));
                    let mut output = OutputDirectory::create(target).unwrap();
                    output.write_text("x", "y").unwrap();
                    output.commit().unwrap();
                }
            });
        }
    });
    let names = names(parent.path());
    assert_eq!(names.len(), 200, "{names:?}");
}

#[test]
fn a_commit_that_was_begun_is_finished() {
    let target = tempfile::tempdir().unwrap();
    let at = |name: &str| target.path().join(name);
    fs::write(at("first"), "old").unwrap();
    fs::write(at("second"), "old").unwrap();
    fs::write(at("other"), "old").unwrap();
    let mut killed = OutputDirectory::create(target.path()).unwrap();
    for name in ["first", "second", "third"] {
        killed.write_text(name, "killed").unwrap();
    }
    killed.folder("f").unwrap().write_text("fourth", "killed").unwrap();
    // The first file has been moved, and the second is on its way.
    let replaced = killed.staging.begin_merge().unwrap();
    fs::rename(at("first"), replaced.join("0")).unwrap();
    fs::rename(killed.staging.contents().join("first"), at("first")).unwrap();
    fs::rename(at("second"), replaced.join("1")).unwrap();
    kill(killed);

    drop(OutputDirectory::create(target.path()).unwrap());
    assert_eq!(names(target.path()), ["f", "first", "other", "second", "third"]);
    let texts = ["first", "second", "third", "f/fourth", "other"].map(|name| text(at(name)));
    assert_eq!(texts, ["killed", "killed", "killed", "killed", "old"]);
}

#[cfg(unix)]
#[test]
fn what_only_looks_left_behind_stays() {
    use std::os::unix::fs::symlink;

    let parent = tempfile::tempdir().unwrap();
    let at = |name: &str| parent.path().join(name);
    fs::create_dir(at("elsewhere")).unwrap();
    fs::write(at("elsewhere/lock"), "").unwrap();
    symlink(at("elsewhere"), at(".cofire-link")).unwrap();
    fs::create_dir(at(".cofire-without")).unwrap();
    fs::write(at(".cofire-without/file"), "").unwrap();
    fs::create_dir(at(".cofire-linked")).unwrap();
    symlink(at("elsewhere/lock"), at(".cofire-linked/lock")).unwrap();
    fs::write(at(".cofire-file"), "").unwrap();
    let before = names(parent.path());
    drop(OutputDirectory::create(parent.path()).unwrap());
    assert_eq!(names(parent.path()), before);
    assert_eq!(names(&at("elsewhere")), ["lock"]);
}
