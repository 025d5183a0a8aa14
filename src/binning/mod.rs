//! Binnings of activations: the choices, and checks of their settings.
//!
//! `fit.rs` makes [`BinEdges`] from a [`Binning`] and activations, one column at a time
//! (`columns.rs`). The number of bins may come from a [`BinRule`] (`rules.rs`), and the edges may
//! be quantiles (`equal_frequency.rs`). `coder.rs` turns activations into bin numbers.

mod batches;
mod coder;
mod columns;
mod edges;
mod equal_frequency;
mod fit;
mod linspace;
mod portions;
mod quantiles;
mod rules;

use crate::error::Error;
use crate::{MAX_BINS, MIN_BINS};
pub(crate) use batches::{check_precision, fit_batches};
pub(crate) use coder::BinnedElement;
pub use edges::BinEdges;
pub(crate) use portions::Portions;
pub use rules::BinRule;

/// A rule that cuts the activations of each neuron into bins.
///
/// A bin includes its lower edge and excludes its upper edge; the last bin includes both.
/// Activations outside all edges fall into the first or the last bin. Comparisons are exact, in f64.
///
/// # Examples
///
/// ```
/// use cofire::{Analysis, BinRule, Binning, Range};
/// use ndarray::array;
///
/// let activations = array![[0.0f32, 5.0], [0.0, 1.0], [2.0, 4.0], [3.0, 9.0]];
/// for binning in [
///     Binning::equal_width(10),
///     Binning::equal_width(BinRule::FreedmanDiaconis),
///     Binning::equal_width_over(10, Range::Global),
///     Binning::EqualFrequency { bins: 2 },
///     Binning::Threshold(0.0),
///     Binning::Edges(vec![0.0, 1.0, 2.5, 10.0]),
///     Binning::Categories,
///     Binning::EqualFrequency { bins: 4 }.with_zero_bin(),
/// ] {
///     let report = Analysis::with_binning(binning).run(activations.view())?;
///     assert!(report.entropy[0] <= 4f64.ln());
/// }
/// # Ok::<(), cofire::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Binning {
    /// Bins of equal width between two ends: the edges are `numpy.linspace(low, high, bins + 1)`,
    /// in f64.
    EqualWidth {
        /// The number of bins: 2 to 256 for every neuron, or given by a rule for each.
        bins: Bins,
        /// The range that the bins cover.
        range: Range,
    },
    /// Equal-width bins between the extremes of all neurons, and one more bin that holds only the
    /// largest activation of all.
    ///
    /// `numpy.digitize(x, numpy.linspace(x.min(), x.max(), bins + 1))` gives the same result,
    /// because its last bin is not closed. The code released with *Measures of Information Reflect
    /// Memorization Patterns* (arXiv 2210.09404) computes entropies in this way, with 100 bins and
    /// so 101 codes: [`Binning::RELEASED_WITH_PAPER`]. For other purposes use
    /// [`Binning::EqualWidth`] with [`Range::Global`], which differs only in the bin of that one
    /// activation.
    Digitized {
        /// The number of bins of equal width, 1 to 255: one fewer than the total number of bins.
        bins: usize,
    },
    /// Bins that hold equally many samples of a neuron, as far as ties allow.
    ///
    /// The cuts between bins are `numpy.quantile(x, numpy.linspace(0, 1, bins + 1))[1:-1]`, in f64 and
    /// with numpy's linear interpolation. Equal activations are never split. If no activation
    /// lies between two cuts because of them, they get a bin of their own, and the activations above
    /// them are cut anew into the bins that are left. So no bin is empty, and the zeros of a ReLU neuron
    /// fill one bin, however many they are. A neuron with no more distinct activations than bins gets a
    /// bin for each of them.
    EqualFrequency {
        /// The number of bins, 2 to 256.
        bins: usize,
    },
    /// Two bins: activations above this number (bin 1: the neuron fires), and those equal to it or
    /// below (bin 0).
    ///
    /// `f32` activations are compared with the `f32` nearest to it, as numpy does.
    Threshold(f64),
    /// Given edges for every neuron: 2 to 257 finite numbers, strictly ascending.
    Edges(Vec<f64>),
    /// Categories: activations are whole numbers from 0 to 255, and the bin of a sample is its
    /// activation. The number of bins is the largest activation of all neurons plus one.
    Categories,
    /// Another binning with an additional bin for zeros; the other binning sees only the other
    /// activations. Made by [`Binning::with_zero_bin`].
    WithZeroBin(Box<Binning>),
}

