//! Sums and histograms of pairs, and the check that each pair was counted over every sample.

use super::tile::Tile;
use crate::error::Error;

/// A kernel's result for one pair.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct PairSum {
    /// The sum of f(n) over the cells.
    pub(crate) cells: u64,
    /// The sum of n over the cells. It is the number of samples, unless something went wrong.
    pub(crate) samples: u64,
}

/// Returns the histograms of a tile, or an error unless every pair was counted over every sample.
#[cfg(feature = "gpu")]
pub(crate) fn checked_histograms(
    tile: &Tile,
    (samples, cells): (usize, usize),
    counts: Vec<u32>,
) -> Result<Vec<u32>, Error> {
    let totals = counts.chunks_exact(cells).map(|cells| cells.iter().map(|&n| u64::from(n)).sum());
    match tile.iter().zip(totals).find(|&(_, counted): &(_, u64)| counted != samples as u64) {
        Some(((first, second), counted)) => {
            Err(Error::Miscounted { first, second, counted, samples })
        }
        None => Ok(counts),
    }
}

/// Returns the sums of a tile, or an error unless every pair was counted over every sample.
///
/// Some drivers cut work short, or do not run it at all, without reporting an error.
pub(crate) fn checked_sums(
    tile: &Tile,
    samples: usize,
    pairs: &[PairSum],
) -> Result<Vec<u64>, Error> {
    let wrong = tile.iter().zip(pairs).find(|(_, pair)| pair.samples != samples as u64);
    match wrong {
        Some(((first, second), pair)) => {
            Err(Error::Miscounted { first, second, counted: pair.samples, samples })
        }
        None => Ok(pairs.iter().map(|pair| pair.cells).collect()),
    }
}
