//! The tests of the command that can share a process. Those that kill or interrupt it, or mount file
//! systems, are binaries of their own beside this folder.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, and says so by panicking"
)]

#[path = "../common/mod.rs"]
mod common;

mod advice;
mod analyze;
mod bad_input;
mod choices;
mod compare;
mod comparisons;
mod devices;
mod documents;
mod few_samples;
mod field;
mod formats;
mod pairs;
mod translation;
mod verify;
