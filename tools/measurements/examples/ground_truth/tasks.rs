//! Pairs of neurons with known mutual information.
//!
//! One-dimensional tasks of Czyż, Grabowski, Vogt, Beerenwinkel and Marx, *Beyond Normal: On the
//! Evaluation of Mutual Information Estimators* (NeurIPS 2023, arXiv 2306.11078). An invertible map
//! of one neuron changes no mutual information.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::Rng;
use rand_distr::{ChiSquared, Distribution, StandardNormal, StandardUniform};
use statrs::function::gamma::{digamma, ln_gamma};

/// A distribution of pairs.
pub(crate) struct Task {
    pub(crate) name: &'static str,
    /// The mutual information, in nats.
    pub(crate) truth: f64,
    sample: fn(&mut ChaCha8Rng) -> (f64, f64),
}

impl Task {
    /// Draws samples of the two neurons.
    pub(crate) fn samples(&self, random: &mut ChaCha8Rng, number: usize) -> (Vec<f32>, Vec<f32>) {
        #[expect(clippy::cast_possible_truncation, reason = "activations are f32")]
        let single = |(x, y): (f64, f64)| (x as f32, y as f32);
        (0..number).map(|_| single((self.sample)(random))).unzip()
    }
}

/// Correlation of the normal and the Student-t pairs.
const CORRELATION: f64 = 0.75;

pub(crate) fn all() -> [Task; 9] {
    [
        Task {
            name: "Independent normal",
            truth: 0.0,
            sample: |random| (normal(random), normal(random)),
        },
        Task { name: "Bivariate normal, ρ = 0.75", truth: of_normal(), sample: bivariate_normal },
        Task {
            name: "Wiggly, from the bivariate normal",
            truth: of_normal(),
            sample: |random| {
                let (x, y) = bivariate_normal(random);
                (wiggly(x), wiggly(-y))
            },
        },
        Task {
            name: "Half-cube, from the bivariate normal",
            truth: of_normal(),
            sample: |random| {
                let (x, y) = bivariate_normal(random);
                (half_cube(x), half_cube(y))
            },
        },
        Task {
            name: "Uniform with additive noise, ε = 0.1",
            truth: of_additive_noise(0.1),
            sample: |random| additive_noise(random, 0.1),
        },
        Task {
            name: "Uniform with additive noise, ε = 0.75",
            truth: of_additive_noise(0.75),
            sample: |random| additive_noise(random, 0.75),
        },
        Task {
            name: "Student-t, 5 degrees of freedom, ρ = 0.75",
            truth: of_student(5.0),
            sample: |random| student(random, 5.0),
        },
        Task {
            name: "Student-t, 2 degrees of freedom, ρ = 0.75",
            truth: of_student(2.0),
            sample: |random| student(random, 2.0),
        },
        Task {
            name: "Asinh, from Student-t with 2 degrees of freedom",
            truth: of_student(2.0),
            sample: |random| {
                let (x, y) = student(random, 2.0);
                (x.asinh(), y.asinh())
            },
        },
    ]
}

fn normal(random: &mut ChaCha8Rng) -> f64 {
    StandardNormal.sample(random)
}

fn uniform(random: &mut impl Rng) -> f64 {
    StandardUniform.sample(random)
}

fn bivariate_normal(random: &mut ChaCha8Rng) -> (f64, f64) {
    let (x, other) = (normal(random), normal(random));
    (x, CORRELATION * x + (1.0 - CORRELATION * CORRELATION).sqrt() * other)
}

/// Computes −½ ln(1 − ρ²).
fn of_normal() -> f64 {
    -0.5 * (1.0 - CORRELATION * CORRELATION).ln()
}

/// Draws a uniform variable, and the same variable with uniform noise between −ε and ε.
fn additive_noise(random: &mut ChaCha8Rng, epsilon: f64) -> (f64, f64) {
    let x = uniform(random);
    (x, x + epsilon * (2.0 * uniform(random) - 1.0))
}

fn of_additive_noise(epsilon: f64) -> f64 {
    if epsilon <= 0.5 { epsilon - (2.0 * epsilon).ln() } else { 0.25 / epsilon }
}

/// Draws two correlated normal variables, divided by the root of one χ² variable.
fn student(random: &mut ChaCha8Rng, freedom: f64) -> (f64, f64) {
    let (x, y) = bivariate_normal(random);
    let scale = match ChiSquared::new(freedom) {
        Ok(chi_squared) => (chi_squared.sample(random) / freedom).sqrt(),
        Err(_) => f64::NAN, // no degrees of freedom; an estimator will say so
    };
    (x / scale, y / scale)
}

/// Computes the information of the normal pair, plus that added by the common denominator
/// (Arellano-Valle, Contreras-Reyes and Genton 2013).
fn of_student(freedom: f64) -> f64 {
    let f = |freedom: f64| ln_gamma(freedom / 2.0) - freedom / 2.0 * digamma(freedom / 2.0);
    of_normal() + f(freedom) + f(freedom + 2.0) - 2.0 * f(freedom + 1.0)
}

/// Applies a function that increases everywhere, but unevenly.
fn wiggly(x: f64) -> f64 {
    x + 0.4 * x.sin() + 0.2 * (1.7 * x + 1.0).sin() + 0.03 * (3.3 * x - 2.5).sin()
}

/// Stretches numbers far from zero.
fn half_cube(x: f64) -> f64 {
    x * x.abs().sqrt()
}
