//! The tests of the library that can share a process. Those that count memory, change the environment
//! or use all threads are binaries of their own beside this folder.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot go on has failed, and says so by panicking"
)]

#[path = "../common/mod.rs"]
mod common;

mod binnings;
// Sweeps of codes in a file need the feature.
#[cfg(feature = "spill")]
mod digests;
mod engines;
mod errors;
mod estimators;
mod floors;
mod fuzz;
mod neighbors;
mod oracle;
mod own_device;
mod progress;
mod properties;
mod prose;
mod shaders;
mod significance;
mod surrogates;
// `cargo test` in the root turns the feature on, as the companion crates do.
#[cfg(feature = "spill")]
mod streaming;
#[cfg(feature = "spill")]
mod sweeps;
