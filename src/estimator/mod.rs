//! Estimators of entropy from a histogram.
//!
//! Most estimators are an affine function of one sum over cells, [`CellTable`]; the others need the
//! whole histogram. [`Entropies::needs_histograms`] says which of the two an engine must return.

mod cell_table;
mod digamma;
mod whole_histogram;

use std::f64::consts::LN_2;
use std::fmt;
use std::sync::Arc;

use crate::error::Error;
pub(crate) use cell_table::{CellTable, MAX_TABULATED};
use digamma::digamma;
use whole_histogram::Fingerprint;

/// An estimator of entropies from histograms, and thereby of mutual information,
/// `I(X; Y) = H(X) + H(Y) − H(X, Y)`. Each of the three entropies is estimated by itself.
///
/// `S` is the number of samples, `n` the number of samples in a cell, `K` the number of occupied
/// cells, and `C` the number of all cells: the bins of a neuron, or the product of the bins of two.
/// All formulas are in nats here.
///
/// A neuron whose samples are all in one bin has entropy 0 and shares nothing with any other
/// neuron, whatever the estimator.
///
/// The plug-in entropy of few samples is too small. That of a pair, which has more cells, is even
/// more so. Plug-in mutual information is therefore too large, by about `(Kxy − Kx − Ky + 1) / 2S`.
/// The other estimators correct for this, and can return less than 0; such values are not clipped.
/// Miller–Madow's stays above −1/2 nats and Grassberger's above −1.35, the least of both for neurons
/// whose samples all have a cell of their own. The others go lower where samples are few: Chao and
/// Shen's to about `−ln S`, pseudo-counts' and shrinkage's as far as their entropy of the pair, at
/// most `ln C`, exceeds those of the neurons.
///
/// # Examples
///
/// ```
/// use cofire::{Analysis, Estimator};
/// use ndarray::Array2;
///
/// // Two neurons that have little to do with each other, and few samples.
/// let power = |s: usize, exponent: u32| (s + 1).pow(exponent) % 101;
/// let activations = Array2::from_shape_fn((60, 2), |(s, n)| power(s, [2, 3][n]) as f32);
/// let plug_in = Analysis::new(6).run(activations.view())?;
/// let corrected = Analysis::new(6).estimator(Estimator::MillerMadow).run(activations.view())?;
/// let [plug_in, corrected] = [plug_in, corrected].map(|report| report.mutual_information[[0, 1]]);
/// assert!(plug_in > 0.3);
/// assert!(corrected < 0.2);
/// # Ok::<(), cofire::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Default)]
#[non_exhaustive]
pub enum Estimator {
    /// The maximum-likelihood estimate, also called empirical or naive:
    /// `H = ln S − (1/S) Σ n ln n`.
    #[default]
    PlugIn,
    /// The plug-in estimate plus `(K − 1) / 2S` (Miller 1955), which corrects the bias to first
    /// order.
    MillerMadow,
    /// `H = ln S − (1/S) Σ n G(n)` with `G(n) = ψ(n) + ½ (−1)ⁿ [ψ((n + 1)/2) − ψ(n/2)]`
    /// (Grassberger 2003, arXiv physics/0307138, equations 28 to 30, with `ln S`).
    Grassberger,
    /// The plug-in estimate after adding this number of samples, possibly fractional, to each of
    /// the `C` cells: the mean of a Dirichlet posterior. The number is above 0 and at most 1000.
    ///
    /// 1 is Laplace's rule ([`Estimator::LAPLACE`]) and 1/2 is Jeffreys' prior
    /// ([`Estimator::JEFFREYS`]). `1 / C` is that of Schürmann and Grassberger, `√S / C` the
    /// minimax one.
    PseudoCount(f64),
    /// The Horvitz–Thompson estimate, with the shares of cells scaled by the coverage that is
    /// estimated from the number of singletons (Chao and Shen 2003, Environmental and Ecological
    /// Statistics 10:429).
    ///
    /// It needs whole histograms instead of sums, and is several times slower than the others.
    ChaoShen,
    /// The plug-in entropy of shares shrunk towards `1 / C` by the factor that minimizes the
    /// expected squared error (Hausser and Strimmer 2009, Journal of Machine Learning Research
    /// 10:1469).
    ///
    /// It needs whole histograms instead of sums, and is several times slower than the others.
    JamesStein,
}

impl Estimator {
    /// The pseudo-count of one sample in each cell.
    pub const LAPLACE: Self = Self::PseudoCount(1.0);

    /// The pseudo-count of half a sample in each cell.
    pub const JEFFREYS: Self = Self::PseudoCount(0.5);

