//! The digamma function, with the same bits on every machine.

/// Returns ψ(x) for `x > 0`, to about 1e-15 relative to the larger of ψ(x) and 1.
///
/// It uses the recurrence ψ(x) = ψ(x + 1) − 1/x, then the asymptotic series (Abramowitz and Stegun,
/// 6.3.5 and 6.3.18). Crates for special functions use the platform's logarithm, whose last bit
/// differs between systems. Results here must not differ.
pub(crate) fn digamma(x: f64) -> f64 {
    /// B₂ₖ / 2k for k = 1, 2, …: for `x` of 12 or more, the next term is below 1e-17.
    const SERIES: [f64; 7] = [
        1.0 / 12.0,
        -1.0 / 120.0,
        1.0 / 252.0,
        -1.0 / 240.0,
        1.0 / 132.0,
        -691.0 / 32_760.0,
        1.0 / 12.0,
    ];
    let mut x = x;
    let mut shift = 0.0;
    while x < 12.0 {
        shift += 1.0 / x;
        x += 1.0;
    }
    let square = 1.0 / (x * x);
    let tail = SERIES.iter().rev().fold(0.0, |sum, term| (sum + term) * square);
    libm::log(x) - 0.5 / x - tail - shift
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_values() {
        // scipy.special.digamma; ψ(1) = −γ, ψ(1/2) = −γ − 2 ln 2
        let known = [
            (0.5, -1.963_510_026_021_423_5),
            (1.0, -0.577_215_664_901_532_9),
            (1.5, 0.036_489_973_978_576_52),
            (10.0, 2.251_752_589_066_721),
            (1000.5, 6.907_755_320_648_796),
            (1e9, 20.723_265_836_446_412),
        ];
        for (x, expected) in known {
            assert!((digamma(x) - expected).abs() < 4e-15 * expected.abs().max(1.0), "{x}");
        }
    }

    #[test]
    fn the_recurrence_holds_across_the_switch_to_the_series() {
        for x in [0.25, 3.5, 11.0, 11.5, 11.999, 12.0, 12.5, 100.0] {
            let difference = digamma(x + 1.0) - digamma(x) - 1.0 / x;
            assert!(difference.abs() < 2e-15, "{x}: {difference}");
        }
    }
}
