//! Neurons with fewer than three distinct activations.

use super::extents::Extent;

/// A neuron with fewer than three distinct activations.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct DegenerateNeuron {
    /// Index of the neuron.
    pub neuron: usize,
    /// The kind of degeneracy.
    pub kind: Degeneracy,
}

/// The kind of a neuron with fewer than three distinct activations.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Degeneracy {
    /// Every activation is zero.
    Dead,
    /// Every activation is this value, which is not zero.
    Constant(f64),
    /// Every activation is one of these two values, the lower one first.
    TwoValued(f64, f64),
}

impl Degeneracy {
    fn of(extent: &Extent) -> Option<Self> {
        let Extent { low, high, at_most_two_values } = *extent;
        match (low == high, at_most_two_values) {
            (true, _) if low == 0.0 => Some(Self::Dead),
            (true, _) => Some(Self::Constant(low)),
            (false, true) => Some(Self::TwoValued(low, high)),
            (false, false) => None,
        }
    }
}

pub(crate) fn degenerate_neurons(extents: &[Extent]) -> Vec<DegenerateNeuron> {
    let kinds = extents.iter().map(Degeneracy::of).enumerate();
    kinds.filter_map(|(neuron, kind)| Some(DegenerateNeuron { neuron, kind: kind? })).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degenerate_neurons_are_told_apart() {
        let extent = |low, high, at_most_two_values| Extent { low, high, at_most_two_values };
        let extents = [
            extent(0.0, 1.0, false),
            extent(-0.0, 0.0, true),
            extent(3.0, 3.0, true),
            extent(0.0, 1.0, true),
        ];
        let found = degenerate_neurons(&extents);
        let expected = [
            (1, Degeneracy::Dead),
            (2, Degeneracy::Constant(3.0)),
            (3, Degeneracy::TwoValued(0.0, 1.0)),
        ];
        let found: Vec<_> = found.iter().map(|d| (d.neuron, d.kind)).collect();
        assert_eq!(found, expected);
    }
}