    /// Returns whether the joint entropy needs the joint histogram rather than a sum over its
    /// cells.
    pub(crate) fn needs_histograms(self) -> bool {
        matches!(self, Self::ChaoShen | Self::JamesStein)
    }

    /// Refuses an invalid pseudo-count.
    pub(crate) fn check(self) -> Result<(), Error> {
        match self {
            // With larger ones, the tabulated differences are too small for fixed-point numbers.
            Self::PseudoCount(value) if !(value > 0.0 && value <= MAX_PSEUDO_COUNT) => {
                Err(Error::InvalidPseudoCount { value })
            }
            _ => Ok(()),
        }
    }
}

const MAX_PSEUDO_COUNT: f64 = 1000.0;

impl fmt::Display for Estimator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self::PlugIn => f.write_str("plug-in"),
            Self::MillerMadow => f.write_str("miller-madow"),
            Self::Grassberger => f.write_str("grassberger"),
            Self::LAPLACE => f.write_str("laplace"),
            Self::JEFFREYS => f.write_str("jeffreys"),
            Self::PseudoCount(value) => write!(f, "pseudo-count {value}"),
            Self::ChaoShen => f.write_str("chao-shen"),
            Self::JamesStein => f.write_str("james-stein"),
        }
    }
}

/// An estimator for a job with a known number of samples.
#[derive(Debug, Clone)]
pub(crate) struct Entropies {
    estimator: Estimator,
    samples: u32,
    table: Arc<CellTable>,
    /// The entropy that the formula gives if all samples are in one cell.
    offset: f64,
}

/// One neuron's own histogram.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Marginal {
    /// Σ f(n) over its bins.
    pub(crate) sum: u64,
    /// The entropy in nats.
    pub(crate) entropy: f64,
    /// The number of bins, of which `occupied` have samples.
    pub(crate) bins: u32,
    pub(crate) occupied: u32,
}

impl Marginal {
    fn is_constant(&self) -> bool {
        self.occupied <= 1
    }
}

impl Entropies {
    /// Makes the entropies of a checked estimator.
    pub(crate) fn new(estimator: Estimator, samples: u32) -> Self {
        let table = match estimator {
            // Chao-Shen and James-Stein use whole histograms, and no sums over the table.
            Estimator::PlugIn | Estimator::ChaoShen | Estimator::JamesStein => {
                CellTable::plug_in(samples)
            }
            // n ln n − ½ [n > 0], tilted.
            Estimator::MillerMadow => CellTable::new(
                samples,
                Box::new(|n| libm::log(f64::from(n)) + (1.0 - 1.0 / f64::from(n)) / 2.0),
            ),
            Estimator::Grassberger => CellTable::new(samples, Box::new(grassberger)),
            Estimator::PseudoCount(added) => {
                let [at_0, at_1] = [added, added + 1.0].map(x_ln_x);
                let tilted = move |n: u32| {
                    let n = f64::from(n);
                    (x_ln_x(n + added) - at_0) / n - (at_1 - at_0)
                };
                CellTable::new(samples, Box::new(tilted))
            }
        };
        let offset = match estimator {
            // ln S − G(S), which is not quite 0.
            Estimator::Grassberger => {
                libm::log(f64::from(samples)) - grassberger(samples) + GAMMA + LN_2
            }
            _ => 0.0,
        };
        Self { estimator, samples, table: Arc::new(table), offset }
    }

    /// Returns the function that is summed over cells.
    pub(crate) fn table(&self) -> &Arc<CellTable> {
        &self.table
    }

    /// Returns whether a joint entropy needs the joint histogram rather than a sum over its cells.
    pub(crate) fn needs_histograms(&self) -> bool {
        self.estimator.needs_histograms()
    }

    /// Returns the facts of a neuron's own histogram. `bins` may be less than its length.
    pub(crate) fn marginal(&self, counts: &[u32], bins: usize) -> Marginal {
        let occupied = counts.iter().filter(|&&n| n > 0).count();
        let as_u32 = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let sum = self.table.sum(counts);
        let entropy = match occupied {
            0 | 1 => 0.0,
            _ if self.needs_histograms() => self.of_histogram(counts, bins as u64),
            _ => self.of_sum(sum, bins as u64),
        };
        Marginal { sum, entropy, bins: as_u32(bins), occupied: as_u32(occupied) }
    }

