//! Measurement of a layer for a report: with the chosen estimator, and with a G-test of its pairs.

use cofire::significance::false_discovery_rates_of_pairs;
use cofire::{ActivationsView, Analysis, Engine, Error, Estimator, Report, Units};
use cofire_report::{Layer, Measured};
use ndarray::Array2;

use crate::failure::Failure;
use crate::interrupt;
use crate::layer_list::LayerPlace;
use crate::progress::Bar;
use crate::settings::{HistogramSettings, Method, NeighborSettings, Settings};

/// The number of bins of the G-test if the estimator has no bins.
pub(super) const BINS_OF_TEST: usize = 10;

/// The number of bins of entropies with the preset `paper`.
const BINS_OF_PAPER: f64 = 101.0;

pub(super) fn layer(
    place: &LayerPlace,
    settings: &Settings,
    edges: usize,
    bar: &Bar,
) -> Result<Layer, Failure> {
    let read = cofire_files::read_layer(&place.file, Some(&place.layer.name))?;
    interrupt::check()?;
    let activations = read.activations.view();
    let measured = match &settings.method {
        Method::Histograms(method) => by_histograms(method, activations, &read.name, edges, bar),
        Method::Neighbors(method) => by_neighbors(method, activations, &read.name, edges, bar),
    };
    let remedy = "compare narrower layers, or save fewer neurons or samples";
    let layer = measured.map_err(|error| Failure::of_whole(&place.subject(), &error, remedy))?;
    interrupt::check()?;
    Ok(layer)
}

fn by_histograms(
    method: &HistogramSettings,
    activations: ActivationsView<'_>,
    name: &str,
    edges: usize,
    bar: &Bar,
) -> Result<Layer, Error> {
    let analysis = method.analysis.clone().progress(bar.callback());
    let report = analysis.run(activations)?;
    let rates = if method.estimator == Estimator::PlugIn {
        rates(&report)?
    } else {
        bar.begin("testing pairs");
        rates(&analysis.estimator(Estimator::PlugIn).run(activations)?)?
    };
    bar.begin("summing up");
    let measured = Measured { false_discovery_rates: Some(rates.view()), ..Measured::of(&report) };
    Ok(Layer::measured(name, &measured, edges))
}

fn by_neighbors(
    method: &NeighborSettings,
    activations: ActivationsView<'_>,
    name: &str,
    edges: usize,
    bar: &Bar,
) -> Result<Layer, Error> {
    let report = method.analysis.clone().progress(bar.callback()).run(activations)?;
    let units = report.units;
    let mut digests = report.digests;
    let (entropy, highest_entropy) = match &method.binned_entropies {
        Some(analysis) => {
            let nats = analysis.clone().units(Units::Nats).entropies(activations)?;
            digests = digests.with_entropies(nats);
            (analysis.entropies(activations)?, Some(BINS_OF_PAPER.ln() * units.per_nat()))
        }
        None => (report.entropy, None),
    };
    bar.begin("testing pairs");
    let test = Analysis::new(BINS_OF_TEST).engine(Engine::Cpu).progress(bar.callback());
    let rates = rates(&test.run(activations)?)?;
    bar.begin("summing up");
    let measured = Measured {
        entropy: entropy.view(),
        mutual_information: report.mutual_information.view(),
        false_discovery_rates: Some(rates.view()),
        is_binned: false,
        samples: report.samples,
        units,
        highest_entropy,
        bias: None,
        digest: digests.all(),
    };
    Ok(Layer::measured(name, &measured, edges))
}

/// Returns the false-discovery rates at which pairs are found.
fn rates(report: &Report) -> Result<Array2<f64>, Error> {
    Ok(false_discovery_rates_of_pairs(&report.g_test()?))
}
