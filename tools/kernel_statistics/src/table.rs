//! Tables of text.

use std::fmt;

/// A Markdown table whose columns line up.
#[derive(Debug)]
pub(crate) struct Table {
    rows: Vec<Vec<String>>,
}

impl Table {
    /// Makes a table with these column titles.
    pub(crate) fn new(titles: &[&str]) -> Self {
        Self { rows: vec![titles.iter().map(|&title| title.to_owned()).collect()] }
    }

    /// Adds a row.
    pub(crate) fn push(&mut self, row: Vec<String>) {
        self.rows.push(row);
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let columns = self.rows.first().map_or(0, Vec::len);
        let width = |column: usize| {
            self.rows
                .iter()
                .filter_map(|row| row.get(column))
                .map(|cell| cell.chars().count())
                .max()
        };
        let widths: Vec<usize> = (0..columns).map(|column| width(column).unwrap_or(0)).collect();
        for (index, row) in self.rows.iter().enumerate() {
            for (column, (cell, &width)) in row.iter().zip(&widths).enumerate() {
                // Names are aligned left, numbers right.
                if column == 0 {
                    write!(f, "| {cell:<width$} |")?;
                } else {
                    write!(f, " {cell:>width$} |")?;
                }
            }
            writeln!(f)?;
            if index == 0 {
                for (column, &width) in widths.iter().enumerate() {
                    let (start, end) = if column == 0 { ("| ", "-") } else { (" ", ":") };
                    write!(f, "{start}{}{end} |", "-".repeat(width.saturating_sub(1)))?;
                }
                writeln!(f)?;
            }
        }
        Ok(())
    }
}

/// Formats a number with a number of decimals that fits its size, or `None` as a dash.
pub(crate) fn figure(value: Option<f64>) -> String {
    match value {
        None => "–".to_owned(),
        Some(0.0) => "0".to_owned(),
        Some(value) if value >= 99.95 => format!("{value:.0}"),
        Some(value) if value >= 9.995 => format!("{value:.1}"),
        Some(value) if value >= 0.0995 => format!("{value:.2}"),
        Some(value) => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_have_three_digits() {
        for (value, expected) in [
            (123.4, "123"),
            (12.34, "12.3"),
            (9.999, "10.0"),
            (1.234, "1.23"),
            (0.1234, "0.12"),
            (0.01234, "0.012"),
            (0.0, "0"),
        ] {
            assert_eq!(figure(Some(value)), expected);
        }
    }

    #[test]
    fn columns_line_up() {
        let mut table = Table::new(&["kernel", "n"]);
        table.push(vec!["a".to_owned(), figure(Some(12.34))]);
        table.push(vec!["bitset".to_owned(), figure(None)]);
        let expected = "\
| kernel |    n |
| ------ | ---: |
| a      | 12.3 |
| bitset |    – |
";
        assert_eq!(table.to_string(), expected);
    }
}