    /// Returns the entropy from Σ f(n) over a histogram of `cells` cells.
    fn of_sum(&self, sum: u64, cells: u64) -> f64 {
        match self.estimator {
            Estimator::PseudoCount(added) => {
                let (samples, cells) = (f64::from(self.samples), cells as f64);
                let [at_0, at_1] = [added, added + 1.0].map(x_ln_x);
                // Σ (n + a) ln (n + a), with the tilt removed.
                let tilted = self.table.to_nats(difference(sum, 0)) * samples;
                let whole = cells * at_0 + samples * (at_1 - at_0) + tilted;
                let total = samples + added * cells;
                libm::log(total) - whole / total
            }
            _ => self.offset + self.table.to_nats(difference(self.table.largest_sum(), sum)),
        }
    }

    /// Returns the entropy of a histogram of `cells` cells.
    pub(crate) fn of_histogram(&self, counts: &[u32], cells: u64) -> f64 {
        match self.estimator {
            Estimator::ChaoShen => Fingerprint::new(counts).chao_shen(),
            Estimator::JamesStein => Fingerprint::new(counts).james_stein(cells),
            _ => self.of_sum(self.table.sum(counts), cells),
        }
    }

    /// Returns mutual information of two neurons from Σ f(n) over the cells of their joint
    /// histogram.
    ///
    /// If it is a difference of sums, it is computed in integers up to one last division. Then
    /// `I(X; X) = H(X)` and `I(X; Y) ≤ H(X)` hold to the bit.
    pub(crate) fn shared_of_sum(&self, x: &Marginal, y: &Marginal, joint: u64) -> f64 {
        if x.is_constant() || y.is_constant() {
            return 0.0;
        }
        match self.estimator {
            Estimator::PseudoCount(_) => {
                let cells = u64::from(x.bins) * u64::from(y.bins);
                x.entropy + y.entropy - self.of_sum(joint, cells)
            }
            estimator => {
                let h_x = difference(self.table.largest_sum(), x.sum);
                let h_xy_minus_h_y = difference(y.sum, joint);
                let shared = h_x - h_xy_minus_h_y;
                // Rounding of the table could make it slightly negative for independent neurons.
                // The plug-in estimate is never negative.
                let is_plug_in = estimator == Estimator::PlugIn;
                let shared = if is_plug_in { shared.max(0) } else { shared };
                self.offset + self.table.to_nats(shared)
            }
        }
    }

    /// Returns mutual information of two neurons from the entropy of their joint histogram.
    pub(crate) fn shared_of_entropy(&self, x: &Marginal, y: &Marginal, joint: f64) -> f64 {
        if x.is_constant() || y.is_constant() { 0.0 } else { x.entropy + y.entropy - joint }
    }
}

impl Entropies {
    /// Returns the information that two neurons share given a third variable,
    /// `I(X; Y | Z) = H(X, Z) + H(Y, Z) − H(Z) − H(X, Y, Z)`. Each neuron comes with Σ f(n) over
    /// the cells of its histogram with Z; `joint` is the sum over the cells of all three variables.
    pub(crate) fn shared_given_sum(
        &self,
        (x, xz): (Marginal, u64),
        (y, yz): (Marginal, u64),
        z: &Marginal,
        joint: u64,
    ) -> f64 {
        if x.is_constant() || y.is_constant() {
            return 0.0;
        }
        match self.estimator {
            Estimator::PseudoCount(_) => {
                let [x_bins, y_bins, z_bins] = [x.bins, y.bins, z.bins].map(u64::from);
                let h_xz = self.of_sum(xz, x_bins * z_bins);
                let h_yz = self.of_sum(yz, y_bins * z_bins);
                let h_z = self.of_sum(z.sum, z_bins);
                h_xz + h_yz - h_z - self.of_sum(joint, x_bins * y_bins * z_bins)
            }
            // `offset` is added twice and subtracted twice.
            estimator => {
                let shared = difference(z.sum, xz) - difference(yz, joint);
                let is_plug_in = estimator == Estimator::PlugIn;
                self.table.to_nats(if is_plug_in { shared.max(0) } else { shared })
            }
        }
    }

    /// Returns the entropy of a neuron that is left when a third variable is known,
    /// `H(X | Z) = H(X, Z) − H(Z)`. The neuron comes with Σ f(n) over the cells of its histogram with Z.
    pub(crate) fn left_given(&self, (x, xz): (Marginal, u64), z: &Marginal) -> f64 {
        if x.is_constant() {
            return 0.0;
        }
        match self.estimator {
            Estimator::PseudoCount(_) => {
                let [x_bins, z_bins] = [x.bins, z.bins].map(u64::from);
                self.of_sum(xz, x_bins * z_bins) - self.of_sum(z.sum, z_bins)
            }
            _ => self.table.to_nats(difference(z.sum, xz)),
        }
    }
}

