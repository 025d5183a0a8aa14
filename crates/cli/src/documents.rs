//! Documents that samples belong to: how their ids are read.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use crate::failure::Failure;
use crate::labels::whole_numbers;

/// Reads an id for each sample: from a `.npy` file of whole numbers, or from a text file with an id on
/// each line.
pub(crate) fn read(file: &Path) -> Result<Arc<[u32]>, Failure> {
    let failed = |error| Failure::Input(format!("{}: could not be read: {error}", file.display()));
    let mut start = Vec::new();
    File::open(file).and_then(|f| f.take(6).read_to_end(&mut start)).map_err(failed)?;
    if start == b"\x93NUMPY" {
        return Ok(whole_numbers(file, "document id")?.into());
    }
    let bytes = fs::read(file).map_err(failed)?;
    let refused = |what: &str| Failure::Input(format!("{}: {what}", file.display()));
    let text = String::from_utf8(bytes).map_err(|_| {
        refused(
            "neither a .npy file nor UTF-8 text; \
             save whole numbers by numpy.save, or write an id on each line",
        )
    })?;
    numbered(&text).map_err(|line| {
        refused(&format!("line {line} has no id; write the id of a sample on each line"))
    })
}

/// Returns ids on the lines of a text as numbers, in the order in which they first come; or the number of
/// a line without an id.
fn numbered(text: &str) -> Result<Arc<[u32]>, usize> {
    let mut numbers = HashMap::new();
    let number = |(line, id): (usize, &str)| {
        let next = u32::try_from(numbers.len()).unwrap_or(u32::MAX);
        let id = id.trim();
        if id.is_empty() {
            Err(line + 1)
        } else {
            Ok(*numbers.entry(id.to_owned()).or_insert(next))
        }
    };
    text.lines().enumerate().map(number).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_numbered_as_they_come() {
        let ids = numbered("b\nb\r\na\n7\n b \n").unwrap();
        assert_eq!(ids[..], [0, 0, 1, 2, 0]);
        assert_eq!(numbered("a\n\nb\n"), Err(2));
        assert_eq!(numbered("").unwrap().len(), 0);
    }
}
