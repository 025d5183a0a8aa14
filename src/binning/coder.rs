//! The bins of activations.
//!
//! Edges are `f64`. Comparing an `f32` activation with such an edge is the same as comparing it with
//! the smallest `f32` that is not below the edge. So edges are rounded up once, and every later
//! decision is one exact `f32` comparison.

use fearless_simd::{Simd, prelude::*};

use crate::input::element::Element;
use crate::support::simd::{Level, MAX_LANES, Vectorized};

/// An encoder that turns activations of one neuron into bin codes.
#[derive(Debug)]
pub(crate) struct Coder<T> {
    rule: Rule<T>,
    /// True if zeros have code 0; all other codes are then one more than the rule says.
    has_zero_bin: bool,
}

/// A method of finding the bin of an activation.
#[derive(Debug)]
enum Rule<T> {
    /// A single bin.
    One,
    /// Equidistant edges: the nearest one is guessed by multiplication.
    Guess(Guess),
    /// Arbitrary inner edges, rounded up: those at or below the activation are counted.
    Count(Vec<T>),
}

/// Edges as `linspace` makes them: `low + k · step`.
#[derive(Debug)]
pub(crate) struct Guess {
    low: f64,
    step: f64,
    bins_per_unit: f64,
    last: f64,
}

impl<T: BinnedElement> Coder<T> {
    /// Makes a coder from ascending edges. Without edges, one bin holds everything, zero or not.
    pub(super) fn new(edges: &[f64], has_zero_bin: bool) -> Self {
        let rule = match edges {
            [] | [_] | [_, _] => Rule::One,
            [_, inner @ .., _] => match Guess::new(edges) {
                Some(guess) => Rule::Guess(guess),
                None => Rule::Count(inner.iter().map(|&edge| T::round_up(edge)).collect()),
            },
        };
        Self { rule, has_zero_bin: has_zero_bin && !edges.is_empty() }
    }

    /// Writes the code of each value. Values are finite and the slices equally long.
    pub(crate) fn encode(&self, values: &[T], codes: &mut [u8], level: Level) {
        debug_assert_eq!(values.len(), codes.len(), "one code a value");
        match &self.rule {
            Rule::One => codes.fill(0),
            Rule::Guess(guess) => level.run(Encode { rule: guess, values, codes }),
            Rule::Count(edges) => {
                level.run(Encode { rule: &Count { edges }, values, codes });
            }
        }
        if self.has_zero_bin {
            level.run(SetZerosApart { values, codes });
        }
    }
}

/// A type of activations that can be binned. The two functions encode as many values at once as a vector
/// has bytes.
pub(crate) trait BinnedElement: Element {
    /// Returns the smallest number of this type that is not below `edge`.
    fn round_up(edge: f64) -> Self;

    /// Returns the codes of some values between equidistant edges.
    fn encode_by_guess<S: Simd>(guess: &Guess, simd: S, values: &[Self]) -> S::u8s;

    /// Returns how many of the edges are at or below each of some values.
    fn count_edges<S: Simd>(edges: &[Self], simd: S, values: &[Self]) -> S::u8s;
}

/// A rule for values of one type.
trait EncodeVector<T> {
    fn encode<S: Simd>(&self, simd: S, values: &[T]) -> S::u8s;
}

struct Count<'a, T> {
    edges: &'a [T],
}

impl<T: BinnedElement> EncodeVector<T> for Count<'_, T> {
    #[inline(always)]
    fn encode<S: Simd>(&self, simd: S, values: &[T]) -> S::u8s {
        T::count_edges(self.edges, simd, values)
    }
}

impl<T: BinnedElement> EncodeVector<T> for Guess {
    #[inline(always)]
    fn encode<S: Simd>(&self, simd: S, values: &[T]) -> S::u8s {
        T::encode_by_guess(self, simd, values)
    }
}

struct Encode<'a, R, T> {
    rule: &'a R,
    values: &'a [T],
    codes: &'a mut [u8],
}

impl<R: EncodeVector<T>, T: Element> Vectorized for Encode<'_, R, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) {
        let len = S::u8s::LEN;
        let values = self.values.chunks_exact(len);
        let rest = values.remainder();
        let mut codes = self.codes.chunks_exact_mut(len);
        for (codes, values) in (&mut codes).zip(values) {
            self.rule.encode(simd, values).store_slice(codes);
        }
        if !rest.is_empty() {
            let mut padded = [T::ZERO; MAX_LANES];
            padded[..rest.len()].copy_from_slice(rest);
            let encoded = self.rule.encode(simd, &padded[..len]);
            codes.into_remainder().copy_from_slice(&encoded.as_slice()[..rest.len()]);
        }
    }
}

