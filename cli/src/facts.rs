//! What there is to say of a measured layer. Serialized, it is the JSON that `--json` gives.

use std::path::PathBuf;

use cofire::files::{Layer, LayerInfo};
use cofire::{AdapterDescription, Degeneracy, Report};
use serde::Serialize;

use crate::arguments::AnalyzeArguments;
use crate::layer_list::Task;
use crate::statistics::{Pair, Spread, off_diagonal, strongest_pairs};

/// How many of the most strongly co-firing pairs are told.
const STRONGEST_PAIRS: usize = 5;

/// A whole run.
#[derive(Debug, Serialize)]
pub(crate) struct Facts<'a> {
    pub(crate) version: &'static str,
    pub(crate) settings: Settings,
    pub(crate) layers: &'a [LayerFacts],
}

/// What was asked for.
#[derive(Debug, Serialize)]
pub(crate) struct Settings {
    bins: usize,
    range: String,
    units: &'static str,
    engine: &'static str,
    adapter: Option<String>,
    kernel: Option<&'static str>,
    threads: usize,
}

impl Settings {
    pub(crate) fn of(arguments: &AnalyzeArguments) -> Self {
        Self {
            bins: arguments.bins,
            range: arguments.range.to_string(),
            units: arguments.units.name(),
            engine: arguments.engine_name(),
            adapter: arguments.adapter.clone(),
            kernel: arguments.kernel.map(cofire::Kernel::name),
            threads: rayon::current_num_threads(),
        }
    }
}

/// One layer.
#[derive(Debug, Serialize)]
pub(crate) struct LayerFacts {
    pub(crate) file: PathBuf,
    pub(crate) name: String,
    pub(crate) stored_shape: Vec<usize>,
    pub(crate) element_type: String,
    pub(crate) rounded_to_f32: bool,
    pub(crate) samples: usize,
    pub(crate) neurons: usize,
    pub(crate) bins: usize,
    pub(crate) range: String,
    pub(crate) units: &'static str,
    pub(crate) engine: &'static str,
    pub(crate) adapter: Option<AdapterFacts>,
    pub(crate) kernel: &'static str,
    pub(crate) threads: usize,
    pub(crate) entropy: Option<Spread>,
    /// Off the diagonal; none for a single neuron.
    pub(crate) mutual_information: Option<Spread>,
    pub(crate) pairs: u64,
    pub(crate) strongest_pairs: Vec<Pair>,
    pub(crate) degenerate: Degenerates,
    pub(crate) incidents: Vec<String>,
    pub(crate) seconds: Seconds,
    pub(crate) pairs_per_second: f64,
    /// Paths below the output directory.
    pub(crate) written: Option<Written>,
}

/// A GPU adapter.
#[derive(Debug, Serialize)]
pub(crate) struct AdapterFacts {
    pub(crate) label: String,
    pub(crate) driver: String,
    pub(crate) is_software: bool,
}

impl From<&AdapterDescription> for AdapterFacts {
    fn from(adapter: &AdapterDescription) -> Self {
        Self {
            label: adapter.to_string(),
            driver: adapter.driver.clone(),
            is_software: adapter.is_software,
        }
    }
}

/// Neurons with fewer than three distinct activations.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Degenerates {
    pub(crate) dead: Vec<usize>,
    pub(crate) constant: Vec<Constant>,
    pub(crate) two_valued: Vec<TwoValued>,
}

#[derive(Debug, Serialize)]
pub(crate) struct Constant {
    neuron: usize,
    value: f32,
}

#[derive(Debug, Serialize)]
pub(crate) struct TwoValued {
    neuron: usize,
    low: f32,
    high: f32,
}

impl Degenerates {
    fn of(report: &Report) -> Self {
        let mut degenerates = Self::default();
        for degenerate in &report.degenerate {
            let neuron = degenerate.neuron;
            match degenerate.kind {
                Degeneracy::Constant(value) => {
                    degenerates.constant.push(Constant { neuron, value });
                }
                Degeneracy::TwoValued(low, high) => {
                    degenerates.two_valued.push(TwoValued { neuron, low, high });
                }
                Degeneracy::Dead => degenerates.dead.push(neuron),
                _ => {} // a kind that this version has no word for
            }
        }
        degenerates
    }
}

/// Wall-clock time of the stages.
#[derive(Debug, Serialize)]
pub(crate) struct Seconds {
    pub(crate) discretize: f64,
    pub(crate) open_engine: f64,
    pub(crate) pairs: f64,
}

/// Where results were written.
#[derive(Debug, Serialize)]
pub(crate) struct Written {
    pub(crate) entropy: PathBuf,
    pub(crate) mutual_information: PathBuf,
}

impl LayerFacts {
    pub(crate) fn new(
        task: &Task,
        layer: &Layer,
        report: &Report,
        arguments: &AnalyzeArguments,
    ) -> Self {
        let LayerInfo { name, shape, .. } = task.layer.clone();
        let neurons = report.entropy.len();
        // Each neuron with itself is counted, too, but no pair that anybody would name.
        let pairs = neurons as u64 * (neurons as u64).saturating_sub(1) / 2;
        let seconds = report.timings.pairs.as_secs_f64();
        Self {
            file: task.file.clone(),
            name,
            stored_shape: shape,
            element_type: layer.element_type.to_string(),
            rounded_to_f32: layer.rounded,
            samples: report.samples,
            neurons,
            bins: report.edges.bins(),
            range: arguments.range.to_string(),
            units: arguments.units.name(),
            engine: report.execution.engine(),
            adapter: report.execution.adapter.as_ref().map(AdapterFacts::from),
            kernel: report.execution.kernel.name(),
            threads: rayon::current_num_threads(),
            entropy: Spread::of(|| report.entropy.iter().copied()),
            mutual_information: Spread::of(|| off_diagonal(&report.mutual_information)),
            pairs,
            strongest_pairs: strongest_pairs(&report.mutual_information, STRONGEST_PAIRS),
            degenerate: Degenerates::of(report),
            incidents: report.execution.incidents.iter().map(ToString::to_string).collect(),
            seconds: Seconds {
                discretize: report.timings.discretize.as_secs_f64(),
                open_engine: report.timings.open_engine.as_secs_f64(),
                pairs: seconds,
            },
            pairs_per_second: if seconds > 0.0 { pairs as f64 / seconds } else { 0.0 },
            written: None,
        }
    }
}
