//! Which pairs of a layer are wanted.

use crate::{Error, Estimator};

/// Which pairs a [`crate::Sweep`] looks for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Selection {
    /// All of them. Every block of the matrix is handed out as it is computed, and none is kept.
    All,
    /// Those in which one neuron is among the so many partners that share most information with the
    /// other. Of partners that share equally much, those of lower index come first.
    Strongest(usize),
    /// Those that share at least so much information, in the analysis' units.
    AtLeast(f64),
    /// Those that are discoveries at so high a false-discovery rate (Benjamini and Hochberg) among all
    /// `neurons · (neurons − 1) / 2` pairs, by the G-test of [`crate::Report::g_test`].
    FalseDiscoveryRate(f64),
}

impl Selection {
    /// Refuses what no layer could be asked for, before any is read.
    ///
    /// # Errors
    ///
    /// For numbers that make no sense, and for [`Selection::FalseDiscoveryRate`] with another estimator
    /// than [`Estimator::PlugIn`].
    pub fn check(self, estimator: Estimator) -> Result<(), Error> {
        let refused = |reason| Err(Error::InvalidSelection { reason });
        match self {
            Self::Strongest(0) => refused("0 strongest partners; ask for at least one"),
            Self::AtLeast(least) if !least.is_finite() || least <= 0.0 => {
                refused("the least information of a pair must be finite and above 0")
            }
            Self::FalseDiscoveryRate(rate) if !(0.0 < rate && rate < 1.0) => {
                refused("a false-discovery rate lies between 0 and 1, as 0.05 does")
            }
            Self::FalseDiscoveryRate(_) if estimator != Estimator::PlugIn => {
                Err(Error::EstimatorUnsupported { estimator, wanted: "the G-test's p-values" })
            }
            _ => Ok(()),
        }
    }
}
