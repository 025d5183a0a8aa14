//! How well measures rank networks: Kendall's τ-b against held-out scores, as the paper's Table 2.

use cofire_report::Kendall;

use crate::measures::Measures;
use crate::study::{Level, Outcome};

/// A number by which networks are ranked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// [`Measures::entropy`].
    Entropy,
    /// [`Measures::mutual_information`].
    MutualInformation,
    /// [`Measures::released_entropy`].
    ReleasedEntropy,
    /// [`Measures::released_mutual_information`].
    ReleasedMutualInformation,
}

impl Measure {
    /// All of them, in the order of tables.
    pub const ALL: [Self; 4] = [
        Self::Entropy,
        Self::MutualInformation,
        Self::ReleasedEntropy,
        Self::ReleasedMutualInformation,
    ];

    /// Its value, if it was measured.
    pub fn of(self, measures: &Measures) -> Option<f64> {
        match self {
            Self::Entropy => Some(measures.entropy),
            Self::MutualInformation => Some(measures.mutual_information),
            Self::ReleasedEntropy => Some(measures.released_entropy),
            Self::ReleasedMutualInformation => measures.released_mutual_information,
        }
    }

    /// Whether it is an entropy; else it is mutual information.
    pub fn is_entropy(self) -> bool {
        matches!(self, Self::Entropy | Self::ReleasedEntropy)
    }
}

/// Where in a network neurons are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A hidden layer, counted from 0.
    Layer(usize),
    /// All hidden layers, with the pairs between them.
    Network,
}

impl Place {
    /// The places of a network of so many hidden layers.
    pub fn all(layers: usize) -> impl Iterator<Item = Self> {
        (0..layers).map(Self::Layer).chain([Self::Network])
    }

    /// What was measured there.
    ///
    /// # Panics
    ///
    /// If the network has no such layer.
    pub fn of(self, outcome: &Outcome) -> &Measures {
        match self {
            Self::Layer(index) => &outcome.measures.layers[index],
            Self::Network => &outcome.measures.network,
        }
    }
}

/// How well a measure ranks the networks of a study, in the direction that the paper says: 1 means
/// that it ranks them just so, −1 that it ranks them the other way round.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranking {
    /// τ-b of the networks of each seed, by seed.
    pub seeds: Vec<f64>,
    /// The mean of `seeds`; the paper's figures are such means.
    pub mean: f64,
}

/// Ranks the networks of a study by a measure, seed by seed; `None` where it was not measured, or a
/// ranking does not exist, as of networks that all score the same.
///
/// The paper says that held-out scores fall as entropy rises and mutual information falls where
/// labels are shuffled, and the other way round where there is a shortcut. Circles have no ranking.
pub fn rank(outcomes: &[Outcome], measure: Measure, place: Place) -> Option<Ranking> {
    let memorizes_examples = match outcomes.first()?.level {
        Level::Beta(_) => true,
        Level::Alpha(_) => false,
        Level::Circles(_) => return None,
    };
    let direction = if measure.is_entropy() == memorizes_examples { -1.0 } else { 1.0 };
    let seeds = outcomes.iter().map(|outcome| outcome.seed).max()?;
    let of_seed = |seed| {
        let networks = outcomes.iter().filter(|outcome| outcome.seed == seed);
        let values: Option<Vec<(f64, f64)>> =
            networks.map(|outcome| Some((measure.of(place.of(outcome))?, outcome.score))).collect();
        let (values, scores): (Vec<f64>, Vec<f64>) = values?.into_iter().unzip();
        Some(direction * Kendall::of(&values, &scores)?.tau)
    };
    let seeds = (0..=seeds).map(of_seed).collect::<Option<Vec<f64>>>()?;
    let mean = seeds.iter().sum::<f64>() / seeds.len() as f64;
    Some(Ranking { seeds, mean })
}
