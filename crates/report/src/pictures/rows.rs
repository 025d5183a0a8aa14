//! Pictures made of rows. With several models there is a panel for each layer, with a row for each
//! model. With a single model there is one panel, with a row for each layer.

use maud::{Markup, html};

use super::axis::LABEL_SIZE;
use super::colours::{INK, model_colour};
use crate::comparison::Comparison;
use crate::model::Layer;
use crate::text::{printable, shortened};

/// The left end of rows, to the right of the labels.
pub(super) const LEFT: f64 = 118.0;

/// The right end of rows.
pub(super) const RIGHT: f64 = super::PANEL_WIDTH - 14.0;

/// The maximum length of a label, in letters.
const LONGEST_LABEL: usize = 15;

/// A row.
#[derive(Debug, Clone)]
pub(super) struct Row<'a> {
    pub(super) label: String,
    pub(super) colour: &'static str,
    pub(super) layer: &'a Layer,
}

/// Returns the heading and the rows of each panel.
pub(super) fn panels<'a>(comparison: &'a Comparison) -> Vec<(String, Vec<Row<'a>>)> {
    if let [model] = comparison.models.as_slice() {
        let row = |layer: &'a Layer| Row::new(&layer.name, model_colour(0), layer);
        return vec![(heading(&model.name), model.layers.iter().map(row).collect())];
    }
    let panel = |name: &str| {
        let row = |model: usize| {
            let layer = comparison.layer(model, name)?;
            Some(Row::new(&comparison.models[model].name, model_colour(model), layer))
        };
        (heading(name), (0..comparison.models.len()).filter_map(row).collect())
    };
    comparison.layers.iter().map(|ranking| panel(&ranking.name)).collect()
}

/// Shortens a name for the heading of a panel.
pub(super) fn heading(name: &str) -> String {
    shortened(&printable(name), 44)
}

impl<'a> Row<'a> {
    fn new(name: &str, colour: &'static str, layer: &'a Layer) -> Self {
        Self { label: shortened(&printable(name), LONGEST_LABEL), colour, layer }
    }

    /// Draws the label, centred on the row.
    pub(super) fn label(&self, y: f64) -> Markup {
        html! {
            text x=(LEFT - 8.0) y=(super::axis::px(y + 4.0)) text-anchor="end" font-size=(LABEL_SIZE)
                fill=(INK) { (self.label) }
        }
    }
}
