//! Limits of the CPU, on all threads of the pool at once.

use std::hint::black_box;

use fearless_simd::{Simd, prelude::*};
use rayon::prelude::*;

use super::simd::{Level, Vectorized, carry_save_add};
use super::{Limits, best_time};

/// Half an L1 cache of 32 KiB, in words of 16 bits.
const L1_WORDS: usize = 8192;

/// The turns of a loop, which take some milliseconds: longer than the clock and the wake-up of
/// threads need.
const ADDER_TURNS: usize = 20_000;
const INCREMENT_TURNS: usize = 2_000;

/// The words that are read from memory: more than the caches of most CPUs hold.
const MEMORY_WORDS: usize = 16 << 20;

pub(crate) fn of_cpu() -> Limits {
    let level = Level::best();
    let threads = rayon::current_num_threads() as f64;
    let words = pseudo_random_words();
    let seconds = |run: &(dyn Fn() + Sync)| {
        let on_every_thread = || {
            rayon::broadcast(|_| run());
        };
        best_time(on_every_thread).as_secs_f64()
    };

    let adders = seconds(&|| level.run(Adders { words: &words }));
    let increments = seconds(&|| increment(&words));
    Limits {
        adder_bits: threads * (ADDER_TURNS * L1_WORDS * 16) as f64 / adders,
        increments: Some(threads * (INCREMENT_TURNS * L1_WORDS) as f64 / increments),
        bytes: memory_reads(),
        bytes_are: "read from memory",
    }
}

/// The tree of carry-save adders of `positional_popcount`, over consecutive blocks in L1, with
/// unused counts.
struct Adders<'a> {
    words: &'a [u16],
}

impl Vectorized for Adders<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let mut planes = [S::u16s::splat(simd, 0); 4];
        for _ in 0..ADDER_TURNS {
            for group in black_box(self.words).chunks_exact(8 * S::u16s::LEN) {
                let [ones, twos, fours, eights] = &mut planes;
                let block = |k: usize| {
                    S::u16s::from_slice(simd, &group[k * S::u16s::LEN..][..S::u16s::LEN])
                };
                let two_a = carry_save_add(simd, ones, block(0), block(1));
                let two_b = carry_save_add(simd, ones, block(2), block(3));
                let four_a = carry_save_add(simd, twos, two_a, two_b);
                let two_a = carry_save_add(simd, ones, block(4), block(5));
                let two_b = carry_save_add(simd, ones, block(6), block(7));
                let four_b = carry_save_add(simd, twos, two_a, two_b);
                *eights ^= carry_save_add(simd, fours, four_a, four_b);
            }
        }
        let [ones, twos, fours, eights] = planes;
        black_box((ones ^ twos ^ fours ^ eights).as_slice());
    }
}

/// Counts words in a histogram of 1,024 counters.
fn increment(words: &[u16]) {
    let mut counters = [0u32; 1024];
    for _ in 0..INCREMENT_TURNS {
        for &word in black_box(words) {
            counters[usize::from(word) % 1024] += 1;
        }
    }
    black_box(counters);
}

/// Measures the bytes per second of one pass over memory by all threads.
fn memory_reads() -> f64 {
    let memory: Vec<u64> = (0..MEMORY_WORDS as u64).into_par_iter().collect();
    let time = best_time(|| {
        let sums = memory.par_chunks(MEMORY_WORDS / 64).map(|words| words.iter().sum::<u64>());
        black_box(sums.reduce(|| 0, u64::wrapping_add));
    });
    size_of_val(memory.as_slice()) as f64 / time.as_secs_f64()
}

/// Returns the high halves of the states of a linear congruential generator.
fn pseudo_random_words() -> Vec<u16> {
    let next = |state: &u32| Some(state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223));
    let states = std::iter::successors(Some(1u32), next);
    states
        .take(L1_WORDS)
        .map(|state| u16::from_be_bytes([state.to_be_bytes()[0], state.to_be_bytes()[1]]))
        .collect()
}
