//! Entropy of every neuron and mutual information of every pair of neurons, exactly, on any GPU
//! (WGSL compute shaders through wgpu) or CPU.
//!
//! Pass the activations of a layer, `samples × neurons`, and a number of bins to [`analyze`]:
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
//! An [`Analysis`] has the settings: the bins of activations ([`Binning`]), the [`Estimator`] of
//! entropies, [`Units`], the [`Engine`], progress and cancelling, a limit on memory, and `async`
//! calls. [`BinEdges`] apply the bins of one set of activations to another.
//!
//! | question | call |
//! | --- | --- |
//! | How much does every pair of a layer share? | [`Analysis::run`], [`NeighborAnalysis::run`] |
//! | Joint entropy, normalised mutual information, ... | [`Report::measure`] |
//! | How much do two layers share? | [`Analysis::run_between`], [`NeighborAnalysis::run_between`] |
//! | How much do neurons share with a label? | [`Analysis::label_information`], [`NeighborAnalysis::label_information`] |
//! | How much do they share given the label? | [`Analysis::run_given_labels`] |
//! | Which neurons fire together? | [`Analysis::cofiring`] |
//! | How much does a layer share as a whole? | [`Analysis::total_correlation`] |
//! | Which pairs are significant? | [`significance`] |
//! | Which pairs of a very large layer share most? | [`Analysis::sweep`] |
//! | What does the paper's code compute? | [`paper::measures`] |
//!
//! The modules hold the types behind these calls: results in [`report`] and [`analysis`], the engine
//! and its incidents in [`execution`], blocks of a sweep in [`sweep`], estimates without bins in
//! [`neighbors`], opened devices in `gpu`.
//!
//! # Computation
//!
//! Activations fall into `B` bins, of equal width unless another [`Binning`] is chosen. For every pair
//! `(X, Y)` of neurons, the `B × B` joint histogram of `S` samples gives the plug-in estimates
//!
//! ```text
//! H(X)    = ln S − (1/S) Σ n ln n          over the bins of X
//! H(X, Y) = ln S − (1/S) Σ n ln n          over the cells of the joint histogram
//! I(X; Y) = H(X) + H(Y) − H(X, Y)
//! ```
//!
//! *Measures of Information Reflect Memorization Patterns* (arXiv 2210.09404) uses them to distinguish
//! networks that generalise from networks that learned shortcuts (low entropy, high mutual
//! information) or memorized examples (high entropy, low mutual information).
//!
//! Plug-in mutual information is biased upwards by about `(K_xy − K_x − K_y + 1) / 2S` nats, where `K`
//! is the number of occupied bins or cells. Compare values at equal `S` and `B`, or choose another
//! [`Estimator`].
//!
//! # Without bins
//!
//! [`NeighborAnalysis`] estimates the same quantities of continuous activations from nearest
//! neighbours: Kozachenko and Leonenko's entropy; Kraskov, Stögbauer and Grassberger's mutual
//! information of all pairs of a layer or between two layers; and Ross's mutual information with a
//! label.
//!
//! # The same bits everywhere
//!
//! Histograms are integers. The values that are summed over their cells come from one fixed-point
//! table, and sums of integers do not depend on their order. So CPU and GPU, any driver, any kernel
//! and any number of threads return the same bits. Compared with exact arithmetic, a plug-in entropy
//! is off by at most 2⁻³⁶ nats (for up to two million samples), and a mutual information by at most
//! twice that.
//!
//! # Engines
//!
//! [`Engine::Auto`] chooses a real GPU if there is one and the job gains from it, else the CPU. Every
//! result names the engine that computed it ([`Report::execution`]). If a device fails during a job,
//! nothing is lost: its tiles are computed again, in smaller pieces or on the CPU, with the same bits,
//! and the report lists the incident.
//!
//! # Features
//!
//! - `gpu` (default): the GPU engine, with wgpu. Without it the crate is pure CPU code.
//! - `system-memory` (default): asks the operating system how much memory is free. A job that would
//!   not fit is then refused, unless it has a limit of its own.
//! - `spill`: writes codes that the allowed memory does not hold to a temporary file. Without it such a
//!   job is refused.
//!
//! The crate `cofire-files` reads layers from files, whole or in batches, and writes results;
//! `cofire-jobs` keeps the blocks of a [`Sweep`] in a directory; `cofire-report` compares models.

#![cfg_attr(
    test,
    allow(clippy::cast_possible_truncation, reason = "tests make small numbers in short ways")
)]

pub mod analysis;
mod binning;
mod codes;
#[cfg(feature = "gpu")]
mod device;
mod engine;
mod error;
mod estimator;
pub mod execution;
mod input;
mod measures;
pub mod neighbors;
mod pairs;
pub mod paper;
pub mod report;
mod settings;
pub mod significance;
mod statistics;
mod support;
mod surrogates;
pub mod sweep;
#[cfg(feature = "gpu")]
#[cfg(test)]
mod tests;

pub use analysis::{Analysis, analyze};
pub use binning::{BinEdges, BinRule, Binning, Bins, Range};
pub use codes::encoder::{EncodedLayer, Encoder};
pub use engine::{Adapter, Engine};
pub use error::{CancelledBy, Error, ErrorKind};
pub use estimator::Estimator;
pub use execution::{Kernel, OnDeviceFailure};
pub use input::activations::ActivationsView;
pub use input::batches::Batches;
pub use input::element::Precision;
pub use measures::{Measure, Normalization, Units};
pub use neighbors::NeighborAnalysis;
pub use report::{BetweenReport, Report};
pub use support::cancel::CancelToken;
pub use support::monitor::Progress;
pub use sweep::{Selection, Sweep};

pub use pairs::digest;

/// GPU adapters and opened devices: to list adapters, to keep one open over many jobs, or to share a
/// device with the rest of a program.
#[cfg(feature = "gpu")]
pub mod gpu {
    pub use crate::device::{AdapterLimits, FoundAdapter, Gpu, adapters, adapters_async};
    #[doc(hidden)] // for tools/kernel_statistics
    pub use crate::engine::gpu::{KernelSource, kernel_sources};
    pub use wgpu;
}

/// The smallest number of bins of a neuron.
pub const MIN_BINS: usize = 2;

/// The largest number of bins of a neuron: a code is one byte.
pub const MAX_BINS: usize = 256;
