//! The choice of pairs of a layer.

use crate::error::Error;
use crate::estimator::Estimator;

/// The pairs that a [`crate::Sweep`] looks for.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Selection {
    /// All pairs. Every block of the matrix is handed out when it is computed, and none is kept.
    All,
    /// Pairs in which one neuron is among the given number of partners that share most information
    /// with the other. Among partners that share equally much, those with lower indices come first.
    Strongest(usize),
    /// Pairs that share at least this much information, in the analysis' units.
    AtLeast(f64),
    /// Pairs that are discoveries at this false-discovery rate (Benjamini and Hochberg) among all
    /// `neurons · (neurons − 1) / 2` pairs, by the G-test of [`crate::Report::g_test`].
    FalseDiscoveryRate(f64),
}

impl Selection {
    /// Refuses a selection that is invalid for any layer, before a layer is read.
    ///
    /// # Errors
    ///
    /// Fails for invalid numbers, and for [`Selection::FalseDiscoveryRate`] with an estimator other
    /// than [`Estimator::PlugIn`].
    pub fn check(self, estimator: Estimator) -> Result<(), Error> {
        match self {
            Self::Strongest(0) => Err(Error::NoPartners),
            Self::AtLeast(least) if !least.is_finite() || least <= 0.0 => {
                Err(Error::LeastInformationOutOfRange { least })
            }
            Self::FalseDiscoveryRate(rate) if !(0.0 < rate && rate < 1.0) => {
                Err(Error::FalseDiscoveryRateOutOfRange { rate })
            }
            Self::FalseDiscoveryRate(_) if estimator != Estimator::PlugIn => {
                Err(Error::EstimatorUnsupported { estimator, wanted: "the G-test's p-values" })
            }
            _ => Ok(()),
        }
    }
}
