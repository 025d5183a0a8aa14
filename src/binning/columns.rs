//! Visits of whole neurons, one after the other.

use std::iter;

use rayon::prelude::*;

use crate::error::Error;
use crate::input::activations::{Activations, PANEL_NEURONS, PANEL_SAMPLES, Panel};
use crate::support::memory;
use crate::support::simd::Level;

/// A source of whole neurons' activations.
pub(crate) trait Columns {
    /// Applies `work` to each neuron's activations, and returns the results in order of neurons.
    /// `work` may change its copy.
    fn map<T: Send>(&mut self, work: impl Fn(&mut [f32]) -> T + Sync) -> Result<Vec<T>, Error>;
}

impl Columns for &Activations<'_> {
    fn map<T: Send>(&mut self, work: impl Fn(&mut [f32]) -> T + Sync) -> Result<Vec<T>, Error> {
        map_columns(self, work)
    }
}

/// The bytes that a task copies at once, unless one neuron needs more. Neighbouring neurons are
/// copied together because their activations share cache lines in a sample-major array.
const TASK_BYTES: usize = 8 << 20;

/// Applies `work` to each neuron's activations, and returns the results in order of neurons. `work`
/// may change its copy.
///
/// Neurons are spread over threads, each of which holds the copy of a few.
pub(crate) fn map_columns<T: Send>(
    activations: &Activations<'_>,
    work: impl Fn(&mut [f32]) -> T + Sync,
) -> Result<Vec<T>, Error> {
    let (samples, neurons) = (activations.samples(), activations.neurons());
    let together = neurons_together(samples, neurons);
    memory::check::<u8>(usize::try_from(copied_bytes(samples, neurons)).unwrap_or(usize::MAX))?;
    let tasks = (0..neurons).step_by(together).collect::<Vec<_>>().into_par_iter();
    let results: Vec<Vec<T>> = tasks
        .map_init(
            || vec![0.0; samples * together],
            |columns, first| {
                let neurons = first..neurons.min(first + together);
                let columns = &mut columns[..samples * neurons.len()];
                copy(activations, first, columns);
                columns.chunks_exact_mut(samples).map(&work).collect()
            },
        )
        .collect();
    Ok(results.into_iter().flatten().collect())
}

/// Returns the bytes that [`map_columns`] allocates at a time, on all threads together.
pub(super) fn copied_bytes(samples: usize, neurons: usize) -> u128 {
    let task = (neurons_together(samples, neurons) * size_of::<f32>()) as u128 * samples as u128;
    let tasks = neurons.div_ceil(neurons_together(samples, neurons));
    task.saturating_mul(tasks.min(rayon::current_num_threads()) as u128)
}

fn neurons_together(samples: usize, neurons: usize) -> usize {
    let shared = neurons.div_ceil(rayon::current_num_threads());
    let most = TASK_BYTES / size_of::<f32>() / samples;
    most.clamp(1, PANEL_NEURONS).min(shared)
}

/// Copies all samples of neighbouring neurons.
fn copy(activations: &Activations<'_>, first: usize, columns: &mut [f32]) {
    let (samples, level) = (activations.samples(), Level::best());
    let neurons = first..first + columns.len() / samples;
    let mut panel = Panel::default();
    for begin in (0..samples).step_by(PANEL_SAMPLES) {
        let here = begin..samples.min(begin + PANEL_SAMPLES);
        activations.read_panel(here.clone(), neurons.clone(), level, &mut panel);
        for (column, values) in iter::zip(columns.chunks_exact_mut(samples), &panel.values) {
            column[here.clone()].copy_from_slice(&values[..here.len()]);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, ShapeBuilder};

    #[test]
    fn every_column_comes_whole_and_in_order() {
        for (samples, neurons) in [(2, 1), (128, 33), (129, 70), (3_000_000, 3)] {
            let of = |s: usize, j: usize| (s * 3 + j * 7) as f32;
            let rows = Array2::from_shape_fn((samples, neurons), |(s, j)| of(s, j));
            let columns = Array2::from_shape_fn((samples, neurons).f(), |(s, j)| of(s, j));
            for view in [rows.view(), columns.view()] {
                let activations = Activations::new(view).unwrap();
                let found = map_columns(&activations, |column| {
                    let is_whole = column.len() == samples;
                    let step = column.windows(2).all(|pair| pair[1] >= pair[0]);
                    (is_whole && step, column[0], column[samples - 1])
                });
                let expected: Vec<_> =
                    (0..neurons).map(|j| (true, of(0, j), of(samples - 1, j))).collect();
                assert_eq!(found.unwrap(), expected, "{samples} x {neurons}");
            }
        }
    }
}
