//! Bin edges, and the bin in which an activation falls.
//!
//! Edges are what `numpy.linspace` gives in f64. Comparing an `f32` activation with an f64 edge is
//! the same as comparing it with the smallest `f32` that is not below the edge, so each edge is
//! rounded up once and every later decision is one exact `f32` comparison.

use fearless_simd::{Simd, prelude::*};
use ndarray::ArrayView2;

use crate::activations::Activations;
use crate::extents::{Extent, extents};
use crate::simd::{Level, MAX_LANES, Vectorized};
use crate::{Error, MAX_BINS, MIN_BINS};

/// Where the bins of a neuron begin and end.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub enum Range {
    /// From each neuron's own smallest to its own largest activation.
    #[default]
    PerNeuron,
    /// From the smallest to the largest activation of all neurons: the default of
    /// *Measures of Information Reflect Memorization Patterns* (arXiv 2210.09404).
    Global,
    /// From the first to the second number, for every neuron. Activations outside fall into the
    /// first or the last bin.
    Given(f64, f64),
}

/// The bin edges of every neuron of a layer: fit them on one set of activations, read them, apply
/// them to another set.
///
/// # Examples
///
/// ```
/// use cofire::{Analysis, BinEdges, Range};
/// use ndarray::array;
///
/// let train = array![[0.0f32, 1.0], [2.0, 1.0], [4.0, 1.0]];
/// let edges = BinEdges::fit(train.view(), 4, Range::PerNeuron)?;
/// assert_eq!(edges.of(0), Some(&[0.0, 1.0, 2.0, 3.0, 4.0][..]));
/// assert_eq!(edges.of(1), None); // constant: everything falls into bin 0
///
/// let test = array![[-9.0f32, 3.0], [3.5, 5.0]];
/// let report = Analysis::with_edges(edges).run(test.view())?;
/// assert!((report.entropy[0] - 2f64.ln()).abs() < 1e-10); // -9 in the first bin, 3.5 in the last
/// assert_eq!(report.entropy[1], 0.0);
/// # Ok::<(), cofire::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct BinEdges {
    bins: usize,
    neurons: usize,
    /// One table a neuron, or a single one that all share; empty for a constant neuron.
    tables: Vec<Vec<f64>>,
}

impl BinEdges {
    /// Equal-width edges for activations of shape `samples × neurons`.
    ///
    /// The edges of a neuron are `linspace(low, high, bins + 1)`, computed in f64 as numpy does;
    /// `range` says what `low` and `high` are. Reads the activations once.
    ///
    /// # Errors
    ///
    /// For bins outside 2..=256, fewer than two samples, no neurons, an activation that is not
    /// finite, and a given range that is empty or not finite.
    pub fn fit(activations: ArrayView2<'_, f32>, bins: usize, range: Range) -> Result<Self, Error> {
        check_bins(bins)?;
        let activations = Activations::new(activations)?;
        Self::from_extents(&extents(&activations)?, bins, range)
    }

    pub(crate) fn from_extents(
        extents: &[Extent],
        bins: usize,
        range: Range,
    ) -> Result<Self, Error> {
        let tables = match range {
            Range::PerNeuron => extents
                .iter()
                .map(|e| linspace(f64::from(e.low), f64::from(e.high), bins))
                .collect(),
            Range::Global => {
                let low = extents.iter().map(|e| e.low).fold(f32::INFINITY, f32::min);
                let high = extents.iter().map(|e| e.high).fold(f32::NEG_INFINITY, f32::max);
                vec![linspace(f64::from(low), f64::from(high), bins)]
            }
            Range::Given(low, high) => {
                check_range(low, high)?;
                vec![linspace(low, high, bins)]
            }
        };
        Ok(Self { bins, neurons: extents.len(), tables })
    }

    /// Number of bins of every neuron.
    #[must_use]
    pub fn bins(&self) -> usize {
        self.bins
    }

    /// Number of neurons the edges were fitted on.
    #[must_use]
    pub fn neurons(&self) -> usize {
        self.neurons
    }

    /// The `bins + 1` edges of a neuron in ascending order, or `None` for a neuron that was
    /// constant when the edges were fitted (all its activations fall into bin 0), and for a neuron
    /// that does not exist.
    ///
    /// Activation `x` falls into bin `k` when `edges[k] <= x < edges[k + 1]`; the last bin also
    /// holds the last edge. Values outside fall into the first or last bin.
    #[must_use]
    pub fn of(&self, neuron: usize) -> Option<&[f64]> {
        (neuron < self.neurons).then(|| self.table(neuron)).filter(|table| !table.is_empty())
    }

    fn table(&self, neuron: usize) -> &[f64] {
        if self.tables.len() == 1 { &self.tables[0] } else { &self.tables[neuron] }
    }

    /// What turns activations of `neuron` into codes.
    pub(crate) fn coder(&self, neuron: usize) -> Coder {
        Coder::new(self.table(neuron))
    }
}

