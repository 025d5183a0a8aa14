//! Options of the estimator of entropies.

use std::num::NonZeroUsize;

use clap::{Args, ValueEnum};
use cofire::Estimator;
use cofire::neighbors::KsgAlgorithm;

use super::by_name;

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Estimator")]
pub(crate) struct EstimatorArguments {
    /// Estimator of entropy and mutual information [default: plug-in]
    ///
    /// From histograms with the bins of --bins and --binning:
    ///   plug-in       takes observed frequencies as they are; never negative, and too large
    ///                 for mutual information of few samples
    ///   miller-madow  corrects this bias to first order; a good choice
    ///   grassberger   corrects more of it where cells have few samples
    ///   laplace, jeffreys, pseudo-count=A
    ///                 add 1, 1/2 or A samples to every cell, also to empty cells
    ///   chao-shen, james-stein
    ///                 for histograms with many unseen cells; several times slower
    /// From the nearest neighbours of each sample, without bins, for continuous activations
    /// (Kraskov, Stoegbauer and Grassberger 2004); much slower:
    ///   ksg           their first algorithm, the usual one
    ///   ksg2          their second one
    /// With ksg and ksg2, entropies are differential ones (Kozachenko and Leonenko) and can be
    /// negative. Adding a number to a neuron changes nothing, as long as its type holds the sums
    /// exactly. Many equal activations need --jitter.
    /// Mutual information by all estimators but plug-in can be less than 0: by miller-madow down to
    /// -0.5 nats, by grassberger to -1.35, and by the others lower still. The fewer samples there are
    /// for the bins, the lower.
    #[arg(long, value_name = "NAME", value_parser = parse_estimator, verbatim_doc_comment)]
    pub(crate) estimator: Option<EstimatorArgument>,

    /// Number of neighbours of each sample, for ksg and ksg2 [default: 3]
    ///
    /// Few neighbours give less bias, many give less variance; 3 to 10 are usual.
    #[arg(long, value_name = "K")]
    pub(crate) neighbors: Option<NonZeroUsize>,

    /// Noise that separates equal activations, for ksg and ksg2 [default: none]
    ///
    /// The noise is at most AMOUNT times a neuron's own spread, from its smallest to its largest
    /// activation; use an AMOUNT such as 1e-10. Without noise, the entropy of a neuron with more
    /// than K equal activations is -inf, and mutual information of its pairs is unreliable; the
    /// summary then says so. A constant neuron stays constant: its entropy is -inf with any noise.
    /// --seed chooses different noise.
    #[arg(long, value_name = "AMOUNT", allow_negative_numbers = true)]
    pub(crate) jitter: Option<f64>,

    /// Settings of a published study, to compare with its figures: paper
    ///
    /// paper: the estimates of the code released with arXiv 2210.09404. Entropy is the plug-in
    /// estimate over 100 bins between the extremes of the whole layer, and one more bin for the
    /// largest activation. Mutual information is that of ksg with 3 neighbours, not clipped at 0.
    #[arg(long, value_name = "NAME", value_enum, hide_possible_values = true)]
    pub(crate) preset: Option<PresetArgument>,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum EstimatorArgument {
    Histogram(Estimator),
    Neighbors(KsgAlgorithm),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum PresetArgument {
    Paper,
}

impl PresetArgument {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Paper => "paper",
        }
    }
}

const ESTIMATORS: [(&str, Estimator); 7] = [
    ("plug-in", Estimator::PlugIn),
    ("miller-madow", Estimator::MillerMadow),
    ("grassberger", Estimator::Grassberger),
    ("laplace", Estimator::LAPLACE),
    ("jeffreys", Estimator::JEFFREYS),
    ("chao-shen", Estimator::ChaoShen),
    ("james-stein", Estimator::JamesStein),
];

const OF_NEIGHBORS: [(&str, KsgAlgorithm); 2] =
    [("ksg", KsgAlgorithm::First), ("ksg2", KsgAlgorithm::Second)];

fn parse_estimator(text: &str) -> Result<EstimatorArgument, String> {
    if let Some(count) = text.strip_prefix("pseudo-count=") {
        return match count.trim().parse() {
            Ok(count) => Ok(EstimatorArgument::Histogram(Estimator::PseudoCount(count))),
            Err(_) => {
                Err("expected a number above 0 and up to 1000, as in pseudo-count=0.1".to_owned())
            }
        };
    }
    let of_histograms = ESTIMATORS.map(|(name, e)| (name, EstimatorArgument::Histogram(e)));
    let of_neighbors = OF_NEIGHBORS.map(|(name, a)| (name, EstimatorArgument::Neighbors(a)));
    by_name(text, of_histograms.into_iter().chain(of_neighbors))
        .map_err(|expected| format!("{expected}, or pseudo-count=A with a number A"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn estimators_have_the_names_of_the_library() {
        for (name, estimator) in ESTIMATORS {
            assert_eq!(estimator.to_string(), name);
            assert_eq!(parse_estimator(name), Ok(EstimatorArgument::Histogram(estimator)));
        }
        let quarter = EstimatorArgument::Histogram(Estimator::PseudoCount(0.25));
        assert_eq!(parse_estimator("pseudo-count=0.25"), Ok(quarter));
        let second = EstimatorArgument::Neighbors(KsgAlgorithm::Second);
        assert_eq!(parse_estimator("ksg2"), Ok(second));
        for text in ["", "mle", "pseudo-count", "pseudo-count=", "pseudo-count=x"] {
            assert!(parse_estimator(text).is_err(), "{text}");
        }
    }
}
