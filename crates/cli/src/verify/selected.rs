//! Comparison of selected pairs with those that were computed here.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use cofire::digest::Digest;
use cofire::sweep::{InformationPair, digest_of_pairs};

use super::compare::differs;
use super::recompute::Recomputed;
use crate::failure::Failure;

/// Reads the pairs of a CSV file that `pairs` has written.
pub(super) fn read(path: &Path) -> Result<Vec<InformationPair>, Failure> {
    let refuse = |problem: String| Failure::Input(format!("{}: {problem}", path.display()));
    let file = File::open(path).map_err(|error| refuse(error.to_string()))?;
    let mut pairs = Vec::new();
    for (number, line) in BufReader::new(file).lines().enumerate() {
        let line = line.map_err(|error| refuse(error.to_string()))?;
        if number > 0 {
            let pair = parse(&line);
            let number = number + 1;
            pairs.push(pair.ok_or_else(|| refuse(format!("line {number} is no pair")))?);
        }
    }
    Ok(pairs)
}

fn parse(line: &str) -> Option<InformationPair> {
    let mut fields = line.split(',');
    let pair = InformationPair {
        first: fields.next()?.parse().ok()?,
        second: fields.next()?.parse().ok()?,
        mutual_information: fields.next()?.parse().ok()?,
    };
    fields.next().is_none().then_some(pair)
}

/// Compares the selected pairs that are in the blocks computed here. Returns their number.
pub(super) fn compare(
    pairs: &[InformationPair],
    here: &Recomputed,
    path: &Path,
    units: &str,
) -> Result<usize, Failure> {
    let grid = here.digests.grid();
    let mut compared = 0;
    for pair in pairs {
        let (first, second) = (pair.first as usize, pair.second as usize);
        let (there, path) = (pair.mutual_information, path.display());
        let Some(number) = grid.block_of(first, second).filter(|_| first < second) else {
            return Err(differs(format!(
                "neurons {first} and {second} are a pair in {path}, and there are {} neurons here",
                grid.rows()
            )));
        };
        let Ok(place) = here.blocks.binary_search_by_key(&number, |(number, _)| *number) else {
            continue;
        };
        let Some((rows, columns)) = grid.block(number) else { continue };
        let found = here.blocks[place].1[[first - rows.start, second - columns.start]];
        if found.to_bits() != there.to_bits() {
            return Err(differs(format!(
                "neurons {first} and {second} share {there:?} {units} in {path}, and {found:?} \
                 here (block {number})"
            )));
        }
        compared += 1;
    }
    Ok(compared)
}

/// Compares the digest of the selected pairs with that of the pairs in the file.
pub(super) fn compare_digest(
    pairs: &[InformationPair],
    here: &Recomputed,
    expected: Digest,
    path: &Path,
) -> Result<(), Failure> {
    let found = digest_of_pairs(&here.digests, pairs);
    if found == expected {
        return Ok(());
    }
    Err(differs(format!(
        "the digest of the selected pairs is {expected} in summary.json, and {found} of those in {}",
        path.display()
    )))
}
