//! Neighbour counts of every sample of a pair of neurons, summed over a table.
//!
//! The plane of the two neurons is cut into strips along the first; in a strip samples are in the
//! order of the second. As many neighbouring samples of a strip as a vector has lanes, a *leaf*, lie
//! close together in the plane, so that they have their neighbours in common: each candidate is
//! compared with all of the leaf at once. A strip is searched outwards from the leaf, and strips
//! outwards from the leaf's own, until what is left is farther away than the `k`-th neighbour of
//! every sample of the leaf.
//!
//! GPU twin: `shaders/nearest_neighbors.wgsl`.

use fearless_simd::{Simd, prelude::*};

use super::KsgAlgorithm;
use super::column::Column;
use super::harmonic::HarmonicTable;
use super::rank_table::{BEYOND, LANES};
use super::smallest::{FAR, InLists, InMemory, InRegisters, MAX_IN_MEMORY, Smallest};
use crate::simd::{Level, Vectorized};

/// Candidates of a strip on one side of a leaf, until the other side has its turn.
const GROUP: usize = 4;

/// Behind each strip: as much as a leaf may read beyond it, and one in front of the next.
const GAP: usize = LANES + 1;

/// What a leaf's own samples are moved away by, in the lane that would find itself.
const APART: [[f64; LANES]; LANES] = {
    let mut apart = [[0.0; LANES]; LANES];
    let mut lane = 0;
    while lane < LANES {
        apart[lane][lane] = FAR;
        lane += 1;
    }
    apart
};

/// The samples of a pair, strip by strip; memory that is used again from pair to pair.
#[derive(Debug, Default)]
pub(crate) struct Plane {
    /// The values of the neuron whose strips these are.
    across: Vec<f64>,
    /// Ascending in each strip, with something larger than any value behind and something smaller
    /// in front.
    along: Vec<f64>,
    /// Where each strip begins and ends.
    strips: Vec<(usize, usize)>,
    /// The next free place of each strip; later, where its window began for the leaf before.
    cursors: Vec<usize>,
}

impl Plane {
    fn fill(&mut self, across: &Column, along: &Column) {
        let strips = &across.strips;
        let len = along.order.len() + strips.len() * GAP + 1;
        self.across.resize(len, 0.0);
        self.along.resize(len, 0.0);
        self.strips.clear();
        self.cursors.clear();
        for (strip, ends) in strips.begin.windows(2).enumerate() {
            let (begin, end) = (ends[0] + strip * GAP + 1, ends[1] + strip * GAP + 1);
            self.strips.push((begin, end));
            self.cursors.push(begin);
            self.along[begin - 1] = -BEYOND;
            self.along[end..end + LANES].fill(BEYOND);
        }
        for (&sample, &value) in along.order.iter().zip(along.ranks.sorted()) {
            let sample = sample as usize;
            let next = &mut self.cursors[usize::from(strips.of_sample[sample])];
            self.across[*next] = across.values[sample];
            self.along[*next] = value;
            *next += 1;
        }
    }

    /// Before the leaves of another strip, which begin at the lower end again.
    fn rewind(&mut self) {
        for (cursor, &(begin, _)) in self.cursors.iter_mut().zip(&self.strips) {
            *cursor = begin;
        }
    }

    /// Where the window of a strip begins whose samples are above `down`.
    #[inline(always)]
    fn first_above(&mut self, strip: usize, down: f64) -> usize {
        let mut at = self.cursors[strip];
        while self.along[at] <= down {
            at += 1;
        }
        while self.along[at - 1] > down {
            at -= 1;
        }
        self.cursors[strip] = at;
        at
    }
}

/// The sum over samples of `H(n_x) + H(n_y)` for algorithm 1, of `H(n_x − 1) + H(n_y − 1)` for
/// algorithm 2, which is that of `ψ(n + 1)` or `ψ(n)` but for Euler's constant.
pub(crate) fn pair_sum(
    pair: (&Column, &Column),
    k: usize,
    algorithm: KsgAlgorithm,
    table: &HarmonicTable,
    level: Level,
    plane: &mut Plane,
) -> u64 {
    // The neuron with the most equal samples gets the strips, which make light of them.
    let (across, along) =
        if pair.0.most_equal >= pair.1.most_equal { pair } else { (pair.1, pair.0) };
    plane.fill(across, along);
    level.run(PairSum { plane, across, along, k, algorithm, table })
}

