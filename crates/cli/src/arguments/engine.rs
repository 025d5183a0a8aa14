//! What computes.

use std::num::NonZeroUsize;

use clap::{Args, ValueEnum};
use cofire::Kernel;

use super::by_name;
use super::size::parse_size;

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Engine")]
pub(crate) struct EngineArguments {
    /// What computes [default: auto]
    ///
    /// The results are the same to the last bit. auto takes a GPU if there is a real one and else
    /// the CPU; `cofire devices` shows what there is. With --estimator ksg, auto is the CPU.
    #[arg(long, value_enum)]
    pub(crate) engine: Option<EngineArgument>,

    /// The GPU adapter whose label contains NAME; implies --engine gpu
    ///
    /// In any case of letters. `cofire devices` shows the labels.
    #[arg(long, value_name = "NAME")]
    pub(crate) adapter: Option<String>,

    /// Threads of the CPU engine and of work before it [default: one a core]
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,

    /// The most memory of a GPU for a job, such as 500M or 4G [default: 2G]
    ///
    /// What does not fit at once is uploaded again when it is needed. K, M, G and T are powers of 1024.
    #[arg(long, value_name = "SIZE", value_parser = parse_size, help_heading = "Advanced")]
    #[arg(hide_short_help = true)]
    pub(crate) device_memory: Option<u64>,

    /// How joint histograms are counted; only time depends on it
    ///
    /// joint_histogram, positional_popcount, private_counters, or for two bins bitset. Left out, the
    /// fastest for the number of bins is taken.
    #[arg(long, value_name = "NAME", value_parser = parse_kernel, help_heading = "Advanced")]
    #[arg(hide_short_help = true)]
    pub(crate) kernel: Option<Kernel>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EngineArgument {
    Auto,
    Cpu,
    Gpu,
}

fn parse_kernel(text: &str) -> Result<Kernel, String> {
    by_name(text, Kernel::ALL.map(|kernel| (kernel.name(), kernel)))
}
