//! An axis of the plane of a pair, in the common unit of its two grids: the shorter step of the two.
//!
//! All values and distances are whole numbers of steps of their own axis, at most 2⁵¹. Times a power
//! of two they are still exact in an `f64`, and so are all comparisons of distances. But the sum of
//! a value and a distance along the other axis may be rounded.

use fearless_simd::{Simd, prelude::*};

use crate::neighbors::column::{Column, MAX_SHIFT};

/// A factor that makes any distance but 0 longer than a step.
const ANY_STEP: f64 = (1u64 << MAX_SHIFT) as f64;

/// The step of an axis.
#[derive(Debug, Clone, Copy)]
pub(super) struct Axis {
    /// The length of a step: 1 for one of the axes at least.
    pub(super) step: f64,
    per_step: f64,
}

impl Axis {
    pub(super) fn of(across: &Column, along: &Column) -> (Self, Self) {
        let of_shift = |shift: u32| {
            let step = (1u64 << shift) as f64;
            Self { step, per_step: 1.0 / step }
        };
        let (across, along) = across.shifts(along);
        (of_shift(across), of_shift(along))
    }

    /// Returns distances that are long enough for a search along this axis: added to a value of the
    /// axis, and rounded, they are beyond every value that is closer than the given distances. Where
    /// there is no such value, because the distance is 0, it stays 0.
    #[inline(always)]
    pub(super) fn reach<S: Simd>(self, distances: S::f64s) -> S::f64s {
        if self.step > 1.0 {
            (distances * ANY_STEP).min(distances + self.step)
        } else {
            // Sums are exact, or larger than every value.
            distances
        }
    }

    /// Converts values of this axis to steps.
    #[inline(always)]
    pub(super) fn steps<S: Simd>(self, values: S::f64s) -> S::f64s {
        values * self.per_step
    }

    /// Converts distances to steps, rounded up: fewer steps than that are closer.
    #[inline(always)]
    pub(super) fn whole_steps<S: Simd>(self, distances: S::f64s) -> S::f64s {
        if self.step > 1.0 { (distances * self.per_step).ceil() } else { distances }
    }
}
