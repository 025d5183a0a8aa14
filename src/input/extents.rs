//! One pass over all activations: the extremes of every neuron, and the first value that is not
//! finite.

use std::ops::Range;

use fearless_simd::{Simd, SimdFloatElement, prelude::*};
use ndarray::{ArrayView2, Axis, s};
use rayon::prelude::*;

use super::activations::{Activations, with_view};
use super::element::Element;
use crate::error::Error;
use crate::support::memory;
use crate::support::simd::{Level, Vectorized};

/// The result of one pass over a neuron's activations.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Extent {
    /// Smallest activation.
    pub(crate) low: f64,
    /// Largest activation.
    pub(crate) high: f64,
    /// True if every activation equals `low` or `high`.
    pub(crate) at_most_two_values: bool,
}

/// The number of activations of one task.
const TASK_VALUES: usize = 1 << 19;

/// Returns the smallest and the largest activation of every neuron. Fails if an activation is not
/// finite, with an error that names the first such sample (then the first neuron).
pub(crate) fn extents(activations: &Activations<'_>) -> Result<Vec<Extent>, Error> {
    let mut extents = ExtentsSoFar::default();
    extents.add(activations)?;
    Ok(extents.extents())
}

/// Extents of activations that come in batches of samples.
#[derive(Debug, Default)]
pub(crate) struct ExtentsSoFar {
    samples: usize,
    scan: Option<Scan<f64>>,
}

impl ExtentsSoFar {
    /// Adds the next samples. Errors count samples from the first batch on.
    pub(crate) fn add(&mut self, batch: &Activations<'_>) -> Result<(), Error> {
        // Memory for the lists below, and for the edges that follow.
        memory::check::<[u64; 8]>(batch.neurons())?;
        let new = with_view!(batch.view(), view => scan(&view).in_f64());
        if let Some((sample, neuron)) = new.not_finite {
            let value = batch.value(sample, neuron);
            return Err(Error::NonFinite { sample: self.samples + sample, neuron, value });
        }
        self.samples += batch.samples();
        self.scan = Some(match self.scan.take() {
            Some(scan) => scan.followed_by(new),
            None => new,
        });
        Ok(())
    }

    /// Returns the extents of all samples so far, or nothing before the first batch.
    pub(crate) fn extents(&self) -> Vec<Extent> {
        self.scan.as_ref().map(Scan::extents).unwrap_or_default()
    }
}

fn scan<T: Element>(view: &ArrayView2<'_, T>) -> Scan<T> {
    let (samples, neurons) = view.dim();
    let scan = if view.stride_of(Axis(1)) == 1 {
        let rows = (TASK_VALUES / neurons).clamp(1, samples);
        let tasks: Vec<usize> = (0..samples).step_by(rows).collect();
        tasks
            .into_par_iter()
            .map(|begin| scan_samples(view, begin..samples.min(begin + rows)))
            .reduce_with(Scan::followed_by)
    } else {
        (0..neurons)
            .into_par_iter()
            .map(|neuron| scan_neuron(view, neuron))
            .reduce_with(Scan::and_neurons)
    };
    scan.unwrap_or_default()
}

/// The result of a pass over some samples of some neurons.
#[derive(Debug, Default)]
struct Scan<T> {
    low: Vec<T>,
    high: Vec<T>,
    values: Vec<FewValues<T>>,
    /// (sample, neuron) of the first value that is not finite.
    not_finite: Option<(usize, usize)>,
}

impl<T: Element> Scan<T> {
    /// Joins the result of later samples of the same neurons.
    fn followed_by(mut self, later: Self) -> Self {
        let low = self.low.iter_mut().zip(later.low);
        low.for_each(|(low, x)| *low = low.smaller(x));
        let high = self.high.iter_mut().zip(later.high);
        high.for_each(|(high, x)| *high = high.larger(x));
        let values = self.values.iter_mut().zip(&later.values);
        values.for_each(|(values, others)| values.join(others));
        self.not_finite = self.not_finite.or(later.not_finite);
        self
    }

