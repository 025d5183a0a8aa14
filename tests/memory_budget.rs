//! A job that is larger than the memory it may take keeps to it: measured as the system measures it,
//! by the largest resident set of the process.
//!
//! One test alone is in this binary: another would allocate beside it.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a job that cannot be run fails the test")]

use cofire::{Analysis, Batches, Binning, Engine, Error, Selection, Sweep};
use ndarray::{Array2, ArrayView2};

/// Activations that exist only while they are looked at.
struct Made {
    samples: usize,
    neurons: usize,
}

impl Batches for Made {
    fn samples(&self) -> usize {
        self.samples
    }

    fn neurons(&self) -> usize {
        self.neurons
    }

    fn visit(
        &mut self,
        most_samples: usize,
        visitor: &mut dyn FnMut(ArrayView2<'_, f32>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        for begin in (0..self.samples).step_by(most_samples) {
            let samples = most_samples.min(self.samples - begin);
            let batch = Array2::from_shape_fn((samples, self.neurons), |(s, n)| {
                let mixed = ((begin + s) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15 + n as u64);
                ((mixed >> 40) % 1000) as f32 * 0.001
            });
            visitor(batch.view())?;
        }
        Ok(())
    }
}

/// What each thread works in, and what a process has anyway.
const ALLOWANCE: u64 = 20 << 20;

/// The bytes that a line of the process's status tells.
fn status(key: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(key)).unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib << 10
}

#[test]
fn the_resident_set_stays_within_the_budget() {
    let before = status("VmRSS:");
    let (samples, neurons, limit) = (200_000, 400, 64 << 20);
    for (binning, selection) in [
        (Binning::equal_width(10), Selection::Strongest(5)),
        (Binning::EqualFrequency { bins: 4 }, Selection::AtLeast(0.01)),
    ] {
        let analysis = Analysis::with_binning(binning).engine(Engine::Cpu).memory_limit(limit);
        let layer = analysis.encode_batches(&mut Made { samples, neurons }).unwrap();
        let codes = (samples * neurons) as u64;
        assert_eq!(layer.spilled_bytes(), codes, "half the budget does not hold the codes");
        let report = Sweep::new(&analysis, layer, selection).unwrap().run().unwrap();
        assert!(report.memory.planned <= limit, "{:?}", report.memory);
        let peak = status("VmHWM:") - before;
        println!("{selection:?}: {peak} bytes at most, {limit} allowed, {codes} of codes");
        assert!(peak <= limit + ALLOWANCE, "{peak} bytes, {limit} allowed");
    }
}
