//! The host memory that a job takes, added up before it is allocated.

use super::bits;
use crate::estimator::MAX_TABULATED;
use crate::pairs::digest::{DigestGrid, PairKeys};

/// Bytes per neuron for its extremes, its marginal as estimators see it, and its part of the
/// report.
const NEURON_BYTES: usize = 128;

/// Memory of a job in addition to its input, in bytes. Sums saturate, because hostile shapes are
/// large.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct Memory {
    /// Bytes that have been taken.
    pub(crate) held: u128,
    /// Bytes that will be taken.
    pub(crate) new: u128,
}

impl Memory {
    /// Adds `number` items of `bytes` bytes each.
    pub(crate) fn and(self, number: usize, bytes: u128) -> Self {
        Self { new: self.new.saturating_add((number as u128).saturating_mul(bytes)), ..self }
    }

    /// Adds a result of `rows × columns` 64-bit numbers, with its digests.
    pub(crate) fn and_matrix(self, rows: usize, columns: usize) -> Self {
        self.and(rows, 8 * columns as u128).and_digests(rows, columns, rows.max(columns))
    }

    /// Adds what digests take while a matrix of `rows × columns` pairs is finished. It may be a part of that
    /// of a layer of `neurons` neurons, or of two.
    pub(crate) fn and_digests(self, rows: usize, columns: usize, neurons: usize) -> Self {
        let keys = rows.saturating_add(columns);
        self.and(keys, PairKeys::BYTES_PER_NEURON as u128)
            .and(1, DigestGrid::between(neurons, neurons).bytes())
    }

    /// Adds codes, with bit strings for two bins, and the marginals.
    pub(crate) fn and_coded(self, samples: usize, neurons: usize, bins: usize) -> Self {
        let bit_strings = if bins == bits::BINS { bits::bytes(samples) } else { 0 };
        let codes = self.and(samples, neurons as u128).and(neurons, bit_strings as u128);
        codes.and_marginals(neurons, bins)
    }

    /// Adds, for each neuron, the number of samples in each bin and some numbers derived from that.
    pub(crate) fn and_marginals(self, neurons: usize, bins: usize) -> Self {
        self.and(neurons, (size_of::<u32>() * bins + NEURON_BYTES) as u128)
    }

    /// Adds a table of f(n).
    pub(crate) fn and_table(self, samples: usize) -> Self {
        self.and(samples.min(MAX_TABULATED), size_of::<u64>() as u128)
    }

    /// Returns the same memory, all of it taken.
    pub(crate) fn taken(self) -> Self {
        Self { held: self.total(), new: 0 }
    }

    /// Raises the total to `bytes` if it is less. `bytes` is the most that was in use before some of
    /// it was freed.
    pub(crate) fn at_least(self, bytes: u128) -> Self {
        Self { new: self.new.max(bytes.saturating_sub(self.held)), ..self }
    }

    /// Returns by how much the total exceeds the total of `other`.
    pub(crate) fn excess_over(self, other: Self) -> u128 {
        self.total().saturating_sub(other.total())
    }

    /// Returns all bytes, taken or not.
    pub(crate) fn total(self) -> u128 {
        self.held.saturating_add(self.new)
    }
}
