//! The amount of work in one submission, small enough that no watchdog kills it.
//!
//! Operating systems reset a device, or silently drop its work, if a submission takes longer than
//! about two seconds. A desktop stutters long before that. The first submission is small. Later
//! ones grow or shrink with the measured times. Several are under way at a time, so each
//! measurement is compared with the work of that submission, never with the work that is allowed by
//! then.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::shader::Shader;

/// Work of the first submission: 20 ms on the slowest adapter known (SwiftShader).
const FIRST: u64 = 1 << 20;

/// The time below which later submissions grow.
const SHORT: Duration = Duration::from_millis(20);

/// The time above which later submissions shrink.
const LONG: Duration = Duration::from_millis(60);

/// The time that a smaller submission should take.
const TARGET: Duration = Duration::from_millis(40);

/// A kind of work. Each kind has its own speed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Work {
    /// The work of the counting kernel, in pair-samples.
    Count,
    /// The reduction of counts to sums, in cells.
    Reduce,
    /// The work of `upload_sum`, in words.
    UploadSum,
}

const KINDS: [Work; 3] = [Work::Count, Work::Reduce, Work::UploadSum];

/// The work in one submission.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Load([u64; KINDS.len()]);

impl Load {
    pub(crate) fn add(&mut self, kind: Work, work: u64) {
        self.0[kind as usize] += work;
    }

    pub(crate) fn of(&self, kind: Work) -> u64 {
        self.0[kind as usize]
    }

    pub(crate) fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// The most work of each kind in a submission without other kinds. It adapts to the device as the
/// job runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Pace([u64; KINDS.len()]);

impl Pace {
    pub(crate) fn new() -> Self {
        Self([FIRST; KINDS.len()])
    }

    /// Returns the most work of a kind in one submission.
    pub(crate) fn allowed(&self, kind: Work) -> u64 {
        self.0[kind as usize]
    }

    /// Returns how much more work of a kind a submission can take.
    pub(crate) fn room(&self, kind: Work, load: &Load) -> u64 {
        let left = (1.0 - self.share(load)).max(0.0);
        #[expect(clippy::cast_possible_truncation, reason = "a share of a number of 64 bits")]
        #[expect(clippy::cast_sign_loss, reason = "neither factor is negative")]
        let room = (left * self.allowed(kind) as f64) as u64;
        if load.is_empty() { self.allowed(kind) } else { room }
    }

    /// Learns from a submission. Does nothing if there is no clock.
    pub(crate) fn measured(&mut self, load: &Load, elapsed: Duration) {
        if elapsed.is_zero() || load.is_empty() {
            return;
        }
        let share = self.share(load);
        for kind in KINDS.into_iter().filter(|&kind| load.of(kind) > 0) {
            let allowed = &mut self.0[kind as usize];
            if elapsed > LONG {
                let factor = share * TARGET.as_secs_f64() / elapsed.as_secs_f64();
                #[expect(clippy::cast_possible_truncation, reason = "smaller than `allowed`")]
                #[expect(clippy::cast_sign_loss, reason = "no factor is negative")]
                let smaller = (*allowed as f64 * factor.min(1.0)) as u64;
                *allowed = smaller.max(1);
            } else if elapsed < SHORT {
                // The other kinds took their part of the time, so this much of one kind alone
                // takes no longer than `LONG`.
                let growth = if elapsed < SHORT / 4 { 8 } else { 2 };
                *allowed = load.of(kind).saturating_mul(growth).max(*allowed);
            }
        }
    }

    /// Allows less work, for a second try after a wrong result.
    pub(crate) fn slow_down(&mut self) {
        for allowed in &mut self.0 {
            *allowed = (*allowed / 16).max(1);
        }
    }

