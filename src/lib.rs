//! Entropy of every neuron and mutual information of every pair of neurons, exactly, on any GPU
//! (WGSL compute shaders through wgpu) or CPU.
//!
//! Give [`analyze`] the activations of a layer, `samples × neurons`, and a number of bins:
//!
//! ```
//! use ndarray::Array2;
//!
//! let activations = Array2::from_shape_fn((1000, 64), |(s, n)| ((s * (n + 1)) % 101) as f32);
//! let report = cofire::analyze(activations.view(), 10)?;
//! println!("{} nats", report.entropy.mean().unwrap_or(0.0));
//! assert_eq!(report.mutual_information.dim(), (64, 64));
//! # Ok::<(), cofire::Error>(())
//! ```
//!
//! [`Analysis`] has the choices: how activations are cut into bins ([`Binning`]), how entropies are
//! estimated from them ([`Estimator`]), [`Units`], which [`Engine`] computes, progress and cancelling,
//! a limit on memory, `async` calls. [`BinEdges`] carries the bins of one set of activations to
//! another.
//!
//! | question | call |
//! | --- | --- |
//! | What does every pair of a layer share? | [`Analysis::run`], [`NeighborAnalysis::run`] |
//! | Joint entropy, normalised mutual information, ... | [`Report::measure`] |
//! | What do two layers share? | [`Analysis::run_between`], [`NeighborAnalysis::run_between`] |
//! | What do neurons tell of a label? | [`Analysis::label_information`], [`NeighborAnalysis::label_information`] |
//! | What do they share given the label? | [`Analysis::run_given_labels`] |
//! | Which neurons fire together? | [`Analysis::cofiring`] |
//! | What does a layer share as a whole? | [`Analysis::total_correlation`] |
//! | Which pairs are no chance? | [`significance`] |
//! | What would the paper's code say? | [`released_with_paper`] |
//!
//! # What it computes
//!
//! Activations fall into `B` bins, of equal width unless another [`Binning`] is chosen. For every pair
//! `(X, Y)` of neurons the `B × B` joint histogram of `S` samples gives the plug-in estimates
//!
//! ```text
//! H(X)    = ln S − (1/S) Σ n ln n          over the bins of X
//! H(X, Y) = ln S − (1/S) Σ n ln n          over the cells of the joint histogram
//! I(X; Y) = H(X) + H(Y) − H(X, Y)
//! ```
//!
//! which *Measures of Information Reflect Memorization Patterns* (arXiv 2210.09404) uses to tell
//! networks that generalise from networks that learned shortcuts (low entropy, high mutual
//! information) or memorized examples (high entropy, low mutual information).
//!
//! Plug-in mutual information is biased upwards by about `(K_xy − K_x − K_y + 1) / 2S` nats, `K`
//! being the number of occupied bins or cells: compare values at equal `S` and `B`, or choose another
//! [`Estimator`].
//!
//! # Without bins
//!
//! [`NeighborAnalysis`] estimates the same of continuous activations from nearest neighbours:
//! Kozachenko and Leonenko's entropy, Kraskov, Stögbauer and Grassberger's mutual information of all
//! pairs of a layer or between two layers, and Ross's with a label.
//!
//! # The same bits everywhere
//!
//! Histograms are integers, what is summed over their cells comes from one fixed-point table, and sums of integers do not
//! depend on their order. So CPU and GPU, any driver, any kernel and any number of threads return
//! the same bits; against exact arithmetic a plug-in entropy is off by at most 2⁻³⁶ nats (for up to two
//! million samples) and a mutual information by twice that.
//!
//! # Engines
//!
//! [`Engine::Auto`] takes a real GPU if there is one, else the CPU. Every result says what computed
//! it ([`Report::execution`]). A device that fails on the way loses nothing: its tiles are done
//! again, smaller or on the CPU, with the same bits, and the report says so.
//!
//! # Features
//!
//! - `gpu` (default): the GPU engine, with wgpu. Without it the crate is pure CPU code.
//! - `system-memory` (default): asks the operating system how much memory is free, so that a job that
//!   would not fit is refused unless it was given a limit of its own.
//! - `spill`: codes that memory is not allowed to hold go to a temporary file. Without it such a job is
//!   refused.
//!
//! The crate `cofire-files` reads layers from files, whole or in batches, and writes results;
//! `cofire-jobs` keeps the blocks of a [`Sweep`] in a directory; `cofire-report` compares models.

#![cfg_attr(
    test,
    allow(clippy::cast_possible_truncation, reason = "tests make small numbers in short ways")
)]

mod analysis;
mod binning;
mod codes;
#[cfg(feature = "gpu")]
mod device;
mod engine;
mod error;
mod estimator;
mod execution;
mod input;
mod measures;
mod neighbors;
mod pairs;
mod paper;
mod report;
mod settings;
pub mod significance;
mod statistics;
mod support;
mod sweep;
#[cfg(all(test, feature = "gpu"))]
mod tests;

pub use analysis::{
    Analysis, Association, CofiringPair, CofiringReport, ConditionalReport, LabelReport,
    TotalCorrelation, analyze,
};
pub use binning::{BinEdges, BinRule, Binning, Bins, Range};
pub use codes::encoder::{EncodedLayer, Encoder};
pub use engine::{Adapter, Engine};
pub use error::{CancelledBy, Error, ErrorKind};
pub use estimator::Estimator;
pub use execution::{
    AdapterDescription, Execution, Incident, Kernel, KernelChoice, KernelSpeed, OnDeviceFailure,
    Remedy, Transfer,
};
pub use input::batches::Batches;
pub use input::degenerate::{Degeneracy, DegenerateNeuron};
pub use measures::{Measure, Normalization, Units};
pub use neighbors::{
    KsgAlgorithm, NeighborAnalysis, NeighborBetweenReport, NeighborExecution, NeighborReport,
    NeighborTimings,
};
pub use paper::{PaperReport, released_with_paper};
pub use report::{BetweenReport, LayerFacts, MemoryUse, Report, Timings};
pub use support::cancel::CancelToken;
pub use support::monitor::Progress;
pub use support::simd::simd_level;
pub use sweep::{
    Block, BlockBounds, Collected, Collector, InformationPair, Selection, Sweep, SweepPlan,
    SweepReport,
};

/// Opening GPU adapters by hand: to list them, to keep one open over many jobs, or to share a
/// device with the rest of a program.
#[cfg(feature = "gpu")]
pub mod gpu {
    pub use crate::device::{AdapterLimits, FoundAdapter, Gpu, adapters, adapters_async};
    #[doc(hidden)] // for tools/kernel_statistics
    pub use crate::engine::gpu::{KernelSource, kernel_sources};
    pub use wgpu;
}

/// The fewest bins a neuron can have.
pub const MIN_BINS: usize = 2;

/// The most bins a neuron can have: a code is one byte.
pub const MAX_BINS: usize = 256;
