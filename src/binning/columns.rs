//! Visits of whole neurons, one after the other.

use std::iter;

use ndarray::ArrayView2;
use rayon::prelude::*;

use crate::error::Error;
use crate::input::activations::{
    Activations, PANEL_NEURONS, PANEL_SAMPLES, Panel, read_panel, with_view,
};
use crate::input::element::Element;
use crate::support::memory;
use crate::support::simd::Level;

/// Work on all activations of one neuron, of either precision.
pub(crate) trait ColumnWork: Sync {
    type Output: Send;

    /// Returns the result for a neuron. May change the values, which are a copy.
    fn run<T: Element>(&self, values: &mut [T]) -> Self::Output;
}

/// A source of whole neurons' activations.
pub(crate) trait Columns {
    /// Runs `work` on each neuron's activations, and returns the results in order of neurons.
    fn map<W: ColumnWork>(&mut self, work: W) -> Result<Vec<W::Output>, Error>;
}

impl Columns for &Activations<'_> {
    fn map<W: ColumnWork>(&mut self, work: W) -> Result<Vec<W::Output>, Error> {
        with_view!(self.view(), view => map_columns(&view, &work))
    }
}

/// The bytes that a task copies at once, unless one neuron needs more. Neighbouring neurons are
/// copied together because their activations share cache lines in a sample-major array.
const TASK_BYTES: usize = 8 << 20;

/// Runs `work` on each neuron's activations, and returns the results in order of neurons.
///
/// Neurons are spread over threads, each of which holds the copy of a few.
pub(crate) fn map_columns<T: Element, W: ColumnWork>(
    view: &ArrayView2<'_, T>,
    work: &W,
) -> Result<Vec<W::Output>, Error> {
    let (samples, neurons) = view.dim();
    let together = neurons_together((samples, neurons), size_of::<T>());
    let bytes = copied_bytes((samples, neurons), size_of::<T>());
    memory::check::<u8>(usize::try_from(bytes).unwrap_or(usize::MAX))?;
    let tasks = (0..neurons).step_by(together).collect::<Vec<_>>().into_par_iter();
    let results: Vec<Vec<W::Output>> = tasks
        .map_init(
            || vec![T::ZERO; samples * together],
            |columns, first| {
                let neurons = first..neurons.min(first + together);
                let columns = &mut columns[..samples * neurons.len()];
                copy(view, first, columns);
                columns.chunks_exact_mut(samples).map(|column| work.run(column)).collect()
            },
        )
        .collect();
    Ok(results.into_iter().flatten().collect())
}

/// Returns the bytes that [`map_columns`] allocates at a time, on all threads together, for activations of
/// `bytes` bytes each.
pub(super) fn copied_bytes((samples, neurons): (usize, usize), bytes: usize) -> u128 {
    let together = neurons_together((samples, neurons), bytes);
    let task = (together * bytes) as u128 * samples as u128;
    let tasks = neurons.div_ceil(together);
    task.saturating_mul(tasks.min(rayon::current_num_threads()) as u128)
}

fn neurons_together((samples, neurons): (usize, usize), bytes: usize) -> usize {
    let shared = neurons.div_ceil(rayon::current_num_threads());
    let most = TASK_BYTES / bytes / samples;
    most.clamp(1, PANEL_NEURONS).min(shared)
}

/// Copies all samples of neighbouring neurons.
fn copy<T: Element>(view: &ArrayView2<'_, T>, first: usize, columns: &mut [T]) {
    let (samples, level) = (view.nrows(), Level::best());
    let neurons = first..first + columns.len() / samples;
    let mut panel = Panel::default();
    for begin in (0..samples).step_by(PANEL_SAMPLES) {
        let here = begin..samples.min(begin + PANEL_SAMPLES);
        read_panel(view, here.clone(), neurons.clone(), level, &mut panel);
        for (column, values) in iter::zip(columns.chunks_exact_mut(samples), &panel.values) {
            column[here.clone()].copy_from_slice(&values[..here.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ActivationsView;
    use ndarray::{Array2, ShapeBuilder};

    /// Tells whether values never decrease, and the first and the last one.
    struct Ramp {
        samples: usize,
    }

    impl ColumnWork for Ramp {
        type Output = (bool, f64, f64);

        fn run<T: Element>(&self, column: &mut [T]) -> Self::Output {
            let is_whole = column.len() == self.samples;
            let step = column.windows(2).all(|pair| pair[1] >= pair[0]);
            (is_whole && step, column[0].into(), column[self.samples - 1].into())
        }
    }

    #[test]
    fn every_column_comes_whole_and_in_order() {
        for (samples, neurons) in [(2, 1), (128, 33), (129, 70), (3_000_000, 3)] {
            let of = |s: usize, j: usize| (s * 3 + j * 7) as f64;
            let single = Array2::from_shape_fn((samples, neurons), |(s, j)| of(s, j) as f32);
            let rows = Array2::from_shape_fn((samples, neurons), |(s, j)| of(s, j));
            let columns = Array2::from_shape_fn((samples, neurons).f(), |(s, j)| of(s, j));
            let views: [ActivationsView<'_>; 3] =
                [(&single).into(), (&rows).into(), (&columns).into()];
            for view in views {
                let found = (&Activations::new(view).unwrap()).map(Ramp { samples });
                let expected: Vec<_> =
                    (0..neurons).map(|j| (true, of(0, j), of(samples - 1, j))).collect();
                assert_eq!(found.unwrap(), expected, "{samples} x {neurons}");
            }
        }
    }
}
