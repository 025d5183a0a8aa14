//! What all neurons of a layer share at once.

use std::collections::HashMap;

use ndarray::ArrayView2;

use super::Analysis;
use crate::codes::budget::Memory;
use crate::estimator::Entropies;
use crate::input::activations::Activations;
use crate::{Error, Units};

/// Total correlation of some neurons, and whether there are enough samples to believe it.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct TotalCorrelation {
    /// `Σ H(Xᵢ) − H(X₁, X₂, …)`, in [`TotalCorrelation::units`].
    pub total_correlation: f64,
    /// The sum of the neurons' entropies.
    pub sum_of_entropies: f64,
    /// The entropy of all neurons together: of the pattern of bins of a sample.
    pub joint_entropy: f64,
    /// How many different patterns there are.
    pub patterns: usize,
    /// How many of them are seen in one sample only.
    pub singletons: usize,
    /// The estimated share of the patterns' probability that has been seen at all, `1 − singletons /
    /// samples` (Good 1953, Biometrika 40:237).
    ///
    /// Near 1 the joint entropy is that of the network; near 0 every sample is a pattern of its own,
    /// the joint entropy is about `ln samples` whatever the neurons do, and the total correlation far
    /// too large.
    pub coverage: f64,
    /// The unit of all three.
    pub units: Units,
}

impl TotalCorrelation {
    /// Whether nine tenths of the patterns' probability have been seen: below, the number says more
    /// of the samples than of the neurons.
    #[must_use]
    pub fn is_estimable(&self) -> bool {
        self.coverage >= 0.9
    }
}

impl Analysis {
    /// Total correlation (Watanabe 1960, also called multi-information) of all neurons of the
    /// activations: how far they are from being independent, taken together.
    ///
    /// Needs many more samples than there are patterns, and is estimable for some neurons, hardly ever
    /// for a whole layer: choose columns, few bins, and look at [`TotalCorrelation::coverage`].
    /// Computed on the host: O(samples · neurons) time, twice the codes in memory.
    ///
    /// # Errors
    ///
    /// As [`Analysis::run`].
    ///
    /// # Examples
    ///
    /// ```
    /// use cofire::Analysis;
    /// use ndarray::Array2;
    ///
    /// // The third neuron is on when exactly one of the other two is.
    /// let fires = |s: usize, n: usize| [s % 2, s / 2 % 2, (s % 2) ^ (s / 2 % 2)][n];
    /// let x = Array2::from_shape_fn((400, 3), |(s, n)| fires(s, n) as f32);
    /// let found = Analysis::new(2).total_correlation(x.view())?;
    /// assert!((found.total_correlation - 2f64.ln()).abs() < 1e-10); // though no pair shares any
    /// assert!(found.is_estimable());
    /// # Ok::<(), cofire::Error>(())
    /// ```
    pub fn total_correlation(
        &self,
        activations: ArrayView2<'_, f32>,
    ) -> Result<TotalCorrelation, Error> {
        let patterns = |layer: &Activations<'_>, _| {
            // The patterns themselves, and at most as many entries of a hash map.
            let entry = size_of::<(&[u8], u32)>() as u128;
            Memory::default().and(layer.samples(), layer.neurons() as u128 + 2 * entry)
        };
        let layer = self.prepare(activations, patterns)?;
        let samples = layer.samples();
        let (codes, neurons) = (&layer.codes, layer.codes.neurons());
        let entropies = Entropies::new(self.estimator, samples);
        let marginals =
            (0..neurons).map(|x| entropies.marginal(codes.marginal(x), codes.bins_of(x)));
        let sum_of_entropies: f64 = marginals.map(|marginal| marginal.entropy).sum();

        let mut rows = crate::support::memory::zeroed(codes.samples(), neurons)?;
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
        let in_units = |nats: f64| nats * self.units.per_nat();
        Ok(TotalCorrelation {
            total_correlation: in_units(sum_of_entropies - joint_entropy),
            sum_of_entropies: in_units(sum_of_entropies),
            joint_entropy: in_units(joint_entropy),
            patterns: counts.len(),
            singletons,
            coverage: 1.0 - singletons as f64 / f64::from(samples),
            units: self.units,
        })
    }
}
