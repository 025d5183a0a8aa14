//! Arguments of `cofire verify`.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

use super::EngineArguments;
use super::size::parse_size;

/// Check results against their activations, on this machine
///
/// RESULTS is a directory that analyze, pairs or merge has written. The activations are read and
/// binned again with the recorded settings. The entropies of all neurons and some blocks of pairs
/// are computed again, and compared with RESULTS bit for bit.
#[derive(Debug, Args)]
#[command(after_long_help = VERIFY_HELP)]
pub(crate) struct VerifyArguments {
    /// Directory with the results
    #[arg(value_name = "RESULTS")]
    pub(crate) results: PathBuf,

    /// The activations, if they are not where they were
    ///
    /// As many files as were measured, in their order; of pairs, the layer or its shards. By
    /// default, the recorded paths are used, relative to the current directory.
    #[arg(long, value_name = "FILE", num_args = 1.., help_heading = "Input")]
    pub(crate) input: Vec<PathBuf>,

    /// The file of the other layer, if it is not where it was
    #[arg(long, value_name = "FILE", help_heading = "Input")]
    pub(crate) other: Option<PathBuf>,

    /// Name of the array in --input, for results of merge
    ///
    /// Needed if files have several arrays, because parts do not record the name.
    #[arg(long, value_name = "NAME", help_heading = "Input")]
    pub(crate) layer: Option<String>,

    /// Number of blocks of pairs to compute again, or all
    ///
    /// Each layer has up to 528 blocks, more if it has over 65,536 neurons. If a share Q of the
    /// blocks is wrong, N of them miss it with a probability of about (1 - Q)^N.
    #[arg(long, value_name = "N", default_value = "16", help_heading = "What to check")]
    pub(crate) blocks: BlocksArgument,

    /// Seed of the choice of blocks
    ///
    /// The same seed chooses the same blocks.
    #[arg(long, value_name = "S", default_value_t = 0, help_heading = "What to check")]
    pub(crate) seed: u64,

    #[command(flatten)]
    pub(crate) engine: EngineArguments,

    /// Limit on the memory beyond the input, such as 8G, for results of pairs
    #[arg(long, value_name = "SIZE", value_parser = parse_size, help_heading = "Memory")]
    pub(crate) memory: Option<u64>,

    /// Directory for codes that do not fit in memory [default: the system's]
    #[arg(long, value_name = "DIR", help_heading = "Memory")]
    pub(crate) spill_dir: Option<PathBuf>,
}

/// A number of blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum BlocksArgument {
    All,
    Some(usize),
}

impl FromStr for BlocksArgument {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match (text, text.parse()) {
            ("all", _) => Ok(Self::All),
            (_, Ok(0)) | (_, Err(_)) => Err("expected a number from 1 on, or all"),
            (_, Ok(number)) => Ok(Self::Some(number)),
        }
    }
}

const VERIFY_HELP: &str = "\
What is compared:
  The fingerprint of the activations, the entropies, and for each chosen block its digest in
  digests.json and its values in mi.npy or pairs.csv. Then the digest in summary.json with those of
  its blocks. A line says how much was compared, and which files were not. RESULTS may have been
  computed by another engine, kernel or machine, in parts or in batches: the bits are the same.

How two people compare results without this command:
  By the line \"digest\" of the summary. If it is the same, all integers behind the entropies and all
  pairs are the same. It detects mistakes and damage, and no forgery.

Examples:
  cofire verify results
      Compute 16 blocks of each layer again.
  cofire verify results --input /data/activations.npy --blocks all --engine cpu
      Compute everything again on the CPU, from activations that are elsewhere now.
  cofire verify results --blocks 50 --seed 7
      Compute 50 other blocks.

Exit status: 0 if all that was compared is equal, 1 if something differs (the first difference is
named with both values) or went wrong, 2 for wrong arguments or files, 130 after Ctrl-C.";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_blocks_are_read() {
        assert_eq!("all".parse(), Ok(BlocksArgument::All));
        assert_eq!("12".parse(), Ok(BlocksArgument::Some(12)));
        for text in ["", "0", "-1", "1.5", "some"] {
            assert!(text.parse::<BlocksArgument>().is_err(), "{text}");
        }
    }
}
