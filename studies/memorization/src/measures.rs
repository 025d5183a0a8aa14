//! Measurement of a network's activations with cofire.

use cofire::{Analysis, Binning, Engine, NeighborAnalysis, Range};
use ndarray::{Array2, ArrayView1, ArrayView2, Axis, concatenate, s};

use crate::error::Error;

/// Settings of the measurement.
#[derive(Debug, Clone, Copy)]
pub struct Measuring {
    /// The number of bins of equal width.
    pub bins: usize,
    /// The range of the bins.
    pub range: Range,
    /// `true` to estimate mutual information from nearest neighbours too, as the paper's released
    /// code does. This takes much longer.
    pub nearest_neighbors: bool,
}

/// Means over the neurons of a layer, or over all hidden neurons of a network, in nats.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Measures {
    /// The mean plug-in entropy in the bins of [`Measuring`].
    pub entropy: f64,
    /// The mean plug-in mutual information of all pairs of two different neurons, in the same bins.
    pub mutual_information: f64,
    /// The mean entropy as the paper's released code computes it: 100 bins between the extremes of
    /// all hidden neurons of the network ([`Binning::RELEASED_WITH_PAPER`]).
    pub released_entropy: f64,
    /// The mean mutual information of all pairs of two different neurons as the paper's released
    /// code computes it: from 3 nearest neighbours. `None` unless [`Measuring::nearest_neighbors`]
    /// is set.
    pub released_mutual_information: Option<f64>,
}

/// Measures of each hidden layer, and of all hidden layers together.
#[derive(Debug, Clone, PartialEq)]
pub struct NetworkMeasures {
    /// The measures of each hidden layer by itself, first to last.
    pub layers: Vec<Measures>,
    /// The measures of all hidden neurons, with the pairs between layers.
    pub network: Measures,
}

/// Measures the layers of a network, each `samples × neurons`, over the same samples.
///
/// # Errors
///
/// Returns [`Error::Measure`] with the error of cofire, for example if activations are not finite.
pub fn measure(layers: &[Array2<f32>], measuring: Measuring) -> Result<NetworkMeasures, Error> {
    let failed = |source| Error::Measure { what: "the hidden layers".to_owned(), source };
    let views: Vec<ArrayView2<'_, f32>> = layers.iter().map(|layer| layer.view()).collect();
    let all = concatenate(Axis(1), &views).map_err(|_| {
        failed(cofire::Error::SamplesMismatch {
            first: views.first().map_or(0, |view| view.nrows()),
            second: views.last().map_or(0, |view| view.nrows()),
        })
    })?;

    let binned = Analysis::with_binning(Binning::equal_width_over(measuring.bins, measuring.range))
        .engine(Engine::Cpu);
    let binned = binned.run(all.view()).map_err(failed)?;
    let released = Analysis::with_binning(Binning::RELEASED_WITH_PAPER).engine(Engine::Cpu);
    let released = released.entropies(all.view()).map_err(failed)?;
    let neighbors = if measuring.nearest_neighbors {
        let report = NeighborAnalysis::new(3).engine(Engine::Cpu).run(all.view());
        Some(report.map_err(failed)?.mutual_information)
    } else {
        None
    };

    let of = |first: usize, last: usize| {
        let part = s![first..last];
        let block = s![first..last, first..last];
        Measures {
            entropy: mean(binned.entropy.slice(part)),
            mutual_information: mean_of_pairs(binned.mutual_information.slice(block)),
            released_entropy: mean(released.slice(part)),
            released_mutual_information: neighbors
                .as_ref()
                .map(|matrix| mean_of_pairs(matrix.slice(block))),
        }
    };
    let mut first = 0;
    let layers = layers.iter().map(|layer| {
        let last = first + layer.ncols();
        let measures = of(first, last);
        first = last;
        measures
    });
    Ok(NetworkMeasures { layers: layers.collect(), network: of(0, all.ncols()) })
}

fn mean(values: ArrayView1<'_, f64>) -> f64 {
    values.sum() / values.len() as f64
}

/// Returns the mean without the diagonal.
fn mean_of_pairs(matrix: ArrayView2<'_, f64>) -> f64 {
    let neurons = matrix.nrows();
    let pairs = neurons * (neurons - 1);
    (matrix.sum() - matrix.diag().sum()) / pairs as f64
}
