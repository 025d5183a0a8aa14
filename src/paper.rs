//! The measures of the code that was released with *Measures of Information Reflect Memorization
//! Patterns*.

use ndarray::{Array1, Array2};

use crate::analysis::Analysis;
use crate::binning::Binning;
use crate::error::Error;
use crate::input::activations::ActivationsView;
use crate::neighbors::{NeighborAnalysis, NeighborExecution};
use crate::pairs::digest::Digests;

/// The result of [`measures`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PaperReport {
    /// Plug-in entropy of each neuron over 100 bins of equal width, in nats; length `neurons`.
    pub entropy: Array1<f64>,
    /// Mutual information of each pair from 3 nearest neighbours, in nats; `neurons × neurons`,
    /// symmetric. Negative values are kept. On the diagonal is the estimate for a neuron with
    /// itself, which is large and depends on the number of samples.
    pub mutual_information: Array2<f64>,
    /// The number of samples measured.
    pub samples: usize,
    /// Digests of these entropies and of the integers behind all pairs.
    pub digests: Digests,
    /// The engine and adapter that computed the pairs, and the incidents.
    pub execution: NeighborExecution,
}

/// Computes entropy and mutual information as the code released with *Measures of Information
/// Reflect Memorization Patterns* (Bansal, Pruthi and Belinkov, NeurIPS 2022, arXiv 2210.09404)
/// does, for comparison with its results. `activations` are `samples × neurons`.
///
/// - Entropy: plug-in, in nats, over 100 bins of equal width between the smallest and the largest
///   activation of *all* neurons. The largest has a bin of its own, for the reason given at
///   [`Binning::Digitized`].
/// - Mutual information: Kraskov, Stögbauer and Grassberger's first algorithm with k = 3 and the
///   maximum norm, without noise or scaling, in nats; not clipped at 0.
///
/// The released code has another option, mutual information from bins, which is not reproduced. It
/// ends with an error, because `numpy.histogram2d` returns one value more than is unpacked. Without
/// that error it would bin the first neuron twice and ignore the second. For binned mutual
/// information use [`Analysis`], which can rank models too.
///
/// This is [`Analysis::entropies`] and [`NeighborAnalysis::run`] with these settings. Call those
/// for another engine, progress, or a limit on memory.
///
/// # Errors
///
/// The errors of [`NeighborAnalysis::run`]. It needs more than three samples.
///
/// # Examples
///
/// ```
/// use ndarray::Array2;
///
/// let activations = Array2::from_shape_fn((50, 3), |(s, n)| ((s * (n + 2) * 37) % 101) as f32);
/// let report = cofire::paper::measures(activations.view())?;
/// assert!(report.entropy[0] > 0.0);
/// assert_eq!(report.mutual_information.dim(), (3, 3));
/// # Ok::<(), cofire::Error>(())
/// ```
pub fn measures<'a>(activations: impl Into<ActivationsView<'a>>) -> Result<PaperReport, Error> {
    let binned = Analysis::with_binning(Binning::RELEASED_WITH_PAPER);
    let activations = activations.into();
    let pairs = NeighborAnalysis::new(3).run(activations)?;
    let entropy = binned.entropies(activations)?;
    Ok(PaperReport {
        digests: pairs.digests.with_entropies(entropy.iter().copied()),
        entropy,
        mutual_information: pairs.mutual_information,
        samples: pairs.samples,
        execution: pairs.execution,
    })
}
