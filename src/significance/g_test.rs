//! The likelihood-ratio test of independence.

use ndarray::{Array1, Array2};
use rayon::prelude::*;

use crate::error::Error;
use crate::estimator::Estimator;
use crate::measures::Units;
use crate::report::{BetweenReport, Report};
use crate::statistics::chi_squared_tail;

impl Report {
    /// Computes the p-value of the G-test of independence for every pair; `neurons × neurons`,
    /// symmetric.
    ///
    /// `G = 2 S · I(X; Y)`, with the plug-in estimate in nats, has nearly a χ² distribution with
    /// `(Kx − 1)(Ky − 1)` degrees of freedom if the two neurons are independent; `K` is the number
    /// of a neuron's occupied bins (Wilks 1938; Sokal and Rohlf, *Biometry*). The p-value is the
    /// probability of a G at least as large in that case; it is 1 if a neuron is constant.
    /// O(neurons²).
    ///
    /// The approximation needs several samples a cell on average: `S ≥ 5 Kx Ky` for up to ten bins, more
    /// for more bins. With fewer, p-values are too small, and with less than a sample a cell too large.
    /// At `S = 5 Kx Ky`, 6 in 100 independent neurons have a p-value below 0.05 with two equally filled
    /// bins each, 9 with ten and 30 with thirty. [`crate::Analysis::permutation_test`] does not need
    /// many. Neither test accounts for the dependence of samples that follow each other in a text.
    ///
    /// # Errors
    ///
    /// Fails for an estimator other than [`Estimator::PlugIn`].
    ///
    /// # Examples
    ///
    /// ```
    /// use ndarray::Array2;
    ///
    /// let activations = Array2::from_shape_fn((400, 3), |(s, n)| match n {
    ///     0 => (s % 2) as f32,
    ///     1 => (s % 4) as f32,
    ///     _ => (s / 4 % 3) as f32,
    /// });
    /// let p_values = cofire::analyze(activations.view(), 4)?.g_test()?;
    /// assert!(p_values[[0, 1]] < 1e-50);
    /// assert!(p_values[[0, 2]] > 0.5);
    /// # Ok::<(), cofire::Error>(())
    /// ```
    pub fn g_test(&self) -> Result<Array2<f64>, Error> {
        let occupied = &self.occupied_bins;
        let information = &self.mutual_information;
        p_values(information, (occupied, occupied), self.samples, (self.estimator, self.units))
    }
}

impl BetweenReport {
    /// Computes the p-value of the G-test of independence for every pair, as [`Report::g_test`]
    /// does; `rows × columns`.
    ///
    /// # Errors
    ///
    /// The errors of [`Report::g_test`].
    pub fn g_test(&self) -> Result<Array2<f64>, Error> {
        let occupied = (&self.rows.occupied_bins, &self.columns.occupied_bins);
        let information = &self.mutual_information;
        p_values(information, occupied, self.samples, (self.estimator, self.units))
    }
}

fn p_values(
    information: &Array2<f64>,
    (rows, columns): (&Array1<u32>, &Array1<u32>),
    samples: usize,
    (estimator, units): (Estimator, Units),
) -> Result<Array2<f64>, Error> {
    if estimator != Estimator::PlugIn {
        return Err(Error::EstimatorUnsupported { estimator, wanted: "the G-test's p-values" });
    }
    let per_nat = 2.0 * samples as f64 / units.per_nat();
    let p_value = |i: usize, j: usize| {
        let freedom = f64::from(rows[i].max(1) - 1) * f64::from(columns[j].max(1) - 1);
        chi_squared_tail(information[[i, j]] * per_nat, freedom)
    };
    let (height, width) = information.dim();
    let p_values: Vec<f64> = (0..height)
        .into_par_iter()
        .flat_map_iter(|i| (0..width).map(move |j| (i, j)))
        .map(|(i, j)| p_value(i, j))
        .collect();
    let bytes = size_of_val(p_values.as_slice()) as u64;
    Array2::from_shape_vec((height, width), p_values).map_err(|_| Error::OutOfMemory { bytes })
}
