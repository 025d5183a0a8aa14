//! The command line, and the help that explains it.

use std::fmt;
use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, Parser, Subcommand, ValueEnum};
use cofire::{Engine, Kernel, Range, Units};

use crate::failure::Failure;

/// Entropy of every neuron and mutual information of every pair, exactly, on any GPU or CPU
#[derive(Debug, Parser)]
#[command(name = "cofire", version, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Analyze(AnalyzeArguments),
    Devices(DevicesArguments),
}

/// Measure the layers of activation dumps
///
/// A layer is an array of samples x neurons: .npy, .npz or .safetensors; f16, bf16, f32, f64, bool
/// or integers. Of arrays with more axes the last one are the neurons. Without FILE, the activations
/// of a small language model in examples/data/minilm.safetensors are measured.
#[derive(Debug, Args)]
#[command(after_long_help = ANALYZE_HELP)]
pub(crate) struct AnalyzeArguments {
    /// Files to measure, one after the other
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    /// A layer to measure, by its name in the file; may be given several times [default: all]
    #[arg(long = "layer", value_name = "NAME")]
    pub(crate) layers: Vec<String>,

    /// How many equal-width bins activations fall into, 2 to 256
    ///
    /// More bins see finer differences and need more samples: with S samples and B bins, mutual
    /// information of unrelated neurons comes out at up to about (B - 1)^2 / 2S nats instead of 0.
    #[arg(long, value_name = "B", default_value_t = 10, value_parser = parse_bins)]
    pub(crate) bins: usize,

    /// Where bins begin and end: per-neuron, global, or two numbers LO,HI
    ///
    /// per-neuron: from each neuron's own smallest to its own largest activation. global: from the
    /// smallest to the largest of the whole layer. LO,HI: the same for every layer; what lies
    /// outside falls into the first or the last bin.
    #[arg(long, default_value = "per-neuron", allow_hyphen_values = true)]
    pub(crate) range: RangeArgument,

    /// The unit of information
    #[arg(long, value_enum, default_value_t = UnitsArgument::Nats)]
    pub(crate) units: UnitsArgument,

    /// What computes: a GPU if there is a real one and else the CPU (auto), or one of them for sure
    ///
    /// The results are the same to the last bit. `cofire devices` shows what there is.
    #[arg(long, value_enum, help_heading = "Engine")]
    pub(crate) engine: Option<EngineArgument>,

    /// The GPU adapter whose label contains NAME, in any case; implies --engine gpu
    #[arg(long, value_name = "NAME", help_heading = "Engine")]
    pub(crate) adapter: Option<String>,

    /// Threads of the CPU engine and of all work before it [default: one a core]
    #[arg(long, value_name = "N", help_heading = "Engine")]
    pub(crate) threads: Option<NonZeroUsize>,

    /// How joint histograms are counted: joint_histogram or positional_popcount
    ///
    /// Only time depends on it. Left out, the fastest for the number of bins is taken.
    #[arg(long, value_name = "NAME", value_parser = parse_kernel, help_heading = "Advanced")]
    #[arg(hide_short_help = true)]
    pub(crate) kernel: Option<Kernel>,

    /// Write entropy.npy and mi.npy into DIR, all of them or none
    ///
    /// Both are f64: N entropies, and the N x N mutual information of all pairs with the entropies
    /// on its diagonal. Several layers go to DIR/<layer>/. Other files in DIR are left alone.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,

    /// Print the summary as JSON; with --out, write it to DIR/summary.json instead
    #[arg(long)]
    pub(crate) json: bool,
}

const ANALYZE_HELP: &str = "\
What the numbers mean:
  Entropy says how evenly a neuron's activations spread over its bins: 0 for a constant neuron,
  ln B nats (log2 B bits) for one that uses all B bins equally. Mutual information says how much
  one neuron tells of another: 0 when they are independent, and at most the smaller of the two
  entropies. Low entropy with high mutual information is the mark of shortcuts, high entropy with
  low mutual information that of memorized examples (arXiv 2210.09404). Both are plug-in estimates
  and grow with the number of bins and as samples get fewer: compare layers at equal settings.

Examples:
  cofire analyze
      Measure the example in this repository.
  cofire analyze activations.npy --bins 30
      Measure one array, with finer bins.
  cofire analyze model.safetensors --layer layer.1.ffn --layer layer.2.ffn --units bits
      Compare two layers, in bits.
  cofire analyze train.npz --range -1,1 --out results --json
      Same bins everywhere; write results/<layer>/entropy.npy, mi.npy, and results/summary.json.
  cofire analyze activations.npy --adapter nvidia
      Use that GPU, or say why not.

