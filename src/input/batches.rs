//! Activations that come in batches of samples, because all of them at once would not fit in
//! memory.

use ndarray::{ArrayView2, s};

use super::activations::{ActivationsView, with_view};
use super::element::Precision;
use crate::error::Error;

/// A source of one layer's activations, `samples × neurons`, in batches of samples. They can be
/// read any number of times.
///
/// Views of activations implement this trait. The crate `cofire-files` implements it for files and shards of
/// files (`cofire_files::open_batches`). Implement it for other sources of activations: the numbers
/// of samples and neurons are those of all batches together, and every visit hands out the same
/// samples in the same order.
///
/// # Examples
///
/// ```
/// use cofire::{ActivationsView, Batches, Error};
/// use ndarray::Array2;
///
/// /// A layer that is computed when it is needed.
/// struct Waves;
///
/// impl Batches for Waves {
///     fn samples(&self) -> usize {
///         1000
///     }
///     fn neurons(&self) -> usize {
///         4
///     }
///     fn visit(
///         &mut self,
///         most_samples: usize,
///         visitor: &mut dyn FnMut(ActivationsView<'_>) -> Result<(), Error>,
///     ) -> Result<(), Error> {
///         for begin in (0..1000).step_by(most_samples) {
///             let samples = most_samples.min(1000 - begin);
///             let wave = |(s, n)| (((begin + s) * (n + 1)) as f32 / 100.0).sin();
///             visitor((&Array2::from_shape_fn((samples, 4), wave)).into())?;
///         }
///         Ok(())
///     }
/// }
///
/// let mut samples = 0;
/// Waves.visit(300, &mut |batch| Ok(samples += batch.samples()))?;
/// assert_eq!(samples, 1000);
/// # Ok::<(), Error>(())
/// ```
pub trait Batches {
    /// Returns the number of samples of all batches together.
    fn samples(&self) -> usize;

    /// Returns the number of neurons, which is the same in every batch.
    fn neurons(&self) -> usize;

    /// Returns the precision of the most precise batch. It decides how much memory a batch takes. A batch
    /// that is more precise is an error.
    fn precision(&self) -> Precision {
        Precision::F32
    }

    /// Hands all samples to `visitor`, from the first to the last, each once, in batches of at
    /// least one and at most `most_samples`.
    ///
    /// # Errors
    ///
    /// The visitor's error, which ends the visit. An error of the activations themselves is an
    /// [`Error::Batches`].
    fn visit(
        &mut self,
        most_samples: usize,
        visitor: &mut dyn FnMut(ActivationsView<'_>) -> Result<(), Error>,
    ) -> Result<(), Error>;
}

macro_rules! batches_of_a_view {
    ($type:ident, $precision:expr) => {
        impl Batches for ArrayView2<'_, $type> {
            fn samples(&self) -> usize {
                self.nrows()
            }

            fn neurons(&self) -> usize {
                self.ncols()
            }

            fn precision(&self) -> Precision {
                $precision
            }

            fn visit(
                &mut self,
                most_samples: usize,
                visitor: &mut dyn FnMut(ActivationsView<'_>) -> Result<(), Error>,
            ) -> Result<(), Error> {
                let samples = self.nrows();
                for begin in (0..samples).step_by(most_samples.max(1)) {
                    let end = begin.saturating_add(most_samples.max(1)).min(samples);
                    visitor(self.slice(s![begin..end, ..]).into())?;
                }
                Ok(())
            }
        }
    };
}

batches_of_a_view!(f32, Precision::F32);
batches_of_a_view!(f64, Precision::F64);

impl Batches for ActivationsView<'_> {
    fn samples(&self) -> usize {
        Self::samples(self)
    }

    fn neurons(&self) -> usize {
        Self::neurons(self)
    }

    fn precision(&self) -> Precision {
        Self::precision(self)
    }

    fn visit(
        &mut self,
        most_samples: usize,
        visitor: &mut dyn FnMut(ActivationsView<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        with_view!(self, view => view.visit(most_samples, visitor))
    }
}

pub(crate) fn changed(expected: usize, found: usize) -> Error {
    let problem = format!("{expected} samples were announced, and {found} came");
    Error::Batches(problem.into())
}
