//! Groups of neurons that share more information with each other than with the rest.

use std::collections::BTreeMap;

/// Divides the nodes of a weighted graph into communities of high modularity by Louvain's method
/// (Blondel and others 2008). Returns the community of each node, the largest community first, and
/// the modularity.
///
/// Nodes are visited in their order, so the same graph always gives the same communities. Weights
/// must be positive, and the two nodes of an edge different.
pub(crate) fn communities(nodes: usize, edges: &[(usize, usize, f64)]) -> (Vec<usize>, f64) {
    let mut graph = Graph::of(nodes, edges);
    let mut community: Vec<usize> = (0..nodes).collect();
    loop {
        let moved = graph.moved();
        let merged_into = numbered(&moved);
        for of in &mut community {
            *of = merged_into[*of];
        }
        let merged = graph.merged(&merged_into);
        if merged.degrees.len() == graph.degrees.len() {
            break;
        }
        graph = merged;
    }
    let community = by_size(&community);
    let modularity = modularity(edges, &community);
    (community, modularity)
}

/// A graph. Each node may stand for a community of a finer graph.
#[derive(Debug)]
struct Graph {
    /// The neighbours of each node, with the weight of the edge to each. A node is never its own
    /// neighbour.
    neighbors: Vec<Vec<(usize, f64)>>,
    /// Twice the weight of the edges inside each node.
    loops: Vec<f64>,
    /// The total weight of the edge ends at each node.
    degrees: Vec<f64>,
    /// Twice the total weight of all edges.
    whole: f64,
}

impl Graph {
    fn of(nodes: usize, edges: &[(usize, usize, f64)]) -> Self {
        let mut weights: Vec<BTreeMap<usize, f64>> = vec![BTreeMap::new(); nodes];
        for &(a, b, weight) in edges {
            *weights[a].entry(b).or_default() += weight;
            *weights[b].entry(a).or_default() += weight;
        }
        Self::from_parts(weights, vec![0.0; nodes])
    }

    fn from_parts(weights: Vec<BTreeMap<usize, f64>>, loops: Vec<f64>) -> Self {
        let neighbors: Vec<Vec<(usize, f64)>> =
            weights.into_iter().map(|weights| weights.into_iter().collect()).collect();
        let degrees: Vec<f64> = neighbors
            .iter()
            .zip(&loops)
            .map(|(neighbors, own)| own + neighbors.iter().map(|(_, weight)| weight).sum::<f64>())
            .collect();
        let whole = degrees.iter().sum();
        Self { neighbors, loops, degrees, whole }
    }

    /// Moves nodes one by one to the community where modularity gains most, until no move gains.
    /// Returns the community of each node.
    fn moved(&self) -> Vec<usize> {
        let nodes = self.degrees.len();
        let mut community: Vec<usize> = (0..nodes).collect();
        let mut totals = self.degrees.clone();
        loop {
            let mut has_moved = false;
            for node in 0..nodes {
                let own = community[node];
                let mut towards: BTreeMap<usize, f64> = BTreeMap::new();
                for &(neighbor, weight) in &self.neighbors[node] {
                    *towards.entry(community[neighbor]).or_default() += weight;
                }
                let degree = self.degrees[node];
                totals[own] -= degree;
                let gain = |to: usize, weight: f64| weight - totals[to] * degree / self.whole;
                let staying = gain(own, towards.get(&own).copied().unwrap_or(0.0));
                let mut best = (own, staying);
                for (&to, &weight) in &towards {
                    let gained = gain(to, weight);
                    // Require a gain above rounding errors. Otherwise the loop might not end.
                    if gained > best.1 + 1e-12 * self.whole {
                        best = (to, gained);
                    }
                }
                community[node] = best.0;
                totals[best.0] += degree;
                has_moved |= best.0 != own;
            }
            if !has_moved {
                return community;
            }
        }
    }

