//! Private counters over sorted rows: one row of a joint histogram at a time, in counters that fit L1 for any
//! number of bins.
//!
//! GPU twin: `shaders/private_counters.wgsl`.

use crate::MAX_BINS;
use crate::codes::Codes;
use crate::codes::sorted_rows::SortedRows;
use crate::estimator::CellTable;
use crate::pairs::sums::PairSum;
use crate::pairs::tile::Tile;

/// Samples that are sorted together.
const CHUNK: usize = 1 << 16;

/// Returns the bytes that a thread works in: the sorted samples of one neuron.
pub(crate) fn working_bytes(samples: usize, bins: usize) -> usize {
    SortedRows::most_bytes(samples, bins, CHUNK)
}

/// Computes Σ f(n) of every pair of the tile, in O(samples + bins · min(bins, samples)) per pair.
pub(crate) fn pair_sums(codes: &Codes, table: &CellTable, tile: &Tile) -> Vec<PairSum> {
    let bins = codes.bins();
    let mut counters = [0u32; MAX_BINS];
    let mut sums = Vec::with_capacity(tile.pairs());
    for i in tile.rows.clone() {
        let sorted = SortedRows::new(codes.neuron(i), bins, CHUNK);
        for j in tile.columns_of(i) {
            let column = codes.neuron(j);
            let mut sum = PairSum::default();
            for row in 0..bins {
                for (chunk, column) in column.chunks(CHUNK).enumerate() {
                    for &sample in sorted.row(chunk, row) {
                        counters[usize::from(column[usize::from(sample)])] += 1;
                    }
                }
                for n in &mut counters[..bins] {
                    sum.cells += table.value(*n);
                    sum.samples += u64::from(*n);
                    *n = 0;
                }
            }
            sums.push(sum);
        }
    }
    sums
}
