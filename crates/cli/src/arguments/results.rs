//! Options of further measures, of tests and of the output.

use std::path::PathBuf;
use std::str::FromStr;

use clap::{Args, ValueEnum};
use cofire::analysis::Association;
use cofire::{Measure, Units};

use super::{TestArguments, by_name, parse_two_numbers};

#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Results")]
pub(crate) struct ResultArguments {
    /// Another measure of all pairs; may be given several times
    ///
    /// Written to NAME.npy, N x N. For the row's neuron X and the column's neuron Y:
    ///   mutual-information            I(X; Y), which is always written, to mi.npy
    ///   joint-entropy                 H(X, Y): what both carry together
    ///   row-given-column              H(X | Y): what X carries that Y does not tell
    ///   column-given-row              H(Y | X): what Y carries that X does not tell
    ///   variation-of-information      H(X | Y) + H(Y | X): a distance
    /// as a share, I(X; Y) divided by a bound on it, for neurons of different entropies:
    ///   normalized-by-min             the smaller entropy: does one determine the other?
    ///   normalized-by-max             the larger entropy
    ///   normalized-by-mean            the mean entropy
    ///   normalized-by-geometric-mean  the geometric mean of both
    ///   normalized-by-joint           the joint entropy: does each determine the other?
    /// and for neurons with two bins, which fire (the second bin) or do not:
    ///   lift                          P(both) / (P(X) P(Y)): how much more than by chance
    ///   pointwise-mutual-information  the logarithm of lift; -inf if both never fire together
    ///   phi                           correlation, from -1 to 1
    ///   jaccard                       P(both) / P(any)
    #[arg(long = "measure", value_name = "NAME", verbatim_doc_comment)]
    pub(crate) measures: Vec<MeasureArgument>,

    /// Firing rates LO,HI of neurons to list among the strongest pairs
    ///
    /// For lift and the other measures of firing; rates are shares of samples. By chance, lift is
    /// largest for neurons that hardly ever fire, and the Jaccard index for neurons that nearly
    /// always fire. Such neurons are left out of the printed pairs, but not of the written files.
    /// The default is 0.001,0.5, and at least ten samples.
    #[arg(long, value_name = "LO,HI", value_parser = parse_rates)]
    pub(crate) rates: Option<(f64, f64)>,

    /// Unit of information [default: nats]
    #[arg(long, value_enum)]
    pub(crate) units: Option<UnitsArgument>,

    #[command(flatten)]
    pub(crate) tests: TestArguments,
}

#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Output")]
pub(crate) struct OutputArguments {
    /// Write entropy.npy, mi.npy and the other results into DIR
    ///
    /// summary.json and digests.json have what verify needs to check the results elsewhere.
    ///
    /// Either all files are written or none. All arrays are f64: N entropies, and the N x N mutual
    /// information of all pairs. On its diagonal are the entropies, but with ksg and ksg2 the
    /// estimates of each neuron with itself. Several layers go to DIR/<layer>/, or to
    /// DIR/<file>.<layer>/ if files have layers of one name. Other files in DIR are left alone.
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,

    /// Print the summary as JSON; with --out, DIR/summary.json has it
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum UnitsArgument {
    #[default]
    Nats,
    Bits,
}

impl From<UnitsArgument> for Units {
    fn from(units: UnitsArgument) -> Self {
        match units {
            UnitsArgument::Nats => Self::Nats,
            UnitsArgument::Bits => Self::Bits,
        }
    }
}

/// A measure of pairs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MeasureArgument {
    /// A measure made from entropies and mutual information.
    OfInformation(Measure),
    /// A measure made from how often neurons with two bins fire.
    OfFiring(Association),
}

impl FromStr for MeasureArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let of_information = Measure::ALL.map(|m| (m.name(), Self::OfInformation(m)));
        let of_firing = Association::ALL.map(|a| (a.name(), Self::OfFiring(a)));
        by_name(text, of_information.into_iter().chain(of_firing))
    }
}

fn parse_rates(text: &str) -> Result<(f64, f64), String> {
    let rates = parse_two_numbers(text).filter(|(low, high)| 0.0 <= *low && low <= high);
    rates
        .filter(|(_, high)| *high <= 1.0)
        .ok_or_else(|| "expected two shares of samples from 0 to 1, as in 0.01,0.5".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rates_are_shares() {
        assert_eq!(parse_rates("0.01,1"), Ok((0.01, 1.0)));
        for text in ["", "0.1", "0.5,0.1", "-0.1,0.5", "0,1.5", "nan,1", "0,nan", "0,1,1"] {
            assert!(parse_rates(text).is_err(), "{text}");
        }
    }
}
