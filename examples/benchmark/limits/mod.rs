//! Limits of the machine, measured with loops that do nothing else.

mod cpu;
mod device;
#[path = "../../../src/support/simd.rs"]
#[allow(dead_code, unreachable_pub, reason = "the engine's own adder is the one to measure")]
mod simd;

use std::time::{Duration, Instant};

pub(crate) use cpu::of_cpu;
pub(crate) use device::of_device;

/// The limits, as rates per second.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Bits that carry-save adders add up, from L1 on a CPU and from registers on a device.
    pub(crate) adder_bits: f64,
    /// Counters in L1 that are incremented, at unpredictable positions.
    pub(crate) increments: Option<f64>,
    /// Bytes that are read from memory, or sent to a device.
    pub(crate) bytes: f64,
    /// The meaning of `bytes`, which differs between CPU and device.
    pub(crate) bytes_are: &'static str,
}

impl Limits {
    /// Returns the pair-samples per second that could be counted in the better of the two ways, if
    /// there were nothing but counting.
    pub(crate) fn pair_samples(&self, bits_a_pair_sample: f64) -> f64 {
        let adders = self.adder_bits / bits_a_pair_sample;
        self.increments.map_or(adders, |increments| increments.max(adders))
    }
}

/// Returns the shortest time of several runs.
fn best_time(mut run: impl FnMut()) -> Duration {
    const RUNS: usize = 7;
    let times = (0..RUNS).map(|_| {
        let clock = Instant::now();
        run();
        clock.elapsed()
    });
    times.min().unwrap_or_default()
}
