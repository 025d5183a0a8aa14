//! Permutation tests of independence, and tests by other surrogates.

use ndarray::{Array1, Array2};

use super::surrogate_test::{between, within};
use crate::analysis::Analysis;
use crate::error::Error;
use crate::estimator::Estimator;
use crate::execution::Execution;
use crate::input::activations::ActivationsView;
use crate::measures::Units;
use crate::surrogates::{Null, Surrogates};

/// A comparison of every pair with surrogates of it, whose samples are in other orders.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct PermutationReport {
    /// The p-value of each pair, `(1 + E) / (1 + P)`: in `E` of `P` orders the pair shares at least
    /// as much as in its own. `neurons × neurons`, symmetric, and 1 on the diagonal, where there is
    /// nothing to test; between two layers `rows × columns`.
    pub p_values: Array2<f64>,
    /// The mean mutual information of each pair's surrogates, in the units of the analysis: what the
    /// estimate shows of two neurons that share nothing. The shape of `p_values`; 0 on the diagonal.
    pub null_mean: Array2<f64>,
    /// The mutual information of each pair less `null_mean`: the estimate with its bias removed, as
    /// far as surrogates have the same bias. About 0 for neurons that share nothing, and often below.
    /// The shape of `p_values`; 0 on the diagonal.
    pub excess: Array2<f64>,
    /// The number of orders of each pair.
    pub permutations: u32,
    /// The engine, adapter and kernel that computed it, and the incidents.
    pub execution: Execution,
    pub(super) facts: Facts,
}

/// The facts of a test that the effective number of samples needs.
#[derive(Debug, Clone)]
pub(super) struct Facts {
    pub(super) samples: usize,
    pub(super) estimator: Estimator,
    pub(super) units: Units,
    /// The occupied bins of the rows' neurons and of the columns'.
    pub(super) occupied: (Array1<u32>, Array1<u32>),
    pub(super) is_within: bool,
}

impl PermutationReport {
    /// Computes the effective number of samples of every pair: the number of independent samples with
    /// which two unrelated neurons of these bins would seem to share as much as the surrogates do.
    ///
    /// For `S` independent samples, `2 S · I` has a mean of about `(Kx − 1)(Ky − 1)`, where `K` is the
    /// number of a neuron's occupied bins (see [`crate::Report::g_test`]). So the number is
    /// `(Kx − 1)(Ky − 1) / (2 · null_mean)`, with the mean in nats. It is about the number of samples
    /// if these are independent. It is less, the longer both neurons remember; and the G-test's
    /// p-values are too small by that factor in G. The shape of `p_values`. O(pairs).
    ///
    /// The approximation needs several samples a cell. Where bins are hardly used, it is off even for
    /// independent samples: compare with [`Null::Permutation`], which shows how far. It is NaN where
    /// it cannot be estimated: on the diagonal, for a constant neuron, and if no surrogate shares
    /// anything.
    ///
    /// # Errors
    ///
    /// Fails for an estimator other than [`Estimator::PlugIn`].
    pub fn effective_samples(&self) -> Result<Array2<f64>, Error> {
        let Facts { estimator, units, ref occupied, is_within, .. } = self.facts;
        if estimator != Estimator::PlugIn {
            let wanted = "an effective number of samples";
            return Err(Error::EstimatorUnsupported { estimator, wanted });
        }
        let freedom = |occupied: u32| f64::from(occupied.max(1) - 1);
        Ok(Array2::from_shape_fn(self.null_mean.dim(), |(i, j)| {
            let freedom = freedom(occupied.0[i]) * freedom(occupied.1[j]);
            let mean = self.null_mean[[i, j]] / units.per_nat();
            let is_pair = !(is_within && i == j) && freedom > 0.0 && mean > 0.0;
            if is_pair { freedom / (2.0 * mean) } else { f64::NAN }
        }))
    }

    /// Returns the number of samples that were measured.
    #[must_use]
    pub fn samples(&self) -> usize {
        self.facts.samples
    }
}

