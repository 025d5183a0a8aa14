//! Tests of what `cofire devices` prints, whatever adapters this machine has.

use serde_json::Value;

use crate::common::Place;

#[test]
fn text_and_json_agree() {
    let place = Place::new();
    let text = place.run(&["devices"]);
    assert_eq!(text.status, 0, "{text:?}");
    assert!(text.stdout.contains("auto would use: "), "{text:?}");
    let json = place.run(&["devices", "--json"]);
    assert_eq!(json.status, 0, "{json:?}");
    let devices: Value = serde_json::from_str(&json.stdout).unwrap();
    for adapter in devices["adapters"].as_array().unwrap() {
        assert!(text.stdout.contains(adapter["label"].as_str().unwrap()), "{text:?}");
        assert!(adapter["limits"]["workgroup_storage_bytes"].is_u64(), "{adapter}");
    }
    assert!(["cpu", "gpu"].contains(&devices["auto"]["engine"].as_str().unwrap()), "{devices}");
}

#[cfg(feature = "gpu")]
#[test]
fn a_machine_without_adapters_is_told_what_to_install() {
    let place = Place::new();
    let mut command = crate::common::cofire(place.path(), &["devices"]);
    command.env("VK_DRIVER_FILES", "").env("VK_ICD_FILENAMES", "").env("WGPU_BACKEND", "noop");
    let run = crate::common::Run::from(command.output().unwrap());
    assert_eq!(run.status, 0, "{run:?}");
    assert!(run.stdout.contains("no GPU adapters were found"), "{run:?}");
    assert!(run.stdout.contains("mesa-vulkan-drivers"), "{run:?}");
    assert!(run.stdout.contains("auto would use: the CPU"), "{run:?}");
}

#[cfg(not(feature = "gpu"))]
#[test]
fn a_build_without_the_gpu_engine_says_so() {
    let place = Place::new();
    let run = place.run(&["devices"]);
    assert!(run.stdout.contains("this build of cofire has no GPU engine"), "{run:?}");
    place.put("x.npy", crate::common::plain_npy());
    let run = place.run(&["analyze", "x.npy", "--engine", "gpu"]);
    assert_eq!(run.status, 2, "{run:?}");
    assert!(run.stderr.contains("cargo install --path crates/cli"), "{run:?}");
}
