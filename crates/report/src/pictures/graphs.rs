//! The strongest pairs of a layer as a graph.

use std::collections::BTreeMap;
use std::fmt::Write;

use maud::{Markup, html};
use rayon::prelude::*;

use super::axis::{heading, label_at, px};
use super::colours::{COLOURED_COMMUNITIES, OTHER, PAPER, community_colour};
use super::{Panel, Picture, by_layer, layout, rows};
use crate::Error;
use crate::comparison::Comparison;
use crate::model::{FALSE_DISCOVERY_RATE, Layer};
use crate::strongest::CofiringGraph;
use crate::text::{grouped, number, plural};

const LEFT: f64 = 14.0;
const TOP: f64 = 32.0;
const SIDE: f64 = 332.0;

/// The number of line widths.
const WIDTHS: usize = 4;

pub(crate) fn pictures(comparison: &Comparison) -> Result<Vec<Picture>, Error> {
    // Computing the layouts is most of the work of a report.
    let bodies: Vec<Vec<Markup>> = comparison
        .models
        .par_iter()
        .map(|model| model.layers.par_iter().map(|layer| body(&layer.graph)).collect())
        .collect();
    let draw = |model: usize, layer: &Layer| {
        let of = &comparison.models[model];
        let place = of.layers.iter().position(|other| std::ptr::eq(other, layer));
        let body = place.map(|place| bodies[model][place].clone());
        let title = match comparison.models.len() {
            1 => layer.name.clone(),
            _ if comparison.layers.len() == 1 => of.name.clone(),
            _ => format!("{}, {}", of.name, layer.name),
        };
        Ok(panel(&rows::heading(&title), layer, body.unwrap_or_default()))
    };
    let is_tested =
        comparison.models.iter().flat_map(|m| &m.layers).all(|l| l.graph.discoveries.is_some());
    let chosen = if is_tested {
        format!(
            "Lines are the strongest pairs among those found at a false-discovery rate of \
             {FALSE_DISCOVERY_RATE} (G-test, Benjamini and Hochberg); wider ones share more."
        )
    } else {
        "Lines are the strongest pairs; no test was made of them. Wider ones share more.".to_owned()
    };
    let picture = |name: &str, layer: Option<&str>, panels| Picture {
        name: name.to_owned(),
        title: match layer {
            Some(layer) => format!("The strongest pairs: {}", rows::heading(layer)),
            None => "The strongest pairs".to_owned(),
        },
        notes: vec![
            chosen.clone(),
            format!(
                "Circles are the neurons of these pairs, larger with more lines; colours are the \
                 {COLOURED_COMMUNITIES} largest communities (Louvain), grey the others."
            ),
        ],
        panels,
    };
    by_layer(comparison, draw, picture, "graphs")
}

fn panel(name: &str, layer: &Layer, body: Markup) -> Panel {
    let graph = &layer.graph;
    let communities = graph.communities.values().max().map_or(0, |last| last + 1);
    let pairs = layer.pairs.as_ref().map_or(0, |pairs| pairs.count);
    let first = format!(
        "{}, {}, {}, modularity {}",
        plural(graph.communities.len(), "neuron"),
        plural(graph.edges.len(), "line"),
        if communities == 1 {
            "1 community".to_owned()
        } else {
            format!("{communities} communities")
        },
        number(graph.modularity)
    );
    let second = match graph.discoveries {
        Some(significant) => {
            format!("of {} pairs, {} are found", grouped(pairs), grouped(significant))
        }
        None => format!("of {} pairs, untested", grouped(pairs)),
    };
    let body = html! {
        (heading(name))
        (body)
        @if graph.edges.is_empty() {
            (label_at(LEFT + SIDE / 2.0, TOP + SIDE / 2.0, "middle", "no pair to show"))
        }
        (label_at(LEFT, TOP + SIDE + 22.0, "start", &first))
        (label_at(LEFT, TOP + SIDE + 38.0, "start", &second))
    };
    let description = format!("Graph of the strongest pairs, {name}: {first}; {second}.");
    Panel { description, height: TOP + SIDE + 46.0, body }
}

/// Draws the lines and circles of a graph.
fn body(graph: &CofiringGraph) -> Markup {
    // Neurons of the same community start side by side.
    let mut neurons: Vec<(usize, usize)> =
        graph.communities.iter().map(|(&neuron, &community)| (community, neuron)).collect();
    neurons.sort_unstable();
    let place_of: BTreeMap<usize, usize> =
        neurons.iter().enumerate().map(|(place, &(_, neuron))| (neuron, place)).collect();
    let edges: Vec<(usize, usize, f64)> = graph
        .edges
        .iter()
        .map(|e| (place_of[&e.first], place_of[&e.second], e.mutual_information))
        .collect();
    let places = layout::places(neurons.len(), &edges);
    let at = |node: usize| {
        let (x, y) = places[node];
        (LEFT + 8.0 + (SIDE - 16.0) * x, TOP + 8.0 + (SIDE - 16.0) * y)
    };
    let mut lines = vec![String::new(); WIDTHS];
    let strongest = edges.first().map_or(1.0, |edge| edge.2);
    for &(a, b, weight) in &edges {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the fraction is meant to go"
        )]
        let width = ((weight / strongest * WIDTHS as f64) as usize).min(WIDTHS - 1);
        let ((x1, y1), (x2, y2)) = (at(a), at(b));
        let _ = write!(lines[width], "M{} {}L{} {}", px(x1), px(y1), px(x2), px(y2));
    }
    let mut degrees = vec![0u32; neurons.len()];
    for &(a, b, _) in &edges {
        degrees[a] += 1;
        degrees[b] += 1;
    }
    html! {
        @for (width, path) in lines.iter().enumerate().filter(|(_, path)| !path.is_empty()) {
            path d=(path) fill="none" stroke=(OTHER) stroke-opacity="0.55"
                stroke-width=(px(0.5 + 0.8 * width as f64)) {}
        }
        @for (node, &(community, neuron)) in neurons.iter().enumerate() {
            @let (x, y) = at(node);
            @let radius = 2.2 + (f64::from(degrees[node]).sqrt() * 0.6).min(4.5);
            circle cx=(px(x)) cy=(px(y)) r=(px(radius)) fill=(community_colour(community))
                stroke=(PAPER) stroke-width="0.6" { title { "neuron " (neuron) } }
        }
    }
}
