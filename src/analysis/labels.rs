//! The information that neurons share with a label, and with each other given the label.

use std::sync::Arc;

use ndarray::{Array1, Array2};

use super::Analysis;
use super::prepare::prepare;
use crate::binning::BinEdges;
use crate::codes::budget::Memory;
use crate::engine::{self, Goal, GpuGain};
use crate::error::Error;
use crate::estimator::{Entropies, Estimator};
use crate::execution::Execution;
use crate::input::activations::{Activations, ActivationsView};
use crate::input::groups::Groups;
use crate::measures::{Conditional, LabelTables, Units};
use crate::pairs::tile::Tile;
use crate::settings::CountSettings;

/// The information that every neuron shares with a label.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LabelReport {
    /// The entropy of the label, in [`LabelReport::units`].
    pub label_entropy: f64,
    /// The number of different labels.
    pub labels: usize,
    /// The entropy of each neuron; length `neurons`.
    pub entropy: Array1<f64>,
    /// The mutual information of each neuron with the label; length `neurons`.
    pub mutual_information: Array1<f64>,
    /// The estimator of entropies and mutual information.
    pub estimator: Estimator,
    /// The unit of entropies and mutual information.
    pub units: Units,
    /// The number of samples measured.
    pub samples: usize,
    /// The bin edges used.
    pub edges: BinEdges,
}

/// The information that every neuron shares with a label, and every pair given the label.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ConditionalReport {
    /// The information of neurons with the label.
    pub label: LabelReport,
    /// The mutual information of each pair given the label, `I(X; Y | Z)`, in the same unit;
    /// `neurons × neurons`, symmetric to the bit. On the diagonal is the entropy of each neuron given
    /// the label, `H(X | Z)`.
    pub conditional_mutual_information: Array2<f64>,
    /// The engine, adapter and kernel that computed it, and the incidents.
    pub execution: Execution,
}

/// Computes the information of every neuron with the label.
pub(super) fn information(
    analysis: &Analysis,
    activations: ActivationsView<'_>,
    labels: &[u32],
) -> Result<LabelReport, Error> {
    let groups = Groups::new(labels, activations.samples())?;
    let layer = prepare(analysis, activations, |_: &Activations<'_>, _| Memory::default())?;
    let samples = layer.samples();
    let entropies = Entropies::new(analysis.settings.estimator, samples);
    let tables = LabelTables::new(&layer.codes, &groups, entropies);
    Ok(report(&analysis.settings, &tables, &groups, samples, layer.edges))
}

/// Computes the information of every pair given the label.
pub(super) async fn conditional(
    analysis: &Analysis,
    activations: ActivationsView<'_>,
    labels: &[u32],
) -> Result<ConditionalReport, Error> {
    let settings = &analysis.settings;
    let estimator = settings.estimator;
    if estimator.needs_histograms() {
        let wanted = "mutual information given a label";
        return Err(Error::EstimatorUnsupported { estimator, wanted });
    }
    let groups = Groups::new(labels, activations.samples())?;
    let memory = |layer: &Activations<'_>, bins| {
        let neurons = layer.neurons();
        // The codes of the largest group exist twice, and labels are sorted.
        let group = groups.iter().map(<[u32]>::len).max().unwrap_or(0);
        let codes = Memory::default().and(group, neurons as u128);
        let labels = codes.and(layer.samples(), size_of::<u32>() as u128);
        let matrix = labels.and_matrix(neurons, neurons);
        settings.and_threads(matrix, (layer.samples(), neurons), bins, Goal::Sums)
    };
    let layer = prepare(analysis, activations, memory)?;
    let samples = layer.samples();
    let entropies = Entropies::new(estimator, samples);
    let table = Arc::clone(entropies.table());
    let tables = LabelTables::new(&layer.codes, &groups, entropies);

    let chosen = settings.run.open_engine(GpuGain::Faster).await?;
    let pairs = Tile::triangle(layer.codes.neurons());
    let mut conditional = Conditional::new(&pairs)?;
    let monitor = Arc::new(settings.run.monitor(pairs.work(layer.codes.samples())));
    let mut execution: Option<Execution> = None;
    for group in groups.iter() {
        let codes = Arc::new(layer.codes.select(group)?);
        let job = settings.job(codes, &table, (pairs.clone(), Goal::Sums), &monitor);
        let on_failure = settings.run.on_device_failure;
        let part;
        (conditional, part) = engine::run(&chosen, &job, conditional, on_failure).await?;
        monitor.end_part();
        execution = Some(Execution::of_parts(execution, part));
    }
    let problem = "samples have no group of labels";
    Ok(ConditionalReport {
        conditional_mutual_information: conditional.finish(&tables, settings.run.units)?,
        label: report(settings, &tables, &groups, samples, layer.edges),
        execution: execution.ok_or(Error::Internal { problem })?,
    })
}

fn report(
    settings: &CountSettings,
    tables: &LabelTables,
    groups: &Groups,
    samples: u32,
    edges: BinEdges,
) -> LabelReport {
    let units = settings.run.units;
    LabelReport {
        label_entropy: tables.label_entropy(units),
        labels: groups.len(),
        entropy: tables.entropy(units),
        mutual_information: tables.shared(units),
        estimator: settings.estimator,
        units,
        samples: samples as usize,
        edges,
    }
}
