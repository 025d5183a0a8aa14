//! Facts about a measured layer. Serialized, they are the output of `--json`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use cofire::digest::Digests;
use cofire::execution::{AdapterDescription, Incident, Transfer};
use cofire::report::{Degeneracy, DegenerateNeuron};
use cofire::{Kernel, Measure};
use cofire_files::Layer;
use ndarray::{Array1, Array2};
use serde::{Serialize, Serializer};

use crate::arguments::{AnalyzeArguments, PresetArgument};
use crate::few_samples::FewSamplesFacts;
use crate::firing::FiringFacts;
use crate::labels::LabelFacts;
use crate::layer_list::LayerPlace;
use crate::results::Written;
use crate::settings::{BinSettings, Method, Settings, SignificanceTest};
use crate::significance::{OrderFacts, SignificanceFacts};
use crate::statistics::{Pair, Pairs, STRONGEST, Spread, strongest_pairs};
use crate::ties::TieFacts;

/// A run of `cofire analyze`.
#[derive(Debug, Serialize)]
pub(crate) struct Facts<'a> {
    pub(crate) version: &'static str,
    pub(crate) settings: SettingsFacts,
    /// The options of the command line that decide the numbers, for `cofire verify`.
    pub(crate) options: BTreeMap<String, String>,
    pub(crate) layers: &'a [LayerFacts],
}

/// The settings of a run.
#[derive(Debug, Serialize)]
pub(crate) struct SettingsFacts {
    bins: Option<NumberOfBins>,
    range: Option<String>,
    units: &'static str,
    engine: &'static str,
    adapter: Option<String>,
    kernel: Option<&'static str>,
    threads: usize,
    binning: Option<String>,
    zero_bin: bool,
    #[serde(flatten)]
    estimator: EstimatorFacts,
    measures: Vec<&'static str>,
    rates: Option<(f64, f64)>,
    other: Option<PathBuf>,
    other_layer: Option<String>,
    labels: Option<PathBuf>,
    significance: Option<&'static str>,
    permutations: Option<u32>,
    seed: Option<u64>,
    #[serde(flatten)]
    orders: OrderFacts,
}

/// A number, or the name of a rule.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum NumberOfBins {
    Fixed(usize),
    Rule(&'static str),
}

impl NumberOfBins {
    fn of(bins: &BinSettings) -> Option<Self> {
        let number = bins.number?;
        match (number.rule(), number.0) {
            (Some(rule), _) => Some(Self::Rule(rule)),
            (None, cofire::Bins::Fixed(bins)) => Some(Self::Fixed(bins)),
            _ => None,
        }
    }
}

/// The estimator of entropies and mutual information.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct EstimatorFacts {
    pub(crate) estimator: String,
    /// The number of nearest neighbours; none with histograms.
    pub(crate) neighbors: Option<usize>,
    pub(crate) jitter: Option<f64>,
    pub(crate) preset: Option<&'static str>,
}

impl EstimatorFacts {
    pub(crate) fn of(settings: &Settings) -> Self {
        match &settings.method {
            Method::Histograms(histograms) => Self {
                estimator: histograms.estimator_name(),
                neighbors: None,
                jitter: None,
                preset: None,
            },
            Method::Neighbors(neighbors) => Self {
                estimator: neighbors.estimator_name().to_owned(),
                neighbors: Some(neighbors.neighbors),
                jitter: neighbors.jitter.map(|(amplitude, _)| amplitude),
                preset: neighbors.preset.map(PresetArgument::name),
            },
        }
    }
}

impl SettingsFacts {
    pub(crate) fn of(settings: &Settings, arguments: &AnalyzeArguments) -> Self {
        let (bins, jitter) = match &settings.method {
            Method::Histograms(histograms) => (Some(&histograms.bins), None),
            Method::Neighbors(neighbors) => (None, neighbors.jitter),
        };
        let test = settings.significance.as_ref();
        let surrogates = test.and_then(SignificanceTest::surrogates);
        let seed = surrogates.map(|surrogates| surrogates.seed);
        let of_information = settings.measures.iter().map(|measure| measure.name());
        let of_firing = settings.associations.iter().map(|association| association.name());
        Self {
            bins: bins.and_then(NumberOfBins::of),
            range: range(bins),
            units: settings.units.name(),
            engine: settings.engine_name(),
            adapter: arguments.engine.adapter.clone(),
            kernel: arguments.engine.kernel.map(Kernel::name),
            threads: rayon::current_num_threads(),
            binning: bins.map(|bins| bins.how.to_string()),
            zero_bin: bins.is_some_and(|bins| bins.has_zero_bin),
            estimator: EstimatorFacts::of(settings),
            measures: of_information.chain(of_firing).collect(),
            rates: settings.rates,
            other: arguments.input.other.clone(),
            other_layer: arguments.input.other_layer.clone(),
            labels: settings.labels.clone(),
            significance: test.map(SignificanceTest::name),
            permutations: surrogates.map(|surrogates| surrogates.permutations),
            seed: seed.or(jitter.map(|(_, seed)| seed)),
            orders: OrderFacts::of(surrogates),
        }
    }
}

