//! Memory sizes on the command line.

/// Parses a number of bytes, with or without a unit.
pub(super) fn parse_size(text: &str) -> Result<u64, String> {
    let expected = || "expected a size such as 8G, 1.5G, 500M or 1000000".to_owned();
    let number_end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(number_end);
    let unit = unit.trim().to_ascii_uppercase();
    let shift = match unit.trim_end_matches('B').trim_end_matches('I') {
        "" if unit.len() < 2 => 0,
        "K" => 10,
        "M" => 20,
        "G" => 30,
        "T" => 40,
        _ => return Err(expected()),
    };
    let bytes = number.parse::<f64>().map_err(|_| expected())? * f64::from(shift).exp2();
    if !(1.0..1e18).contains(&bytes) {
        return Err(expected());
    }
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "a whole size")]
    Ok(bytes as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read() {
        for (text, bytes) in [
            ("1", 1),
            ("1000b", 1000),
            ("2k", 2048),
            ("1.5G", 3 << 29),
            ("500 MiB", 500 << 20),
            ("3TB", 3 << 40),
        ] {
            assert_eq!(parse_size(text), Ok(bytes), "{text}");
        }
        for text in ["", "0", "-1", "G", "1X", "1iB", "1e9", "nan", "1..5G", "99999999T", "1 G G"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }
}
