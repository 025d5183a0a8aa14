//! Mutual information of a continuous neuron and a discrete label.
//!
//! The estimator is from Ross, *Mutual information between discrete and continuous data sets*, PLoS
//! ONE 9(2), e87357, 2014, with the conventions of scikit-learn: a label of no more than `k`
//! samples has as many neighbours as it has other samples, and samples whose label no other sample
//! has are left out.

use super::column::Column;
use super::harmonic::HarmonicTable;
use super::line::{closer_than, kth_distance, open_radius};

/// The samples of each label.
#[derive(Debug)]
pub(crate) struct Labels {
    /// The group of each sample; `None` for a label that occurs once.
    group: Vec<Option<u32>>,
    /// The number of samples of each group, at least two.
    sizes: Vec<usize>,
}

impl Labels {
    pub(crate) fn new(labels: &[u32]) -> Self {
        let mut by_label: Vec<usize> = (0..labels.len()).collect();
        by_label.sort_by_key(|&sample| labels[sample]);
        let mut group = vec![None; labels.len()];
        let mut sizes = Vec::new();
        let equal = by_label.chunk_by(|&a, &b| labels[a] == labels[b]);
        for (number, samples) in (0u32..).zip(equal.filter(|samples| samples.len() > 1)) {
            for &sample in samples {
                group[sample] = Some(number);
            }
            sizes.push(samples.len());
        }
        Self { group, sizes }
    }

    /// Counts the samples whose label another sample has as well.
    pub(crate) fn samples(&self) -> usize {
        self.sizes.iter().sum()
    }

    /// Returns `ψ(S) + ⟨ψ(k)⟩ − ⟨ψ(S of the label)⟩ − ⟨ψ(m)⟩` in nats, where `m − 1` other samples
    /// of any label are closer than the `k`-th neighbour of the same label. O(S log S).
    pub(crate) fn mutual_information(
        &self,
        column: &Column,
        k: usize,
        table: &HarmonicTable,
    ) -> f64 {
        let mut all = Vec::with_capacity(self.samples());
        let mut groups: Vec<Vec<f64>> = self.sizes.iter().map(|&n| Vec::with_capacity(n)).collect();
        let mut places = Vec::with_capacity(self.samples());
        for (&sample, &value) in column.order.iter().zip(column.ranks.sorted()) {
            if let Some(number) = self.group[sample as usize] {
                let group = &mut groups[number as usize];
                places.push((number as usize, group.len()));
                group.push(value);
                all.push(value);
            }
        }
        let mut sum = 0u64;
        let mut of_labels = 0u64;
        for (rank, (number, place)) in places.into_iter().enumerate() {
            let group = &groups[number];
            let k = k.min(group.len() - 1);
            let radius = open_radius(kth_distance(group, place, k));
            sum += table.value(closer_than(&all, rank, radius)) + table.value(group.len() - 1);
            of_labels += table.value(k - 1);
        }
        let samples = all.len();
        let of_samples = samples as u64 * table.value(samples - 1);
        // Each is below 2⁶².
        table.mean((of_samples + of_labels).wrapping_sub(sum).cast_signed(), samples)
    }
}