fn range(bins: Option<&BinSettings>) -> Option<String> {
    Some(bins?.range?.to_string())
}

/// A measured layer.
#[derive(Debug, Serialize)]
pub(crate) struct LayerFacts {
    pub(crate) file: PathBuf,
    pub(crate) name: String,
    pub(crate) stored_shape: Vec<usize>,
    pub(crate) element_type: String,
    pub(crate) samples: usize,
    pub(crate) neurons: usize,
    /// The largest number of bins of any neuron; none without bins.
    pub(crate) bins: Option<usize>,
    pub(crate) range: Option<String>,
    pub(crate) units: &'static str,
    pub(crate) engine: &'static str,
    pub(crate) adapter: Option<AdapterFacts>,
    pub(crate) kernel: Option<&'static str>,
    /// The peak use of GPU memory, in bytes.
    pub(crate) device_memory_bytes: Option<u64>,
    pub(crate) threads: usize,
    pub(crate) entropy: Option<Spread>,
    /// The spread off the diagonal; none for a single neuron.
    pub(crate) mutual_information: Option<Spread>,
    /// None if there are enough samples for the bins, and with nearest neighbours.
    pub(crate) too_few_samples: Option<FewSamplesFacts>,
    pub(crate) pairs: u64,
    pub(crate) strongest_pairs: Vec<Pair>,
    /// Degenerate neurons; none with nearest neighbours, which have [`LayerFacts::tied`] instead.
    pub(crate) degenerate: Option<Degenerates>,
    pub(crate) incidents: Vec<String>,
    pub(crate) seconds: Seconds,
    pub(crate) pairs_per_second: f64,
    pub(crate) binning: Option<String>,
    /// The rule that chose the number of bins.
    pub(crate) bin_rule: Option<&'static str>,
    pub(crate) zero_bin: bool,
    #[serde(flatten)]
    pub(crate) estimator: EstimatorFacts,
    /// The number of neurons whose differential entropy is -inf, because too many activations are
    /// equal.
    pub(crate) tied: Option<usize>,
    /// Equal activations; only with nearest neighbours.
    pub(crate) ties: Option<TieFacts>,
    /// The other layer, if pairs are those between two layers: rows are then this layer's neurons,
    /// and columns the other's.
    pub(crate) other: Option<OtherFacts>,
    pub(crate) measures: Vec<MeasureFacts>,
    pub(crate) firing: Option<FiringFacts>,
    pub(crate) labels: Option<LabelFacts>,
    pub(crate) significance: Option<SignificanceFacts>,
    /// The digest of the entropies and all pairs.
    pub(crate) digest: Option<String>,
    /// The fingerprint of the activations, if results were written.
    pub(crate) fingerprint: Option<String>,
    /// Paths relative to the output directory.
    pub(crate) written: Option<Written>,
}

/// The layer that another layer was measured against.
#[derive(Debug, Serialize)]
pub(crate) struct OtherFacts {
    pub(crate) file: PathBuf,
    pub(crate) name: String,
    pub(crate) stored_shape: Vec<usize>,
    pub(crate) element_type: String,
    pub(crate) neurons: usize,
    pub(crate) bins: Option<usize>,
    pub(crate) entropy: Option<Spread>,
    pub(crate) tied: Option<usize>,
    pub(crate) ties: Option<TieFacts>,
    pub(crate) degenerate: Option<Degenerates>,
    /// The fingerprint of the activations, if results were written.
    pub(crate) fingerprint: Option<String>,
}

impl OtherFacts {
    /// Makes the facts that every method has of a layer.
    pub(crate) fn new(place: &LayerPlace, layer: &Layer, entropy: &Array1<f64>) -> Self {
        let LayerPlace { file, layer: info } = place.clone();
        Self {
            file,
            name: info.name,
            stored_shape: info.shape,
            element_type: layer.element_type.to_string(),
            neurons: entropy.len(),
            bins: None,
            entropy: Spread::of(|| entropy.iter().copied()),
            tied: None,
            ties: None,
            degenerate: None,
            fingerprint: None,
        }
    }
}

/// A measure of all pairs.
#[derive(Debug, Serialize)]
pub(crate) struct MeasureFacts {
    pub(crate) name: &'static str,
    /// The unit; none for a share.
    pub(crate) unit: Option<&'static str>,
    /// The spread off the diagonal, over both orders of a pair if the measure is directed.
    pub(crate) spread: Option<Spread>,
}

impl MeasureFacts {
    pub(crate) fn new(measure: Measure, matrix: &Array2<f64>, facts: &LayerFacts) -> Self {
        let is_directed = matches!(measure, Measure::RowGivenColumn | Measure::ColumnGivenRow);
        let pairs = match facts.other {
            Some(_) => Pairs::Between,
            None if is_directed => Pairs::BothWays,
            None => Pairs::Once,
        };
        let unit = (!measure.is_normalized()).then_some(facts.units);
        Self { name: measure.name(), unit, spread: pairs.spread(matrix) }
    }
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
    value: Activation,
}

