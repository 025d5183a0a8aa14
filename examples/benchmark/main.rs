//! An example that times one job on one engine, stage by stage, and compares it with the machine's
//! limit.
//!
//! ```text
//! cargo run --release --example benchmark -- --workload w3 --engine cpu
//! cargo run --release --example benchmark -- --input layer.npy --bins 30 --json
//! cargo run --release --example benchmark -- --help
//! ```
//!
//! The first run also opens the engine and, on a GPU, creates the pipelines, so it is reported
//! separately, as cold. Of the other runs, the fastest is reported. `cargo bench` checks answers
//! and compares.

mod arguments;
mod input;
mod limits;
mod output;
mod times;
#[path = "../../benches/common/workload.rs"]
mod workload;

use std::error::Error;
use std::time::Instant;

use clap::Parser;
use cofire::gpu::Gpu;
use cofire::{Adapter, Analysis, Engine, Kernel, OnDeviceFailure};

use arguments::{Arguments, EngineKind};
use input::Input;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    if arguments.engine == EngineKind::Cpu && arguments.adapter.is_some() {
        return Err("--adapter is for the GPU engine; leave out --engine cpu".into());
    }
    check_simd_level()?;
    let threads = arguments.threads.unwrap_or(0); // 0: one per core
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?;
    let input = Input::read(&arguments)?;

    let clock = Instant::now();
    let engine = open(&arguments)?;
    let opening = clock.elapsed();
    // A job that the CPU had to finish would be the time of neither engine.
    let mut analysis =
        Analysis::new(input.bins).engine(engine.clone()).on_device_failure(OnDeviceFailure::Fail);
    let chosen = Kernel::ALL.into_iter().find(|k| Some(k.name()) == arguments.kernel.as_deref());
    if let Some(kernel) = chosen {
        analysis = analysis.kernel(kernel);
    }
    let measurement = times::measure(&analysis, &input, arguments.repeat, opening)?;
    let limits = match &engine {
        Engine::Gpu(Adapter::Opened(gpu)) => limits::of_device(gpu)?,
        _ => limits::of_cpu(),
    };
    let result = output::Output::new(&input, &measurement, &limits);
    if arguments.json {
        result.print_json()
    } else {
        result.print()
    }
    Ok(())
}

/// Fails if the CPU lacks the wanted SIMD level. The library only logs a warning, but a benchmark
/// must stop.
fn check_simd_level() -> Result<(), String> {
    let used = cofire::execution::simd_level();
    match std::env::var("COFIRE_SIMD_LEVEL") {
        Ok(wanted) if !wanted.eq_ignore_ascii_case(used) => {
            Err(format!("COFIRE_SIMD_LEVEL={wanted}: this CPU does not have it"))
        }
        _ => Ok(()),
    }
}

/// Opens an engine, which stays open for all runs.
fn open(arguments: &Arguments) -> Result<Engine, cofire::Error> {
    let name = arguments.adapter.as_deref();
    match arguments.engine {
        EngineKind::Cpu => Ok(Engine::Cpu),
        EngineKind::Auto if name.is_none() => match Gpu::open(None) {
            Ok(gpu) if !gpu.adapter().is_software => Ok(gpu.into()),
            _ => Ok(Engine::Cpu),
        },
        EngineKind::Auto | EngineKind::Gpu => Gpu::open(name).map(Engine::from),
    }
}