impl Binning {
    /// The binning of entropies in the code released with *Measures of Information Reflect
    /// Memorization Patterns* (arXiv 2210.09404): see [`Binning::Digitized`].
    pub const RELEASED_WITH_PAPER: Self = Self::Digitized { bins: 100 };

    /// Makes equal-width bins between each neuron's own extremes, from a number of bins or a rule.
    ///
    /// # Examples
    ///
    /// ```
    /// use cofire::{BinRule, Binning, Range};
    ///
    /// let binning = Binning::equal_width(10);
    /// assert_eq!(binning, Binning::EqualWidth { bins: 10.into(), range: Range::PerNeuron });
    /// let by_rule = Binning::equal_width(BinRule::Auto);
    /// assert_ne!(by_rule, binning);
    /// ```
    pub fn equal_width(bins: impl Into<Bins>) -> Self {
        Self::equal_width_over(bins, Range::default())
    }

    /// Makes equal-width bins over a range, from a number of bins or a rule.
    ///
    /// # Examples
    ///
    /// ```
    /// use cofire::{Binning, Range};
    ///
    /// let one_range = Binning::equal_width_over(10, Range::Global);
    /// let percent = Binning::equal_width_over(10, Range::Given(0.0, 100.0)).with_zero_bin();
    /// assert_ne!(one_range, percent);
    /// ```
    pub fn equal_width_over(bins: impl Into<Bins>, range: Range) -> Self {
        Self::EqualWidth { bins: bins.into(), range }
    }

    /// Adds a separate bin for activations that are exactly zero (0 or −0). Most activations of a
    /// ReLU neuron or of a feature of a sparse autoencoder are.
    ///
    /// Zeros are in bin 0. The other activations are binned as if there were no zeros: extremes,
    /// quantiles and numbers of bins are fitted on them alone, and their bins are numbered from 1.
    /// The zero bin counts: there may be 255 other bins. A neuron whose activations are all zero
    /// has one bin, unless all neurons share their edges.
    ///
    /// A second zero bin changes nothing. [`Binning::Categories`] already has bin 0 for zeros;
    /// adding a zero bin to it is an error when it is run.
    ///
    /// # Examples
    ///
    /// ```
    /// use cofire::{BinEdges, Binning};
    /// use ndarray::array;
    ///
    /// let relu = array![[0.0f32], [0.0], [1.0], [0.0], [2.0], [3.0]];
    /// let edges = BinEdges::fit(relu.view(), &Binning::equal_width(2).with_zero_bin())?;
    /// assert!(edges.has_zero_bin());
    /// assert_eq!(edges.of(0), Some(&[1.0, 2.0, 3.0][..])); // bin 1 and bin 2
    /// assert_eq!(edges.bins_of(0), 3);
    /// # Ok::<(), cofire::Error>(())
    /// ```
    #[must_use]
    pub fn with_zero_bin(self) -> Self {
        match self {
            Self::WithZeroBin(_) => self,
            other => Self::WithZeroBin(Box::new(other)),
        }
    }

    /// Returns the binning of the activations that a zero bin leaves (all without one), and whether
    /// there is a zero bin.
    pub(crate) fn parts(&self) -> (&Self, bool) {
        match self {
            Self::WithZeroBin(inner) => (inner.parts().0, true),
            other => (other, false),
        }
    }

