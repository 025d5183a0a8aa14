//! Some blocks of the pairs between two layers, by themselves.

use std::sync::Arc;

use super::Analysis;
use super::run::prepare_two;
use crate::codes::Codes;
use crate::codes::budget::Memory;
use crate::engine::{self, GpuGain};
use crate::error::Error;
use crate::estimator::Entropies;
use crate::input::activations::{Activations, ActivationsView};
use crate::measures::Information;
use crate::pairs::digest::{DigestGrid, Digests, PairKeys, PairSums};
use crate::report::{BlocksReport, PairBlock};

/// Computes blocks of the grid of pairs between two layers.
pub(super) async fn between(
    analysis: &Analysis,
    rows: ActivationsView<'_>,
    columns: ActivationsView<'_>,
    blocks: &[usize],
) -> Result<BlocksReport, Error> {
    let settings = &analysis.settings;
    let units = settings.run.units;
    let grid = DigestGrid::between(rows.neurons(), columns.neurons());
    let memory = |rows: &Activations<'_>, columns: &Activations<'_>, bins| {
        let matrices = Memory::default().and(blocks.len(), 8 * (grid.edge() as u128).pow(2));
        let (height, width) = (rows.neurons(), columns.neurons());
        let matrices = matrices.and_digests(height, width, height.max(width));
        // The rows' codes exist twice while they are joined with the columns'.
        let matrices = matrices.and(rows.samples(), rows.neurons() as u128);
        let shape = (rows.samples(), rows.neurons().max(columns.neurons()));
        settings.and_threads(matrices, shape, bins, settings.goal())
    };
    let (rows, columns) = prepare_two(analysis, rows, columns, memory)?;
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
