//! Entropies of all neurons and the mutual information of all pairs, in a few lines.
//!
//! `cargo run --release --example simple`

use cofire::{Measure, Normalization};
use ndarray::Array2;

fn main() -> Result<(), cofire::Error> {
    // 2,000 samples × 6 neurons: even neurons follow the sample, odd ones the neuron before them.
    let activations = Array2::from_shape_fn((2000, 6), |(sample, neuron)| {
        let signal = (sample * (neuron / 2 + 3)) % 97;
        if neuron % 2 == 0 { signal as f32 } else { (signal as f32).sqrt() }
    });
    let report = cofire::analyze(activations.view(), 8)?;
    println!("entropies in nats: {:.2}", report.entropy);
    println!("mutual information in nats:\n{:.2}", report.mutual_information);
    // The share of the smaller entropy that a pair has in common, from 0 to 1.
    let shared = report.measure(Measure::Normalized(Normalization::Min));
    println!("neurons 0 and 1 share {:.0} %", 100.0 * shared[[0, 1]]);
    println!("neurons 0 and 2 share {:.0} %", 100.0 * shared[[0, 2]]);
    println!("computed on the {}", report.execution.engine());
    Ok(())
}
