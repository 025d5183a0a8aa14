//! The function of a cell's count that the plug-in entropy sums, as exact integers.
//!
//! `H = ln S − (1/S) Σ n ln n` over the cells of a histogram of `S` samples. With
//! `f(n) = n · round(2ᵏ ln n)` the sum is a sum of integers: it does not depend on the order of the
//! cells, so every engine, tile shape and thread count returns the same bits. Because the
//! logarithm is rounded before it is multiplied, an entropy is within `2⁻ᵏ` nats of its exact
//! value whatever the number of cells (half of it from `ln S`, half from the sum), and `f(a + b) ≥ f(a) + f(b)` holds exactly, so that joint
//! entropies are never below marginal ones.

use rayon::prelude::*;

/// Fraction bits of the fixed-point logarithm for up to 2²¹ samples; more samples leave fewer.
const MAX_FRACTION_BITS: u32 = 36;

/// Sums stay below 2⁶², so that differences of them fit an `i64`.
const SUM_BITS: u32 = 62;

/// ln n < 2⁵ for every count that fits 32 bits.
const LOGARITHM_BITS: u32 = 5;

/// Tabulated counts; larger ones are computed, which only matters to jobs of over four million
/// samples.
pub(crate) const MAX_TABULATED: usize = 1 << 22;

/// `f(n)` for the counts of a job of a known number of samples.
#[derive(Debug)]
pub(crate) struct CellTable {
    values: Vec<u64>,
    samples: u32,
    fraction_bits: u32,
}

impl CellTable {
    /// The plug-in estimator's `f(n) = n · round(2ᵏ ln n)`, with `f(0) = 0`.
    pub(crate) fn plug_in(samples: u32) -> Self {
        let fraction_bits = fraction_bits(samples);
        let len = MAX_TABULATED.min(samples as usize + 1);
        #[expect(clippy::cast_possible_truncation, reason = "the samples are a u32")]
        let values = (0..len as u32).into_par_iter().map(|n| cell(n, fraction_bits)).collect();
        Self { values, samples, fraction_bits }
    }

    /// `f(n)`.
    #[inline(always)]
    pub(crate) fn value(&self, count: u32) -> u64 {
        match self.values.get(count as usize) {
            Some(&value) => value,
            None => cell(count, self.fraction_bits),
        }
    }

    /// `f(0), f(1), …`, as far as they are tabulated.
    #[cfg(any(feature = "gpu", test))]
    pub(crate) fn values(&self) -> &[u64] {
        &self.values
    }

    /// Whether every count of the job is in [`CellTable::values`].
    #[cfg(feature = "gpu")]
    pub(crate) fn is_complete(&self) -> bool {
        self.values.len() > self.samples as usize
    }

    /// Σ f(n) over the cells of one histogram.
    pub(crate) fn sum(&self, counts: &[u32]) -> u64 {
        counts.iter().map(|&n| self.value(n)).sum()
    }

    /// The sum of a histogram with all samples in one cell: the largest there is.
    pub(crate) fn largest_sum(&self) -> u64 {
        self.value(self.samples)
    }

    /// Turns a difference of sums into nats.
    pub(crate) fn to_nats(&self, difference: i64) -> f64 {
        let scale = f64::from(self.samples) * (1u64 << self.fraction_bits) as f64;
        difference as f64 / scale
    }
}

fn fraction_bits(samples: u32) -> u32 {
    let sample_bits = u32::BITS - samples.leading_zeros();
    MAX_FRACTION_BITS.min(SUM_BITS - LOGARITHM_BITS - sample_bits)
}

fn cell(count: u32, fraction_bits: u32) -> u64 {
    if count < 2 {
        return 0;
    }
    // libm, not the platform's logarithm: the table must have the same bits on every machine.
    let logarithm = libm::log(f64::from(count)) * (1u64 << fraction_bits) as f64;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "positive, and below 2^41"
    )]
    let fixed = libm::round(logarithm) as u64;
    u64::from(count) * fixed
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_n_ln_n_to_the_stated_precision() {
        for samples in [2, 1000, 1 << 21, (1 << 21) + 1, u32::MAX - 1] {
            let bits = fraction_bits(samples);
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
        assert_eq!(table.largest_sum(), cell(samples, fraction_bits(samples)));
    }
}