impl BinnedElement for f32 {
    fn round_up(edge: f64) -> Self {
        #[expect(clippy::cast_possible_truncation, reason = "corrected below")]
        let near = edge as Self;
        if f64::from(near) < edge { near.next_up() } else { near }
    }

    #[inline(always)]
    fn encode_by_guess<S: Simd>(guess: &Guess, simd: S, values: &[Self]) -> S::u8s {
        let (ab, cd) = values.split_at(S::u16s::LEN);
        let ((a, b), (c, d)) = (ab.split_at(S::u32s::LEN), cd.split_at(S::u32s::LEN));
        let ab = guess.codes_of_singles(simd, a).narrow(guess.codes_of_singles(simd, b));
        let cd = guess.codes_of_singles(simd, c).narrow(guess.codes_of_singles(simd, d));
        ab.narrow(cd)
    }

    #[inline(always)]
    fn count_edges<S: Simd>(edges: &[Self], simd: S, values: &[Self]) -> S::u8s {
        let (ab, cd) = values.split_at(S::u16s::LEN);
        let ((a, b), (c, d)) = (ab.split_at(S::u32s::LEN), cd.split_at(S::u32s::LEN));
        let a = S::f32s::from_slice(simd, a);
        let b = S::f32s::from_slice(simd, b);
        let c = S::f32s::from_slice(simd, c);
        let d = S::f32s::from_slice(simd, d);
        // A mask is −1 where the edge is reached.
        let zero = S::i32s::splat(simd, 0);
        let (mut in_a, mut in_b, mut in_c, mut in_d) = (zero, zero, zero, zero);
        for &edge in edges {
            let edge = S::f32s::splat(simd, edge);
            in_a -= a.simd_ge(edge).to_vector();
            in_b -= b.simd_ge(edge).to_vector();
            in_c -= c.simd_ge(edge).to_vector();
            in_d -= d.simd_ge(edge).to_vector();
        }
        in_a.narrow(in_b).narrow(in_c.narrow(in_d)).bitcast()
    }
}

impl BinnedElement for f64 {
    fn round_up(edge: f64) -> Self {
        edge
    }

    #[inline(always)]
    fn encode_by_guess<S: Simd>(guess: &Guess, simd: S, values: &[Self]) -> S::u8s {
        let (ab, cd) = values.split_at(S::u16s::LEN);
        let ((a, b), (c, d)) = (ab.split_at(S::u32s::LEN), cd.split_at(S::u32s::LEN));
        let ab = guess.codes_of_doubles(simd, a).narrow(guess.codes_of_doubles(simd, b));
        let cd = guess.codes_of_doubles(simd, c).narrow(guess.codes_of_doubles(simd, d));
        ab.narrow(cd)
    }

    #[inline(always)]
    fn count_edges<S: Simd>(edges: &[Self], simd: S, values: &[Self]) -> S::u8s {
        let (a, b) = values.split_at(S::u16s::LEN);
        count_edges_of_half(edges, simd, a).narrow(count_edges_of_half(edges, simd, b)).bitcast()
    }
}

/// Returns how many of the edges are at or below each of as many values as half a vector has bytes.
#[inline(always)]
fn count_edges_of_half<S: Simd>(edges: &[f64], simd: S, values: &[f64]) -> S::i16s {
    let (ab, cd) = values.split_at(S::u32s::LEN);
    let ((a, b), (c, d)) = (ab.split_at(S::f64s::LEN), cd.split_at(S::f64s::LEN));
    let a = S::f64s::from_slice(simd, a);
    let b = S::f64s::from_slice(simd, b);
    let c = S::f64s::from_slice(simd, c);
    let d = S::f64s::from_slice(simd, d);
    let zero = S::i64s::splat(simd, 0);
    let (mut in_a, mut in_b, mut in_c, mut in_d) = (zero, zero, zero, zero);
    for &edge in edges {
        let edge = S::f64s::splat(simd, edge);
        in_a -= a.simd_ge(edge).to_vector();
        in_b -= b.simd_ge(edge).to_vector();
        in_c -= c.simd_ge(edge).to_vector();
        in_d -= d.simd_ge(edge).to_vector();
    }
    in_a.narrow(in_b).narrow(in_c.narrow(in_d))
}

