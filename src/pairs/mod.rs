//! Pairs of neurons: tiles of them, their sums, a matrix with a number for each, and digests.

pub mod digest;
pub(crate) mod matrix;
pub(crate) mod sums;
pub(crate) mod tile;
