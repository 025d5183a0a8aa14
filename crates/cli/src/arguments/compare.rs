//! Arguments of `cofire compare`.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use super::results::UnitsArgument;
use super::{
    AnalyzeArguments, BinArguments, EngineArguments, EstimatorArguments, InputArguments,
    OutputArguments, ResultArguments, TestArguments,
};

/// Compare models by their activations, and write a report with pictures
///
/// Each FILE is a model, in any file format that analyze reads. Its arrays, samples x neurons, are
/// the layers. A directory stands for all such files in it, and a quoted pattern such as
/// 'runs/*.npz' for the files that match. With a single FILE, its layers are shown side by side.
/// Without FILE, the report is about examples/data/minilm.safetensors.
#[derive(Debug, Args)]
#[command(after_long_help = COMPARE_HELP)]
pub(crate) struct CompareArguments {
    /// Models to compare: files, directories, or quoted patterns
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    /// Directory for the report
    ///
    /// The files are report.html, a page that needs no other file; pictures/ with the same pictures
    /// as SVG and PNG; summary.csv; edges.csv and graph.graphml with the strongest pairs. Either
    /// all files are written or none. Other files in DIR are left alone.
    #[arg(long, value_name = "DIR", required = true)]
    pub(crate) out: PathBuf,

    /// Names of the models, in their order [default: file names]
    #[arg(long, value_name = "A,B,...", value_delimiter = ',')]
    pub(crate) names: Vec<String>,

    /// Held-out scores to rank the models against: CSV of model,score
    ///
    /// The file has a header and a line for each model: its name and its score on examples that it
    /// was not trained on, higher for better models. The report then shows Kendall's tau-b of mean
    /// entropy and of mean mutual information against the scores, for each layer and for all layers
    /// together.
    #[arg(long, value_name = "FILE")]
    pub(crate) scores: Option<PathBuf>,

    /// A layer to compare; may be given several times [default: all]
    #[arg(long = "layer", value_name = "NAME")]
    pub(crate) layers: Vec<String>,

    /// Heading of the report [default: from the models' names]
    #[arg(long, value_name = "TEXT")]
    pub(crate) title: Option<String>,

    /// Number of strongest pairs of a layer to draw and write
    ///
    /// Only pairs that a G-test finds at a false-discovery rate of 0.05 are drawn and written. With
    /// an estimator other than plug-in, the test is made in addition, from plug-in estimates; with
    /// ksg, which has no bins, the test uses ten bins of equal width.
    #[arg(long, value_name = "N", default_value_t = cofire_report::STRONGEST_PAIRS)]
    pub(crate) edges: usize,

    /// Unit of information [default: nats]
    #[arg(long, value_enum)]
    pub(crate) units: Option<UnitsArgument>,

    /// Seed of the random numbers of --jitter [default: 0]
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,

    #[command(flatten)]
    pub(crate) bins: BinArguments,
    #[command(flatten)]
    pub(crate) estimator: EstimatorArguments,
    #[command(flatten)]
    pub(crate) engine: EngineArguments,
}

impl CompareArguments {
    /// Returns the arguments of `cofire analyze` for the same measurement.
    pub(crate) fn measurement(&self) -> AnalyzeArguments {
        AnalyzeArguments {
            files: self.files.clone(),
            input: InputArguments { layers: self.layers.clone(), ..Default::default() },
            bins: self.bins.clone(),
            estimator: self.estimator.clone(),
            results: ResultArguments {
                tests: TestArguments { seed: self.seed, ..Default::default() },
                units: self.units,
                ..Default::default()
            },
            engine: self.engine.clone(),
            output: OutputArguments { out: Some(self.out.clone()), ..Default::default() },
        }
    }

    /// Returns the number of threads that the user asked for.
    pub(crate) fn threads(&self) -> Option<NonZeroUsize> {
        self.engine.threads
    }
}

const COMPARE_HELP: &str = "\
What the report shows:
  Models by mean entropy and mean mutual information, and by held-out scores if there are any;
  notched box plots of the entropy of neurons; the distribution of mutual information with a
  mixture of Gaussians; heat maps of all pairs; a graph of the strongest ones, with communities.
  It begins with the findings in plain words, how certain they are, and when not to trust them.

How to read it:
  If a model relies on a shortcut, each of its neurons carries little information and they share
  much of it: low entropy, high mutual information. If a model has memorized examples, its neurons
  carry much and share little (arXiv 2210.09404). Such statements are relative to other models of
  the same architecture, trained for the same task and measured on the same samples.
  Layers with the same name are compared across models. If every model has a single layer, these
  layers are compared. A layer must have the same number of samples in all models, because
  plug-in estimates are up to about (B - 1)^2 / 2S nats too large, more with fewer samples.

Examples:
  cofire compare --out report
      The layers of the example in this repository.
  cofire compare runs/ --scores scores.csv --out report
      All models in a directory, ranked against their accuracy.
  cofire compare clean.npz shuffled.npz --names clean,shuffled --layer fc2 --out report
      One layer of two models.
  cofire compare 'runs/*.safetensors' --preset paper --out report
      With the estimators of the paper's code.

Exit status: 0 when done, 2 for wrong arguments or files, 130 after Ctrl-C, 1 for anything else.";
