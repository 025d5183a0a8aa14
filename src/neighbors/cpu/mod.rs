//! The CPU engine: pairs on all cores.

mod axis;
pub(super) mod nearest_neighbors;
mod smallest;

use std::sync::Arc;

use rayon::prelude::*;

use super::cpu::nearest_neighbors::{Plane, pair_sum};
use super::job::{NeighborJob, SumCollector};
use super::line;
use crate::engine::cpu::on_pool;
use crate::error::Error;
use crate::pairs::tile::Tile;
use crate::support::simd::Level;

/// The number of tiles for each thread: enough for all threads to finish at about the same time.
const TILES_A_THREAD: usize = 32;

/// The most work of a tile: pairs × samples × (`k` + [`FIXED_NEIGHBORS`]). It takes a third of a
/// second at most, so that progress is reported and cancellation noticed a few times a second.
const TILE_WORK: usize = 1 << 26;

/// The fixed cost of a pair and sample, in units of the cost of a neighbour.
const FIXED_NEIGHBORS: usize = 8;

/// Computes the sum of every pair of tiles of any size, without blocking the executor that polls
/// it.
pub(crate) async fn run(
    job: &Arc<NeighborJob>,
    collector: &Arc<SumCollector>,
    tiles: Vec<Tile>,
) -> Result<(), Error> {
    let (job, collector) = (Arc::clone(job), Arc::clone(collector));
    on_pool(move || run_blocking(&job, &collector, &tiles)).await
}

fn run_blocking(job: &NeighborJob, collector: &SumCollector, tiles: &[Tile]) -> Result<(), Error> {
    let pairs: usize = tiles.iter().map(Tile::pairs).sum();
    let (height, width) = tile_shape(job, pairs, rayon::current_num_threads());
    let level = Level::best();
    let pieces: Vec<Tile> = tiles.iter().flat_map(|tile| tile.cut(height, width)).collect();
    pieces.into_par_iter().with_max_len(1).try_for_each_init(Plane::default, |plane, tile| {
        let sums: Vec<u64> = tile.iter().map(|pair| sum(job, pair, level, plane)).collect();
        collector.accept(&tile, &sums);
        job.monitor.advance(tile.pairs() as u64 * job.samples as u64)
    })
}

/// Returns the height and the width of tiles.
fn tile_shape(job: &NeighborJob, pairs: usize, threads: usize) -> (usize, usize) {
    let pair_work = job.samples.saturating_mul(job.k + FIXED_NEIGHBORS);
    let most = (TILE_WORK / pair_work).max(1);
    let tile_pairs = (pairs / (TILES_A_THREAD * threads)).clamp(1, most);
    let height = tile_pairs.isqrt();
    (height, tile_pairs / height)
}

/// Returns the sum of one pair, or of a neuron and itself.
pub(crate) fn sum(
    job: &NeighborJob,
    (first, second): (usize, usize),
    level: Level,
    plane: &mut Plane,
) -> u64 {
    let (x, y) = (&job.columns[first], &job.columns[second]);
    if first == second {
        line::own_sum(x, job.k, job.algorithm, &job.table)
    } else {
        pair_sum((x, y), job.k, job.algorithm, &job.table, level, plane)
    }
}
