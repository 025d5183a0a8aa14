//! Collectors of the `k` smallest distances of each lane: one for small, medium and large `k` each.

use fearless_simd::{Simd, prelude::*};

use crate::neighbors::rank_table::LANES;

/// A number larger than every distance, and less than half of [`super::rank_table::BEYOND`].
pub(crate) const FAR: f64 = (1u128 << 110) as f64;

/// A collector of distances, one vector at a time, that knows the `k`-th smallest of each lane.
pub(crate) trait Smallest<S: Simd> {
    /// Forgets all distances.
    fn clear(&mut self);

    fn insert(&mut self, distances: S::f64s);

    /// Returns an upper bound of the `k`-th smallest of each lane, [`FAR`] at first.
    fn bound(&self) -> S::f64s;

    /// Returns the `k`-th smallest of each lane.
    fn finish(&mut self) -> S::f64s;
}

/// A collector in registers, for small `k`.
pub(crate) struct InRegisters<S: Simd, const K: usize> {
    far: S::f64s,
    ascending: [S::f64s; K],
}

impl<S: Simd, const K: usize> InRegisters<S, K> {
    #[inline(always)]
    pub(crate) fn new(simd: S) -> Self {
        let far = S::f64s::splat(simd, FAR);
        Self { far, ascending: [far; K] }
    }
}

impl<S: Simd, const K: usize> Smallest<S> for InRegisters<S, K> {
    #[inline(always)]
    fn clear(&mut self) {
        self.ascending = [self.far; K];
    }

    #[inline(always)]
    fn insert(&mut self, distances: S::f64s) {
        let mut rest = distances;
        for i in 0..K {
            let kept = self.ascending[i];
            self.ascending[i] = kept.min(rest);
            rest = kept.max(rest);
        }
    }

    #[inline(always)]
    fn bound(&self) -> S::f64s {
        self.ascending[K - 1]
    }

    #[inline(always)]
    fn finish(&mut self) -> S::f64s {
        self.bound()
    }
}

/// The largest `k` for [`InMemory`].
pub(crate) const MAX_IN_MEMORY: usize = 96;

/// A collector in memory, for medium `k`.
pub(crate) struct InMemory<S: Simd> {
    far: S::f64s,
    k: usize,
    ascending: [S::f64s; MAX_IN_MEMORY],
}

impl<S: Simd> InMemory<S> {
    #[inline(always)]
    pub(crate) fn new(simd: S, k: usize) -> Self {
        let far = S::f64s::splat(simd, FAR);
        Self { far, k: k.clamp(1, MAX_IN_MEMORY), ascending: [far; MAX_IN_MEMORY] }
    }
}

impl<S: Simd> Smallest<S> for InMemory<S> {
    #[inline(always)]
    fn clear(&mut self) {
        self.ascending[..self.k].fill(self.far);
    }

    #[inline(always)]
    fn insert(&mut self, distances: S::f64s) {
        if !distances.simd_lt(self.ascending[self.k - 1]).any_true() {
            return;
        }
        let mut rest = distances;
        for kept in &mut self.ascending[..self.k] {
            let larger = kept.max(rest);
            *kept = kept.min(rest);
            rest = larger;
        }
    }

    #[inline(always)]
    fn bound(&self) -> S::f64s {
        self.ascending[self.k - 1]
    }

    #[inline(always)]
    fn finish(&mut self) -> S::f64s {
        self.bound()
    }
}

/// A collector in lists that are cut back to their smaller halves when they are full, for large
/// `k`. It takes a few operations a distance whatever `k`.
pub(crate) struct InLists<S: Simd> {
    far: S::f64s,
    k: usize,
    bound: S::f64s,
    lists: [Vec<f64>; LANES],
}

impl<S: Simd> InLists<S> {
    #[inline(always)]
    pub(crate) fn new(simd: S, k: usize) -> Self {
        let far = S::f64s::splat(simd, FAR);
        Self { far, k, bound: far, lists: Default::default() }
    }

    /// Cuts a list back to its `k` smallest, and returns the largest of these as the lane's bound.
    #[cold]
    #[inline(never)]
    fn cut(list: &mut Vec<f64>, k: usize) -> f64 {
        if list.len() < k {
            return FAR;
        }
        let (_, &mut kth, _) = list.select_nth_unstable_by(k - 1, f64::total_cmp);
        list.truncate(k);
        kth
    }
}

impl<S: Simd> Smallest<S> for InLists<S> {
    #[inline(always)]
    fn clear(&mut self) {
        self.bound = self.far;
        for list in &mut self.lists {
            list.clear();
        }
    }

    #[inline(always)]
    fn insert(&mut self, distances: S::f64s) {
        if !distances.simd_lt(self.bound).any_true() {
            return;
        }
        for lane in 0..S::f64s::LEN {
            let (distance, bound) = (distances.as_slice()[lane], self.bound.as_slice()[lane]);
            if distance < bound {
                let list = &mut self.lists[lane];
                list.push(distance);
                if list.len() >= 2 * self.k || (bound == FAR && list.len() == self.k) {
                    self.bound.as_mut_slice()[lane] = Self::cut(list, self.k);
                }
            }
        }
    }

    #[inline(always)]
    fn bound(&self) -> S::f64s {
        self.bound
    }

    #[inline(always)]
    fn finish(&mut self) -> S::f64s {
        for lane in 0..S::f64s::LEN {
            self.bound.as_mut_slice()[lane] = Self::cut(&mut self.lists[lane], self.k);
        }
        self.bound
    }
}
