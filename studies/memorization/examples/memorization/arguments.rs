//! The command line of the example.

use std::num::NonZeroUsize;
use std::path::PathBuf;

use clap::{Parser, ValueEnum};

/// Trains networks that take a shortcut, memorize examples or generalise. Measures their
/// activations, and reports how well entropy and mutual information rank the networks. Repeats the
/// experiments of Bansal, Pruthi and Belinkov, Measures of Information Reflect Memorization
/// Patterns (NeurIPS 2022), with small networks.
#[derive(Debug, Parser)]
#[command(name = "memorization", after_long_help = AFTER)]
pub(crate) struct Arguments {
    /// Task to train networks on; repeat the option for several
    ///
    /// circles: which of two concentric circles a point is near (the paper's Figure 1). shuffled:
    /// which digit an image shows, with a share beta of the training labels shuffled. colored:
    /// whether the digit is below 5, with a colour that gives the label away for a share alpha of
    /// the training images.
    #[arg(long, value_enum, default_values_t = [TaskName::Circles, TaskName::Shuffled, TaskName::Colored])]
    pub(crate) task: Vec<TaskName>,

    /// Take images from MNIST: a directory with its four files, plain or compressed by gzip
    ///
    /// The files are train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and
    /// t10k-labels-idx1-ubyte. Without this option, images are the 1,797 digits that come with this
    /// repository.
    #[arg(long, value_name = "DIR")]
    pub(crate) mnist: Option<PathBuf>,

    /// Train on this many images of MNIST, instead of all 60,000
    ///
    /// More images take longer to memorize, and more epochs.
    #[arg(long, value_name = "N", default_value = "2000", requires = "mnist")]
    pub(crate) train_samples: NonZeroUsize,

    /// Networks of each level, with different weights, shuffled labels and colours
    #[arg(long, value_name = "N", default_value = "3")]
    pub(crate) seeds: NonZeroUsize,

    /// Nonlinearity of hidden neurons; repeat the option for several
    #[arg(long, value_enum, default_values_t = [NonlinearityName::Relu, NonlinearityName::Tanh])]
    pub(crate) nonlinearity: Vec<NonlinearityName>,

    /// Maximum number of passes through the training set
    ///
    /// Training ends earlier once the training set is learned: when its mean loss falls below 0.02
    /// nats.
    #[arg(long, value_name = "N", default_value = "100")]
    pub(crate) epochs: NonZeroUsize,

    /// Maximum number of held-out samples to measure activations on
    #[arg(long, value_name = "N", default_value = "1000")]
    pub(crate) samples: NonZeroUsize,

    /// Bins of equal width between each neuron's own extremes, 2 to 256
    #[arg(long, value_name = "N", default_value = "10", value_parser = clap::value_parser!(u16).range(2..=256))]
    pub(crate) bins: u16,

    /// Measure the sums of a neuron's inputs, as the paper's released code does for MNIST
    ///
    /// Without this option, activations are the outputs of neurons, after the nonlinearity.
    #[arg(long)]
    pub(crate) before_nonlinearity: bool,

    /// Estimate mutual information from nearest neighbours too, as the paper's released code does
    ///
    /// Takes a few seconds for each network.
    #[arg(long)]
    pub(crate) nearest_neighbors: bool,

    /// Directory for activations, scores, measures and reports
    #[arg(long, value_name = "DIR", default_value = "out/memorization")]
    pub(crate) out: PathBuf,

    /// Try the example quickly: one seed, small networks, few epochs
    ///
    /// The networks memorize little, so the results say nothing about the paper.
    #[arg(long, conflicts_with_all = ["seeds", "epochs", "mnist"])]
    pub(crate) quick: bool,
}

/// Examples and a list of output files, shown below the options.
const AFTER: &str = "\
What it writes into DIR, for each study (such as shuffled-digits-relu):
  activations/STUDY/LEVEL-seed-SEED.safetensors  hidden layers, samples x neurons
  scores/STUDY.csv                               accuracy on held-out samples
  measures/STUDY.csv                             everything measured, a line for each layer
  report/STUDY/report.html                       what `cofire compare` makes of the networks of seed 0

Examples:
  cargo run --release -p cofire-memorization --example memorization
  cargo run --release -p cofire-memorization --example memorization -- --task shuffled --mnist ~/mnist
  cargo run --release -- compare out/memorization/activations/shuffled-digits-relu \\
      --scores out/memorization/scores/shuffled-digits-relu.csv --out report

Numbers are the same in every run on one machine, with any number of cores; on another kind of CPU,
sums are rounded otherwise, and networks come out a little different.";

/// The names of tasks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum TaskName {
    /// Concentric circles
    Circles,
    /// Digits with shuffled labels
    Shuffled,
    /// Digits with colours that tell the label
    Colored,
}

/// The names of nonlinearities.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum NonlinearityName {
    /// max(0, x)
    Relu,
    /// The hyperbolic tangent
    Tanh,
}
