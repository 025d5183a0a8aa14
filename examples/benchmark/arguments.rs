//! The arguments of the command line.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Parser, ValueEnum};
use cofire::Kernel;

use crate::workload::WORKLOADS;

/// Times the entropies and the mutual information of all pairs of neurons, stage by stage, and
/// compares the speed with the limit of this machine.
#[derive(Debug, Parser)]
#[command(after_help = AFTER_HELP)]
pub(crate) struct Arguments {
    /// A synthetic workload: correlated Gaussians, half of them after a ReLU
    #[arg(
        long,
        default_value = "w1",
        value_parser = PossibleValuesParser::new(WORKLOADS.map(|workload| workload.name)),
        conflicts_with_all = ["input", "bins"]
    )]
    pub(crate) workload: String,
    /// Activations from a .npy file of f32 instead, samples × neurons
    #[arg(long, value_name = "FILE")]
    pub(crate) input: Option<PathBuf>,
    /// Number of bins for that file, 2 to 256
    #[arg(long, default_value_t = 10, requires = "input")]
    pub(crate) bins: usize,
    /// Engine to compute with; auto takes a GPU if there is a real one, otherwise the CPU
    #[arg(long, value_enum, default_value = "auto")]
    pub(crate) engine: EngineKind,
    /// Part of an adapter's label, such as nvidia or Vulkan/llvmpipe; for the GPU engine
    #[arg(long, value_name = "NAME")]
    pub(crate) adapter: Option<String>,
    /// Kernel that counts [default: the engine's fastest for the job]
    #[arg(long, value_parser = PossibleValuesParser::new(Kernel::ALL.map(Kernel::name)))]
    pub(crate) kernel: Option<String>,
    /// Threads for all work on the CPU [default: one per core]
    #[arg(long)]
    pub(crate) threads: Option<usize>,
    /// Runs after the first, of which the fastest counts [default: 5 or more, for at least a
    /// second]
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) repeat: Option<u32>,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

const AFTER_HELP: &str = "\
Workloads (samples x neurons, bins):
  w1  1,000 x 256, 10      w2  1,000 x 256, 100     w3  10,000 x 512, 16
  w4  50,000 x 256, 30     w5  100,000 x 2,048, 2 (for a GPU or patience)

What is printed:
  pair-samples  neurons (neurons + 1) / 2 x samples: the work, whatever the number of bins
  discretize    reading extremes, fitting edges, encoding, marginals; on the CPU for every engine
  pairs         counting joint histograms and reducing them to mutual information; kernels do both
                at once, so there is no telling them apart. On a GPU with the transfer, whose
                parts overlap each other and the counting: the host's time to pack and upload
                codes, to read sums back and check them, to wait; and what the device was busy.
  GB/s          bytes of codes that the pair stage gets through: two a pair-sample
  limit         what the pair stage could reach if it only counted: the faster of a carry-save
                adder on every bit of a one-hot code, and one counter incremented a pair-sample.
                Both are measured in this run, on all threads, or on the device. Sorting,
                expanding codes, and the sums over cells come on top, so 100 % is out of reach;
                a kernel that finds a way round counting may still pass it.

Compare engines:   --engine cpu    and   --engine gpu, or --adapter NAME
Compare kernels:   --kernel NAME
Compare CPUs:      COFIRE_SIMD_LEVEL=avx2 (or sse2, sse4.2, avx512) in the environment";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EngineKind {
    Auto,
    Cpu,
    Gpu,
}
