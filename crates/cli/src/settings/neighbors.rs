//! Settings of estimates from nearest neighbours.

use cofire::neighbors::KsgAlgorithm;
use cofire::{Analysis, Binning, Engine, NeighborAnalysis, Units};
use ndarray::arr2;

use super::refuse;
use crate::arguments::{AnalyzeArguments, EstimatorArgument, PresetArgument};
use crate::failure::Failure;

/// The neighbours, and the treatment of equal activations.
#[derive(Debug)]
pub(crate) struct NeighborSettings {
    pub(crate) analysis: NeighborAnalysis,
    pub(crate) algorithm: KsgAlgorithm,
    pub(crate) neighbors: usize,
    /// The largest noise as a share of a neuron's spread, and the seed of its random numbers.
    pub(crate) jitter: Option<(f64, u64)>,
    pub(crate) preset: Option<PresetArgument>,
    /// The analysis that computes entropies, if nearest neighbours do not.
    pub(crate) binned_entropies: Option<Analysis>,
}

impl NeighborSettings {
    pub(super) fn of(arguments: &AnalyzeArguments, units: Units) -> Result<Self, Failure> {
        let estimator = &arguments.estimator;
        let of_estimator = [
            ("--estimator", estimator.estimator.is_some()),
            ("--neighbors", estimator.neighbors.is_some()),
            ("--jitter", estimator.jitter.is_some()),
        ];
        let given = of_estimator.into_iter().find(|(_, is_given)| *is_given);
        if let (Some(_), Some((name, _))) = (estimator.preset, given) {
            return refuse(format!("--preset paper includes {name}; leave one of them out"));
        }
        let algorithm = match estimator.estimator {
            Some(EstimatorArgument::Neighbors(algorithm)) => algorithm,
            _ => KsgAlgorithm::First,
        };
        let neighbors = estimator.neighbors.map_or(3, Into::into);
        let jitter = estimator
            .jitter
            .map(|amplitude| (amplitude, arguments.results.tests.seed.unwrap_or(0)));
        let mut analysis = NeighborAnalysis::new(neighbors).algorithm(algorithm).units(units);
        if let Some(bytes) = arguments.engine.device_memory {
            analysis = analysis.device_memory_limit(bytes);
        }
        if let Some((amplitude, seed)) = jitter {
            check_jitter(amplitude)?;
            analysis = analysis.jitter(amplitude, seed);
        }
        let binned_entropies = estimator.preset.map(|PresetArgument::Paper| {
            Analysis::with_binning(Binning::RELEASED_WITH_PAPER).units(units)
        });
        let preset = estimator.preset;
        Ok(Self { analysis, algorithm, neighbors, jitter, preset, binned_entropies })
    }

    pub(super) fn set_engine(&mut self, engine: Engine) {
        self.analysis = self.analysis.clone().engine(engine);
    }

    /// Returns the estimator's name on the command line.
    pub(crate) fn estimator_name(&self) -> &'static str {
        match self.algorithm {
            KsgAlgorithm::Second => "ksg2",
            _ => "ksg",
        }
    }
}

/// Lets the library check a jitter, on the smallest of layers.
fn check_jitter(amplitude: f64) -> Result<(), Failure> {
    let analysis = NeighborAnalysis::new(1).jitter(amplitude, 0);
    let checked = analysis.label_information(arr2(&[[0.0], [1.0]]).view(), &[0, 0]);
    checked.map(drop).map_err(|error| Failure::Input(error.to_string()))
}
