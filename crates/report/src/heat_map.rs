//! A small, ordered version of the matrix of mutual information.

use ndarray::Array2;

use crate::clustering;
use crate::model::Measured;

/// The largest number of neurons of a layer that are clustered and shown. Time and space grow with
/// its square, and a picture has no pixels for more.
pub(crate) const MOST_NEURONS: usize = 512;

/// The contents of a heat map.
#[derive(Debug, Clone)]
pub(crate) struct HeatMap {
    /// The neurons, ordered by similarity. Of a wider layer, the [`MOST_NEURONS`] of highest
    /// entropy.
    pub(crate) neurons: Vec<usize>,
    /// The mutual information of these neurons in that order. The diagonal is copied as it is.
    pub(crate) mutual_information: Array2<f32>,
}

impl HeatMap {
    pub(crate) fn of(measured: &Measured<'_>) -> Self {
        let entropy = |neuron: usize| measured.entropy[neuron];
        let mut shown: Vec<usize> = (0..measured.entropy.len()).collect();
        if shown.len() > MOST_NEURONS {
            shown.sort_by(|&a, &b| entropy(b).total_cmp(&entropy(a)).then(a.cmp(&b)));
            shown.truncate(MOST_NEURONS);
            shown.sort_unstable();
        }
        let order = clustering::by_similarity(shown.len(), |a: usize, b: usize| {
            distance(measured, shown[a], shown[b])
        });
        let neurons: Vec<usize> = order.into_iter().map(|place| shown[place]).collect();
        let side = neurons.len();
        #[expect(clippy::cast_possible_truncation, reason = "colours need no more digits")]
        let value = |(row, column): (usize, usize)| {
            measured.mutual_information[[neurons[row], neurons[column]]] as f32
        };
        let mutual_information = Array2::from_shape_fn((side, side), value);
        Self { neurons, mutual_information }
    }
}

/// Returns a distance from 0 (each neuron determines the other) to 1 (neither says anything about
/// the other).
///
/// For bins this is Rajski's distance `1 − I(X; Y) / H(X, Y)`, a metric. For differential
/// entropies, which do not bound the mutual information, it is `1 − √(1 − exp(−2 I))`: one minus
/// the correlation of two Gaussian neurons with that mutual information (Linfoot 1957).
fn distance(measured: &Measured<'_>, i: usize, j: usize) -> f64 {
    let shared = measured.mutual_information[[i, j]];
    if measured.is_binned {
        let joint_entropy = measured.entropy[i] + measured.entropy[j] - shared;
        // The joint entropy of two constant neurons is 0.
        if joint_entropy > 0.0 { (1.0 - shared / joint_entropy).clamp(0.0, 1.0) } else { 0.0 }
    } else {
        let nats = (shared / measured.units.per_nat()).max(0.0);
        1.0 - (1.0 - (-2.0 * nats).exp()).sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cofire::Analysis;

    #[test]
    fn a_wide_layer_shows_its_liveliest_neurons() {
        // The first hundred neurons are constant; the others differ.
        let activations = Array2::from_shape_fn((64, 612), |(s, n)| {
            if n < 100 { 1.0 } else { ((s * (n + 1)) % 613) as f32 }
        });
        let report = Analysis::new(4).run(activations.view()).unwrap();
        let found = HeatMap::of(&Measured::of(&report));
        assert_eq!(found.mutual_information.dim(), (MOST_NEURONS, MOST_NEURONS));
        let mut neurons = found.neurons.clone();
        neurons.sort_unstable();
        assert_eq!(neurons, (100..612).collect::<Vec<_>>());
        for (place, &neuron) in found.neurons.iter().enumerate().take(5) {
            #[expect(clippy::cast_possible_truncation, reason = "as it is kept")]
            let expected = report.mutual_information[[neuron, found.neurons[7]]] as f32;
            assert_eq!(found.mutual_information[[place, 7]], expected);
        }
    }

    #[test]
    fn distances_need_no_entropies() {
        let information = ndarray::array![[2.0, 0.5, -0.1], [0.5, 2.0, 9.0], [-0.1, 9.0, 2.0]];
        let entropy = ndarray::array![f64::NEG_INFINITY, -3.0, 1.0];
        let measured = Measured {
            entropy: entropy.view(),
            mutual_information: information.view(),
            false_discovery_rates: None,
            is_binned: false,
            samples: 10,
            units: cofire::Units::Nats,
            highest_entropy: None,
            bias: None,
            digest: None,
        };
        let expected = 1.0 - (1.0 - (-1.0f64).exp()).sqrt();
        assert!((distance(&measured, 0, 1) - expected).abs() < 1e-12);
        assert_eq!(distance(&measured, 0, 2), 1.0);
        assert!(distance(&measured, 1, 2) < 1e-7);
    }
}
