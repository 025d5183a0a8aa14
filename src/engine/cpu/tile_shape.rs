//! The size of the tiles that a thread counts.

use super::{Goal, Job, Kernel, bitset, joint_histogram, positional_popcount};

/// The smallest height of a tile, unless there are fewer neurons, and the largest.
const MIN_HEIGHT: usize = 4;
pub(super) const MAX_HEIGHT: usize = 64;

/// Bands of tiles per thread: several, so that all threads finish at about the same time.
const BANDS_A_THREAD: usize = 4;

/// The most work in a tile, in rough cycles: a tenth of a second, so that progress is reported and cancelling
/// is noticed several times a second.
const TILE_WORK: usize = 1 << 28;

/// The most bytes of a tile's results.
const TILE_BYTES: usize = 8 << 20;

/// The facts that the shape of a job's tiles depends on.
#[derive(Debug, Clone, Copy)]
pub(super) struct TileShape {
    pub(super) kernel: Kernel,
    pub(super) goal: Goal,
    pub(super) samples: usize,
    pub(super) bins: usize,
    pub(super) rows: usize,
    pub(super) columns: usize,
}

impl TileShape {
    pub(super) fn of(job: &Job, kernel: Kernel) -> Self {
        let (samples, bins) = (job.codes.samples(), job.codes.bins());
        let (rows, columns) = (job.pairs.rows.len(), job.pairs.columns.len());
        Self { kernel, goal: job.goal, samples, bins, rows, columns }
    }

    /// Returns the height and width of tiles. They are as wide as possible, because a row is sorted once for
    /// the whole width.
    pub(super) fn height_and_width(self, threads: usize) -> (usize, usize) {
        let Self { kernel, goal, samples, bins, rows, columns } = self;
        let (pair_work, max_height) = match kernel {
            Kernel::JointHistogram | Kernel::PrivateCounters => {
                (joint_histogram::pair_work(samples), MAX_HEIGHT)
            }
            Kernel::Bitset => (bitset::pair_work(samples), MAX_HEIGHT),
            Kernel::PositionalPopcount => (
                positional_popcount::pair_work(samples, bins),
                positional_popcount::max_height(samples, bins),
            ),
        };
        let most_pairs = (TILE_WORK / pair_work.max(1)).min(TILE_BYTES / pair_bytes(goal, bins));
        let most_pairs = most_pairs.max(1);
        let height = band_height(rows, threads, max_height).min(most_pairs.isqrt());
        let max_width = match kernel {
            Kernel::PositionalPopcount => positional_popcount::max_width(bins).min(columns),
            _ => columns,
        };
        (height, (most_pairs / height).clamp(height, max_width.max(height)))
    }
}

/// Returns the bytes of one pair's result.
pub(super) fn pair_bytes(goal: Goal, bins: usize) -> usize {
    match goal {
        Goal::Sums => size_of::<u64>(),
        Goal::Histograms => bins * bins * size_of::<u32>(),
    }
}

/// Returns a height of tiles with which every thread gets several bands.
pub(super) fn band_height(rows: usize, threads: usize, max_height: usize) -> usize {
    (rows / (BANDS_A_THREAD * threads)).clamp(MIN_HEIGHT, max_height).min(rows).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tiles_shrink_as_samples_and_threads_grow() {
        let shape = |samples, neurons, threads| {
            let kernel = Kernel::PositionalPopcount;
            let (goal, bins, rows, columns) = (Goal::Sums, 10, neurons, neurons);
            TileShape { kernel, goal, samples, bins, rows, columns }.height_and_width(threads)
        };
        assert_eq!(shape(100, 512, 2), (64, 512));
        assert_eq!(shape(100, 512, 16), (8, 512));
        assert_eq!(shape(2, 3, 2), (3, 3));
        assert_eq!(shape(2, 5, 2), (4, 5));
        let (height, width) = shape(1_000_000, 800, 2);
        assert!(height <= width && width < 800, "{height} x {width}");
    }
}
