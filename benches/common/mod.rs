//! The parts that benches share: workloads, places to compute, and a check of every answer before it is
//! timed.

#![allow(dead_code, reason = "each bench uses its own part of this file")]
#![allow(clippy::expect_used, reason = "a bench that cannot go on says so by panicking")]

pub(crate) mod naive;
pub(crate) mod workload;

use std::fmt;
use std::hint::black_box;
use std::time::Duration;

use cofire::report::Timings;
use cofire::{Analysis, Engine, Kernel, OnDeviceFailure, Report};
use criterion::Criterion;
use ndarray::Array2;

use workload::Workload;

/// Returns settings with enough samples to see a change of a few per cent, and few enough to end in minutes.
pub(crate) fn criterion() -> Criterion {
    Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
}

/// Returns the job, or a smaller one if criterion only tests whether benches work. It only tests them unless
/// `cargo bench` runs them, or if it is given `--test`.
pub(crate) fn sized(job: Workload) -> Workload {
    let is_asked = |option: &str| std::env::args().any(|argument| argument == option);
    if is_asked("--bench") && !is_asked("--test") {
        job
    } else {
        Workload { samples: job.samples.min(600), neurons: job.neurons.min(40), ..job }
    }
}

/// A place to compute a job: the CPU, or an adapter that was opened before the clock runs.
#[derive(Debug)]
pub(crate) struct Place {
    label: String,
    engine: Engine,
    is_software: bool,
}

impl Place {
    /// Returns the CPU, and the best adapter if there is one.
    pub(crate) fn all() -> Vec<Self> {
        std::iter::once(Self::cpu()).chain(best_adapter()).collect()
    }

    /// Returns the CPU, with its best instruction set or the one that the environment asks for.
    pub(crate) fn cpu() -> Self {
        let label = format!("CPU with {}", cofire::execution::simd_level());
        Self { label, engine: Engine::Cpu, is_software: false }
    }

    /// Returns settings that compute in this place only, even if the device fails.
    pub(crate) fn analysis(&self, bins: usize) -> Analysis {
        Analysis::new(bins).engine(self.engine.clone()).on_device_failure(OnDeviceFailure::Fail)
    }

    /// Returns whether a job of this size ends in reasonable time here. Software adapters run at a hundredth
    /// of the speed of a GPU.
    pub(crate) fn is_fast_enough(&self, pair_samples: u64) -> bool {
        !self.is_software || pair_samples <= 100_000_000
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)
    }
}

#[cfg(feature = "gpu")]
fn best_adapter() -> Option<Place> {
    match cofire::gpu::Gpu::open(None) {
        Ok(gpu) => Some(Place {
            label: gpu.adapter().to_string(),
            is_software: gpu.adapter().is_software,
            engine: gpu.into(),
        }),
        Err(error) => {
            eprintln!("no GPU is timed: {error}");
            None
        }
    }
}

#[cfg(not(feature = "gpu"))]
fn best_adapter() -> Option<Place> {
    eprintln!("no GPU is timed: built without the feature `gpu`");
    None
}

/// Runs the job.
pub(crate) fn run(analysis: &Analysis, activations: &Array2<f32>) -> Report {
    analysis.run(activations.view()).expect("the job runs")
}

/// Runs the job once and compares it with the naive loop. On a GPU this first run also creates the
/// pipelines, so that no later one has to.
pub(crate) fn check(analysis: &Analysis, activations: &Array2<f32>) {
    naive::assert_agrees(&run(analysis, activations), activations.view());
}

/// Returns the time that one stage takes in `iterations` runs of a job, as criterion's `iter_custom` needs
/// it.
pub(crate) fn time_stage(
    iterations: u64,
    analysis: &Analysis,
    activations: &Array2<f32>,
    stage: fn(&Timings) -> Duration,
) -> Duration {
    (0..iterations).map(|_| stage(&black_box(run(analysis, activations)).timings)).sum()
}

/// Returns the kernels that can count this many bins.
pub(crate) fn kernels(bins: usize) -> impl Iterator<Item = Kernel> {
    Kernel::ALL.into_iter().filter(move |kernel| bins <= kernel.max_bins())
}