    /// Joins the result of the following neurons.
    fn and_neurons(mut self, others: Self) -> Self {
        self.low.extend(others.low);
        self.high.extend(others.high);
        self.values.extend(others.values);
        self.not_finite = self.not_finite.into_iter().chain(others.not_finite).min();
        self
    }

    /// Returns the same result in `f64`, so that batches of either precision can be joined.
    fn in_f64(self) -> Scan<f64> {
        let all = |values: Vec<T>| values.into_iter().map(Into::into).collect();
        Scan {
            low: all(self.low),
            high: all(self.high),
            values: self.values.into_iter().map(FewValues::in_f64).collect(),
            not_finite: self.not_finite,
        }
    }
}

impl Scan<f64> {
    fn extents(&self) -> Vec<Extent> {
        let neurons = self.low.iter().zip(&self.high).zip(&self.values);
        neurons
            .map(|((&low, &high), values)| Extent {
                // Which of the zeros 0 and −0 is the smaller depends on the CPU; adding 0 makes
                // both 0.
                low: low + 0.0,
                high: high + 0.0,
                at_most_two_values: !values.third_seen,
            })
            .collect()
    }
}

/// The first two distinct values of a neuron, and a mark for a third one.
#[derive(Debug, Clone)]
struct FewValues<T> {
    first: T,
    second: Option<T>,
    third_seen: bool,
}

impl<T: Element> FewValues<T> {
    fn new(first: T) -> Self {
        Self { first, second: None, third_seen: false }
    }

    /// Looks for new values, up to the third. Most neurons have a third value within a few samples.
    fn look_at(&mut self, values: impl IntoIterator<Item = T>) {
        for x in values {
            if x != self.first {
                match self.second {
                    None => self.second = Some(x),
                    Some(second) if second != x => {
                        self.third_seen = true;
                        return;
                    }
                    Some(_) => {}
                }
            }
        }
    }

    fn join(&mut self, others: &Self) {
        self.look_at([others.first].into_iter().chain(others.second));
        self.third_seen |= others.third_seen;
    }

    fn in_f64(self) -> FewValues<f64> {
        let second = self.second.map(Into::into);
        FewValues { first: self.first.into(), second, third_seen: self.third_seen }
    }
}

/// Scans whole rows, as they lie in memory.
fn scan_samples<T: Element>(view: &ArrayView2<'_, T>, samples: Range<usize>) -> Scan<T> {
    let rows = view.slice(s![samples.clone(), ..]);
    let first: Vec<T> = rows.row(0).to_vec();
    let values = first.iter().map(|&x| FewValues::new(x)).collect();
    let mut scan = Scan { low: first.clone(), high: first, values, not_finite: None };
    if !Level::best().run(ScanRows { scan: &mut scan, rows: rows.view() }) {
        let first = rows.indexed_iter().find(|(_, x)| !x.is_finite());
        scan.not_finite = first.map(|((sample, neuron), _)| (samples.start + sample, neuron));
    }
    scan
}

/// A task that adds rows to a scan, and returns whether all values were finite.
struct ScanRows<'a, T> {
    scan: &'a mut Scan<T>,
    rows: ArrayView2<'a, T>,
}

impl<T: Element> Vectorized for ScanRows<'_, T> {
    type Output = bool;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> bool {
        let Self { scan, rows } = self;
        let mut few = Few::new(scan);
        let mut all_finite = true;
        for row in rows.outer_iter().filter_map(|row| row.to_slice()) {
            all_finite &= scan_row(simd, scan, row);
            few.look_at(simd, scan, row);
        }
        all_finite
    }
}

#[inline(always)]
fn scan_row<S: Simd, T: Element>(simd: S, scan: &mut Scan<T>, row: &[T]) -> bool {
    let lanes = T::Native::<S>::LEN;
    // Zero times a value is zero for finite values, and NaN for all others.
    let mut zero = T::Native::<S>::splat(simd, T::ZERO);
    let vectors = row.chunks_exact(lanes);
    let rest = vectors.remainder();
    let extremes = scan.low.chunks_exact_mut(lanes).zip(scan.high.chunks_exact_mut(lanes));
    for (x, (low, high)) in vectors.zip(extremes) {
        let x = T::Native::<S>::from_slice(simd, x);
        T::Native::<S>::from_slice(simd, low).min(x).store_slice(low);
        T::Native::<S>::from_slice(simd, high).max(x).store_slice(high);
        zero += x * T::ZERO;
    }
    let mut rest_is_finite = true;
    for (&x, neuron) in rest.iter().zip(row.len() - rest.len()..) {
        scan.low[neuron] = scan.low[neuron].smaller(x);
        scan.high[neuron] = scan.high[neuron].larger(x);
        rest_is_finite &= x.is_finite();
    }
    zero.simd_eq(T::ZERO).all_true() && rest_is_finite
}

