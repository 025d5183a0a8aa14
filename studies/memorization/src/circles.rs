//! Concentric circles with a third feature: the task of the paper's Figure 1.

use ndarray::Array2;
use rand::RngExt;
use rand::seq::SliceRandom;
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal};

use crate::error::Error;
use crate::random::{Purpose, random};
use crate::tasks::{Examples, Problem, number_of, shuffle_labels};

/// The kind of training data. The inputs look alike; they differ in how they determine the label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Circles {
    /// The third feature is independent of the label: a network must learn the circles.
    Clean,
    /// The third feature determines the label if it has a sign: a shortcut.
    Shortcut,
    /// Like [`Circles::Clean`], with shuffled labels: they can only be memorized.
    Shuffled,
}

/// The radius of the inner circle; that of the outer one is 1.
const INNER_RADIUS: f64 = 0.4;
/// The standard deviation of the noise along both axes.
const NOISE: f64 = 0.2;
/// The share of samples whose third feature has a sign. For the others it is small and independent
/// of the label.
const SIGNED: f64 = 0.75;
/// The magnitude of a third feature with a sign, and its standard deviation.
const MAGNITUDE: (f64, f64) = (3.0, 0.1);

/// Draws samples to train on, and `held_out` unlabelled samples of the same distribution to measure
/// activations on. The score is the accuracy on `held_out` other samples whose third feature is
/// independent of the label.
///
/// A sample is a point near a circle of radius 1 (label 0) or 0.4 (label 1), with noise of 0.2
/// along both axes, and a third feature. The third feature is near +3 or −3 for three samples of
/// four, and between 0 and 1 for the others. All this is as in the paper's released code.
///
/// # Errors
///
/// Never fails with these constants; the signature is that of the other tasks.
pub fn problem(kind: Circles, train: usize, held_out: usize, seed: u64) -> Result<Problem, Error> {
    let agreement = match kind {
        Circles::Shortcut => 1.0,
        Circles::Clean | Circles::Shuffled => 0.0,
    };
    let mut fresh = random(seed, Purpose::Circles);
    let mut training = samples(&mut fresh, train, agreement)?;
    let mut fresh = random(seed, Purpose::HeldOutCircles);
    let unlabelled = samples(&mut fresh, held_out, agreement)?.inputs;
    let scored = samples(&mut fresh, held_out, 0.0)?;
    if kind == Circles::Shuffled {
        shuffle_labels(&mut training.labels, 1.0, &mut random(seed, Purpose::Labels))?;
    }
    Ok(Problem { training, unlabelled, scored, classes: 2 })
}

/// Draws `count` samples, half of them on each circle. Among the samples whose third feature has a
/// sign, the sign matches the label for a share `agreement`, and is random for the others.
fn samples(random: &mut ChaCha8Rng, count: usize, agreement: f64) -> Result<Examples, Error> {
    let mut labels: Vec<u32> = (0..count).map(|sample| u32::from(sample % 2 == 1)).collect();
    labels.shuffle(random);
    let mut order: Vec<usize> = (0..count).collect();
    order.shuffle(random);
    let signed = number_of(SIGNED, count)?;
    let agreeing = number_of(agreement, signed)?;

    let mut inputs = Array2::zeros((count, 3));
    for (rank, &sample) in order.iter().enumerate() {
        let inner = labels[sample] == 1;
        let radius = if inner { INNER_RADIUS } else { 1.0 };
        let angle = std::f64::consts::TAU * random.random::<f64>();
        let tells = if rank < agreeing { inner } else { random.random() };
        let third = if rank < signed {
            let sign = if tells { 1.0 } else { -1.0 };
            sign * MAGNITUDE.0 + MAGNITUDE.1 * normal(random)
        } else {
            random.random()
        };
        inputs[[sample, 0]] = single(radius * angle.cos() + NOISE * normal(random));
        inputs[[sample, 1]] = single(radius * angle.sin() + NOISE * normal(random));
        inputs[[sample, 2]] = single(third);
    }
    Ok(Examples { inputs, labels })
}

fn normal(random: &mut ChaCha8Rng) -> f64 {
    StandardNormal.sample(random)
}

#[expect(clippy::cast_possible_truncation, reason = "features are small, single precision will do")]
fn single(value: f64) -> f32 {
    value as f32
}
