//! Layers with too few samples for their bins.

use cofire::sweep::InformationPair;
use cofire::{BetweenReport, Estimator, Report, Units};
use cofire_report::{FewSamples, Histograms, PlugIn};
use serde::Serialize;

use crate::statistics::Pairs;
use crate::text::grouped;

/// The finding that there are too few samples for the bins, and how many would do.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct FewSamplesFacts {
    /// The reason for which the estimates say little.
    pub(crate) problem: String,
    /// None if more samples would show the same.
    pub(crate) samples_that_would_do: Option<u64>,
    /// None if no number of bins would do with these samples.
    pub(crate) bins_that_would_do: Option<u64>,
    #[serde(skip)]
    advice: Option<String>,
}

/// The estimates of all pairs of some rows with some columns.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Estimates {
    pub(crate) estimator: Estimator,
    pub(crate) units: Units,
    pub(crate) histograms: Histograms,
    /// The mean of the estimates, in `units`.
    pub(crate) mean: f64,
    /// The number of estimates.
    pub(crate) count: u64,
    /// The mean entropy of a neuron, in `units`.
    pub(crate) entropy: f64,
    /// The mean of `(Kx − 1)(Ky − 1)` over pairs with `Kx` and `Ky` occupied bins.
    pub(crate) freedom: f64,
    /// The mean of `Kx Ky`.
    pub(crate) cells: f64,
}

impl FewSamplesFacts {
    /// Returns the facts about the pairs of a layer, of which the mean estimate is given.
    pub(crate) fn within(report: &Report, mean: f64) -> Option<Self> {
        let histograms = pairs(report.samples, report.edges.bins());
        let neurons = (report.occupied_bins.to_vec(), report.entropy.mean()?);
        Self::of_all(mean, (&neurons.0, neurons.1), (report.estimator, report.units), histograms)
    }

    /// Returns the facts about the pairs between two layers.
    pub(crate) fn between(report: &BetweenReport, mean: f64) -> Option<Self> {
        let (rows, columns) = (&report.rows, &report.columns);
        let mean_of = |less: u32| {
            let [x, y] = [rows, columns].map(|side| mean_occupied(side.occupied_bins.iter(), less));
            x * y
        };
        let bins = rows.edges.bins().max(columns.edges.bins());
        let estimates = Estimates {
            estimator: report.estimator,
            units: report.units,
            histograms: pairs(report.samples, bins),
            mean,
            count: report.mutual_information.len() as u64,
            entropy: rows.entropy.mean()?.min(columns.entropy.mean()?),
            freedom: mean_of(1),
            cells: mean_of(0),
        };
        Self::of(&estimates, "neurons")
    }

    /// Returns the facts about all pairs of a layer. Its neurons are their numbers of occupied bins, and
    /// their mean entropy.
    pub(crate) fn of_all(
        mean: f64,
        (occupied, entropy): (&[u32], f64),
        (estimator, units): (Estimator, Units),
        histograms: Histograms,
    ) -> Option<Self> {
        let estimates = Estimates {
            estimator,
            units,
            histograms,
            mean,
            count: Pairs::Once.count((occupied.len(), occupied.len())),
            entropy,
            freedom: of_pairs(occupied, 1),
            cells: of_pairs(occupied, 0),
        };
        Self::of(&estimates, "neurons")
    }

    /// Returns the facts about selected pairs of a layer, as [`FewSamplesFacts::of_all`] does.
    pub(crate) fn selected(
        selected: &[InformationPair],
        (occupied, entropy): (&[u32], f64),
        (estimator, units): (Estimator, Units),
        histograms: Histograms,
    ) -> Option<Self> {
        let count = selected.len() as u64;
        let mean = |of: &dyn Fn(&InformationPair) -> f64| {
            selected.iter().map(of).sum::<f64>() / count.max(1) as f64
        };
        let product = |pair: &InformationPair, less: u32| {
            let bins = |neuron: u32| f64::from(occupied[neuron as usize].saturating_sub(less));
            bins(pair.first) * bins(pair.second)
        };
        let estimates = Estimates {
            estimator,
            units,
            histograms,
            mean: mean(&|pair| pair.mutual_information),
            count,
            entropy,
            freedom: mean(&|pair| product(pair, 1)),
            cells: mean(&|pair| product(pair, 0)),
        };
        Self::of(&estimates, "neurons")
    }

