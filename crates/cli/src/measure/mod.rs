//! Measurement of one layer. Its arrays go to [`Results`], and facts about it are returned.

mod histograms;
pub(crate) mod neighbors;

use std::sync::Arc;

use cofire::{Batches, Error};
use cofire_files::Layer;
use cofire_jobs::{Fingerprint, Fingerprinted};

use crate::facts::LayerFacts;
use crate::failure::Failure;
use crate::interrupt;
use crate::labels::Labels;
use crate::layer_list::{LayerPlace, Task};
use crate::progress::Bar;
use crate::results::Results;
use crate::settings::{Method, Settings};

/// The settings and labels, which are the same for all layers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Wanted<'a> {
    pub(crate) settings: &'a Settings,
    pub(crate) labels: Option<&'a Labels>,
    pub(crate) documents: Option<&'a Arc<[u32]>>,
}

/// A layer that has been read.
#[derive(Debug)]
struct Read<'a> {
    place: &'a LayerPlace,
    layer: Layer,
}

/// Returns the fingerprint of a layer's activations.
pub(crate) fn fingerprint(layer: &Layer) -> Result<Fingerprint, Error> {
    let mut view = layer.activations.view();
    let mut source = Fingerprinted::new(&mut view);
    let samples = layer.activations.dim().0.max(1);
    source.visit(samples, &mut |_| Ok(()))?;
    let problem = "a layer was read without its fingerprint";
    source.fingerprint().ok_or(Error::Internal { problem })
}

/// Measures a layer in all the ways that were asked for.
pub(crate) fn measure(
    task: &Task,
    wanted: Wanted<'_>,
    bar: &Bar,
    results: &mut Results<'_>,
) -> Result<LayerFacts, Failure> {
    let this = Read::of(&task.this)?;
    let other = task.other.as_ref().map(Read::of).transpose()?;
    let mut facts = match (&wanted.settings.method, &other) {
        (Method::Histograms(method), None) => {
            histograms::within(&this, method, wanted, bar, results)?
        }
        (Method::Histograms(method), Some(other)) => {
            histograms::between(&this, other, method, wanted, bar, results)?
        }
        (Method::Neighbors(method), None) => {
            neighbors::within(&this, method, wanted, bar, results)?
        }
        (Method::Neighbors(method), Some(other)) => {
            neighbors::between(&this, other, method, wanted.settings, bar, results)?
        }
    };
    if results.are_written() {
        facts.fingerprint = Some(this.fingerprint()?);
        if let (Some(facts), Some(other)) = (&mut facts.other, &other) {
            facts.fingerprint = Some(other.fingerprint()?);
        }
    }
    interrupt::check()?;
    Ok(facts)
}

/// The remedy for a layer whose matrix does not fit in memory.
const TOO_LARGE: &str =
    "use cofire pairs, which needs no matrix in memory, or pass fewer neurons or samples";

impl<'a> Read<'a> {
    fn of(place: &'a LayerPlace) -> Result<Self, Failure> {
        let layer = cofire_files::read_layer(&place.file, Some(&place.layer.name))?;
        interrupt::check()?;
        Ok(Self { place, layer })
    }

    fn fingerprint(&self) -> Result<String, Failure> {
        let fingerprint = fingerprint(&self.layer).map_err(|error| self.failed(&error))?;
        Ok(fingerprint.to_string())
    }

    /// Makes a failure from an error about this layer.
    fn failed(&self, error: &Error) -> Failure {
        Failure::of_whole(&self.place.subject(), error, TOO_LARGE)
    }

    /// Makes a failure from an error about this layer, about the other one, or about both.
    fn failed_with(&self, other: &Read<'_>, error: &Error) -> Failure {
        let (Error::NonFinite { sample, neuron, value }
        | Error::NotACategory { sample, neuron, value, .. }) = *error
        else {
            let subject = format!("{}, with {}", self.place.subject(), other.place.subject());
            return Failure::of_whole(&subject, error, TOO_LARGE);
        };
        // The first layer is checked first.
        let activation = self.layer.activations.get(sample, neuron);
        let is_first = activation.is_some_and(|x| x.to_bits() == value.to_bits());
        if is_first { self.failed(error) } else { other.failed(error) }
    }
}
