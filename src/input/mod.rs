//! Activations as callers pass them, and the facts that are read from them before they are binned.

pub(crate) mod activations;
pub(crate) mod batches;
pub(crate) mod degenerate;
pub(crate) mod element;
pub(crate) mod extents;
pub(crate) mod groups;
