//! Neighbour counts of every sample of a pair of neurons, summed over a table.
//!
//! The plane of the two neurons is cut into strips along the first, `x`. In a strip, samples are in
//! the order of the second, `y`. A *leaf* is as many neighbouring samples of a strip as a vector
//! has lanes. They lie close together in the plane, so they have most neighbours in common: each
//! candidate is compared with the whole leaf at once. The distance is the larger one of those along
//! the axes.
//!
//! ```text
//! for each leaf, one sample a lane:
//!     ε = the k-th smallest distance of each lane so far, far away at first
//!     update ε with the other samples of the leaf
//!     go up and down the leaf's own strip, a group of candidates at a time:
//!         update ε with max(|x − x'|, |y − y'|) for each candidate (x', y')
//!         stop where |y − y'| ≥ ε in every lane
//!     for step = 1, 2, …, until both strips are too far away:
//!         for the strips `step` to the left and to the right:
//!             if x' of the strip is closer than ε in some lane:
//!                 update ε with the candidates that have |y − y'| < ε in some lane
//!     algorithm 1:
//!         n_x, n_y = the numbers of other samples with |x − x'| < ε, |y − y'| < ε
//!         sum += H(n_x) + H(n_y)
//!     algorithm 2:
//!         ε_x, ε_y = the largest |x − x'| and |y − y'| of the samples no farther than ε
//!         n_x, n_y = the numbers of other samples with |x − x'| ≤ ε_x, |y − y'| ≤ ε_y
//!         sum += H(n_x − 1) + H(n_y − 1)
//! ```
//!
//! Algorithm 1 counts equal samples where ε is 0. The numbers `n_x` and `n_y` come from the rank
//! tables of the two neurons; `H` is the table of harmonic numbers.
//!
//! Each neuron has its own grid. In the plane both are measured in the shorter steps of the two
//! (`axis.rs`), where all distances are exact.
//!
//! GPU twin: `shaders/nearest_neighbors.wgsl`. It compares each sample with all others, and has the
//! same sums.

use fearless_simd::{Simd, prelude::*};

use super::axis::Axis;
use super::smallest::{FAR, InLists, InMemory, InRegisters, MAX_IN_MEMORY, Smallest};
use crate::neighbors::KsgAlgorithm;
use crate::neighbors::column::Column;
use crate::neighbors::harmonic::HarmonicTable;
use crate::neighbors::rank_table::{BEYOND, LANES};
use crate::support::simd::{Level, Vectorized};

/// The number of candidates that are compared together. Candidates beyond the window do no harm.
const GROUP: usize = 4;

/// Padding in front of each strip, smaller than any value. A group that goes down from the strip's
/// first sample reads it.
const FRONT: usize = GROUP;

/// Padding behind each strip, larger than any value. A group that goes up from the strip's last
/// sample reads it, and so does [`Plane::first_above`].
const BACK: usize = 2 * LANES;

/// All padding between two strips.
const GAP: usize = FRONT + BACK;

/// Distances that keep a leaf's sample from finding itself: [`FAR`] in its own lane.
const APART: [[f64; LANES]; LANES] = {
    let mut apart = [[0.0; LANES]; LANES];
    let mut lane = 0;
    while lane < LANES {
        apart[lane][lane] = FAR;
        lane += 1;
    }
    apart
};

/// The samples of a pair, strip by strip. The memory is reused from pair to pair.
#[derive(Debug, Default)]
pub(crate) struct Plane {
    /// The values of the neuron that is cut into strips.
    across: Vec<f64>,
    /// The values of the other neuron: ascending in each strip, between padding smaller than any
    /// value in front and larger than any value behind.
    along: Vec<f64>,
    /// The begin and the end of each strip.
    strips: Vec<(usize, usize)>,
    /// The smallest and the largest value of each strip across.
    low: Vec<f64>,
    high: Vec<f64>,
    /// The next free place of each strip while filling; then the begin of its window for the
    /// previous leaf.
    cursors: Vec<usize>,
}

impl Plane {
    fn fill(&mut self, (across, along): (&Column, &Column), (x, y): (Axis, Axis)) {
        let strips = &across.strips;
        let len = along.order.len() + strips.len() * GAP;
        self.across.resize(len, 0.0);
        self.along.resize(len, 0.0);
        self.strips.clear();
        self.cursors.clear();
        self.low.clear();
        self.low.extend(strips.low.iter().map(|low| low * x.step));
        self.high.clear();
        self.high.extend(strips.high.iter().map(|high| high * x.step));
        for (strip, ends) in strips.begin.windows(2).enumerate() {
            let begin = ends[0] + strip * GAP + FRONT;
            let end = ends[1] + strip * GAP + FRONT;
            self.strips.push((begin, end));
            self.cursors.push(begin);
            self.along[begin - FRONT..begin].fill(-BEYOND);
            self.along[end..end + BACK].fill(BEYOND);
        }
        for (&sample, &value) in along.order.iter().zip(along.ranks.sorted()) {
            let sample = sample as usize;
            let next = &mut self.cursors[usize::from(strips.of_sample[sample])];
            self.across[*next] = across.values[sample] * x.step;
            self.along[*next] = value * y.step;
            *next += 1;
        }
    }

