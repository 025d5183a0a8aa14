//! Arguments of `cofire pairs` and `cofire merge`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Args, ValueEnum};
use cofire::Selection;
use cofire_files::PairsFormat;
use cofire_jobs::JobPart;

use super::results::UnitsArgument;
use super::size::parse_size;
use super::{
    AnalyzeArguments, BinArguments, EngineArguments, EstimatorArguments, InputArguments,
    OutputArguments, ResultArguments, TestArguments,
};

/// Find the pairs that matter in a layer too wide for a matrix
///
/// Pairs are computed block by block, so neither the activations nor the matrix need to fit in
/// memory. FILE is a layer, samples x neurons, as for analyze. Several files, a directory or a
/// quoted pattern such as 'dumps/*.npy' are shards of one layer, whose samples follow one another.
/// Writes the selected pairs, each once, entropy.npy, and summary.json.
#[derive(Debug, Args)]
#[command(after_long_help = PAIRS_HELP)]
pub(crate) struct PairsArguments {
    /// The layer: a file, or its shards as files, directories or quoted patterns
    #[arg(value_name = "FILE", required = true)]
    pub(crate) files: Vec<PathBuf>,

    /// Name of the array to read, if files have several
    #[arg(long, value_name = "NAME", help_heading = "Input")]
    pub(crate) layer: Option<String>,

    #[command(flatten)]
    pub(crate) selection: SelectionArguments,

    /// Compute every block, for a digest of all pairs
    ///
    /// The digest in the summary stands for the entropies and all pairs, whatever is selected; it is that
    /// of --all and of analyze. Without this option there is none if blocks were passed over, only a digest
    /// of the selected pairs. Takes as long as --all. See verify.
    #[arg(long, help_heading = "Which pairs")]
    pub(crate) digest: bool,

    #[command(flatten)]
    pub(crate) bins: BinArguments,
    #[command(flatten)]
    pub(crate) estimator: EstimatorArguments,

    /// Unit of information [default: nats]
    #[arg(long, value_enum, help_heading = "Estimator")]
    pub(crate) units: Option<UnitsArgument>,

    #[command(flatten)]
    pub(crate) engine: EngineArguments,
    #[command(flatten)]
    pub(crate) tests: TestArguments,
    #[command(flatten)]
    pub(crate) job: JobArguments,

    /// Directory for the results; not with --part, which has no results
    #[arg(long, value_name = "DIR", help_heading = "Output")]
    pub(crate) out: Option<PathBuf>,

    #[command(flatten)]
    pub(crate) output: PairsOutputArguments,
}

/// Join the parts of a job that were computed separately
///
/// JOB is a directory that was given to pairs as --job. There can be any number of them, each with
/// one or several parts. Activations are not needed. The pairs and entropies are the same, byte for
/// byte, as those of an undivided run.
#[derive(Debug, Args)]
#[command(after_long_help = MERGE_HELP)]
pub(crate) struct MergeArguments {
    /// Directories with the finished parts
    #[arg(value_name = "JOB", required = true)]
    pub(crate) jobs: Vec<PathBuf>,

    /// Directory for the results
    #[arg(long, value_name = "DIR", required = true)]
    pub(crate) out: PathBuf,

    #[command(flatten)]
    pub(crate) output: PairsOutputArguments,

    /// Limit on the memory for pairs, such as 8G [default: no limit]
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) memory: Option<u64>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Which pairs")]
#[group(required = true, multiple = false)]
pub(crate) struct SelectionArguments {
    /// The K strongest partners of each neuron
    ///
    /// A pair is written if either neuron is among the K that share most with the other.
    #[arg(long, value_name = "K")]
    pub(crate) strongest: Option<usize>,

    /// Pairs that share at least X, in the unit of --units
    #[arg(long, value_name = "X", allow_negative_numbers = true)]
    pub(crate) at_least: Option<f64>,

    /// Significant pairs, of which at most a share Q is expected by chance
    ///
    /// Uses the G-test, and Benjamini and Hochberg's rule over all pairs. Writes
    /// false_discovery_rates.npy beside the pairs, in the same order. The G-test takes samples for
    /// independent. With --significance shift or permutation, the G-test only ranks pairs, and the
    /// rate is estimated from how many shifted or permuted pairs rank as high.
    #[arg(long, value_name = "Q", allow_negative_numbers = true)]
    pub(crate) false_discovery_rate: Option<f64>,

    /// All pairs, as an N x N matrix mi.npy that is never whole in memory
    ///
    /// Takes 8 N^2 bytes on disk. numpy.load(..., mmap_mode="r") reads it without loading all of
    /// it.
    #[arg(long)]
    pub(crate) all: bool,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Memory, jobs and parts")]
pub(crate) struct JobArguments {
    /// Limit on the memory beyond a batch of the input, such as 8G or 500M
    ///
    /// The codes of the activations take one byte each, or one bit with two bins. If they do not
    /// fit into half of the limit, they go to a temporary file. K, M, G and T are powers of 1024.
    #[arg(long, value_name = "SIZE", value_parser = parse_size)]
    pub(crate) memory: Option<u64>,

    /// Directory for that temporary file [default: the system's]
    ///
    /// On some systems, /tmp is itself in memory.
    #[arg(long, value_name = "DIR")]
    pub(crate) spill_dir: Option<PathBuf>,

