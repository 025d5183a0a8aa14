//! One counter a cell, incremented sample by sample: the plain kernel, for any number of bins.
//!
//! GPU twin: `shaders/joint_histogram.wgsl`.

use crate::codes::Codes;
use crate::estimator::CellTable;
use crate::pairs::sums::PairSum;
use crate::pairs::tile::Tile;

/// Σ f(n) of every pair of the tile. O(samples + min(bins², samples)) a pair.
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

/// The joint histograms of the tile, one after the other.
pub(crate) fn histograms(codes: &Codes, tile: &Tile) -> Vec<u32> {
    let bins = codes.bins();
    let mut counts = vec![0u32; tile.pairs() * bins * bins];
    for ((i, j), counts) in tile.iter().zip(counts.chunks_exact_mut(bins * bins)) {
        count(codes.neuron(i), codes.neuron(j), bins, counts);
    }
    counts
}

/// About how many cycles a pair takes.
pub(crate) fn pair_work(samples: usize) -> usize {
    samples.saturating_mul(8)
}

/// Bytes that a thread works in.
pub(crate) fn working_bytes(bins: usize) -> usize {
    bins * bins * size_of::<u32>()
}

/// The joint histogram of two neurons, added to `counts`: row-major, `bins × bins`.
pub(crate) fn count(x: &[u8], y: &[u8], bins: usize, counts: &mut [u32]) {
    for (&a, &b) in x.iter().zip(y) {
        counts[usize::from(a) * bins + usize::from(b)] += 1;
    }
}

/// Reads every cell and leaves it at zero.
fn take_all_cells(table: &CellTable, counts: &mut [u32]) -> PairSum {
    let mut sum = PairSum::default();
    for n in counts {
        take(n, table, &mut sum);
    }
    sum
}

/// With fewer samples than cells, visits only the cells that a sample reached: the first sample
/// that comes back to a cell takes its count and leaves zero for those that follow.
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
