//! Repeats the experiments of *Measures of Information Reflect Memorization Patterns* (Bansal,
//! Pruthi and Belinkov, NeurIPS 2022, arXiv 2210.09404) with small networks, from scratch.
//!
//! The data have labels that can be learned by a shortcut or only be memorized ([`circles`],
//! [`images`], [`tasks`]). Networks are trained on them ([`network`]), and their activations are
//! measured with cofire ([`measures`]). [`ranking`] computes how well the measures rank the
//! networks. [`study`] runs all this over a grid; the example `memorization` runs studies.

pub mod circles;
mod error;
pub mod idx;
pub mod images;
pub mod measures;
pub mod network;
pub mod output;
mod random;
pub mod ranking;
pub mod study;
pub mod table;
pub mod tasks;

pub use error::Error;
