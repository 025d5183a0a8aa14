//! The digamma function at integers, as exact integers that can be summed in any order.
//!
//! `ψ(n) = H(n − 1) − γ` with the harmonic number `H(n) = 1 + 1/2 + … + 1/n`. In every estimator of
//! this module γ cancels, so the table holds `round(2ᵇ H(n))`. A sum over samples is a sum of
//! integers: it does not depend on the order of samples, the number of threads or the engine.

use crate::error::Error;
use crate::support::memory;

/// Fraction bits for up to 2¹⁵ samples; more samples leave fewer.
const MAX_FRACTION_BITS: u32 = 40;

/// The bits of sums: these stay below 2⁶², so that their differences fit an `i64`.
const SUM_BITS: u32 = 62;

/// The bits of the sum of two values, one pair for every sample: `H(n) < 2⁵` for every `n` below
/// 2³².
const TWO_VALUES_BITS: u32 = 6;

/// The fraction bits of the running sum, from which the table is rounded.
const PRECISE_BITS: u32 = 63;

/// `H(0), H(1), …, H(samples)` in fixed point.
#[derive(Debug)]
pub(crate) struct HarmonicTable {
    values: Vec<u64>,
    fraction_bits: u32,
}

impl HarmonicTable {
    /// Makes the table for a job of `samples` samples, fewer than 2³².
    ///
    /// A value is off by at most `2⁻ᵇ⁻¹ + n 2⁻⁶⁴`. It is computed with integer divisions only, so
    /// that it has the same bits on every machine.
    pub(crate) fn new(samples: usize) -> Result<Self, Error> {
        let sample_bits = usize::BITS - samples.leading_zeros();
        let room = SUM_BITS - TWO_VALUES_BITS;
        let fraction_bits = MAX_FRACTION_BITS.min(room.saturating_sub(sample_bits));
        let mut values: Vec<u64> = memory::zeroed(samples + 1, 1)?;
        let shift = PRECISE_BITS - fraction_bits;
        let mut sum = 0u128;
        for (n, value) in (1u64..).zip(values.iter_mut().skip(1)) {
            sum += u128::from((1 << PRECISE_BITS) / n);
            #[expect(clippy::cast_possible_truncation, reason = "below 2^(5 + fraction bits)")]
            let rounded = ((sum + (1 << (shift - 1))) >> shift) as u64;
            *value = rounded;
        }
        Ok(Self { values, fraction_bits })
    }

    /// Returns `H(n)`, for `n` up to the number of samples of the job.
    #[inline(always)]
    pub(crate) fn value(&self, n: usize) -> u64 {
        self.values[n]
    }

    /// Returns `H(0), H(1), …`
    #[cfg(feature = "gpu")]
    pub(crate) fn values(&self) -> &[u64] {
        &self.values
    }

    /// Returns the mean over `samples`, in nats, of a fixed-point sum `total`.
    pub(crate) fn mean(&self, total: i64, samples: usize) -> f64 {
        total as f64 / (samples as f64 * (1u64 << self.fraction_bits) as f64)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Expects `scipy.special.digamma(n) + numpy.euler_gamma`, scipy 1.17.1.
    #[test]
    fn values_are_harmonic_numbers() {
        let expected = [
            (1, 1.0),
            (2, 1.5),
            (3, 1.833_333_333_333_333_3),
            (10, 2.928_968_253_968_254),
            (1000, 7.485_470_860_550_345),
            (100_000, 12.090_146_129_863_428),
        ];
        let table = HarmonicTable::new(100_000).unwrap();
        assert_eq!(table.value(0), 0);
        for (n, h) in expected {
            let found = table.mean(i64::try_from(table.value(n)).unwrap(), 1);
            assert!((found - h).abs() < 1e-11, "H({n}) = {found}, not {h}");
        }
    }

    #[test]
    fn the_largest_sums_fit() {
        let bits = |samples: u64| {
            let sample_bits = u64::BITS - samples.leading_zeros();
            MAX_FRACTION_BITS.min(SUM_BITS - TWO_VALUES_BITS - sample_bits)
        };
        for samples in [2, 1 << 15, 1 << 20, (1 << 32) - 2] {
            // H(n) < ln n + 1.
            let largest = 2.0 * samples as f64 * ((samples as f64).ln() + 1.0);
            assert!(largest * 2f64.powi(bits(samples) as i32) < 2f64.powi(62), "{samples}");
        }
    }
}
