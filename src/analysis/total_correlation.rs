//! The information that all neurons of a layer share at once.

use std::collections::HashMap;

use super::Analysis;
use super::prepare::prepare;
use crate::codes::budget::Memory;
use crate::error::Error;
use crate::estimator::Entropies;
use crate::input::activations::{Activations, ActivationsView};
use crate::measures::Units;
use crate::support::memory::zeroed;

/// The total correlation of some neurons, and the coverage that tells whether samples suffice.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct TotalCorrelation {
    /// `Σ H(Xᵢ) − H(X₁, X₂, …)`, in [`TotalCorrelation::units`].
    pub total_correlation: f64,
    /// The sum of the neurons' entropies.
    pub sum_of_entropies: f64,
    /// The entropy of all neurons together, that is, of the pattern of bins of a sample.
    pub joint_entropy: f64,
    /// The number of different patterns.
    pub patterns: usize,
    /// The number of patterns that occur in one sample only.
    pub singletons: usize,
    /// The estimated probability of the patterns that have been seen, `1 − singletons / samples`
    /// (Good 1953, Biometrika 40:237).
    ///
    /// Near 1, the joint entropy is that of the network. Near 0, almost every sample has a pattern
    /// of its own: the joint entropy is about `ln samples` for any neurons, and the total correlation
    /// far too large.
    pub coverage: f64,
    /// The unit of the total correlation and the entropies.
    pub units: Units,
}

impl TotalCorrelation {
    /// Returns whether the coverage is at least 0.9. Below, the total correlation depends on the
    /// number of samples more than on the neurons.
    #[must_use]
    pub fn is_estimable(&self) -> bool {
        self.coverage >= 0.9
    }
}

/// Computes the total correlation of a layer.
pub(super) fn of_layer(
    analysis: &Analysis,
    activations: ActivationsView<'_>,
) -> Result<TotalCorrelation, Error> {
    let units = analysis.settings.run.units;
    let patterns = |layer: &Activations<'_>, _| {
        // The patterns themselves, and at most as many entries of a hash map.
        let entry = size_of::<(&[u8], u32)>() as u128;
        Memory::default().and(layer.samples(), layer.neurons() as u128 + 2 * entry)
    };
    let layer = prepare(analysis, activations, patterns)?;
    let samples = layer.samples();
    let (codes, neurons) = (&layer.codes, layer.codes.neurons());
    let entropies = Entropies::new(analysis.settings.estimator, samples);
    let marginals = (0..neurons).map(|x| entropies.marginal(codes.marginal(x), codes.bins_of(x)));
    let sum_of_entropies: f64 = marginals.map(|marginal| marginal.entropy).sum();

    let mut rows = zeroed(codes.samples(), neurons)?;
    for neuron in 0..neurons {
        for (row, &code) in rows.chunks_exact_mut(neurons).zip(codes.neuron(neuron)) {
            row[neuron] = code;
        }
    }
    let mut counts: HashMap<&[u8], u32> = HashMap::new();
    for pattern in rows.chunks_exact(neurons) {
        *counts.entry(pattern).or_default() += 1;
    }
    let counts: Vec<u32> = counts.into_values().collect();
    let bins = (0..neurons).map(|neuron| codes.bins_of(neuron) as u64);
    let cells = bins.fold(1, u64::saturating_mul);
    let joint_entropy =
        if counts.len() == 1 { 0.0 } else { entropies.of_histogram(&counts, cells) };
    let singletons = counts.iter().filter(|&&n| n == 1).count();
    let in_units = |nats: f64| nats * units.per_nat();
    Ok(TotalCorrelation {
        total_correlation: in_units(sum_of_entropies - joint_entropy),
        sum_of_entropies: in_units(sum_of_entropies),
        joint_entropy: in_units(joint_entropy),
        patterns: counts.len(),
        singletons,
        coverage: 1.0 - singletons as f64 / f64::from(samples),
        units,
    })
}