struct PairSum<'a> {
    plane: &'a mut Plane,
    across: &'a Column,
    along: &'a Column,
    k: usize,
    algorithm: KsgAlgorithm,
    table: &'a HarmonicTable,
}

impl Vectorized for PairSum<'_> {
    type Output = u64;

    #[inline(always)]
    fn run<S: Simd>(mut self, simd: S) -> u64 {
        match self.k {
            1 => self.sum(simd, InRegisters::<S, 1>::new(simd)),
            2 => self.sum(simd, InRegisters::<S, 2>::new(simd)),
            3 => self.sum(simd, InRegisters::<S, 3>::new(simd)),
            4 => self.sum(simd, InRegisters::<S, 4>::new(simd)),
            5 => self.sum(simd, InRegisters::<S, 5>::new(simd)),
            6..=MAX_IN_MEMORY => self.sum(simd, InMemory::new(simd, self.k)),
            _ => self.sum(simd, InLists::new(simd, self.k)),
        }
    }
}

/// Neighbouring samples, one a lane.
struct Leaf<S: Simd> {
    strip: usize,
    begin: usize,
    end: usize,
    x: S::f64s,
    y: S::f64s,
}

/// How far the samples of a leaf look for nearer neighbours: beyond are none.
#[derive(Clone, Copy)]
struct Reach {
    left: f64,
    right: f64,
    down: f64,
    up: f64,
}

impl<S: Simd> Leaf<S> {
    #[inline(always)]
    fn new(simd: S, plane: &Plane, strip: usize, begin: usize, end: usize) -> Self {
        let lanes = S::f64s::LEN;
        let mut x = S::f64s::from_slice(simd, &plane.across[begin..begin + lanes]);
        let mut y = S::f64s::from_slice(simd, &plane.along[begin..begin + lanes]);
        // At the end of a strip lanes are left over, and look for what the last one does.
        for lane in end - begin..lanes {
            x.as_mut_slice()[lane] = plane.across[end - 1];
            y.as_mut_slice()[lane] = plane.along[end - 1];
        }
        Self { strip, begin, end, x, y }
    }

    #[inline(always)]
    fn reach(&self, distances: S::f64s) -> Reach {
        Reach {
            left: (self.x - distances).reduce_min(),
            right: (self.x + distances).reduce_max(),
            down: (self.y - distances).reduce_min(),
            up: (self.y + distances).reduce_max(),
        }
    }

    #[inline(always)]
    fn distances(&self, plane: &Plane, at: usize) -> (S::f64s, S::f64s) {
        ((self.x - plane.across[at]).abs(), (self.y - plane.along[at]).abs())
    }
}

