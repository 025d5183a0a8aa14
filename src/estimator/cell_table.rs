//! A function of a cell's count that is summed over the cells of a histogram, as exact integers.
//!
//! Many entropies are an affine function of `Σ f(n)` over the cells of a histogram, where `n` is
//! the number of samples in a cell. A sum of integers does not depend on the order of the cells, so
//! every engine, tile shape and thread count returns the same bits.
//!
//! `Σ n` is the number of samples and `Σ 1` the number of cells. Both are known, so `f` may be
//! tilted: `f(n) − f(0) − n (f(1) − f(0))` carries the same information, and is 0 for empty cells
//! and for cells of one sample. Kernels rely on this: they skip such cells.
//!
//! The table holds `n · round(2ᵏ g(n))`, for a tilted function `n · g(n)`. Because `g` is rounded
//! before it is multiplied, the sum of a histogram of `S` samples is within `S · 2⁻ᵏ⁻¹` of its
//! exact value, however many cells there are. For `g = ln` the function also stays superadditive,
//! `f(a + b) ≥ f(a) + f(b)`, so joint entropies are never below marginal ones.

use std::fmt;

use rayon::prelude::*;

/// The fraction bits of `g` for up to 2²¹ samples; more samples leave fewer.
const MAX_FRACTION_BITS: u32 = 36;

/// The bits of sums: these stay below 2⁶², so that their differences fit an `i64`.
const SUM_BITS: u32 = 62;

/// The bits of `g(n)`, which is `ln n` plus a little: below 2⁵ for every count that fits 32 bits.
const VALUE_BITS: u32 = 5;

/// The number of tabulated counts. Larger counts are computed, which matters only to jobs of over
/// four million samples.
pub(crate) const MAX_TABULATED: usize = 1 << 22;

/// The tilted function `g(n)`, for a count of at least two: the term of a cell, divided by the
/// samples in it.
pub(crate) type ValueASample = Box<dyn Fn(u32) -> f64 + Send + Sync>;

/// `f(n)` for the counts of a job of a known number of samples.
pub(crate) struct CellTable {
    values: Vec<u64>,
    samples: u32,
    fraction_bits: u32,
    value_a_sample: ValueASample,
}

impl CellTable {
    /// Makes the table of `f(n) = n · round(2ᵏ g(n))`, with `f(0) = f(1) = 0`.
    pub(crate) fn new(samples: u32, value_a_sample: ValueASample) -> Self {
        let fraction_bits = fraction_bits(samples);
        let len = MAX_TABULATED.min(samples as usize + 1);
        #[expect(clippy::cast_possible_truncation, reason = "the samples are a u32")]
        let counts = (0..len as u32).into_par_iter();
        let values = counts.map(|n| cell(n, fraction_bits, &value_a_sample)).collect();
        Self { values, samples, fraction_bits, value_a_sample }
    }

    /// Makes the plug-in estimator's table, with `g = ln`.
    pub(crate) fn plug_in(samples: u32) -> Self {
        // libm instead of the platform's logarithm: the table must have the same bits on every
        // machine.
        Self::new(samples, Box::new(|n| libm::log(f64::from(n))))
    }

    /// Returns `f(n)`.
    #[inline(always)]
    pub(crate) fn value(&self, count: u32) -> u64 {
        match self.values.get(count as usize) {
            Some(&value) => value,
            None => cell(count, self.fraction_bits, &self.value_a_sample),
        }
    }

    /// Returns the tabulated `f(0), f(1), …`
    #[cfg(any(feature = "gpu", test))]
    pub(crate) fn values(&self) -> &[u64] {
        &self.values
    }

    /// Returns whether [`CellTable::values`] has every count of the job.
    #[cfg(feature = "gpu")]
    pub(crate) fn is_complete(&self) -> bool {
        self.values.len() > self.samples as usize
    }

    /// Returns Σ f(n) over the cells of one histogram.
    pub(crate) fn sum(&self, counts: &[u32]) -> u64 {
        counts.iter().map(|&n| self.value(n)).sum()
    }

    /// Returns the largest sum of any histogram, that of all samples in one cell.
    pub(crate) fn largest_sum(&self) -> u64 {
        self.value(self.samples)
    }

    /// Divides a difference of sums by the number of samples, and returns nats.
    pub(crate) fn to_nats(&self, difference: i64) -> f64 {
        let scale = f64::from(self.samples) * (1u64 << self.fraction_bits) as f64;
        difference as f64 / scale
    }
}

impl fmt::Debug for CellTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CellTable")
            .field("samples", &self.samples)
            .field("fraction_bits", &self.fraction_bits)
            .finish_non_exhaustive()
    }
}

fn fraction_bits(samples: u32) -> u32 {
    let sample_bits = u32::BITS - samples.leading_zeros();
    MAX_FRACTION_BITS.min(SUM_BITS - VALUE_BITS - sample_bits)
}

fn cell(count: u32, fraction_bits: u32, value_a_sample: &ValueASample) -> u64 {
    if count < 2 {
        return 0;
    }
    let value = value_a_sample(count) * (1u64 << fraction_bits) as f64;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive, and below 2^41"
    )]
    let fixed = libm::round(value) as u64;
    u64::from(count) * fixed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_n_ln_n_to_the_stated_precision() {
        for samples in [2, 1000, 1 << 21, (1 << 21) + 1, u32::MAX - 1] {
            let bits = fraction_bits(samples);
            let cell = |n, bits| cell(n, bits, &(Box::new(|n| f64::from(n).ln()) as ValueASample));
            for n in [1, 2, 3, 10, samples / 2, samples] {
                let exact = f64::from(n) * f64::from(n).ln();
                let fixed = cell(n, bits) as f64 / (1u64 << bits) as f64;
                let allowed = f64::from(n) * (0.5f64.powi(bits as i32 + 1) + 1e-15 * exact);
                assert!((exact - fixed).abs() <= allowed, "f({n}) of {samples}: {exact} {fixed}");
            }
            assert!(cell(samples, bits) < 1 << SUM_BITS, "{samples}");
        }
        assert_eq!(fraction_bits(1 << 20), MAX_FRACTION_BITS);
    }

    #[test]
    fn joining_cells_never_lowers_the_sum() {
        let table = CellTable::plug_in(5000);
        for a in 0..500 {
            for b in [0, 1, 2, 17, 300, 4500] {
                let (whole, parts) = (table.value(a + b), table.value(a) + table.value(b));
                assert!(whole >= parts, "f({a} + {b})");
            }
        }
    }

    #[test]
    fn counts_beyond_the_table_follow_the_same_rule() {
        let samples = MAX_TABULATED as u32 + 10;
        let table = CellTable::plug_in(samples);
        assert_eq!(table.values().len(), MAX_TABULATED);
        let last = MAX_TABULATED as u32 - 1;
        assert!(table.value(last) < table.value(last + 1), "monotone across the end of the table");
        assert!(table.value(last + 1) < table.largest_sum(), "and monotone to the end");
    }
}
