//! The χ² distribution.

use statrs::function::gamma::checked_gamma_ur;

/// Returns the probability that a χ² variable exceeds `statistic`.
pub(crate) fn chi_squared_tail(statistic: f64, freedom: f64) -> f64 {
    if freedom == 0.0 || statistic <= 0.0 {
        return 1.0;
    }
    // The function fails only if the result underflows.
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
