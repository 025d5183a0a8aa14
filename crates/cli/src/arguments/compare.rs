//! What `cofire compare` is told.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::Args;

use super::results::UnitsArgument;
use super::{
    AnalyzeArguments, BinArguments, EngineArguments, EstimatorArguments, InputArguments,
    OutputArguments, ResultArguments,
};

/// Compare models by their activations, and write a report with pictures
///
/// Each FILE is a model, whose layers are its arrays, samples x neurons, in a file of any kind that
/// analyze reads. A directory stands for the files of these kinds in it, and a quoted pattern such as
/// 'runs/*.npz' for those it matches. A single file is a model whose layers are looked at side by
/// side. Without FILE, it is examples/data/minilm.safetensors.
#[derive(Debug, Args)]
#[command(after_long_help = COMPARE_HELP)]
pub(crate) struct CompareArguments {
    /// Models to compare: files, directories, or quoted patterns
    #[arg(value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,

    /// Where the report goes
    ///
    /// report.html, a page that needs nothing else; pictures/ with the same pictures as SVG and PNG;
    /// summary.csv; edges.csv and graph.graphml with the strongest pairs. All of it or nothing; other
    /// files in DIR are left alone.
    #[arg(long, value_name = "DIR", required = true)]
    pub(crate) out: PathBuf,

    /// What the models are called, in their order [default: file names]
    #[arg(long, value_name = "A,B,...", value_delimiter = ',')]
    pub(crate) names: Vec<String>,

    /// Held-out scores to rank the models against: CSV of model,score
    ///
    /// A header, and a line for each model: its name and its score on examples that it was not
    /// trained on, higher for better ones. Gives Kendall's tau-b of mean entropy and mean mutual
    /// information against the scores, for each layer and for all together.
    #[arg(long, value_name = "FILE")]
    pub(crate) scores: Option<PathBuf>,

    /// A layer to compare; may be given several times [default: all]
    #[arg(long = "layer", value_name = "NAME")]
    pub(crate) layers: Vec<String>,

    /// The heading of the report [default: from the models' names]
    #[arg(long, value_name = "TEXT")]
    pub(crate) title: Option<String>,

    /// How many of the strongest pairs of a layer are drawn and written
    ///
    /// Of those that a G-test finds at a false-discovery rate of 0.05; where information is not
    /// estimated by the plug-in method, the test is made beside it, of ten bins of equal width if
    /// there are none.
    #[arg(long, value_name = "N", default_value_t = cofire_report::STRONGEST_PAIRS)]
    pub(crate) edges: usize,

    /// The unit of information [default: nats]
    #[arg(long, value_enum)]
    pub(crate) units: Option<UnitsArgument>,

    /// Where the random numbers of --jitter begin [default: 0]
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
    /// The same measurement as a single command.
    pub(crate) fn measurement(&self) -> AnalyzeArguments {
        AnalyzeArguments {
            files: self.files.clone(),
            input: InputArguments { layers: self.layers.clone(), ..Default::default() },
            bins: self.bins.clone(),
            estimator: self.estimator.clone(),
            results: ResultArguments { seed: self.seed, units: self.units, ..Default::default() },
            engine: self.engine.clone(),
            output: OutputArguments { out: Some(self.out.clone()), ..Default::default() },
        }
    }

    /// How many threads were asked for.
    pub(crate) fn threads(&self) -> Option<NonZeroUsize> {
        self.engine.threads
    }
}

const COMPARE_HELP: &str = "\
What the report shows:
  Models by mean entropy and mean mutual information, and by held-out scores if there are any;
  notched box plots of the entropy of neurons; the distribution of mutual information with a
  mixture of Gaussians; heat maps of all pairs; a graph of the strongest ones, with communities.
  It begins with what all that means in plain words, how sure it is, and when not to trust it.

How to read it:
  Neurons of a model that relies on a shortcut carry little each and share much: low entropy, high
  mutual information. Those of a model that has memorized examples carry much and share little
  (arXiv 2210.09404). Both are relative to other models of the same architecture, trained for the
  same task, measured on the same samples. Layers of one name are compared across models; where
  every model has a single layer, those are. A layer must have as many samples in all models:
  plug-in estimates grow by about (B - 1)^2 / 2S nats as samples get fewer.

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
