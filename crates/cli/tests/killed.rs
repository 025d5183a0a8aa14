//! Tests that a job killed at any moment continues where it stopped, and that its results are those
//! of an undisturbed run, byte for byte.
//!
//! `COFIRE_KILL_TRIALS` sets the number of trials. Each trial has its own moments.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, and says so by panicking"
)]

mod common;

use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use common::{Place, Run, npy};
use npyz::Order;

/// The default number of trials, enough to find frequent errors. `RELIABILITY.md` reports more.
const TRIALS: u64 = 20;

/// The numbers of samples and neurons.
const SHAPE: (u64, u64) = (400, 112);
/// The edge of the 105 blocks.
const EDGE: &str = "8";
const BLOCKS: usize = 105;

fn place() -> Place {
    place_of(SHAPE)
}

/// Makes a folder with a layer of this shape, `x.npy`.
fn place_of(shape: (u64, u64)) -> Place {
    let place = Place::new();
    let values: Vec<u8> = (0..shape.0 * shape.1)
        .map(|k| {
            let (sample, neuron) = (k / shape.1, k % shape.1);
            let mixed = (sample * 7919 + (neuron / 3) * 104_729).wrapping_mul(2_654_435_761);
            u8::try_from((mixed >> 16) % 256 / (1 + neuron % 7)).unwrap()
        })
        .collect();
    place.put("x.npy", npy(&[shape.0, shape.1], Order::C, &values));
    place
}

