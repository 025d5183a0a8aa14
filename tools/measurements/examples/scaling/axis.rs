//! A logarithmic axis.

/// A map from numbers of a range to positions between two places of the page.
pub(crate) struct Axis {
    low: f64,
    high: f64,
    from: f64,
    to: f64,
}

impl Axis {
    pub(crate) fn new((low, high): (f64, f64), from: f64, to: f64) -> Self {
        Self { low: low.ln(), high: high.ln(), from, to }
    }

    pub(crate) fn place(&self, number: f64) -> f64 {
        let share = (number.ln() - self.low) / (self.high - self.low);
        self.from + share * (self.to - self.from)
    }
}

/// Returns ticks at one, two and five times powers of ten. They begin at or below the smallest
/// number, and end at or above the largest.
pub(crate) fn round_ticks(numbers: impl Iterator<Item = f64> + Clone) -> Vec<f64> {
    let low = numbers.clone().fold(f64::INFINITY, f64::min);
    let high = numbers.fold(0.0, f64::max);
    let ticks: Vec<f64> = (-3..9)
        .flat_map(|decade| [1.0, 2.0, 5.0].map(|digit| digit * 10f64.powi(decade)))
        .collect();
    let first = ticks.iter().rposition(|&tick| tick <= low).unwrap_or(0);
    let last = ticks.iter().position(|&tick| tick >= high).unwrap_or(ticks.len() - 1);
    ticks[first..=last].to_vec()
}
