//! Models and their layers: what is kept of a measurement for a report.

use cofire::significance::false_discovery_rates_of_pairs;
use cofire::{Estimator, Report, Units};
use ndarray::{ArrayView1, ArrayView2};

use crate::heat_map::HeatMap;
use crate::pairs::PairStatistics;
use crate::strongest::CofiringGraph;
use crate::{BoxStatistics, Error, Mixture};

/// How many of the strongest pairs of a layer are kept, unless told otherwise.
pub const STRONGEST_PAIRS: usize = 500;

/// Pairs at or below this false-discovery rate are taken to share something.
pub const FALSE_DISCOVERY_RATE: f64 = 0.05;

/// A network, by the layers that were measured.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Model {
    /// What it is called; no two models of a comparison have one name.
    pub name: String,
    /// At least one; layers of one name are compared across models.
    pub layers: Vec<Layer>,
}

impl Model {
    /// A model of that name.
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
}

/// What was measured of a layer, by whichever estimator. [`Measured::of`] takes it from a
/// [`Report`]; other estimates fill it in by hand.
#[derive(Debug, Clone, Copy)]
pub struct Measured<'a> {
    /// Entropy of each neuron; length `neurons`. May be −∞, as differential entropies can.
    pub entropy: ArrayView1<'a, f64>,
    /// Mutual information of each pair; `neurons × neurons`, symmetric. The diagonal is not looked
    /// at.
    pub mutual_information: ArrayView2<'a, f64>,
    /// At which false-discovery rate each pair is found, `neurons × neurons`; none where no test
    /// was made.
    pub false_discovery_rates: Option<ArrayView2<'a, f64>>,
    /// Whether both come from the same bins, so that mutual information is bounded by entropy.
    pub is_binned: bool,
    /// How many samples were measured.
    pub samples: usize,
    /// The unit of entropy and mutual information.
    pub units: Units,
    /// The highest entropy that a neuron could have, `ln B`, in [`Measured::units`]; none for
    /// differential entropies.
    pub highest_entropy: Option<f64>,
    /// What the mean mutual information of independent neurons would come out at instead of 0, in
    /// [`Measured::units`]; none where that is not known.
    pub bias: Option<f64>,
}

impl<'a> Measured<'a> {
    /// What a report has; without a test of its pairs.
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
        }
    }
}

/// The mean of `(Kx − 1)(Ky − 1) / 2S` over all pairs, `K` being occupied bins: what plug-in mutual
/// information of independent neurons comes out at.
fn bias(report: &Report) -> f64 {
    let freedom = || report.occupied_bins.iter().map(|&bins| f64::from(bins.max(1) - 1));
    let (sum, squares) = (freedom().sum::<f64>(), freedom().map(|k| k * k).sum::<f64>());
    let neurons = report.occupied_bins.len() as f64;
    let ordered_pairs = (neurons * (neurons - 1.0)).max(1.0);
    let per_pair = (sum * sum - squares) / ordered_pairs;
    per_pair / (2.0 * report.samples as f64) * report.units.per_nat()
}

/// What is kept of a layer: enough for every picture and table, and no `neurons × neurons` matrix.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Layer {
    /// What it is called.
    pub name: String,
    /// How many samples were measured.
    pub samples: usize,
    /// The unit of all that follows.
    pub units: Units,
    /// Entropy of each neuron; length `neurons`.
    pub entropy: Vec<f64>,
    /// Of the entropies that are finite; none if no one is.
    pub entropy_statistics: Option<BoxStatistics>,
    /// The highest entropy that a neuron could have.
    pub highest_entropy: Option<f64>,
    /// Of the mutual information of all pairs; none for a single neuron.
    pub pairs: Option<PairStatistics>,
    /// What the mean mutual information of independent neurons would come out at.
    pub bias: Option<f64>,
    /// Fitted to the mutual information of all pairs; none where there are too few.
    pub mixture: Option<Mixture>,
    /// The matrix of mutual information in little.
    pub(crate) heat_map: HeatMap,
    /// The strongest pairs.
    pub graph: CofiringGraph,
}

impl Layer {
    /// Of a report, with [`STRONGEST_PAIRS`] that pass a G-test at [`FALSE_DISCOVERY_RATE`].
    ///
    /// O(neurons² log neurons). Takes two more matrices of the report's size while it works, and
    /// keeps none.
    ///
    /// # Errors
    ///
    /// As [`Report::g_test`]: for an estimator other than the plug-in one. Use [`Layer::measured`]
    /// for those.
    pub fn of(name: impl Into<String>, report: &Report) -> Result<Self, Error> {
        let p_values = report.g_test()?;
        let rates = false_discovery_rates_of_pairs(&p_values);
        drop(p_values);
        let measured =
            Measured { false_discovery_rates: Some(rates.view()), ..Measured::of(report) };
        Ok(Self::measured(name, &measured, STRONGEST_PAIRS))
    }

    /// Of anything measured, with at most so many of its strongest pairs: of those found at
    /// [`FALSE_DISCOVERY_RATE`] where a test was made, else of all that share more than nothing.
    ///
    /// # Panics
    ///
    /// If the shapes of `measured` do not agree.
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
        }
    }

    /// How many neurons it has.
    #[must_use]
    pub fn neurons(&self) -> usize {
        self.entropy.len()
    }

    /// Mean of the entropies that are finite.
    #[must_use]
    pub fn mean_entropy(&self) -> Option<f64> {
        self.entropy_statistics.map(|statistics| statistics.mean)
    }

    /// Mean mutual information of two different neurons.
    #[must_use]
    pub fn mean_mutual_information(&self) -> Option<f64> {
        self.pairs.as_ref().map(|pairs| pairs.mean)
    }
}
