//! The plain kernel for any number of bins: one counter per cell, incremented sample by sample.
//!
//! GPU twin: `shaders/joint_histogram.wgsl`.

use crate::codes::Codes;
use crate::estimator::CellTable;
use crate::pairs::sums::PairSum;
use crate::pairs::tile::Tile;

/// Computes Σ f(n) of every pair of the tile, in O(samples + min(bins², samples)) per pair.
pub(crate) fn pair_sums(codes: &Codes, table: &CellTable, tile: &Tile) -> Vec<PairSum> {
    let bins = codes.bins();
    let mut counts = vec![0u32; bins * bins];
    let few_samples = codes.samples() < counts.len();
    let pair_sum = |(i, j)| {
        let (x, y) = (codes.neuron(i), codes.neuron(j));
        count(x, y, bins, &mut counts);
        if few_samples {
            take_touched_cells(x, y, bins, table, &mut counts)
        } else {
            take_all_cells(table, &mut counts)
        }
    };
    tile.iter().map(pair_sum).collect()
}

/// Counts the joint histograms of the tile, one after the other.
pub(crate) fn histograms(codes: &Codes, tile: &Tile) -> Vec<u32> {
    let bins = codes.bins();
    let mut counts = vec![0u32; tile.pairs() * bins * bins];
    for ((i, j), counts) in tile.iter().zip(counts.chunks_exact_mut(bins * bins)) {
        count(codes.neuron(i), codes.neuron(j), bins, counts);
    }
    counts
}

/// Returns roughly how many cycles a pair takes.
pub(crate) fn pair_work(samples: usize) -> usize {
    samples.saturating_mul(8)
}

/// Returns the bytes that a thread works in.
pub(crate) fn working_bytes(bins: usize) -> usize {
    bins * bins * size_of::<u32>()
}

/// Adds the joint histogram of two neurons to `counts`: row-major, `bins × bins`.
pub(crate) fn count(x: &[u8], y: &[u8], bins: usize, counts: &mut [u32]) {
    for (&a, &b) in x.iter().zip(y) {
        counts[usize::from(a) * bins + usize::from(b)] += 1;
    }
}

/// Computes Σ f(n) over all cells and resets them to zero.
fn take_all_cells(table: &CellTable, counts: &mut [u32]) -> PairSum {
    let mut sum = PairSum::default();
    for n in counts {
        take(n, table, &mut sum);
    }
    sum
}

/// Computes Σ f(n) over the cells that hold samples and resets them to zero, for fewer samples than cells.
///
/// The first sample that comes back to a cell takes its count and leaves zero for the samples that follow.
fn take_touched_cells(
    x: &[u8],
    y: &[u8],
    bins: usize,
    table: &CellTable,
    counts: &mut [u32],
) -> PairSum {
    let mut sum = PairSum::default();
    for (&a, &b) in x.iter().zip(y) {
        take(&mut counts[usize::from(a) * bins + usize::from(b)], table, &mut sum);
    }
    sum
}

#[inline(always)]
fn take(n: &mut u32, table: &CellTable, sum: &mut PairSum) {
    sum.cells += table.value(*n);
    sum.samples += u64::from(*n);
    *n = 0;
}
