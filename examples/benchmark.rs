//! Times one job, stage by stage, on one engine.
//!
//! ```text
//! cargo run --release --features files --example benchmark -- --workload w3 --engine cpu
//! cargo run --release --features files --example benchmark -- --input layer.npy --bins 30 --json
//! ```
//!
//! The first run also opens the engine and, on a GPU, creates the pipelines: it is stated apart,
//! as cold. Of the others the fastest is stated. `cargo bench` checks answers and compares.

#[path = "../benches/common/workload.rs"]
mod workload;

use std::error::Error;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::builder::PossibleValuesParser;
use clap::{Parser, ValueEnum};
use cofire::gpu::Gpu;
use cofire::{Analysis, Engine, Kernel, OnDeviceFailure, Report, files};
use ndarray::Array2;
use serde_json::json;

use workload::{WORKLOADS, Workload};

/// Times the entropies and the mutual information of all pairs of neurons, stage by stage.
#[derive(Debug, Parser)]
struct Arguments {
    /// A synthetic workload; w5 is for a large GPU
    #[arg(
        long,
        default_value = "w1",
        value_parser = PossibleValuesParser::new(WORKLOADS.map(|workload| workload.name)),
        conflicts_with_all = ["input", "layer", "bins"]
    )]
    workload: String,
    /// Activations from a .npy, .npz or .safetensors file instead
    #[arg(long, value_name = "FILE")]
    input: Option<PathBuf>,
    /// The layer of that file, if it has several
    #[arg(long, value_name = "NAME", requires = "input")]
    layer: Option<String>,
    /// Bins for that file
    #[arg(long, default_value_t = 10, requires = "input")]
    bins: usize,
    /// Which engine computes; auto takes a GPU if there is one
    #[arg(long, value_enum, default_value = "auto")]
    engine: EngineKind,
    /// Part of an adapter's label, such as nvidia or Vulkan/llvmpipe; for the GPU engine
    #[arg(long, value_name = "NAME")]
    adapter: Option<String>,
    /// Which kernel counts [default: the fastest for the number of bins]
    #[arg(long, value_parser = PossibleValuesParser::new(Kernel::ALL.map(Kernel::name)))]
    kernel: Option<String>,
    /// Threads of the CPU engine [default: one a core]
    #[arg(long)]
    threads: Option<usize>,
    /// Runs after the first, of which the fastest counts
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
    repeat: u32,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum EngineKind {
    Auto,
    Cpu,
    Gpu,
}

/// What is computed: its name, activations and number of bins.
struct Input {
    name: String,
    activations: Array2<f32>,
    bins: usize,
}

impl Input {
    fn read(arguments: &Arguments) -> Result<Self, Box<dyn Error>> {
        if let Some(path) = &arguments.input {
            let layer = files::read_layer(path, arguments.layer.as_deref())?;
            let (name, bins) = (layer.name, arguments.bins);
            return Ok(Self { name, activations: layer.activations, bins });
        }
        let known = WORKLOADS.iter().find(|workload| workload.name == arguments.workload);
        let workload = known.ok_or("no such workload")?;
        let (name, bins) = (workload.name.to_owned(), workload.bins);
        Ok(Self { name, activations: workload.activations(), bins })
    }

    fn pair_samples(&self) -> u64 {
        let (samples, neurons) = self.activations.dim();
        Workload { name: "", samples, neurons, bins: self.bins }.pair_samples()
    }
}

/// How long one run took.
#[derive(Debug, Clone, Copy)]
struct Times {
    discretize: Duration,
    open_engine: Duration,
    pairs: Duration,
    whole: Duration,
}

