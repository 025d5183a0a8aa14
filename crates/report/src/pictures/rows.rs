//! What has a row for each model, in a panel for each layer; or for the layers of a single model, in
//! one panel.

use maud::{Markup, html};

use super::axis::LABEL_SIZE;
use super::colours::{INK, model_colour};
use crate::comparison::Comparison;
use crate::model::Layer;
use crate::text::{printable, shortened};

/// Where rows begin, right of their labels.
pub(super) const LEFT: f64 = 118.0;

/// Where they end.
pub(super) const RIGHT: f64 = super::PANEL_WIDTH - 14.0;

/// The longest label, in letters.
const LONGEST_LABEL: usize = 15;

/// One row.
#[derive(Debug, Clone)]
pub(super) struct Row<'a> {
    pub(super) label: String,
    pub(super) colour: &'static str,
    pub(super) layer: &'a Layer,
}

/// The heading of each panel, and its rows.
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

/// A name as the heading of a panel.
pub(super) fn heading(name: &str) -> String {
    shortened(&printable(name), 44)
}

impl<'a> Row<'a> {
    fn new(name: &str, colour: &'static str, layer: &'a Layer) -> Self {
        Self { label: shortened(&printable(name), LONGEST_LABEL), colour, layer }
    }

    /// The label, on the middle of the row.
    pub(super) fn label(&self, y: f64) -> Markup {
        html! {
            text x=(LEFT - 8.0) y=(super::axis::px(y + 4.0)) text-anchor="end" font-size=(LABEL_SIZE)
                fill=(INK) { (self.label) }
        }
    }
}
