//! The one place that looks at activations as they come in: shape, finiteness, extremes.

use std::ops::Range;

use ndarray::{ArrayView2, s};
use rayon::prelude::*;

use crate::simd::{Level, Vectorized};
use crate::{Error, memory};

/// Neurons that are transposed together: one cache line of a row-major array of `f32`.
pub(crate) const PANEL_NEURONS: usize = 16;

/// Samples that are transposed together.
pub(crate) const PANEL_SAMPLES: usize = 256;

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
        panel: &mut Panel,
    ) {
        let source = self.view.slice(s![samples, neurons]);
        if let Some(first) = source.row(0).as_slice() {
            // Row-major: whole rows are read one after the other, so that a page of the input is
            // visited once and not once a neuron.
            debug_assert!(first.len() <= PANEL_NEURONS, "a panel is {PANEL_NEURONS} neurons wide");
            for (sample, row) in source.outer_iter().enumerate() {
                for (values, &x) in panel.values.iter_mut().zip(row) {
                    values[sample] = x;
                }
            }
        } else {
            for (values, column) in panel.values.iter_mut().zip(source.columns()) {
                for (value, &x) in values.iter_mut().zip(column) {
                    *value = x;
                }
            }
        }
    }

    /// Smallest and largest activation of every neuron, and an error for the first sample (then
    /// the first neuron) whose activation is not finite.
    pub(crate) fn extents(&self) -> Result<Vec<Extent>, Error> {
        // What the lists below take, and the edges after them.
        memory::check::<[u64; 8]>(self.neurons())?;
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
        let level = Level::best();
        let mut panel = Panel::default();
        let mut scans: Vec<Scan> = neurons.clone().map(|j| Scan::new(self.view[[0, j]])).collect();
        let mut not_finite = None;
        for begin in (0..self.samples()).step_by(PANEL_SAMPLES) {
            let samples = begin..self.samples().min(begin + PANEL_SAMPLES);
            let len = samples.len();
            self.read_panel(samples, neurons.clone(), &mut panel);
            let mut all_finite = true;
            for (scan, values) in scans.iter_mut().zip(&panel.values) {
                all_finite &= level.run(ScanValues { scan, values: &values[..len] });
            }
            if !all_finite {
                not_finite = panel.first_not_finite(len, neurons.len());
                not_finite = not_finite.map(|(s, j)| (begin + s, neurons.start + j));
                break; // later samples cannot come before this one
            }
        }
        PanelExtents { extents: scans.iter().map(Scan::extent).collect(), not_finite }
    }
}

/// Some samples of some neurons, neuron-major: as much as fits half an L1 cache.
#[derive(Debug)]
pub(crate) struct Panel {
    pub(crate) values: [[f32; PANEL_SAMPLES]; PANEL_NEURONS],
}

impl Default for Panel {
    fn default() -> Self {
        Self { values: [[0.0; PANEL_SAMPLES]; PANEL_NEURONS] }
    }
}

impl Panel {
    /// (sample, neuron) of the first value that is not finite, in the order of the caller's array.
    fn first_not_finite(&self, samples: usize, neurons: usize) -> Option<(usize, usize)> {
        let places = (0..samples).flat_map(|s| (0..neurons).map(move |j| (s, j)));
        places.into_iter().find(|&(s, j)| !self.values[j][s].is_finite())
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

/// Running extremes of one neuron, and the first two distinct values seen.
struct Scan {
    low: f32,
    high: f32,
    first: f32,
    second: Option<f32>,
    third_seen: bool,
}

impl Scan {
    fn new(first: f32) -> Self {
        Self { low: first, high: first, first, second: None, third_seen: false }
    }

    fn extent(&self) -> Extent {
        Extent { low: self.low, high: self.high, at_most_two_values: !self.third_seen }
    }

    /// Looks for a third distinct value: most neurons show one within a few samples.
    fn look_for_a_third(&mut self, values: &[f32]) {
        for &x in values {
            if x != self.first {
                match self.second {
                    None => self.second = Some(x),
                    Some(second) if second != x => {
                        self.third_seen = true;
                        return;
                    }
                    Some(_) => {}
                }
            }
        }
    }
}

/// Adds values to a scan; returns whether all were finite.
struct ScanValues<'a> {
    scan: &'a mut Scan,
    values: &'a [f32],
}

impl Vectorized for ScanValues<'_> {
    type Output = bool;

    #[inline(always)]
    fn run(self) -> bool {
        const LANES: usize = 16;
        let Self { scan, values } = self;
        let mut low = [scan.low; LANES];
        let mut high = [scan.high; LANES];
        // Zero times a value is zero for finite values, and NaN for all others.
        let mut zero = [0f32; LANES];
        let mut take = |lane: usize, x: f32| {
            low[lane] = if x < low[lane] { x } else { low[lane] };
            high[lane] = if x > high[lane] { x } else { high[lane] };
            zero[lane] += 0.0 * x;
        };
        let blocks = values.chunks_exact(LANES);
        let rest = blocks.remainder();
        for block in blocks {
            for lane in 0..LANES {
                take(lane, block[lane]);
            }
        }
        for (lane, &x) in rest.iter().enumerate() {
            take(lane, x);
        }
        for lane in 0..LANES {
            scan.low = if low[lane] < scan.low { low[lane] } else { scan.low };
            scan.high = if high[lane] > scan.high { high[lane] } else { scan.high };
        }
        if !scan.third_seen {
            scan.look_for_a_third(values);
        }
        zero.iter().all(|&z| z == 0.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

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
