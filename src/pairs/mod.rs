//! Pairs of neurons: tiles of them, their sums, and a matrix with a number for each.

pub(crate) mod matrix;
pub(crate) mod sums;
pub(crate) mod tile;
