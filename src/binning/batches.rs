//! Bin edges of activations that come in batches.

use ndarray::{Array2, s};

use super::Portions;
use super::{Columns, check_categories, map_columns};
use crate::MAX_BINS;
use crate::binning::{BinEdges, Binning};
use crate::error::Error;
use crate::input::activations::{Activations, check_shape};
use crate::input::batches::{Batches, changed};
use crate::input::extents::{Extent, ExtentsSoFar};
use crate::support::memory;

/// Fits the edges of a binning that has been checked, as [`BinEdges::fit`] does for activations in one piece.
///
/// One visit finds the extremes, if they matter. If edges depend on whole neurons, each further visit
/// collects as many neurons as fit into `most_bytes`, and at least one.
pub(crate) fn fit_batches(
    source: &mut dyn Batches,
    binning: &Binning,
    most_bytes: u64,
    portions: Portions,
) -> Result<BinEdges, Error> {
    let (samples, neurons) = (source.samples(), source.neurons());
    check_shape((samples, neurons))?;
    let extents = if binning.reads_activations() {
        visit_extents(source, *binning == Binning::Categories, portions)?
    } else {
        // This binning does not read them.
        vec![Extent { low: 0.0, high: 0.0, at_most_two_values: true }; neurons]
    };
    let neuron_bytes = (samples as u64).saturating_mul(size_of::<f32>() as u64);
    let together = usize::try_from(most_bytes / neuron_bytes).unwrap_or(neurons);
    let together = together.clamp(1, neurons);
    let mut columns = BatchColumns { source, together, portions };
    BinEdges::from_columns(&mut columns, &extents, binning)
}

fn visit_extents(
    source: &mut dyn Batches,
    are_categories: bool,
    portions: Portions,
) -> Result<Vec<Extent>, Error> {
    let (expected, neurons) = (source.samples(), source.neurons());
    let (mut extents, mut samples) = (ExtentsSoFar::default(), 0);
    source.visit(portions.samples_in_a_batch(neurons), &mut |batch| {
        if batch.nrows() == 0 {
            return Ok(());
        }
        check_neurons(neurons, batch.ncols())?;
        let batch = Activations::batch(batch);
        extents.add(&batch)?;
        if are_categories {
            check_categories(&batch, samples, MAX_BINS - 1)?;
        }
        samples += batch.samples();
        Ok(())
    })?;
    if samples == expected { Ok(extents.extents()) } else { Err(changed(expected, samples)) }
}

fn check_neurons(expected: usize, found: usize) -> Result<(), Error> {
    if expected == found {
        return Ok(());
    }
    let problem = format!("a batch has {found} neurons, and {expected} were announced");
    Err(Error::Batches(problem.into()))
}

/// Whole neurons of activations that come in batches. Each visit collects some of them.
struct BatchColumns<'a> {
    source: &'a mut dyn Batches,
    /// Neurons that are collected per visit.
    together: usize,
    portions: Portions,
}

impl Columns for BatchColumns<'_> {
    fn map<T: Send>(&mut self, work: impl Fn(&mut [f32]) -> T + Sync) -> Result<Vec<T>, Error> {
        let (samples, neurons) = (self.source.samples(), self.source.neurons());
        let mut results = Vec::with_capacity(neurons);
        for first in (0..neurons).step_by(self.together) {
            let some = first..neurons.min(first + self.together);
            let data = memory::zeroed::<f32>(samples, some.len())?;
            let bytes = size_of_val(data.as_slice()) as u64;
            let columns = Array2::from_shape_vec((samples, some.len()), data);
            let mut columns = columns.map_err(|_| Error::OutOfMemory { bytes })?;
            let mut begin = 0;
            self.source.visit(self.portions.samples_in_a_batch(neurons), &mut |batch| {
                check_neurons(neurons, batch.ncols())?;
                let end = begin + batch.nrows();
                if end > samples {
                    return Err(changed(samples, end));
                }
                columns.slice_mut(s![begin..end, ..]).assign(&batch.slice(s![.., some.clone()]));
                begin = end;
                Ok(())
            })?;
            if begin < samples {
                return Err(changed(samples, begin));
            }
            results.extend(map_columns(&Activations::new(columns.view())?, &work)?);
        }
        Ok(results)
    }
}
