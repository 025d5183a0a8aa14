//! Statistics that know nothing of neurons: the tail of the χ² distribution, false-discovery rates.

mod chi_squared;
mod false_discovery;

pub(crate) use chi_squared::chi_squared_tail;
pub use false_discovery::{false_discovery_rates, false_discovery_rates_of_pairs};
