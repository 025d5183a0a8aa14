//! Computing some blocks of a result again.

use cofire::digest::{DigestGrid, Digests};
use cofire::{Analysis, Batches, Error, Selection};
use cofire_files::Layer;
use ndarray::{Array1, Array2};

use crate::arguments::BlocksArgument;
use crate::measure::neighbors::nats;
use crate::progress::Bar;
use crate::settings::{HistogramSettings, Method, NeighborSettings};

/// The results that were computed here.
pub(super) struct Recomputed {
    /// The entropies of the layer's neurons, and of the other layer's.
    pub(super) entropy: Array1<f64>,
    pub(super) other_entropy: Option<Array1<f64>>,
    /// Blocks of mutual information by their numbers, in ascending order. A block on the diagonal is
    /// complete.
    pub(super) blocks: Vec<(usize, Array2<f64>)>,
    pub(super) digests: Digests,
}

/// The choice of blocks.
#[derive(Debug, Clone, Copy)]
pub(super) struct Choice {
    pub(super) blocks: BlocksArgument,
    pub(super) seed: u64,
}

impl Choice {
    /// Chooses among all blocks of a grid, in ascending order.
    pub(super) fn of(self, grid: DigestGrid) -> Vec<usize> {
        let mut numbers: Vec<usize> = (0..grid.blocks()).collect();
        let BlocksArgument::Some(wanted) = self.blocks else { return numbers };
        let wanted = wanted.min(numbers.len());
        let mut state = self.seed;
        for place in 0..wanted {
            let left = (numbers.len() - place) as u64;
            // The bias of a remainder is below one in 2⁴⁰ here.
            let step = usize::try_from(next(&mut state) % left).unwrap_or(0);
            numbers.swap(place, place + step);
        }
        numbers.truncate(wanted);
        numbers.sort_unstable();
        numbers
    }
}

/// Returns the next number of SplitMix64.
fn next(state: &mut u64) -> u64 {
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let number = (*state ^ (*state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// Computes blocks of a layer, or of two.
pub(super) fn of_layers(
    method: &Method,
    layer: &Layer,
    other: Option<&Layer>,
    choice: Choice,
    bar: &Bar,
) -> Result<Recomputed, Error> {
    match (method, other) {
        (Method::Histograms(histograms), None) => {
            let analysis = watched(histograms, bar);
            of_source(&analysis, &mut layer.activations.view(), choice)
        }
        (Method::Histograms(histograms), Some(other)) => {
            between(&watched(histograms, bar), layer, other, choice)
        }
        (Method::Neighbors(neighbors), other) => of_neighbors(neighbors, layer, other, choice, bar),
    }
}

pub(super) fn watched(histograms: &HistogramSettings, bar: &Bar) -> Analysis {
    histograms.analysis.clone().progress(bar.callback())
}

/// Computes blocks of a layer by histograms. They are those of a sweep over all pairs with the edge of the
/// grid.
pub(super) fn of_source(
    analysis: &Analysis,
    source: &mut dyn Batches,
    choice: Choice,
) -> Result<Recomputed, Error> {
    let encoded = analysis.encode_batches(source)?;
    let grid = DigestGrid::within(source.neurons());
    let mut sweep = analysis.sweep_in_blocks(encoded, Selection::All, grid.edge())?;
    let chosen = choice.of(grid);
    let mut blocks = Vec::with_capacity(chosen.len());
    for number in (0..sweep.blocks()).filter(|number| chosen.binary_search(number).is_err()) {
        sweep.skip(number)?;
    }
    for number in chosen {
        let block = sweep.compute(number)?;
        let matrix = block.matrix().map(|(_, _, matrix)| matrix.clone());
        let problem = "a sweep over all pairs has a block without a matrix";
        blocks.push((number, matrix.ok_or(Error::Internal { problem })?));
        sweep.take(number, block)?;
    }
    let swept = sweep.finish();
    Ok(Recomputed { entropy: swept.entropy, other_entropy: None, blocks, digests: swept.digests })
}

fn between(
    analysis: &Analysis,
    layer: &Layer,
    other: &Layer,
    choice: Choice,
) -> Result<Recomputed, Error> {
    let (rows, columns) = (layer.activations.view(), other.activations.view());
    let chosen = choice.of(DigestGrid::between(rows.neurons(), columns.neurons()));
    let report = analysis.run_between_blocks(rows, columns, &chosen)?;
    let (entropy, other_entropy) = split(report.entropy, rows.neurons());
    let blocks = report.blocks.into_iter().map(|block| (block.number, block.mutual_information));
    Ok(Recomputed {
        entropy,
        other_entropy: Some(other_entropy),
        blocks: blocks.collect(),
        digests: report.digests,
    })
}

fn of_neighbors(
    settings: &NeighborSettings,
    layer: &Layer,
    other: Option<&Layer>,
    choice: Choice,
    bar: &Bar,
) -> Result<Recomputed, Error> {
    let rows = layer.activations.view();
    let columns = other.map(|other| other.activations.view());
    let analysis = settings.analysis.clone().progress(bar.callback());
    let report = match columns {
        None => analysis.run_blocks(rows, &choice.of(DigestGrid::within(rows.neurons())))?,
        Some(columns) => {
            let chosen = choice.of(DigestGrid::between(rows.neurons(), columns.neurons()));
            analysis.run_between_blocks(rows, columns, &chosen)?
        }
    };
    let blocks = report.blocks.into_iter().map(|block| (block.number, block.mutual_information));
    let blocks = blocks.collect();
    let Some(binned) = &settings.binned_entropies else {
        let (entropy, of_other) = split(report.entropy, rows.neurons());
        let other_entropy = columns.map(|_| of_other);
        return Ok(Recomputed { entropy, other_entropy, blocks, digests: report.digests });
    };
    let mut in_nats = nats(binned, rows)?.to_vec();
    if let Some(columns) = columns {
        in_nats.extend(nats(binned, columns)?);
    }
    Ok(Recomputed {
        entropy: binned.entropies(rows)?,
        other_entropy: columns.map(|columns| binned.entropies(columns)).transpose()?,
        blocks,
        digests: report.digests.with_entropies(in_nats),
    })
}

fn split(entropy: Array1<f64>, rows: usize) -> (Array1<f64>, Array1<f64>) {
    let mut of_rows = entropy.to_vec();
    let of_columns = of_rows.split_off(rows.min(of_rows.len()));
    (of_rows.into(), of_columns.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_choice_depends_on_its_seed_and_has_no_block_twice() {
        let grid = DigestGrid::within(500);
        let of = |blocks, seed| Choice { blocks: BlocksArgument::Some(blocks), seed }.of(grid);
        for blocks in [1, 7, 300, 528, 10_000] {
            let chosen = of(blocks, 3);
            assert_eq!(chosen.len(), blocks.min(grid.blocks()));
            assert!(chosen.windows(2).all(|pair| pair[0] < pair[1]), "{chosen:?}");
            assert!(chosen.iter().all(|&number| number < grid.blocks()), "{chosen:?}");
            assert_eq!(chosen, of(blocks, 3));
        }
        assert_ne!(of(7, 3), of(7, 4));
        let all = Choice { blocks: BlocksArgument::All, seed: 0 }.of(grid);
        assert_eq!(all, of(grid.blocks(), 9));
    }
}
