//! Ranking of networks by measures: Kendall's τ-b against held-out scores, as in the paper's Table
//! 2.

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
    /// All measures, in the order of tables.
    pub const ALL: [Self; 4] = [
        Self::Entropy,
        Self::MutualInformation,
        Self::ReleasedEntropy,
        Self::ReleasedMutualInformation,
    ];

    /// Returns the measure's value, if it was measured.
    pub fn of(self, measures: &Measures) -> Option<f64> {
        match self {
            Self::Entropy => Some(measures.entropy),
            Self::MutualInformation => Some(measures.mutual_information),
            Self::ReleasedEntropy => Some(measures.released_entropy),
            Self::ReleasedMutualInformation => measures.released_mutual_information,
        }
    }

    /// Returns `true` for an entropy and `false` for a mutual information.
    pub fn is_entropy(self) -> bool {
        matches!(self, Self::Entropy | Self::ReleasedEntropy)
    }
}

/// A part of a network whose neurons are measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// A hidden layer, counted from 0.
    Layer(usize),
    /// All hidden layers, with the pairs between them.
    Network,
}

impl Place {
    /// Returns the places of a network with `layers` hidden layers.
    pub fn all(layers: usize) -> impl Iterator<Item = Self> {
        (0..layers).map(Self::Layer).chain([Self::Network])
    }

    /// Returns the measures of this place.
    ///
    /// # Panics
    ///
    /// Panics if the network has no such layer.
    pub fn of(self, outcome: &Outcome) -> &Measures {
        match self {
            Self::Layer(index) => &outcome.measures.layers[index],
            Self::Network => &outcome.measures.network,
        }
    }
}

/// The agreement of a measure with held-out scores, in the direction that the paper predicts. 1
/// means that the measure ranks the networks of a study as predicted, −1 that it ranks them in
/// reverse.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranking {
    /// τ-b of the networks of each seed, by seed.
    pub seeds: Vec<f64>,
    /// The mean of `seeds`; the paper's figures are such means.
    pub mean: f64,
}

/// Ranks the networks of a study by a measure, seed by seed. Returns `None` if the measure was not
/// taken, or τ-b is undefined, for example because all networks score the same.
///
/// The paper predicts that with shuffled labels, held-out scores fall as entropy rises and mutual
/// information falls. With a shortcut it predicts the opposite. Circles have no ranking.
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