#[derive(Debug, Serialize)]
pub(crate) struct TwoValued {
    neuron: usize,
    low: Activation,
    high: Activation,
}

/// An activation. It is written with the digits of an `f32` if it is one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Activation(f64);

impl Serialize for Activation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[expect(clippy::cast_possible_truncation, reason = "compared with the number")]
        let single = self.0 as f32;
        if f64::from(single) == self.0 {
            serializer.serialize_f32(single)
        } else {
            serializer.serialize_f64(self.0)
        }
    }
}

impl Degenerates {
    pub(crate) fn of(neurons: &[DegenerateNeuron]) -> Self {
        let mut degenerates = Self::default();
        for degenerate in neurons {
            let neuron = degenerate.neuron;
            match degenerate.kind {
                Degeneracy::Constant(value) => {
                    degenerates.constant.push(Constant { neuron, value: Activation(value) });
                }
                Degeneracy::TwoValued(low, high) => {
                    let (low, high) = (Activation(low), Activation(high));
                    degenerates.two_valued.push(TwoValued { neuron, low, high });
                }
                Degeneracy::Dead => degenerates.dead.push(neuron),
                _ => {} // a kind that this version does not know
            }
        }
        degenerates
    }
}

/// Wall-clock time of the stages.
#[derive(Debug, Clone, Copy, Serialize)]
pub(crate) struct Seconds {
    /// The time to discretise; only with histograms.
    pub(crate) discretize: Option<f64>,
    /// The time to sort; only with nearest neighbours.
    pub(crate) sort: Option<f64>,
    pub(crate) open_engine: f64,
    pub(crate) pairs: f64,
}

/// The results that every report has, of pairs within a layer or between two.
pub(crate) struct Measured<'a> {
    pub(crate) pairs: Pairs,
    pub(crate) samples: usize,
    pub(crate) bins: Option<usize>,
    pub(crate) entropy: &'a Array1<f64>,
    pub(crate) mutual_information: &'a Array2<f64>,
    pub(crate) degenerate: Option<&'a [DegenerateNeuron]>,
    pub(crate) adapter: Option<&'a AdapterDescription>,
    pub(crate) kernel: Option<Kernel>,
    pub(crate) transfer: Option<Transfer>,
    pub(crate) incidents: &'a [Incident],
    pub(crate) digests: &'a Digests,
    pub(crate) seconds: Seconds,
}

impl LayerFacts {
    pub(crate) fn new(
        place: &LayerPlace,
        layer: &Layer,
        measured: &Measured<'_>,
        settings: &Settings,
    ) -> Self {
        let Measured { pairs, entropy, mutual_information, adapter, seconds, .. } = *measured;
        let bins = match &settings.method {
            Method::Histograms(histograms) => Some(&histograms.bins),
            Method::Neighbors(_) => None,
        };
        let LayerPlace { file, layer: info } = place.clone();
        // The engine also measures each neuron with itself, but that is not counted as a pair.
        let count = pairs.count(mutual_information.dim());
        Self {
            file,
            name: info.name,
            stored_shape: info.shape,
            element_type: layer.element_type.to_string(),
            samples: measured.samples,
            neurons: entropy.len(),
            bins: measured.bins,
            range: range(bins),
            units: settings.units.name(),
            engine: if adapter.is_some() { "gpu" } else { "cpu" },
            adapter: adapter.map(AdapterFacts::from),
            kernel: measured.kernel.map(Kernel::name),
            device_memory_bytes: measured.transfer.map(|transfer| transfer.device_memory_bytes),
            threads: rayon::current_num_threads(),
            entropy: Spread::of(|| entropy.iter().copied()),
            mutual_information: pairs.spread(mutual_information),
            too_few_samples: None,
            pairs: count,
            strongest_pairs: strongest_pairs(pairs, mutual_information, STRONGEST),
            degenerate: measured.degenerate.map(Degenerates::of),
            incidents: measured.incidents.iter().map(ToString::to_string).collect(),
            seconds,
            pairs_per_second: if seconds.pairs > 0.0 { count as f64 / seconds.pairs } else { 0.0 },
            binning: bins.map(|bins| bins.how.to_string()),
            bin_rule: bins.and_then(|bins| bins.number?.rule()),
            zero_bin: bins.is_some_and(|bins| bins.has_zero_bin),
            estimator: EstimatorFacts::of(settings),
            tied: tied(entropy, settings),
            ties: None,
            other: None,
            measures: Vec::new(),
            firing: None,
            labels: None,
            significance: None,
            digest: measured.digests.all().map(|digest| digest.to_string()),
            fingerprint: None,
            written: None,
        }
    }
}

/// Counts the neurons with infinite entropy. Returns `None` if entropies are not differential.
pub(crate) fn tied(entropy: &Array1<f64>, settings: &Settings) -> Option<usize> {
    match &settings.method {
        Method::Neighbors(neighbors) if neighbors.binned_entropies.is_none() => {
            Some(entropy.iter().filter(|entropy| entropy.is_infinite()).count())
        }
        _ => None,
    }
}
