//! Settings of estimates from histograms.

use cofire::{Analysis, Engine, Estimator, Units};
use ndarray::arr2;

use super::{BinSettings, refuse};
use crate::arguments::{AnalyzeArguments, EstimatorArgument};
use crate::failure::Failure;

/// The bins, and the estimator of entropies.
#[derive(Debug)]
pub(crate) struct HistogramSettings {
    pub(crate) analysis: Analysis,
    pub(crate) bins: BinSettings,
    pub(crate) estimator: Estimator,
}

impl HistogramSettings {
    pub(super) fn of(arguments: &AnalyzeArguments, units: Units) -> Result<Self, Failure> {
        let of_neighbors = [
            ("--neighbors", arguments.estimator.neighbors.is_some()),
            ("--jitter", arguments.estimator.jitter.is_some()),
        ];
        if let Some((name, _)) = of_neighbors.into_iter().find(|(_, is_given)| *is_given) {
            return refuse(format!(
                "{name} is for nearest neighbours; add --estimator ksg, or leave it out"
            ));
        }
        let estimator = match arguments.estimator.estimator {
            Some(EstimatorArgument::Histogram(estimator)) => estimator,
            _ => Estimator::default(),
        };
        let bins = BinSettings::of(&arguments.bins)?;
        let analysis = Analysis::with_binning(bins.binning()).estimator(estimator).units(units);
        let analysis = match arguments.engine.kernel {
            Some(kernel) => analysis.kernel(kernel),
            None => analysis,
        };
        let analysis = match arguments.engine.device_memory {
            Some(bytes) => analysis.device_memory_limit(bytes),
            None => analysis,
        };
        let settings = Self { analysis, bins, estimator };
        settings.check()?;
        Ok(settings)
    }

    /// Lets the library check the settings, on the smallest of layers.
    fn check(&self) -> Result<(), Failure> {
        let checked = self.analysis.entropies(arr2(&[[0.0], [1.0]]).view());
        checked.map(drop).map_err(|error| Failure::Input(error.to_string()))
    }

    pub(super) fn set_engine(&mut self, engine: Engine) {
        self.analysis = self.analysis.clone().engine(engine);
    }

    /// Returns the estimator's name on the command line.
    pub(crate) fn estimator_name(&self) -> String {
        self.estimator.to_string().replacen(' ', "=", 1) // of a pseudo-count
    }
}
