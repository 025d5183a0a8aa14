//! The pictures of a report. A picture is a title and panels of the same width. The page shows the
//! panels side by side, as many as fit; the files show all of them on one sheet.

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

/// The width of a panel in units of the SVG, which are pixels unless it is scaled.
const PANEL_WIDTH: f64 = 360.0;

/// A drawing.
#[derive(Debug, Clone)]
pub(crate) struct Panel {
    /// A text alternative for readers who cannot see the drawing.
    pub(crate) description: String,
    pub(crate) height: f64,
    pub(crate) body: Markup,
}

/// Drawings of the same kind.
#[derive(Debug, Clone)]
pub(crate) struct Picture {
    /// The name of the picture's files, without an extension.
    pub(crate) name: String,
    pub(crate) title: String,
    /// Sentences that explain the drawings.
    pub(crate) notes: Vec<String>,
    pub(crate) panels: Vec<Panel>,
}

impl Panel {
    /// Returns the SVG element for an HTML page, which has its own fonts and colours.
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
    /// Draws all panels on a white sheet, as SVG.
    pub(crate) fn svg(&self) -> String {
        sheet::svg(self)
    }

    /// Draws all panels on a white sheet, as PNG.
    pub(crate) fn png(&self) -> Result<Vec<u8>, Error> {
        sheet::png(self)
    }
}

/// Draws all pictures of a comparison, in the order of the page.
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

/// Draws panels of one kind for every layer of every model. Few panels, or those of a single model,
/// make one picture. Otherwise there is a picture for each layer.
fn by_layer<'a>(
    comparison: &'a Comparison,
    mut draw: impl FnMut(usize, &'a crate::Layer) -> Result<Panel, Error>,
    picture: impl Fn(&str, Option<&str>, Vec<Panel>) -> Picture,
    name: &str,
) -> Result<Vec<Picture>, Error> {
    /// The largest number of panels on a sheet. More would be too small to see.
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