/// Returns `a - b`. Sums and values of tables are below 2⁶², so their difference fits an `i64`.
pub(crate) fn difference(a: u64, b: u64) -> i64 {
    a.wrapping_sub(b).cast_signed()
}

/// Euler's constant.
const GAMMA: f64 = 0.577_215_664_901_532_9;

/// Returns `G(n) − G(1)`, with `G(1) = −γ − ln 2`: a sum of `2 / (2k + 1)` over `k < ⌊n/2⌋`.
fn grassberger(n: u32) -> f64 {
    digamma(f64::from(n / 2) + 0.5) + GAMMA + 2.0 * LN_2
}

/// Returns `x ln x`.
fn x_ln_x(x: f64) -> f64 {
    x * libm::log(x)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Evaluates the textbook formula of each estimator that is a sum, in plain floating point.
    fn by_definition(estimator: Estimator, counts: &[u32]) -> f64 {
        let samples: f64 = counts.iter().map(|&n| f64::from(n)).sum();
        let occupied = || counts.iter().filter(|&&n| n > 0).map(|&n| f64::from(n));
        let plug_in = samples.ln() - occupied().map(|n| n * n.ln()).sum::<f64>() / samples;
        match estimator {
            Estimator::PlugIn => plug_in,
            Estimator::MillerMadow => plug_in + (occupied().count() as f64 - 1.0) / (2.0 * samples),
            Estimator::Grassberger => {
                let g = |n: f64| {
                    let sign = if n % 2.0 == 0.0 { 0.5 } else { -0.5 };
                    digamma(n) + sign * (digamma((n + 1.0) / 2.0) - digamma(n / 2.0))
                };
                samples.ln() - occupied().map(|n| n * g(n)).sum::<f64>() / samples
            }
            Estimator::PseudoCount(added) => {
                let total = samples + added * counts.len() as f64;
                let shares = counts.iter().map(|&n| (f64::from(n) + added) / total);
                -shares.map(|p| p * p.ln()).sum::<f64>()
            }
            _ => panic!("{estimator} is no sum"),
        }
    }

    const SUMS: [Estimator; 7] = [
        Estimator::PlugIn,
        Estimator::MillerMadow,
        Estimator::Grassberger,
        Estimator::LAPLACE,
        Estimator::JEFFREYS,
        Estimator::PseudoCount(1e-3),
        Estimator::PseudoCount(1000.0),
    ];

    #[test]
    fn sums_are_the_textbook_formulas() {
        let histograms: [&[u32]; 5] =
            [&[3, 4], &[1, 0, 0, 7, 2, 2, 30], &[1, 1, 1, 1, 1], &[500, 499, 3, 0], &[100_000, 1]];
        for estimator in SUMS {
            for counts in histograms {
                let entropies = Entropies::new(estimator, counts.iter().sum());
                let marginal = entropies.marginal(counts, counts.len());
                let expected = by_definition(estimator, counts);
                let error = (marginal.entropy - expected).abs();
                assert!(error < 1e-10, "{estimator} of {counts:?}: {expected}, {error}");
            }
        }
    }

    #[test]
    fn mutual_information_is_made_of_the_three_entropies() {
        let joint: [u32; 6] = [5, 0, 2, 1, 9, 4];
        let (x, y) = ([7, 14], [6, 9, 6]);
        let all = SUMS.into_iter().chain([Estimator::ChaoShen, Estimator::JamesStein]);
        for estimator in all {
            let entropies = Entropies::new(estimator, 21);
            let (x, y) = (entropies.marginal(&x, 2), entropies.marginal(&y, 3));
            let h_xy = entropies.of_histogram(&joint, 6);
            let shared = if entropies.needs_histograms() {
                entropies.shared_of_entropy(&x, &y, h_xy)
            } else {
                entropies.shared_of_sum(&x, &y, entropies.table().sum(&joint))
            };
            assert!((shared - (x.entropy + y.entropy - h_xy)).abs() < 1e-10, "{estimator}");
        }
    }

    /// Estimates mutual information from a table with a row for each bin of one of two neurons.
    fn shared(estimator: Estimator, table: &[Vec<u32>]) -> f64 {
        let cells = table.concat();
        let (rows, columns) = (table.len(), table[0].len());
        let entropies = Entropies::new(estimator, cells.iter().sum());
        let of_rows: Vec<u32> = table.iter().map(|row| row.iter().sum()).collect();
        let of_columns: Vec<u32> =
            (0..columns).map(|j| table.iter().map(|row| row[j]).sum()).collect();
        let x = entropies.marginal(&of_rows, rows);
        let y = entropies.marginal(&of_columns, columns);
        if entropies.needs_histograms() {
            let joint = entropies.of_histogram(&cells, cells.len() as u64);
            return entropies.shared_of_entropy(&x, &y, joint);
        }
        entropies.shared_of_sum(&x, &y, entropies.table().sum(&cells))
    }

    #[test]
    fn estimates_go_as_far_below_0_as_the_documentation_says() {
        let ones = |edge: usize| vec![vec![1; edge]; edge];
        assert!((-0.5..-0.49).contains(&shared(Estimator::MillerMadow, &ones(100))));
        assert!((-1.35..-1.34).contains(&shared(Estimator::Grassberger, &ones(2))));
        let chao_shen = shared(Estimator::ChaoShen, &ones(100));
        assert!((chao_shen + 10_000f64.ln()).abs() < 0.01, "{chao_shen}");
        // Three samples of a thousand are outside of one cell.
        let mut outliers = vec![vec![0; 100]; 100];
        (outliers[0][0], outliers[99][0], outliers[0][99]) = (998, 1, 1);
        assert!((-2.0 * 100f64.ln()..-7.0).contains(&shared(Estimator::LAPLACE, &outliers)));
        assert!((-2.0 * 100f64.ln()..-7.0).contains(&shared(Estimator::JEFFREYS, &outliers)));
    }

    proptest::proptest! {
        #[test]
        fn no_corrected_estimate_is_below_its_bound(
            table in proptest::collection::vec(proptest::collection::vec(0u32..4, 6), 2..6),
        ) {
            proptest::prop_assume!(table.concat().iter().any(|&n| n > 0));
            let [madow, grassberger] =
                [Estimator::MillerMadow, Estimator::Grassberger].map(|by| shared(by, &table));
            proptest::prop_assert!(madow > -0.5, "{madow}");
            proptest::prop_assert!(grassberger > -1.35, "{grassberger}");
        }
    }

    #[test]
    fn a_constant_neuron_carries_and_shares_nothing() {
        for estimator in SUMS.into_iter().chain([Estimator::ChaoShen, Estimator::JamesStein]) {
            let entropies = Entropies::new(estimator, 21);
            let constant = entropies.marginal(&[0, 21, 0], 3);
            let other = entropies.marginal(&[11, 10], 2);
            assert_eq!(constant.entropy, 0.0, "{estimator}");
            let sum = entropies.table().sum(&[11, 10]);
            assert_eq!(entropies.shared_of_sum(&constant, &other, sum), 0.0, "{estimator}");
            assert_eq!(entropies.shared_of_entropy(&other, &constant, 0.7), 0.0, "{estimator}");
        }
    }

    #[test]
    fn a_neuron_shares_all_it_has_with_itself() {
        // X with itself: the joint histogram has the same occupied cells.
        for estimator in [Estimator::PlugIn, Estimator::MillerMadow, Estimator::Grassberger] {
            let entropies = Entropies::new(estimator, 30);
            let x = entropies.marginal(&[9, 1, 20], 3);
            let own = entropies.shared_of_sum(&x, &x, x.sum);
            assert_eq!(own, x.entropy, "{estimator}");
        }
    }

    #[test]
    fn the_largest_jobs_do_not_overflow() {
        for estimator in SUMS {
            let entropies = Entropies::new(estimator, u32::MAX - 1);
            let all = entropies.table().largest_sum();
            let h = entropies.of_sum(0, u64::from(u32::MAX));
            // With each sample in its own cell, every estimate without pseudo-counts is known.
            let logarithm = f64::from(u32::MAX - 1).ln();
            let expected = match estimator {
                Estimator::PlugIn => logarithm,
                Estimator::MillerMadow => logarithm + 0.5,
                Estimator::Grassberger => logarithm + GAMMA + LN_2,
                _ => h, // has cells that are not occupied
            };
            assert!((h - expected).abs() < 1e-5, "{estimator}: {h} instead of {expected}");
            assert!(all < 1 << 62, "{estimator}: {all}");
        }
    }

    #[test]
    fn pseudo_counts_that_cannot_be_are_refused() {
        for value in [0.0, -1.0, f64::NAN, f64::INFINITY, 1000.5] {
            let error = Estimator::PseudoCount(value).check().unwrap_err();
            assert!(matches!(error, Error::InvalidPseudoCount { .. }), "{error}");
        }
        assert!(Estimator::PseudoCount(1e-9).check().is_ok());
    }
}
