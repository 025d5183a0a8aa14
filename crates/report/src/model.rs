//! Models and their layers: the part of a measurement that a report needs.

use cofire::digest::Digest;
use cofire::significance::false_discovery_rates_of_pairs;
use cofire::{Estimator, Report, Units};
use ndarray::{ArrayView1, ArrayView2};

use crate::heat_map::HeatMap;
use crate::pairs::PairStatistics;
use crate::strongest::CofiringGraph;
use crate::{BoxStatistics, Error, Mixture};

/// The default number of strongest pairs that are kept of a layer.
pub const STRONGEST_PAIRS: usize = 500;

/// The false-discovery rate at or below which a pair counts as significant.
pub const FALSE_DISCOVERY_RATE: f64 = 0.05;

/// A network: its name and the layers that were measured.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Model {
    /// The name. Each model of a comparison has a different one.
    pub name: String,
    /// The layers, at least one. Layers with the same name are compared across models.
    pub layers: Vec<Layer>,
}

impl Model {
    /// Makes a model from its name and layers.
    ///
    /// # Examples
    ///
    /// ```
    /// use cofire_report::{Layer, Model};
    /// use ndarray::Array2;
    ///
    /// let activations = Array2::from_shape_fn((300, 5), |(s, n)| ((s * (n + 3)) % 97) as f32);
    /// let report = cofire::analyze(activations.view(), 10)?;
    /// let model = Model::new("clean", vec![Layer::of("hidden", &report)?]);
    /// assert_eq!(model.layers[0].entropy.len(), 5);
    /// # Ok::<(), cofire_report::Error>(())
    /// ```
    #[must_use]
    pub fn new(name: impl Into<String>, layers: Vec<Layer>) -> Self {
        Self { name: name.into(), layers }
    }

    /// Returns one digest for all layers in their order. `None` if that of a layer is unknown.
    #[must_use]
    pub fn digest(&self) -> Option<Digest> {
        let layers: Option<Vec<Digest>> = self.layers.iter().map(|layer| layer.digest).collect();
        Some(Digest::of_several(layers?))
    }
}

/// The measurements of a layer, by any estimator. [`Measured::of`] takes them from a [`Report`].
/// Fill in the fields directly for other estimates.
#[derive(Debug, Clone, Copy)]
pub struct Measured<'a> {
    /// Entropy of each neuron; length `neurons`. Differential entropies may be −∞.
    pub entropy: ArrayView1<'a, f64>,
    /// Mutual information of each pair; `neurons × neurons`, symmetric. The diagonal is ignored.
    pub mutual_information: ArrayView2<'a, f64>,
    /// The lowest false-discovery rate at which each pair is significant, `neurons × neurons`.
    /// `None` if the pairs were not tested.
    pub false_discovery_rates: Option<ArrayView2<'a, f64>>,
    /// `true` if both come from the same bins, so that entropy bounds mutual information.
    pub is_binned: bool,
    /// The number of samples.
    pub samples: usize,
    /// The unit of entropy and mutual information.
    pub units: Units,
    /// The highest entropy that a neuron can have, `ln B`, in [`Measured::units`]. `None` for
    /// differential entropies.
    pub highest_entropy: Option<f64>,
    /// The mean estimate of mutual information for independent neurons, in [`Measured::units`].
    /// `None` if it is unknown.
    pub bias: Option<f64>,
    /// The digest of the entropies and all pairs. `None` if it is unknown.
    pub digest: Option<Digest>,
}

impl<'a> Measured<'a> {
    /// Takes the measurements of a report, without a test of the pairs.
    #[must_use]
    pub fn of(report: &'a Report) -> Self {
        Self {
            entropy: report.entropy.view(),
            mutual_information: report.mutual_information.view(),
            false_discovery_rates: None,
            is_binned: true,
            samples: report.samples,
            units: report.units,
            highest_entropy: Some((report.edges.bins() as f64).ln() * report.units.per_nat()),
            bias: (report.estimator == Estimator::PlugIn).then(|| bias(report)),
            digest: report.digests.all(),
        }
    }
}

/// Returns the mean of `(Kx − 1)(Ky − 1) / 2S` over all pairs, where `K` is the number of occupied
/// bins and `S` the number of samples. This is the mean of plug-in estimates for independent
/// neurons.
fn bias(report: &Report) -> f64 {
    let freedom = || report.occupied_bins.iter().map(|&bins| f64::from(bins.max(1) - 1));
    let (sum, squares) = (freedom().sum::<f64>(), freedom().map(|k| k * k).sum::<f64>());
    let neurons = report.occupied_bins.len() as f64;
    let ordered_pairs = (neurons * (neurons - 1.0)).max(1.0);
    let per_pair = (sum * sum - squares) / ordered_pairs;
    per_pair / (2.0 * report.samples as f64) * report.units.per_nat()
}

