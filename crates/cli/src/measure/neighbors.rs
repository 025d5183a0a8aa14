//! Measurement by nearest neighbours, of the pairs within a layer or between two.

use cofire::digest::Digests;
use cofire::neighbors::{NeighborExecution, NeighborTimings};
use cofire::{ActivationsView, Analysis, Error, NeighborAnalysis, Units};
use ndarray::{Array1, Array2};

use super::{Read, Wanted};
use crate::facts::{LayerFacts, Measured, OtherFacts, Seconds, tied};
use crate::failure::Failure;
use crate::progress::Bar;
use crate::results::Results;
use crate::settings::{NeighborSettings, Settings};
use crate::statistics::Pairs;
use crate::ties::TieFacts;
use crate::{interrupt, labels};

pub(super) fn within(
    this: &Read<'_>,
    method: &NeighborSettings,
    wanted: Wanted<'_>,
    bar: &Bar,
    results: &mut Results<'_>,
) -> Result<LayerFacts, Failure> {
    let activations = this.layer.activations.view();
    let failed = |error: Error| this.failed(&error);
    let report = watched(method, bar).run(activations).map_err(failed)?;
    interrupt::check()?;
    let (entropy, digests) = match &method.binned_entropies {
        Some(analysis) => {
            let nats = nats(analysis, activations).map_err(failed)?;
            let entropy = analysis.entropies(activations).map_err(failed)?;
            (entropy, report.digests.with_entropies(nats))
        }
        None => (report.entropy, report.digests),
    };
    results.write("entropy", "entropy.npy", entropy.view())?;
    results.write("mutual_information", "mi.npy", report.mutual_information.view())?;
    results.write_digests(&digests)?;
    let (how, samples) = ((&report.execution, &report.timings), report.samples);
    let measured =
        measured(Pairs::Once, samples, &entropy, &report.mutual_information, (how, &digests));
    let mut facts = LayerFacts::new(this.place, &this.layer, &measured, wanted.settings);
    facts.ties = Some(TieFacts::of(&report.ties, samples, method));
    drop(report.mutual_information);
    if let Some(labels) = wanted.labels {
        bar.begin("labels");
        let analysis = watched(method, bar);
        let with_labels =
            labels::measure_neighbors(&analysis, activations, labels, results, failed)?;
        facts.labels = Some(with_labels);
    }
    Ok(facts)
}

pub(super) fn between(
    this: &Read<'_>,
    other: &Read<'_>,
    method: &NeighborSettings,
    settings: &Settings,
    bar: &Bar,
    results: &mut Results<'_>,
) -> Result<LayerFacts, Failure> {
    let (rows, columns) = (this.layer.activations.view(), other.layer.activations.view());
    let failed = |error: Error| this.failed_with(other, &error);
    let report = watched(method, bar).run_between(rows, columns).map_err(failed)?;
    interrupt::check()?;
    let (entropy, other_entropy, digests) = match &method.binned_entropies {
        Some(analysis) => {
            let nats_of = |layer| nats(analysis, layer).map_err(failed);
            let nats = nats_of(rows)?.into_iter().chain(nats_of(columns)?);
            let entropy_of = |layer| analysis.entropies(layer).map_err(failed);
            (entropy_of(rows)?, entropy_of(columns)?, report.digests.with_entropies(nats))
        }
        None => (report.row_entropy, report.column_entropy, report.digests),
    };
    results.write("entropy", "entropy.npy", entropy.view())?;
    results.write("other_entropy", "other_entropy.npy", other_entropy.view())?;
    results.write("mutual_information", "mi.npy", report.mutual_information.view())?;
    results.write_digests(&digests)?;
    let (how, samples) = ((&report.execution, &report.timings), report.samples);
    let measured =
        measured(Pairs::Between, samples, &entropy, &report.mutual_information, (how, &digests));
    let mut facts = LayerFacts::new(this.place, &this.layer, &measured, settings);
    facts.ties = Some(TieFacts::of(&report.row_ties, samples, method));
    facts.other = Some(OtherFacts {
        ties: Some(TieFacts::of(&report.column_ties, samples, method)),
        tied: tied(&other_entropy, settings),
        ..OtherFacts::new(other.place, &other.layer, &other_entropy)
    });
    Ok(facts)
}

/// Returns entropies in nats, as digests have them.
pub(crate) fn nats(
    analysis: &Analysis,
    activations: ActivationsView<'_>,
) -> Result<Array1<f64>, Error> {
    analysis.clone().units(Units::Nats).entropies(activations)
}

/// Returns an analysis that reports to the bar and can be interrupted.
fn watched(method: &NeighborSettings, bar: &Bar) -> NeighborAnalysis {
    method.analysis.clone().progress(bar.callback())
}

fn measured<'a>(
    pairs: Pairs,
    samples: usize,
    entropy: &'a Array1<f64>,
    mutual_information: &'a Array2<f64>,
    ((execution, timings), digests): ((&'a NeighborExecution, &NeighborTimings), &'a Digests),
) -> Measured<'a> {
    Measured {
        pairs,
        samples,
        bins: None,
        entropy,
        mutual_information,
        degenerate: None,
        adapter: execution.adapter.as_ref(),
        kernel: None,
        transfer: execution.transfer,
        incidents: &execution.incidents,
        digests,
        seconds: Seconds {
            discretize: None,
            sort: Some(timings.sort.as_secs_f64()),
            open_engine: timings.open_engine.as_secs_f64(),
            pairs: timings.pairs.as_secs_f64(),
        },
    }
}
