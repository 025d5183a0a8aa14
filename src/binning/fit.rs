//! The fit of edge tables to activations.

use rayon::prelude::*;

use super::columns::{ColumnWork, Columns};
use super::linspace::linspace;
use super::{BinRule, Binning, Bins, Range, equal_frequency};
use crate::MAX_BINS;
use crate::error::Error;
use crate::input::activations::{Activations, with_view};
use crate::input::element::{Element, Precision};
use crate::input::extents::Extent;
use crate::support::memory;

/// The smallest and the largest of some activations.
#[derive(Debug, Clone, Copy)]
struct Ends {
    low: f64,
    high: f64,
}

impl Ends {
    fn of<T: Element>(values: &[T]) -> Option<Self> {
        let low = values.iter().copied().fold(T::INFINITY, T::smaller);
        let high = values.iter().copied().fold(T::NEG_INFINITY, T::larger);
        // Which of the zeros 0 and −0 is the smaller depends on the CPU; adding 0 makes both 0.
        let ends = Self { low: low.into() + 0.0, high: high.into() + 0.0 };
        (!values.is_empty()).then_some(ends)
    }

    fn with(self, other: Self) -> Self {
        Self { low: self.low.min(other.low), high: self.high.max(other.high) }
    }
}

/// Returns the table of each neuron, or a single one that all share, for a binning without its zero
/// bin.
pub(super) fn tables(
    columns: &mut impl Columns,
    (extents, precision): (&[Extent], Precision),
    binning: &Binning,
    has_zero_bin: bool,
) -> Result<Vec<Vec<f64>>, Error> {
    let mut fit = Fit { columns, extents, has_zero_bin };
    match binning {
        Binning::EqualWidth { bins: Bins::Fixed(bins), range } => match *range {
            Range::PerNeuron => fit.equal_width(*bins),
            Range::Global => Ok(vec![{
                let ends = fit.global_ends()?;
                table_between(ends, *bins, has_zero_bin)
            }]),
            Range::Given(low, high) => Ok(vec![linspace(low, high, *bins)]),
        },
        Binning::EqualWidth { bins: Bins::Rule(rule), range } => fit.by_rule(*rule, *range),
        Binning::Digitized { bins } => {
            let mut table = table_between(fit.global_ends()?, *bins, has_zero_bin);
            table.extend(table.last().copied());
            Ok(vec![table])
        }
        Binning::EqualFrequency { bins } => fit.equal_frequency(*bins),
        Binning::Threshold(threshold) => {
            // `x > threshold` is the same as `x >= threshold.next_up()`.
            #[expect(clippy::cast_possible_truncation, reason = "as numpy compares an f32")]
            let above = match precision {
                Precision::F32 => f64::from((*threshold as f32).next_up()),
                Precision::F64 => threshold.next_up(),
            };
            Ok(vec![vec![f64::NEG_INFINITY, above, f64::INFINITY]])
        }
        Binning::Edges(edges) => Ok(vec![edges.clone()]),
        Binning::Categories => {
            let largest = extents.iter().map(|extent| extent.high).fold(0.0, f64::max);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "checked by the caller: a whole number from 0 to 255"
            )]
            let bins = largest as usize + 1;
            Ok(vec![linspace(0.0, bins as f64, bins)])
        }
        // Unreachable: `Binning::parts` unwraps every zero bin.
        Binning::WithZeroBin(inner) => tables(columns, (extents, precision), inner, true),
    }
}

/// Refuses neurons whose range is too wide for an `f64`: neither edges nor quantiles could be computed.
pub(super) fn check_widths(extents: &[Extent]) -> Result<(), Error> {
    let low = extents.iter().map(|extent| extent.low).fold(f64::INFINITY, f64::min);
    let high = extents.iter().map(|extent| extent.high).fold(f64::NEG_INFINITY, f64::max);
    if extents.is_empty() || (high - low).is_finite() {
        return Ok(());
    }
    let widest = |extent: &Extent| extent.low.abs().max(extent.high.abs());
    let neurons = extents.iter().enumerate();
    let neuron = neurons.max_by(|(_, a), (_, b)| widest(a).total_cmp(&widest(b)));
    Err(Error::RangeTooWide { neuron: neuron.map_or(0, |(neuron, _)| neuron), low, high })
}

/// Reports the first sample (then the first neuron) whose activation is not a whole number from 0
/// to `largest`. `before` is the number of samples before these.
pub(crate) fn check_categories(
    activations: &Activations<'_>,
    before: usize,
    largest: usize,
) -> Result<(), Error> {
    /// The approximate number of activations of one task.
    const TASK_VALUES: usize = 1 << 16;
    let (samples, neurons) = (activations.samples(), activations.neurons());
    let most = largest as f64;
    let is_category = |x: f64| (0.0..=most).contains(&x) && x.trunc() == x;
    let rows = (TASK_VALUES / neurons).clamp(1, samples);
    let tasks: Vec<usize> = (0..samples).step_by(rows).collect();
    let wrong = tasks.into_par_iter().find_map_first(|begin| {
        let rows = activations.of_samples(begin..samples.min(begin + rows));
        with_view!(rows.view(), view => {
            let mut all = view.indexed_iter().map(|(place, x)| (place, x.in_f64()));
            let (place, value) = all.find(|&(_, x)| !is_category(x))?;
            Some((before + begin + place.0, place.1, value))
        })
    });
    match wrong {
        Some((sample, neuron, value)) => {
            Err(Error::NotACategory { sample, neuron, value, largest })
        }
        None => Ok(()),
    }
}

