//! Tests that every kernel compiles for cards that are not present. These tests fail without RADV,
//! which `.ci/run` installs before it runs them.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, and says so by panicking"
)]

use std::process::{Command, Output};

/// The classes of instructions. Each instruction is in exactly one.
const CLASSES: [&str; 8] =
    ["vector", "scalar", "scalar_loads", "loads", "stores", "workgroup", "control", "hints"];

fn sum(counts: &serde_json::Value, classes: &[&str]) -> f64 {
    classes.iter().map(|&class| counts[class].as_f64().unwrap()).sum()
}

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kernel_statistics")).args(arguments).output().unwrap()
}

fn output(arguments: &[&str]) -> String {
    let output = run(arguments);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn every_kernel_compiles_and_its_cost_is_known() {
    let json = output(&["--family", "gfx1100,polaris10", "--bins", "2,10,16,30,100", "--json"]);
    let records: serde_json::Value = serde_json::from_str(&json).unwrap();
    let records = records.as_array().unwrap();
    for family in ["gfx1100", "polaris10"] {
        for bins in [2, 10, 16, 30, 100] {
            let sources = cofire::gpu::kernel_sources(bins, 64);
            let found: Vec<_> = records
                .iter()
                .filter(|record| record["family"] == family && record["bins"] == bins)
                .collect();
            assert_eq!(found.len(), sources.len(), "{family}, {bins} bins");
            for (record, source) in found.iter().zip(sources) {
                let context = format!("{} for {family}, {bins} bins", source.name);
                assert_eq!(record["kernel"], source.name, "{context}");
                assert!(record["statistics"]["VGPRs"].as_u64() > Some(0), "{context}");
                let instructions = record["statistics"]["Instructions"].as_f64().unwrap();
                assert!(instructions > 0.0, "{context}");
                // No instruction of the listing was missed: the driver counts the same number.
                assert_eq!(instructions, sum(&record["whole"], &CLASSES), "{context}");
                // `src/work.rs` states the number of pair-samples that an iteration of the loop
                // counts.
                if source.max_chunk.is_some() {
                    let vector = &record["pair_sample"]["vector"];
                    assert!(vector.as_f64() > Some(0.0), "{context}: {vector}");
                    let operations = &record["spirv_pair_sample"]["vector"];
                    assert!(operations.as_f64() > Some(0.0), "{context}: {operations}");
                }
                assert!(record["cell"]["vector"].as_f64() > Some(0.0), "{context}");
            }
        }
    }
}

#[test]
fn only_the_plain_kernel_uses_an_atomic_for_each_pair_sample() {
    let json = output(&["--family", "gfx1100", "--bins", "10", "--json"]);
    let records: serde_json::Value = serde_json::from_str(&json).unwrap();
    let workgroup = |kernel: &str| {
        let mut records = records.as_array().unwrap().iter();
        let record = records.find(|record| record["kernel"] == kernel).unwrap();
        record["pair_sample"]["workgroup"].as_f64().unwrap()
    };
    assert_eq!(workgroup("joint_histogram"), 1.0);
    assert_eq!(workgroup("positional_popcount"), 0.0);
}

#[test]
fn bounds_are_printed_for_every_card() {
    let text = output(&["--roofline"]);
    assert_eq!(text.matches("### ").count(), 5, "{text}");
    assert_eq!(text.matches("| joint_histogram").count(), 5, "{text}");
}

#[test]
fn errors_say_what_to_do() {
    let missing = run(&["--driver", "/nowhere/radeon_icd.json"]);
    let unknown = run(&["--family", "nosuchcard", "--bins", "2"]);
    for (output, advice) in
        [(missing, "apt-get install mesa-vulkan-drivers"), (unknown, "nosuchcard")]
    {
        let message = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success(), "{message}");
        assert!(message.contains(advice), "{message}");
    }
}