pub(crate) fn check_bins(bins: usize) -> Result<(), Error> {
    if (MIN_BINS..=MAX_BINS).contains(&bins) { Ok(()) } else { Err(Error::BinsOutOfRange { bins }) }
}

pub(crate) fn check_range(low: f64, high: f64) -> Result<(), Error> {
    // A width that overflows would make every edge infinite.
    if low < high && (high - low).is_finite() {
        Ok(())
    } else {
        Err(Error::InvalidRange { low, high })
    }
}

/// `numpy.linspace(low, high, bins + 1)`, or nothing when the range has no width.
fn linspace(low: f64, high: f64, bins: usize) -> Vec<f64> {
    if low >= high {
        return Vec::new();
    }
    let width = high - low;
    let step = width / bins as f64;
    let mut edges: Vec<f64> = (0..=bins)
        .map(|k| {
            // numpy changes the order of operations when the step underflows to zero.
            let offset = if step == 0.0 { k as f64 / bins as f64 * width } else { k as f64 * step };
            low + offset
        })
        .collect();
    edges[bins] = high;
    edges
}

/// Turns activations of one neuron into bin codes.
#[derive(Debug)]
pub(crate) enum Coder {
    /// Everything falls into bin 0.
    Constant,
    /// The nearest edge is guessed by multiplication.
    Guess(Guess),
    /// Bins so narrow that rounding could put a guess off by more than one: binary search.
    Search { inner: Vec<f64> },
}

/// Edges as `linspace` makes them: `low + k · step`.
#[derive(Debug)]
pub(crate) struct Guess {
    low: f64,
    step: f64,
    bins_per_unit: f64,
    last: f64,
}

impl Coder {
    fn new(edges: &[f64]) -> Self {
        let Some(bins) = edges.len().checked_sub(1) else { return Self::Constant };
        match Guess::new(edges[0], edges[bins], bins) {
            Some(guess) => Self::Guess(guess),
            None => Self::Search { inner: edges[1..bins].to_vec() },
        }
    }

    /// Writes the code of each value. Values are finite and the slices equally long.
    pub(crate) fn encode(&self, values: &[f32], codes: &mut [u8], level: Level) {
        debug_assert_eq!(values.len(), codes.len(), "one code a value");
        match self {
            Self::Constant => codes.fill(0),
            Self::Guess(guess) => level.run(Encode { guess, values, codes }),
            Self::Search { inner } => {
                for (code, &x) in codes.iter_mut().zip(values) {
                    *code = low_byte(inner.partition_point(|&edge| edge <= f64::from(x)));
                }
            }
        }
    }
}

impl Guess {
    /// `None` where a guess could be off by more than one bin.
    fn new(low: f64, high: f64, bins: usize) -> Option<Self> {
        let step = (high - low) / bins as f64;
        let bins_per_unit = 1.0 / step;
        // Edges are rounded by up to 2⁻⁵² of the larger end, a sixteenth of a bin under this
        // condition; the guess itself by less than 2⁻⁴² of a bin.
        let safe = step > low.abs().max(high.abs()) * f64::powi(2.0, -48)
            && step >= f64::MIN_POSITIVE
            && bins_per_unit >= f64::MIN_POSITIVE;
        safe.then(|| Self { low, step, bins_per_unit, last: (bins - 1) as f64 })
    }
}

struct Encode<'a> {
    guess: &'a Guess,
    values: &'a [f32],
    codes: &'a mut [u8],
}

impl Vectorized for Encode<'_> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let len = S::u8s::LEN;
        let values = self.values.chunks_exact(len);
        let rest = values.remainder();
        let mut codes = self.codes.chunks_exact_mut(len);
        for (codes, values) in (&mut codes).zip(values) {
            self.guess.encode(simd, values).store_slice(codes);
        }
        if !rest.is_empty() {
            let mut padded = [0.0; MAX_LANES];
            padded[..rest.len()].copy_from_slice(rest);
            let encoded = self.guess.encode(simd, &padded[..len]);
            codes.into_remainder().copy_from_slice(&encoded.as_slice()[..rest.len()]);
        }
    }
}

impl Guess {
    /// The codes of as many values as a vector has bytes.
    #[inline(always)]
    fn encode<S: Simd>(&self, simd: S, values: &[f32]) -> S::u8s {
        let (a, b) = values.split_at(S::u16s::LEN);
        self.encode_half(simd, a).narrow(self.encode_half(simd, b))
    }

    #[inline(always)]
    fn encode_half<S: Simd>(&self, simd: S, values: &[f32]) -> S::u16s {
        let (a, b) = values.split_at(S::u32s::LEN);
        self.encode_quarter(simd, a).narrow(self.encode_quarter(simd, b))
    }

    #[inline(always)]
    fn encode_quarter<S: Simd>(&self, simd: S, values: &[f32]) -> S::u32s {
        let (a, b) = S::f32s::from_slice(simd, values).widen();
        S::u32s::truncate_from(self.bins_of::<S>(a).narrow(self.bins_of::<S>(b)))
    }

