//! Tests of a machine without adapters. A child process plays that machine, so that no other test
//! sees its environment.

#![cfg(feature = "gpu")]

use std::process::Command;

use cofire::gpu::{Gpu, adapters};
use cofire::{Analysis, Engine, Error};
use ndarray::Array2;

/// The name of a variable that is set only for the child.
const IS_CHILD: &str = "COFIRE_TEST_WITHOUT_ADAPTERS";

#[test]
fn a_machine_without_adapters() {
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "child_without_adapters", "--ignored", "--nocapture"])
        .env(IS_CHILD, "1")
        // Use only Vulkan, with a loader that looks for its drivers in a place without any.
        .env("WGPU_BACKEND", "vulkan")
        .env("VK_DRIVER_FILES", "/nonexistent/driver.json")
        .env("VK_ICD_FILENAMES", "/nonexistent/driver.json")
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&child.stdout) + String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success(), "{output}");
    assert!(output.contains("1 passed"), "the child ran no test: {output}");
}

#[test]
#[ignore = "run by a_machine_without_adapters, as a child process"]
fn child_without_adapters() {
    if std::env::var_os(IS_CHILD).is_none() {
        println!("not a child: nothing to do");
        return;
    }
    assert!(adapters().is_empty(), "{:?}", adapters());
    let activations = Array2::from_shape_fn((50, 3), |(s, j)| (s * (j + 2) % 11) as f32);
    for engine in [Engine::best_gpu(), Engine::gpu_named("llvmpipe")] {
        let error = Analysis::new(10).engine(engine.clone()).run(activations.view()).unwrap_err();
        assert!(matches!(error, Error::NoAdapter), "{engine:?}: {error:?}");
        let text = error.to_string();
        for part in ["no GPU adapter", "install", "CPU engine"] {
            assert!(text.contains(part), "{part:?} is missing from {text:?}");
        }
    }
    assert!(matches!(Gpu::open(None), Err(Error::NoAdapter)), "opening the best of none");
    let auto = Analysis::new(10).run(activations.view()).unwrap();
    assert!(auto.execution.adapter.is_none(), "{:?}", auto.execution);
    assert_eq!(auto.execution.engine(), "cpu", "what Auto falls back to");
}
