//! Workloads, the same on every machine: a seeded, correlated mixture of Gaussians, every second
//! neuron after a ReLU.

use ndarray::{Array1, Array2, Axis};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;
use rand_distr::{Distribution, StandardNormal};
use rayon::prelude::*;

const SEED: u64 = 20_240_607;

/// Clusters of inputs, such as classes or topics.
const COMPONENTS: usize = 6;

/// Directions in which inputs differ. They are far fewer than neurons, and so neurons are correlated.
const DIMENSIONS: usize = 16;

/// The size of a job.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Workload {
    pub(crate) name: &'static str,
    pub(crate) samples: usize,
    pub(crate) neurons: usize,
    pub(crate) bins: usize,
}

/// The sizes that other libraries were timed at (w1 to w4), and one for a large GPU (w5).
pub(crate) const WORKLOADS: [Workload; 5] = [
    Workload { name: "w1", samples: 1_000, neurons: 256, bins: 10 },
    Workload { name: "w2", samples: 1_000, neurons: 256, bins: 100 },
    Workload { name: "w3", samples: 10_000, neurons: 512, bins: 16 },
    Workload { name: "w4", samples: 50_000, neurons: 256, bins: 30 },
    Workload { name: "w5", samples: 100_000, neurons: 2_048, bins: 2 },
];

impl Workload {
    /// Returns the work in a job: samples times pairs, with a neuron and itself as a pair.
    pub(crate) fn pair_samples(&self) -> u64 {
        let (samples, neurons) = (self.samples as u64, self.neurons as u64);
        neurons * (neurons + 1) / 2 * samples
    }

    /// Makes the job's activations, `samples × neurons`.
    pub(crate) fn activations(&self) -> Array2<f32> {
        mixture(self.samples, self.neurons)
    }
}

fn mixture(samples: usize, neurons: usize) -> Array2<f32> {
    let mut random = ChaCha8Rng::seed_from_u64(SEED);
    let mut normal = |_| StandardNormal.sample(&mut random);
    let centres: Array2<f32> = Array2::from_shape_fn((COMPONENTS, DIMENSIONS), &mut normal) * 1.5;
    let weights: Array2<f32> = Array2::from_shape_fn((DIMENSIONS, neurons), &mut normal) * 0.25;
    let biases: Array1<f32> = Array1::from_shape_simple_fn(neurons, || normal((0, 0))) * 0.3;

    let mut activations = Array2::zeros((samples, neurons));
    let rows = activations.axis_iter_mut(Axis(0)).enumerate().collect::<Vec<_>>();
    rows.into_par_iter().for_each(|(sample, mut row)| {
        // One stream of random numbers per sample: rows do not depend on which thread makes them.
        let mut random = ChaCha8Rng::seed_from_u64(SEED);
        random.set_stream(1 + sample as u64);
        let component = sample % COMPONENTS;
        let spread = 0.5 + component as f32 / COMPONENTS as f32;
        row.assign(&biases);
        for (centre, weights) in centres.row(component).iter().zip(weights.rows()) {
            let noise: f32 = StandardNormal.sample(&mut random);
            row.scaled_add(centre + spread * noise, &weights);
        }
        for (neuron, activation) in row.iter_mut().enumerate() {
            let noise: f32 = StandardNormal.sample(&mut random);
            *activation += 0.5 * noise;
            if neuron % 2 == 1 {
                *activation = activation.max(0.0);
            }
        }
    });
    activations
}
