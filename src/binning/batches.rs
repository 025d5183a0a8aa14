//! Bin edges of activations that come in batches.

use std::ops::Range;

use ndarray::{Array2, ArrayViewMut2, s};

use super::Portions;
use super::columns::{ColumnWork, Columns, map_columns};
use super::fit::check_categories;
use crate::MAX_BINS;
use crate::binning::{BinEdges, Binning};
use crate::error::Error;
use crate::input::activations::{Activations, ActivationsView, check_shape};
use crate::input::batches::{Batches, changed};
use crate::input::element::{Element, Precision};
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
    let precision = source.precision();
    let neuron_bytes = (samples as u64).saturating_mul(precision.bytes() as u64);
    let together = usize::try_from(most_bytes / neuron_bytes).unwrap_or(neurons);
    let together = together.clamp(1, neurons);
    let mut columns = BatchColumns { source, together, portions };
    BinEdges::from_columns(&mut columns, (&extents, precision), binning)
}

fn visit_extents(
    source: &mut dyn Batches,
    are_categories: bool,
    portions: Portions,
) -> Result<Vec<Extent>, Error> {
    let (expected, neurons) = (source.samples(), source.neurons());
    let precision = source.precision();
    let (mut extents, mut samples) = (ExtentsSoFar::default(), 0);
    source.visit(portions.samples_in_a_batch(neurons, precision), &mut |batch| {
        if batch.samples() == 0 {
            return Ok(());
        }
        check_neurons(neurons, batch.neurons())?;
        check_precision(precision, batch.precision())?;
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

/// Refuses a batch that is more precise than its source has announced: more memory would be taken than was
/// planned.
pub(crate) fn check_precision(announced: Precision, found: Precision) -> Result<(), Error> {
    if found <= announced {
        return Ok(());
    }
    let problem =
        "a batch has numbers of 64 bits, and 32 bits were announced (`Batches::precision`)";
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
    fn map<W: ColumnWork>(&mut self, work: W) -> Result<Vec<W::Output>, Error> {
        match self.source.precision() {
            Precision::F32 => self.map_in::<f32, W>(&work),
            Precision::F64 => self.map_in::<f64, W>(&work),
        }
    }
}

impl BatchColumns<'_> {
    fn map_in<T: Collected, W: ColumnWork>(&mut self, work: &W) -> Result<Vec<W::Output>, Error> {
        let (samples, neurons) = (self.source.samples(), self.source.neurons());
        let batch_samples = self.portions.samples_in_a_batch(neurons, self.source.precision());
        let mut results = Vec::with_capacity(neurons);
        for first in (0..neurons).step_by(self.together) {
            let some = first..neurons.min(first + self.together);
            let data = memory::zeroed::<T>(samples, some.len())?;
            let bytes = size_of_val(data.as_slice()) as u64;
            let columns = Array2::from_shape_vec((samples, some.len()), data);
            let mut columns = columns.map_err(|_| Error::OutOfMemory { bytes })?;
            let mut begin = 0;
            self.source.visit(batch_samples, &mut |batch| {
                check_neurons(neurons, batch.neurons())?;
                let end = begin + batch.samples();
                if end > samples {
                    return Err(changed(samples, end));
                }
                T::collect(batch, some.clone(), columns.slice_mut(s![begin..end, ..]))?;
                begin = end;
                Ok(())
            })?;
            if begin < samples {
                return Err(changed(samples, begin));
            }
            results.extend(map_columns(&columns.view(), work)?);
        }
        Ok(results)
    }
}

/// A type in which neurons are collected: that of the most precise batch.
trait Collected: Element {
    /// Copies some neurons of a batch.
    fn collect(
        batch: ActivationsView<'_>,
        neurons: Range<usize>,
        into: ArrayViewMut2<'_, Self>,
    ) -> Result<(), Error>;
}

impl Collected for f32 {
    fn collect(
        batch: ActivationsView<'_>,
        neurons: Range<usize>,
        mut into: ArrayViewMut2<'_, Self>,
    ) -> Result<(), Error> {
        match batch {
            ActivationsView::F32(batch) => into.assign(&batch.slice(s![.., neurons])),
            ActivationsView::F64(_) => check_precision(Precision::F32, Precision::F64)?,
        }
        Ok(())
    }
}

impl Collected for f64 {
    fn collect(
        batch: ActivationsView<'_>,
        neurons: Range<usize>,
        mut into: ArrayViewMut2<'_, Self>,
    ) -> Result<(), Error> {
        match batch {
            ActivationsView::F32(batch) => {
                let batch = batch.slice_move(s![.., neurons]);
                into.zip_mut_with(&batch, |value, &x| *value = x.into());
            }
            ActivationsView::F64(batch) => into.assign(&batch.slice(s![.., neurons])),
        }
        Ok(())
    }
}
