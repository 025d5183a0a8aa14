//! Random numbers that are the same on every machine.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::SeedableRng;

/// What random numbers are for. Each purpose has a stream of its own, so that networks of one seed
/// and different tasks begin with the same weights, and tasks of different shares shuffle the same
/// samples first.
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

/// The random numbers of a seed for a purpose.
pub(crate) fn random(seed: u64, purpose: Purpose) -> ChaCha8Rng {
    let mut random = ChaCha8Rng::seed_from_u64(seed);
    random.set_stream(purpose as u64);
    random
}