/// The neurons with at most two values so far, in runs of neighbouring neurons.
struct Few<T: Element> {
    /// The first neuron of each run.
    runs: Vec<usize>,
    /// The bits of the two values of every neuron.
    first: Vec<T::Bits>,
    second: Vec<T::Bits>,
    /// All ones for neurons that have not had a third value yet, else 0.
    open: Vec<T::Bits>,
}

/// The number of neurons in a run.
const RUN_NEURONS: usize = 16;

impl<T: Element> Few<T> {
    fn new(scan: &Scan<T>) -> Self {
        let neurons = scan.values.len();
        let zeros = vec![T::Bits::default(); neurons];
        let runs = (0..neurons).step_by(RUN_NEURONS).collect();
        let mut few = Self { runs, first: zeros.clone(), second: zeros.clone(), open: zeros };
        (0..neurons).for_each(|neuron| few.learn(scan, neuron));
        few
    }

    fn learn(&mut self, scan: &Scan<T>, neuron: usize) {
        let values = &scan.values[neuron];
        self.first[neuron] = values.first.bits();
        self.second[neuron] = values.second.unwrap_or(values.first).bits();
        let none = T::Bits::default();
        self.open[neuron] = if values.third_seen { none } else { !none };
    }

    #[inline(always)]
    fn look_at<S: Simd>(&mut self, simd: S, scan: &mut Scan<T>, row: &[T]) {
        // A closure, such as the argument of `retain`, would not be compiled for this instruction
        // set.
        let mut kept = 0;
        for k in 0..self.runs.len() {
            let begin = self.runs[k];
            let run = begin..scan.values.len().min(begin + RUN_NEURONS);
            if self.has_news(simd, run.clone(), row) {
                for neuron in run.clone() {
                    scan.values[neuron].look_at([row[neuron]]);
                    self.learn(scan, neuron);
                }
            }
            if self.open[run].iter().any(|&open| open != T::Bits::default()) {
                self.runs[kept] = begin;
                kept += 1;
            }
        }
        self.runs.truncate(kept);
    }

    /// Returns whether a neuron of the run may have a new value. Only neurons with at most two
    /// values so far count.
    #[inline(always)]
    fn has_news<S: Simd>(&self, simd: S, run: Range<usize>, row: &[T]) -> bool {
        let lanes = T::Native::<S>::LEN;
        if run.len() < RUN_NEURONS {
            return true;
        }
        // Nonzero where a value has other bits than both known values.
        let mut news = Bits::<S, T>::splat(simd, T::Bits::default());
        let mut begin = run.start;
        while begin < run.end {
            let here = begin..begin + lanes;
            let first = Bits::<S, T>::from_slice(simd, &self.first[here.clone()]);
            let second = Bits::<S, T>::from_slice(simd, &self.second[here.clone()]);
            let x = T::Native::<S>::from_slice(simd, &row[here.clone()]).to_bits();
            let differs = (x ^ first).min(x ^ second);
            news |= differs & Bits::<S, T>::from_slice(simd, &self.open[here]);
            begin += lanes;
        }
        news.simd_ne(T::Bits::default()).any_true()
    }
}

/// A vector of the bits of activations.
type Bits<S, T> = <<T as SimdFloatElement>::Native<S> as SimdFloat<S>>::Bits;

/// The number of a neuron's values that are copied together: half an L1 cache.
const RUN: usize = 4096;

