//! The bin edges of a layer.

use super::Portions;
use super::batches::fit_batches;
use super::coder::{BinnedElement, Coder};
use super::columns::{self, Columns};
use super::{Binning, fit};
use crate::error::Error;
use crate::input::activations::{Activations, ActivationsView};
use crate::input::batches::Batches;
use crate::input::element::Precision;
use crate::input::extents::{Extent, extents};
use crate::{MAX_BINS, MIN_BINS};

/// The bin edges of every neuron of a layer. They can be fitted on one set of activations, read,
/// and applied to another set.
///
/// # Examples
///
/// ```
/// use cofire::{Analysis, BinEdges, Binning};
/// use ndarray::array;
///
/// let train = array![[0.0f32, 1.0], [2.0, 1.0], [4.0, 1.0]];
/// let edges = BinEdges::fit(train.view(), &Binning::equal_width(4))?;
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
    pub(super) neurons: usize,
    /// The most bins of any neuron, the zero bin counted, and at least [`MIN_BINS`].
    pub(super) bins: usize,
    /// One table for each neuron, or a single one that all share. An empty table means one bin for
    /// all values, including zero; any other has at least two edges.
    pub(super) tables: Vec<Vec<f64>>,
    pub(super) has_zero_bin: bool,
    /// True if activations must be categories, up to the largest one that the edges were fitted on.
    pub(super) of_categories: bool,
}

