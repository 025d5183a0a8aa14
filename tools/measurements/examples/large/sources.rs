//! Layers that are made as they are read.

use cofire::{ActivationsView, Batches, Error};
use ndarray::Array2;
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// The number of features or neurons in a group.
const GROUP: usize = 4;

/// Sparse features, with firing rates from 1/20 to 1/20,000. Each feature fires at random on its
/// own, and in half of the events of its group.
#[derive(Debug)]
pub(crate) struct Features {
    pub(crate) samples: usize,
    pub(crate) neurons: usize,
}

/// The samples in which an event happens, in order, at random distances.
struct Events {
    random: ChaCha8Rng,
    rate: f64,
    next: usize,
}

impl Events {
    fn new(seed: u64, rate: f64) -> Self {
        let mut events = Self { random: ChaCha8Rng::seed_from_u64(seed), rate, next: 0 };
        events.advance();
        events
    }

    fn advance(&mut self) {
        // The distance between events that have the same chance in every sample.
        let chance = (f64::from(self.random.next_u32()) + 0.5) / 4_294_967_296.0;
        let distance = (chance.ln() / (1.0 - self.rate).ln()).floor();
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "positive, and saturating where it is large"
        )]
        let distance = distance as usize;
        self.next = self.next.saturating_add(distance).saturating_add(1);
    }
}

impl Batches for Features {
    fn samples(&self) -> usize {
        self.samples
    }

    fn neurons(&self) -> usize {
        self.neurons
    }

    fn visit(
        &mut self,
        most_samples: usize,
        visitor: &mut dyn FnMut(ActivationsView<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let groups = self.neurons.div_ceil(GROUP);
        let rate = |of: usize| 0.05 * 10f64.powf(-3.0 * of as f64 / groups as f64);
        let mut alone: Vec<Events> =
            (0..self.neurons).map(|n| Events::new(n as u64, rate(n / GROUP) / 2.0)).collect();
        let mut together: Vec<Events> =
            (0..groups).map(|g| Events::new((1 << 40) + g as u64, rate(g))).collect();
        let mut batch = Array2::zeros((most_samples.min(self.samples), self.neurons));
        for begin in (0..self.samples).step_by(most_samples) {
            let end = self.samples.min(begin + most_samples);
            batch.fill(0.0);
            for (neuron, events) in alone.iter_mut().enumerate() {
                while events.next <= end {
                    batch[[events.next - 1 - begin, neuron]] = 1.0;
                    events.advance();
                }
            }
            for (group, events) in together.iter_mut().enumerate() {
                while events.next <= end {
                    let fires = events.random.next_u32();
                    for member in (0..GROUP).filter(|member| fires >> member & 1 == 1) {
                        let neuron = group * GROUP + member;
                        if neuron < self.neurons {
                            batch[[events.next - 1 - begin, neuron]] = 1.0;
                        }
                    }
                    events.advance();
                }
            }
            visitor(batch.slice(ndarray::s![..end - begin, ..]).into())?;
        }
        Ok(())
    }
}

/// Neurons that add their own noise to noise shared with their group.
#[derive(Debug)]
pub(crate) struct Neurons {
    pub(crate) samples: usize,
    pub(crate) neurons: usize,
}

impl Batches for Neurons {
    fn samples(&self) -> usize {
        self.samples
    }

    fn neurons(&self) -> usize {
        self.neurons
    }

    fn visit(
        &mut self,
        most_samples: usize,
        visitor: &mut dyn FnMut(ActivationsView<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut random = ChaCha8Rng::seed_from_u64(0);
        let mut uniform = || (random.next_u32() >> 8) as f32 / 16_777_216.0;
        for begin in (0..self.samples).step_by(most_samples) {
            let samples = most_samples.min(self.samples - begin);
            let mut batch = Array2::zeros((samples, self.neurons));
            for mut row in batch.outer_iter_mut() {
                let mut shared = 0.0;
                for (neuron, value) in row.iter_mut().enumerate() {
                    if neuron % GROUP == 0 {
                        shared = uniform() + uniform() - uniform() - uniform();
                    }
                    // The sum of a few uniform numbers is close enough to a normal one.
                    let own = uniform() + uniform() - uniform() - uniform();
                    *value = shared + own * (neuron % 7) as f32;
                }
            }
            visitor(batch.view().into())?;
        }
        Ok(())
    }
}
