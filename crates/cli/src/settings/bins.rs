//! Settings of the bins.

use cofire::{Binning, Bins, Range};

use super::refuse;
use crate::arguments::{BinArguments, BinningArgument, BinsArgument, RangeArgument};
use crate::failure::Failure;

/// The kind of bins, and its parameters.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BinSettings {
    pub(crate) how: BinningArgument,
    /// The number of bins, if the kind of bins leaves the choice.
    pub(crate) number: Option<BinsArgument>,
    /// The range of equal-width bins.
    pub(crate) range: Option<RangeArgument>,
    pub(crate) has_zero_bin: bool,
}

impl BinSettings {
    pub(super) fn of(arguments: &BinArguments) -> Result<Self, Failure> {
        let how = arguments.binning.clone().unwrap_or_default();
        let (mut number, mut range) = (arguments.bins, arguments.range);
        let is_counted =
            matches!(how, BinningArgument::EqualWidth | BinningArgument::EqualFrequency);
        if number.is_some() && !is_counted {
            return refuse(format!("--binning {how} sets the number of bins; leave --bins out"));
        }
        if let (BinningArgument::EqualFrequency, Some(rule)) =
            (&how, number.and_then(BinsArgument::rule))
        {
            return refuse(format!(
                "--bins {rule} is a rule for equal-width bins; \
                 give a number with --binning equal-frequency"
            ));
        }
        if range.is_some() && how != BinningArgument::EqualWidth {
            return refuse(format!(
                "--range is for equal-width bins; leave it or --binning {how} out"
            ));
        }
        if arguments.zero_bin {
            match how {
                BinningArgument::Threshold(_) => {
                    return refuse(format!(
                        "--binning {how} has two bins, firing or not; \
                         leave --zero-bin out, or use --bins 1 --zero-bin for zero or not"
                    ));
                }
                BinningArgument::Categories => {
                    return refuse(
                        "--binning categories has a bin for zeros, that of category 0; \
                         leave --zero-bin out",
                    );
                }
                _ => {}
            }
        }
        if is_counted {
            number = number.or(Some(BinsArgument(Bins::Fixed(10))));
        }
        if how == BinningArgument::EqualWidth {
            range = Some(range.unwrap_or_default());
        }
        Ok(Self { how, number, range, has_zero_bin: arguments.zero_bin })
    }

    pub(super) fn binning(&self) -> Binning {
        let number = self.number.map_or(Bins::Fixed(0), |BinsArgument(bins)| bins);
        let binning = match &self.how {
            BinningArgument::EqualWidth => {
                let range = self.range.map_or(Range::default(), |RangeArgument(range)| range);
                Binning::EqualWidth { bins: number, range }
            }
            BinningArgument::EqualFrequency => {
                let bins = if let Bins::Fixed(bins) = number { bins } else { 0 };
                Binning::EqualFrequency { bins }
            }
            BinningArgument::Threshold(threshold) => Binning::Threshold(*threshold),
            BinningArgument::Edges(edges) => Binning::Edges(edges.clone()),
            BinningArgument::Categories => Binning::Categories,
        };
        if self.has_zero_bin { binning.with_zero_bin() } else { binning }
    }

    /// Returns the number of all bins, except for categories, where only the activations tell. A
    /// rule is assumed to find more than two.
    pub(super) fn known(&self) -> Option<usize> {
        let bins = match (&self.how, self.number) {
            (BinningArgument::Threshold(_), _) => 2,
            (BinningArgument::Edges(edges), _) => edges.len().saturating_sub(1).max(1),
            (BinningArgument::Categories, _) => return None,
            (_, Some(BinsArgument(Bins::Fixed(bins)))) => bins,
            _ => cofire::MAX_BINS,
        };
        Some(bins + usize::from(self.has_zero_bin))
    }
}
