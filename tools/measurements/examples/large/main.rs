//! An example that finds the strongest partners of neurons whose matrix would be too large, and
//! measures time and memory.
//!
//! `cargo run --release -p cofire-measurements --example large -- features` sweeps 50,000 sparse binary
//! features over 100,000 samples; `-- neurons` sweeps 16,384 neurons over 10,000 samples in 10
//! bins. The activations are made as they are read, so they need no disk space.

mod sources;

use std::error::Error;
use std::ops::ControlFlow;
use std::time::Instant;

use clap::{Parser, ValueEnum};
use cofire::{Analysis, Batches, Binning, Engine, Selection};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// The number of neurons in all feed-forward layers of a language model with seven billion
/// parameters: 32 layers of 14,336.
const NEURONS_OF_A_LARGE_MODEL: f64 = 458_752.0;

/// The kind of layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Kind {
    /// Sparse features that fire or do not. Some fire together.
    Features,
    /// Dense neurons. Some follow each other.
    Neurons,
}

/// Sweeps all pairs of a large layer, and prints time and memory.
#[derive(Debug, Parser)]
struct Arguments {
    /// Kind of layer.
    kind: Kind,
    /// Number of neurons [default: 50,000 features, 16,384 neurons].
    #[arg(long)]
    neurons: Option<usize>,
    /// Number of samples [default: 100,000 for features, 10,000 for neurons].
    #[arg(long)]
    samples: Option<usize>,
    /// Number of partners of each neuron.
    #[arg(long, default_value_t = 10)]
    strongest: usize,
    /// False-discovery rate: selects all pairs found at this rate instead of the strongest.
    #[arg(long)]
    false_discovery_rate: Option<f64>,
    /// Memory limit of the job in MiB [default: three quarters of the free memory].
    #[arg(long)]
    memory: Option<u64>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    let (neurons, samples, binning) = match arguments.kind {
        Kind::Features => (50_000, 100_000, Binning::Threshold(0.0)),
        Kind::Neurons => (16_384, 10_000, Binning::equal_width(10)),
    };
    let neurons = arguments.neurons.unwrap_or(neurons);
    let samples = arguments.samples.unwrap_or(samples);
    let mut analysis = Analysis::with_binning(binning).engine(Engine::Auto).progress(|progress| {
        if let Some(left) = progress.remaining {
            eprint!("\r{:3.0} %, {:5.0} s left ", 100.0 * progress.fraction(), left.as_secs_f64());
        }
        ControlFlow::Continue(())
    });
    if let Some(mib) = arguments.memory {
        analysis = analysis.memory_limit(mib << 20);
    }
    let selection = match arguments.false_discovery_rate {
        Some(rate) => Selection::FalseDiscoveryRate(rate),
        None => Selection::Strongest(arguments.strongest),
    };

    let clock = Instant::now();
    let mut features = sources::Features { samples, neurons };
    let mut dense = sources::Neurons { samples, neurons };
    let source: &mut dyn Batches = match arguments.kind {
        Kind::Features => &mut features,
        Kind::Neurons => &mut dense,
    };
    let layer = analysis.encode_batches(source)?;
    let reading = clock.elapsed().as_secs_f64();
    let clock = Instant::now();
    let report = analysis.sweep(layer, selection)?.run()?;
    let sweeping = clock.elapsed().as_secs_f64();

    eprintln!();
    let computed = (report.pairs_in_all - report.pairs_passed_over) as f64;
    let rate = report.pairs_in_all as f64 * samples as f64 / sweeping;
    let rate_of_computed = computed * samples as f64 / report.timings.pairs.as_secs_f64();
    println!("{neurons} neurons x {samples} samples, {selection:?}");
    if let Some(execution) = &report.execution {
        println!("engine           {}, {}", execution.engine(), execution.kernel);
    }
    println!("read and encoded {reading:.1} s, {} bytes of codes in a file", report.spilled_bytes);
    println!("swept            {sweeping:.1} s: {:.1} G pair-samples/s", rate / 1e9);
    println!("computed         {:.1} G pair-samples/s", rate_of_computed / 1e9);
    let passed_over = report.pairs_passed_over as f64 / report.pairs_in_all as f64;
    println!("passed over      {:.1} % of {} pairs", 100.0 * passed_over, report.pairs_in_all);
    println!("selected         {} pairs", report.pairs.len());
    println!("memory           {:.2} GiB at most", ALLOCATOR.peak_usage_as_gb());
    println!("planned          {:.2} GiB", report.memory.planned as f64 / f64::from(1 << 30));
    let matrix = 8.0 * (neurons as f64).powi(2) / f64::from(1 << 30);
    println!("a dense matrix   {matrix:.2} GiB");
    let pairs = NEURONS_OF_A_LARGE_MODEL * (NEURONS_OF_A_LARGE_MODEL + 1.0) / 2.0;
    let hours = pairs * samples as f64 / rate_of_computed / 3600.0;
    println!("458,752 neurons  {hours:.1} hours at that speed over so many samples (projected)");
    Ok(())
}
