//! Numbers of instructions by the resource that they use.

use std::ops::{Add, AddAssign, Div};

use serde::{Deserialize, Serialize};

/// The instructions of a piece of machine code. Counts are fractions after they are divided by the
/// number of pair-samples.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct Counts {
    /// Vector arithmetic, which all invocations of a subgroup execute.
    pub(crate) vector: f64,
    /// The instructions in `vector` that take four times as long, such as 32-bit multiplications.
    pub(crate) slow_vector: f64,
    /// The instructions in `vector` that count bits and add.
    pub(crate) bit_counts: f64,
    /// Scalar arithmetic, executed once per subgroup, beside vector arithmetic.
    pub(crate) scalar: f64,
    /// Scalar loads, which have their own cache.
    pub(crate) scalar_loads: f64,
    /// The bytes of scalar loads, once per subgroup.
    pub(crate) scalar_bytes: f64,
    /// Loads from buffers.
    pub(crate) loads: f64,
    /// The bytes that one invocation loads.
    pub(crate) load_bytes: f64,
    /// Stores to buffers, and atomics on them.
    pub(crate) stores: f64,
    /// The bytes that one invocation stores.
    pub(crate) store_bytes: f64,
    /// Loads, stores and atomics in workgroup memory.
    pub(crate) workgroup: f64,
    /// Branches and barriers.
    pub(crate) control: f64,
    /// Waits and hints, which do no work.
    pub(crate) hints: f64,
}

impl Counts {
    /// Returns the turns for which vector arithmetic keeps its unit busy. A slow instruction takes
    /// four turns, and one that counts bits takes `bit_count_turns`.
    pub(crate) fn vector_turns(&self, bit_count_turns: f64) -> f64 {
        self.vector + 3.0 * self.slow_vector + (bit_count_turns - 1.0) * self.bit_counts
    }

    fn zip(self, other: Self, f: impl Fn(f64, f64) -> f64) -> Self {
        Self {
            vector: f(self.vector, other.vector),
            slow_vector: f(self.slow_vector, other.slow_vector),
            bit_counts: f(self.bit_counts, other.bit_counts),
            scalar: f(self.scalar, other.scalar),
            scalar_loads: f(self.scalar_loads, other.scalar_loads),
            scalar_bytes: f(self.scalar_bytes, other.scalar_bytes),
            loads: f(self.loads, other.loads),
            load_bytes: f(self.load_bytes, other.load_bytes),
            stores: f(self.stores, other.stores),
            store_bytes: f(self.store_bytes, other.store_bytes),
            workgroup: f(self.workgroup, other.workgroup),
            control: f(self.control, other.control),
            hints: f(self.hints, other.hints),
        }
    }
}

impl Add for Counts {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        self.zip(other, |a, b| a + b)
    }
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Div<f64> for Counts {
    type Output = Self;

    fn div(self, parts: f64) -> Self {
        self.zip(self, |a, _| a / parts)
    }
}
