//! An example that measures how long a job takes to end after it has been cancelled, at random
//! moments.
//!
//!     cargo run --release -p cofire-measurements --example cancel
//!     cargo run --release -p cofire-measurements --example cancel -- --adapter Vulkan/llvmpipe --smaller 7

use std::error::Error;
use std::thread;
use std::time::{Duration, Instant};

use clap::Parser;
use cofire::gpu::Gpu;
use cofire::{Analysis, CancelToken, Engine};
use ndarray::Array2;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// Cancels jobs at random moments, and prints how long they took to end.
#[derive(Debug, Parser)]
struct Arguments {
    /// GPU adapter whose label contains NAME [default: the CPU]
    #[arg(long, value_name = "NAME")]
    adapter: Option<String>,
    /// Number of cancelled runs of each job
    #[arg(long, default_value_t = 20)]
    trials: usize,
    /// Divisor of the numbers of neurons, for slow adapters
    #[arg(long, default_value_t = 1)]
    smaller: usize,
}

/// The samples, neurons and bins of jobs: wide, long, with many bins, with two bins.
const JOBS: [(usize, usize, usize); 5] = [
    (10_000, 6000, 10),
    (1_000_000, 200, 10),
    (2_000_000, 100, 256),
    (10_000, 2000, 100),
    (50_000, 10_000, 2),
];

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let engine = match &arguments.adapter {
        Some(name) => Gpu::open(Some(name))?.into(), // opened once, as in real programs
        None => Engine::Cpu,
    };
    println!(
        "| samples | neurons | bins | median | longest | of |\n|---:|---:|---:|---:|---:|---:|"
    );
    let mut random = ChaCha8Rng::seed_from_u64(1);
    for (samples, neurons, bins) in JOBS {
        let neurons = (neurons / arguments.smaller.max(1)).max(1);
        let activations =
            Array2::from_shape_simple_fn((samples, neurons), || (random.next_u32() >> 8) as f32);
        let job = |token: &CancelToken| {
            let analysis = Analysis::new(bins).engine(engine.clone()).cancel_token(token);
            analysis.run(activations.view())
        };
        let clock = Instant::now();
        job(&CancelToken::new())?;
        let whole = clock.elapsed();
        let mut latencies = Vec::new();
        for _ in 0..arguments.trials {
            let moment = whole.mul_f64(f64::from(random.next_u32()) / f64::from(u32::MAX));
            let token = CancelToken::new();
            let latency = thread::scope(|scope| {
                let running = scope.spawn(|| {
                    let result = job(&token);
                    (Instant::now(), result.is_err())
                });
                thread::sleep(moment);
                let cancelled = Instant::now();
                token.cancel();
                running.join().map(|(ended, was_stopped)| {
                    was_stopped.then(|| ended.saturating_duration_since(cancelled))
                })
            });
            // A job that had already ended was not stopped.
            latencies.extend(latency.map_err(|_| "a job panicked")?);
        }
        latencies.sort_unstable();
        let median = latencies.get(latencies.len() / 2).copied().unwrap_or(Duration::ZERO);
        let longest = latencies.last().copied().unwrap_or(Duration::ZERO);
        println!(
            "| {samples} | {neurons} | {bins} | {median:.0?} | {longest:.0?} | {} cancelled, \
             whole job {whole:.1?} |",
            latencies.len()
        );
    }
    Ok(())
}