/// The part of a layer's measurements that a report needs: enough for every picture and table, but
/// no `neurons × neurons` matrix.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Layer {
    /// The name.
    pub name: String,
    /// The number of samples.
    pub samples: usize,
    /// The unit of all values below.
    pub units: Units,
    /// Entropy of each neuron; length `neurons`.
    pub entropy: Vec<f64>,
    /// Statistics of the finite entropies. `None` if no entropy is finite.
    pub entropy_statistics: Option<BoxStatistics>,
    /// The highest entropy that a neuron can have.
    pub highest_entropy: Option<f64>,
    /// Statistics of the mutual information of all pairs. `None` for a single neuron.
    pub pairs: Option<PairStatistics>,
    /// The mean estimate of mutual information for independent neurons.
    pub bias: Option<f64>,
    /// A mixture fitted to the mutual information of all pairs. `None` if there are too few pairs
    /// or all are equal.
    pub mixture: Option<Mixture>,
    /// A small version of the matrix of mutual information.
    pub(crate) heat_map: HeatMap,
    /// The strongest pairs.
    pub graph: CofiringGraph,
    /// The digest of the entropies and all pairs.
    pub digest: Option<Digest>,
}

impl Layer {
    /// Makes a layer from a report, with the [`STRONGEST_PAIRS`] strongest pairs that pass a G-test
    /// at [`FALSE_DISCOVERY_RATE`].
    ///
    /// O(neurons² log neurons). Needs two more matrices of the report's size while it runs, and
    /// keeps neither.
    ///
    /// # Errors
    ///
    /// Fails for estimators other than the plug-in one, as [`Report::g_test`] does. Use
    /// [`Layer::measured`] for them.
    pub fn of(name: impl Into<String>, report: &Report) -> Result<Self, Error> {
        let p_values = report.g_test()?;
        let rates = false_discovery_rates_of_pairs(&p_values);
        drop(p_values);
        let measured =
            Measured { false_discovery_rates: Some(rates.view()), ..Measured::of(report) };
        Ok(Self::measured(name, &measured, STRONGEST_PAIRS))
    }

    /// Makes a layer from any measurements, with at most `strongest_pairs` of its strongest pairs.
    /// If the pairs were tested, only pairs that are significant at [`FALSE_DISCOVERY_RATE`] are
    /// kept; otherwise pairs with positive mutual information.
    ///
    /// # Panics
    ///
    /// Panics if the shapes in `measured` do not agree.
    #[must_use]
    pub fn measured(
        name: impl Into<String>,
        measured: &Measured<'_>,
        strongest_pairs: usize,
    ) -> Self {
        let neurons = measured.entropy.len();
        let square = (neurons, neurons);
        assert_eq!(measured.mutual_information.dim(), square, "a row and a column for each neuron");
        if let Some(rates) = measured.false_discovery_rates {
            assert_eq!(rates.dim(), square, "a rate for each pair of neurons");
        }
        let mut finite: Vec<f64> =
            measured.entropy.iter().copied().filter(|entropy| entropy.is_finite()).collect();
        finite.sort_by(f64::total_cmp);
        let pairs = PairStatistics::of(measured.mutual_information);
        let mixture = pairs.as_ref().and_then(|pairs| Mixture::of(&pairs.values));
        Self {
            name: name.into(),
            samples: measured.samples,
            units: measured.units,
            entropy: measured.entropy.to_vec(),
            entropy_statistics: BoxStatistics::of(&finite),
            highest_entropy: measured.highest_entropy,
            pairs,
            bias: measured.bias,
            mixture,
            heat_map: HeatMap::of(measured),
            graph: CofiringGraph::of(measured, strongest_pairs),
            digest: measured.digest,
        }
    }

    /// Returns the number of neurons.
    #[must_use]
    pub fn neurons(&self) -> usize {
        self.entropy.len()
    }

    /// Returns the mean of the finite entropies.
    #[must_use]
    pub fn mean_entropy(&self) -> Option<f64> {
        self.entropy_statistics.map(|statistics| statistics.mean)
    }

    /// Returns the mean mutual information of two different neurons.
    #[must_use]
    pub fn mean_mutual_information(&self) -> Option<f64> {
        self.pairs.as_ref().map(|pairs| pairs.mean)
    }
}
