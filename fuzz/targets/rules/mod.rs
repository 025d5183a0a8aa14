//! The rules in their slowest form. The code shares nothing with the library except the edges of
//! binnings whose edges have no formula.

use cofire::{BinEdges, Binning, Bins, Range, Report, Units};
use ndarray::{Array2, Array3, Axis};

/// The promised accuracy: a millionth of a nat.
const TOLERANCE: f64 = 1e-6;

/// Returns the bin of each activation. Also checks edges that have a formula.
pub(crate) fn codes(x: &Array2<f32>, binning: &Binning, fitted: &BinEdges) -> Array2<usize> {
    let mut codes = Array2::zeros(x.dim());
    for (neuron, column) in x.axis_iter(Axis(1)).enumerate() {
        let edges = fitted.of(neuron).map(<[f64]>::to_vec);
        if let Some(expected) = linspace_of(x, neuron, binning) {
            assert_eq!(edges, expected, "edges of neuron {neuron}: {binning:?}");
        }
        for (sample, &value) in column.iter().enumerate() {
            codes[[sample, neuron]] = match &edges {
                None => 0,
                Some(_) if fitted.has_zero_bin() && value == 0.0 => 0,
                Some(edges) => {
                    let inner = &edges[1..edges.len() - 1];
                    let above = inner.iter().filter(|&&edge| f64::from(value) >= edge).count();
                    above + usize::from(fitted.has_zero_bin())
                }
            };
        }
    }
    codes
}

/// Computes the edges of a fixed number of equal-width bins without a zero bin, by the formula of
/// `numpy.linspace`. The outer `None` is for other binnings, the inner one for a constant neuron.
fn linspace_of(x: &Array2<f32>, neuron: usize, binning: &Binning) -> Option<Option<Vec<f64>>> {
    let Binning::EqualWidth { bins: Bins::Fixed(bins), range } = *binning else { return None };
    let extremes = |values: &mut dyn Iterator<Item = &f32>| {
        values.fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &x| {
            (low.min(x.into()), high.max(x.into()))
        })
    };
    let (low, high) = match range {
        Range::PerNeuron => extremes(&mut x.column(neuron).iter()),
        Range::Global => extremes(&mut x.iter()),
        Range::Given(low, high) => (low, high),
        _ => return None,
    };
    if low == high {
        return Some(None);
    }
    let step = (high - low) / bins as f64;
    let edge = |k: usize| if k == bins { high } else { low + k as f64 * step };
    Some(Some((0..=bins).map(edge).collect()))
}

/// Counts the joint histogram of each pair, sample by sample.
pub(crate) fn counts(codes: &Array2<usize>, pairs: &[(usize, usize)], bins: usize) -> Array3<u32> {
    let mut counts = Array3::zeros((pairs.len(), bins, bins));
    for (pair, &(x, y)) in pairs.iter().enumerate() {
        for sample in codes.rows() {
            counts[[pair, sample[x], sample[y]]] += 1;
        }
    }
    counts
}

/// Checks entropy and mutual information against their definitions, in f64.
pub(crate) fn check_plug_in(codes: &Array2<usize>, report: &Report) {
    let in_units = |nats: f64| match report.units {
        Units::Bits => nats / std::f64::consts::LN_2,
        _ => nats,
    };
    let neurons = codes.ncols();
    let bins = report.edges.bins();
    let pairs: Vec<(usize, usize)> =
        (0..neurons).flat_map(|x| (0..neurons).map(move |y| (x, y))).collect();
    let counts = counts(codes, &pairs, bins);
    for (joint, (x, y)) in counts.outer_iter().zip(pairs) {
        let of_x = entropy(joint.sum_axis(Axis(1)).iter());
        let of_y = entropy(joint.sum_axis(Axis(0)).iter());
        let shared = of_x + of_y - entropy(joint.iter());
        let found = report.mutual_information[[x, y]];
        assert_close("entropy", x, report.entropy[x], in_units(of_x));
        assert_close("mutual information", x * neurons + y, found, in_units(shared));
        assert!(found >= 0.0, "({x}, {y}) share {found}");
        assert!(found <= in_units(of_x.min(of_y)) + TOLERANCE, "({x}, {y}) share {found}");
        if x == y {
            assert_eq!(found.to_bits(), report.entropy[x].to_bits(), "I(X; X) = H(X) of {x}");
        }
    }
}

fn entropy<'a>(counts: impl Iterator<Item = &'a u32>) -> f64 {
    let counts: Vec<f64> = counts.filter(|&&n| n > 0).map(|&n| n.into()).collect();
    let samples: f64 = counts.iter().sum();
    counts.iter().map(|n| -(n / samples) * (n / samples).ln()).sum()
}

fn assert_close(what: &str, index: usize, found: f64, expected: f64) {
    assert!((found - expected).abs() <= TOLERANCE, "{what} {index}: {found}, not {expected}");
}
