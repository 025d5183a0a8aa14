//! The pairs that share more information than chance explains.
//!
//! `cargo run --release --example significance`

use cofire::Analysis;
use cofire::significance::false_discovery_rates_of_pairs;
use ndarray::Array2;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};

fn main() -> Result<(), cofire::Error> {
    // 40 neurons of noise, of which the first two share a weak signal.
    let mut random = ChaCha8Rng::seed_from_u64(1);
    let mut activations = Array2::from_shape_simple_fn((500, 40), || {
        let value: f32 = StandardNormal.sample(&mut random);
        value
    });
    for mut sample in activations.rows_mut() {
        sample[1] += 0.6 * sample[0];
    }
    let analysis = Analysis::new(5);
    // From 999 shuffles of the samples: right for few samples and many bins, too.
    let tested = analysis.permutation_test(activations.view(), 999, 7)?;
    let rates = false_discovery_rates_of_pairs(&tested.p_values);
    for ((first, second), rate) in rates.indexed_iter().filter(|((i, j), _)| i < j) {
        if *rate < 0.05 {
            println!("{first} and {second}: false-discovery rate {rate:.4}");
        }
    }
    Ok(())
}