Exit status: 0 when done, 2 for wrong arguments or files, 130 after Ctrl-C, 1 for anything else.";

/// Show the GPU adapters of this machine, and what `--engine auto` takes
#[derive(Debug, Args)]
pub(crate) struct DevicesArguments {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum EngineArgument {
    Auto,
    Cpu,
    Gpu,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum UnitsArgument {
    Nats,
    Bits,
}

impl UnitsArgument {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Nats => "nats",
            Self::Bits => "bits",
        }
    }
}

impl From<UnitsArgument> for Units {
    fn from(units: UnitsArgument) -> Self {
        match units {
            UnitsArgument::Nats => Self::Nats,
            UnitsArgument::Bits => Self::Bits,
        }
    }
}

/// Where bins begin and end, as it is written on the command line.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct RangeArgument(pub(crate) Range);

impl FromStr for RangeArgument {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let range = match text {
            "per-neuron" => Range::PerNeuron,
            "global" => Range::Global,
            _ => {
                let (low, high) = text.split_once(',').ok_or(EXPECTED_RANGE)?;
                let number = |text: &str| text.trim().parse::<f64>().map_err(|_| EXPECTED_RANGE);
                let (low, high) = (number(low)?, number(high)?);
                if !(low < high && (high - low).is_finite()) {
                    return Err("LO must be below HI, and both finite");
                }
                Range::Given(low, high)
            }
        };
        Ok(Self(range))
    }
}

const EXPECTED_RANGE: &str = "expected per-neuron, global, or two numbers as in -1,1";

impl fmt::Display for RangeArgument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Range::PerNeuron => f.write_str("per-neuron"),
            Range::Global => f.write_str("global"),
            Range::Given(low, high) => write!(f, "{low},{high}"),
            _ => f.write_str("other"), // the enum may grow; the command line names those above
        }
    }
}

fn parse_bins(text: &str) -> Result<usize, String> {
    let bins = text.parse().ok().filter(|b| (cofire::MIN_BINS..=cofire::MAX_BINS).contains(b));
    bins.ok_or_else(|| {
        format!("expected a number from {} to {}", cofire::MIN_BINS, cofire::MAX_BINS)
    })
}

fn parse_kernel(text: &str) -> Result<Kernel, String> {
    let names = Kernel::ALL.map(Kernel::name);
    let kernel = Kernel::ALL.into_iter().find(|kernel| kernel.name() == text);
    kernel.ok_or_else(|| format!("expected one of {}", names.join(", ")))
}

impl AnalyzeArguments {
    /// The engine that was asked for, its device opened: once for all layers, and before any file
    /// is read in vain.
    pub(crate) fn open_engine(&self) -> Result<Engine, Failure> {
        let open = |name: Option<&str>| {
            let gpu = cofire::gpu::Gpu::open(name).map_err(|error| Failure::of_adapter(&error))?;
            Ok(Engine::Gpu(gpu))
        };
        match (self.engine, self.adapter.as_deref()) {
            (Some(EngineArgument::Cpu), Some(_)) => Err(Failure::Input(
                "--adapter names a GPU and --engine cpu uses none; leave one of them out"
                    .to_owned(),
            )),
            (_, Some(name)) => open(Some(name)),
            (Some(EngineArgument::Gpu), None) => open(None),
            (Some(EngineArgument::Cpu), None) => Ok(Engine::Cpu),
            (Some(EngineArgument::Auto) | None, None) => Ok(Engine::Auto),
        }
    }

    /// The engine as it was asked for, for the record.
    pub(crate) fn engine_name(&self) -> &'static str {
        match (self.engine, &self.adapter) {
            (_, Some(_)) | (Some(EngineArgument::Gpu), None) => "gpu",
            (Some(EngineArgument::Cpu), None) => "cpu",
            (Some(EngineArgument::Auto) | None, None) => "auto",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_consistent() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn ranges_are_read_and_written() {
        for text in ["per-neuron", "global", "-1,1", "-2.5,-0.5"] {
            assert_eq!(
                text.parse::<RangeArgument>().map(|range| range.to_string()),
                Ok(text.into())
            );
        }
        for text in
            ["", "neuron", "1", "1,", "1,2,3", "2,1", "1,1", "nan,1", "0,inf", "-1e308,1e308"]
        {
            assert!(text.parse::<RangeArgument>().is_err(), "{text}");
        }
    }
}
