//! The host memory that a job takes, added up before it is allocated.

use super::bits;
use crate::estimator::MAX_TABULATED;

/// Extremes of a neuron, its marginal as estimators see it, what is reported of it.
const NEURON_BYTES: usize = 128;

/// Memory that a job takes beyond its input, in bytes; saturating, as hostile shapes are large.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Memory {
    /// Taken already.
    pub(crate) held: u128,
    /// To be taken.
    pub(crate) new: u128,
}

impl Memory {
    /// So many things of so many bytes each.
    pub(crate) fn and(self, number: usize, bytes: u128) -> Self {
        Self { new: self.new.saturating_add((number as u128).saturating_mul(bytes)), ..self }
    }

    /// A result of `rows × columns` numbers of 64 bits.
    pub(crate) fn and_matrix(self, rows: usize, columns: usize) -> Self {
        self.and(rows, 8 * columns as u128)
    }

    /// Codes, of two bins as bit strings as well, and what is known of each neuron.
    pub(crate) fn and_coded(self, samples: usize, neurons: usize, bins: usize) -> Self {
        let bit_strings = if bins == bits::BINS { bits::bytes(samples) } else { 0 };
        let codes = self.and(samples, neurons as u128).and(neurons, bit_strings as u128);
        codes.and_marginals(neurons, bins)
    }

    /// Of each neuron, how many samples are in each bin, and some numbers that are made of that.
    pub(crate) fn and_marginals(self, neurons: usize, bins: usize) -> Self {
        self.and(neurons, (size_of::<u32>() * bins + NEURON_BYTES) as u128)
    }

    /// A table of f(n).
    pub(crate) fn and_table(self, samples: usize) -> Self {
        self.and(samples.min(MAX_TABULATED), size_of::<u64>() as u128)
    }

    /// The same, once it has been taken.
    pub(crate) fn taken(self) -> Self {
        Self { held: self.in_all(), new: 0 }
    }

    /// The same, if it is not less than what was taken and given back before.
    pub(crate) fn at_least(self, bytes: u128) -> Self {
        Self { new: self.new.max(bytes.saturating_sub(self.held)), ..self }
    }

    /// What it is more than another.
    pub(crate) fn beside(self, other: Self) -> u128 {
        self.in_all().saturating_sub(other.in_all())
    }

    pub(crate) fn in_all(self) -> u128 {
        self.held.saturating_add(self.new)
    }
}
