//! Histograms of the mutual information of pairs, with the mixtures fitted to it.

use std::fmt::Write;

use maud::{Markup, html};

use super::axis::{Scale, heading, label_at, line, px};
use super::colours::{INK, LINE};
use super::rows::{LEFT, RIGHT, Row, panels};
use super::{Panel, Picture};
use crate::box_statistics::quantile;
use crate::comparison::Comparison;
use crate::mixture::MOST_COMPONENTS;
use crate::model::Layer;
use crate::pairs::MOST_VALUES;
use crate::text::{grouped, number, plural};

const TOP: f64 = 40.0;
const ROW: f64 = 54.0;

/// The height of a curve.
const CURVE: f64 = 42.0;

/// The number of bars of a histogram over the whole scale.
const BARS: usize = 76;

/// The share of pairs within the scale.
const SHOWN: f64 = 0.99;

pub(crate) fn picture(comparison: &Comparison) -> Picture {
    let groups = panels(comparison);
    let label = format!("mutual information of a pair, {}", comparison.units.name());
    let panels = groups.iter().map(|(name, rows)| panel(name, rows, &label)).collect();
    Picture {
        name: "mutual_information".to_owned(),
        title: "Mutual information of pairs".to_owned(),
        notes: vec![
            format!(
                "Bars are the density of all pairs of neurons of a layer, each row to its own \
                 height; the scale ends where {:.0} % of the pairs of every row are on it.",
                100.0 * SHOWN
            ),
            format!(
                "The line is a mixture of up to {MOST_COMPONENTS} Gaussians, dashed, as many as the \
                 Bayesian information criterion asks for, fitted to at most {} evenly spaced of the \
                 sorted values.",
                grouped(MOST_VALUES)
            ),
        ],
        panels,
    }
}

fn panel(name: &str, rows: &[Row<'_>], label: &str) -> Panel {
    let bottom = TOP + ROW * rows.len() as f64;
    let pairs = || rows.iter().filter_map(|row| row.layer.pairs.as_ref());
    let ends = pairs().flat_map(|pairs| [pairs.lowest, quantile(&pairs.values, SHOWN)]);
    let scale = Scale::over(ends.chain([0.0]), LEFT, RIGHT);
    let body = html! {
        (heading(name))
        (scale.horizontal(TOP - 8.0, bottom, label))
        @for (index, row) in rows.iter().enumerate() {
            @let base = TOP + ROW * (index as f64 + 1.0) - 4.0;
            (row.label(base - CURVE / 2.0))
            (line((LEFT, base), (RIGHT, base), LINE))
            @if row.layer.pairs.is_some() {
                (density(row, &scale, base))
            } @else {
                (label_at(LEFT + 6.0, base - 6.0, "start", "a single neuron has no pairs"))
            }
        }
    };
    let means: Vec<String> = rows
        .iter()
        .filter_map(|row| {
            let mean = number(row.layer.mean_mutual_information()?);
            let components = row.layer.mixture.as_ref().map_or(0, |m| m.components.len());
            Some(format!("{} {mean} ({})", row.label, plural(components, "component")))
        })
        .collect();
    let description = format!("Densities of {label}, {name}. Means: {}.", means.join(", "));
    Panel { description, height: bottom + 40.0, body }
}

fn density(row: &Row<'_>, scale: &Scale, base: f64) -> Markup {
    let bars = bars(row.layer, scale);
    let step = (scale.high - scale.low) / BARS as f64;
    let middle = |bar: usize| scale.low + step * (bar as f64 + 0.5);
    let mixture = row.layer.mixture.as_ref();
    let highest =
        |of: &dyn Fn(f64) -> f64| (0..BARS).map(|bar| of(middle(bar))).fold(0.0, f64::max);
    let tallest_bar = bars.iter().copied().fold(0.0, f64::max);
    // A component narrower than a bar may tower over the bars. It is cut off then.
    let tallest_curve = mixture.map_or(0.0, |mixture| highest(&|x| mixture.density(x)));
    let whole = tallest_bar.max(tallest_curve.min(1.3 * tallest_bar)).max(f64::MIN_POSITIVE);
    let height = |density: f64| base - CURVE * (density / whole).min(1.0);
    let mut outline = format!("M{} {}", px(LEFT), px(base));
    for (bar, &density) in bars.iter().enumerate() {
        let right = scale.at(scale.low + step * (bar as f64 + 1.0));
        let _ = write!(outline, "V{}H{}", px(height(density)), px(right));
    }
    let _ = write!(outline, "V{}Z", px(base));
    let curve = |of: &dyn Fn(f64) -> f64| {
        let points = 4 * BARS;
        let mut path = String::new();
        for point in 0..=points {
            let x = scale.low + (scale.high - scale.low) * point as f64 / points as f64;
            let command = if point == 0 { 'M' } else { 'L' };
            let _ = write!(path, "{command}{} {}", px(scale.at(x)), px(height(of(x))));
        }
        path
    };
    let count = mixture.map_or(0, |mixture| mixture.components.len());
    html! {
        path d=(outline) fill=(row.colour) fill-opacity="0.4" {}
        @if let Some(mixture) = mixture {
            @if count > 1 {
                @for component in &mixture.components {
                    path d=(curve(&|x| component.density(x))) fill="none" stroke=(row.colour)
                        stroke-dasharray="3 2" {}
                }
            }
            path d=(curve(&|x| mixture.density(x))) fill="none" stroke=(INK) stroke-width="1.4" {}
            (label_at(RIGHT, base - CURVE + 6.0, "end", &plural(count, "component")))
        }
    }
}

/// Returns the density of pairs in each bar.
fn bars(layer: &Layer, scale: &Scale) -> Vec<f64> {
    let mut bars = vec![0.0; BARS];
    let values = layer.pairs.as_ref().map_or(&[][..], |pairs| &pairs.values);
    let step = (scale.high - scale.low) / BARS as f64;
    let weight = 1.0 / (values.len().max(1) as f64 * step);
    for value in values {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "the fraction is meant to go, and none is below the scale"
        )]
        let bar = ((value - scale.low) / step) as usize;
        // Values beyond the scale are in no bar.
        if let Some(density) = bars.get_mut(bar) {
            *density += weight;
        }
    }
    bars
}
