//! How much work one dispatch gets, so that no watchdog has a reason to kill it.
//!
//! Operating systems reset a device, or silently drop its work, when a dispatch takes longer than
//! about two seconds; a desktop stutters long before that. The first dispatch is small; later ones
//! grow or shrink by what was measured.

use std::time::Duration;

/// Pair-samples of the first dispatch: 20 ms on the slowest adapter known (SwiftShader).
const FIRST: u64 = 1 << 20;

/// A dispatch shorter than this is followed by a larger one.
const SHORT: Duration = Duration::from_millis(20);

/// A dispatch longer than this is followed by a smaller one.
const LONG: Duration = Duration::from_millis(60);

/// Pair-samples per dispatch, adapted to the device while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pace {
    work: u64,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self { work: FIRST }
    }

    /// Rows of a tile for the next dispatch: at least one, at most `rows`.
    pub(super) fn rows(&self, columns: usize, samples: usize, rows: usize) -> usize {
        let row_work = (columns as u64).saturating_mul(samples as u64).max(1);
        usize::try_from(self.work / row_work).unwrap_or(rows).clamp(1, rows.max(1))
    }

    /// Learns from a dispatch; nothing where there is no clock.
    pub(super) fn measured(&mut self, work: u64, elapsed: Duration) {
        if elapsed.is_zero() {
            return;
        }
        if elapsed > LONG {
            self.work = (work.min(self.work) / 2).max(1);
        } else if elapsed < SHORT && work >= self.work / 2 {
            // Only a dispatch that made use of its allowance says that it could be larger.
            self.work = self.work.saturating_mul(2);
        }
    }

    /// For a second try at what went wrong.
    pub(super) fn slow_down(&mut self) {
        self.work = (self.work / 16).max(1);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs dispatches on a pretended device and returns the longest of the last ones.
    fn longest_on(pair_samples_per_second: f64) -> Duration {
        let mut pace = Pace::new();
        let mut longest = Duration::ZERO;
        for dispatch in 0..100 {
            let rows = pace.rows(100, 1000, usize::MAX);
            let work = rows as u64 * 100_000;
            let elapsed = Duration::from_secs_f64(work as f64 / pair_samples_per_second);
            pace.measured(work, elapsed);
            if dispatch >= 20 {
                longest = longest.max(elapsed);
            }
        }
        longest
    }

    #[test]
    fn dispatches_settle_below_a_tenth_of_a_second_on_any_device() {
        for speed in [1e7, 1e8, 1e9, 1e11, 1e13] {
            let longest = longest_on(speed);
            assert!(longest < Duration::from_millis(100), "{speed:e}: {longest:?}");
            assert!(longest > Duration::from_millis(5), "{speed:e}: {longest:?}");
        }
    }

    #[test]
    fn without_a_clock_dispatches_stay_as_small_as_the_first() {
        let mut pace = Pace::new();
        pace.measured(u64::MAX, Duration::ZERO);
        assert_eq!(pace, Pace::new());
    }

    #[test]
    fn a_dispatch_has_at_least_one_row_and_at_most_all() {
        let mut pace = Pace::new();
        assert_eq!(pace.rows(usize::MAX, usize::MAX, 9), 1);
        assert_eq!(pace.rows(1, 1, 9), 9);
        assert_eq!(pace.rows(0, 0, 0), 1);
        for _ in 0..100 {
            pace.slow_down();
        }
        assert_eq!(pace.rows(1, 1, 9), 1);
    }
}
