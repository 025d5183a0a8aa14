//! The naive loop: the oracle of the benches, and their baseline.

use cofire::Report;
use ndarray::{Array2, ArrayView1, ArrayView2};

/// The largest difference between the crate and the naive loop, in nats. Entropies from the crate are off by
/// 2⁻³⁷ nats at most and mutual information by three times that, 2.2e-11. The sums below lose less than
/// another 1e-11 to rounding.
const ABSOLUTE_TOLERANCE: f64 = 1e-10;

/// Counts every cell of a pair, row by row.
fn joint_histogram(first: &[usize], second: &[usize], bins: usize) -> Vec<u32> {
    let mut counts = vec![0; bins * bins];
    for (a, b) in first.iter().zip(second) {
        counts[a * bins + b] += 1;
    }
    counts
}

/// Computes `ln S − (1/S) Σ n ln n`, in nats.
fn entropy(counts: &[u32], samples: usize) -> f64 {
    let cells = counts.iter().filter(|&&n| n > 0).map(|&n| f64::from(n));
    let samples = samples as f64;
    samples.ln() - cells.map(|n| n * n.ln()).sum::<f64>() / samples
}

/// Computes the `bins + 1` edges of `numpy.linspace` between a neuron's extremes, or none if it is constant.
pub(crate) fn edges(neuron: ArrayView1<'_, f32>, bins: usize) -> Option<Vec<f64>> {
    let low = f64::from(neuron.iter().copied().fold(f32::INFINITY, f32::min));
    let high = f64::from(neuron.iter().copied().fold(f32::NEG_INFINITY, f32::max));
    let step = (high - low) / bins as f64;
    let edge = |k| if k == bins { high } else { k as f64 * step + low };
    (low < high).then(|| (0..=bins).map(edge).collect())
}

/// Returns the bin of every sample: the number of inner edges that are not above it.
fn codes(neuron: ArrayView1<'_, f32>, bins: usize) -> Vec<usize> {
    let edges = edges(neuron, bins);
    let inner = edges.as_deref().map_or(&[][..], |edges| &edges[1..bins]);
    neuron.iter().map(|&x| inner.partition_point(|&edge| edge <= f64::from(x))).collect()
}

/// Computes the mutual information of two coded neurons, which is the entropy for a neuron with itself.
fn mutual_information(first: &[usize], second: &[usize], bins: usize) -> f64 {
    let joint = joint_histogram(first, second, bins);
    let marginal = |codes: &[usize]| joint_histogram(&vec![0; codes.len()], codes, bins);
    let entropy = |counts: &[u32]| entropy(counts, first.len());
    entropy(&marginal(first)) + entropy(&marginal(second)) - entropy(&joint)
}

/// Computes the whole job on one thread: entropies on the diagonal, mutual information elsewhere.
pub(crate) fn matrix(activations: ArrayView2<'_, f32>, bins: usize) -> Array2<f64> {
    let (samples, neurons) = activations.dim();
    let codes: Vec<_> = activations.columns().into_iter().map(|x| codes(x, bins)).collect();
    let zeros = vec![0; samples];
    let entropies: Vec<_> =
        codes.iter().map(|x| entropy(&joint_histogram(&zeros, x, bins), samples)).collect();
    let mut matrix = Array2::from_diag(&ndarray::aview1(&entropies));
    for i in 0..neurons {
        for j in i + 1..neurons {
            let joint = entropy(&joint_histogram(&codes[i], &codes[j], bins), samples);
            matrix[[i, j]] = entropies[i] + entropies[j] - joint;
            matrix[[j, i]] = matrix[[i, j]];
        }
    }
    matrix
}

/// Panics unless the report agrees with the naive loop on some pairs, spread over the matrix.
pub(crate) fn assert_agrees(report: &Report, activations: ArrayView2<'_, f32>) {
    let (bins, neurons) = (report.edges.bins(), activations.ncols());
    for step in 0..8 {
        let (i, j) = (step * 5 % neurons, neurons - 1 - step * 3 % neurons);
        let code = |neuron| codes(activations.column(neuron), bins);
        let expected = mutual_information(&code(i), &code(j), bins);
        let computed = report.mutual_information[[i, j]];
        assert!(
            (computed - expected).abs() <= ABSOLUTE_TOLERANCE,
            "neurons {i} and {j}, {bins} bins: {computed} nats, and {expected} by the naive loop"
        );
    }
}
