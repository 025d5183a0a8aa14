//! Entropies that are not the sum of a fixed function over the cells: the term of a cell depends on
//! the rest of the histogram.

/// The counts of a histogram with equal ones together, as (count, number of cells with that count),
/// for counts that are not zero, in ascending order.
///
/// An entropy does not depend on the order of cells. Summing in this order makes its last bits
/// independent of it too, so that I(X; Y) = I(Y; X) holds exactly.
#[derive(Debug)]
pub(super) struct Fingerprint {
    counts: Vec<(u32, u32)>,
    samples: f64,
}

impl Fingerprint {
    pub(super) fn new(histogram: &[u32]) -> Self {
        let mut sorted: Vec<u32> = histogram.iter().copied().filter(|&n| n > 0).collect();
        sorted.sort_unstable();
        let mut counts: Vec<(u32, u32)> = Vec::new();
        for n in sorted {
            match counts.last_mut() {
                Some((count, cells)) if *count == n => *cells += 1,
                _ => counts.push((n, 1)),
            }
        }
        let samples = counts.iter().map(|&(n, cells)| f64::from(n) * f64::from(cells)).sum();
        Self { counts, samples }
    }

    /// Returns Σ over occupied cells of a function of the cell's share of the samples.
    fn sum(&self, of_share: impl Fn(f64) -> f64) -> f64 {
        let cell =
            |&(n, cells): &(u32, u32)| of_share(f64::from(n) / self.samples) * f64::from(cells);
        self.counts.iter().map(cell).sum()
    }

    fn occupied(&self) -> f64 {
        self.counts.iter().map(|&(_, cells)| f64::from(cells)).sum()
    }

    /// Returns the estimate of Chao and Shen 2003: shares are scaled by the estimated coverage of
    /// the sample, and each term is weighted by the inverse of the probability that its cell is
    /// seen at all.
    pub(super) fn chao_shen(&self) -> f64 {
        let singletons = match self.counts.first() {
            Some(&(1, cells)) => f64::from(cells),
            _ => 0.0,
        };
        // If all counts were singletons, the coverage would be zero.
        let coverage = 1.0 - singletons.min(self.samples - 1.0) / self.samples;
        let entropy = self.sum(|share| {
            let share = coverage * share;
            let is_unseen = libm::exp(self.samples * libm::log1p(-share));
            share * libm::log(share) / (1.0 - is_unseen)
        });
        0.0 - entropy
    }

    /// Returns the estimate of Hausser and Strimmer 2009: shares are shrunk towards equal ones by
    /// the factor that minimizes the expected squared error.
    pub(super) fn james_stein(&self, cells: u64) -> f64 {
        let cells = cells as f64;
        let target = 1.0 / cells;
        let empty = cells - self.occupied();
        let variance = self.sum(|share| share * (1.0 - share)) / (self.samples - 1.0);
        let distance =
            self.sum(|share| (share - target) * (share - target)) + empty * target * target;
        let shrinkage = if variance < distance { (variance / distance).max(0.0) } else { 1.0 };
        let term = |share: f64| if share > 0.0 { share * libm::log(share) } else { 0.0 };
        let shrunk = |share: f64| shrinkage * target + (1.0 - shrinkage) * share;
        0.0 - self.sum(|share| term(shrunk(share))) - empty * term(shrunk(0.0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // Expected values: the formulas of the two papers, evaluated in Python with math.fsum.
    const COUNTS: [u32; 10] = [4, 2, 3, 0, 2, 4, 0, 0, 2, 1];

    #[test]
    fn the_published_formulas() {
        let fingerprint = Fingerprint::new(&COUNTS);
        assert!((fingerprint.chao_shen() - 2.040_349_979_974_345).abs() < 1e-14);
        assert!((fingerprint.james_stein(10) - 2.279_186_920_506_518).abs() < 1e-14);
    }

    #[test]
    fn degenerate_histograms() {
        let constant = Fingerprint::new(&[0, 9, 0]);
        assert_eq!(constant.chao_shen(), 0.0);
        assert_eq!(Fingerprint::new(&[7]).james_stein(1), 0.0);
        let uniform = Fingerprint::new(&[5, 5, 5, 5]);
        assert!((uniform.james_stein(4) - 4f64.ln()).abs() < 1e-15);
        assert!(Fingerprint::new(&[1, 1, 1]).chao_shen().is_finite());
        // No cell is seen twice: the shares are shrunk all the way.
        assert!((Fingerprint::new(&[1, 1, 0, 0]).james_stein(4) - 4f64.ln()).abs() < 1e-15);
    }
}
