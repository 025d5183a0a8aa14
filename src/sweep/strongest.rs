//! The strongest partners of each neuron.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use ndarray::{ArrayView1, ArrayView2};
use rayon::prelude::*;

use super::InformationPair;
use super::selectors::{BlockNeurons, Selector, Tally, pair};
use crate::error::Error;

/// A neuron and the information it shares with another one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Partner {
    pub(super) neuron: u32,
    pub(super) information: f64,
}

impl Partner {
    /// Compares partners: the stronger one comes first, and of equal ones that with the lower
    /// index.
    fn order(&self, other: &Self) -> Ordering {
        let by_information = other.information.total_cmp(&self.information);
        by_information.then(self.neuron.cmp(&other.neuron))
    }
}

/// A list of at most `most` partners, the strongest first.
#[derive(Debug, Clone)]
struct Best {
    most: usize,
    partners: Vec<Partner>,
}

impl Best {
    fn new(most: usize) -> Self {
        Self { most, partners: Vec::new() }
    }

    /// Returns the partner that a stronger one would replace; `None` while there is room.
    fn weakest(&self) -> Option<&Partner> {
        if self.partners.len() < self.most { None } else { self.partners.last() }
    }

    /// Returns whether there is a place for a partner.
    #[inline]
    fn wants(&self, partner: &Partner) -> bool {
        self.weakest().is_none_or(|weakest| partner.order(weakest) == Ordering::Less)
    }

    fn add(&mut self, partner: Partner) {
        if self.wants(&partner) {
            let place = self.partners.partition_point(|p| p.order(&partner) == Ordering::Less);
            self.partners.truncate(self.most - 1);
            self.partners.insert(place, partner);
        }
    }
}

/// The best partners of every neuron in the blocks so far.
pub(super) struct Strongest {
    best: Vec<Best>,
    entropy: Vec<f64>,
}

impl Strongest {
    /// Makes empty lists. `entropy` has one value for every neuron, by its index.
    pub(super) fn new(most: usize, entropy: Vec<f64>) -> Self {
        Self { best: vec![Best::new(most); entropy.len()], entropy }
    }

    /// Returns whether a partner of at most this entropy could be among a neuron's best.
    fn could_have(&self, neuron: usize, partner_entropy: f64) -> bool {
        let bound = self.entropy[neuron].min(partner_entropy);
        // A partner that shares as much as the weakest may come first by its index.
        self.best[neuron].weakest().is_none_or(|weakest| weakest.information <= bound)
    }

    /// Returns the best partners of a neuron in one row or column of a block, without those that
    /// cannot stay.
    fn best_of(
        &self,
        neuron: usize,
        partners: &[usize],
        information: ArrayView1<'_, f64>,
    ) -> Vec<InformationPair> {
        let kept = &self.best[neuron];
        let mut best = Best::new(kept.most);
        for (&partner, &information) in partners.iter().zip(information) {
            if partner != neuron {
                let pair = pair(partner, partner, information);
                let partner = Partner { neuron: pair.first, information };
                if kept.wants(&partner) {
                    best.add(partner);
                }
            }
        }
        best.partners.iter().map(|p| pair(neuron, p.neuron as usize, p.information)).collect()
    }
}

impl Selector for Strongest {
    fn may_hold(&self, block: BlockNeurons<'_>) -> bool {
        let most = |neurons: &[usize]| {
            neurons.iter().map(|&neuron| self.entropy[neuron]).fold(0.0, f64::max)
        };
        let (of_rows, of_columns) = (most(block.rows), most(block.columns));
        block.rows.iter().any(|&neuron| self.could_have(neuron, of_columns))
            || block.columns.iter().any(|&neuron| self.could_have(neuron, of_rows))
    }

    fn pick(
        &self,
        block: BlockNeurons<'_>,
        information: ArrayView2<'_, f64>,
    ) -> Vec<InformationPair> {
        let rows = block.rows.par_iter().enumerate();
        let mut picked: Vec<InformationPair> = rows
            .flat_map_iter(|(k, &neuron)| self.best_of(neuron, block.columns, information.row(k)))
            .collect();
        if !block.is_triangular {
            let columns = block.columns.par_iter().enumerate();
            picked.par_extend(columns.flat_map_iter(|(k, &neuron)| {
                self.best_of(neuron, block.rows, information.column(k))
            }));
        }
        picked.par_sort_unstable_by_key(|pair| (pair.first, pair.second));
        picked.dedup_by_key(|pair| (pair.first, pair.second));
        picked
    }

    fn keep(
        &mut self,
        picked: &[InformationPair],
        _surrogates: &Tally,
        _pairs_left: u64,
    ) -> Result<(), Error> {
        for pair in picked {
            let information = pair.mutual_information;
            self.best[pair.first as usize].add(Partner { neuron: pair.second, information });
            self.best[pair.second as usize].add(Partner { neuron: pair.first, information });
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> (Vec<InformationPair>, Option<Vec<f64>>) {
        let mut pairs = BTreeMap::new();
        for (neuron, best) in self.best.iter().enumerate() {
            for partner in &best.partners {
                let pair = pair(neuron, partner.neuron as usize, partner.information);
                pairs.insert((pair.first, pair.second), pair);
            }
        }
        (pairs.into_values().collect(), None)
    }
}
