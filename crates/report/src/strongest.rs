//! The strongest pairs of a layer as a graph.

use std::cmp::{Ordering, Reverse};
use std::collections::{BTreeMap, BinaryHeap};

use crate::communities::communities;
use crate::model::{FALSE_DISCOVERY_RATE, Measured};

/// A pair of neurons that share much information.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Edge {
    /// The neuron with the lower index.
    pub first: usize,
    /// The neuron with the higher index.
    pub second: usize,
    /// The mutual information of the pair.
    pub mutual_information: f64,
    /// The lowest false-discovery rate at which the pair is significant, if it was tested.
    pub false_discovery_rate: Option<f64>,
}

/// The strongest pairs of a layer as the edges of a graph.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct CofiringGraph {
    /// The edges, strongest first.
    pub edges: Vec<Edge>,
    /// The community of each neuron that has an edge. The largest community is 0.
    pub communities: BTreeMap<usize, usize>,
    /// The share of the edges' weight within communities, minus the share expected by chance; from
    /// −0.5 to 1.
    pub modularity: f64,
    /// The number of pairs of the layer that are significant at [`FALSE_DISCOVERY_RATE`]. `None` if
    /// the pairs were not tested.
    pub discoveries: Option<usize>,
}

impl CofiringGraph {
    pub(crate) fn of(measured: &Measured<'_>, most: usize) -> Self {
        let (edges, discoveries) = strongest(measured, most);
        let mut neurons: Vec<usize> = edges.iter().flat_map(|e| [e.first, e.second]).collect();
        neurons.sort_unstable();
        neurons.dedup();
        // Both neurons of every edge are in the list.
        let place = |neuron| neurons.binary_search(&neuron).unwrap_or_default();
        let weighted: Vec<(usize, usize, f64)> = edges
            .iter()
            .map(|edge| (place(edge.first), place(edge.second), edge.mutual_information))
            .collect();
        let (community_of, modularity) = communities(neurons.len(), &weighted);
        let communities = neurons.into_iter().zip(community_of).collect();
        Self { edges, communities, modularity, discoveries }
    }
}

/// Returns the strongest of the pairs that pass the test, strongest first. Pairs of equal strength
/// keep their order. Also returns the number of pairs that pass, if they were tested.
fn strongest(measured: &Measured<'_>, most: usize) -> (Vec<Edge>, Option<usize>) {
    // The weakest edge of those kept is on top.
    let mut kept: BinaryHeap<Reverse<Strength>> = BinaryHeap::new();
    let mut passing = 0;
    for (first, row) in measured.mutual_information.outer_iter().enumerate() {
        for (second, &mutual_information) in row.iter().enumerate().skip(first + 1) {
            let rate = measured.false_discovery_rates.map(|rates| rates[[first, second]]);
            if rate.is_some_and(|rate| rate.is_nan() || rate > FALSE_DISCOVERY_RATE) {
                continue;
            }
            passing += 1;
            let edge =
                Strength(Edge { first, second, mutual_information, false_discovery_rate: rate });
            let is_strong = kept.len() < most || kept.peek().is_some_and(|Reverse(w)| edge > *w);
            if mutual_information > 0.0 && is_strong {
                kept.push(Reverse(edge));
                if kept.len() > most {
                    kept.pop();
                }
            }
        }
    }
    let edges = kept.into_sorted_vec().into_iter().map(|Reverse(Strength(edge))| edge).collect();
    (edges, measured.false_discovery_rates.map(|_| passing))
}

/// An edge ordered by strength. Of two edges of equal strength, the earlier one is the stronger.
#[derive(Debug, PartialEq)]
struct Strength(Edge);

impl Eq for Strength {}

impl PartialOrd for Strength {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Strength {
    fn cmp(&self, other: &Self) -> Ordering {
        let (a, b) = (&self.0, &other.0);
        let by_strength = a.mutual_information.total_cmp(&b.mutual_information);
        by_strength.then_with(|| (b.first, b.second).cmp(&(a.first, a.second)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cofire::Units;
    use ndarray::{Array1, Array2, array};

    fn graph(matrix: &Array2<f64>, rates: Option<&Array2<f64>>, most: usize) -> CofiringGraph {
        let entropy = Array1::zeros(matrix.nrows());
        let measured = Measured {
            entropy: entropy.view(),
            mutual_information: matrix.view(),
            false_discovery_rates: rates.map(|rates| rates.view()),
            is_binned: true,
            samples: 10,
            units: Units::Nats,
            highest_entropy: None,
            bias: None,
            digest: None,
        };
        CofiringGraph::of(&measured, most)
    }

    #[test]
    fn the_strongest_pairs_that_pass_are_edges() {
        let matrix = array![
            [9.0, 0.5, 0.9, 0.5],
            [0.5, 9.0, 0.0, 0.2],
            [0.9, 0.0, 9.0, -0.1],
            [0.5, 0.2, -0.1, 9.0],
        ];
        let pairs =
            |g: &CofiringGraph| g.edges.iter().map(|e| (e.first, e.second)).collect::<Vec<_>>();
        let all = graph(&matrix, None, 100);
        assert_eq!(pairs(&all), [(0, 2), (0, 1), (0, 3), (1, 3)]); // none without information
        assert_eq!(all.discoveries, None);
        assert_eq!(pairs(&graph(&matrix, None, 2)), [(0, 2), (0, 1)]);
        assert_eq!(pairs(&graph(&matrix, None, 0)), []);

        let mut rates = Array2::zeros((4, 4));
        rates[[0, 2]] = 0.06;
        rates[[0, 1]] = 0.05;
        let tested = graph(&matrix, Some(&rates), 2);
        assert_eq!(pairs(&tested), [(0, 1), (0, 3)]);
        assert_eq!(tested.discoveries, Some(5));
        assert_eq!(tested.communities.keys().copied().collect::<Vec<_>>(), [0, 1, 3]);
    }
}
