//! The CPU engine: native kernels on all cores, and the reference for every GPU kernel.

pub(crate) mod joint_histogram;
pub(crate) mod positional_popcount;

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::Arc;

use futures_channel::oneshot;
use rayon::prelude::*;

use super::{Job, Kernel, PairSum, Sink, checked_sums};
use crate::Error;
use crate::codes::Codes;
use crate::plan::Tile;
use crate::simd::Level;

/// A tile's largest height and width. Sorting a row is paid once for the width, expanding a column
/// to one-hot words once for the height.
const TILE: (usize, usize) = (64, 1024);

/// Bands of tiles for each thread, so that all threads finish at about the same time.
const BANDS_A_THREAD: usize = 2;

/// The most pair-samples in a tile, so that progress is seen and a wish to stop is heard at least
/// a few times a second.
const TILE_WORK: usize = 1 << 28;

/// Counts every pair of some tiles of any size, without blocking the executor that polls it.
///
/// On a thread of a rayon pool it does block: waiting there for the same pool could wait for ever.
pub(crate) async fn run(job: &Job, sink: &Arc<Sink>, tiles: Vec<Tile>) -> Result<(), Error> {
    if rayon::current_thread_index().is_some() {
        return run_blocking(job, sink, &tiles);
    }
    let (tell, told) = oneshot::channel();
    let (job, sink) = (job.clone(), Arc::clone(sink));
    rayon::spawn(move || {
        // A progress callback that panics should end the caller's thread and not the process.
        let result = catch_unwind(AssertUnwindSafe(|| run_blocking(&job, &sink, &tiles)));
        drop((job, sink)); // before the caller, who wants them back, is told
        // Nobody is listening any more when the caller dropped the future.
        let _ = tell.send(result);
    });
    match told.await {
        Ok(Ok(result)) => result,
        Ok(Err(panic)) => resume_unwind(panic),
        Err(oneshot::Canceled) => Err(Error::Cancelled),
    }
}

fn run_blocking(job: &Job, sink: &Sink, tiles: &[Tile]) -> Result<(), Error> {
    let threads = rayon::current_num_threads();
    let (height, width) = tile_shape(job.codes.samples(), job.codes.neurons(), threads);
    let level = Level::best();
    let pieces: Vec<Tile> = tiles.iter().flat_map(|tile| tile.cut(height, width)).collect();
    pieces.into_par_iter().try_for_each(|tile| {
        let sums = tile_sums(job, &tile, level)?;
        sink.accept(&job.table, &tile, &sums);
        job.monitor.advance(tile.pairs() as u64 * job.codes.samples() as u64)
    })
}

fn tile_shape(samples: usize, neurons: usize, threads: usize) -> (usize, usize) {
    let (max_height, mut width) = TILE;
    let mut height = (neurons / (BANDS_A_THREAD * threads)).clamp(8, max_height);
    while height * width > (TILE_WORK / samples).max(1) && height > 1 {
        if width > 2 * height { width /= 2 } else { height /= 2 }
    }
    (height, width)
}

/// The sums of one tile, checked.
pub(crate) fn tile_sums(job: &Job, tile: &Tile, level: Level) -> Result<Vec<u64>, Error> {
    let pairs = pair_sums(job, tile, level);
    checked_sums(tile, job.codes.samples(), &pairs)
}

/// The joint histograms of chosen pairs, one after the other in `counts`.
pub(crate) fn joint_histograms(codes: &Codes, pairs: &[(usize, usize)], counts: &mut [u32]) {
    let bins = codes.bins();
    counts.par_chunks_exact_mut(bins * bins).zip(pairs).for_each(|(counts, &(i, j))| {
        joint_histogram::count(codes.neuron(i), codes.neuron(j), bins, counts);
    });
}

fn pair_sums(job: &Job, tile: &Tile, level: Level) -> Vec<PairSum> {
    match job.kernel {
        Kernel::JointHistogram => joint_histogram::pair_sums(&job.codes, &job.table, tile),
        Kernel::PositionalPopcount => {
            positional_popcount::pair_sums(&job.codes, &job.table, tile, level)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Monitor;
    use crate::estimator::CellTable;
    use crate::plan::tiles;

    fn job(codes: Codes, kernel: Kernel) -> Job {
        let table = CellTable::plug_in(u32::try_from(codes.samples()).unwrap());
        Job {
            codes: Arc::new(codes),
            table: Arc::new(table),
            kernel,
            monitor: Arc::new(Monitor::new(0, None)),
        }
    }

    /// Five lines nobody could doubt.
    fn pair_sum_by_definition(job: &Job, i: usize, j: usize) -> PairSum {
        let bins = job.codes.bins();
        let mut counts = vec![0u32; bins * bins];
        for (&a, &b) in job.codes.neuron(i).iter().zip(job.codes.neuron(j)) {
            counts[usize::from(a) * bins + usize::from(b)] += 1;
        }
        let samples = counts.iter().map(|&n| u64::from(n)).sum();
        PairSum { cells: job.table.sum(&counts), samples }
    }

    #[test]
    fn every_kernel_on_every_level_agrees_with_the_definition() {
        for bins in [2, 3, 8, 9, 10, 16, 17, 31, 32, 33, 100, 256] {
            for (samples, neurons) in [(2, 1), (3, 5), (100, 33), (257, 64), (8193, 20), (20000, 3)]
            {
                // Some neurons vary slowly, some fast, some not at all.
                let codes = Codes::from_fn(samples, neurons, bins, |s, j| {
                    (s * (j % 7)) / (1 + j % 3) + (s * s * j) % 11
                });
                for kernel in Kernel::ALL.into_iter().filter(|k| bins <= k.max_bins()) {
                    let job = job(codes.clone(), kernel);
                    for tile in tiles(neurons, 7, 40) {
                        for level in Level::available() {
                            let found = pair_sums(&job, &tile, level);
                            for ((i, j), found) in tile.iter().zip(found) {
                                let expected = pair_sum_by_definition(&job, i, j);
                                assert_eq!(
                                    found, expected,
                                    "pair ({i}, {j}) of {samples} x {neurons}, {bins} bins, \
                                     {kernel}, {level:?}"
                                );
                            }
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn tiles_shrink_as_samples_and_threads_grow() {
        assert_eq!(tile_shape(1000, 256, 2).0, 64);
        assert_eq!(tile_shape(1000, 256, 16).0, 8);
        assert_eq!(tile_shape(2, 5000, 2), TILE);
        assert_eq!(tile_shape(1000, 5000, 2), TILE);
        let (height, width) = tile_shape(1_000_000, 5000, 2);
        assert!(height <= width && height * width * 1_000_000 <= TILE_WORK, "{height} {width}");
        assert_eq!(tile_shape(usize::MAX, 5000, 2).0, 1);
    }

    #[test]
    fn a_lost_sample_is_noticed() {
        let tile = Tile { rows: 0..2, columns: 0..2 };
        let mut pairs = vec![PairSum { cells: 5, samples: 9 }; 3];
        assert_eq!(checked_sums(&tile, 9, &pairs).unwrap(), [5, 5, 5]);
        pairs[1].samples = 8;
        let error = checked_sums(&tile, 9, &pairs).unwrap_err();
        assert!(
            matches!(error, Error::Miscounted { first: 0, second: 1, counted: 8, samples: 9 }),
            "{error}"
        );
    }
}
