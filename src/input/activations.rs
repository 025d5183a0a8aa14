//! Activations as the caller passes them: their shape, and copies in the order that loops need.

use std::ops::Range;

use fearless_simd::{Simd, prelude::*};
use ndarray::{Array2, ArrayView2, Axis, s};

use super::element::{Element, Precision};
use crate::error::Error;
use crate::support::simd::{Level, MAX_LANES, Vectorized, transpose};

/// The number of neurons transposed together: two cache lines of a row-major array of `f32`.
pub(crate) const PANEL_NEURONS: usize = 32;

/// The most lanes of a vector of activations: those of `f32` in the widest one.
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

/// Activations of one layer, `samples × neurons`, of either precision, in any memory layout.
///
/// Every call that takes activations accepts views and references of arrays of `f32` and of `f64`. Nothing
/// is converted: activations of 64 bits are binned in 64 bits. Convert other types to the one that holds all
/// of their numbers: integers of up to 16 bits, `f16` and `bf16` to `f32`, integers of 32 bits to `f64`.
///
/// # Examples
///
/// ```
/// use ndarray::array;
///
/// // As `f32` both neurons would be constant.
/// let times = array![[1e9, 1e9 + 1.0], [1e9 + 1.0, 1e9], [1e9 + 2.0, 1e9 + 1.0], [1e9 + 3.0, 1e9]];
/// let report = cofire::analyze(times.view(), 4)?;
/// assert!((report.entropy[0] - 4f64.ln()).abs() < 1e-9);
/// assert!((report.entropy[1] - 2f64.ln()).abs() < 1e-9);
/// # Ok::<(), cofire::Error>(())
/// ```
#[derive(Debug, Clone, Copy)]
pub enum ActivationsView<'a> {
    /// Activations of 32 bits.
    F32(ArrayView2<'a, f32>),
    /// Activations of 64 bits.
    F64(ArrayView2<'a, f64>),
}

/// Evaluates an expression with the typed view of activations.
macro_rules! with_view {
    ($activations:expr, $view:ident => $result:expr) => {
        match $activations {
            $crate::input::activations::ActivationsView::F32($view) => $result,
            $crate::input::activations::ActivationsView::F64($view) => $result,
        }
    };
}
pub(crate) use with_view;

impl ActivationsView<'_> {
    /// Returns the numbers of samples and neurons.
    #[must_use]
    pub fn dim(&self) -> (usize, usize) {
        with_view!(self, view => view.dim())
    }

    /// Returns the number of samples.
    #[must_use]
    pub fn samples(&self) -> usize {
        self.dim().0
    }

    /// Returns the number of neurons.
    #[must_use]
    pub fn neurons(&self) -> usize {
        self.dim().1
    }

    /// Returns the precision of the activations.
    #[must_use]
    pub fn precision(&self) -> Precision {
        match self {
            Self::F32(_) => Precision::F32,
            Self::F64(_) => Precision::F64,
        }
    }
}

impl<'a> From<ArrayView2<'a, f32>> for ActivationsView<'a> {
    fn from(view: ArrayView2<'a, f32>) -> Self {
        Self::F32(view)
    }
}

impl<'a> From<ArrayView2<'a, f64>> for ActivationsView<'a> {
    fn from(view: ArrayView2<'a, f64>) -> Self {
        Self::F64(view)
    }
}

impl<'a> From<&'a Array2<f32>> for ActivationsView<'a> {
    fn from(array: &'a Array2<f32>) -> Self {
        Self::F32(array.view())
    }
}

impl<'a> From<&'a Array2<f64>> for ActivationsView<'a> {
    fn from(array: &'a Array2<f64>) -> Self {
        Self::F64(array.view())
    }
}

/// Activations of a valid shape: `samples × neurons`, at least 2 × 1.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Activations<'a> {
    view: ActivationsView<'a>,
}

impl<'a> Activations<'a> {
    /// Checks the shape. The values are checked by [`super::extents::extents`].
    pub(crate) fn new(view: impl Into<ActivationsView<'a>>) -> Result<Self, Error> {
        let view = view.into();
        check_shape(view.dim())?;
        Ok(Self { view })
    }

    /// Wraps some samples of activations whose shape has been checked.
    pub(crate) fn batch(view: ActivationsView<'a>) -> Self {
        Self { view }
    }

