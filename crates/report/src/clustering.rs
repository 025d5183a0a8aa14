//! An order of neurons that puts neurons with much shared information next to each other.

use kodama::{Method, linkage};

/// Orders neurons as the leaves of a hierarchical clustering with average linkage.
///
/// The tree does not determine which of two clusters comes first and in which direction each runs.
/// Here the closest of the four pairs of ends meet, as in Gruvaeus and Wainer (1972). O(n²) time
/// and memory.
pub(crate) fn by_similarity(
    neurons: usize,
    distance: impl Fn(usize, usize) -> f64 + Copy,
) -> Vec<usize> {
    let mut condensed: Vec<f64> =
        (0..neurons).flat_map(|i| (i + 1..neurons).map(move |j| distance(i, j))).collect();
    let tree = linkage(&mut condensed, neurons, Method::Average);

    let mut clusters: Vec<Vec<usize>> = (0..neurons).map(|neuron| vec![neuron]).collect();
    for step in tree.steps() {
        let first = std::mem::take(&mut clusters[step.cluster1]);
        let second = std::mem::take(&mut clusters[step.cluster2]);
        clusters.push(join(first, second, distance));
    }
    clusters.pop().unwrap_or_default()
}

/// Appends `second` to `first`. Reverses either so that the two ends that meet are as close as
/// possible.
fn join(
    mut first: Vec<usize>,
    mut second: Vec<usize>,
    distance: impl Fn(usize, usize) -> f64,
) -> Vec<usize> {
    let (first_ends, second_ends) = (ends(&first), ends(&second));
    let turns = [(false, false), (false, true), (true, false), (true, true)];
    let gap = |&(turn_first, turn_second): &(bool, bool)| {
        distance(first_ends[usize::from(!turn_first)], second_ends[usize::from(turn_second)])
    };
    let closest = turns.into_iter().min_by(|a, b| gap(a).total_cmp(&gap(b)));
    let (turn_first, turn_second) = closest.unwrap_or_default();
    if turn_first {
        first.reverse();
    }
    if turn_second {
        second.reverse();
    }
    first.append(&mut second);
    first
}

/// Returns the first and the last neuron of a cluster. Clusters are never empty.
fn ends(cluster: &[usize]) -> [usize; 2] {
    [cluster[0], cluster[cluster.len() - 1]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_those_that_are_close() {
        // The places lie on a line in scattered order. Only sorting them avoids jumps.
        let places = [3.0, 0.0, 5.0, 1.0, 4.0, 2.0];
        let order = by_similarity(places.len(), |i: usize, j: usize| {
            let gap: f64 = places[i] - places[j];
            gap.abs()
        });
        let mut found: Vec<f64> = order.iter().map(|&k| places[k]).collect();
        if found[0] > found[5] {
            found.reverse();
        }
        assert_eq!(found, [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]);
        assert_eq!(by_similarity(1, |_, _| 0.0), [0]);
        assert_eq!(by_similarity(0, |_, _| 0.0), [0; 0]);
    }
}
