//! The input of the benchmark.

use std::error::Error;
use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use cofire::BinEdges;
use ndarray::{Array2, ArrayView1, ShapeBuilder};
use rayon::prelude::*;

use crate::arguments::Arguments;
use crate::workload::{WORKLOADS, Workload};

/// A name, activations and a number of bins.
pub(crate) struct Input {
    pub(crate) name: String,
    pub(crate) activations: Array2<f32>,
    pub(crate) bins: usize,
}

impl Input {
    pub(crate) fn read(arguments: &Arguments) -> Result<Self, Box<dyn Error>> {
        if let Some(path) = &arguments.input {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            return Ok(Self { name, activations: read(path)?, bins: arguments.bins });
        }
        let known = WORKLOADS.iter().find(|workload| workload.name == arguments.workload);
        let workload = known.ok_or("no such workload")?;
        let (name, bins) = (workload.name.to_owned(), workload.bins);
        Ok(Self { name, activations: workload.activations(), bins })
    }

    pub(crate) fn pair_samples(&self) -> u64 {
        let (samples, neurons) = self.activations.dim();
        Workload { name: "", samples, neurons, bins: self.bins }.pair_samples()
    }

    /// Returns the most bits to be counted for a pair-sample. A one-hot code has one bit for each
    /// bin but the last, whose count is what the others leave. The longest row of a joint histogram
    /// is what the others leave of a marginal, so its samples need not be counted.
    pub(crate) fn bits_a_pair_sample(&self, edges: &BinEdges) -> f64 {
        let columns = self.activations.columns();
        let neurons = columns.into_iter().enumerate().collect::<Vec<_>>();
        let shares = neurons.into_par_iter().map(|(neuron, activations)| {
            edges.of(neuron).map_or(0.0, |edges| share_outside_fullest_bin(activations, edges))
        });
        let share = shares.sum::<f64>() / self.activations.ncols() as f64;
        (self.bins - 1) as f64 * share
    }
}

/// Reads a two-dimensional .npy file of f32.
fn read(path: &Path) -> Result<Array2<f32>, Box<dyn Error>> {
    let file = npyz::NpyFile::new(BufReader::new(File::open(path)?))?;
    let &[samples, neurons] = file.shape() else { return Err("not samples x neurons".into()) };
    let shape = (usize::try_from(samples)?, usize::try_from(neurons)?);
    let is_by_columns = file.order() == npyz::Order::Fortran;
    let values = file.into_vec()?;
    Ok(Array2::from_shape_vec(shape.set_f(is_by_columns), values)?)
}

/// Estimates the share of samples outside the fullest bin, from at most 20,000 samples to save
/// time.
fn share_outside_fullest_bin(activations: ArrayView1<'_, f32>, edges: &[f64]) -> f64 {
    const MOST_SAMPLES: usize = 20_000;
    let inner = &edges[1..edges.len() - 1];
    let mut counts = vec![0u32; edges.len() - 1];
    let mut samples = 0u32;
    for &x in activations.iter().step_by(activations.len().div_ceil(MOST_SAMPLES)) {
        counts[inner.partition_point(|&edge| edge <= f64::from(x))] += 1;
        samples += 1;
    }
    let fullest = counts.into_iter().max().unwrap_or(0);
    f64::from(samples - fullest) / f64::from(samples)
}
