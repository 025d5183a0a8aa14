//! Safe file names, made from arbitrary names.

use std::collections::HashSet;

/// The longest sanitized name in bytes. File systems allow 255, and a suffix must fit.
const MAX_BYTES: usize = 200;

/// A source of names that are safe on every common system. Each name is handed out only once.
#[derive(Debug, Default)]
pub(super) struct FileNames {
    /// The names handed out, in lower case: some file systems do not tell `A` from `a`.
    taken: HashSet<String>,
}

impl FileNames {
    /// Returns a file name as close to `wanted` as possible. A second `mi.npy` becomes `mi_2.npy`.
    pub(super) fn claim_file(&mut self, wanted: &str) -> String {
        let safe = sanitize(wanted);
        match safe.rsplit_once('.') {
            Some((stem, extension)) => self.claim(stem, &format!(".{extension}")),
            None => self.claim(&safe, ""),
        }
    }

    /// Returns a directory name as close to `wanted` as possible. A second `layer.0` becomes
    /// `layer.0_2`.
    pub(super) fn claim_folder(&mut self, wanted: &str) -> String {
        self.claim(&sanitize(wanted), "")
    }

    fn claim(&mut self, stem: &str, ending: &str) -> String {
        let mut name = format!("{stem}{ending}");
        let mut number = 2u64;
        while !self.taken.insert(name.to_lowercase()) {
            name = format!("{stem}_{number}{ending}");
            number += 1;
        }
        name
    }
}

/// Makes one component of a path: without separators, control characters, or names that Windows
/// reserves; not hidden, not empty, not too long.
fn sanitize(name: &str) -> String {
    let mut safe: String = name
        .chars()
        .map(|c| match c {
            '/' | '\\' | ':' | '*' | '?' | '"' | '<' | '>' | '|' => '_',
            c if c.is_control() => '_',
            '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '_',
            c => c,
        })
        .collect();
    if safe.len() > MAX_BYTES {
        let end = (0..=MAX_BYTES).rev().find(|&end| safe.is_char_boundary(end));
        safe.truncate(end.unwrap_or(0));
    }
    // Windows drops dots and spaces at the end; a dot in front hides a file, or is a directory.
    let trimmed = safe.trim_end_matches(['.', ' ']).trim_start_matches(' ');
    let mut safe = match trimmed.strip_prefix('.') {
        Some(rest) => format!("_{rest}"),
        None => trimmed.to_owned(),
    };
    if safe.is_empty() {
        safe.push('_');
    }
    if is_reserved(&safe) { format!("_{safe}") } else { safe }
}

/// Returns whether Windows takes the name for a device, with any extension.
fn is_reserved(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or(name).trim_end().to_ascii_lowercase();
    match stem.as_str() {
        "con" | "prn" | "aux" | "nul" | "conin$" | "conout$" => true,
        _ => {
            let number = stem.strip_prefix("com").or_else(|| stem.strip_prefix("lpt"));
            number.is_some_and(|n| n.chars().count() == 1 && n.chars().all(char::is_numeric))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn ordinary_names_stay_as_they_are() {
        for name in ["layer.0.ffn", "mi.npy", "blocks 3 (mlp)", "Schicht-é", "com10", "console"] {
            assert_eq!(sanitize(name), name);
        }
    }

    #[test]
    fn dangerous_names_are_defused() {
        for (name, expected) in [
            ("", "_"),
            (".", "_"),
            ("..", "_"),
            ("...", "_"),
            ("../../etc/passwd", "_._.._etc_passwd"),
            ("/absolute", "_absolute"),
            ("C:\\temp", "C__temp"),
            (".hidden", "_hidden"),
            ("a\0b\nc", "a_b_c"),
            ("trailing. . ", "trailing"),
            ("NUL", "_NUL"),
            ("com1.npy", "_com1.npy"),
        ] {
            assert_eq!(sanitize(name), expected, "{name:?}");
        }
        assert_eq!(sanitize(&"é".repeat(300)).len(), MAX_BYTES);
    }

    #[test]
    fn names_are_handed_out_once() {
        let mut names = FileNames::default();
        let files = ["mi.npy", "MI.npy", "mi_2.npy", "a"].map(|name| names.claim_file(name));
        assert_eq!(files, ["mi.npy", "MI_2.npy", "mi_2_2.npy", "a"]);
        let folders = ["a/b", "a:b", "l.0", "l.0", "A"].map(|name| names.claim_folder(name));
        assert_eq!(folders, ["a_b", "a_b_2", "l.0", "l.0_2", "A_2"]);
    }

    proptest! {
        #[test]
        fn any_name_is_one_plain_component(name in any::<String>()) {
            let safe = sanitize(&name);
            let path = std::path::Path::new(&safe);
            let is_plain = matches!(
                path.components().collect::<Vec<_>>().as_slice(),
                [std::path::Component::Normal(_)]
            );
            prop_assert!(is_plain && safe.len() <= MAX_BYTES + 1 && !safe.contains('\0'), "{safe:?}");
        }
    }
}
