//! The one place that looks at activations as they come in: shape, finiteness, extremes.

use std::ops::Range;

use ndarray::{Array2, ArrayView2, s};
use rayon::prelude::*;

use crate::Error;

/// Neurons that are transposed together: one cache line of a row-major array of `f32`.
pub(crate) const PANEL_NEURONS: usize = 16;

/// The most samples a job may have: every count, and the count of all, fits a `u32`, and
/// `u32::MAX` is left over as the mark of a result that was never written.
pub(crate) const MAX_SAMPLES: usize = u32::MAX as usize - 1;

/// What one pass over a neuron's activations finds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Extent {
    /// Smallest activation.
    pub(crate) low: f32,
    /// Largest activation.
    pub(crate) high: f32,
    /// Whether every activation equals `low` or `high`.
    pub(crate) at_most_two_values: bool,
}

/// Activations that have the right shape: `samples × neurons`, at least 2 × 1.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Activations<'a> {
    view: ArrayView2<'a, f32>,
}

impl<'a> Activations<'a> {
    /// Checks the shape. The values are checked by [`Activations::extents`].
    pub(crate) fn new(view: ArrayView2<'a, f32>) -> Result<Self, Error> {
        match view.dim() {
            (0, neurons) => Err(Error::NoSamples { neurons }),
            (samples, 0) => Err(Error::NoNeurons { samples }),
            (1, _) => Err(Error::OneSample),
            (samples, _) if samples > MAX_SAMPLES => {
                Err(Error::TooManySamples { samples, allowed: MAX_SAMPLES })
            }
            _ => Ok(Self { view }),
        }
    }

    pub(crate) fn samples(&self) -> usize {
        self.view.nrows()
    }

    pub(crate) fn neurons(&self) -> usize {
        self.view.ncols()
    }

    /// Copies some samples of some neurons into `panel`, neuron-major whatever the input's layout,
    /// so that every later loop runs along contiguous samples.
    pub(crate) fn read_panel(
        &self,
        samples: Range<usize>,
        neurons: Range<usize>,
        panel: &mut Array2<f32>,
    ) {
        let source = self.view.slice(s![samples.clone(), neurons.clone()]);
        panel.slice_mut(s![..neurons.len(), ..samples.len()]).assign(&source.t());
    }

    /// Smallest and largest activation of every neuron, and an error for the first sample (then
    /// the first neuron) whose activation is not finite.
    pub(crate) fn extents(&self) -> Result<Vec<Extent>, Error> {
        let panels: Vec<PanelExtents> = panels(self.neurons())
            .into_par_iter()
            .map(|neurons| self.panel_extents(neurons))
            .collect();
        let first_bad = panels.iter().filter_map(|p| p.not_finite).min();
        if let Some((sample, neuron)) = first_bad {
            return Err(Error::NonFinite { sample, neuron, value: self.view[[sample, neuron]] });
        }
        Ok(panels.into_iter().flat_map(|p| p.extents).collect())
    }

    fn panel_extents(&self, neurons: Range<usize>) -> PanelExtents {
        const SAMPLES: usize = 512;
        let mut panel = Array2::zeros((PANEL_NEURONS, SAMPLES));
        let mut scans: Vec<Scan> = neurons.clone().map(|j| Scan::new(self.view[[0, j]])).collect();
        let mut not_finite: Option<(usize, usize)> = None;
        for begin in (0..self.samples()).step_by(SAMPLES) {
            let samples = begin..self.samples().min(begin + SAMPLES);
            let len = samples.len();
            self.read_panel(samples, neurons.clone(), &mut panel);
            for ((scan, values), neuron) in scans.iter_mut().zip(panel.rows()).zip(neurons.clone())
            {
                let values = values.slice_move(s![..len]);
                if let Some(at) = values.iter().position(|x| !x.is_finite()) {
                    let place = (begin + at, neuron);
                    not_finite = Some(not_finite.map_or(place, |known| known.min(place)));
                }
                values.iter().for_each(|&x| scan.add(x));
            }
            if not_finite.is_some() {
                break; // later samples cannot come before this one
            }
        }
        PanelExtents { extents: scans.iter().map(Scan::extent).collect(), not_finite }
    }
}

/// The ranges of neurons that are transposed together.
pub(crate) fn panels(neurons: usize) -> Vec<Range<usize>> {
    (0..neurons)
        .step_by(PANEL_NEURONS)
        .map(|begin| begin..neurons.min(begin + PANEL_NEURONS))
        .collect()
}

struct PanelExtents {
    extents: Vec<Extent>,
    /// (sample, neuron) of the first value that is not finite.
    not_finite: Option<(usize, usize)>,
}

/// Running extremes of one neuron, and the second distinct value seen, if any.
struct Scan {
    low: f32,
    high: f32,
    first: f32,
    second: f32,
    third_seen: bool,
}

impl Scan {
    fn new(first: f32) -> Self {
        Self { low: first, high: first, first, second: first, third_seen: false }
    }

    #[inline(always)]
    fn add(&mut self, x: f32) {
        self.low = if x < self.low { x } else { self.low };
        self.high = if x > self.high { x } else { self.high };
        self.second = if self.second == self.first { x } else { self.second };
        self.third_seen |= x != self.first && x != self.second;
    }

    fn extent(&self) -> Extent {
        Extent { low: self.low, high: self.high, at_most_two_values: !self.third_seen }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::array;

    #[test]
    fn shapes_that_cannot_be_measured_are_refused() {
        let of = |shape| Activations::new(ArrayView2::from_shape(shape, &[]).unwrap()).unwrap_err();
        assert!(matches!(of((0, 3)), Error::NoSamples { neurons: 3 }));
        assert!(matches!(of((3, 0)), Error::NoNeurons { samples: 3 }));
        let one = Array2::<f32>::zeros((1, 4));
        assert!(matches!(Activations::new(one.view()), Err(Error::OneSample)));
    }

    #[test]
    fn extents_see_signs_zeros_and_distinct_values() {
        let x = array![[1.0f32, -0.0, 5.0], [3.0, 0.0, 5.0], [2.0, -0.0, 7.0]];
        let extents = Activations::new(x.view()).unwrap().extents().unwrap();
        assert_eq!(extents[0], Extent { low: 1.0, high: 3.0, at_most_two_values: false });
        assert_eq!((extents[1].low, extents[1].high), (0.0, 0.0));
        assert!(extents[1].at_most_two_values, "0.0 and -0.0 are one value");
        assert!(extents[2].at_most_two_values);
    }

    #[test]
    fn the_first_value_that_is_not_finite_is_named() {
        let mut x = Array2::<f32>::zeros((2000, 40));
        x[[1500, 3]] = f32::NAN;
        x[[700, 39]] = f32::INFINITY;
        x[[700, 20]] = f32::NEG_INFINITY;
        let error = Activations::new(x.view()).unwrap().extents().unwrap_err();
        assert!(matches!(error, Error::NonFinite { sample: 700, neuron: 20, .. }), "{error}");
    }

    #[test]
    fn every_layout_gives_the_same_extents() {
        let c = Array2::from_shape_fn((37, 21), |(s, n)| ((s * 31 + n * 17) % 23) as f32 - 11.0);
        let mut f = Array2::zeros((21, 37)).reversed_axes();
        f.assign(&c);
        let wide = Array2::from_shape_fn((74, 42), |(s, n)| c[[s / 2, n / 2]]);
        let strided = wide.slice(s![..;2, ..;2]);
        let of = |v| Activations::new(v).unwrap().extents().unwrap();
        assert_eq!(of(c.view()), of(f.view()));
        assert_eq!(of(c.view()), of(strided));
    }
}