    /// Returns the total number of bins of a neuron, if it does not depend on activations.
    pub(crate) fn known_bins(&self) -> Option<usize> {
        let (rule, has_zero_bin) = self.parts();
        let bins = match rule {
            Self::EqualWidth { bins: Bins::Fixed(bins), .. } => *bins,
            Self::Digitized { bins } => bins.saturating_add(1),
            Self::Threshold(_) => 2,
            Self::Edges(edges) => edges.len().saturating_sub(1),
            _ => return None,
        };
        Some(bins.saturating_add(usize::from(has_zero_bin)).max(MIN_BINS))
    }

    /// Returns the largest number of edges that a neuron can have, and whether each neuron has
    /// edges of its own.
    pub(crate) fn most_edges(&self) -> (usize, bool) {
        let (rule, _) = self.parts();
        match rule {
            Self::EqualWidth { bins: Bins::Fixed(bins), range } => {
                (bins.saturating_add(1), *range == Range::PerNeuron)
            }
            Self::EqualWidth { bins: Bins::Rule(_), .. } => (MAX_BINS + 1, true),
            Self::EqualFrequency { bins } => (bins.saturating_add(1), true),
            _ => (MAX_BINS + 1, false),
        }
    }

    /// Returns whether fitting the edges needs a copy of all activations of each neuron.
    pub(crate) fn reads_columns(&self) -> bool {
        match self.parts() {
            (Self::EqualWidth { bins: Bins::Fixed(_), range: Range::Given(..) }, _) => false,
            (Self::EqualWidth { bins: Bins::Rule(_), .. } | Self::EqualFrequency { .. }, _) => true,
            (Self::EqualWidth { .. } | Self::Digitized { .. }, has_zero_bin) => has_zero_bin,
            _ => false,
        }
    }

    /// Returns whether edges depend on activations.
    pub(crate) fn reads_activations(&self) -> bool {
        !matches!(
            self.parts().0,
            Self::Threshold(_)
                | Self::Edges(_)
                | Self::EqualWidth { bins: Bins::Fixed(_), range: Range::Given(..) }
        )
    }

    /// Refuses settings that are invalid for any activations.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let (rule, has_zero_bin) = self.parts();
        match rule {
            Self::EqualWidth { bins, range } => {
                if let Bins::Fixed(bins) = *bins {
                    check_bins(bins, has_zero_bin)?;
                }
                range.check()
            }
            Self::Digitized { bins } if (1..MAX_BINS).contains(bins) => {
                check_bins(bins + 1, has_zero_bin)
            }
            Self::Digitized { bins } => Err(Error::DigitizedBinsOutOfRange { bins: *bins }),
            Self::EqualFrequency { bins } => check_bins(*bins, has_zero_bin),
            Self::Threshold(threshold) if threshold.is_finite() => Ok(()),
            Self::Threshold(threshold) => Err(Error::ThresholdNotFinite { threshold: *threshold }),
            Self::Edges(edges) => check_edges(edges, has_zero_bin),
            Self::Categories if has_zero_bin => Err(Error::ZeroBinOfCategories),
            // `parts` has removed every zero bin from the rule.
            Self::Categories | Self::WithZeroBin(_) => Ok(()),
        }
    }
}

/// The number of bins of equal width.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Bins {
    /// The same number for every neuron.
    Fixed(usize),
    /// The number that a rule gives for each neuron, from its own activations.
    Rule(BinRule),
}

impl From<usize> for Bins {
    fn from(bins: usize) -> Self {
        Self::Fixed(bins)
    }
}

impl From<BinRule> for Bins {
    fn from(rule: BinRule) -> Self {
        Self::Rule(rule)
    }
}

