//! Nats and bits.

/// The unit of every entropy and mutual information of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Units {
    /// Natural units: logarithms to base e.
    #[default]
    Nats,
    /// Bits: logarithms to base 2.
    Bits,
}

impl Units {
    /// Returns the number of these units in a nat.
    #[must_use]
    pub fn per_nat(self) -> f64 {
        match self {
            Self::Nats => 1.0,
            Self::Bits => std::f64::consts::LOG2_E,
        }
    }

    /// Returns `"nats"` or `"bits"`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Nats => "nats",
            Self::Bits => "bits",
        }
    }
}
