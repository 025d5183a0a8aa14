//! Bin codes: one byte a sample and neuron, neuron-major. What every engine counts.

use rayon::prelude::*;

use crate::activations::{Activations, PANEL_NEURONS, PANEL_SAMPLES, Panel, panels};
use crate::binning::BinEdges;
use crate::simd::Level;
use crate::{Error, memory};

/// The bin code of every activation, `[neuron][sample]`.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Codes {
    samples: usize,
    bins: usize,
    data: Vec<u8>,
}

impl Codes {
    /// Encodes activations whose values are known to be finite.
    pub(crate) fn encode(activations: &Activations<'_>, edges: &BinEdges) -> Result<Self, Error> {
        let (samples, neurons) = (activations.samples(), activations.neurons());
        let mut data = memory::zeroed(samples, neurons)?;
        data.par_chunks_mut(samples * PANEL_NEURONS).zip(panels(neurons)).for_each(
            |(codes, neurons)| {
                let coders: Vec<_> = neurons.clone().map(|j| edges.coder(j)).collect();
                let level = Level::best();
                let mut panel = Panel::default();
                for begin in (0..samples).step_by(PANEL_SAMPLES) {
                    let end = samples.min(begin + PANEL_SAMPLES);
                    activations.read_panel(begin..end, neurons.clone(), &mut panel);
                    let targets = codes.chunks_exact_mut(samples);
                    for ((coder, values), codes) in coders.iter().zip(&panel.values).zip(targets) {
                        coder.encode(&values[..end - begin], &mut codes[begin..end], level);
                    }
                }
            },
        );
        Ok(Self { samples, bins: edges.bins(), data })
    }

    pub(crate) fn samples(&self) -> usize {
        self.samples
    }

    pub(crate) fn neurons(&self) -> usize {
        self.data.len() / self.samples
    }

    pub(crate) fn bins(&self) -> usize {
        self.bins
    }

    /// The codes of one neuron, a byte a sample.
    pub(crate) fn neuron(&self, neuron: usize) -> &[u8] {
        &self.data[neuron * self.samples..][..self.samples]
    }

    /// How many samples of a neuron fall into each bin.
    pub(crate) fn marginal(&self, neuron: usize) -> Vec<u32> {
        let mut counts = vec![0u32; self.bins];
        for &code in self.neuron(neuron) {
            counts[usize::from(code)] += 1;
        }
        counts
    }

    /// Codes made by hand, for tests of engines.
    #[cfg(test)]
    pub(crate) fn from_fn(
        samples: usize,
        neurons: usize,
        bins: usize,
        code: impl Fn(usize, usize) -> usize,
    ) -> Self {
        let data = (0..neurons)
            .flat_map(|j| (0..samples).map(move |s| (s, j)))
            .map(|(s, j)| u8::try_from(code(s, j) % bins).unwrap())
            .collect();
        Self { samples, bins, data }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Range;
    use ndarray::{Array2, ArrayView2};

    fn encode(view: ArrayView2<'_, f32>, bins: usize) -> Codes {
        let activations = Activations::new(view).unwrap();
        let edges = BinEdges::fit(view, bins, Range::PerNeuron).unwrap();
        Codes::encode(&activations, &edges).unwrap()
    }

    #[test]
    fn panels_of_every_size_meet_without_gaps() {
        for samples in [2, 255, 256, 257, 600] {
            for neurons in [1, 15, 16, 17, 33] {
                // A ramp: sample s of S falls into bin s * B / S, whatever the neuron's scale.
                let x = Array2::from_shape_fn((samples, neurons), |(s, n)| (s * (n + 1)) as f32);
                let codes = encode(x.view(), 7);
                assert_eq!((codes.samples(), codes.neurons()), (samples, neurons));
                for j in 0..neurons {
                    for (s, &code) in codes.neuron(j).iter().enumerate() {
                        let expected = (s * 7 / (samples - 1)).min(6);
                        assert_eq!(usize::from(code), expected, "{s} of {samples}, neuron {j}");
                    }
                    let total: u32 = codes.marginal(j).iter().sum();
                    assert_eq!(total as usize, samples, "marginal of neuron {j}");
                }
            }
        }
    }
}