/// The interval that the bins of a neuron cover.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub enum Range {
    /// Each neuron's own extremes, from its smallest to its largest activation.
    #[default]
    PerNeuron,
    /// The extremes of all neurons together: the default of *Measures of Information Reflect
    /// Memorization Patterns* (arXiv 2210.09404).
    Global,
    /// The interval from the first to the second number, for every neuron. Activations outside fall
    /// into the first or the last bin.
    Given(f64, f64),
}

impl Range {
    fn check(self) -> Result<(), Error> {
        match self {
            // A width that overflows would make every edge infinite.
            Self::Given(low, high) if !(low < high && (high - low).is_finite()) => {
                Err(Error::InvalidRange { low, high })
            }
            _ => Ok(()),
        }
    }
}

/// Checks a number of bins that excludes the zero bin.
fn check_bins(bins: usize, has_zero_bin: bool) -> Result<(), Error> {
    let zero_bin = usize::from(has_zero_bin);
    if (MIN_BINS - zero_bin..=MAX_BINS - zero_bin).contains(&bins) {
        Ok(())
    } else if has_zero_bin && bins == MAX_BINS {
        Err(Error::NoRoomForZeroBin { bins })
    } else {
        Err(Error::BinsOutOfRange { bins })
    }
}

fn check_edges(edges: &[f64], has_zero_bin: bool) -> Result<(), Error> {
    let most = MAX_BINS + 1 - usize::from(has_zero_bin);
    if !(2..=most).contains(&edges.len()) {
        return Err(Error::NumberOfEdges { edges: edges.len(), most });
    }
    if let Some((index, &value)) = edges.iter().enumerate().find(|(_, edge)| !edge.is_finite()) {
        return Err(Error::EdgeNotFinite { index, value });
    }
    match edges.windows(2).position(|pair| pair[0] >= pair[1]) {
        Some(index) => {
            let (value, next) = (edges[index], edges[index + 1]);
            Err(Error::EdgesNotAscending { index, value, next })
        }
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_cannot_be_cut_are_refused() {
        let bad =
            [(1.0, 1.0), (2.0, 1.0), (f64::NAN, 1.0), (0.0, f64::INFINITY), (f64::MIN, f64::MAX)];
        for (low, high) in bad {
            let refused = Range::Given(low, high).check();
            assert!(matches!(refused, Err(Error::InvalidRange { .. })), "{low} {high}");
        }
    }

    #[test]
    fn the_zero_bin_counts() {
        assert!(matches!(check_bins(1, false), Err(Error::BinsOutOfRange { bins: 1 })));
        assert!(matches!(check_bins(257, false), Err(Error::BinsOutOfRange { bins: 257 })));
        assert!(matches!(check_bins(256, true), Err(Error::NoRoomForZeroBin { bins: 256 })));
        assert!(matches!(check_bins(0, true), Err(Error::BinsOutOfRange { bins: 0 })));
        for (bins, has_zero_bin) in [(2, false), (256, false), (1, true), (255, true)] {
            assert!(check_bins(bins, has_zero_bin).is_ok(), "{bins} {has_zero_bin}");
        }
    }

    #[test]
    fn known_numbers_of_bins_are_those_in_all() {
        let known = |binning: Binning| (binning.known_bins(), binning.with_zero_bin().known_bins());
        assert_eq!(known(Binning::equal_width(10)), (Some(10), Some(11)));
        assert_eq!(known(Binning::RELEASED_WITH_PAPER), (Some(101), Some(102)));
        assert_eq!(known(Binning::Threshold(1.0)), (Some(2), Some(3)));
        assert_eq!(known(Binning::Edges(vec![0.0, 1.0])), (Some(2), Some(2)));
        assert_eq!(known(Binning::Edges(vec![0.0, 1.0, 5.0])), (Some(2), Some(3)));
        assert_eq!(known(Binning::EqualFrequency { bins: 4 }), (None, None));
        assert_eq!(known(Binning::equal_width(BinRule::Auto)), (None, None));
    }
}
