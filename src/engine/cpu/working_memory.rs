//! Upper bounds on the memory that threads work in, for the plan of a job.

use super::tile_shape::{TileShape, pair_bytes};
use super::{Goal, Kernel, joint_histogram, positional_popcount, private_counters};
use crate::codes::bits;

/// Returns the most bytes that all threads together work in while they count the pairs of `neurons` neurons.
///
/// Codes, the table of f(n) and the result come on top. The bound holds for the requested kernel or, if there
/// is none, for every kernel that may be chosen.
pub(crate) fn most_bytes(
    samples: usize,
    neurons: usize,
    bins: usize,
    (kernel, goal): (Option<Kernel>, Goal),
) -> u128 {
    let chosen: &[Kernel] = match (goal, &kernel) {
        (Goal::Histograms, _) => &[Kernel::JointHistogram], // or bitset, which needs less
        (Goal::Sums, Some(kernel)) => std::slice::from_ref(kernel),
        (Goal::Sums, None) if bins == bits::BINS => &[Kernel::PositionalPopcount, Kernel::Bitset],
        (Goal::Sums, None) => &[Kernel::PositionalPopcount],
    };
    let bytes = chosen.iter().map(|&kernel| {
        let shape = TileShape { kernel, goal, samples, bins, rows: neurons, columns: neurons };
        bytes_of(shape, rayon::current_num_threads())
    });
    bytes.max().unwrap_or(0)
}

fn bytes_of(shape: TileShape, threads: usize) -> u128 {
    let TileShape { kernel, goal, samples, bins, rows, columns } = shape;
    let (height, width) = shape.height_and_width(threads);
    // The counts and the results made from them, in a list that grows.
    let results = height.min(rows) * width.min(columns) * (pair_bytes(goal, bins) + 24);
    let others = match kernel {
        Kernel::JointHistogram => joint_histogram::working_bytes(bins),
        Kernel::PositionalPopcount => {
            positional_popcount::working_bytes(samples, bins, height, width.min(columns))
        }
        Kernel::PrivateCounters => private_counters::working_bytes(samples, bins),
        Kernel::Bitset => 0,
    };
    let tiles = rows.div_ceil(height).saturating_mul(columns.div_ceil(width));
    (results + others) as u128 * threads.min(tiles) as u128
}
