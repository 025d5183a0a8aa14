//! Noise that depends on neither the thread nor the order in which it is drawn.

use crate::error::Error;
use crate::support::random::Philox;

/// Uniform noise that is added to activations so that no two samples are equal.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Jitter {
    /// The largest noise as a share of a neuron's spread; 0 for none.
    pub(crate) amplitude: f64,
    pub(crate) seed: u64,
}

impl Jitter {
    pub(crate) fn check(self) -> Result<(), Error> {
        let amplitude = self.amplitude;
        match (0.0..=1.0).contains(&amplitude) {
            true => Ok(()),
            false => Err(Error::JitterOutOfRange { amplitude }),
        }
    }

    /// Returns the noise of one sample of one neuron of one layer. Its magnitude is at most
    /// `amplitude` times the spread.
    pub(crate) fn noise(self, layer: u32, neuron: usize, sample: usize, spread: f64) -> f64 {
        if self.amplitude == 0.0 {
            return 0.0;
        }
        let numbers = Philox::new(self.seed).at([low(sample), high(sample), low(neuron), layer]);
        let bits = (u64::from(numbers[0]) << 32 | u64::from(numbers[1])) >> 11;
        // 53 bits, in -1..1.
        let uniform = bits as f64 / (1u64 << 52) as f64 - 1.0;
        self.amplitude * spread * uniform
    }
}

/// Returns the lower half of a number.
fn low(number: usize) -> u32 {
    #[expect(clippy::cast_possible_truncation, reason = "the lower half")]
    let low = number as u32;
    low
}

fn high(number: usize) -> u32 {
    low((number as u64 >> 32) as usize)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn noise_is_uniform_and_keyed() {
        let jitter = Jitter { amplitude: 0.5, seed: 7 };
        let draws: Vec<f64> = (0..10_000).map(|s| jitter.noise(0, 3, s, 4.0)).collect();
        assert!(draws.iter().all(|u| (-2.0..2.0).contains(u)));
        let mean = draws.iter().sum::<f64>() / 1e4;
        let variance = draws.iter().map(|u| u * u).sum::<f64>() / 1e4;
        // Four standard errors of the mean and of the second moment of a uniform on (-2, 2).
        assert!(mean.abs() < 4.0 * (4.0f64 / 3.0 / 1e4).sqrt(), "{mean}");
        assert!((variance - 4.0 / 3.0).abs() < 4.0 * (16.0f64 / 5.0 / 1e4).sqrt(), "{variance}");
        let others = [(1, 3, 0, 7), (0, 4, 0, 7), (0, 3, 1, 7), (0, 3, 0, 8)];
        for (layer, neuron, sample, seed) in others {
            let other = Jitter { seed, ..jitter }.noise(layer, neuron, sample, 4.0);
            assert_ne!(other, draws[0], "{layer} {neuron} {sample} {seed}");
        }
        assert_eq!(Jitter::default().noise(0, 3, 0, 4.0), 0.0);
    }

    #[test]
    fn amplitudes_that_make_no_sense_are_refused() {
        for amplitude in [-0.1, 1.5, f64::NAN, f64::INFINITY] {
            assert!(Jitter { amplitude, seed: 0 }.check().is_err(), "{amplitude}");
        }
        assert!(Jitter { amplitude: 0.0, seed: 0 }.check().is_ok());
    }
}
