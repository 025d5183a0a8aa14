//! Activations made from a seed, the same on every machine.

use ndarray::Array2;

/// Returns the 64-bit mix of splitmix64, a well-spread hash of a counter.
pub(crate) fn mix(counter: u64) -> u64 {
    let mut z = counter.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

/// Returns a number from 0 up to, not including, `end`.
pub(crate) fn below(end: usize, counter: u64) -> usize {
    usize::try_from(mix(counter) % end as u64).unwrap()
}

/// Returns a number from 0 up to, not including, 1.
fn fraction(seed: u64, sample: usize, neuron: usize) -> f32 {
    let counter = seed.wrapping_mul(1 << 52) ^ ((neuron as u64) << 32) ^ sample as u64;
    (mix(counter) >> 40) as f32 / (1u32 << 24) as f32
}

/// Makes neurons of every kind that is difficult for kernels: spread over all bins, in one bin but
/// for a few samples, in two bins, only in the last bin, constant, sorted, and following a
/// neighbour.
pub(crate) fn varied(samples: usize, neurons: usize, seed: u64) -> Array2<f32> {
    Array2::from_shape_fn((samples, neurons), |(s, j)| {
        let x = fraction(seed, s, j);
        match (j as u64 + seed) % 8 {
            0 => x,
            1 => (x - 0.9).max(0.0),
            2 => f32::from(u8::from(x < 0.3)),
            3 => fraction(seed, s, j - j.min(1)) + 0.25 * x,
            4 => s as f32,
            5 => 3.5,
            6 => 1.0 - x * x * x * x,
            _ => f32::from(u8::from(s != samples / 2)),
        }
    })
}
