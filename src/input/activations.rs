//! Activations as the caller passes them: their shape, and copies in the order that loops need.

use std::ops::Range;

use fearless_simd::{Simd, prelude::*};
use ndarray::{ArrayView1, ArrayView2, Axis, s};

use crate::error::Error;
use crate::support::simd::{Level, MAX_LANES, Vectorized, transpose};

/// The number of neurons transposed together: two cache lines of a row-major array of `f32`.
pub(crate) const PANEL_NEURONS: usize = 32;

/// The number of `f32` lanes of the widest vector.
const SQUARE: usize = MAX_LANES / size_of::<f32>();

/// The number of samples transposed together.
pub(crate) const PANEL_SAMPLES: usize = 128;

/// The most samples of a job. Every count, and the count of all samples, fits a `u32`; `u32::MAX`
/// stays free to mark a result that was never written.
pub(crate) const MAX_SAMPLES: usize = u32::MAX as usize - 1;

/// Refuses shapes, `samples × neurons`, that cannot be measured.
pub(crate) fn check_shape(shape: (usize, usize)) -> Result<(), Error> {
    match shape {
        (0, neurons) => Err(Error::NoSamples { neurons }),
        (samples, 0) => Err(Error::NoNeurons { samples }),
        (1, _) => Err(Error::OneSample),
        (samples, _) if samples > MAX_SAMPLES => {
            Err(Error::TooManySamples { samples, allowed: MAX_SAMPLES })
        }
        _ => Ok(()),
    }
}

/// Activations of a valid shape: `samples × neurons`, at least 2 × 1.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Activations<'a> {
    view: ArrayView2<'a, f32>,
}

impl<'a> Activations<'a> {
    /// Checks the shape. The values are checked by [`super::extents::extents`].
    pub(crate) fn new(view: ArrayView2<'a, f32>) -> Result<Self, Error> {
        check_shape(view.dim())?;
        Ok(Self { view })
    }

    /// Wraps some samples of activations whose shape has been checked.
    pub(crate) fn batch(view: ArrayView2<'a, f32>) -> Self {
        Self { view }
    }

    pub(crate) fn samples(&self) -> usize {
        self.view.nrows()
    }

    pub(crate) fn neurons(&self) -> usize {
        self.view.ncols()
    }

    /// Copies some samples of some neurons into `panel`. The copy is neuron-major whatever the
    /// input's layout, so that every later loop runs along contiguous samples.
    pub(crate) fn read_panel(
        &self,
        samples: Range<usize>,
        neurons: Range<usize>,
        level: Level,
        panel: &mut Panel,
    ) {
        level.run(ReadPanel { source: self.view.slice(s![samples, neurons]), panel });
    }

    /// Returns the activations of some samples.
    pub(crate) fn of_samples(&self, samples: Range<usize>) -> ArrayView2<'a, f32> {
        self.view.slice_move(s![samples, ..])
    }

    /// Returns the activations of one neuron.
    pub(crate) fn of_neuron(&self, neuron: usize) -> ArrayView1<'a, f32> {
        self.view.index_axis_move(Axis(1), neuron)
    }

    /// Returns whether the activations of a sample are adjacent in memory.
    pub(crate) fn is_sample_major(&self) -> bool {
        self.view.stride_of(Axis(1)) == 1
    }
}

/// Some samples of some neurons, neuron-major: as many as fit half an L1 cache.
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
    /// Fills in one sample for every lane of a vector, from full rows.
    #[inline(always)]
    fn transpose_rows<S: Simd>(&mut self, simd: S, begin: usize, rows: &[&[f32]; SQUARE]) {
        let lanes = S::f32s::LEN;
        for (part, values) in self.values.chunks_exact_mut(lanes).enumerate() {
            let mut square = [S::f32s::splat(simd, 0.0); SQUARE];
            for (vector, row) in square.iter_mut().zip(rows).take(lanes) {
                *vector = S::f32s::from_slice(simd, &row[part * lanes..(part + 1) * lanes]);
            }
            transpose(&mut square);
            for (vector, values) in square.iter().zip(values) {
                vector.store_slice(&mut values[begin..begin + lanes]);
            }
        }
    }
}

/// A task that fills a panel with at most [`PANEL_SAMPLES`] samples of at most [`PANEL_NEURONS`]
/// neurons.
struct ReadPanel<'a> {
    source: ArrayView2<'a, f32>,
    panel: &'a mut Panel,
}

impl Vectorized for ReadPanel<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { source, panel } = self;
        let samples = source.nrows();
        // Row-major: whole rows are read one after the other, so that each page of the input is
        // visited once instead of once a neuron.
        if source.stride_of(Axis(1)) == 1 {
            let lanes = S::f32s::LEN;
            let full = if source.ncols() == PANEL_NEURONS { samples / lanes * lanes } else { 0 };
            for begin in (0..full).step_by(lanes) {
                let mut rows: [&[f32]; SQUARE] = [&[]; SQUARE];
                for (k, row) in rows.iter_mut().enumerate().take(lanes) {
                    *row = source.row(begin + k).to_slice().unwrap_or_default();
                }
                panel.transpose_rows(simd, begin, &rows);
            }
            for (sample, row) in source.outer_iter().enumerate().skip(full) {
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
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    #[test]
    fn shapes_that_cannot_be_measured_are_refused() {
        let of = |shape| Activations::new(ArrayView2::from_shape(shape, &[]).unwrap()).unwrap_err();
        assert!(matches!(of((0, 3)), Error::NoSamples { neurons: 3 }));
        assert!(matches!(of((3, 0)), Error::NoNeurons { samples: 3 }));
        let one = Array2::<f32>::zeros((1, 4));
        assert!(matches!(Activations::new(one.view()), Err(Error::OneSample)));
    }
}