struct SetZerosApart<'a, T> {
    values: &'a [T],
    codes: &'a mut [u8],
}

impl<T: Element> Vectorized for SetZerosApart<'_, T> {
    type Output = ();

    #[inline(always)]
    fn run<S: Simd>(self, _: S) {
        for (code, &x) in self.codes.iter_mut().zip(self.values) {
            *code = if x == T::ZERO { 0 } else { code.wrapping_add(1) };
        }
    }
}

impl Guess {
    /// Returns `None` if the edges are not those of `linspace`, or if they are so close together
    /// that a guess could be off by more than one bin.
    fn new(edges: &[f64]) -> Option<Self> {
        let bins = edges.len() - 1;
        let (low, high) = (edges[0], edges[bins]);
        let step = (high - low) / bins as f64;
        let bins_per_unit = 1.0 / step;
        // This condition bounds the rounding of edges, up to 2⁻⁵² of the larger end, by a sixteenth
        // of a bin. The guess itself is off by less than 2⁻⁴² of a bin.
        let safe = step > low.abs().max(high.abs()) * f64::powi(2.0, -48)
            && step >= f64::MIN_POSITIVE
            && bins_per_unit >= f64::MIN_POSITIVE;
        let is_even =
            || (1u32..).zip(&edges[1..bins]).all(|(k, &edge)| f64::from(k) * step + low == edge);
        (safe && is_even()).then(|| Self { low, step, bins_per_unit, last: (bins - 1) as f64 })
    }
}

// These are functions, as closures would not be compiled for the instruction set.
impl Guess {
    #[inline(always)]
    fn codes_of_singles<S: Simd>(&self, simd: S, values: &[f32]) -> S::u32s {
        let (a, b) = S::f32s::from_slice(simd, values).widen();
        self.codes_of::<S>(a, b)
    }

    #[inline(always)]
    fn codes_of_doubles<S: Simd>(&self, simd: S, values: &[f64]) -> S::u32s {
        let (a, b) = values.split_at(S::f64s::LEN);
        self.codes_of::<S>(S::f64s::from_slice(simd, a), S::f64s::from_slice(simd, b))
    }

    #[inline(always)]
    fn codes_of<S: Simd>(&self, a: S::f64s, b: S::f64s) -> S::u32s {
        S::u32s::truncate_from(self.bins_of::<S>(a).narrow(self.bins_of::<S>(b)))
    }

    /// Returns the bins of some values, as whole numbers.
    ///
    /// A guess is off by less than half a bin, so the inner edge nearest to a value is known for
    /// sure, and one comparison says on which side of the edge the value is.
    #[inline(always)]
    fn bins_of<S: Simd>(&self, x: S::f64s) -> S::f64s {
        let place = (x - self.low) * self.bins_per_unit;
        let nearest = place.round_ties_even().max(1.0).min(self.last);
        let edge = nearest * self.step + self.low;
        x.simd_lt(edge).select(nearest - 1.0, nearest)
    }
}

#[cfg(test)]
mod tests {
    use super::super::linspace::linspace;
    use super::*;
    use crate::MAX_BINS;
    use proptest::prelude::*;

    /// Counts the inner edges at or below `x`, in f64: the definition of a code.
    fn code_by_definition(x: f64, edges: &[f64]) -> u8 {
        let inner = edges.get(1..edges.len().saturating_sub(1)).unwrap_or(&[]);
        u8::try_from(inner.iter().filter(|&&e| e <= x).count()).unwrap()
    }

    /// Panics unless the coder follows the definition, on every level, with and without zero bin.
    fn check<T: BinnedElement>(edges: &[f64], values: &[T]) {
        for has_zero_bin in [false, edges.len() <= MAX_BINS] {
            let coder = Coder::<T>::new(edges, has_zero_bin);
            for level in Level::available() {
                let mut codes = vec![u8::MAX; values.len()];
                coder.encode(values, &mut codes, level);
                for (&x, &code) in values.iter().zip(&codes) {
                    let mut expected = code_by_definition(x.into(), edges);
                    if has_zero_bin && !edges.is_empty() {
                        expected = if x == T::ZERO { 0 } else { expected + 1 };
                    }
                    assert_eq!(code, expected, "{x:e} in {edges:?}, {level:?}, {coder:?}");
                }
            }
        }
    }

