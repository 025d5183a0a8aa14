//! Random numbers that depend only on a key and a counter.

/// A generator: Philox 4×32 with ten rounds (Salmon et al. 2011, *Parallel random numbers: as easy as 1, 2,
/// 3*), four 32-bit numbers for each counter.
///
/// There is no state to share among threads, engines or machines. A number depends on the seed and on its
/// counter, not on the order in which numbers are drawn.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Philox {
    key: [u32; 2],
}

impl Philox {
    const MULTIPLIERS: [u32; 2] = [0xD251_1F53, 0xCD9E_8D57];
    const KEY_STEPS: [u32; 2] = [0x9E37_79B9, 0xBB67_AE85];
    const ROUNDS: usize = 10;

    pub(crate) fn new(seed: u64) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "the two halves of the seed")]
        Self { key: [seed as u32, (seed >> 32) as u32] }
    }

    /// Returns the four numbers of a counter.
    pub(crate) fn at(self, counter: [u32; 4]) -> [u32; 4] {
        let ([mut a, mut b, mut c, mut d], mut key) = (counter, self.key);
        for _ in 0..Self::ROUNDS {
            let (high_a, low_a) = multiply(Self::MULTIPLIERS[0], a);
            let (high_c, low_c) = multiply(Self::MULTIPLIERS[1], c);
            (a, b, c, d) = (high_c ^ b ^ key[0], low_c, high_a ^ d ^ key[1], low_a);
            key[0] = key[0].wrapping_add(Self::KEY_STEPS[0]);
            key[1] = key[1].wrapping_add(Self::KEY_STEPS[1]);
        }
        [a, b, c, d]
    }

    /// Returns the endless stream of numbers for one purpose. There are 2⁶⁴ streams.
    pub(crate) fn stream(self, stream: u64) -> impl Iterator<Item = u32> {
        #[expect(clippy::cast_possible_truncation, reason = "the halves of two numbers")]
        let counter =
            move |k: u64| [k as u32, (k >> 32) as u32, stream as u32, (stream >> 32) as u32];
        (0..=u64::MAX).flat_map(move |k| self.at(counter(k)))
    }
}

/// Returns the high and the low half of a product.
fn multiply(a: u32, b: u32) -> (u32, u32) {
    let product = u64::from(a) * u64::from(b);
    #[expect(clippy::cast_possible_truncation, reason = "the two halves of the number")]
    ((product >> 32) as u32, product as u32)
}

/// Draws a number below `bound`, which is not zero, from a stream. All numbers are equally likely (Lemire
/// 2019, *Fast random integer generation in an interval*).
pub(crate) fn below(bound: u32, numbers: &mut impl Iterator<Item = u32>) -> u32 {
    let threshold = bound.wrapping_neg() % bound;
    loop {
        let (high, low) = multiply(numbers.next().unwrap_or(0), bound);
        if low >= threshold {
            return high;
        }
    }
}

/// Draws a permutation of `samples` samples. All are equally likely (Fisher and Yates).
pub(crate) fn permutation(samples: u32, numbers: &mut impl Iterator<Item = u32>) -> Vec<u32> {
    let mut order: Vec<u32> = (0..samples).collect();
    for last in (1..samples).rev() {
        order.swap(last as usize, below(last + 1, numbers) as usize);
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn published_test_vectors() {
        // Random123's known answers for philox4x32-10.
        let zeros = Philox::new(0).at([0; 4]);
        assert_eq!(zeros, [0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8]);
        let ones = Philox::new(u64::MAX).at([u32::MAX; 4]);
        assert_eq!(ones, [0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd]);
        let pi = Philox { key: [0xa409_3822, 0x299f_31d0] };
        let digits = pi.at([0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344]);
        assert_eq!(digits, [0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1]);
    }

    #[test]
    fn numbers_below_a_bound_are_equally_likely() {
        let mut numbers = Philox::new(1).stream(0);
        let mut counts = [0u32; 6];
        for _ in 0..60_000 {
            counts[below(6, &mut numbers) as usize] += 1;
        }
        // Four standard deviations.
        assert!(counts.iter().all(|n| n.abs_diff(10_000) < 4 * 92), "{counts:?}");
    }

    #[test]
    fn permutations_are_permutations_and_differ() {
        let of = |stream| permutation(100, &mut Philox::new(9).stream(stream));
        let (a, b) = (of(0), of(1));
        assert_ne!(a, b);
        assert_eq!(a, of(0));
        let mut sorted = b;
        sorted.sort_unstable();
        assert_eq!(sorted, (0..100).collect::<Vec<u32>>());
        assert_eq!(permutation(1, &mut Philox::new(0).stream(0)), [0]);
    }
}
