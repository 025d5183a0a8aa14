//! What *Measures of Information Reflect Memorization Patterns* (Bansal, Pruthi and Belinkov,
//! NeurIPS 2022, arXiv 2210.09404) did with small networks, from nothing: data whose labels can be
//! had by a shortcut or only by heart ([`circles`], [`images`], [`tasks`]), networks trained on them
//! ([`network`]), activations measured with cofire ([`measures`]), and how well the measures rank
//! the networks ([`ranking`]). [`study`] is a grid of all that; the example `memorization` runs it.

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