impl Times {
    fn stages(&self) -> [(&'static str, Duration); 4] {
        [
            ("discretize", self.discretize),
            ("open_engine", self.open_engine),
            ("pairs", self.pairs),
            ("whole", self.whole),
        ]
    }

    fn json(&self) -> serde_json::Value {
        let seconds = |(name, time): (&str, Duration)| (name.to_owned(), json!(time.as_secs_f64()));
        serde_json::Value::Object(self.stages().map(seconds).into_iter().collect())
    }
}

fn run(analysis: &Analysis, input: &Input) -> Result<(Report, Times), cofire::Error> {
    let clock = Instant::now();
    let report = analysis.run(input.activations.view())?;
    let whole = clock.elapsed();
    let cofire::Timings { discretize, open_engine, pairs, .. } = report.timings;
    Ok((report, Times { discretize, open_engine, pairs, whole }))
}

/// An engine that stays open from run to run.
fn open(arguments: &Arguments) -> Result<Engine, cofire::Error> {
    match (arguments.engine, &arguments.adapter) {
        (EngineKind::Auto, None) => Ok(Engine::Auto),
        (EngineKind::Cpu, _) => Ok(Engine::Cpu),
        (EngineKind::Auto | EngineKind::Gpu, name) => Gpu::open(name.as_deref()).map(Engine::Gpu),
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let arguments = Arguments::parse();
    if arguments.engine == EngineKind::Cpu && arguments.adapter.is_some() {
        return Err("--adapter is for the GPU engine; leave out --engine cpu".into());
    }
    let threads = arguments.threads.unwrap_or(0); // 0: as many as there are cores
    rayon::ThreadPoolBuilder::new().num_threads(threads).build_global()?;
    let input = Input::read(&arguments)?;

    let clock = Instant::now();
    let engine = open(&arguments)?;
    let opening = clock.elapsed();
    // A run that the CPU rescued would be the time of neither.
    let mut analysis =
        Analysis::new(input.bins).engine(engine).on_device_failure(OnDeviceFailure::Fail);
    let chosen = Kernel::ALL.into_iter().find(|k| Some(k.name()) == arguments.kernel.as_deref());
    if let Some(kernel) = chosen {
        analysis = analysis.kernel(kernel);
    }

    let (mut report, mut cold) = run(&analysis, &input)?;
    cold.open_engine += opening;
    cold.whole += opening;
    let mut best: Option<Times> = None;
    for _ in 0..arguments.repeat {
        let (next, times) = run(&analysis, &input)?;
        report = next;
        best = best.filter(|best| best.whole <= times.whole).or(Some(times));
    }
    let best = best.unwrap_or(cold);
    if arguments.json {
        println!("{:#}", as_json(&arguments, &input, &report, &cold, &best));
    } else {
        print(&arguments, &input, &report, &cold, &best);
    }
    Ok(())
}

fn as_json(
    arguments: &Arguments,
    input: &Input,
    report: &Report,
    cold: &Times,
    best: &Times,
) -> serde_json::Value {
    let adapter = report.execution.adapter.as_ref();
    let seconds = best.whole.as_secs_f64();
    json!({
        "workload": input.name,
        "samples": report.samples,
        "neurons": report.entropy.len(),
        "bins": input.bins,
        "engine": report.execution.engine(),
        "adapter": adapter.map(ToString::to_string),
        "driver": adapter.map(|adapter| &adapter.driver),
        "kernel": report.execution.kernel.name(),
        "threads": rayon::current_num_threads(),
        "repeat": arguments.repeat,
        "seconds": seconds,
        "pair_samples": input.pair_samples(),
        "pair_samples_per_second": input.pair_samples() as f64 / seconds,
        "stages": best.json(),
        "cold": cold.json(),
    })
}

fn print(arguments: &Arguments, input: &Input, report: &Report, cold: &Times, best: &Times) {
    let (samples, neurons) = input.activations.dim();
    let pair_samples = input.pair_samples() as f64;
    println!(
        "workload   {}: {samples} samples, {neurons} neurons, {} bins",
        input.name, input.bins
    );
    match &report.execution.adapter {
        Some(adapter) => println!("engine     gpu: {adapter}, driver {}", adapter.driver),
        None => println!("engine     cpu: {} threads", rayon::current_num_threads()),
    }
    println!("kernel     {}\n", report.execution.kernel);
    println!("milliseconds    cold, once   best of {}", arguments.repeat);
    for ((stage, cold), (_, best)) in cold.stages().into_iter().zip(best.stages()) {
        let milliseconds = |time: Duration| time.as_secs_f64() * 1e3;
        println!("{stage:<12} {:>13.3} {:>12.3}", milliseconds(cold), milliseconds(best));
    }
    let speed = |time: Duration| pair_samples / time.as_secs_f64() / 1e9;
    println!(
        "\n{:.3} G pair-samples/s, {:.3} in the pair stage",
        speed(best.whole),
        speed(best.pairs)
    );
}