fn command(place: &Place, how: &[&str], more: &[&str]) -> Command {
    let threads = ["--threads", "1", "--engine", "cpu", "--block-edge", EDGE];
    let arguments = [&["pairs", "x.npy"], how, &threads[..], more].concat();
    let mut command = common::cofire(place.path(), &arguments);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Counts the finished blocks.
fn finished(job: &Path) -> usize {
    let Ok(entries) = fs::read_dir(job) else { return 0 };
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    names.filter(|name| name.starts_with("block-") && !name.ends_with(".partial")).count()
}

/// A generator of pseudo-random numbers. Its state starts from the number of the trial.
struct Moments(u64);

impl Moments {
    fn below(&mut self, bound: usize) -> usize {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % bound
    }
}

/// Waits until there are `blocks` blocks or the process has ended, spins for `turns` turns, and
/// kills the process. Returns whether it was still running.
fn kill(child: &mut Child, job: &Path, blocks: usize, turns: usize) -> bool {
    while finished(job) < blocks && child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    for turn in 0..turns {
        std::hint::black_box(turn);
    }
    let was_running = child.try_wait().unwrap().is_none();
    // Sends SIGKILL. It is not an error if the process has just ended.
    child.kill().unwrap();
    let status = child.wait().unwrap();
    was_running && !status.success()
}

/// Reads every file of a result but `summary.json` and `digests.json`, which depend on how the result was
/// computed and on the blocks that were passed over.
fn results(place: &Place, out: &str) -> Vec<(String, Vec<u8>)> {
    let prefix = format!("{out}/");
    let names = place.tree().into_iter().filter_map(|name| {
        let name = name.strip_prefix(&prefix)?;
        let is_result = !["", "summary.json", "digests.json"].contains(&name);
        is_result.then(|| name.to_owned())
    });
    names.map(|name| (name.clone(), place.bytes(&format!("{out}/{name}")))).collect()
}

#[test]
fn a_job_that_is_killed_goes_on_where_it_was() {
    let trials = match std::env::var("COFIRE_KILL_TRIALS") {
        Ok(trials) => trials.parse().unwrap(),
        Err(_) => TRIALS,
    };
    let (mut kills, mut kept_in_all) = (0, 0);
    let place = place();
    let selections = [
        &["--strongest", "2"][..],
        &["--at-least", "0.5"],
        &["--false-discovery-rate", "0.01"],
        &["--all"],
    ];
    for (first, how) in (0..).zip(selections) {
        let run = Run::from(command(&place, how, &["--out", "whole"]).output().unwrap());
        assert_eq!(run.status, 0, "{run:?}");
        let expected = results(&place, "whole");
        assert!(expected.len() >= 2, "{expected:?}");
        for trial in (first..trials).step_by(selections.len()) {
            let mut moments = Moments(trial.wrapping_mul(0x9e37_79b9_7f4a_7c15));
            let job = place.path().join("job");
            let more = ["--job", "job", "--out", "out"];
            // Kill the job two to four times. The last kill may come while results are being
            // written.
            for _ in 0..2 + moments.below(3) {
                let before = finished(&job);
                let until = before + moments.below(BLOCKS / 3);
                let turns = moments.below(2_000_000);
                let mut child = command(&place, how, &more).spawn().unwrap();
                kills += u64::from(kill(&mut child, &job, until.min(BLOCKS), turns));
                assert!(finished(&job) >= before, "trial {trial}: what is finished stays");
            }
            let kept = finished(&job);
            let run = Run::from(command(&place, how, &more).output().unwrap());
            assert_eq!(run.status, 0, "trial {trial}: {run:?}");
            assert!(!run.stderr.contains("damaged"), "trial {trial}: {run:?}");
            if kept > 0 {
                let said = format!("105 of 8 neurons, {kept} finished before");
                assert!(run.stdout.contains(&said), "trial {trial}: {kept} {}", run.stdout);
            }
            kept_in_all += kept;
            assert!(results(&place, "out") == expected, "trial {trial}, {how:?}: other bytes");
            let is_left = |name: &String| name.contains(".cofire-");
            assert!(!place.tree().iter().any(is_left), "trial {trial}: {:?}", place.tree());
            fs::remove_dir_all(job).unwrap();
            fs::remove_dir_all(place.path().join("out")).unwrap();
        }
        fs::remove_dir_all(place.path().join("whole")).unwrap();
    }
    println!("{trials} trials, {kills} kills of running jobs, {kept_in_all} blocks kept");
    // On a busy machine, many jobs end before this process gets to killing them.
    assert!(kills > 0, "all jobs of {trials} trials ended before they were killed");
    assert!(kept_in_all > 0, "blocks are kept");
}

#[test]
fn parts_that_are_killed_go_on_where_they_were() {
    let place = place();
    let how = ["--strongest", "2"];
    let run = Run::from(command(&place, &how, &["--out", "whole"]).output().unwrap());
    assert_eq!(run.status, 0, "{run:?}");
    let job = place.path().join("job");
    let mut moments = Moments(1);
    let start =
        |part: &str| command(&place, &how, &["--job", "job", "--part", part]).spawn().unwrap();
    // Run both parts at once, in one directory, and kill one of them.
    let (mut first, second) = (start("1/2"), start("2/2"));
    kill(&mut first, &job, 1 + moments.below(50), moments.below(1_000_000));
    assert!(second.wait_with_output().unwrap().status.success(), "the other one goes on");
    let again = Run::from(start("1/2").wait_with_output().unwrap());
    assert_eq!(again.status, 0, "{again:?}");
    let merged = place.run(&["merge", "job", "--out", "out"]);
    assert_eq!(merged.status, 0, "{merged:?}");
    assert_eq!(results(&place, "out"), results(&place, "whole"));
}

#[test]
fn a_directory_is_for_one_process_at_a_time() {
    let place = place();
    let how = ["--strongest", "2", "--job", "job"];
    // Hold its lock as another process would.
    fs::create_dir(place.path().join("job")).unwrap();
    let lock = |name: &str| fs::File::create(place.path().join("job").join(name)).unwrap();
    let refused = |more: &[&str], words: &str| {
        let run = Run::from(command(&place, &how, more).output().unwrap());
        assert_eq!(run.status, 1, "{run:?}");
        assert!(run.stderr.contains(words), "{run:?}");
    };
    let all = lock("lock");
    all.lock().unwrap();
    refused(&["--out", "out"], "job is in use: another process works on this job or a part of it");
    refused(&["--part", "1/2"], "job is in use: another process works on all of this job");
    all.unlock().unwrap();
    all.lock_shared().unwrap();
    let part = lock("part-1-of-2.lock");
    part.lock().unwrap();
    refused(&["--out", "out"], "job is in use");
    refused(&["--part", "1/2"], "job is in use: another process works on part 1/2");
    let run = Run::from(command(&place, &how, &["--part", "2/2"]).output().unwrap());
    assert_eq!(run.status, 0, "{run:?}");
    drop((all, part));
    let run = Run::from(command(&place, &how, &["--out", "out"]).output().unwrap());
    assert_eq!(run.status, 0, "{run:?}");
    assert!(run.stdout.contains("52 finished before"), "half of 105 blocks: {}", run.stdout);
}

#[test]
fn an_interrupted_job_says_what_is_kept() {
    // The thousands of blocks take seconds: on a busy machine, the signal comes late.
    let place = place_of((400, 1000));
    let more = ["--strongest", "2", "--job", "job"];
    let mut child = command(&place, &more, &["--out", "out"]).spawn().unwrap();
    let job = place.path().join("job");
    while finished(&job) < 5 {
        assert!(child.try_wait().unwrap().is_none(), "ended early");
        std::thread::yield_now();
    }
    let kill = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(kill.success(), "kill");
    let run = Run::from(child.wait_with_output().unwrap());
    assert_eq!(run.status, 130, "{run:?}");
    let kept = finished(&job);
    let said = format!(
        "error: interrupted; {kept} of 7875 blocks are kept in job; run the same command to continue\n"
    );
    assert_eq!(run.stderr, said);
    assert!(!place.path().join("out").exists(), "nothing half done");
}
