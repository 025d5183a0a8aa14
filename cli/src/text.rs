//! The summary that people read.

use std::fmt::Write;

use crate::facts::LayerFacts;
use crate::failure::one_line;
use crate::statistics::Spread;

/// A paragraph about one layer.
pub(crate) fn layer(facts: &LayerFacts) -> String {
    let mut text =
        format!("{} ({})\n", one_line(&facts.name), one_line(&facts.file.display().to_string()));
    let mut line = |label: &str, value: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "  {label:<20} {value}");
    };
    let units = facts.units;
    line("activations", activations(facts));
    line("bins", format!("{}, range {}", facts.bins, facts.range));
    line("computed by", computed_by(facts));
    line("entropy", spread(facts.entropy, units));
    line(
        "mutual information",
        match facts.pairs {
            0 => "n/a (a single neuron has no pairs)".to_owned(),
            pairs => {
                format!("{}, of {} pairs", spread(facts.mutual_information, units), grouped(pairs))
            }
        },
    );
    for (index, pair) in facts.strongest_pairs.iter().enumerate() {
        let label = if index == 0 { "strongest pairs" } else { "" };
        let value = format!("{:.6} {units}", pair.mutual_information);
        line(label, format!("neurons {} and {}: {value}", pair.first, pair.second));
    }
    line(
        "degenerate neurons",
        format!(
            "{} dead, {} constant, {} two-valued",
            facts.degenerate.dead.len(),
            facts.degenerate.constant.len(),
            facts.degenerate.two_valued.len()
        ),
    );
    line("time", time(facts));
    for incident in &facts.incidents {
        line("incident", one_line(incident));
    }
    text
}

fn activations(facts: &LayerFacts) -> String {
    let LayerFacts { samples, neurons, element_type, stored_shape, .. } = facts;
    let mut text = format!("{samples} samples x {neurons} neurons, {element_type}");
    if stored_shape.len() > 2 {
        let _ = write!(text, ", stored as {stored_shape:?}");
    }
    if facts.rounded_to_f32 {
        text.push_str(", rounded to f32");
    }
    text
}

fn computed_by(facts: &LayerFacts) -> String {
    let kernel = facts.kernel;
    match &facts.adapter {
        Some(adapter) => {
            let software = if adapter.is_software { " (software)" } else { "" };
            format!("gpu, {}{software}, kernel {kernel}", one_line(&adapter.label))
        }
        None => {
            let plural = if facts.threads == 1 { "" } else { "s" };
            format!("{}, {} thread{plural}, kernel {kernel}", facts.engine, facts.threads)
        }
    }
}

fn spread(spread: Option<Spread>, units: &str) -> String {
    match spread {
        Some(Spread { mean, median, .. }) => {
            format!("mean {mean:.6} {units}, median {median:.6} {units}")
        }
        None => "n/a".to_owned(),
    }
}

fn time(facts: &LayerFacts) -> String {
    let seconds = &facts.seconds;
    let mut text = format!(
        "{} to discretise, {} for all pairs",
        duration(seconds.discretize),
        duration(seconds.pairs)
    );
    if facts.pairs > 0 && facts.pairs_per_second > 0.0 {
        let _ = write!(text, " ({} pairs/s)", rate(facts.pairs_per_second));
    }
    text
}

/// One row a layer, in columns.
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
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..rows[0].len()).filter_map(width).collect();
    rows.iter().map(|row| aligned(row, &widths)).collect()
}

/// Names to the left, numbers to the right.
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

fn cell(value: Option<f64>) -> String {
    value.map_or("n/a".to_owned(), |value| format!("{value:.6}"))
}

fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 1e-3 => format!("{:.0} us", s * 1e6),
        s if s < 1.0 => format!("{:.1} ms", s * 1e3),
        s if s < 120.0 => format!("{s:.2} s"),
        s => format!("{:.1} min", s / 60.0),
    }
}

/// A rate in the prefix a person would use.
fn rate(value: f64) -> String {
    match value {
        v if v < 1e3 => format!("{v:.0}"),
        v if v < 1e6 => format!("{:.1} k", v / 1e3),
        v if v < 1e9 => format!("{:.2} M", v / 1e6),
        v => format!("{:.2} G", v / 1e9),
    }
}

/// A number with a comma after every three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_a_person_would_say_them() {
        assert_eq!([0, 999, 1000, 8_386_560].map(grouped), ["0", "999", "1,000", "8,386,560"]);
        assert_eq!([12.0, 1500.0, 2.5e6, 3e9].map(rate), ["12", "1.5 k", "2.50 M", "3.00 G"]);
        assert_eq!(
            [5e-5, 0.0123, 3.0, 600.0].map(duration),
            ["50 us", "12.3 ms", "3.00 s", "10.0 min"]
        );
    }
}
