//! Options of the engine.

use std::num::NonZeroUsize;

use clap::{Args, ValueEnum};
use cofire::Kernel;

use super::by_name;
use super::size::parse_size;

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Engine")]
pub(crate) struct EngineArguments {
    /// Engine to compute with [default: auto]
    ///
    /// All engines give the same results, to the last bit. auto takes a GPU if there is a real one,
    /// otherwise the CPU; `cofire devices` shows which. With --estimator ksg, auto takes the CPU.
    #[arg(long, value_enum)]
    pub(crate) engine: Option<EngineArgument>,

    /// GPU adapter whose label contains NAME; implies --engine gpu
    ///
    /// Upper and lower case do not matter. `cofire devices` shows the labels.
    #[arg(long, value_name = "NAME")]
    pub(crate) adapter: Option<String>,

    /// Threads for all work on the CPU [default: one per core]
    #[arg(long, value_name = "N")]
    pub(crate) threads: Option<NonZeroUsize>,

    /// Limit on the GPU memory of a job, such as 500M or 4G [default: 2G]
    ///
    /// Data that do not fit at once are uploaded again when they are needed. K, M, G and T are
    /// powers of 1024.
    #[arg(long, value_name = "SIZE", value_parser = parse_size, help_heading = "Advanced")]
    #[arg(hide_short_help = true)]
    pub(crate) device_memory: Option<u64>,

    /// Kernel that counts joint histograms; affects only the time
    ///
    /// joint_histogram, positional_popcount, private_counters, or for two bins bitset. The default
    /// is the one that is likely the fastest. For a GPU's jobs of a second or more it is measured.
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
