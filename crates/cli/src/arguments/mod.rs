//! The command line and its help texts. Arguments are only parsed here. The module `settings` makes
//! settings from them, and refuses those that do not go together.
//!
//! Every argument with a default is optional here, so that a default given by name counts as given.
//! Groups of arguments have no doc comments, because clap would use them as the description of the
//! command.

mod bins;
mod compare;
mod engine;
mod estimator;
mod pairs;
mod results;
mod significance;
mod size;
mod verify;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

pub(crate) use bins::{BinArguments, BinningArgument, BinsArgument, RangeArgument};
pub(crate) use compare::CompareArguments;
pub(crate) use engine::{EngineArgument, EngineArguments};
pub(crate) use estimator::{EstimatorArgument, EstimatorArguments, PresetArgument};
pub(crate) use pairs::{FormatArgument, MergeArguments, PairsArguments, PairsOutputArguments};
pub(crate) use results::{MeasureArgument, OutputArguments, ResultArguments};
pub(crate) use significance::{SignificanceArgument, TestArguments};
pub(crate) use verify::{BlocksArgument, VerifyArguments};

/// Entropy of every neuron and mutual information of every pair, exactly, on any GPU or CPU
#[derive(Debug, Parser)]
#[command(name = "cofire", version, arg_required_else_help = true)]
pub(crate) struct Arguments {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Analyze(Box<AnalyzeArguments>),
    Compare(Box<CompareArguments>),
    Devices(DevicesArguments),
    Merge(MergeArguments),
    Pairs(Box<PairsArguments>),
    Verify(Box<VerifyArguments>),
}

/// Measure the layers of activation dumps
///
/// A layer is an array of samples x neurons in a .npy, .npz, .safetensors, Arrow, Parquet or Zarr
/// file, of type f16, bf16, f32, f64, bool or integer. If an array has more axes, the last one is
/// that of the neurons. Without FILE, the activations of a small language model in
/// examples/data/minilm.safetensors are measured.
#[derive(Debug, Args)]
#[command(after_long_help = ANALYZE_HELP)]
pub(crate) struct AnalyzeArguments {
    /// Files to measure, one after the other
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    #[command(flatten)]
    pub(crate) input: InputArguments,
    #[command(flatten)]
    pub(crate) bins: BinArguments,
    #[command(flatten)]
    pub(crate) estimator: EstimatorArguments,
    #[command(flatten)]
    pub(crate) results: ResultArguments,
    #[command(flatten)]
    pub(crate) engine: EngineArguments,
    #[command(flatten)]
    pub(crate) output: OutputArguments,
}

#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Input")]
pub(crate) struct InputArguments {
    /// A layer to measure; may be given several times [default: all]
    #[arg(long = "layer", value_name = "NAME")]
    pub(crate) layers: Vec<String>,

    /// Measure layers against a layer of FILE instead of within themselves
    ///
    /// Measures each neuron of the layer with each neuron of the other layer, which may be from
    /// another depth, training run or network. Both layers must have the same samples in the same
    /// order. Writes mi.npy, M x N, entropy.npy of the layer's M neurons and other_entropy.npy of
    /// the other layer's N neurons.
    #[arg(long, value_name = "FILE")]
    pub(crate) other: Option<PathBuf>,

    /// Name of the layer to measure against
    ///
    /// A layer of the --other file. It can be left out if that file has only one layer. Without
    /// --other, a layer of the measured file itself.
    #[arg(long, value_name = "NAME")]
    pub(crate) other_layer: Option<String>,

    /// Labels of the samples, to measure what neurons tell about them
    ///
    /// FILE is a .npy with a whole number for each sample: classes, tokens, groups. Writes
    /// label_information.npy, the mutual information of each neuron with the label, and
    /// mi_given_labels.npy, the mutual information of each pair given the label. The latter leaves
    /// out what two neurons share only because both tell about the label; its diagonal has H(X |
    /// label). With --estimator ksg, only label_information.npy is written (Ross 2014).
    #[arg(long, value_name = "FILE")]
    pub(crate) labels: Option<PathBuf>,
}

