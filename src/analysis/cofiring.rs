//! Neurons that either fire or not, and how often they fire together.

use std::cmp::Ordering;
use std::collections::BinaryHeap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use ndarray::{Array1, Array2};

use super::Analysis;
use super::prepare::prepare;
use crate::binning::BinEdges;
use crate::codes::bits;
use crate::codes::budget::Memory;
use crate::engine::{self, Counts, Goal, GpuGain, Sink};
use crate::error::Error;
use crate::estimator::CellTable;
use crate::execution::Execution;
use crate::input::activations::{Activations, ActivationsView};
use crate::pairs::matrix::PairMatrix;
use crate::pairs::tile::Tile;

/// The number of samples in which every neuron fires, and every pair together.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CofiringReport {
    /// The number of samples in which each neuron fires; length `neurons`.
    pub firing: Array1<u32>,
    /// The number of samples in which both neurons of a pair fire; `neurons × neurons`, symmetric,
    /// with [`CofiringReport::firing`] on its diagonal.
    pub both: Array2<u32>,
    /// The number of samples.
    pub samples: usize,
    /// The bin edges used: a neuron fires in the second of its two bins.
    pub edges: BinEdges,
    /// The engine, adapter and kernel that computed it, and the incidents.
    pub execution: Execution,
}

/// A measure of how strongly the firing of two neurons is associated.
///
/// A neuron that never fires, or always fires, is independent of every other one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Association {
    /// `P(both) / (P(x) P(y))`: how often they fire together, divided by how often independent
    /// neurons would; 1 for independent neurons.
    Lift,
    /// The logarithm of the lift, in nats: the pointwise mutual information of firing; 0 for
    /// independent neurons, and −∞ if each neuron of a pair fires, but never both.
    PointwiseMutualInformation,
    /// The correlation of the two bits, from −1 to 1; 0 for independent neurons.
    Phi,
    /// `P(both) / P(x or y)`, from 0 to 1. It is nearly 1 for two neurons that nearly always fire,
    /// even if they are independent.
    Jaccard,
}

impl Association {
    /// Every association.
    pub const ALL: [Self; 4] =
        [Self::Lift, Self::PointwiseMutualInformation, Self::Phi, Self::Jaccard];

    /// Returns the name in lower case with hyphens.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Lift => "lift",
            Self::PointwiseMutualInformation => "pointwise-mutual-information",
            Self::Phi => "phi",
            Self::Jaccard => "jaccard",
        }
    }

    /// Returns the association of neurons that fire in `x` and `y` samples, and in `both` together.
    fn of(self, x: u32, y: u32, both: u32, samples: usize) -> f64 {
        let [x, y, both] = [x, y, both].map(f64::from);
        let samples = samples as f64;
        let expected = x * y / samples;
        match self {
            Self::Lift if expected == 0.0 => 1.0,
            Self::Lift => both / expected,
            Self::PointwiseMutualInformation if expected == 0.0 => 0.0,
            Self::PointwiseMutualInformation => (both / expected).ln(),
            Self::Phi => {
                let spread = (x * (samples - x) * y * (samples - y)).sqrt();
                if spread == 0.0 { 0.0 } else { (both * samples - x * y) / spread }
            }
            Self::Jaccard if x + y == 0.0 => 0.0,
            Self::Jaccard => both / (x + y - both),
        }
    }
}

/// Two neurons and the association of their firing.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct CofiringPair {
    /// The neuron of the lower index.
    pub first: usize,
    /// The neuron of the higher index.
    pub second: usize,
    /// The number of samples in which both fire.
    pub both: u32,
    /// The requested association.
    pub association: f64,
}

impl CofiringReport {
    /// Returns an association of every pair; `neurons × neurons`.
    #[must_use]
    pub fn association(&self, association: Association) -> Array2<f64> {
        Array2::from_shape_fn(self.both.dim(), |(i, j)| self.of(association, i, j))
    }

