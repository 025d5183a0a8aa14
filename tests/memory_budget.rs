//! Tests that a job keeps to its memory limit although its data are larger. Memory is measured to
//! the byte at the allocator, and by the system as the largest resident set of a process that runs
//! only this job.
//!
//! This binary has only one test, because another would allocate at the same time.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a job that cannot be run fails the test")]

use std::process::Command;

use cofire::{ActivationsView, Analysis, Batches, Binning, Engine, Error, Selection};
use ndarray::Array2;
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Activations that are made batch by batch, and never exist as a whole.
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
        visitor: &mut dyn FnMut(ActivationsView<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        for begin in (0..self.samples).step_by(most_samples) {
            let samples = most_samples.min(self.samples - begin);
            let batch = Array2::from_shape_fn((samples, self.neurons), |(s, n)| {
                let mixed = ((begin + s) as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15 + n as u64);
                ((mixed >> 40) % 1000) as f32 * 0.001
            });
            visitor(batch.view().into())?;
        }
        Ok(())
    }
}

/// Reads a line of the process's status, in bytes.
fn status(key: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(key)).unwrap();
    let kib: u64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib << 10
}

const SAMPLES: usize = 100_000;
const NEURONS: usize = 400;

/// The budgets in MiB. The codes take 38 MiB. Quantiles are computed for some neurons at a time,
/// which takes long if the budget allows only few.
const BUDGETS: [u64; 3] = [64, 32, 24];

/// Bytes for lists that grow, names and settings.
const BOOKKEEPING: u64 = 64 << 10;

/// The name of a variable that tells a child process its job: its number and its budget.
const JOB: &str = "COFIRE_BUDGET_JOB";

/// A job: the binning, the selection (`None` for a whole matrix), and the number of budgets to run
/// it with.
type Job = (fn() -> Binning, Option<Selection>, usize);

const JOBS: [Job; 6] = [
    (|| Binning::equal_width(4), None, 3),
    (|| Binning::equal_width(10), Some(Selection::Strongest(5)), 3),
    (|| Binning::equal_width(4), Some(Selection::AtLeast(0.01)), 3),
    (|| Binning::equal_width(2), Some(Selection::FalseDiscoveryRate(0.05)), 3),
    (|| Binning::equal_width(30), Some(Selection::All), 3),
    (|| Binning::EqualFrequency { bins: 10 }, Some(Selection::Strongest(5)), 1),
];

#[test]
fn a_job_keeps_to_its_budget() {
    if let Ok(job) = std::env::var(JOB) {
        let (number, mib) = job.split_once(' ').unwrap();
        return one_job(&JOBS[number.parse::<usize>().unwrap()], mib.parse::<u64>().unwrap() << 20);
    }
    for (number, (.., budgets)) in JOBS.iter().enumerate() {
        for mib in &BUDGETS[..*budgets] {
            let output = Command::new(std::env::current_exe().unwrap())
                .args(["--exact", "a_job_keeps_to_its_budget", "--nocapture"])
                .env(JOB, format!("{number} {mib}"))
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&output.stdout);
            let lines: Vec<&str> = said.lines().filter(|line| line.contains("MiB")).collect();
            println!("{}", lines.join("\n"));
            let errors = String::from_utf8_lossy(&output.stderr);
            assert!(output.status.success() && lines.len() == 1, "{said}{errors}");
        }
    }
}

fn one_job((binning, selection, _): &Job, limit: u64) {
    let before = status("VmRSS:");
    ALLOCATOR.reset_peak_usage();
    let analysis = Analysis::with_binning(binning()).engine(Engine::Cpu).memory_limit(limit);
    let source = &mut Made { samples: SAMPLES, neurons: NEURONS };
    let planned = match selection {
        None => analysis.run_batches(source).unwrap().memory.planned,
        Some(selection) => {
            let layer = analysis.encode_batches(source).unwrap();
            let of_two_bins = layer.edges().bins() == 2;
            let codes = (SAMPLES * NEURONS / if of_two_bins { 8 } else { 1 }) as u64;
            // Bit strings exist twice while their pieces are joined.
            let in_memory = if of_two_bins { 2 * codes } else { codes };
            let spilled = if in_memory > limit / 2 { codes } else { 0 };
            assert_eq!(layer.spilled_bytes(), spilled, "half the budget is for codes");
            analysis.sweep(layer, *selection).unwrap().run().unwrap().memory.planned
        }
    };
    let (heap, resident) = (ALLOCATOR.peak_usage() as u64, status("VmHWM:") - before);
    let mib = |bytes: u64| bytes as f64 / f64::from(1 << 20);
    println!(
        "{:?}, {selection:?}: {:.1} MiB allocated, {:.1} MiB resident, {:.1} MiB planned, {} allowed",
        binning(),
        mib(heap),
        mib(resident),
        mib(planned),
        mib(limit),
    );
    assert!(planned <= limit, "{planned} bytes planned, {limit} allowed");
    assert!(heap <= planned + BOOKKEEPING, "{heap} bytes allocated, {planned} planned");
    assert!(resident <= limit, "{resident} bytes resident, {limit} allowed");
}