    /// Checks values of both precisions around every edge, and special values.
    fn check_around(edges: &[f64]) {
        let tiny = f32::from_bits(1);
        let mut singles = vec![0.0, -0.0, f32::MAX, f32::MIN, tiny, -tiny];
        let tiny = f64::from_bits(1);
        let mut doubles = vec![0.0, -0.0, f64::MAX, f64::MIN, tiny, -tiny];
        for &edge in edges {
            let near = f32::round_up(edge);
            singles.extend([near.next_down().next_down(), near.next_down(), near, near.next_up()]);
            doubles.extend([edge.next_down().next_down(), edge.next_down(), edge, edge.next_up()]);
        }
        singles.retain(|x| x.is_finite());
        doubles.retain(|x| x.is_finite());
        check(edges, &singles);
        check(edges, &doubles);
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
            (1e9, 1e9 + 3.0),
            (9_007_199_254_740_000.0, 9_007_199_254_740_992.0),
        ];
        for (low, high) in ranges {
            for bins in [2, 3, 10, 16, 24, 25, 100, 255, 256] {
                let edges = linspace(low, high, bins);
                check_around(&edges);
            }
        }
    }

    #[test]
    fn edges_are_guessed_only_where_a_guess_is_exact() {
        let coder = |edges: &[f64]| Coder::<f32>::new(edges, false).rule;
        assert!(matches!(coder(&linspace(0.0, 1.0, 100)), Rule::Guess(_)));
        let narrow = linspace(1.0, 1.0 + f64::EPSILON, 100);
        assert!(matches!(coder(&narrow), Rule::Count(_)));
        let mut moved = linspace(0.0, 1.0, 100);
        moved[37] = moved[37].next_up();
        assert!(matches!(coder(&moved), Rule::Count(_)));
        assert!(matches!(coder(&linspace(2.0, 2.0, 100)), Rule::One));
        assert!(matches!(coder(&[1.0, 2.0]), Rule::One));
    }

    #[test]
    fn edges_beyond_every_f32() {
        let (inf, top) = (f64::INFINITY, f64::from(f32::MAX));
        for inner in [-1e300, -top.next_up(), -top, -0.0, 1e-50, top, top.next_up(), 1e300, inf] {
            let edges = [-inf, inner, inf];
            check_around(&edges);
        }
    }

    fn any_f32() -> impl Strategy<Value = f32> {
        proptest::num::f32::NORMAL | proptest::num::f32::SUBNORMAL | proptest::num::f32::ZERO
    }

    fn any_f64() -> impl Strategy<Value = f64> {
        proptest::num::f64::NORMAL | proptest::num::f64::SUBNORMAL | proptest::num::f64::ZERO
    }

    proptest! {
        #[test]
        fn even_edges_follow_the_definition(
            a in any_f32(),
            b in any_f32(),
            bins in 2usize..=256,
            fractions in proptest::collection::vec(-0.1f64..1.1, 1..50),
        ) {
            let (low, high) = (f64::from(a.min(b)), f64::from(a.max(b)));
            let edges = linspace(low, high, bins);
            check_around(&edges);
            let mut values: Vec<f64> =
                fractions.iter().map(|f| low + f * (high - low)).collect();
            check(&edges, &values);
            let mut singles: Vec<f32> = values.drain(..).map(|x| x as f32).collect();
            singles.retain(|x| x.is_finite());
            check(&edges, &singles);
        }

        #[test]
        fn even_edges_of_doubles_follow_the_definition(
            a in any_f64(),
            b in any_f64(),
            bins in 2usize..=256,
        ) {
            let (low, high) = (a.min(b), a.max(b));
            prop_assume!((high - low).is_finite());
            check_around(&linspace(low, high, bins));
        }

        #[test]
        fn any_edges_follow_the_definition(
            near in proptest::collection::vec(any_f32(), 2..=257),
            share in -1.0f64..1.0,
        ) {
            // Alternately on an `f32` and between two neighbouring ones.
            let between = |(k, &x): (usize, &f32)| {
                let step = f64::from(x.next_up()) - f64::from(x);
                if k % 2 == 0 { f64::from(x) } else { f64::from(x) + share * step }
            };
            let mut edges: Vec<f64> = near.iter().enumerate().map(between).collect();
            edges.sort_by(f64::total_cmp);
            check_around(&edges);
        }
    }
}
