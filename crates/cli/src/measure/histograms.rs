//! Measurement by histograms, of the pairs within a layer or between two.

use std::time::Instant;

use cofire::report::Timings;
use cofire::{Analysis, BetweenReport, Report};

use super::{Read, Wanted};
use crate::facts::{Degenerates, LayerFacts, MeasureFacts, Measured, OtherFacts, Seconds};
use crate::failure::Failure;
use crate::few_samples::FewSamplesFacts;
use crate::progress::Bar;
use crate::results::Results;
use crate::settings::{HistogramSettings, SignificanceTest};
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
    let mean = facts.mutual_information.map(|spread| spread.mean);
    facts.too_few_samples = mean.and_then(|mean| FewSamplesFacts::within(&report, mean));
    for &measure in &settings.measures {
        let matrix = report.measure(measure);
        facts.measures.push(MeasureFacts::new(measure, &matrix, &facts));
        results.write(measure.name(), &format!("{measure}.npy"), matrix.view())?;
    }
    if settings.significance == Some(SignificanceTest::G) {
        facts.significance = Some(significance::g_test(&report, results, failed)?);
    }
    let occupied = report.occupied_bins.to_vec();
    drop(report); // before more matrices are made
    if let Some(test) = settings.significance.as_ref().and_then(SignificanceTest::surrogates) {
        bar.begin("permutations");
        let (analysis, surrogates) = (watched(method, bar), test.surrogates(wanted.documents));
        let clock = Instant::now();
        let tested = analysis.surrogate_test(activations, &surrogates).map_err(failed)?;
        let (pairs, tested) = (Pairs::Once, (tested, clock));
        let tested = significance::surrogate_test(test, pairs, tested, results, failed)?;
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
        let layer = (activations, &occupied[..]);
        facts.labels = Some(labels::measure(&analysis, layer, labels, results, failed)?);
    }
    Ok(facts)
}

pub(super) fn between(
    this: &Read<'_>,
    other: &Read<'_>,
    method: &HistogramSettings,
    wanted: Wanted<'_>,
    bar: &Bar,
    results: &mut Results<'_>,
) -> Result<LayerFacts, Failure> {
    let settings = wanted.settings;
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
    let mean = facts.mutual_information.map(|spread| spread.mean);
    facts.too_few_samples = mean.and_then(|mean| FewSamplesFacts::between(&report, mean));
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
    drop(report); // before more matrices are made
    if let Some(test) = settings.significance.as_ref().and_then(SignificanceTest::surrogates) {
        bar.begin("permutations");
        let (analysis, surrogates) = (watched(method, bar), test.surrogates(wanted.documents));
        let clock = Instant::now();
        let tested = analysis.surrogate_test_between(rows, columns, &surrogates).map_err(failed)?;
        let (pairs, tested) = (Pairs::Between, (tested, clock));
        let tested = significance::surrogate_test(test, pairs, tested, results, failed)?;
        facts.significance = Some(tested);
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
