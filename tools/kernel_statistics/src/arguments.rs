//! The command line.

use std::path::PathBuf;

/// Compiles cofire's kernels with AMD's driver in Mesa, for cards that need not be present. Prints
/// registers, occupancy, instructions, and the number of each that a pair-sample costs.
#[derive(Debug, Clone, clap::Parser)]
#[command(version)]
pub(crate) struct Arguments {
    /// Families of cards, as Mesa's RADV_FORCE_FAMILY names them
    #[arg(long, value_delimiter = ',', default_values = ["gfx1100", "navi21", "vega10", "polaris10"])]
    pub(crate) family: Vec<String>,
    /// Numbers of bins
    #[arg(long, value_delimiter = ',', default_values_t = [2, 10, 16, 30, 100],
          value_parser = bins_in_range)]
    pub(crate) bins: Vec<usize>,
    /// The driver's file, radeon_icd.*.json, if it is not in a usual folder
    #[arg(long)]
    pub(crate) driver: Option<PathBuf>,
    /// Print everything known about every loop, as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// Print the upper bounds for some cards and workloads instead
    #[arg(long, conflicts_with = "json")]
    pub(crate) roofline: bool,
    /// Print machine code instead
    #[arg(long, conflicts_with_all = ["json", "roofline"])]
    pub(crate) assembly: bool,
    /// Compile for the only device that the environment selects, and print JSON. The program starts
    /// itself with this option, because a driver reads its environment only once per process.
    #[arg(long, hide = true)]
    pub(crate) in_this_process: bool,
}

fn bins_in_range(text: &str) -> Result<usize, String> {
    let range = cofire::MIN_BINS..=cofire::MAX_BINS;
    text.parse()
        .ok()
        .filter(|bins| range.contains(bins))
        .ok_or_else(|| format!("bins are {} to {}", range.start(), range.end()))
}