    /// Returns the facts about some estimates. `others` is what unrelated ones are called.
    pub(crate) fn of(estimates: &Estimates, others: &str) -> Option<Self> {
        let Estimates { histograms, cells, .. } = *estimates;
        let (samples, per_nat) = (histograms.samples, estimates.units.per_nat());
        let (few, problem) = if estimates.estimator == Estimator::PlugIn {
            let plug_in = PlugIn {
                mean: estimates.mean / per_nat,
                bias: estimates.freedom / (2.0 * samples as f64),
                entropy: estimates.entropy / per_nat,
                estimates: estimates.count,
            };
            let few = FewSamples::of_plug_in(histograms, plug_in)?;
            let more = format!("unrelated {others} show more than half of that");
            let problem = match few.samples {
                Some(_) => format!("too few samples for the bins: {more}"),
                None => more,
            };
            (few, problem)
        } else {
            let few = FewSamples::of_corrected(histograms, cells)?;
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "a mean of at most 65,536 cells for each of the labels"
            )]
            let cells = cells.round() as u64;
            let problem = format!(
                "too few samples for the bins: {} for {} cells of a histogram",
                grouped(samples as u64),
                grouped(cells)
            );
            (few, problem)
        };
        Some(Self {
            problem,
            samples_that_would_do: few.samples,
            bins_that_would_do: few.bins,
            advice: few.advice(),
        })
    }

    /// Returns the lines of the summary.
    pub(crate) fn lines(&self) -> impl Iterator<Item = String> {
        [Some(self.problem.clone()), self.advice.clone()].into_iter().flatten()
    }
}

/// Returns the size of the histograms of pairs.
pub(crate) fn pairs(samples: usize, bins: usize) -> Histograms {
    Histograms { samples, bins, neurons: 2, labels: 1 }
}

/// Returns the mean product of the occupied bins of two different neurons, less `less` each.
pub(crate) fn of_pairs(occupied: &[u32], less: u32) -> f64 {
    let each = || occupied.iter().map(|&bins| f64::from(bins.saturating_sub(less)));
    let (sum, squares) = (each().sum::<f64>(), each().map(|bins| bins * bins).sum::<f64>());
    let neurons = occupied.len();
    let ordered = Pairs::Once.count((neurons, neurons)).max(1) as f64 * 2.0;
    (sum * sum - squares) / ordered
}

/// Returns the mean number of occupied bins, less `less` each.
pub(crate) fn mean_occupied<'a>(
    occupied: impl ExactSizeIterator<Item = &'a u32>,
    less: u32,
) -> f64 {
    let neurons = occupied.len().max(1) as f64;
    occupied.map(|&bins| f64::from(bins.saturating_sub(less))).sum::<f64>() / neurons
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn means_are_over_different_neurons() {
        // 1·2 + 1·4 + 2·4 of bins less one.
        assert_eq!(of_pairs(&[2, 3, 5], 1), 14.0 / 3.0);
        assert_eq!(of_pairs(&[7], 1), 0.0);
        assert_eq!(mean_occupied([2u32, 4].iter(), 1), 2.0);
    }

    #[test]
    fn selected_pairs_have_the_mean_of_their_own_neurons() {
        let pair = |first, second, mutual_information| InformationPair {
            first,
            second,
            mutual_information,
        };
        let few = |second| {
            let selected = [pair(0, 1, 0.02), pair(0, 2, second)];
            let by = (Estimator::PlugIn, Units::Nats);
            FewSamplesFacts::selected(&selected, (&[2, 3, 5], 0.1), by, pairs(100, 5))
        };
        // The bias is (2 + 4) / 2 / 200 = 0.015. Two pairs are too few to tell that the rest is no chance.
        assert_eq!(few(0.041), None);
        let found = few(0.039).unwrap();
        assert_eq!(found.samples_that_would_do, Some(1600)); // 4² / 2 / (0.1 / 20)
        assert_eq!(found.bins_that_would_do, Some(2));
    }
}
