//! Settings of the library, made from arguments. Combinations that make no sense are refused here,
//! before any file is read, with the reason and the remedy.

#[cfg(test)]
mod any_value;
mod bins;
mod histograms;
mod neighbors;
mod significance;

use std::path::PathBuf;

use cofire::analysis::Association;
use cofire::{Engine, Estimator, Measure, Units};

pub(crate) use bins::BinSettings;
pub(crate) use histograms::HistogramSettings;
pub(crate) use neighbors::NeighborSettings;
pub(crate) use significance::{OrderSettings, SignificanceTest, SurrogateSettings};

use crate::arguments::{AnalyzeArguments, EngineArgument, EstimatorArgument, MeasureArgument};
use crate::failure::Failure;
#[cfg(not(feature = "gpu"))]
use crate::features::command_with;

/// The settings of a measurement.
#[derive(Debug)]
pub(crate) struct Settings {
    /// The method of estimation. Its engine is opened later, by [`Settings::open_engine`].
    pub(crate) method: Method,
    pub(crate) units: Units,
    /// Measures of all pairs, in addition to mutual information.
    pub(crate) measures: Vec<Measure>,
    /// Associations of neurons that fire or do not.
    pub(crate) associations: Vec<Association>,
    /// The range of firing rates of neurons among the strongest pairs, if it was given.
    pub(crate) rates: Option<(f64, f64)>,
    pub(crate) significance: Option<SignificanceTest>,
    pub(crate) labels: Option<PathBuf>,
    engine: EngineArgument,
    adapter: Option<String>,
}

/// The method of estimation.
#[derive(Debug)]
pub(crate) enum Method {
    Histograms(HistogramSettings),
    Neighbors(NeighborSettings),
}

/// The number of permutations of a pair if none was given.
const USUAL_PERMUTATIONS: u32 = 1000;

impl Settings {
    pub(crate) fn of(arguments: &AnalyzeArguments) -> Result<Self, Failure> {
        let results = &arguments.results;
        let units = Units::from(results.units.unwrap_or_default());
        let (measures, associations) = measures(&results.measures);
        let estimator = &arguments.estimator;
        let method = match (estimator.preset, estimator.estimator) {
            (None, None) => Method::Histograms(HistogramSettings::of(arguments, units)?),
            (None, Some(EstimatorArgument::Histogram(_))) => {
                Method::Histograms(HistogramSettings::of(arguments, units)?)
            }
            _ => Method::Neighbors(NeighborSettings::of(arguments, units)?),
        };
        let settings = Self {
            method,
            units,
            measures,
            associations,
            rates: results.rates,
            significance: SignificanceTest::of(
                &results.tests,
                USUAL_PERMUTATIONS,
                estimator.jitter.is_some(),
            )?,
            labels: arguments.input.labels.clone(),
            engine: arguments.engine.engine.unwrap_or(EngineArgument::Auto),
            adapter: arguments.engine.adapter.clone(),
        };
        settings.check(arguments)?;
        Ok(settings)
    }

    /// Refuses arguments that are each valid, but do not go together.
    fn check(&self, arguments: &AnalyzeArguments) -> Result<(), Failure> {
        if self.adapter.is_some() && self.engine == EngineArgument::Cpu {
            return refuse(
                "--adapter names a GPU and --engine cpu uses none; leave one of them out",
            );
        }
        let between = match (&arguments.input.other, &arguments.input.other_layer) {
            (Some(_), _) => Some("--other"),
            (None, Some(_)) => Some("--other-layer"),
            (None, None) => None,
        };
        if let (Some(between), Some(_)) = (between, &self.labels) {
            return refuse(format!(
                "--labels is for the neurons of one layer; leave it or {between} out"
            ));
        }
        if self.rates.is_some() && self.associations.is_empty() {
            return refuse(
                "--rates chooses among pairs that fire together; \
                 add --measure lift, pointwise-mutual-information, phi or jaccard, or leave it out",
            );
        }
        match &self.method {
            Method::Histograms(histograms) => self.check_histograms(histograms, between),
            Method::Neighbors(_) => self.check_neighbors(arguments),
        }
    }

    /// Checks the settings of histograms. `between` is the option that asks for pairs between two
    /// layers, if it was given.
    fn check_histograms(
        &self,
        histograms: &HistogramSettings,
        between: Option<&str>,
    ) -> Result<(), Failure> {
        if let Some(association) = self.associations.first() {
            let measure = format!("--measure {}", association.name());
            if histograms.bins.known().is_some_and(|bins| bins != 2) {
                let remedy = match (histograms.bins.has_zero_bin, histograms.bins.number) {
                    (true, Some(_)) => "use --bins 1 with --zero-bin, or leave --zero-bin out",
                    (true, None) => "leave --zero-bin out",
                    (false, Some(_)) => "use --bins 2, or --binning threshold=T instead of --bins",
                    (false, None) => "use --binning threshold=T",
                };
                return refuse(format!(
                    "{measure} is for neurons that fire or do not, which takes two bins; {remedy}"
                ));
            }
            if let Some(between) = between {
                return refuse(format!(
                    "{measure} is for pairs within a layer; leave it or {between} out"
                ));
            }
        }
        let estimator = histograms.estimator;
        let is_sum = !matches!(estimator, Estimator::ChaoShen | Estimator::JamesStein);
        if self.labels.is_some() && !is_sum {
            return refuse(format!(
                "--estimator {estimator} cannot give mutual information given --labels; \
                 choose another, such as miller-madow"
            ));
        }
        match &self.significance {
            Some(SignificanceTest::G) if estimator != Estimator::PlugIn => refuse(format!(
                "the G-test is made from plug-in estimates, not --estimator {}; \
                 leave --estimator out{}",
                histograms.estimator_name(),
                if is_sum { ", or use --significance permutation" } else { "" }
            )),
            Some(test @ SignificanceTest::Surrogates(_)) if !is_sum => refuse(format!(
                "a test by --significance {} cannot be made with --estimator {estimator}; \
                 choose another, such as miller-madow",
                test.name()
            )),
            _ => Ok(()),
        }
    }

