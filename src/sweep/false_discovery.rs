//! The selection of all pairs that are discoveries at some false-discovery rate.
//!
//! Benjamini and Hochberg's rule needs the p-values of all pairs in order. But an upper limit of the
//! p-values that it accepts is known before all blocks have come. A p-value is a discovery only if
//! it is at most `rate · k / pairs`, where `k` is the number of p-values no larger than it. `k` is
//! at most the number of such p-values so far, plus the number of all pairs yet to come. So larger
//! p-values can be forgotten on the way.

use ndarray::ArrayView2;
use rayon::prelude::*;

use super::InformationPair;
use super::selectors::{BlockNeurons, Selector, Tally, pair};
use crate::error::Error;
use crate::statistics::chi_squared_tail;

/// The facts of a layer that the G-test needs.
pub(super) struct Tested {
    /// The entropy of every neuron, by its index.
    pub(super) entropy: Vec<f64>,
    pub(super) occupied: Vec<u32>,
    /// G per unit of information: 2 S if the unit is nats.
    pub(super) per_information: f64,
}

impl Tested {
    pub(super) fn p_value(&self, a: usize, b: usize, information: f64) -> f64 {
        let freedom = |n: usize| f64::from(self.occupied[n].max(1) - 1);
        chi_squared_tail(information * self.per_information, freedom(a) * freedom(b))
    }

    /// Returns the smallest p-value that a pair of a block can have, if no pair shares more than the
    /// entropy of either neuron; `None` if one neuron of every pair is constant.
    pub(super) fn smallest_p_value(&self, block: BlockNeurons<'_>) -> Option<f64> {
        // For the same information, fewer occupied bins give a smaller p-value.
        let facts = |neurons: &[usize]| {
            let varying = neurons.iter().filter(|&&n| self.occupied[n] > 1);
            varying.fold(None, |facts: Option<(f64, u32)>, &n| {
                let (entropy, occupied) = (self.entropy[n], self.occupied[n]);
                let (most, fewest) = facts.unwrap_or((entropy, occupied));
                Some((most.max(entropy), fewest.min(occupied)))
            })
        };
        let (rows, columns) = (facts(block.rows)?, facts(block.columns)?);
        let freedom = f64::from(rows.1 - 1) * f64::from(columns.1 - 1);
        let statistic = rows.0.min(columns.0) * self.per_information;
        Some(chi_squared_tail(statistic, freedom))
    }
}

pub(super) struct FalseDiscovery {
    tested: Tested,
    rate: f64,
    pairs: u64,
    /// The bound above which no p-value can be a discovery.
    bound: f64,
    kept: Vec<(f64, InformationPair)>,
    /// The most pairs that memory is allowed to hold.
    most_pairs: usize,
    /// The number of kept pairs above which it is worthwhile to forget some.
    forget_at: usize,
    least: LeastInformation,
}

/// The number of p-values that are kept before any are forgotten.
pub(super) const FIRST_FORGET_AT: usize = 1 << 20;

impl FalseDiscovery {
    pub(super) fn new(rate: f64, tested: Tested, most_pairs: usize) -> Self {
        let neurons = tested.entropy.len() as u64;
        let least = LeastInformation::new(&tested, rate);
        let (pairs, kept) = (neurons * neurons.saturating_sub(1) / 2, Vec::new());
        let forget_at = FIRST_FORGET_AT.min(most_pairs);
        Self { tested, rate, pairs, bound: rate, kept, most_pairs, forget_at, least }
    }

    fn forget(&mut self, pairs_left: u64) {
        loop {
            let most = self.kept.len() as u64 + pairs_left;
            let bound = self.rate * most as f64 / self.pairs.max(1) as f64;
            // Rounding must not lead to forgetting a discovery.
            let bound = (bound * (1.0 + 1e-9)).min(self.bound);
            let before = self.kept.len();
            self.kept.retain(|&(p_value, _)| p_value <= bound);
            self.bound = bound;
            if self.kept.len() == before {
                break;
            }
        }
        self.least.lower_to(&self.tested, self.bound);
    }
}

impl Selector for FalseDiscovery {
    fn may_hold(&self, block: BlockNeurons<'_>) -> bool {
        self.tested.smallest_p_value(block).is_some_and(|p_value| p_value <= self.bound)
    }

