//! An example that times the estimators from nearest neighbours on a file of activations.
//!
//!     cargo run --release -p cofire-measurements --example neighbors -- FILE.npy [K] [1|2] [ENGINE]

use std::error::Error;
use std::path::PathBuf;
use std::time::Instant;

use cofire::neighbors::KsgAlgorithm;
use cofire::{Engine, NeighborAnalysis};

/// The number of runs, of which the best is reported.
const RUNS: usize = 7;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let path = PathBuf::from(arguments.next().ok_or("the name of a file")?);
    let k = arguments.next().map_or(Ok(3), |k| k.parse())?;
    let algorithm = match arguments.next().as_deref() {
        None | Some("1") => KsgAlgorithm::First,
        Some("2") => KsgAlgorithm::Second,
        Some(other) => return Err(format!("algorithm {other}; there are 1 and 2").into()),
    };
    let engine = match arguments.next() {
        None => Engine::Cpu,
        Some(name) => Engine::gpu_named(name),
    };
    let activations = cofire_files::read_layer(&path, None)?.activations;
    let settings = NeighborAnalysis::new(k).algorithm(algorithm).engine(engine);
    let mut best = f64::INFINITY;
    for _ in 0..RUNS {
        let clock = Instant::now();
        let report = settings.run(activations.view())?;
        let seconds = clock.elapsed().as_secs_f64();
        if seconds < best {
            best = seconds;
            let mean = report.mutual_information.mean().unwrap_or(0.0);
            println!("{seconds:.4} s, {:?}, mean {mean} nats", report.timings);
        }
    }
    let (samples, neurons) = activations.dim();
    let pair_samples = (neurons * (neurons + 1) / 2 * samples) as f64;
    println!("best {best:.4} s, {:.1} M pair-samples a second", pair_samples / best / 1e6);
    Ok(())
}