struct Fit<'a, C> {
    columns: &'a mut C,
    extents: &'a [Extent],
    has_zero_bin: bool,
}

impl<C: Columns> Fit<'_, C> {
    fn equal_width(&mut self, bins: usize) -> Result<Vec<Vec<f64>>, Error> {
        self.check_memory(bins + 1)?;
        let (ends, has_zero_bin) = (self.ends()?, self.has_zero_bin);
        Ok(ends.into_par_iter().map(|ends| table_between(ends, bins, has_zero_bin)).collect())
    }

    fn by_rule(&mut self, rule: BinRule, range: Range) -> Result<Vec<Vec<f64>>, Error> {
        let most = MAX_BINS - usize::from(self.has_zero_bin);
        self.check_memory(most + 1)?;
        let shared = match range {
            Range::PerNeuron => None,
            Range::Global => self.global_ends()?,
            Range::Given(low, high) => Some(Ends { low, high }),
        };
        self.map_binned(ByRule { rule, most, shared, has_zero_bin: self.has_zero_bin })
    }

    fn equal_frequency(&mut self, bins: usize) -> Result<Vec<Vec<f64>>, Error> {
        self.check_memory(bins + 1)?;
        self.map_binned(EqualFrequency { bins, has_zero_bin: self.has_zero_bin })
    }

    /// Returns the ends of each neuron's activations, without zeros if these have a bin of their
    /// own, or `None` if no activations are left.
    fn ends(&mut self) -> Result<Vec<Option<Ends>>, Error> {
        if self.has_zero_bin {
            return self.map_binned(FindEnds);
        }
        let ends = |e: &Extent| Some(Ends { low: e.low, high: e.high });
        Ok(self.extents.iter().map(ends).collect())
    }

    /// Returns the ends of all neurons' activations together.
    fn global_ends(&mut self) -> Result<Option<Ends>, Error> {
        Ok(self.ends()?.into_iter().flatten().reduce(Ends::with))
    }

    /// Runs `work` on each neuron's activations, without zeros if these have a bin of their own.
    fn map_binned<W: ColumnWork>(&mut self, work: W) -> Result<Vec<W::Output>, Error> {
        self.columns.map(Binned { work, has_zero_bin: self.has_zero_bin })
    }

    /// Checks that memory suffices for tables of `edges` edges for all neurons.
    fn check_memory(&self, edges: usize) -> Result<(), Error> {
        memory::check::<f64>(edges.saturating_mul(self.extents.len()))
    }
}

/// Work on the activations that are binned: without zeros if these have a bin of their own.
struct Binned<W> {
    work: W,
    has_zero_bin: bool,
}

impl<W: ColumnWork> ColumnWork for Binned<W> {
    type Output = W::Output;

    fn run<T: Element>(&self, values: &mut [T]) -> Self::Output {
        let is_kept = |&x: &T| x != T::ZERO;
        self.work.run(if self.has_zero_bin { keep(values, is_kept) } else { values })
    }
}

struct FindEnds;

impl ColumnWork for FindEnds {
    type Output = Option<Ends>;

    fn run<T: Element>(&self, values: &mut [T]) -> Self::Output {
        Ends::of(values)
    }
}

/// A fit of equal-width bins in a number that a rule finds.
struct ByRule {
    rule: BinRule,
    /// The most bins.
    most: usize,
    /// The range of all neurons, unless each has its own.
    shared: Option<Ends>,
    has_zero_bin: bool,
}

impl ColumnWork for ByRule {
    type Output = Vec<f64>;

    fn run<T: Element>(&self, values: &mut [T]) -> Self::Output {
        let Some(ends) = self.shared.or_else(|| Ends::of(values)) else { return Vec::new() };
        let is_inside = |&x: &T| (ends.low..=ends.high).contains(&x.into());
        let values = keep(values, is_inside);
        let bins = self.rule.bins(values, ends.high - ends.low, self.most);
        table_between(Some(ends), bins, self.has_zero_bin)
    }
}

/// A fit of bins that hold equally many samples.
struct EqualFrequency {
    bins: usize,
    has_zero_bin: bool,
}

impl ColumnWork for EqualFrequency {
    type Output = Vec<f64>;

    fn run<T: Element>(&self, values: &mut [T]) -> Self::Output {
        let Some(ends) = Ends::of(values) else { return Vec::new() };
        if ends.low == ends.high {
            return table_between(Some(ends), 1, self.has_zero_bin);
        }
        let mut table = equal_frequency::cuts(values, self.bins);
        table.insert(0, ends.low);
        table.push(ends.high);
        table.shrink_to_fit();
        table
    }
}

/// Returns the table of equal-width bins.
///
/// If all values are equal there is one bin. It also holds any other activation, except that zeros
/// go into the zero bin if there is one. Without values there is no zero bin either.
fn table_between(ends: Option<Ends>, bins: usize, has_zero_bin: bool) -> Vec<f64> {
    match ends {
        Some(Ends { low, high }) if low < high => linspace(low, high, bins),
        Some(Ends { low, high }) if has_zero_bin => vec![low, high],
        _ => Vec::new(),
    }
}

/// Moves the values to keep to the front, in order, and returns them.
fn keep<T: Element>(values: &mut [T], is_kept: impl Fn(&T) -> bool) -> &mut [T] {
    let mut kept = 0;
    for k in 0..values.len() {
        let value = values[k];
        values[kept] = value;
        kept += usize::from(is_kept(&value));
    }
    &mut values[..kept]
}
