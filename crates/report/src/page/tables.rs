//! The numbers of a report, as HTML tables.

use maud::{Markup, html};

use crate::comparison::{Comparison, Ranking};
use crate::kendall::Kendall;
use crate::pictures::model_colour;
use crate::reading::{Lean, ModelReading};
use crate::text::{grouped, number, printable, signed};

const UNKNOWN: &str = "–";

/// Makes the tables of ranks and of their correlation with scores. Empty for a single model.
pub(super) fn selection(comparison: &Comparison) -> Markup {
    if comparison.models.len() < 2 {
        return html! {};
    }
    html! {
        section {
            h2 { "Model selection" }
            p.note {
                "Rank 1 has the most diverse neurons: the highest mean entropy, the lowest mean mutual "
                "information. Whether that is good depends on what is wrong with the others: "
                "shortcuts make neurons less diverse, memorized examples more."
            }
            (standings(comparison))
            @if comparison.overall.selection.is_some() { (correlations(comparison)) }
        }
    }
}

fn standings(comparison: &Comparison) -> Markup {
    let units = comparison.units.name();
    let mut standings: Vec<_> = comparison.overall.standings.iter().collect();
    standings.sort_by_key(|s| (s.entropy_rank.unwrap_or(usize::MAX), s.model));
    let rank = |rank: Option<usize>| rank.map_or(UNKNOWN.to_owned(), |rank| rank.to_string());
    let reading = |model: usize| comparison.reading.models.iter().find(|r| r.model == model);
    html! {
        h3 { "Means over layers, by mean entropy" }
        div.scroll { table {
            thead { tr {
                th scope="col" { "model" }
                th scope="col" { "mean entropy, " (units) }
                th scope="col" { "rank" }
                th scope="col" { "mean MI, " (units) }
                th scope="col" { "rank" }
                @if comparison.scores.is_some() { th scope="col" { "held-out score" } }
                th.words scope="col" { "leans" }
            } }
            tbody {
                @for s in standings {
                    tr {
                        (model_name(comparison, s.model))
                        td { (optional(s.mean_entropy)) }
                        td { (rank(s.entropy_rank)) }
                        td { (optional(s.mean_mutual_information)) }
                        td { (rank(s.mutual_information_rank)) }
                        @if let Some(scores) = &comparison.scores { td { (number(scores[s.model])) } }
                        td.words { @if let Some(reading) = reading(s.model) { (lean(reading)) } }
                    }
                }
            }
        } }
    }
}

fn lean(reading: &ModelReading) -> String {
    match reading.lean {
        Lean::Neither => reading.lean.name().to_owned(),
        _ => format!(
            "{} ({}, {} of {})",
            reading.lean.name(),
            reading.sureness.name(),
            reading.layers,
            reading.of_layers
        ),
    }
}

/// Makes a table like Table 2 of the paper, with a row for each layer.
fn correlations(comparison: &Comparison) -> Markup {
    let several = comparison.layers.len() > 1;
    let rankings = comparison.layers.iter().chain(several.then_some(&comparison.overall));
    let cells = |correlation: Option<Kendall>| {
        html! {
            td { (correlation.map_or(UNKNOWN.to_owned(), |kendall| signed(kendall.tau))) }
            td { (correlation.map_or(UNKNOWN.to_owned(), |kendall| number(kendall.p_value))) }
        }
    };
    html! {
        h3 { "Kendall’s τ-b against held-out scores, as Table 2 of the paper" }
        div.scroll { table {
            thead { tr {
                th scope="col" { "layer" }
                th scope="col" { "models" }
                th scope="col" { "τ of mean entropy" }
                th scope="col" { "p" }
                th scope="col" { "τ of mean MI" }
                th scope="col" { "p" }
            } }
            tbody {
                @for ranking in rankings {
                    tr {
                        th.name scope="row" title=(printable(&ranking.name)) { (printable(&ranking.name)) }
                        td { (ranking.standings.len()) }
                        (cells(ranking.selection.and_then(|s| s.entropy)))
                        (cells(ranking.selection.and_then(|s| s.mutual_information)))
                    }
                }
            }
        } }
    }
}

/// Makes a table with a row for each layer of each model.
pub(super) fn layers(comparison: &Comparison) -> Markup {
    let units = comparison.units.name();
    html! {
        section {
            h2 { "Numbers" }
            p.note {
                "In " (units) "; intervals hold 95 %. All digits, and more columns, are in "
                a href="summary.csv" { "summary.csv" } "; the strongest pairs in "
                a href="edges.csv" { "edges.csv" } " and "
                a href="graph.graphml" { "graph.graphml" } "."
            }
            div.scroll { table {
                thead { tr {
                    th scope="col" { "model" }
                    th.name scope="col" { "layer" }
                    th scope="col" { "samples" }
                    th scope="col" { "neurons" }
                    th scope="col" { "mean entropy" }
                    th scope="col" { "median entropy" }
                    th scope="col" { "mean MI" }
                    th scope="col" { "MI of unrelated neurons" }
                    th scope="col" { "highest MI" }
                    th scope="col" { "pairs found" }
                } }
                tbody {
                    @for ranking in &comparison.layers {
                        (layer_lines(comparison, ranking))
                    }
                }
            } }
        }
    }
}

fn layer_lines(comparison: &Comparison, ranking: &Ranking) -> Markup {
    let interval = |interval: Option<(f64, f64)>| match interval {
        Some((low, high)) => format!(" ({} to {})", number(low), number(high)),
        None => String::new(),
    };
    html! {
        @for standing in &ranking.standings {
            @if let Some(layer) = comparison.layer(standing.model, &ranking.name) {
                @let entropy = layer.entropy_statistics;
                @let pairs = layer.pairs.as_ref();
                tr {
                    (model_name(comparison, standing.model))
                    td.name title=(printable(&ranking.name)) { (printable(&ranking.name)) }
                    td { (grouped(layer.samples)) }
                    td { (grouped(layer.neurons())) }
                    td { (optional(entropy.map(|s| s.mean))) }
                    td { (optional(entropy.map(|s| s.median))) (interval(entropy.map(|s| s.notch))) }
                    td { (optional(pairs.map(|p| p.mean))) (interval(pairs.and_then(|p| p.interval()))) }
                    td { (optional(layer.bias)) }
                    td { (optional(pairs.map(|p| p.highest))) }
                    td { (layer.graph.discoveries.map_or(UNKNOWN.to_owned(), grouped)) }
                }
            }
        }
    }
}

fn model_name(comparison: &Comparison, model: usize) -> Markup {
    let name = printable(&comparison.models[model].name);
    html! {
        th.name scope="row" title=(name) {
            @if comparison.models.len() > 1 {
                span.dot style=(format!("background:{}", model_colour(model))) {}
            }
            (name)
        }
    }
}

fn optional(value: Option<f64>) -> String {
    value.map_or(UNKNOWN.to_owned(), number)
}