impl Analysis {
    /// Tests the independence of every pair of neurons. The samples of one neuron of a pair are put
    /// in random order many times; the test counts how often the pair then shares at least as much.
    ///
    /// The test is exact for any numbers of samples and bins and any estimator, whereas the G-test
    /// ([`crate::Report::g_test`]) is an approximation. But samples have to be independent of each
    /// other, which tokens of a text are not: [`Analysis::surrogate_test`] has orders for these. This
    /// is the same test with [`Null::Permutation`].
    ///
    /// # Errors
    ///
    /// The errors of [`Analysis::surrogate_test`].
    ///
    /// # Examples
    ///
    /// ```
    /// use cofire::Analysis;
    /// use ndarray::Array2;
    ///
    /// let x = Array2::from_shape_fn((40, 3), |(s, n)| [s % 2, s % 2, s * s % 5][n] as f32);
    /// let report = Analysis::new(2).permutation_test(x.view(), 199, 7)?;
    /// assert_eq!(report.p_values[[0, 1]], 1.0 / 200.0); // no permutation comes close
    /// assert!(report.p_values[[0, 2]] > 0.05);
    /// # Ok::<(), cofire::Error>(())
    /// ```
    pub fn permutation_test<'a>(
        &self,
        activations: impl Into<ActivationsView<'a>>,
        permutations: u32,
        seed: u64,
    ) -> Result<PermutationReport, Error> {
        pollster::block_on(self.permutation_test_async(activations, permutations, seed))
    }

    /// Runs [`Analysis::permutation_test`] for callers that have an executor, or are in a browser.
    ///
    /// # Errors
    ///
    /// The errors of [`Analysis::permutation_test`].
    pub async fn permutation_test_async<'a>(
        &self,
        activations: impl Into<ActivationsView<'a>>,
        permutations: u32,
        seed: u64,
    ) -> Result<PermutationReport, Error> {
        let surrogates = Surrogates { null: Null::Permutation, number: permutations, seed };
        within(self, activations.into(), &surrogates).await
    }

    /// Tests the independence of every pair of neurons by surrogates. The samples of one neuron of a
    /// pair are put in another order many times, as the [`Null`] allows; the test counts how often
    /// the pair then shares at least as much.
    ///
    /// If samples depend on those before them, as tokens of a text do, [`Null::Shift`] keeps the
    /// rhythm of both neurons, and [`Null::Blocks`] and [`Null::Documents`] keep most of it. No
    /// p-value is below `1 / (1 + number)`. All pairs of a repetition use the same order, so the
    /// tests of different pairs are not independent of each other; each of them is valid by itself.
    ///
    /// An order is used for both neurons of a pair, each against the other as it is: two surrogates,
    /// of different orders, for as much work as two calls of [`Analysis::run`]. If the number is odd,
    /// the last order is used for the neuron of the lower index only. The result depends on the
    /// surrogates and nothing else, to the last bit. Memory beyond the input is four times the
    /// codes and `38 · neurons²` bytes.
    ///
    /// # Errors
    ///
    /// The errors of [`Analysis::run`]. Also fails for no surrogates, for a shift or for blocks that
    /// the samples have no room for, for documents that come back after others, and for the
    /// estimators that need whole histograms, [`Estimator::ChaoShen`] and [`Estimator::JamesStein`].
    ///
    /// # Examples
    ///
    /// Two neurons that change slowly, and have nothing to do with each other:
    ///
    /// ```
    /// use cofire::Analysis;
    /// use cofire::significance::{Null, Surrogates};
    /// use ndarray::Array2;
    ///
    /// let x = Array2::from_shape_fn((2000, 2), |(s, n)| (s as f32 / [70.0, 91.0][n]).sin());
    /// let g_test = Analysis::new(4).run(x.view())?.g_test()?;
    /// assert!(g_test[[0, 1]] < 1e-9); // takes each sample for a new one
    ///
    /// let surrogates = Surrogates { null: Null::Shift { at_least: None }, number: 199, seed: 0 };
    /// let report = Analysis::new(4).surrogate_test(x.view(), &surrogates)?;
    /// assert!(report.p_values[[0, 1]] > 0.05);
    /// assert!(report.effective_samples()?[[0, 1]] < 200.0);
    /// # Ok::<(), cofire::Error>(())
    /// ```
    pub fn surrogate_test<'a>(
        &self,
        activations: impl Into<ActivationsView<'a>>,
        surrogates: &Surrogates,
    ) -> Result<PermutationReport, Error> {
        pollster::block_on(self.surrogate_test_async(activations, surrogates))
    }

    /// Runs [`Analysis::surrogate_test`] for callers that have an executor, or are in a browser.
    ///
    /// # Errors
    ///
    /// The errors of [`Analysis::surrogate_test`].
    pub async fn surrogate_test_async<'a>(
        &self,
        activations: impl Into<ActivationsView<'a>>,
        surrogates: &Surrogates,
    ) -> Result<PermutationReport, Error> {
        within(self, activations.into(), surrogates).await
    }

    /// Tests the independence of every neuron of one layer, the rows, and every neuron of another,
    /// the columns, as [`Analysis::surrogate_test`] does. Both have the same samples. The rows'
    /// samples are put in other orders, and the columns' stay as they are. Results are
    /// `rows × columns`. A surrogate takes as much work as [`Analysis::run_between`]. Memory beyond
    /// the input is three times the codes and `52 · rows · columns` bytes.
    ///
    /// # Errors
    ///
    /// The errors of [`Analysis::run_between`] and of [`Analysis::surrogate_test`].
    pub fn surrogate_test_between<'a>(
        &self,
        rows: impl Into<ActivationsView<'a>>,
        columns: impl Into<ActivationsView<'a>>,
        surrogates: &Surrogates,
    ) -> Result<PermutationReport, Error> {
        pollster::block_on(self.surrogate_test_between_async(rows, columns, surrogates))
    }

    /// Runs [`Analysis::surrogate_test_between`] for callers that have an executor, or are in a
    /// browser.
    ///
    /// # Errors
    ///
    /// The errors of [`Analysis::surrogate_test_between`].
    pub async fn surrogate_test_between_async<'a>(
        &self,
        rows: impl Into<ActivationsView<'a>>,
        columns: impl Into<ActivationsView<'a>>,
        surrogates: &Surrogates,
    ) -> Result<PermutationReport, Error> {
        between(self, rows.into(), columns.into(), surrogates).await
    }
}
