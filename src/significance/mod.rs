//! Tests and intervals: the pairs that share more than chance explains.
//!
//! - [`Report::g_test`]: a p-value for every pair, from results that exist already. It is right if
//!   there are many samples for each cell.
//! - [`Analysis::permutation_test`]: a p-value for every pair that is right with few samples too.
//! - [`Analysis::surrogate_test`]: the same for samples that depend on each other, by circular
//!   shifts, or by permutation of blocks or documents ([`Null`]).
//! - [`false_discovery_rates`]: the discoveries among many p-values.
//! - [`Analysis::uncertainty`]: bias, standard error and confidence interval of chosen pairs.
//!
//! [`Analysis::permutation_test`]: crate::Analysis::permutation_test
//! [`Analysis::surrogate_test`]: crate::Analysis::surrogate_test
//! [`Analysis::uncertainty`]: crate::Analysis::uncertainty
//! [`Report::g_test`]: crate::Report::g_test

mod g_test;
mod permutation;
mod surrogate_sums;
mod surrogate_test;
mod uncertainty;

pub use crate::statistics::{false_discovery_rates, false_discovery_rates_of_pairs};
pub use crate::surrogates::{Null, Surrogates};
pub use permutation::PermutationReport;
pub use uncertainty::{PairUncertainty, Resampling};