    /// Moves the cursors to the lower ends of the strips, for the leaves of another strip.
    fn rewind(&mut self) {
        for (cursor, &(begin, _)) in self.cursors.iter_mut().zip(&self.strips) {
            *cursor = begin;
        }
    }

    /// Returns the first place of a strip whose sample is above `down`.
    #[inline(always)]
    fn first_above<S: Simd>(&mut self, simd: S, strip: usize, down: f64) -> usize {
        let mut at = self.cursors[strip];
        while self.along[at - 1] > down {
            at -= GROUP;
        }
        // Vectors, because the branch at the end of a scalar loop would be unpredictable.
        loop {
            let mut below = 0;
            for part in self.along[at..at + BACK].chunks_exact(S::f64s::LEN) {
                let part = S::f64s::from_slice(simd, part);
                below += part.simd_le(down).to_bitmask().count_ones() as usize;
            }
            at += below;
            if below < BACK {
                break;
            }
        }
        self.cursors[strip] = at;
        at
    }
}

/// Returns the sum over samples of `H(n_x) + H(n_y)` for algorithm 1, and of
/// `H(n_x − 1) + H(n_y − 1)` for algorithm 2. Except for Euler's constant these are sums of
/// `ψ(n + 1)` and of `ψ(n)`.
pub(crate) fn pair_sum(
    pair: (&Column, &Column),
    k: usize,
    algorithm: KsgAlgorithm,
    table: &HarmonicTable,
    level: Level,
    plane: &mut Plane,
) -> u64 {
    // The neuron with the most equal samples is cut into strips, where equal samples cost little.
    let (across, along) =
        if pair.0.most_equal >= pair.1.most_equal { pair } else { (pair.1, pair.0) };
    let axes = Axis::of(across, along);
    plane.fill((across, along), axes);
    level.run(PairSum { plane, across, along, axes, k, algorithm, table })
}

struct PairSum<'a> {
    plane: &'a mut Plane,
    across: &'a Column,
    along: &'a Column,
    axes: (Axis, Axis),
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

impl<S: Simd> Leaf<S> {
    #[inline(always)]
    fn new(simd: S, plane: &Plane, strip: usize, begin: usize, end: usize) -> Self {
        let lanes = S::f64s::LEN;
        let mut x = S::f64s::from_slice(simd, &plane.across[begin..begin + lanes]);
        let mut y = S::f64s::from_slice(simd, &plane.along[begin..begin + lanes]);
        // At the end of a strip, unused lanes repeat the last sample.
        for lane in end - begin..lanes {
            x.as_mut_slice()[lane] = plane.across[end - 1];
            y.as_mut_slice()[lane] = plane.along[end - 1];
        }
        Self { strip, begin, end, x, y }
    }

    /// Returns the interval across the strips beyond which no sample is within the distances.
    #[inline(always)]
    fn reach_across(&self, axes: (Axis, Axis), distances: S::f64s) -> (f64, f64) {
        let distances = axes.0.reach::<S>(distances);
        ((self.x - distances).reduce_min(), (self.x + distances).reduce_max())
    }

    /// Returns the interval along the strips beyond which no sample is within the distances.
    #[inline(always)]
    fn reach_along(&self, axes: (Axis, Axis), distances: S::f64s) -> (f64, f64) {
        let distances = axes.1.reach::<S>(distances);
        ((self.y - distances).reduce_min(), (self.y + distances).reduce_max())
    }

    #[inline(always)]
    fn distances(&self, x: f64, y: f64) -> (S::f64s, S::f64s) {
        ((self.x - x).abs(), (self.y - y).abs())
    }

    /// Inserts the distances of a group of candidates.
    #[inline(always)]
    fn compare<B: Smallest<S>>(&self, plane: &Plane, at: usize, smallest: &mut B) {
        let x = &plane.across[at..at + GROUP];
        let y = &plane.along[at..at + GROUP];
        for i in 0..GROUP {
            let (dx, dy) = self.distances(x[i], y[i]);
            smallest.insert(dx.max(dy));
        }
    }

