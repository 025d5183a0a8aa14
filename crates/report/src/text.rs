//! Formatting of numbers and names for readers.

/// Formats a number with about three significant digits, and in scientific notation if it is very
/// small.
pub(crate) fn number(value: f64) -> String {
    let size = value.abs();
    let text = match size {
        _ if !value.is_finite() => return value.to_string(),
        0.0 => "0".to_owned(),
        s if s < 1e-4 => format!("{value:.1e}"),
        s if s < 0.01 => format!("{value:.5}"),
        s if s < 0.1 => format!("{value:.4}"),
        s if s < 10.0 => format!("{value:.3}"),
        s if s < 100.0 => format!("{value:.2}"),
        _ => format!("{value:.1}"),
    };
    text.replace('-', "−")
}

/// Formats a number with two decimals and a sign, even if positive.
pub(crate) fn signed(value: f64) -> String {
    let sign = if value < 0.0 { "−" } else { "+" };
    format!("{sign}{:.2}", value.abs())
}

/// Formats a number with a comma between groups of three digits.
pub(crate) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Formats a count and a noun, such as `1 layer` and `2 layers`.
pub(crate) fn plural(count: usize, noun: &str) -> String {
    let ending = if count == 1 { "" } else { "s" };
    format!("{} {noun}{ending}", grouped(count))
}

/// Shortens a name to at most `most` letters, with an ellipsis for the part left out. Keeps both
/// ends, because names often differ only in the last letters.
pub(crate) fn shortened(name: &str, most: usize) -> String {
    let count = name.chars().count();
    if count <= most {
        return name.to_owned();
    }
    let tail = most / 3;
    let head = most - 1 - tail;
    let first: String = name.chars().take(head).collect();
    let last: String = name.chars().skip(count - tail).collect();
    format!("{first}…{last}")
}

/// Replaces characters that XML cannot hold and those that change the direction of the surrounding
/// text. Names may contain any characters.
pub(crate) fn printable(name: &str) -> String {
    let is_bad = |c: char| {
        c.is_control()
            || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}' | '\u{ffff}')
    };
    name.chars().map(|c| if is_bad(c) { '\u{fffd}' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_well() {
        let found = [0.0, 1.23456, -0.5, 0.012345, 0.0012345, 1e-7, 12.345, 1234.5].map(number);
        let expected = ["0", "1.235", "−0.500", "0.0123", "0.00123", "1.0e−7", "12.35", "1234.5"];
        assert_eq!(found, expected);
        assert_eq!([0.8, -1.0, 0.0].map(signed), ["+0.80", "−1.00", "+0.00"]);
        assert_eq!([0, 999, 1000, 8_386_560].map(grouped), ["0", "999", "1,000", "8,386,560"]);
        assert_eq!([plural(1, "layer"), plural(2, "layer")], ["1 layer", "2 layers"]);
    }

    #[test]
    fn long_names_keep_both_ends() {
        assert_eq!(shortened("short", 9), "short");
        assert_eq!(shortened("resnet50-seed-17", 9), "resne…-17");
        assert_eq!(shortened(&"é".repeat(30), 9).chars().count(), 9);
    }

    #[test]
    fn names_cannot_break_a_page() {
        assert_eq!(printable("a\u{0}b\u{1b}[2J\u{202e}\n<b>"), "a�b�[2J��<b>");
    }
}