    fn check_neighbors(&self, arguments: &AnalyzeArguments) -> Result<(), Failure> {
        let bins = &arguments.bins;
        let of_histograms = [
            ("--bins", bins.bins.is_some()),
            ("--binning", bins.binning.is_some()),
            ("--zero-bin", bins.zero_bin),
            ("--range", bins.range.is_some()),
            ("--measure", !self.measures.is_empty() || !self.associations.is_empty()),
            ("--significance", self.significance.is_some()),
            ("--kernel", arguments.engine.kernel.is_some()),
        ];
        match of_histograms.into_iter().find(|(_, is_given)| *is_given) {
            Some((name, _)) => {
                let reason = match (arguments.estimator.preset, &self.method) {
                    (Some(_), _) => "--preset paper has settings of its own".to_owned(),
                    (None, Method::Neighbors(neighbors)) => {
                        format!("--estimator {} uses none", neighbors.estimator_name())
                    }
                    (None, Method::Histograms(_)) => "nearest neighbours use none".to_owned(),
                };
                refuse(format!("{name} is for histograms, and {reason}; leave one of them out"))
            }
            None => Ok(()),
        }
    }

    /// Opens the device that was asked for. This happens once for all layers, before any layer is
    /// read.
    pub(crate) fn open_engine(&mut self) -> Result<(), Failure> {
        let engine = match (self.engine, self.adapter.as_deref()) {
            (_, Some(name)) => open_gpu(Some(name))?,
            (EngineArgument::Gpu, None) => open_gpu(None)?,
            (EngineArgument::Cpu, None) => Engine::Cpu,
            (EngineArgument::Auto, None) => Engine::Auto,
        };
        match &mut self.method {
            Method::Histograms(histograms) => histograms.set_engine(engine),
            Method::Neighbors(neighbors) => neighbors.set_engine(engine),
        }
        Ok(())
    }

    /// Returns the options of the command line that decide entropies and mutual information, by their
    /// names and with their values. A flag has an empty value.
    pub(crate) fn options(&self) -> Vec<(String, String)> {
        let mut options = Vec::new();
        let mut add = |name: &str, value: String| options.push((name.to_owned(), value));
        match &self.method {
            Method::Histograms(histograms) => {
                let bins = &histograms.bins;
                add("--binning", bins.how.to_string());
                if let Some(number) = bins.number {
                    add("--bins", number.to_string());
                }
                if let Some(range) = bins.range {
                    add("--range", range.to_string());
                }
                if bins.has_zero_bin {
                    add("--zero-bin", String::new());
                }
                add("--estimator", histograms.estimator_name());
            }
            Method::Neighbors(NeighborSettings { preset: Some(preset), .. }) => {
                add("--preset", preset.name().to_owned());
            }
            Method::Neighbors(neighbors) => {
                add("--estimator", neighbors.estimator_name().to_owned());
                add("--neighbors", neighbors.neighbors.to_string());
                if let Some((amplitude, seed)) = neighbors.jitter {
                    add("--jitter", amplitude.to_string());
                    add("--seed", seed.to_string());
                }
            }
        }
        add("--units", self.units.name().to_owned());
        options
    }

    /// Returns the engine that was asked for, for the summary.
    pub(crate) fn engine_name(&self) -> &'static str {
        match (self.engine, &self.adapter) {
            (_, Some(_)) | (EngineArgument::Gpu, None) => "gpu",
            (EngineArgument::Cpu, None) => "cpu",
            (EngineArgument::Auto, None) => "auto",
        }
    }
}

fn measures(asked: &[MeasureArgument]) -> (Vec<Measure>, Vec<Association>) {
    let (mut measures, mut associations) = (Vec::new(), Vec::new());
    for argument in asked {
        match *argument {
            // Mutual information is always measured.
            MeasureArgument::OfInformation(Measure::MutualInformation) => {}
            MeasureArgument::OfInformation(m) if !measures.contains(&m) => measures.push(m),
            MeasureArgument::OfFiring(a) if !associations.contains(&a) => associations.push(a),
            _ => {}
        }
    }
    (measures, associations)
}

fn refuse<T>(reason: impl Into<String>) -> Result<T, Failure> {
    Err(Failure::Input(reason.into()))
}

#[cfg(feature = "gpu")]
fn open_gpu(name: Option<&str>) -> Result<Engine, Failure> {
    let gpu = cofire::gpu::Gpu::open(name).map_err(|error| Failure::of_adapter(&error))?;
    Ok(gpu.into())
}

#[cfg(not(feature = "gpu"))]
fn open_gpu(_: Option<&str>) -> Result<Engine, Failure> {
    let command = command_with("gpu");
    Err(Failure::Input(format!(
        "this build of cofire has no GPU engine; in its sources, build one that has: {command}"
    )))
}
