//! An example that compares estimates with the truth, on pairs of neurons with known mutual
//! information.
//!
//! ```sh
//! cargo run --release -p cofire-measurements --example ground_truth > docs/GROUND_TRUTH.md
//! ```

mod estimates;
mod tasks;

use std::io::Write;

use cofire::Error;
use ndarray::{ArrayView2, Axis, aview1};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// The numbers of samples.
const SAMPLES: [usize; 5] = [100, 300, 1_000, 3_000, 10_000];

/// The number of draws for each number of samples.
const TRIALS: usize = 50;

const INTRODUCTION: &str = "\
# Estimates against the truth

Bias ± spread of estimates of mutual information, in nats, over 50 draws of S samples. The bias is the mean of
the estimates minus the truth, and the spread is their standard deviation. The pairs are one-dimensional tasks of
Czyż et al., *Beyond Normal* (NeurIPS 2023), whose mutual information is known in closed form
(`tools/measurements/examples/ground_truth/tasks.rs`). This page is made by

```sh
cargo run --release -p cofire-measurements --example ground_truth > docs/GROUND_TRUTH.md
```

A binned estimate approaches the information that the *bins* of two neurons share. That is less than the
neurons share, for any number of samples. With few samples the estimate is too large. Miller–Madow's correction
removes most of that bias from three samples a cell on (S = 300), and half of it with one; Grassberger's removes
most of it with one, too. Pseudo-counts and shrinkage make neurons look more independent than they are, so the
result is too low for neurons that are related. For independent neurons James–Stein's is right, and with
pseudo-counts it is too large, though less than the plug-in estimate. Estimates from nearest neighbours have no
bins. On continuous activations they mostly have the least bias but more spread. On activations with many equal
values they need jitter; otherwise use bins.
";

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{INTRODUCTION}")?;
    for task in tasks::all() {
        writeln!(out, "## {}: {:.4} nats\n", task.name, task.truth)?;
        let columns = SAMPLES.map(|samples| format!(" S = {samples} |")).concat();
        writeln!(out, "| estimator |{columns}\n| --- |{}", " ---: |".repeat(SAMPLES.len()))?;
        for estimate in estimates::all() {
            let cells: Result<Vec<String>, Error> =
                SAMPLES.iter().map(|&samples| cell(&task, &estimate, samples)).collect();
            writeln!(out, "| {} | {} |", estimate.name, cells?.join(" | "))?;
        }
        writeln!(out)?;
    }
    Ok(())
}

/// Computes bias and spread over all draws, which are the same for each estimator.
fn cell(
    task: &tasks::Task,
    estimate: &estimates::Estimate,
    samples: usize,
) -> Result<String, Error> {
    let mut errors = [0.0; TRIALS];
    for (seed, error) in (0..).zip(&mut errors) {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        let (x, y) = task.samples(&mut random, samples);
        *error = estimate.of(column(&x), column(&y))? - task.truth;
    }
    let bias = errors.iter().sum::<f64>() / TRIALS as f64;
    let squares: f64 = errors.iter().map(|error| (error - bias) * (error - bias)).sum();
    Ok(format!("{bias:+.3} ± {:.3}", (squares / (TRIALS - 1) as f64).sqrt()))
}

/// Returns a layer of one neuron.
fn column(values: &[f32]) -> ArrayView2<'_, f32> {
    aview1(values).insert_axis(Axis(1))
}
