//! Compares networks by the entropy and mutual information of their neurons. The results are one
//! HTML page without external files, the same pictures as SVG and PNG, and tables.
//!
//! ```
//! # let directory = tempfile::tempdir()?;
//! # let out = directory.path().join("report");
//! use cofire_files::OutputDirectory;
//! use cofire_report::{Comparison, Description, Layer, Model};
//! use ndarray::Array2;
//!
//! let mut models = Vec::new();
//! for (name, spread) in [("first", 23), ("second", 97)] {
//!     let x = Array2::from_shape_fn((300, 8), |(s, n)| (s * (n + 2) % spread) as f32);
//!     let report = cofire::analyze(x.view(), 10)?;
//!     models.push(Model::new(name, vec![Layer::of("hidden", &report)?]));
//! }
//! let comparison = Comparison::of(models, None)?;
//! let mut output = OutputDirectory::create(&out)?;
//! comparison.write(&mut output, &Description::new("Two of them"))?;
//! output.commit()?;
//! assert!(out.join("report.html").is_file());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! A [`Layer`] is made of a [`cofire::Report`] and keeps little of it, so that many models fit in
//! memory. A [`Comparison`] ranks models. With held-out [`Scores`] it also reports how well entropy
//! and mutual information reproduce the ranking by scores, as Table 2 of *Measures of Information
//! Reflect Memorization Patterns* (Bansal, Pruthi and Belinkov, NeurIPS 2022, arXiv 2210.09404)
//! does. The command `cofire compare` runs this crate on files.

#![cfg_attr(
    test,
    allow(clippy::cast_possible_truncation, reason = "tests make small numbers in short ways")
)]

mod box_statistics;
mod clustering;
mod communities;
mod comparison;
mod error;
mod few_samples;
mod graphml;
mod heat_map;
mod kendall;
mod mixture;
mod model;
mod page;
mod pairs;
mod pictures;
mod reading;
mod scores;
mod strongest;
mod tables;
mod text;
mod write;

pub use box_statistics::BoxStatistics;
pub use comparison::{Comparison, Ranking, Selection, Standing};
pub use error::Error;
pub use few_samples::{FewSamples, Histograms, PlugIn};
pub use kendall::Kendall;
pub use mixture::{Component, Mixture};
pub use model::{FALSE_DISCOVERY_RATE, Layer, Measured, Model, STRONGEST_PAIRS};
pub use pairs::PairStatistics;
pub use reading::{Lean, ModelReading, Reading, Sureness};
pub use scores::Scores;
pub use strongest::{CofiringGraph, Edge};
pub use write::Description;
