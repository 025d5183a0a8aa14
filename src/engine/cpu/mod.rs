//! The CPU engine: native kernels on all cores, and the reference for every GPU kernel.

pub(crate) mod bitset;
pub(crate) mod equal_codes;
pub(crate) mod joint_histogram;
mod pool;
pub(crate) mod positional_popcount;
pub(crate) mod private_counters;
mod tile_shape;
pub(crate) mod working_memory;

use std::cmp::Reverse;
use std::sync::Arc;

use rayon::prelude::*;

use super::{Counts, Goal, Job, Sink};
use crate::codes::Codes;
use crate::error::Error;
use crate::execution::Kernel;
use crate::pairs::sums::checked_sums;
use crate::pairs::tile::Tile;
use crate::support::simd::Level;
pub(crate) use pool::on_pool;
use positional_popcount::two_bins;
use tile_shape::{TileShape, band_height};

/// Counts every pair of some tiles, which may have any size, without blocking the executor that polls it.
pub(crate) async fn run(job: &Job, sink: &Arc<dyn Sink>, tiles: Vec<Tile>) -> Result<(), Error> {
    let (job, sink) = (job.clone(), Arc::clone(sink));
    // The fastest kernels for two bins read only bit strings.
    if job.codes.bits().is_none() || !matches!(job.kernel, None | Some(Kernel::Bitset)) {
        job.codes.make_bytes()?;
    }
    on_pool(move || run_blocking(&job, sink.as_ref(), &tiles)).await
}

fn run_blocking(job: &Job, sink: &dyn Sink, tiles: &[Tile]) -> Result<(), Error> {
    let shape = TileShape::of(job, kernel(job));
    let (height, width) = shape.height_and_width(rayon::current_num_threads());
    let level = Level::best();
    let pieces: Vec<Tile> = tiles.iter().flat_map(|tile| tile.cut(height, width)).collect();
    interleave_by_size(pieces).into_par_iter().try_for_each(|tile| {
        let counts = match job.goal {
            Goal::Sums => Counts::Sums(tile_sums(job, &tile, level)?),
            Goal::Histograms => Counts::Histograms(tile_histograms(job, &tile, level)),
        };
        sink.accept(&tile, &counts);
        job.monitor.advance(tile.work(job.codes.samples()))
    })
}

/// Orders tiles by size: the largest, the smallest, the second largest and so on.
///
/// Threads share a list by halves of halves, and the rows of a triangle get ever shorter. In this order all
/// parts of the list have about as much work.
fn interleave_by_size(mut tiles: Vec<Tile>) -> Vec<Tile> {
    tiles.sort_by_key(|tile| Reverse(tile.pairs()));
    let mut ordered = Vec::with_capacity(tiles.len());
    let mut rest = tiles.into_iter();
    while let Some(large) = rest.next() {
        ordered.push(large);
        ordered.extend(rest.next_back());
    }
    ordered
}

/// Returns the kernel that counts a job: the requested one, or the fastest.
///
/// Histograms come from [`Kernel::Bitset`] or [`Kernel::JointHistogram`] only, whichever kernel was
/// requested.
pub(crate) fn kernel(job: &Job) -> Kernel {
    let fastest = fastest(job, rayon::current_num_threads());
    match job.goal {
        Goal::Sums => job.kernel.unwrap_or(fastest),
        Goal::Histograms if job.codes.bits().is_some() => match job.kernel {
            None | Some(Kernel::Bitset) => Kernel::Bitset,
            Some(_) => Kernel::JointHistogram,
        },
        Goal::Histograms => Kernel::JointHistogram,
    }
}

/// Returns the fastest kernel for sums. With many threads tiles are low, and making blocks from bit strings
/// does not pay for few rows.
fn fastest(job: &Job, threads: usize) -> Kernel {
    let (codes, rows) = (&job.codes, job.pairs.rows.len());
    let most = positional_popcount::max_height(codes.samples(), codes.bins());
    let height = band_height(rows, threads, most);
    if codes.bits().is_none() || two_bins::is_faster_than_bitset(codes, height) {
        Kernel::PositionalPopcount
    } else {
        Kernel::Bitset
    }
}

/// Counts the joint histograms of a tile.
fn tile_histograms(job: &Job, tile: &Tile, level: Level) -> Vec<u32> {
    match kernel(job) {
        Kernel::Bitset => bitset::histograms(&job.codes, tile, level),
        _ => joint_histogram::histograms(&job.codes, tile),
    }
}

