//! The page of a report: one HTML file without external files and scripts.

mod sections;
mod tables;

use maud::{DOCTYPE, Markup, PreEscaped, html};

use crate::comparison::Comparison;
use crate::pictures::{INK, LINE, PALE_INK, Picture};
use crate::text::printable;
use crate::write::Description;

/// A policy that forbids loading anything, even if a name injects HTML.
const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";

pub(crate) fn page(
    comparison: &Comparison,
    description: &Description,
    pictures: &[Picture],
) -> String {
    let title = printable(&description.title);
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta http-equiv="Content-Security-Policy" content=(POLICY);
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="generator" content=(concat!("cofire ", env!("CARGO_PKG_VERSION")));
                meta name="color-scheme" content="light dark";
                title { (title) }
                link rel="icon" href="data:,";
                style { (PreEscaped(style())) }
            }
            body {
                header {
                    h1 { (title) }
                    p.lead { "Entropy of every neuron, and mutual information of every pair." }
                }
                main {
                    (sections::summary(comparison))
                    (tables::selection(comparison))
                    @for picture in pictures { (figures(picture)) }
                    (tables::layers(comparison))
                    (sections::method(comparison, description))
                    (sections::trust(comparison))
                    (sections::citation())
                }
            }
        }
    };
    page.into_string()
}

/// Shows the panels of a picture, as many side by side as fit.
fn figures(picture: &Picture) -> Markup {
    let file = |extension: &str| format!("pictures/{}.{extension}", picture.name);
    html! {
        section {
            h2 { (picture.title) }
            @for note in &picture.notes { p.note { (note) } }
            div.panels {
                @for panel in &picture.panels { figure { (panel.inline()) } }
            }
            p.files { "The same as " a href=(file("svg")) { "SVG" } " and " a href=(file("png")) { "PNG" } "." }
        }
    }
}

/// Returns the style sheet. Pictures set their colours by attributes, which rules of a style sheet
/// override, so pictures turn dark with the page.
fn style() -> String {
    let dark = format!(
        "svg [fill=\"{INK}\"]{{fill:#e6edf3}} svg [stroke=\"{INK}\"]{{stroke:#e6edf3}} \
         svg [fill=\"{PALE_INK}\"]{{fill:#9da7b3}} svg [stroke=\"{PALE_INK}\"]{{stroke:#9da7b3}} \
         svg [stroke=\"{LINE}\"]{{stroke:#30363d}} svg [stroke=\"#ffffff\"]{{stroke:#0d1117}}"
    );
    format!(
        "{}@media (prefers-color-scheme: dark){{:root{{{DARK}}}{dark}}}",
        include_str!("style.css")
    )
}

const DARK: &str = "--ink:#e6edf3;--pale:#9da7b3;--line:#30363d;--paper:#0d1117;--card:#161b22;\
                    --accent:#58a6ff;--caution:#3a2d12";
