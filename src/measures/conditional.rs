//! Information that pairs of neurons share given a label.

use std::sync::Arc;

use ndarray::{Array1, Array2};
use rayon::prelude::*;

use crate::codes::Codes;
use crate::engine::{Counts, Sink};
use crate::error::Error;
use crate::estimator::{Entropies, Marginal};
use crate::input::groups::Groups;
use crate::measures::Units;
use crate::pairs::matrix::PairMatrix;
use crate::pairs::tile::Tile;

/// The entropies of a label, and of neurons with it.
#[derive(Debug)]
pub(crate) struct LabelTables {
    entropies: Arc<Entropies>,
    /// The marginal of the label, whose categories are its bins.
    label: Marginal,
    neurons: Vec<WithLabel>,
}

/// A neuron, and its joint histogram with the label.
#[derive(Debug)]
struct WithLabel {
    own: Marginal,
    /// Σ f(n) over the cells of the joint histogram.
    joint_sum: u64,
    /// I(X; Z) in nats.
    shared: f64,
}

impl LabelTables {
    pub(crate) fn new(codes: &Codes, groups: &Groups, entropies: Entropies) -> Self {
        let label = entropies.marginal(&groups.sizes(), groups.len());
        let neurons = (0..codes.neurons()).into_par_iter();
        let neurons = neurons.map(|x| with_label(codes, x, groups, &entropies, &label)).collect();
        Self { entropies: Arc::new(entropies), label, neurons }
    }

    /// Returns H(Z) of the label.
    pub(crate) fn label_entropy(&self, units: Units) -> f64 {
        self.label.entropy * units.per_nat()
    }

    /// Returns H(X) of every neuron.
    pub(crate) fn entropy(&self, units: Units) -> Array1<f64> {
        self.neurons.iter().map(|neuron| neuron.own.entropy * units.per_nat()).collect()
    }

    /// Returns I(X; Z) of every neuron with the label.
    pub(crate) fn shared(&self, units: Units) -> Array1<f64> {
        self.neurons.iter().map(|neuron| neuron.shared * units.per_nat()).collect()
    }
}

/// Counts the samples of one label after the other, so that no table of all labels is needed.
fn with_label(
    codes: &Codes,
    neuron: usize,
    groups: &Groups,
    entropies: &Entropies,
    label: &Marginal,
) -> WithLabel {
    let bins = codes.bins_of(neuron);
    let own = entropies.marginal(codes.marginal(neuron), bins);
    let neuron_codes = codes.neuron(neuron);
    let mut joint_sum = 0;
    let mut cells = Vec::new();
    let mut counts = vec![0u32; codes.bins()];
    for group in groups.iter() {
        for &sample in group {
            counts[usize::from(neuron_codes[sample as usize])] += 1;
        }
        joint_sum += entropies.table().sum(&counts);
        if entropies.needs_histograms() {
            cells.extend(counts.iter().filter(|&&n| n > 0));
        }
        counts.fill(0);
    }
    let shared = if entropies.needs_histograms() {
        let joint = entropies.of_histogram(&cells, bins as u64 * groups.len() as u64);
        entropies.shared_of_entropy(&own, label, joint)
    } else {
        entropies.shared_of_sum(&own, label, joint_sum)
    };
    WithLabel { own, joint_sum, shared }
}

/// A sink that adds up the sums of pairs, one label after the other. The cells of the joint
/// histogram of two neurons and a label are those of the two neurons' histograms over the samples
/// of each label.
#[derive(Debug)]
pub(crate) struct Conditional {
    sums: PairMatrix<f64>,
}

impl Conditional {
    pub(crate) fn new(pairs: &Tile) -> Result<Self, Error> {
        Ok(Self { sums: PairMatrix::new(pairs)? })
    }

    /// Returns I(X; Y | Z) = H(X, Z) + H(Y, Z) − H(Z) − H(X, Y, Z) of every pair, and
    /// H(X | Z) = H(X, Z) − H(Z) on the diagonal.
    pub(crate) fn finish(self, tables: &LabelTables, units: Units) -> Result<Array2<f64>, Error> {
        let LabelTables { entropies, label, neurons } = tables;
        let with = |neuron: &WithLabel| (neuron.own, neuron.joint_sum);
        let mut shared = self.sums.finish_sums(|i, j, joint| {
            let (x, y) = (&neurons[i], &neurons[j]);
            entropies.shared_given_sum(with(x), with(y), label, joint) * units.per_nat()
        })?;
        for (own, neuron) in shared.diag_mut().iter_mut().zip(neurons) {
            *own = entropies.left_given(with(neuron), label) * units.per_nat();
        }
        Ok(shared)
    }
}

impl Sink for Conditional {
    fn accept(&self, tile: &Tile, counts: &Counts) {
        match counts {
            Counts::Sums(sums) => self.sums.add_sums(tile, sums),
            Counts::Histograms(_) => debug_assert!(false, "sums were asked for"),
        }
    }
}