    /// Keep finished blocks in DIR, to continue after an interruption
    ///
    /// The same command continues where the last one stopped, however that ended: Ctrl-C, kill -9,
    /// a power failure. Files of blocks have checksums. A damaged file gives a warning, and its
    /// block is computed again. The job refuses other activations or settings than those it was
    /// begun with. Remove DIR when you have the results.
    #[arg(long, value_name = "DIR")]
    pub(crate) job: Option<PathBuf>,

    /// Compute only part I of N into --job, for cofire merge to join
    ///
    /// Any machine can compute any part. The parts need the same activations and settings, and
    /// nothing from each other. They can share a --job directory on a file system that all machines
    /// see, or have one each.
    #[arg(long, value_name = "I/N")]
    pub(crate) part: Option<JobPart>,

    /// Neurons along the edge of a block [default: by memory]
    ///
    /// With --part, the default depends only on the numbers of neurons and parts, so that all parts
    /// have the same blocks.
    #[arg(long, value_name = "N", help_heading = "Advanced", hide_short_help = true)]
    pub(crate) block_edge: Option<NonZeroUsize>,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct PairsOutputArguments {
    /// Format of the pairs; may be given several times [default: csv and npz]
    ///
    ///   csv      pairs.csv: first,second,mutual_information, with all digits
    ///   npz      pairs.npz: the upper triangle of a matrix, for scipy.sparse.load_npz
    ///   parquet  pairs.parquet: the columns of the CSV, for pandas, polars or DuckDB; a feature of the
    ///            build
    #[arg(long = "format", value_name = "FORMAT", value_enum, verbatim_doc_comment)]
    #[arg(hide_possible_values = true)]
    pub(crate) formats: Vec<FormatArgument>,

    /// Print the summary as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum FormatArgument {
    Csv,
    Npz,
    Parquet,
}

impl FormatArgument {
    /// Returns the format, or the feature of this program that has it.
    pub(crate) fn format(self) -> Result<PairsFormat, &'static str> {
        match self {
            Self::Csv => Ok(PairsFormat::Csv),
            Self::Npz => Ok(PairsFormat::Npz),
            #[cfg(feature = "tables")]
            Self::Parquet => Ok(PairsFormat::Parquet),
            #[cfg(not(feature = "tables"))]
            Self::Parquet => Err("tables"),
        }
    }
}

impl SelectionArguments {
    /// Returns the selection, and the option of the command line with its value.
    pub(crate) fn selection(&self) -> (Selection, (String, String)) {
        let named = |selection, name: &str, value: String| (selection, (name.to_owned(), value));
        if let Some(most) = self.strongest {
            named(Selection::Strongest(most), "--strongest", most.to_string())
        } else if let Some(least) = self.at_least {
            named(Selection::AtLeast(least), "--at-least", least.to_string())
        } else if let Some(rate) = self.false_discovery_rate {
            let selection = Selection::FalseDiscoveryRate(rate);
            named(selection, "--false-discovery-rate", rate.to_string())
        } else {
            named(Selection::All, "--all", String::new())
        }
    }
}

impl PairsArguments {
    /// Returns the arguments of `cofire analyze` for the same measurement.
    pub(crate) fn measurement(&self) -> AnalyzeArguments {
        AnalyzeArguments {
            files: self.files.clone(),
            input: InputArguments::default(),
            bins: self.bins.clone(),
            estimator: self.estimator.clone(),
            results: ResultArguments { units: self.units, ..Default::default() },
            engine: self.engine.clone(),
            output: OutputArguments::default(),
        }
    }
}

const PAIRS_HELP: &str = "\
How pairs are passed over:
  Two neurons share no more than the smaller of their entropies. With plug-in estimates, a block is
  passed over if its entropies are too low for any of its pairs to be selected. The summary states
  the share of pairs passed over. Neurons are sorted by descending entropy, which increases it.

Examples:
  cofire pairs dumps/ --strongest 20 --job job --out results
      A layer in shards. After an interruption, run the same command to continue.
  cofire pairs features.npy --binning threshold=0 --at-least 0.01 --format parquet --out results
      Features of a sparse autoencoder that share at least 0.01 nats, for pandas or DuckDB.
  cofire pairs layer.npy --false-discovery-rate 0.01 --bins 5 --out results
      Significant pairs.
  cofire pairs tokens.npy --false-discovery-rate 0.05 --significance shift --out results
      Significant pairs of tokens, which depend on those before them.
  cofire pairs layer.npy --all --memory 4G --spill-dir /scratch --out results
      The whole matrix, in 4 GiB of memory.

Several machines, for instance as a Slurm array (docs/CLUSTER.md has more):
  #!/bin/sh
  #SBATCH --array=1-32
  cofire pairs dumps/ --strongest 20 --job shared/job --part $SLURM_ARRAY_TASK_ID/32
  and when all parts are done:
  cofire merge shared/job --out results

In Python:
  pairs = pandas.read_csv(\"results/pairs.csv\")
  upper = scipy.sparse.load_npz(\"results/pairs.npz\")  # upper + upper.T is symmetric

Exit status: 0 when done, 2 for wrong arguments or files, 130 after Ctrl-C, 1 for anything else.";

const MERGE_HELP: &str = "\
Examples:
  cofire merge shared/job --out results
      Parts that were computed into one directory.
  cofire merge part-*/ --out results --format parquet
      Parts with a directory each.

If blocks are missing, a message names the parts to run (again), and nothing is written.
Run the same --part command again: blocks that it has finished are kept.

Exit status: 0 when done, 2 for wrong arguments or files, 130 after Ctrl-C, 1 for anything else.";
