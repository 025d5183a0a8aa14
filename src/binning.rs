//! Bin edges, and the bin in which an activation falls.
//!
//! Edges are what `numpy.linspace` gives in f64. Comparing an `f32` activation with an f64 edge is
//! the same as comparing it with the smallest `f32` that is not below the edge, so each edge is
//! rounded up once and every later decision is one exact `f32` comparison.

use ndarray::ArrayView2;

use crate::activations::{Activations, Extent};
use crate::simd::{Level, Vectorized};
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
        Self::from_extents(&activations.extents()?, bins, range)
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
    /// Few bins: the code is the number of inner edges at or below the activation.
    Count { inner: Vec<f32> },
    /// Many bins: the code is guessed by multiplication and corrected by one against the edges.
    Guess(Box<Guess>),
    /// Bins so narrow that rounding could put a guess off by more than one: binary search.
    Search { inner: Vec<f32> },
}

#[derive(Debug)]
pub(crate) struct Guess {
    low: f32,
    bins_per_unit: f32,
    last: f32,
    /// Lower and upper edge of every bin, so far as there are bins.
    lower: [f32; MAX_BINS],
    upper: [f32; MAX_BINS],
}

impl Coder {
    /// Up to this many bins, counting edges takes fewer instructions than a guess.
    const COUNT_BINS: usize = 24;

    fn new(edges: &[f64]) -> Self {
        let Some(bins) = edges.len().checked_sub(1) else { return Self::Constant };
        let inner: Vec<f32> = edges[1..bins].iter().map(|&e| round_up(e)).collect();
        if bins <= Self::COUNT_BINS {
            return Self::Count { inner };
        }
        match Guess::new(edges, &inner) {
            Some(guess) => Self::Guess(Box::new(guess)),
            None => Self::Search { inner },
        }
    }

    /// Writes the code of each value. Values are finite and the slices equally long.
    pub(crate) fn encode(&self, values: &[f32], codes: &mut [u8], level: Level) {
        match self {
            Self::Constant => codes.fill(0),
            Self::Count { inner } => level.run(EncodeByCount { inner, values, codes }),
            Self::Guess(guess) => level.run(EncodeByGuess { guess, values, codes }),
            Self::Search { inner } => {
                for (code, &x) in codes.iter_mut().zip(values) {
                    *code = low_byte(inner.partition_point(|&edge| edge <= x));
                }
            }
        }
    }
}

impl Guess {
    /// `None` where a guess in `f32` could be off by more than one bin.
    fn new(edges: &[f64], inner: &[f32]) -> Option<Self> {
        let bins = inner.len() + 1;
        let (low, high) = (edges[0], edges[bins]);
        let step = (high - low) / bins as f64;
        // Rounding `low` to f32 moves the guess by at most 2⁻²⁴ |low|, a 64th of a bin under this
        // condition; rounding of the difference and of the product by less than 2⁻¹⁵ of a bin.
        // The width must not overflow, nor its inverse.
        let safe = step > low.abs().max(high.abs()) * f64::powi(2.0, -18)
            && high - low < f64::from(f32::MAX) / 4.0
            && step > f64::from(f32::MIN_POSITIVE) * 4.0;
        if !safe {
            return None;
        }
        let mut lower = [f32::NEG_INFINITY; MAX_BINS];
        let mut upper = [f32::INFINITY; MAX_BINS];
        lower[1..bins].copy_from_slice(inner);
        upper[..bins - 1].copy_from_slice(inner);
        #[expect(clippy::cast_possible_truncation, reason = "the rounding is accounted for above")]
        let (low, bins_per_unit) = (low as f32, (1.0 / step) as f32);
        Some(Self { low, bins_per_unit, last: f32::from(low_byte(bins - 1)), lower, upper })
    }
}

struct EncodeByCount<'a> {
    inner: &'a [f32],
    values: &'a [f32],
    codes: &'a mut [u8],
}

impl Vectorized for EncodeByCount<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        self.codes.fill(0);
        for &edge in self.inner {
            for (code, &x) in self.codes.iter_mut().zip(self.values) {
                *code += u8::from(x >= edge);
            }
        }
    }
}

struct EncodeByGuess<'a> {
    guess: &'a Guess,
    values: &'a [f32],
    codes: &'a mut [u8],
}

impl Vectorized for EncodeByGuess<'_> {
    type Output = ();

    #[inline(always)]
    fn run(self) {
        let Guess { low, bins_per_unit, last, lower, upper } = self.guess;
        for (code, &x) in self.codes.iter_mut().zip(self.values) {
            let place = ((x - low) * bins_per_unit).min(*last);
            // The cast saturates: what lies below the range goes to bin 0.
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "rounding down is the point, and saturation the rule"
            )]
            let guess = place as u8;
            let bin = usize::from(guess);
            *code = guess + u8::from(x >= upper[bin]) - u8::from(x < lower[bin]);
        }
    }
}

/// A bin index as a code: bins never exceed 256, so nothing is lost.
fn low_byte(bin: usize) -> u8 {
    debug_assert!(bin < MAX_BINS, "bin {bin} does not fit a code");
    #[expect(clippy::cast_possible_truncation, reason = "checked above, and by the number of bins")]
    let code = bin as u8;
    code
}

/// The smallest `f32` that is not below `edge`.
fn round_up(edge: f64) -> f32 {
    #[expect(clippy::cast_possible_truncation, reason = "rounded to nearest, then corrected")]
    let near = edge as f32;
    if f64::from(near) < edge { near.next_up() } else { near }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

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
    fn many_bins_take_the_guess_and_narrow_ones_the_search() {
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
