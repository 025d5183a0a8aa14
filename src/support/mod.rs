//! Helpers that do not depend on activations: vectors, memory, random numbers, progress,
//! cancelling.

pub(crate) mod cancel;
pub(crate) mod memory;
pub(crate) mod monitor;
pub(crate) mod random;
pub(crate) mod reorder;
pub(crate) mod simd;
pub(crate) mod stopwatch;
