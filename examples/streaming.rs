//! Activations that come batch by batch, as from a model's forward passes, and only the strongest pairs.
//!
//! `cargo run --release --example streaming`

use cofire::{Analysis, BinEdges, Binning, Encoder, Selection};
use ndarray::Array2;

/// Returns a batch of activations, samples × 400 neurons, as a forward pass would.
fn forward(batch: usize) -> Array2<f32> {
    Array2::from_shape_fn((256, 400), |(sample, neuron)| {
        let sample = 256 * batch + sample;
        ((sample * (neuron % 40 + 3)) % 211) as f32
    })
}

fn main() -> Result<(), cofire::Error> {
    // Bin edges from the first batch. Later activations beyond them go to the first and the last bin.
    let edges = BinEdges::fit(forward(0).view(), &Binning::equal_width(10))?;
    let mut encoder = Encoder::new(edges);
    for batch in 0..20 {
        encoder.push(forward(batch).view())?; // a byte a value is kept, not the activations
    }
    let layer = encoder.finish()?;
    // Block by block, so that no matrix of all pairs is in memory.
    let report = Analysis::new(10).sweep(layer, Selection::Strongest(1))?.run()?;
    println!("{} samples, {} pairs selected", report.samples, report.pairs.len());
    for pair in report.pairs.iter().take(5) {
        println!("{} and {}: {:.2} nats", pair.first, pair.second, pair.mutual_information);
    }
    Ok(())
}
