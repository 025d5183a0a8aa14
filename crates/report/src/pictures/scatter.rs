//! Models by mean entropy and mean mutual information, and both against held-out scores.

use maud::{Markup, html};

use super::axis::{LABEL_SIZE, Scale, heading, label_at, px};
use super::colours::{INK, PALE_INK, model_colour};
use super::{PANEL_WIDTH, Panel, Picture};
use crate::comparison::{Comparison, Standing};
use crate::kendall::Kendall;
use crate::text::{number, printable, shortened, signed};

const LEFT: f64 = 64.0;
/// The right end of the plot. Labels are to the right of it.
const RIGHT: f64 = 236.0;
const TOP: f64 = 52.0;
const LOWEST_HEIGHT: f64 = 220.0;

/// The maximum length of a label, in letters.
const LONGEST_LABEL: usize = 15;

/// The distance between labels.
const LABEL_STEP: f64 = 15.0;

/// A model in a panel.
struct Point {
    model: usize,
    x: f64,
    y: f64,
}

pub(crate) fn picture(comparison: &Comparison) -> Picture {
    let units = comparison.units.name();
    let (entropy, shared) =
        (format!("mean entropy, {units}"), format!("mean mutual information, {units}"));
    let standings = &comparison.overall.standings;
    let points = |of: &dyn Fn(&Standing) -> Option<(f64, f64)>| {
        let point = |standing: &Standing| {
            let (x, y) = of(standing)?;
            Some(Point { model: standing.model, x, y })
        };
        standings.iter().filter_map(point).collect::<Vec<_>>()
    };
    let plane = points(&|s| Some((s.mean_mutual_information?, s.mean_entropy?)));
    let mut panels = vec![panel(
        comparison,
        &format!("Both measures{}", tau(comparison.overall.agreement)),
        (&shared, &entropy),
        &plane,
        true,
    )];
    if let (Some(scores), Some(selection)) = (&comparison.scores, comparison.overall.selection) {
        let by_entropy = points(&|s| Some((s.mean_entropy?, scores[s.model])));
        let by_shared = points(&|s| Some((s.mean_mutual_information?, scores[s.model])));
        let label = "held-out score".to_owned();
        let title = format!("Score and entropy{}", tau(selection.entropy));
        panels.push(panel(comparison, &title, (&entropy, &label), &by_entropy, false));
        let title = format!("Score and information{}", tau(selection.mutual_information));
        panels.push(panel(comparison, &title, (&shared, &label), &by_shared, false));
    }
    Picture {
        name: "models".to_owned(),
        title: "Models by entropy and mutual information".to_owned(),
        notes: vec![
            "Means over the layers of each model. Low entropy with high mutual information is what \
             shortcuts look like, high entropy with low mutual information memorized examples."
                .to_owned(),
            "τ is Kendall's rank correlation (τ-b): +1 for the same order, −1 for the opposite one."
                .to_owned(),
        ],
        panels,
    }
}

fn tau(correlation: Option<Kendall>) -> String {
    correlation.map_or(String::new(), |kendall| format!(": τ = {}", signed(kendall.tau)))
}

fn panel(
    comparison: &Comparison,
    title: &str,
    (x_label, y_label): (&str, &str),
    points: &[Point],
    is_plane: bool,
) -> Panel {
    let height = LOWEST_HEIGHT.max(LABEL_STEP * points.len() as f64);
    let bottom = TOP + height;
    let x = Scale::over(points.iter().map(|point| point.x), LEFT, RIGHT);
    let y = Scale::over(points.iter().map(|point| point.y), bottom, TOP);
    let label =
        |point: &Point| shortened(&printable(&comparison.models[point.model].name), LONGEST_LABEL);
    let mut order: Vec<&Point> = points.iter().collect();
    order.sort_by(|a, b| b.y.total_cmp(&a.y).then(a.model.cmp(&b.model)));
    let heights = spread(&order.iter().map(|point| y.at(point.y)).collect::<Vec<_>>(), TOP, bottom);
    let body = html! {
        (heading(title))
        (x.horizontal(TOP, bottom, x_label))
        (y.vertical(LEFT, RIGHT, y_label))
        @if is_plane {
            (corner(LEFT, TOP - 10.0, "start", "upper left: memorized examples"))
            (corner(PANEL_WIDTH - 8.0, bottom + 15.0, "end", "lower right: shortcut"))
        }
        @for (point, label_y) in order.iter().zip(&heights) {
            @let (px_x, px_y) = (x.at(point.x), y.at(point.y));
            path d=(format!("M{} {}L{} {}L{} {}", px(px_x), px(px_y), px(RIGHT), px(*label_y),
                px(RIGHT + 8.0), px(*label_y))) fill="none" stroke=(PALE_INK)
                stroke-dasharray="1 3" {}
            (label_at_ink(RIGHT + 12.0, label_y + 4.0, &label(point)))
        }
        @for point in points {
            circle cx=(px(x.at(point.x))) cy=(px(y.at(point.y))) r="5" fill=(model_colour(point.model))
                stroke=(INK) {}
        }
    };
    let list: Vec<String> = order
        .iter()
        .map(|point| format!("{} {} and {}", label(point), number(point.x), number(point.y)))
        .collect();
    let description = format!("{title}. {x_label} and {y_label}: {}.", list.join("; "));
    Panel { description, height: bottom + 40.0, body }
}

fn corner(x: f64, y: f64, anchor: &str, text: &str) -> Markup {
    html! { g font-style="italic" opacity="0.8" { (label_at(x, y, anchor, text)) } }
}

fn label_at_ink(x: f64, y: f64, text: &str) -> Markup {
    html! { text x=(px(x)) y=(px(y)) font-size=(LABEL_SIZE) fill=(INK) { (text) } }
}

/// Moves heights as little as possible so that labels do not touch. `heights` must ascend, and
/// there must be room for all labels.
fn spread(heights: &[f64], top: f64, bottom: f64) -> Vec<f64> {
    let mut moved = heights.to_vec();
    let mut lowest = top;
    for height in &mut moved {
        *height = height.max(lowest);
        lowest = *height + LABEL_STEP;
    }
    let mut highest = bottom;
    for height in moved.iter_mut().rev() {
        *height = height.min(highest);
        highest = *height - LABEL_STEP;
    }
    moved
}

const _: () = assert!(RIGHT < PANEL_WIDTH, "there is room for labels");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_do_not_touch() {
        let found = spread(&[10.0, 12.0, 13.0, 60.0, 100.0, 100.0], 10.0, 100.0);
        assert!(found.windows(2).all(|w| w[1] - w[0] >= LABEL_STEP - 1e-9), "{found:?}");
        assert!(found[0] >= 10.0 && found[5] <= 100.0, "{found:?}");
    }
}
