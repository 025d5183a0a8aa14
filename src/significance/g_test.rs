//! The likelihood-ratio test of independence.

use ndarray::{Array1, Array2};
use rayon::prelude::*;
use statrs::function::gamma::checked_gamma_ur;

use crate::report::{BetweenReport, Report};
use crate::{Error, Estimator, Units};

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
    /// The approximation needs several samples a cell on average, `S ≥ 5 Kx Ky`; with fewer,
    /// p-values are too small. [`crate::Analysis::permutation_test`] does not need them. Neither
    /// test accounts for the dependence of samples that follow each other in a text.
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

/// Returns the probability that a χ² variable exceeds `statistic`.
pub(crate) fn chi_squared_tail(statistic: f64, freedom: f64) -> f64 {
    if freedom == 0.0 || statistic <= 0.0 {
        return 1.0;
    }
    // It fails only if the result underflows.
    checked_gamma_ur(freedom / 2.0, statistic / 2.0).map_or(0.0, |p| p.clamp(0.0, 1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tails_are_those_of_scipy() {
        // scipy.stats.chi2.sf(statistic, freedom)
        let known = [
            (0.01, 1.0, 0.920_344_325_445_942),
            (8.0, 1.0, 0.004_677_734_981_047_276),
            (0.04, 4.0, 0.999_802_646_772_890_4),
            (4.4, 4.0, 0.354_570_106_759_469_3),
            (32.0, 4.0, 1.913_097_970_227_406_3e-6),
            (0.81, 81.0, 1.0),
            (81.0, 81.0, 0.479_101_381_690_268_83),
            (121.5, 81.0, 0.002_418_472_299_712_219),
            (648.0, 81.0, 2.524_122_060_480_178_8e-89),
            (1800.0, 225.0, 2.089_316_886_694_624_5e-243),
            (756.9, 841.0, 0.982_434_909_038_422_8),
            (1261.5, 841.0, 2.088_884_401_736_216_5e-19),
            (9801.0, 9801.0, 0.498_100_369_619_993_7),
            (10781.1, 9801.0, 5.825_788_505_184_086e-12),
            (14701.5, 9801.0, 7.268_467_730_233_832e-204),
        ];
        for (statistic, freedom, expected) in known {
            let found = chi_squared_tail(statistic, freedom);
            let error = (found - expected).abs();
            assert!(error <= 1e-9 * expected, "{statistic} {freedom}: {found} {expected}");
        }
        assert_eq!(chi_squared_tail(5.0, 0.0), 1.0);
        assert_eq!(chi_squared_tail(0.0, 4.0), 1.0);
        assert_eq!(chi_squared_tail(1e9, 81.0), 0.0);
    }
}
