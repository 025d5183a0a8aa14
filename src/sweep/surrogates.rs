//! Surrogates of the pairs of a block.

use std::sync::Arc;

use super::pooled::GRID_BYTES;
use super::selectors::Tally;
use super::{Block, Sweep, SweptCodes};
use crate::codes::Codes;
use crate::codes::budget::Memory;
use crate::codes::encoder::EncodedLayer;
use crate::engine;
use crate::error::Error;
use crate::execution::Execution;
use crate::measures::Information;
use crate::pairs::digest::{DigestGrid, PairKeys};
use crate::pairs::tile::Tile;
use crate::surrogates::Orders;

impl Sweep {
    /// Counts the surrogates of a computed block, if there are to be any. In each, the neurons of the
    /// rows, which come first in the sweep, are in another order, and those of the columns as they are.
    /// So a pair has the same surrogates whatever the blocks.
    pub(super) async fn with_surrogates(
        &mut self,
        tile: &Tile,
        block: Block,
    ) -> Result<Block, Error> {
        let (Some(orders), Some(selector)) = (&self.orders, self.collector.selector()) else {
            return Ok(block);
        };
        let problem = "a sweep has lost its engine";
        let chosen = self.chosen.as_ref().ok_or(Error::Internal { problem })?;
        let (settings, neurons) = (&self.settings, self.collector.neurons_of(tile));
        let (rows, columns) =
            (self.codes_at(tile.rows.clone())?, self.codes_at(tile.columns.clone())?);
        let places = tile.rows.clone().chain(tile.columns.clone());
        let marginals: Arc<[_]> = places.map(|place| self.marginals[place]).collect();
        let pairs = Tile::rectangle(rows.neurons(), columns.neurons());
        let grid = DigestGrid::within(self.plan().neurons());
        let [row_ids, column_ids] = [neurons.rows, neurons.columns].map(|ids| ids.iter().copied());
        let keys = PairKeys::new(grid, row_ids, column_ids);
        let (mut tally, mut executions) = (Tally::default(), Vec::new());
        for number in 0..orders.repetitions() {
            let order = orders.repetition(number).order;
            let codes = Arc::new(Codes::join(rows.select(&order)?, &columns)?);
            let goal = (pairs.clone(), settings.goal());
            let job = settings.job(codes, self.entropies.table(), goal, &self.monitor);
            let (entropies, marginals) = (self.entropies.clone(), Arc::clone(&marginals));
            let sink = Information::with_marginals(marginals, entropies, &pairs)?;
            self.monitor.end_part();
            let on_failure = settings.run.on_device_failure;
            let (information, execution) = engine::run(chosen, &job, sink, on_failure).await?;
            let (matrix, _) = information.finish(settings.run.units, &keys)?;
            tally.add(selector.tally(neurons, matrix.view()));
            executions.push(execution);
        }
        for execution in executions {
            self.execution = Some(Execution::of_parts(self.execution.take(), execution));
        }
        Ok(Block::of_tested(block.pairs().to_vec(), tally))
    }

    /// Returns the codes of some neurons, given by their places in the sweep.
    fn codes_at(&self, places: std::ops::Range<usize>) -> Result<Codes, Error> {
        match &self.codes {
            SweptCodes::Whole(codes) => codes.of_neurons(places),
            SweptCodes::Spilled(codes) => codes.gather(&self.collector.order()[places]),
        }
    }

    /// Returns the work of a block, in pair-samples.
    pub(super) fn work_of(&self, tile: &Tile) -> u64 {
        work(std::slice::from_ref(tile), self.orders.as_ref(), self.samples as usize)
    }
}

/// Returns the work of blocks with their surrogates, in pair-samples.
pub(super) fn work(tiles: &[Tile], orders: Option<&Orders>, samples: usize) -> u64 {
    let repetitions = orders.map_or(0, |orders| u64::from(orders.repetitions()));
    let of_tile = |tile: &Tile| {
        let surrogates = Tile::rectangle(tile.rows.len(), tile.columns.len()).work(samples);
        tile.work(samples).saturating_add(surrogates.saturating_mul(repetitions))
    };
    tiles.iter().fold(0, |work, tile| work.saturating_add(of_tile(tile)))
}

/// Adds what surrogates take whatever the blocks: the grid on which they are counted, and the orders.
pub(super) fn and_all(memory: Memory, layer: &EncodedLayer) -> Memory {
    memory.and(1, GRID_BYTES).and(layer.samples(), 2 * size_of::<u32>() as u128)
}

/// Adds the codes of a block's surrogates: those of rows and of columns, those of rows in another order,
/// and these together with the columns'. These grow where they are, or are copied, and have bit strings.
pub(super) fn and_codes(memory: Memory, samples: usize, edge: usize) -> Memory {
    memory.and(samples, 7 * edge as u128)
}