    /// Updates the extents of the neighbours within a distance with a group of candidates.
    #[inline(always)]
    fn extend(
        &self,
        plane: &Plane,
        at: usize,
        within: S::f64s,
        extent_x: &mut S::f64s,
        extent_y: &mut S::f64s,
    ) {
        let x = &plane.across[at..at + GROUP];
        let y = &plane.along[at..at + GROUP];
        for i in 0..GROUP {
            let (dx, dy) = self.distances(x[i], y[i]);
            let is_near = dx.max(dy).simd_le(within);
            *extent_x = is_near.select(extent_x.max(dx), *extent_x);
            *extent_y = is_near.select(extent_y.max(dy), *extent_y);
        }
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
                // One call of `count` for both algorithms: it is most of the code of this function.
                let (across, along) = self.axes;
                let (radius_x, radius_y, less) = match self.algorithm {
                    KsgAlgorithm::First => {
                        // The radius of `line::open_radius`.
                        let radius = distances.max(1.0);
                        (across.whole_steps::<S>(radius), along.whole_steps::<S>(radius), 0)
                    }
                    KsgAlgorithm::Second => {
                        let (x, y) = self.extents(simd, &leaf, distances);
                        (across.steps::<S>(x) + 1.0, along.steps::<S>(y) + 1.0, 1)
                    }
                };
                sum += self.count(simd, &leaf, (radius_x, radius_y), less);
            }
        }
        sum
    }

    /// Finds the smallest distances of the samples of a leaf.
    #[inline(always)]
    fn search<S: Simd, B: Smallest<S>>(&mut self, simd: S, leaf: &Leaf<S>, smallest: &mut B) {
        for (lane, at) in (leaf.begin..leaf.end).enumerate() {
            let apart = S::f64s::from_slice(simd, &APART[lane][..S::f64s::LEN]);
            let (dx, dy) = leaf.distances(self.plane.across[at], self.plane.along[at]);
            smallest.insert(dx.max(dy).max(apart));
        }
        let (mut below, mut above) = (leaf.begin, leaf.end);
        loop {
            let (down, up) = leaf.reach_along(self.axes, smallest.bound());
            let is_above_near = self.plane.along[above] < up;
            if is_above_near {
                leaf.compare(self.plane, above, smallest);
                above += GROUP;
            }
            let is_below_near = self.plane.along[below - 1] > down;
            if is_below_near {
                below -= GROUP;
                leaf.compare(self.plane, below, smallest);
            }
            if !is_above_near && !is_below_near {
                break;
            }
        }
        let strips = self.plane.strips.len();
        let (mut left, mut right) = leaf.reach_across(self.axes, smallest.bound());
        for step in 1.. {
            let (before, behind) = (leaf.strip.wrapping_sub(step), leaf.strip + step);
            let is_behind_near = behind < strips && self.plane.low[behind] < right;
            if is_behind_near {
                self.search_strip(simd, behind, leaf, smallest);
            }
            let is_before_near = before < strips && self.plane.high[before] > left;
            if is_before_near {
                self.search_strip(simd, before, leaf, smallest);
            }
            if !is_before_near && !is_behind_near {
                break;
            }
            (left, right) = leaf.reach_across(self.axes, smallest.bound());
        }
    }

    #[inline(always)]
    fn search_strip<S: Simd, B: Smallest<S>>(
        &mut self,
        simd: S,
        strip: usize,
        leaf: &Leaf<S>,
        smallest: &mut B,
    ) {
        let (down, up) = leaf.reach_along(self.axes, smallest.bound());
        let mut at = self.plane.first_above(simd, strip, down);
        while self.plane.along[at] < up {
            leaf.compare(self.plane, at, smallest);
            at += GROUP;
        }
    }

    /// Returns the extents along each axis of the neighbours that are no farther than `distances`.
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
        let (left, right) = leaf.reach_across(self.axes, distances);
        let (down, up) = leaf.reach_along(self.axes, distances);
        let Plane { low, high, .. } = &self.plane;
        let (mut first, mut end) = (leaf.strip, leaf.strip + 1);
        while first > 0 && high[first - 1] >= left {
            first -= 1;
        }
        while end < low.len() && low[end] <= right {
            end += 1;
        }
        for strip in first..end {
            // On the grid, `y >= down` is the same as `y > down` less a step.
            let mut at = self.plane.first_above(simd, strip, down - self.axes.1.step);
            while self.plane.along[at] <= up {
                leaf.extend(self.plane, at, distances, &mut x, &mut y);
                at += GROUP;
            }
        }
        (x, y)
    }

    /// Counts the other samples closer than a radius along each axis, in steps of its grid, and adds
    /// up the table's values at these numbers less `less`.
    #[inline(always)]
    fn count<S: Simd>(
        &self,
        simd: S,
        leaf: &Leaf<S>,
        (radius_x, radius_y): (S::f64s, S::f64s),
        less: usize,
    ) -> u64 {
        let (across, along) = (&self.across.ranks, &self.along.ranks);
        let (x, y) = (self.axes.0.steps::<S>(leaf.x), self.axes.1.steps::<S>(leaf.y));
        // On the grid, `x <= a` is the same as `x < a + 1`.
        let left = across.below(simd, x - radius_x + 1.0);
        let right = across.below(simd, x + radius_x);
        let down = along.below(simd, y - radius_y + 1.0);
        let up = along.below(simd, y + radius_y);
        let mut sum = 0;
        for lane in 0..leaf.end - leaf.begin {
            let n_x = (right[lane] - left[lane] - 1) as usize;
            let n_y = (up[lane] - down[lane] - 1) as usize;
            sum += self.table.value(n_x - less) + self.table.value(n_y - less);
        }
        sum
    }
}
