//! Some blocks of the pairs between two layers, by themselves.

use std::sync::Arc;

use ndarray::ArrayView2;

use super::Analysis;
use super::run::prepare_two;
use crate::codes::Codes;
use crate::engine::{self, GpuGain};
use crate::error::Error;
use crate::estimator::Entropies;
use crate::measures::Information;
use crate::pairs::digest::{DigestGrid, Digests, PairKeys, PairSums};
use crate::report::{BlocksReport, PairBlock};

/// Computes blocks of the grid of pairs between two layers.
pub(super) async fn between(
    analysis: &Analysis,
    rows: ArrayView2<'_, f32>,
    columns: ArrayView2<'_, f32>,
    blocks: &[usize],
) -> Result<BlocksReport, Error> {
    let settings = &analysis.settings;
    let units = settings.run.units;
    let (rows, columns) = prepare_two(analysis, rows, columns)?;
    let grid = DigestGrid::between(rows.codes.neurons(), columns.codes.neurons());
    let samples = rows.samples();
    let codes = Arc::new(Codes::join(rows.codes, &columns.codes)?);
    let entropies = Entropies::new(settings.estimator, samples);
    let marginals = Information::marginals(&codes, &entropies);
    let tiles = blocks.iter().map(|&block| grid.tile(block)).collect::<Result<Vec<_>, Error>>()?;
    let work = tiles.iter().map(|tile| tile.work(codes.samples())).sum();
    let monitor = Arc::new(settings.run.monitor(work));
    let chosen = settings.run.open_engine(GpuGain::Faster).await?;

    let mut sums = PairSums::new(grid);
    let mut computed = Vec::with_capacity(blocks.len());
    for (&number, tile) in blocks.iter().zip(tiles) {
        let information =
            Information::with_marginals(Arc::clone(&marginals), entropies.clone(), &tile)?;
        let keys = PairKeys::of_tile(grid, &tile);
        let pairs = (tile, settings.goal());
        let job = settings.job(Arc::clone(&codes), entropies.table(), pairs, &monitor);
        monitor.end_part();
        let on_failure = settings.run.on_device_failure;
        let (information, _) = engine::run(&chosen, &job, information, on_failure).await?;
        let (mutual_information, of_block) = information.finish(units, &keys)?;
        of_block.parts().iter().for_each(|part| sums.add(part));
        computed.push(PairBlock { number, mutual_information });
    }
    let neurons = Information::digest_of(&marginals);
    Ok(BlocksReport {
        entropy: marginals.iter().map(|marginal| marginal.entropy * units.per_nat()).collect(),
        blocks: computed,
        digests: Digests::new(settings.estimator.to_string(), codes.samples(), neurons, sums),
        units,
    })
}