    /// The bins of some values: whole numbers.
    ///
    /// The inner edge nearest to a value is known for sure, as a guess is off by less than half a
    /// bin, and the value is on one side of it or the other.
    #[inline(always)]
    fn bins_of<S: Simd>(&self, x: S::f64s) -> S::f64s {
        let place = (x - self.low) * self.bins_per_unit;
        let nearest = place.round_ties_even().max(1.0).min(self.last);
        let edge = nearest * self.step + self.low;
        x.simd_lt(edge).select(nearest - 1.0, nearest)
    }
}

/// A bin index as a code: bins never exceed 256, so nothing is lost.
fn low_byte(bin: usize) -> u8 {
    debug_assert!(bin < MAX_BINS, "bin {bin} does not fit a code");
    #[expect(clippy::cast_possible_truncation, reason = "checked above, and by the number of bins")]
    let code = bin as u8;
    code
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The smallest `f32` that is not below `edge`.
    fn round_up(edge: f64) -> f32 {
        let near = edge as f32;
        if f64::from(near) < edge { near.next_up() } else { near }
    }

    /// The rule itself, in f64: the number of inner edges at or below `x`.
    fn code_by_definition(x: f32, edges: &[f64]) -> u8 {
        let inner = edges.get(1..edges.len().saturating_sub(1)).unwrap_or(&[]);
        u8::try_from(inner.iter().filter(|&&e| e <= f64::from(x)).count()).unwrap()
    }

    fn agrees(low: f64, high: f64, bins: usize, values: &[f32]) {
        let edges = linspace(low, high, bins);
        let coder = Coder::new(&edges);
        for level in Level::available() {
            let mut codes = vec![u8::MAX; values.len()];
            coder.encode(values, &mut codes, level);
            for (&x, &code) in values.iter().zip(&codes) {
                let expected = code_by_definition(x, &edges);
                let what = format!("{x:e} in {bins} bins of {low:e}..{high:e}");
                assert_eq!(code, expected, "{what}, {level:?}, {coder:?}");
            }
        }
    }

    /// Values around every edge, and the odd ones.
    fn probes(low: f64, high: f64, bins: usize) -> Vec<f32> {
        let mut values = vec![0.0, -0.0, f32::MAX, f32::MIN, f32::from_bits(1), -f32::from_bits(1)];
        for edge in linspace(low, high, bins) {
            let near = round_up(edge);
            values.extend([near.next_down().next_down(), near.next_down(), near, near.next_up()]);
        }
        values.retain(|x| x.is_finite());
        values
    }

    #[test]
    fn codes_are_exact_on_and_beside_every_edge() {
        let ranges = [
            (0.0, 1.0),
            (-0.17, 3.3),
            (f64::from(f32::MIN), f64::from(f32::MAX)),
            (0.0, f64::from(f32::from_bits(1))),
            (0.0, f64::from(f32::from_bits(300))),
            (1.0, f64::from(1f32.next_up())),
            (1e8, 1e8 + 8.0),
            (1.0, 1.0 + f64::EPSILON),
            (0.0, f64::from_bits(3)),
            (-1e300, 1e300),
        ];
        for (low, high) in ranges {
            for bins in [2, 3, 10, 16, 24, 25, 100, 255, 256] {
                agrees(low, high, bins, &probes(low, high, bins));
            }
        }
    }

    #[test]
    fn narrow_bins_are_searched() {
        assert!(matches!(Coder::new(&linspace(0.0, 1.0, 100)), Coder::Guess(_)));
        assert!(matches!(
            Coder::new(&linspace(1.0, 1.0 + f64::EPSILON, 100)),
            Coder::Search { .. }
        ));
        assert!(matches!(Coder::new(&linspace(2.0, 2.0, 100)), Coder::Constant));
    }

    #[test]
    fn ranges_that_cannot_be_cut_are_refused() {
        let bad =
            [(1.0, 1.0), (2.0, 1.0), (f64::NAN, 1.0), (0.0, f64::INFINITY), (f64::MIN, f64::MAX)];
        for (low, high) in bad {
            assert!(
                matches!(check_range(low, high), Err(Error::InvalidRange { .. })),
                "{low} {high}"
            );
        }
        assert!(matches!(check_bins(1), Err(Error::BinsOutOfRange { bins: 1 })));
        assert!(matches!(check_bins(257), Err(Error::BinsOutOfRange { bins: 257 })));
    }

    proptest! {
        #[test]
        fn codes_follow_the_definition(
            a in proptest::num::f32::NORMAL | proptest::num::f32::SUBNORMAL | proptest::num::f32::ZERO,
            b in proptest::num::f32::NORMAL | proptest::num::f32::SUBNORMAL | proptest::num::f32::ZERO,
            bins in 2usize..=256,
            fractions in proptest::collection::vec(-0.1f64..1.1, 1..50),
        ) {
            let (low, high) = (f64::from(a.min(b)), f64::from(a.max(b)));
            let mut values = probes(low, high, bins);
            values.extend(fractions.iter().map(|f| (low + f * (high - low)) as f32));
            values.retain(|x| x.is_finite());
            agrees(low, high, bins, &values);
        }
    }
}