    /// Returns the share of the allowed work that a load takes, summed over its kinds.
    fn share(&self, load: &Load) -> f64 {
        KINDS.into_iter().map(|kind| load.of(kind) as f64 / self.allowed(kind) as f64).sum()
    }
}

/// The work allowed to each shader of a device at the end of the latest job.
#[derive(Debug, Default)]
pub(crate) struct Paces(Mutex<HashMap<Shader, u64>>);

impl Paces {
    /// Lets a pace start where the latest job with this shader ended.
    pub(crate) fn recall(&self, shader: &Shader, kind: Work, pace: &mut Pace) {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(&allowed) = known.get(shader) {
            pace.0[kind as usize] = allowed.max(1);
        }
    }

    pub(crate) fn remember(&self, shader: &Shader, allowed: u64) {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(shader.clone(), allowed);
    }

    #[cfg(test)]
    pub(crate) fn forget(&self) {
        self.0.lock().unwrap().clear();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;

    use super::*;

    /// Runs submissions on a simulated device, several at a time. Returns the longest and the last
    /// time, without the first few submissions.
    fn settled_on(pair_samples_per_second: f64, in_flight: usize) -> (Duration, Duration) {
        let mut pace = Pace::new();
        let (mut longest, mut last) = (Duration::ZERO, Duration::ZERO);
        let mut submitted = VecDeque::new();
        for submission in 0..200 {
            let mut load = Load::default();
            load.add(Work::Count, pace.room(Work::Count, &load));
            submitted.push_back(load);
            if submitted.len() < in_flight {
                continue;
            }
            let Some(load) = submitted.pop_front() else { continue };
            last = Duration::from_secs_f64(load.of(Work::Count) as f64 / pair_samples_per_second);
            pace.measured(&load, last);
            if submission >= 20 {
                longest = longest.max(last);
            }
        }
        (longest, last)
    }

    #[test]
    fn submissions_settle_below_a_tenth_of_a_second_on_any_device() {
        for speed in [1e6, 1e7, 1e8, 1e9, 1e11, 1e13] {
            for in_flight in [1, 2, 3] {
                let (longest, last) = settled_on(speed, in_flight);
                assert!(longest < Duration::from_millis(100), "{speed:e}: {longest:?}");
                assert!(last > Duration::from_millis(5), "{speed:e}: {last:?}");
            }
        }
    }

    #[test]
    fn a_mixture_that_was_short_lets_no_kind_grow_long() {
        let mut pace = Pace::new();
        let mut load = Load::default();
        load.add(Work::Count, FIRST / 10);
        load.add(Work::Reduce, FIRST / 10 * 9);
        // The counting kernel may have taken all of the 19 ms.
        pace.measured(&load, Duration::from_millis(19));
        assert_eq!(pace.allowed(Work::Count), FIRST);
        assert_eq!(pace.allowed(Work::Reduce), FIRST / 10 * 18);
    }

    #[test]
    fn a_load_takes_room_from_every_kind() {
        let pace = Pace::new();
        let mut load = Load::default();
        assert_eq!(pace.room(Work::Count, &load), FIRST);
        load.add(Work::Reduce, FIRST / 4);
        assert_eq!(pace.room(Work::Count, &load), FIRST / 4 * 3);
        load.add(Work::UploadSum, FIRST / 4);
        assert_eq!(pace.room(Work::Count, &load), FIRST / 2);
        load.add(Work::Count, FIRST);
        assert_eq!(pace.room(Work::Reduce, &load), 0);
    }

    #[test]
    fn without_a_clock_submissions_stay_as_small_as_the_first() {
        let mut pace = Pace::new();
        let mut load = Load::default();
        load.add(Work::Count, u64::MAX);
        pace.measured(&load, Duration::ZERO);
        assert_eq!(pace, Pace::new());
    }

    #[test]
    fn something_is_always_allowed() {
        let mut pace = Pace::new();
        for _ in 0..100 {
            pace.slow_down();
        }
        assert_eq!(pace.allowed(Work::Count), 1);
        let mut load = Load::default();
        load.add(Work::Count, 1);
        pace.measured(&load, Duration::from_secs(9));
        assert_eq!(pace.room(Work::Count, &Load::default()), 1);
    }
}
