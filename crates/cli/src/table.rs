//! Tables for the terminal.

use std::fmt::Write;

use crate::facts::LayerFacts;
use crate::failure::one_line;
use crate::text::rate;

/// Returns a table with a row for each layer.
pub(crate) fn table(layers: &[LayerFacts]) -> String {
    let units = layers.first().map_or("", |facts| facts.units);
    let mut rows = vec![[
        "layer".to_owned(),
        "samples".to_owned(),
        "neurons".to_owned(),
        format!("mean entropy ({units})"),
        format!("mean MI ({units})"),
        format!("strongest MI ({units})"),
        "pairs/s".to_owned(),
    ]];
    rows.extend(layers.iter().map(|facts| {
        let strongest = facts.mutual_information.map(|spread| spread.max);
        [
            one_line(&facts.name),
            facts.samples.to_string(),
            facts.neurons.to_string(),
            cell(facts.entropy.map(|spread| spread.mean)),
            cell(facts.mutual_information.map(|spread| spread.mean)),
            cell(strongest),
            if facts.pairs > 0 { rate(facts.pairs_per_second) } else { "n/a".to_owned() },
        ]
    }));
    columns(&rows)
}

/// Aligns rows with equally many fields in columns.
pub(crate) fn columns<R: AsRef<[String]>>(rows: &[R]) -> String {
    let fields = rows.first().map_or(0, |row| row.as_ref().len());
    let width = |column: usize| rows.iter().map(|row| row.as_ref()[column].chars().count()).max();
    let widths: Vec<usize> = (0..fields).filter_map(width).collect();
    rows.iter().map(|row| aligned(row.as_ref(), &widths)).collect()
}

/// Aligns the name to the left and the numbers to the right.
fn aligned(row: &[String], widths: &[usize]) -> String {
    let mut line = String::new();
    for (column, (text, &width)) in row.iter().zip(widths).enumerate() {
        let _ = match column {
            0 => write!(line, "{text:<width$}"),
            _ => write!(line, "  {text:>width$}"),
        };
    }
    line.push('\n');
    line
}

/// Formats a value, or `n/a`.
pub(crate) fn cell(value: Option<f64>) -> String {
    value.map_or("n/a".to_owned(), |value| format!("{value:.6}"))
}
