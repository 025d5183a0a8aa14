//! What the code that was released with the paper behind this crate computes.

use ndarray::{Array1, Array2, ArrayView2};

use crate::{Analysis, Binning, Error, NeighborAnalysis, NeighborExecution};

/// What [`released_with_paper`] returns.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PaperReport {
    /// Plug-in entropy of each neuron over 100 bins of equal width, in nats; length `neurons`.
    pub entropy: Array1<f64>,
    /// Mutual information of each pair from 3 nearest neighbours, in nats, negative values left as
    /// they are; `neurons × neurons`, symmetric. On the diagonal the estimate for a neuron with
    /// itself, which is large and depends on the number of samples.
    pub mutual_information: Array2<f64>,
    /// Number of samples measured.
    pub samples: usize,
    /// Which engine and adapter computed the pairs, and what went wrong on the way.
    pub execution: NeighborExecution,
}

/// Entropy and mutual information as the code released with *Measures of Information Reflect
/// Memorization Patterns* (Bansal, Pruthi and Belinkov, NeurIPS 2022, arXiv 2210.09404) computes
/// them, for comparison with its figures. `activations` are `samples × neurons`.
///
/// - Entropy: plug-in, in nats, over 100 bins of equal width between the smallest and the largest
///   activation of *all* neurons, where the largest has a bin of its own
///   ([`Binning::RELEASED_WITH_PAPER`] says why).
/// - Mutual information: Kraskov, Stögbauer and Grassberger's first algorithm with k = 3 and the
///   maximum norm, without noise or scaling, in nats; not clipped at 0.
///
/// Its other option, mutual information from bins, is not reproduced: in the released code it ends
/// with an error, as `numpy.histogram2d` returns one value more than is unpacked, and behind that it
/// would bin the first neuron twice and never look at the second. For binned mutual information take
/// [`Analysis`]; to compare models, it orders them as well.
///
/// This is [`Analysis::entropies`] and [`NeighborAnalysis::run`] with these settings; call those for
/// another engine, progress, or a limit on memory.
///
/// # Errors
///
/// As [`NeighborAnalysis::run`]; it wants more than three samples.
///
/// # Examples
///
/// ```
/// use ndarray::Array2;
///
/// let activations = Array2::from_shape_fn((50, 3), |(s, n)| ((s * (n + 2) * 37) % 101) as f32);
/// let report = cofire::released_with_paper(activations.view())?;
/// assert!(report.entropy[0] > 0.0);
/// assert_eq!(report.mutual_information.dim(), (3, 3));
/// # Ok::<(), cofire::Error>(())
/// ```
pub fn released_with_paper(activations: ArrayView2<'_, f32>) -> Result<PaperReport, Error> {
    let binned = Analysis::with_binning(Binning::RELEASED_WITH_PAPER);
    let pairs = NeighborAnalysis::new(3).run(activations)?;
    Ok(PaperReport {
        entropy: binned.entropies(activations)?,
        mutual_information: pairs.mutual_information,
        samples: pairs.samples,
        execution: pairs.execution,
    })
}