    fn pick(
        &self,
        block: BlockNeurons<'_>,
        information: ArrayView2<'_, f64>,
    ) -> Vec<InformationPair> {
        let rows = block.rows.par_iter().enumerate();
        let picked = rows.flat_map_iter(|(k, &row)| {
            let least = self.least.row(row);
            let columns = block.columns.iter().zip(information.row(k));
            let columns = columns.skip(block.first_column(k));
            columns.filter_map(move |(&column, &information)| {
                let may_be = information >= least[self.least.class[column]]
                    && self.tested.p_value(row, column, information) <= self.bound;
                may_be.then(|| pair(row, column, information))
            })
        });
        picked.collect()
    }

    fn keep(
        &mut self,
        picked: &[InformationPair],
        _surrogates: &Tally,
        pairs_left: u64,
    ) -> Result<(), Error> {
        for &pair in picked {
            let (a, b) = (pair.first as usize, pair.second as usize);
            let p_value = self.tested.p_value(a, b, pair.mutual_information);
            if p_value <= self.bound {
                self.kept.push((p_value, pair));
            }
        }
        if self.kept.len() > self.forget_at {
            self.forget(pairs_left);
            if self.kept.len() > self.most_pairs {
                return Err(Error::TooManyPairs { allowed: self.most_pairs });
            }
            self.forget_at = (2 * self.kept.len()).clamp(FIRST_FORGET_AT, self.most_pairs.max(1));
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> (Vec<InformationPair>, Option<Vec<f64>>) {
        self.kept.par_sort_unstable_by(|a, b| {
            let pairs = (a.1.first, a.1.second).cmp(&(b.1.first, b.1.second));
            a.0.total_cmp(&b.0).then(pairs)
        });
        // As in `significance::false_discovery_rates`; forgotten pairs have larger p-values.
        let (mut smallest, mut rates) = (1.0f64, vec![0.0; self.kept.len()]);
        for (rank, (rate, (p_value, _))) in rates.iter_mut().zip(&self.kept).enumerate().rev() {
            smallest = smallest.min(p_value * self.pairs as f64 / (rank + 1) as f64);
            *rate = smallest;
        }
        let accepted = rates.partition_point(|&rate| rate <= self.rate);
        rates.truncate(accepted);
        (self.kept[..accepted].iter().map(|&(_, pair)| pair).collect(), Some(rates))
    }
}

/// The least information that can have a p-value at the bound, for each pair of numbers of occupied
/// bins. Comparing with it is a hundred times faster than computing a p-value.
pub(super) struct LeastInformation {
    /// The distinct numbers of occupied bins.
    occupied: Vec<u32>,
    /// The index in `occupied` of each neuron's number.
    class: Vec<usize>,
    /// The least information as `[class][class]`.
    least: Vec<f64>,
    /// The bound for which `least` was computed.
    bound: f64,
}

impl LeastInformation {
    pub(super) fn new(tested: &Tested, bound: f64) -> Self {
        let mut occupied = tested.occupied.clone();
        occupied.sort_unstable();
        occupied.dedup();
        let class = |bins: &u32| occupied.partition_point(|other| other < bins);
        let class = tested.occupied.iter().map(class).collect();
        let mut made = Self { occupied, class, least: Vec::new(), bound };
        made.fill(tested);
        made
    }

    /// Recomputes the table if that saves much. A table for a higher bound is also right.
    pub(super) fn lower_to(&mut self, tested: &Tested, bound: f64) {
        if bound < 0.8 * self.bound {
            self.bound = bound;
            self.fill(tested);
        }
    }

    fn fill(&mut self, tested: &Tested) {
        let classes = self.occupied.len();
        let pairs = (0..classes * classes).into_par_iter();
        self.least = pairs.map(|k| self.one(tested, k / classes, k % classes)).collect();
    }

    fn one(&self, tested: &Tested, row: usize, column: usize) -> f64 {
        let freedom = |class: usize| f64::from(self.occupied[class].max(1) - 1);
        let freedom = freedom(row) * freedom(column);
        if freedom == 0.0 {
            return f64::INFINITY;
        }
        // Bisection between a statistic that is too small and one that is large enough.
        let (mut low, mut high) = (0.0, 2000.0 + 100.0 * freedom);
        for _ in 0..60 {
            let middle = (low + high) / 2.0;
            if chi_squared_tail(middle, freedom) > self.bound {
                low = middle
            } else {
                high = middle
            }
        }
        low * (1.0 - 1e-9) / tested.per_information
    }

    /// Returns the least information for the pairs of a neuron, by the class of the other neuron.
    pub(super) fn row(&self, neuron: usize) -> &[f64] {
        let classes = self.occupied.len();
        &self.least[self.class[neuron] * classes..][..classes]
    }

    /// Returns the class of a neuron.
    pub(super) fn class(&self, neuron: usize) -> usize {
        self.class[neuron]
    }
}
