//! Tests that Ctrl-C gives exit status 130 and leaves nothing half done.

#![cfg(unix)]
#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, and says so by panicking"
)]

mod common;

use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use common::{Place, Run, npy};
use npyz::Order;

#[test]
fn an_interrupted_run_writes_nothing() {
    let place = Place::new();
    // The work takes seconds on many cores.
    let (samples, neurons) = (6000u32, 3000u32);
    let values: Vec<u8> = (0..samples * neurons)
        .map(|index| index.wrapping_mul(2_654_435_761).to_le_bytes()[3])
        .collect();
    place.put("x.npy", npy(&[samples.into(), neurons.into()], Order::C, &values));

    for how in [
        &["--bins", "256"][..],
        &["--bins", "2", "--significance", "permutation", "--permutations", "1000000"],
        &["--estimator", "ksg"],
    ] {
        let arguments = ["analyze", "x.npy", "--engine", "cpu", "--threads", "1", "--out", "a/out"];
        let mut command = common::cofire(place.path(), &[&arguments, how].concat());
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // The temporary directory appears just before the work begins.
        while !place.path().join("a").exists() {
            assert!(child.try_wait().unwrap().is_none(), "{how:?} ended early");
            thread::sleep(Duration::from_millis(5));
        }
        thread::sleep(Duration::from_millis(700));
        // Send the signal twice, as `timeout` does to a process and its group. One command does both:
        // on a busy machine, a second command could start so late that its signal counts as a new wish.
        let id = child.id().to_string();
        let kill = Command::new("kill").args(["-INT", &id, &id]).status().unwrap();
        assert!(kill.success(), "kill");
        let run = Run::from(child.wait_with_output().unwrap());
        assert_eq!(run.status, 130, "{how:?}: {run:?}");
        assert_eq!(run.stderr, "error: interrupted; nothing was written\n");
        assert_eq!(run.stdout, "");
        assert_eq!(place.tree(), ["x.npy"]);
    }
}