const ANALYZE_HELP: &str = "\
What the numbers mean:
  Entropy says how evenly a neuron's activations spread over its bins: 0 for a constant neuron,
  ln B nats (log2 B bits) for one that uses all B bins equally. Mutual information says how much
  one neuron tells about another: 0 if they are independent, and at most the smaller of the two
  entropies. Low entropy with high mutual information is a sign of shortcuts, high entropy with low
  mutual information a sign of memorized examples (arXiv 2210.09404). Plug-in estimates grow with
  more bins and with fewer samples, so compare layers with the same settings.

Which options to use:
  Few samples, many bins       --estimator miller-madow or grassberger
  Continuous activations       --estimator ksg, which is slow
  ReLU, mostly zero            --zero-bin
  Long tails                   --binning equal-frequency
  Sparse features, on or off   --binning threshold=0 --measure lift (or phi)
  Tokens, clusters, codes      --binning categories
  Unequal entropies            --measure normalized-by-min
  Which pairs are significant  --significance g-test; permutation where samples are few; shift
                               where samples are a sequence, such as tokens
  Two networks or depths       --other or --other-layer
  A class of each sample       --labels
  The figures of the paper     --preset paper

Examples:
  cofire analyze
      Measure the example in this repository.
  cofire analyze activations.npy --bins 30
      Measure one array, with finer bins.
  cofire analyze model.safetensors --layer layer.1.ffn --layer layer.2.ffn --units bits
      Compare two layers, in bits.
  cofire analyze train.npz --range -1,1 --out results --json
      The same bins everywhere; write results/<layer>/entropy.npy, mi.npy, and results/summary.json.
  cofire analyze features.npy --binning threshold=0 --measure lift --measure phi --out results
      Which features of a sparse autoencoder fire together, and how much more than by chance.
  cofire analyze activations.npy --bins 5 --significance g-test --out results
      Which pairs are significant, and at what false-discovery rate.
  cofire analyze tokens.npy --bins 5 --significance shift --permutations 999 --out results
      The same for tokens of a text, whose neighbours are not independent of each other.
  cofire analyze model.safetensors --layer layer.1.ffn --other-layer layer.2.ffn
      How much each neuron of one layer tells about each neuron of the next.
  cofire analyze activations.npy --labels classes.npy --estimator miller-madow
      How much neurons tell about the class, and what pairs share apart from it.
  cofire analyze activations.npy --adapter nvidia
      Use that GPU, or fail with the reason.

Exit status: 0 when done, 2 for wrong arguments or files, 130 after Ctrl-C, 1 for anything else.";

/// Show the GPU adapters of this machine, and the engine that `--engine auto` takes
#[derive(Debug, Args)]
pub(crate) struct DevicesArguments {
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

/// Parses two numbers with a comma between them.
fn parse_two_numbers(text: &str) -> Option<(f64, f64)> {
    let (low, high) = text.split_once(',')?;
    Some((low.trim().parse().ok()?, high.trim().parse().ok()?))
}

/// Finds a value by its name, or returns a message that lists the names.
fn by_name<T: Copy>(
    text: &str,
    all: impl IntoIterator<Item = (&'static str, T)>,
) -> Result<T, String> {
    let all: Vec<_> = all.into_iter().collect();
    let value = all.iter().find(|(name, _)| *name == text).map(|&(_, value)| value);
    value.ok_or_else(|| {
        let names: Vec<_> = all.iter().map(|&(name, _)| name).collect();
        format!("expected one of {}", names.join(", "))
    })
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
    fn every_argument_is_explained_in_a_line() {
        for command in Arguments::command().get_subcommands() {
            for argument in command.get_arguments() {
                let name = argument.get_id();
                let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
                assert!((10..=75).contains(&help.len()), "{name}: {help}");
            }
        }
    }
}
