//! A layout of the nodes of a graph: edges pull their nodes together, and all nodes push each other
//! away.

use std::f64::consts::TAU;

/// The work that a layout may take, in pairs of nodes.
const MOST_PAIRS: usize = 40_000_000;

/// A constant whose multiples have fractions that are spread evenly and never repeat.
const GOLDEN_RATIO: f64 = 1.618_033_988_749_895;

/// The number of rounds for small graphs.
const MOST_ROUNDS: usize = 300;

/// Places each node within the unit square, after Fruchterman and Reingold (1991), with a pull to
/// the middle that keeps the parts of a graph together. Nodes start around a circle in their order,
/// so the same graph always gives the same picture.
pub(super) fn places(nodes: usize, edges: &[(usize, usize, f64)]) -> Vec<(f64, f64)> {
    if nodes == 0 {
        return Vec::new();
    }
    let mut places: Vec<(f64, f64)> = (0..nodes)
        .map(|node| {
            let angle = TAU * node as f64 / nodes as f64;
            // The start is not a regular polygon, whose forces might cancel out for ever.
            let radius = 0.7 + 0.3 * (node as f64 * GOLDEN_RATIO).fract();
            (radius * angle.cos(), radius * angle.sin())
        })
        .collect();
    let strongest = edges.iter().map(|edge| edge.2).fold(f64::MIN_POSITIVE, f64::max);
    let ideal = 1.6 / (nodes as f64).sqrt();
    let rounds = (MOST_PAIRS / (nodes * nodes)).clamp(30, MOST_ROUNDS);
    let mut forces = vec![(0.0, 0.0); nodes];
    for round in 0..rounds {
        for (node, force) in forces.iter_mut().enumerate() {
            *force = repulsion(&places, node, ideal);
        }
        for &(a, b, weight) in edges {
            let (dx, dy) = (places[b].0 - places[a].0, places[b].1 - places[a].1);
            let pull = dx.hypot(dy) / ideal * (0.4 + 0.6 * weight / strongest);
            let (fx, fy) = (dx * pull, dy * pull);
            forces[a] = (forces[a].0 + fx, forces[a].1 + fy);
            forces[b] = (forces[b].0 - fx, forces[b].1 - fy);
        }
        let warmth = 0.12 * (1.0 - round as f64 / rounds as f64) + 0.002;
        for (place, (fx, fy)) in places.iter_mut().zip(&forces) {
            let length = fx.hypot(*fy).max(1e-12);
            let step = length.min(warmth) / length;
            *place = (place.0 + fx * step, place.1 + fy * step);
        }
    }
    into_unit_square(places)
}

/// Returns the force on a node: the push of all other nodes and the pull to the middle.
fn repulsion(places: &[(f64, f64)], node: usize, ideal: f64) -> (f64, f64) {
    let (x, y) = places[node];
    let (mut fx, mut fy) = (-1.2 * x, -1.2 * y);
    for &(other_x, other_y) in places {
        let (dx, dy) = (x - other_x, y - other_y);
        // The node itself has distance 0 and does not push.
        let push = ideal * ideal / (dx * dx + dy * dy).max(1e-6);
        fx += dx * push;
        fy += dy * push;
    }
    (fx, fy)
}

fn into_unit_square(mut places: Vec<(f64, f64)>) -> Vec<(f64, f64)> {
    let reach = |of: &dyn Fn(&(f64, f64)) -> f64| {
        let low = places.iter().map(of).fold(f64::INFINITY, f64::min);
        let high = places.iter().map(of).fold(f64::NEG_INFINITY, f64::max);
        (low, high)
    };
    let ((left, right), (top, bottom)) = (reach(&|place| place.0), reach(&|place| place.1));
    let side = (right - left).max(bottom - top).max(1e-9);
    let (x, y) = ((left + right) / 2.0, (top + bottom) / 2.0);
    for place in &mut places {
        *place = (0.5 + (place.0 - x) / side, 0.5 + (place.1 - y) / side);
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_with_an_edge_are_near_each_other() {
        // Two triangles, far apart in the order.
        let edges: Vec<(usize, usize, f64)> =
            [(0, 2), (2, 4), (4, 0), (1, 3), (3, 5), (5, 1)].map(|(a, b)| (a, b, 1.0)).to_vec();
        let places = places(6, &edges);
        let gap = |a: usize, b: usize| (places[a].0 - places[b].0).hypot(places[a].1 - places[b].1);
        let mean = |pairs: &[(usize, usize)]| {
            pairs.iter().map(|&(a, b)| gap(a, b)).sum::<f64>() / pairs.len() as f64
        };
        let within = mean(&[(0, 2), (2, 4), (4, 0), (1, 3), (3, 5), (5, 1)]);
        let across = mean(&[(0, 1), (0, 3), (2, 3), (2, 5), (4, 5), (4, 1)]);
        assert!(within < 0.8 * across, "{within} {across}: {places:?}");
        assert!(places.iter().all(|(x, y)| (0.0..=1.0).contains(x) && (0.0..=1.0).contains(y)));
    }

    #[test]
    fn small_graphs_have_places() {
        assert_eq!(places(0, &[]), []);
        assert_eq!(places(1, &[]), [(0.5, 0.5)]);
    }
}