    /// Returns the `most` most strongly associated pairs, the strongest first. Only neurons that fire
    /// in a share of samples within `rates` are considered.
    ///
    /// Chance makes lift and pointwise mutual information largest for neurons that hardly ever fire,
    /// and the Jaccard index for neurons that nearly always fire. `rates` leaves such neurons out.
    /// Pairs of equal association come in the order of their neurons. O(neurons²).
    ///
    /// # Examples
    ///
    /// ```
    /// use cofire::analysis::Association;
    /// use cofire::{Analysis, Binning};
    /// use ndarray::Array2;
    ///
    /// // Neuron 0 always fires, 1 and 2 every third time, 3 once.
    /// let fires = |s: usize, n: usize| match n { 0 => true, 3 => s == 7, _ => s % 3 == 0 };
    /// let x = Array2::from_shape_fn((300, 4), |(s, n)| f32::from(fires(s, n)));
    /// let report = Analysis::with_binning(Binning::Threshold(0.5)).cofiring(x.view())?;
    /// let pairs = report.strongest(Association::Jaccard, 1, 0.01..=0.9);
    /// assert_eq!((pairs[0].first, pairs[0].second, pairs[0].both), (1, 2, 100));
    /// assert_eq!(pairs[0].association, 1.0);
    /// # Ok::<(), cofire::Error>(())
    /// ```
    #[must_use]
    pub fn strongest(
        &self,
        association: Association,
        most: usize,
        rates: RangeInclusive<f64>,
    ) -> Vec<CofiringPair> {
        let rate = |&neuron: &usize| f64::from(self.firing[neuron]) / self.samples as f64;
        let neurons: Vec<usize> =
            (0..self.firing.len()).filter(|neuron| rates.contains(&rate(neuron))).collect();
        // The weakest pair that is kept is on top.
        let mut kept: BinaryHeap<Weakness> = BinaryHeap::new();
        for (k, &first) in neurons.iter().enumerate() {
            for &second in &neurons[k + 1..] {
                let association = self.of(association, first, second);
                let both = self.both[[first, second]];
                let pair = Weakness(CofiringPair { first, second, both, association });
                if kept.len() == most && kept.peek().is_none_or(|weakest| pair >= *weakest) {
                    continue;
                }
                kept.push(pair);
                if kept.len() > most {
                    kept.pop();
                }
            }
        }
        kept.into_sorted_vec().into_iter().map(|Weakness(pair)| pair).collect()
    }

    fn of(&self, association: Association, i: usize, j: usize) -> f64 {
        association.of(self.firing[i], self.firing[j], self.both[[i, j]], self.samples)
    }
}

/// A pair, ordered by its weakness, then by its neurons.
#[derive(Debug, PartialEq)]
struct Weakness(CofiringPair);

impl Weakness {
    fn neurons(&self) -> (usize, usize) {
        (self.0.first, self.0.second)
    }
}

impl Eq for Weakness {}

impl PartialOrd for Weakness {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Weakness {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_strength = other.0.association.total_cmp(&self.0.association);
        by_strength.then_with(|| self.neurons().cmp(&other.neurons()))
    }
}

/// Counts how often neurons fire, alone and together.
pub(super) async fn report(
    analysis: &Analysis,
    activations: ActivationsView<'_>,
) -> Result<CofiringReport, Error> {
    let settings = &analysis.settings;
    let memory = |layer: &Activations<'_>, bins| {
        let neurons = layer.neurons();
        let matrix = Memory::default().and(neurons, (size_of::<u32>() * neurons) as u128);
        settings.and_threads(matrix, (layer.samples(), neurons), bins, Goal::Histograms)
    };
    let layer = prepare(analysis, activations, memory)?;
    if layer.codes.bins() != bits::BINS {
        return Err(Error::NotBinary { bins: layer.codes.bins() });
    }
    let samples = layer.codes.samples();
    let neurons = 0..layer.codes.neurons();
    let firing = neurons.clone().map(|neuron| layer.codes.marginal(neuron)[1]).collect();
    let pairs = Tile::triangle(neurons.len());
    let both = Both(PairMatrix::new(&pairs)?);
    // The job asks for histograms, so the table of f(n) is not used.
    let table = Arc::new(CellTable::plug_in(layer.samples()));
    let job = settings.single_job(layer.codes, &table, (pairs, Goal::Histograms));
    let chosen = settings.run.open_engine(GpuGain::Faster).await?;
    let on_failure = settings.run.on_device_failure;
    let (Both(both), execution) = engine::run(&chosen, &job, both, on_failure).await?;
    drop(job);
    let both = both.finish(|_, _, count| count)?;
    Ok(CofiringReport { firing, both, samples, edges: layer.edges, execution })
}

/// A sink that keeps the last of the four cells of every joint histogram.
#[derive(Debug)]
struct Both(PairMatrix<u32>);

impl Sink for Both {
    fn accept(&self, tile: &Tile, counts: &Counts) {
        if let Counts::Histograms(histograms) = counts {
            let both: Vec<u32> = histograms.iter().skip(3).step_by(4).copied().collect();
            self.0.put(tile, &both);
        }
    }
}