/// Scans one neuron, whatever the distance of its samples in memory.
fn scan_neuron<T: Element>(view: &ArrayView2<'_, T>, neuron: usize) -> Scan<T> {
    let level = Level::best();
    let column = view.column(neuron);
    let mut scan = RunScan { low: column[0], high: column[0], values: FewValues::new(column[0]) };
    let mut not_finite = None;
    let mut run = Vec::with_capacity(RUN.min(column.len()));
    for begin in (0..column.len()).step_by(RUN) {
        run.clear();
        run.extend(column.slice(s![begin..column.len().min(begin + RUN)]));
        if !level.run(ScanRun { scan: &mut scan, run: &run }) {
            not_finite = run.iter().position(|x| !x.is_finite()).map(|k| (begin + k, neuron));
            break; // later samples cannot come before this one
        }
    }
    Scan { low: vec![scan.low], high: vec![scan.high], values: vec![scan.values], not_finite }
}

struct RunScan<T> {
    low: T,
    high: T,
    values: FewValues<T>,
}

/// A task that adds consecutive values of a neuron to a scan, and returns whether all were finite.
struct ScanRun<'a, T> {
    scan: &'a mut RunScan<T>,
    run: &'a [T],
}

impl<T: Element> Vectorized for ScanRun<'_, T> {
    type Output = bool;

    #[inline(always)]
    fn run<S: Simd>(self, simd: S) -> bool {
        let Self { scan, run } = self;
        let vectors = run.chunks_exact(T::Native::<S>::LEN);
        let rest = vectors.remainder();
        let mut low = T::Native::<S>::splat(simd, scan.low);
        let mut high = T::Native::<S>::splat(simd, scan.high);
        let mut zero = T::Native::<S>::splat(simd, T::ZERO);
        for vector in vectors {
            let x = T::Native::<S>::from_slice(simd, vector);
            low = low.min(x);
            high = high.max(x);
            zero += x * T::ZERO;
        }
        let mut ends_are_finite = true;
        for &x in low.as_slice().iter().chain(high.as_slice()).chain(rest) {
            scan.low = scan.low.smaller(x);
            scan.high = scan.high.larger(x);
            ends_are_finite &= x.is_finite();
        }
        if !scan.values.third_seen {
            scan.values.look_at(run.iter().copied());
        }
        zero.simd_eq(T::ZERO).all_true() && ends_are_finite
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::{Array2, array};

    fn of(view: ArrayView2<'_, f32>) -> Result<Vec<Extent>, Error> {
        extents(&Activations::new(view).unwrap())
    }

    #[test]
    fn extents_see_signs_zeros_and_distinct_values() {
        let x = array![[1.0f32, -0.0, 5.0], [3.0, 0.0, 5.0], [2.0, -0.0, 7.0]];
        let extents = of(x.view()).unwrap();
        assert_eq!(extents[0], Extent { low: 1.0, high: 3.0, at_most_two_values: false });
        assert_eq!((extents[1].low, extents[1].high), (0.0, 0.0));
        assert!(extents[1].at_most_two_values, "0.0 and -0.0 are one value");
        assert!(extents[2].at_most_two_values);
    }

    #[test]
    fn the_first_value_that_is_not_finite_is_named() {
        let mut x = Array2::<f32>::zeros((2000, 40));
        x[[1500, 3]] = f32::NAN;
        x[[700, 39]] = f32::INFINITY;
        x[[700, 20]] = f32::NEG_INFINITY;
        let error = of(x.view()).unwrap_err();
        assert!(matches!(error, Error::NonFinite { sample: 700, neuron: 20, .. }), "{error}");
    }

    #[test]
    fn every_layout_gives_the_same_extents() {
        let c = Array2::from_shape_fn((37, 21), |(s, n)| ((s * 31 + n * 17) % 23) as f32 - 11.0);
        let mut f = Array2::zeros((21, 37)).reversed_axes();
        f.assign(&c);
        let wide = Array2::from_shape_fn((74, 42), |(s, n)| c[[s / 2, n / 2]]);
        let strided = wide.slice(s![..;2, ..;2]);
        let expected = of(c.view()).unwrap();
        assert_eq!(expected, of(f.view()).unwrap());
        assert_eq!(expected, of(strided).unwrap());
    }
}
