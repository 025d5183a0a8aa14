//! Information from sums and histograms, and measures derived from entropies and mutual
//! information.

mod conditional;
mod information;
mod units;

use std::fmt;

use ndarray::{Array2, ArrayView1, ArrayView2};

pub(crate) use conditional::{Conditional, LabelTables};
pub(crate) use information::Information;
pub use units::Units;

/// A measure of a pair of neurons: `X` of a row, and `Y` of a column.
///
/// All measures are arithmetic on `H(X)`, `H(Y)` and `I(X; Y)`, with
/// `H(X, Y) = H(X) + H(Y) − I(X; Y)`, whatever the estimator. Definitions: Cover and Thomas,
/// *Elements of Information Theory*, chapter 2; the normalised ones: Vinh, Epps and Bailey 2010,
/// Journal of Machine Learning Research 11:2837.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Measure {
    /// `I(X; Y)`: the information that each neuron has about the other.
    #[default]
    MutualInformation,
    /// `H(X, Y)`: the information of both together.
    JointEntropy,
    /// `H(X | Y)`: the entropy of the row's neuron that is left when the column's is known.
    RowGivenColumn,
    /// `H(Y | X)`: the entropy of the column's neuron that is left when the row's is known.
    ColumnGivenRow,
    /// `H(X | Y) + H(Y | X)`: a metric, 0 for neurons that determine each other.
    VariationOfInformation,
    /// `I(X; Y)` divided by an upper bound: without unit, from 0 to 1 with the plug-in estimator,
    /// and 0 if the bound is 0.
    Normalized(Normalization),
}

/// The bound by which mutual information is divided.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Normalization {
    /// The smaller entropy.
    Min,
    /// The larger entropy.
    Max,
    /// The mean of both entropies.
    Mean,
    /// The square root of their product.
    GeometricMean,
    /// The joint entropy, which gives the Jaccard index of information.
    Joint,
}

impl Measure {
    /// Every measure.
    pub const ALL: [Self; 10] = [
        Self::MutualInformation,
        Self::JointEntropy,
        Self::RowGivenColumn,
        Self::ColumnGivenRow,
        Self::VariationOfInformation,
        Self::Normalized(Normalization::Min),
        Self::Normalized(Normalization::Max),
        Self::Normalized(Normalization::Mean),
        Self::Normalized(Normalization::GeometricMean),
        Self::Normalized(Normalization::Joint),
    ];

    /// Returns a name in lower case with hyphens, such as `joint-entropy`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::MutualInformation => "mutual-information",
            Self::JointEntropy => "joint-entropy",
            Self::RowGivenColumn => "row-given-column",
            Self::ColumnGivenRow => "column-given-row",
            Self::VariationOfInformation => "variation-of-information",
            Self::Normalized(Normalization::Min) => "normalized-by-min",
            Self::Normalized(Normalization::Max) => "normalized-by-max",
            Self::Normalized(Normalization::Mean) => "normalized-by-mean",
            Self::Normalized(Normalization::GeometricMean) => "normalized-by-geometric-mean",
            Self::Normalized(Normalization::Joint) => "normalized-by-joint",
        }
    }

    /// Returns whether the measure has no unit.
    #[must_use]
    pub fn is_normalized(self) -> bool {
        matches!(self, Self::Normalized(_))
    }

    /// Returns the measure of one pair.
    fn of(self, x: f64, y: f64, shared: f64) -> f64 {
        let joint = x + y - shared;
        match self {
            Self::MutualInformation => shared,
            Self::JointEntropy => joint,
            Self::RowGivenColumn => x - shared,
            Self::ColumnGivenRow => y - shared,
            Self::VariationOfInformation => (x - shared) + (y - shared),
            Self::Normalized(normalization) => {
                let bound = match normalization {
                    Normalization::Min => x.min(y),
                    Normalization::Max => x.max(y),
                    Normalization::Mean => (x + y) / 2.0,
                    Normalization::GeometricMean => (x * y).sqrt(),
                    Normalization::Joint => joint,
                };
                if bound > 0.0 { shared / bound } else { 0.0 }
            }
        }
    }

    /// Returns the measure of every pair, from the entropies of rows and columns and their mutual
    /// information.
    pub(crate) fn of_all(
        self,
        rows: ArrayView1<'_, f64>,
        columns: ArrayView1<'_, f64>,
        shared: ArrayView2<'_, f64>,
    ) -> Array2<f64> {
        let of = |(i, j): (usize, usize)| self.of(rows[i], columns[j], shared[[i, j]]);
        Array2::from_shape_fn(shared.dim(), of)
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn measures_are_their_definitions() {
        let (x, y, shared) = (1.5, 0.5, 0.25);
        let expected =
            [0.25, 1.75, 1.25, 0.25, 1.5, 0.5, 1.0 / 6.0, 0.25, 0.25 / 0.75f64.sqrt(), 0.25 / 1.75];
        for (measure, expected) in Measure::ALL.into_iter().zip(expected) {
            let found = measure.of_all(array![x].view(), array![y].view(), array![[shared]].view());
            assert!((found[[0, 0]] - expected).abs() < 1e-15, "{measure}");
            assert_eq!(measure.is_normalized(), measure.name().starts_with("normalized"));
        }
    }

    #[test]
    fn neurons_without_information_share_no_part_of_it() {
        for measure in Measure::ALL {
            assert_eq!(measure.of(0.0, 0.0, 0.0), 0.0, "{measure}");
        }
    }
}
