//! Measurement by histograms, of the pairs within a layer or between two.

use cofire::report::Timings;
use cofire::{Analysis, BetweenReport, Report};

use super::{Read, Wanted};
use crate::facts::{Degenerates, LayerFacts, MeasureFacts, Measured, OtherFacts, Seconds};
use crate::failure::Failure;
use crate::progress::Bar;
use crate::results::Results;
use crate::settings::{HistogramSettings, Settings, SignificanceTest};
use crate::statistics::Pairs;
use crate::{firing, interrupt, labels, significance};

pub(super) fn within(
    this: &Read<'_>,
    method: &HistogramSettings,
    wanted: Wanted<'_>,
    bar: &Bar,
    results: &mut Results<'_>,
) -> Result<LayerFacts, Failure> {
    let settings = wanted.settings;
    let activations = this.layer.activations.view();
    let failed = |error| this.failed(&error);
    let report = watched(method, bar).run(activations).map_err(failed)?;
    interrupt::check()?;
    results.write("entropy", "entropy.npy", report.entropy.view())?;
    results.write("mutual_information", "mi.npy", report.mutual_information.view())?;
    results.write_digests(&report.digests)?;
    let mut facts = LayerFacts::new(this.place, &this.layer, &within_layer(&report), settings);
    for &measure in &settings.measures {
        let matrix = report.measure(measure);
        facts.measures.push(MeasureFacts::new(measure, &matrix, &facts));
        results.write(measure.name(), &format!("{measure}.npy"), matrix.view())?;
    }
    if settings.significance == Some(SignificanceTest::G) {
        facts.significance = Some(significance::g_test(&report, results, failed)?);
    }
    drop(report); // before more matrices are made
    if let Some(SignificanceTest::Permutation { permutations, seed }) = settings.significance {
        bar.begin("permutations");
        let (test, analysis) = ((permutations, seed), watched(method, bar));
        let tested = significance::permutation_test(test, &analysis, activations, results, failed)?;
        facts.significance = Some(tested);
    }
    if !settings.associations.is_empty() {
        bar.begin("firing together");
        let analysis = watched(method, bar);
        facts.firing = Some(firing::measure(&analysis, activations, settings, results, failed)?);
    }
    if let Some(labels) = wanted.labels {
        bar.begin("given labels");
        let analysis = watched(method, bar);
        facts.labels = Some(labels::measure(&analysis, activations, labels, results, failed)?);
    }
    Ok(facts)
}

pub(super) fn between(
    this: &Read<'_>,
    other: &Read<'_>,
    method: &HistogramSettings,
    settings: &Settings,
    bar: &Bar,
    results: &mut Results<'_>,
) -> Result<LayerFacts, Failure> {
    let (rows, columns) = (this.layer.activations.view(), other.layer.activations.view());
    let failed = |error| this.failed_with(other, &error);
    let report = watched(method, bar).run_between(rows, columns).map_err(failed)?;
    interrupt::check()?;
    results.write("entropy", "entropy.npy", report.rows.entropy.view())?;
    results.write("other_entropy", "other_entropy.npy", report.columns.entropy.view())?;
    results.write("mutual_information", "mi.npy", report.mutual_information.view())?;
    results.write_digests(&report.digests)?;
    let measured = between_layers(&report);
    let mut facts = LayerFacts::new(this.place, &this.layer, &measured, settings);
    facts.other = Some(OtherFacts {
        bins: Some(report.columns.edges.bins()),
        degenerate: Some(Degenerates::of(&report.columns.degenerate)),
        ..OtherFacts::new(other.place, &other.layer, &report.columns.entropy)
    });
    for &measure in &settings.measures {
        let matrix = report.measure(measure);
        facts.measures.push(MeasureFacts::new(measure, &matrix, &facts));
        results.write(measure.name(), &format!("{measure}.npy"), matrix.view())?;
    }
    if settings.significance == Some(SignificanceTest::G) {
        facts.significance = Some(significance::g_test_between(&report, results, failed)?);
    }
    Ok(facts)
}

/// Returns an analysis that reports to the bar and can be interrupted.
fn watched(method: &HistogramSettings, bar: &Bar) -> Analysis {
    method.analysis.clone().progress(bar.callback())
}

fn within_layer(report: &Report) -> Measured<'_> {
    Measured {
        pairs: Pairs::Once,
        samples: report.samples,
        bins: Some(report.edges.bins()),
        entropy: &report.entropy,
        mutual_information: &report.mutual_information,
        degenerate: Some(&report.degenerate),
        adapter: report.execution.adapter.as_ref(),
        kernel: Some(report.execution.kernel),
        transfer: report.execution.transfer,
        incidents: &report.execution.incidents,
        digests: &report.digests,
        seconds: seconds(&report.timings),
    }
}

fn between_layers(report: &BetweenReport) -> Measured<'_> {
    Measured {
        pairs: Pairs::Between,
        samples: report.samples,
        bins: Some(report.rows.edges.bins()),
        entropy: &report.rows.entropy,
        mutual_information: &report.mutual_information,
        degenerate: Some(&report.rows.degenerate),
        adapter: report.execution.adapter.as_ref(),
        kernel: Some(report.execution.kernel),
        transfer: report.execution.transfer,
        incidents: &report.execution.incidents,
        digests: &report.digests,
        seconds: seconds(&report.timings),
    }
}

fn seconds(timings: &Timings) -> Seconds {
    Seconds {
        discretize: Some(timings.discretize.as_secs_f64()),
        sort: None,
        open_engine: timings.open_engine.as_secs_f64(),
        pairs: timings.pairs.as_secs_f64(),
    }
}