impl PairSum<'_> {
    #[inline(always)]
    fn sum<S: Simd, B: Smallest<S>>(&mut self, simd: S, mut smallest: B) -> u64 {
        let mut sum = 0;
        for strip in 0..self.plane.strips.len() {
            self.plane.rewind();
            let (first, last) = self.plane.strips[strip];
            for begin in (first..last).step_by(S::f64s::LEN) {
                let end = last.min(begin + S::f64s::LEN);
                let leaf = Leaf::<S>::new(simd, self.plane, strip, begin, end);
                smallest.clear();
                self.search(simd, &leaf, &mut smallest);
                let distances = smallest.finish();
                sum += match self.algorithm {
                    KsgAlgorithm::First => {
                        // As `line::open_radius`.
                        let radius = distances.max(1.0);
                        self.count::<S, 0>(simd, &leaf, radius, radius)
                    }
                    KsgAlgorithm::Second => {
                        let (x, y) = self.extents(simd, &leaf, distances);
                        self.count::<S, 1>(simd, &leaf, x + 1.0, y + 1.0)
                    }
                };
            }
        }
        sum
    }

    /// Finds the smallest distances of the samples of a leaf.
    #[inline(always)]
    fn search<S: Simd, B: Smallest<S>>(&mut self, simd: S, leaf: &Leaf<S>, smallest: &mut B) {
        for (lane, at) in (leaf.begin..leaf.end).enumerate() {
            let apart = S::f64s::from_slice(simd, &APART[lane][..S::f64s::LEN]);
            let (dx, dy) = leaf.distances(self.plane, at);
            smallest.insert(dx.max(dy).max(apart));
        }
        let mut reach = leaf.reach(smallest.bound());
        let (mut below, mut above) = (leaf.begin - 1, leaf.end);
        loop {
            let before = (below, above);
            for _ in 0..GROUP {
                if self.plane.along[above] < reach.up {
                    let (dx, dy) = leaf.distances(self.plane, above);
                    smallest.insert(dx.max(dy));
                    above += 1;
                }
            }
            for _ in 0..GROUP {
                if self.plane.along[below] > reach.down {
                    let (dx, dy) = leaf.distances(self.plane, below);
                    smallest.insert(dx.max(dy));
                    below -= 1;
                }
            }
            if before == (below, above) {
                break;
            }
            reach = leaf.reach(smallest.bound());
        }
        let strips = &self.across.strips;
        for step in 1.. {
            let (right, left) = (leaf.strip + step, leaf.strip.wrapping_sub(step));
            let is_right_near = right < strips.len() && strips.low[right] < reach.right;
            if is_right_near {
                self.search_strip(right, leaf, reach, smallest);
                reach = leaf.reach(smallest.bound());
            }
            let is_left_near = left < strips.len() && strips.high[left] > reach.left;
            if is_left_near {
                self.search_strip(left, leaf, reach, smallest);
                reach = leaf.reach(smallest.bound());
            }
            if !is_left_near && !is_right_near {
                break;
            }
        }
    }

    #[inline(always)]
    fn search_strip<S: Simd, B: Smallest<S>>(
        &mut self,
        strip: usize,
        leaf: &Leaf<S>,
        reach: Reach,
        smallest: &mut B,
    ) {
        let mut at = self.plane.first_above(strip, reach.down);
        while self.plane.along[at] < reach.up {
            let (dx, dy) = leaf.distances(self.plane, at);
            smallest.insert(dx.max(dy));
            at += 1;
        }
    }

    /// How far the neighbours within a distance, with those at it, extend along each axis.
    #[inline(always)]
    fn extents<S: Simd>(
        &mut self,
        simd: S,
        leaf: &Leaf<S>,
        distances: S::f64s,
    ) -> (S::f64s, S::f64s) {
        let zero = S::f64s::splat(simd, 0.0);
        let (mut x, mut y) = (zero, zero);
        if !distances.simd_gt(zero).any_true() {
            return (x, y); // equal samples, which may be many
        }
        let reach = leaf.reach(distances);
        let strips = &self.across.strips;
        let (mut first, mut end) = (leaf.strip, leaf.strip + 1);
        while first > 0 && strips.high[first - 1] >= reach.left {
            first -= 1;
        }
        while end < strips.len() && strips.low[end] <= reach.right {
            end += 1;
        }
        for strip in first..end {
            // On the grid, what is not below `down` is above one step less.
            let mut at = self.plane.first_above(strip, reach.down - 1.0);
            while self.plane.along[at] <= reach.up {
                let (dx, dy) = leaf.distances(self.plane, at);
                let is_within = dx.max(dy).simd_le(distances);
                x = is_within.select(x.max(dx), x);
                y = is_within.select(y.max(dy), y);
                at += 1;
            }
        }
        (x, y)
    }

    /// Sums the table over the samples that are closer than a radius along each axis, less `LESS`.
    #[inline(always)]
    fn count<S: Simd, const LESS: usize>(
        &self,
        simd: S,
        leaf: &Leaf<S>,
        radius_x: S::f64s,
        radius_y: S::f64s,
    ) -> u64 {
        let (across, along) = (&self.across.ranks, &self.along.ranks);
        // On the grid, what is farther below than the radius is below one step more.
        let left = across.below(simd, leaf.x - radius_x + 1.0);
        let right = across.below(simd, leaf.x + radius_x);
        let down = along.below(simd, leaf.y - radius_y + 1.0);
        let up = along.below(simd, leaf.y + radius_y);
        let mut sum = 0;
        for lane in 0..leaf.end - leaf.begin {
            let n_x = (right[lane] - left[lane] - 1) as usize;
            let n_y = (up[lane] - down[lane] - 1) as usize;
            sum += self.table.value(n_x - LESS) + self.table.value(n_y - LESS);
        }
        sum
    }
}
