//! Notched box plots of the entropy of neurons.

use std::collections::BTreeSet;
use std::fmt::Write;

use maud::{Markup, html};

use super::axis::{Scale, heading, label_at, line, px};
use super::colours::{INK, PALE_INK};
use super::rows::{LEFT, RIGHT, Row, panels};
use super::{Panel, Picture};
use crate::box_statistics::BoxStatistics;
use crate::comparison::Comparison;
use crate::text::number;

const TOP: f64 = 34.0;
const ROW: f64 = 26.0;
const BOX: f64 = 15.0;

pub(crate) fn picture(comparison: &Comparison) -> Picture {
    let groups = panels(comparison);
    let all = || groups.iter().flat_map(|(_, rows)| rows);
    let entropies = || {
        let every = all().flat_map(|row| row.layer.entropy.iter().copied());
        let notches = all().filter_map(|row| row.layer.entropy_statistics);
        every.chain(notches.flat_map(|s| [s.notch.0, s.notch.1]))
    };
    let scale = Scale::over(entropies(), LEFT, RIGHT);
    let units = comparison.units.name();
    let label = format!("entropy of a neuron, {units}");
    let panels = groups.iter().map(|(name, rows)| panel(name, rows, &scale, &label)).collect();
    Picture {
        name: "entropy".to_owned(),
        title: "Entropy of neurons".to_owned(),
        notes: vec![
            "Boxes hold the middle half of a layer's neurons; the line is the median, the notch its \
             95 % interval, and where two notches do not overlap the medians differ."
                .to_owned(),
            "Whiskers reach the last neuron within 1.5 box lengths; circles are neurons beyond."
                .to_owned(),
        ],
        panels,
    }
}

fn panel(name: &str, rows: &[Row<'_>], scale: &Scale, label: &str) -> Panel {
    let bottom = TOP + ROW * rows.len() as f64;
    let body = html! {
        (heading(name))
        (scale.horizontal(TOP - 4.0, bottom, label))
        @for (index, row) in rows.iter().enumerate() {
            @let y = TOP + ROW * (index as f64 + 0.5);
            (row.label(y))
            @match row.layer.entropy_statistics {
                Some(statistics) => { (notched_box(&statistics, row, scale, y)) }
                None => { (label_at(LEFT + 6.0, y + 4.0, "start", "no finite entropy")) }
            }
        }
    };
    let medians: Vec<String> = rows
        .iter()
        .map(|row| match row.layer.entropy_statistics {
            Some(s) => format!("{} {}", row.label, number(s.median)),
            None => format!("{} none", row.label),
        })
        .collect();
    let description = format!("Box plots of {label}, {name}. Medians: {}.", medians.join(", "));
    Panel { description, height: bottom + 40.0, body }
}

fn notched_box(statistics: &BoxStatistics, row: &Row<'_>, scale: &Scale, y: f64) -> Markup {
    let BoxStatistics { median, quartiles, notch, whiskers, .. } = *statistics;
    let at = |value| scale.at(value);
    let (top, bottom, waist) = (y - BOX / 2.0, y + BOX / 2.0, BOX / 4.0);
    // A notch may extend beyond its box. It is drawn that way, as usual.
    let corners = [
        (quartiles.0, top),
        (notch.0, top),
        (median, top + waist),
        (notch.1, top),
        (quartiles.1, top),
        (quartiles.1, bottom),
        (notch.1, bottom),
        (median, bottom - waist),
        (notch.0, bottom),
        (quartiles.0, bottom),
    ];
    let mut outline = String::new();
    for (index, (value, y)) in corners.into_iter().enumerate() {
        let command = if index == 0 { 'M' } else { 'L' };
        let _ = write!(outline, "{command}{} {}", px(at(value)), px(y));
    }
    outline.push('Z');
    html! {
        (line((at(whiskers.0), y), (at(quartiles.0), y), INK))
        (line((at(quartiles.1), y), (at(whiskers.1), y), INK))
        (line((at(whiskers.0), y - 3.0), (at(whiskers.0), y + 3.0), INK))
        (line((at(whiskers.1), y - 3.0), (at(whiskers.1), y + 3.0), INK))
        path d=(outline) fill=(row.colour) fill-opacity="0.55" stroke=(INK) {}
        line x1=(px(at(median))) y1=(px(top + waist)) x2=(px(at(median))) y2=(px(bottom - waist))
            stroke=(INK) stroke-width="2" {}
        @for x in outliers(row, whiskers, scale) {
            circle cx=(x) cy=(px(y)) r="1.8" fill="none" stroke=(PALE_INK) {}
        }
    }
}

/// Returns the positions of neurons beyond the whiskers, each position once.
fn outliers(row: &Row<'_>, whiskers: (f64, f64), scale: &Scale) -> BTreeSet<String> {
    let is_outside =
        |value: &&f64| value.is_finite() && (**value < whiskers.0 || **value > whiskers.1);
    row.layer
        .entropy
        .iter()
        .filter(is_outside)
        .map(|&value| format!("{:.0}", scale.at(value)))
        .collect()
}