impl BinEdges {
    /// Fits the edges of a binning to activations of shape `samples × neurons`.
    ///
    /// O(samples · neurons) time; [`Binning::EqualFrequency`] takes O(samples · log bins) for each
    /// neuron. Rules for the number of bins, quantiles, and extremes beside a zero bin need a copy
    /// of a few neurons' activations on every thread: 8 MiB, or one neuron's if that is more.
    ///
    /// # Errors
    ///
    /// Fails for fewer than two samples, no neurons, or an activation that is not finite. Fails for
    /// invalid settings: a number of bins outside 2..=256 (the zero bin counted), a given range
    /// that is empty or not finite, a threshold that is not finite, edges that are not finite or do
    /// not ascend, an activation that is not a category, a zero bin beside categories. Fails if
    /// memory does not suffice.
    pub fn fit<'a>(
        activations: impl Into<ActivationsView<'a>>,
        binning: &Binning,
    ) -> Result<Self, Error> {
        binning.check()?;
        let activations = Activations::new(activations)?;
        Self::from_extents(&activations, &extents(&activations)?, binning)
    }

    /// Fits the edges of a binning to activations that come in batches, as [`BinEdges::fit`] does.
    ///
    /// Each visit of the activations takes O(samples · neurons) time. There is one visit for the
    /// extremes, or none if the edges are given. [`Binning::EqualFrequency`], rules for the number
    /// of bins, and extremes beside a zero bin need all activations of a neuron at once: one more
    /// visit follows for every half GiB of activations.
    ///
    /// # Errors
    ///
    /// The errors of [`BinEdges::fit`], and those of the source.
    ///
    /// # Examples
    ///
    /// ```
    /// use cofire::{BinEdges, Binning};
    /// use ndarray::Array2;
    ///
    /// let activations = Array2::from_shape_fn((1000, 8), |(s, n)| ((s * (n + 3)) % 17) as f32);
    /// let binning = Binning::EqualFrequency { bins: 10 };
    /// let edges = BinEdges::fit_batches(&mut activations.view(), &binning)?;
    /// assert_eq!(edges, BinEdges::fit(activations.view(), &binning)?);
    /// # Ok::<(), cofire::Error>(())
    /// ```
    pub fn fit_batches(source: &mut dyn Batches, binning: &Binning) -> Result<Self, Error> {
        const COLUMN_BYTES: u64 = 512 << 20;
        binning.check()?;
        fit_batches(source, binning, COLUMN_BYTES, Portions::MOST)
    }

    /// Fits the edges of a binning that has been checked.
    pub(crate) fn from_extents(
        mut activations: &Activations<'_>,
        extents: &[Extent],
        binning: &Binning,
    ) -> Result<Self, Error> {
        if *binning == Binning::Categories {
            fit::check_categories(activations, 0, MAX_BINS - 1)?;
        }
        let precision = activations.precision();
        Self::from_columns(&mut activations, (extents, precision), binning)
    }

    /// Fits the edges of a binning that has been checked. If it is [`Binning::Categories`], the
    /// activations have been checked too.
    pub(crate) fn from_columns(
        columns: &mut impl Columns,
        (extents, precision): (&[Extent], Precision),
        binning: &Binning,
    ) -> Result<Self, Error> {
        let (rule, has_zero_bin) = binning.parts();
        if binning.reads_activations() {
            fit::check_widths(extents)?;
        }
        let tables = fit::tables(columns, (extents, precision), rule, has_zero_bin)?;
        let mut edges = Self {
            neurons: extents.len(),
            bins: MIN_BINS,
            tables,
            has_zero_bin,
            of_categories: *rule == Binning::Categories,
        };
        let fitted = edges.tables.iter().map(|table| edges.bins_in(table)).max();
        // A given number of bins is kept even if all neurons are constant.
        edges.bins = binning.known_bins().or(fitted).unwrap_or(MIN_BINS).max(MIN_BINS);
        Ok(edges)
    }

    /// Returns an upper bound of the bytes that fitting takes, edges included.
    pub(crate) fn bytes_to_fit(
        shape: (usize, usize),
        precision: Precision,
        binning: &Binning,
    ) -> u128 {
        let (edges, is_one_each) = binning.most_edges();
        let table = edges.saturating_mul(size_of::<f64>()).saturating_add(size_of::<Vec<f64>>());
        let tables = if is_one_each { shape.1 } else { 1 };
        let reads_columns = binning.reads_columns();
        let copied =
            if reads_columns { columns::copied_bytes(shape, precision.bytes()) } else { 0 };
        copied.saturating_add(table as u128 * tables as u128)
    }

    /// Returns the largest number of bins of any neuron, the zero bin counted, and at least two. A
    /// given number of bins is kept, even if every neuron is constant.
    #[must_use]
    pub fn bins(&self) -> usize {
        self.bins
    }

    /// Returns the number of bins of a neuron, the zero bin counted. It is 1 for a neuron that was
    /// constant when edges of its own were fitted, and for a neuron that does not exist.
    #[must_use]
    pub fn bins_of(&self, neuron: usize) -> usize {
        if neuron < self.neurons { self.bins_in(self.table(neuron)) } else { 1 }
    }

    fn bins_in(&self, table: &[f64]) -> usize {
        match table.len() {
            0 => 1,
            edges => edges - 1 + usize::from(self.has_zero_bin),
        }
    }

    /// Returns the number of neurons that the edges were fitted on.
    #[must_use]
    pub fn neurons(&self) -> usize {
        self.neurons
    }

    /// Returns whether bin 0 is reserved for activations that are exactly zero. The edges are then
    /// those of bin 1 and the following bins, which hold all other activations.
    #[must_use]
    pub fn has_zero_bin(&self) -> bool {
        self.has_zero_bin
    }

    /// Returns the edges of a neuron in ascending order: one more than it has bins, the zero bin
    /// not counted. Returns `None` for a neuron that was constant when the edges were fitted (all
    /// its activations fall into bin 0), and for a neuron that does not exist.
    ///
    /// Activation `x` falls into bin `k` when `edges[k] <= x < edges[k + 1]` (bin `k + 1` beside a
    /// zero bin); the last bin also holds the last edge. Values outside fall into the first or last
    /// bin. The outer edges of [`Binning::Threshold`] are infinite. Two neighbouring edges are
    /// equal if a bin holds a single value: the bin of the largest activation of
    /// [`Binning::Digitized`], or of [`Binning::EqualFrequency`] if many have it, or the bin beside
    /// the zero bin if a neuron is constant except for zeros.
    #[must_use]
    pub fn of(&self, neuron: usize) -> Option<&[f64]> {
        (neuron < self.neurons).then(|| self.table(neuron)).filter(|table| !table.is_empty())
    }

    fn table(&self, neuron: usize) -> &[f64] {
        if self.tables.len() == 1 { &self.tables[0] } else { &self.tables[neuron] }
    }

    /// Returns the coder that turns activations of `neuron` into codes.
    pub(crate) fn coder<T: BinnedElement>(&self, neuron: usize) -> Coder<T> {
        Coder::new(self.table(neuron), self.has_zero_bin)
    }

    /// Refuses activations that have no bin: those that are not categories up to the largest one that
    /// the edges were fitted on. `before` is the number of samples before these.
    pub(crate) fn check(&self, activations: &Activations<'_>, before: usize) -> Result<(), Error> {
        if self.of_categories {
            fit::check_categories(activations, before, self.tables[0].len().saturating_sub(2))
        } else {
            Ok(())
        }
    }
}
