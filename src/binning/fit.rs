//! The fit of edge tables to activations.

use rayon::prelude::*;

use super::columns::Columns;
use super::linspace::linspace;
use super::{BinRule, Binning, Bins, Range, quantiles};
use crate::MAX_BINS;
use crate::error::Error;
use crate::input::activations::Activations;
use crate::input::extents::Extent;
use crate::support::memory;

/// The smallest and the largest of some activations.
#[derive(Debug, Clone, Copy)]
struct Ends {
    low: f64,
    high: f64,
}

impl Ends {
    fn of(values: &[f32]) -> Option<Self> {
        let low = values.iter().copied().fold(f32::INFINITY, f32::min);
        let high = values.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        // Which of the zeros 0 and −0 is the smaller depends on the CPU; adding 0 makes both 0.
        let ends = Self { low: f64::from(low + 0.0), high: f64::from(high + 0.0) };
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
    extents: &[Extent],
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
            Ok(vec![vec![f64::NEG_INFINITY, f64::from(threshold.next_up()), f64::INFINITY]])
        }
        Binning::Edges(edges) => Ok(vec![edges.clone()]),
        Binning::Categories => {
            let largest = extents.iter().map(|extent| extent.high).fold(0.0, f32::max);
            #[expect(
                clippy::cast_possible_truncation,
                clippy::cast_sign_loss,
                reason = "checked by the caller: a whole number from 0 to 255"
            )]
            let bins = largest as usize + 1;
            Ok(vec![linspace(0.0, bins as f64, bins)])
        }
        // Unreachable: `Binning::parts` unwraps every zero bin.
        Binning::WithZeroBin(inner) => tables(columns, extents, inner, true),
    }
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
    let most = largest as f32;
    let is_category = |x: f32| (0.0..=most).contains(&x) && x.trunc() == x;
    let rows = (TASK_VALUES / neurons).clamp(1, samples);
    let tasks: Vec<usize> = (0..samples).step_by(rows).collect();
    let wrong = tasks.into_par_iter().find_map_first(|begin| {
        let rows = activations.of_samples(begin..samples.min(begin + rows));
        let (place, &value) = rows.indexed_iter().find(|&(_, &x)| !is_category(x))?;
        Some((before + begin + place.0, place.1, value))
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
        let has_zero_bin = self.has_zero_bin;
        self.map_binned(|values| {
            let Some(ends) = shared.or_else(|| Ends::of(values)) else { return Vec::new() };
            let is_inside = |&x: &f32| (ends.low..=ends.high).contains(&f64::from(x));
            let values = keep(values, is_inside);
            let bins = rule.bins(values, ends.high - ends.low, most);
            table_between(Some(ends), bins, has_zero_bin)
        })
    }

    fn equal_frequency(&mut self, bins: usize) -> Result<Vec<Vec<f64>>, Error> {
        self.check_memory(bins + 1)?;
        let quantiles = linspace(0.0, 1.0, bins);
        let has_zero_bin = self.has_zero_bin;
        self.map_binned(|values| {
            let mut table = quantiles::distinct(values, &quantiles);
            if let [single] = *table {
                let ends = Ends { low: single, high: single };
                table = table_between(Some(ends), 1, has_zero_bin);
            }
            table.shrink_to_fit();
            table
        })
    }

    /// Returns the ends of each neuron's activations, without zeros if these have a bin of their
    /// own, or `None` if no activations are left.
    fn ends(&mut self) -> Result<Vec<Option<Ends>>, Error> {
        if self.has_zero_bin {
            return self.map_binned(|values| Ends::of(values));
        }
        let ends = |e: &Extent| Some(Ends { low: f64::from(e.low), high: f64::from(e.high) });
        Ok(self.extents.iter().map(ends).collect())
    }

    /// Returns the ends of all neurons' activations together.
    fn global_ends(&mut self) -> Result<Option<Ends>, Error> {
        Ok(self.ends()?.into_iter().flatten().reduce(Ends::with))
    }

    /// Applies `work` to each neuron's activations, without zeros if these have a bin of their own.
    fn map_binned<T: Send>(
        &mut self,
        work: impl Fn(&mut [f32]) -> T + Sync,
    ) -> Result<Vec<T>, Error> {
        let has_zero_bin = self.has_zero_bin;
        self.columns
            .map(|values| work(if has_zero_bin { keep(values, |&x| x != 0.0) } else { values }))
    }

    /// Checks that memory suffices for tables of `edges` edges for all neurons.
    fn check_memory(&self, edges: usize) -> Result<(), Error> {
        memory::check::<f64>(edges.saturating_mul(self.extents.len()))
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
fn keep(values: &mut [f32], is_kept: impl Fn(&f32) -> bool) -> &mut [f32] {
    let mut kept = 0;
    for k in 0..values.len() {
        let value = values[k];
        values[kept] = value;
        kept += usize::from(is_kept(&value));
    }
    &mut values[..kept]
}
