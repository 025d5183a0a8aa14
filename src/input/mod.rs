//! Activations as callers give them, and what is read off them before they are cut into bins.

pub(crate) mod activations;
pub(crate) mod batches;
pub(crate) mod degenerate;
pub(crate) mod extents;
pub(crate) mod groups;