    pub(crate) fn view(&self) -> ActivationsView<'a> {
        self.view
    }

    pub(crate) fn samples(&self) -> usize {
        self.view.samples()
    }

    pub(crate) fn neurons(&self) -> usize {
        self.view.neurons()
    }

    pub(crate) fn precision(&self) -> Precision {
        self.view.precision()
    }

    /// Returns some samples of activations.
    pub(crate) fn of_samples(&self, samples: Range<usize>) -> Self {
        let view = match self.view {
            ActivationsView::F32(view) => view.slice_move(s![samples, ..]).into(),
            ActivationsView::F64(view) => view.slice_move(s![samples, ..]).into(),
        };
        Self { view }
    }

    /// Returns a copy of the activations of one neuron.
    pub(crate) fn of_neuron(&self, neuron: usize) -> Vec<f64> {
        with_view!(self.view, view => view.column(neuron).iter().map(|x| x.in_f64()).collect())
    }

    /// Returns one activation.
    pub(crate) fn value(&self, sample: usize, neuron: usize) -> f64 {
        with_view!(self.view, view => view[[sample, neuron]].in_f64())
    }
}

/// Copies some samples of some neurons into `panel`. The copy is neuron-major whatever the input's
/// layout, so that every later loop runs along contiguous samples.
pub(crate) fn read_panel<T: Element>(
    view: &ArrayView2<'_, T>,
    samples: Range<usize>,
    neurons: Range<usize>,
    level: Level,
    panel: &mut Panel<T>,
) {
    level.run(ReadPanel { source: view.slice(s![samples, neurons]), panel });
}

/// Some samples of some neurons, neuron-major. Those of 32 bits fit half an L1 cache.
#[derive(Debug)]
pub(crate) struct Panel<T> {
    pub(crate) values: [[T; PANEL_SAMPLES]; PANEL_NEURONS],
}

impl<T: Element> Default for Panel<T> {
    fn default() -> Self {
        Self { values: [[T::ZERO; PANEL_SAMPLES]; PANEL_NEURONS] }
    }
}

impl<T: Element> Panel<T> {
    /// Fills in one sample for every lane of a vector, from full rows.
    #[inline(always)]
    fn transpose_rows<S: Simd>(&mut self, simd: S, begin: usize, rows: &[&[T]; SQUARE]) {
        let lanes = T::Native::<S>::LEN;
        for (part, values) in self.values.chunks_exact_mut(lanes).enumerate() {
            let mut square = [T::Native::<S>::splat(simd, T::ZERO); SQUARE];
            for (vector, row) in square.iter_mut().zip(rows).take(lanes) {
                *vector = T::Native::<S>::from_slice(simd, &row[part * lanes..(part + 1) * lanes]);
            }
            transpose(&mut square);
            for (vector, values) in square.iter().zip(values).take(lanes) {
                vector.store_slice(&mut values[begin..begin + lanes]);
            }
        }
    }
}

/// A task that fills a panel with at most [`PANEL_SAMPLES`] samples of at most [`PANEL_NEURONS`]
/// neurons.
struct ReadPanel<'a, T> {
    source: ArrayView2<'a, T>,
    panel: &'a mut Panel<T>,
}

impl<T: Element> Vectorized for ReadPanel<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let Self { source, panel } = self;
        let samples = source.nrows();
        // Row-major: whole rows are read one after the other, so that each page of the input is
        // visited once instead of once a neuron.
        if source.stride_of(Axis(1)) == 1 {
            let lanes = T::Native::<S>::LEN;
            let full = if source.ncols() == PANEL_NEURONS { samples / lanes * lanes } else { 0 };
            for begin in (0..full).step_by(lanes) {
                let mut rows: [&[T]; SQUARE] = [&[]; SQUARE];
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
        let of = |shape| {
            Activations::new(ArrayView2::<f32>::from_shape(shape, &[]).unwrap()).unwrap_err()
        };
        assert!(matches!(of((0, 3)), Error::NoSamples { neurons: 3 }));
        assert!(matches!(of((3, 0)), Error::NoNeurons { samples: 3 }));
        let one = Array2::<f32>::zeros((1, 4));
        assert!(matches!(Activations::new(one.view()), Err(Error::OneSample)));
    }
}
