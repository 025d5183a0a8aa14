//! Activations with progress: the user sees how much has been read, and can interrupt it.

use std::ops::ControlFlow;

use cofire::{ActivationsView, Batches, CancelledBy, Error, Precision};

use crate::progress::Bar;

/// A source that reports every batch to a bar.
pub(super) struct Watched<'a> {
    source: &'a mut dyn Batches,
    bar: &'a Bar,
}

impl<'a> Watched<'a> {
    pub(super) fn new(source: &'a mut dyn Batches, bar: &'a Bar) -> Self {
        Self { source, bar }
    }
}

impl Batches for Watched<'_> {
    fn samples(&self) -> usize {
        self.source.samples()
    }

    fn neurons(&self) -> usize {
        self.source.neurons()
    }

    fn precision(&self) -> Precision {
        self.source.precision()
    }

    fn visit(
        &mut self,
        most_samples: usize,
        visitor: &mut dyn FnMut(ActivationsView<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let (bar, total) = (self.bar, self.samples());
        let mut samples = 0;
        bar.begin("reading");
        self.source.visit(most_samples, &mut |batch| {
            samples += batch.samples();
            if bar.reached(samples, total) == ControlFlow::Break(()) {
                return Err(Error::Cancelled { by: CancelledBy::Progress });
            }
            visitor(batch)
        })
    }
}
