//! The pictures of a report. A picture is a title and panels of one width: the page shows the panels
//! side by side, as many as fit, and the files have all of them on a sheet.

mod axis;
mod boxes;
mod colours;
mod densities;
mod graphs;
mod heat_maps;
mod layout;
mod rows;
mod scatter;
mod sheet;

use maud::Markup;

use crate::Error;
use crate::comparison::Comparison;

pub(crate) use colours::{INK, LINE, PALE_INK, model_colour};

/// Width of a panel, in the units of an SVG: pixels, unless it is scaled.
const PANEL_WIDTH: f64 = 360.0;

/// One drawing.
#[derive(Debug, Clone)]
pub(crate) struct Panel {
    /// What it shows, for those who do not see it.
    pub(crate) description: String,
    pub(crate) height: f64,
    pub(crate) body: Markup,
}

/// Drawings of one kind.
#[derive(Debug, Clone)]
pub(crate) struct Picture {
    /// The name of its files, without an extension.
    pub(crate) name: String,
    pub(crate) title: String,
    /// How to read it, in sentences.
    pub(crate) notes: Vec<String>,
    pub(crate) panels: Vec<Panel>,
}

impl Panel {
    /// As a part of an HTML page, which has fonts and colours of its own.
    pub(crate) fn inline(&self) -> Markup {
        maud::html! {
            svg xmlns="http://www.w3.org/2000/svg" viewBox=(format!("0 0 {PANEL_WIDTH} {}", self.height))
                role="img" aria-label=(self.description) {
                (self.body)
            }
        }
    }
}

impl Picture {
    /// All panels on a white sheet.
    pub(crate) fn svg(&self) -> String {
        sheet::svg(self)
    }

    /// The same in pixels.
    pub(crate) fn png(&self) -> Result<Vec<u8>, Error> {
        sheet::png(self)
    }
}

/// All pictures of a comparison, in the order of the page.
pub(crate) fn all(comparison: &Comparison) -> Result<Vec<Picture>, Error> {
    let mut pictures = Vec::new();
    if comparison.models.len() > 1 {
        pictures.push(scatter::picture(comparison));
    }
    pictures.push(boxes::picture(comparison));
    pictures.push(densities::picture(comparison));
    pictures.extend(heat_maps::pictures(comparison)?);
    pictures.extend(graphs::pictures(comparison)?);
    Ok(pictures)
}

/// Panels of one kind for every layer of every model: in one picture if they are few, else in one for
/// each layer.
fn by_layer<'a>(
    comparison: &'a Comparison,
    mut draw: impl FnMut(usize, &'a crate::Layer) -> Result<Panel, Error>,
    picture: impl Fn(&str, Option<&str>, Vec<Panel>) -> Picture,
    name: &str,
) -> Result<Vec<Picture>, Error> {
    /// More on one sheet would be too small to see anywhere.
    const MOST_PANELS: usize = 12;

    let mut groups = Vec::new();
    for ranking in &comparison.layers {
        let mut panels = Vec::new();
        for model in 0..comparison.models.len() {
            if let Some(layer) = comparison.layer(model, &ranking.name) {
                panels.push(draw(model, layer)?);
            }
        }
        groups.push((ranking.name.as_str(), panels));
    }
    let count: usize = groups.iter().map(|(_, panels)| panels.len()).sum();
    if count <= MOST_PANELS || groups.len() == 1 || comparison.models.len() == 1 {
        let panels = groups.into_iter().flat_map(|(_, panels)| panels).collect();
        return Ok(vec![picture(name, None, panels)]);
    }
    let of = |(index, (layer, panels)): (usize, (&str, Vec<Panel>))| {
        picture(&format!("{name}_{}", index + 1), Some(layer), panels)
    };
    Ok(groups.into_iter().enumerate().map(of).collect())
}
