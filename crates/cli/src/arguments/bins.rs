//! Options of the bins that activations are cut into.

use std::fmt;
use std::str::FromStr;

use clap::Args;
use cofire::{BinRule, Bins, Range};

use super::{by_name, parse_two_numbers};

#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Bins")]
pub(crate) struct BinArguments {
    /// Number of bins, 2 to 256, or a rule such as auto [default: 10]
    ///
    /// More bins resolve finer differences but need more samples. With S samples and B bins, the
    /// mutual information of unrelated neurons is estimated at up to about (B - 1)^2 / 2S nats
    /// instead of 0.
    ///
    /// A rule chooses the number of equal-width bins of each neuron from the neuron's activations,
    /// as numpy.histogram_bin_edges does: auto, sturges, doane, scott, fd (Freedman and Diaconis),
    /// sqrt or rice. These rules are made for single histograms. For joint histograms they choose
    /// more bins than the samples suffice for: see --estimator.
    #[arg(long, value_name = "B")]
    pub(crate) bins: Option<BinsArgument>,

    /// Kind of bins, such as equal-frequency or threshold=T [default: equal-width]
    ///
    ///   equal-width       bins of one width that cover the range of a neuron
    ///   equal-frequency   equally many samples in each bin, as far as ties allow: a value that many
    ///                     samples have, such as a ReLU's zero, gets one bin; only the order of
    ///                     activations counts, not their size, so outliers do no harm
    ///   threshold=T       two bins: a neuron fires if its activation is above T
    ///   edges=E0,E1,...   these edges for all neurons; activations outside fall into the first
    ///                     or the last bin
    ///   categories        activations already are bin numbers: whole numbers from 0 to 255
    #[arg(long, value_name = "HOW", verbatim_doc_comment)]
    pub(crate) binning: Option<BinningArgument>,

    /// A separate bin for exact zeros, in addition to the others
    ///
    /// For ReLU neurons and sparse features. The other bins are fitted to the activations that are
    /// not zero. With --bins 1, a neuron is either off or on.
    #[arg(long)]
    pub(crate) zero_bin: bool,

    /// Range of equal-width bins: global, or LO,HI [default: per-neuron]
    ///
    /// per-neuron: from each neuron's own smallest to its own largest activation. global: from the
    /// smallest to the largest activation of the whole layer. LO,HI: the same range for every
    /// layer; activations outside fall into the first or the last bin.
    #[arg(long, allow_hyphen_values = true)]
    pub(crate) range: Option<RangeArgument>,
}

/// A number of bins, or a rule that chooses it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BinsArgument(pub(crate) Bins);

const RULES: [(&str, BinRule); 7] = [
    ("auto", BinRule::Auto),
    ("sturges", BinRule::Sturges),
    ("doane", BinRule::Doane),
    ("scott", BinRule::Scott),
    ("fd", BinRule::FreedmanDiaconis),
    ("sqrt", BinRule::SquareRoot),
    ("rice", BinRule::Rice),
];

impl BinsArgument {
    /// Returns the name of the rule, if there is one.
    pub(crate) fn rule(self) -> Option<&'static str> {
        let Bins::Rule(rule) = self.0 else { return None };
        RULES.iter().find(|(_, other)| *other == rule).map(|&(name, _)| name)
    }
}

impl fmt::Display for BinsArgument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.rule(), self.0) {
            (Some(rule), _) => f.write_str(rule),
            (None, Bins::Fixed(bins)) => write!(f, "{bins}"),
            (None, _) => f.write_str("other"), // the enum may grow
        }
    }
}

impl FromStr for BinsArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Ok(rule) = by_name(text, RULES) {
            return Ok(Self(Bins::Rule(rule)));
        }
        // One bin is valid together with a zero bin.
        let bins = text.parse().ok().filter(|bins| (1..=cofire::MAX_BINS).contains(bins));
        bins.map(|bins| Self(Bins::Fixed(bins))).ok_or_else(|| {
            let names = RULES.map(|(name, _)| name).join(", ");
            format!(
                "expected a number from {} to {}, or one of {names}",
                cofire::MIN_BINS,
                cofire::MAX_BINS
            )
        })
    }
}

/// The value of `--binning`.
#[derive(Debug, Clone, PartialEq, Default)]
pub(crate) enum BinningArgument {
    #[default]
    EqualWidth,
    EqualFrequency,
    Threshold(f64),
    Edges(Vec<f64>),
    Categories,
}

impl FromStr for BinningArgument {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |text: &str| {
            text.trim().parse::<f64>().map_err(|_| format!("{text:?} is not a number"))
        };
        match text.split_once('=') {
            None => match text {
                "equal-width" => Ok(Self::EqualWidth),
                "equal-frequency" => Ok(Self::EqualFrequency),
                "categories" => Ok(Self::Categories),
                _ => Err(EXPECTED_BINNING.to_owned()),
            },
            Some(("threshold", threshold)) => number(threshold).map(Self::Threshold),
            Some(("edges", edges)) => {
                Ok(Self::Edges(edges.split(',').map(number).collect::<Result<_, _>>()?))
            }
            Some(_) => Err(EXPECTED_BINNING.to_owned()),
        }
    }
}

const EXPECTED_BINNING: &str =
    "expected equal-width, equal-frequency, threshold=T, edges=E0,E1,..., or categories";

impl fmt::Display for BinningArgument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EqualWidth => f.write_str("equal-width"),
            Self::EqualFrequency => f.write_str("equal-frequency"),
            Self::Threshold(threshold) => write!(f, "threshold={threshold}"),
            Self::Edges(edges) => {
                f.write_str("edges=")?;
                for (index, edge) in edges.iter().enumerate() {
                    write!(f, "{}{edge}", if index == 0 { "" } else { "," })?;
                }
                Ok(())
            }
            Self::Categories => f.write_str("categories"),
        }
    }
}

/// The value of `--range`.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct RangeArgument(pub(crate) Range);

impl FromStr for RangeArgument {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let range = match text {
            "per-neuron" => Range::PerNeuron,
            "global" => Range::Global,
            _ => {
                let (low, high) = parse_two_numbers(text).ok_or(EXPECTED_RANGE)?;
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
            _ => f.write_str("other"), // the enum may grow; the command line knows only those above
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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

    #[test]
    fn binnings_are_read_and_written() {
        for text in
            ["equal-width", "equal-frequency", "threshold=-0.5", "edges=-1,0,2.5", "categories"]
        {
            let binning = text.parse::<BinningArgument>();
            assert_eq!(binning.map(|binning| binning.to_string()), Ok(text.into()));
        }
        for text in ["", "width", "threshold", "threshold=", "edges=1,,2", "edges=a", "bins=3"] {
            assert!(text.parse::<BinningArgument>().is_err(), "{text}");
        }
    }

    #[test]
    fn numbers_of_bins_are_numbers_or_rules() {
        assert_eq!("30".parse(), Ok(BinsArgument(Bins::Fixed(30))));
        for (name, rule) in RULES {
            let bins = name.parse::<BinsArgument>();
            assert_eq!(bins, Ok(BinsArgument(Bins::Rule(rule))));
            assert_eq!(bins.map(BinsArgument::rule), Ok(Some(name)));
        }
        for text in ["", "0", "257", "-3", "1.5", "many"] {
            assert!(text.parse::<BinsArgument>().is_err(), "{text}");
        }
    }
}