/// Computes Σ f(n) of every pair of a tile, and checks the number of samples if the kernel counts it.
pub(crate) fn tile_sums(job: &Job, tile: &Tile, level: Level) -> Result<Vec<u64>, Error> {
    match kernel(job) {
        Kernel::JointHistogram => {
            let pairs = joint_histogram::pair_sums(&job.codes, &job.table, tile);
            checked_sums(tile, job.codes.samples(), &pairs)
        }
        Kernel::Bitset => Ok(bitset::pair_sums(&job.codes, &job.table, tile, level)),
        Kernel::PositionalPopcount => {
            let stop = job.monitor.token();
            let sums = positional_popcount::pair_sums(&job.codes, &job.table, tile, level, stop);
            stop.check()?; // a stopped count has no sums
            Ok(sums)
        }
        Kernel::PrivateCounters => {
            let pairs = private_counters::pair_sums(&job.codes, &job.table, tile);
            checked_sums(tile, job.codes.samples(), &pairs)
        }
    }
}

/// Counts the joint histograms of chosen pairs, one after the other in `counts`.
pub(crate) fn joint_histograms(codes: &Codes, pairs: &[(usize, usize)], counts: &mut [u32]) {
    let bins = codes.bins();
    counts.par_chunks_exact_mut(bins * bins).zip(pairs).for_each(|(counts, &(i, j))| {
        joint_histogram::count(codes.neuron(i), codes.neuron(j), bins, counts);
    });
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;
    use crate::estimator::CellTable;
    use crate::pairs::sums::PairSum;
    use crate::support::cancel::CancelToken;
    use crate::support::monitor::Monitor;

    fn job(codes: Codes, kernel: Kernel) -> Job {
        let table = CellTable::plug_in(u32::try_from(codes.samples()).unwrap());
        Job {
            pairs: Tile::triangle(codes.neurons()),
            goal: Goal::Sums,
            codes: Arc::new(codes),
            table: Arc::new(table),
            kernel: Some(kernel),
            monitor: Arc::new(Monitor::new(0, None, CancelToken::new())),
        }
    }

    /// Computes Σ f(n) of a pair straight from the definition.
    fn pair_sum_by_definition(job: &Job, i: usize, j: usize) -> u64 {
        let bins = job.codes.bins();
        let mut counts = vec![0u32; bins * bins];
        for (&a, &b) in job.codes.neuron(i).iter().zip(job.codes.neuron(j)) {
            counts[usize::from(a) * bins + usize::from(b)] += 1;
        }
        job.table.sum(&counts)
    }

    #[test]
    fn every_kernel_on_every_level_agrees_with_the_definition() {
        for bins in [2, 3, 8, 9, 10, 16, 17, 31, 32, 33, 100, 256] {
            for (samples, neurons) in
                [(2, 1), (3, 5), (100, 33), (257, 64), (8193, 20), (20000, 3), (70001, 3)]
            {
                // Some neurons vary slowly, some fast, some not at all.
                let codes = Codes::from_fn(samples, neurons, bins, |s, j| {
                    (s * (j % 7)) / (1 + j % 3) + (s * s * j) % 11
                });
                let defined: HashMap<(usize, usize), u64> = {
                    let job = job(codes.clone(), Kernel::JointHistogram);
                    let sum = |(i, j)| ((i, j), pair_sum_by_definition(&job, i, j));
                    job.pairs.iter().map(sum).collect()
                };
                for kernel in Kernel::ALL.into_iter().filter(|k| bins <= k.max_bins()) {
                    let job = job(codes.clone(), kernel);
                    let mut tiles = job.pairs.cut(7, 40);
                    if neurons > 1 {
                        tiles.extend(Tile::rectangle(neurons / 2, neurons.div_ceil(2)).cut(13, 9));
                    }
                    for tile in &tiles {
                        for level in Level::available() {
                            let found = tile_sums(&job, tile, level).unwrap();
                            for ((i, j), found) in tile.iter().zip(found) {
                                let expected = defined[&(i, j)];
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
    fn histograms_are_those_of_the_definition() {
        for (bins, kernel) in
            [(2, Kernel::Bitset), (2, Kernel::JointHistogram), (7, Kernel::Bitset)]
        {
            let codes = Codes::from_fn(300, 9, bins, |s, j| (s * (j + 1)) / 3 + s * s * j);
            let job = Job { goal: Goal::Histograms, ..job(codes, kernel) };
            for tile in [job.pairs.clone(), Tile::rectangle(4, 5)] {
                for level in Level::available() {
                    let found = tile_histograms(&job, &tile, level);
                    for ((i, j), found) in tile.iter().zip(found.chunks_exact(bins * bins)) {
                        let mut expected = vec![0u32; bins * bins];
                        for (&a, &b) in job.codes.neuron(i).iter().zip(job.codes.neuron(j)) {
                            expected[usize::from(a) * bins + usize::from(b)] += 1;
                        }
                        assert_eq!(found, expected, "({i}, {j}), {bins} bins, {level:?}");
                    }
                }
            }
        }
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
