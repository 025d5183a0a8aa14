//! Random numbers that are the same on every machine.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// The purpose of random numbers. Each purpose has its own stream. Thus networks with the same seed
/// and different tasks start with the same weights, and of two shares of samples to shuffle, the
/// larger contains the smaller.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Purpose {
    Split = 1,
    Labels,
    Colours,
    HeldOutColours,
    Circles,
    HeldOutCircles,
    Weights,
    Order,
}

/// Returns the random-number generator of a seed for a purpose.
pub(crate) fn random(seed: u64, purpose: Purpose) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(purpose as u64);
    random
}