    /// Merges each community into one node. `community` holds numbers from 0 on without gaps.
    fn merged(&self, community: &[usize]) -> Self {
        let count = community.iter().max().map_or(0, |last| last + 1);
        let mut weights: Vec<BTreeMap<usize, f64>> = vec![BTreeMap::new(); count];
        let mut loops = vec![0.0; count];
        for (node, neighbors) in self.neighbors.iter().enumerate() {
            let own = community[node];
            loops[own] += self.loops[node];
            for &(neighbor, weight) in neighbors {
                let other = community[neighbor];
                if own == other {
                    loops[own] += weight; // seen from both ends
                } else {
                    *weights[own].entry(other).or_default() += weight;
                }
            }
        }
        Self::from_parts(weights, loops)
    }
}

/// Renumbers groups from 0 on, in the order of their first members.
fn numbered(groups: &[usize]) -> Vec<usize> {
    let mut numbers = BTreeMap::new();
    groups
        .iter()
        .map(|group| {
            let next = numbers.len();
            *numbers.entry(*group).or_insert(next)
        })
        .collect()
}

/// Renumbers groups by size, the largest first. Groups of equal size keep the order of their first
/// members.
fn by_size(groups: &[usize]) -> Vec<usize> {
    let groups = numbered(groups);
    let mut sizes: Vec<(usize, usize)> = Vec::new();
    for &group in &groups {
        if group == sizes.len() {
            sizes.push((0, group));
        }
        sizes[group].0 += 1;
    }
    sizes.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut place = vec![0; sizes.len()];
    for (rank, &(_, group)) in sizes.iter().enumerate() {
        place[group] = rank;
    }
    groups.iter().map(|&group| place[group]).collect()
}

/// Computes Newman's modularity: the share of weight within communities, minus the share expected
/// by chance.
fn modularity(edges: &[(usize, usize, f64)], community: &[usize]) -> f64 {
    let whole: f64 = edges.iter().map(|(_, _, weight)| weight).sum();
    if whole == 0.0 {
        return 0.0;
    }
    let mut ends: BTreeMap<usize, f64> = BTreeMap::new();
    let mut within = 0.0;
    for &(a, b, weight) in edges {
        *ends.entry(community[a]).or_default() += weight;
        *ends.entry(community[b]).or_default() += weight;
        if community[a] == community[b] {
            within += weight;
        }
    }
    let by_chance: f64 = ends.values().map(|ends| (ends / (2.0 * whole)).powi(2)).sum();
    within / whole - by_chance
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Compares with networkx on Zachary's karate club and weighted graphs: the modularity of
    /// networkx's partitions and of its best ones. `tests/reference/reference.py` writes the cases.
    #[test]
    fn is_as_good_as_networkx() {
        let cases: serde_json::Value =
            serde_json::from_str(include_str!("../tests/reference/communities.json")).unwrap();
        let index = |value: &serde_json::Value| usize::try_from(value.as_u64().unwrap()).unwrap();
        for case in cases.as_array().unwrap() {
            let edges: Vec<(usize, usize, f64)> = case["edges"]
                .as_array()
                .unwrap()
                .iter()
                .map(|edge| (index(&edge[0]), index(&edge[1]), edge[2].as_f64().unwrap()))
                .collect();
            let name = &case["name"];
            let given: Vec<usize> =
                case["partition"].as_array().unwrap().iter().map(index).collect();
            let expected = case["modularity"].as_f64().unwrap();
            assert!((modularity(&edges, &given) - expected).abs() < 1e-9, "{name}");
            let (_, found) = communities(index(&case["nodes"]), &edges);
            assert!(found > 0.97 * expected, "{name}: {found} {expected}");
        }
    }

    #[test]
    fn cliques_are_communities() {
        let clique = |first: usize, size: usize| {
            (0..size).flat_map(move |a| (a + 1..size).map(move |b| (first + a, first + b, 1.0)))
        };
        let mut edges: Vec<_> = clique(0, 4).chain(clique(4, 6)).collect();
        edges.push((0, 4, 0.5));
        let (community, modularity) = communities(11, &edges);
        assert_eq!(community, [1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 2]); // the last one has no edge
        assert!(modularity > 0.35, "{modularity}");
        assert_eq!(communities(0, &[]), (vec![], 0.0));
        assert_eq!(communities(2, &[]).0, [0, 1]);
    }
}
