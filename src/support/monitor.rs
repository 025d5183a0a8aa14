//! Progress of a job, and its cancellation.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::cancel::CancelToken;
use super::stopwatch::Stopwatch;
use crate::error::{CancelledBy, Error};

/// The progress of a job. Work is counted in pair-samples: pairs of neurons × samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Pair-samples done.
    pub done: u64,
    /// Pair-samples in the whole job: `neurons · (neurons + 1) / 2 · samples` if all pairs of one layer are
    /// counted once.
    pub total: u64,
    /// Time since counting began.
    pub elapsed: Duration,
    /// Estimated time for the rest at the speed so far. `None` before any work is done, and if there is no
    /// clock.
    pub remaining: Option<Duration>,
}

impl Progress {
    /// Returns the share done, from 0 to 1.
    #[must_use]
    pub fn fraction(&self) -> f64 {
        if self.total == 0 { 1.0 } else { self.done as f64 / self.total as f64 }
    }
}

pub(crate) type ProgressCallback = dyn Fn(Progress) -> ControlFlow<()> + Send + Sync;

/// A counter of finished work, which reports to the caller and checks for cancellation.
pub(crate) struct Monitor {
    callback: Option<Arc<ProgressCallback>>,
    token: CancelToken,
    /// True if nobody waits for the job any more.
    is_abandoned: AtomicBool,
    done: AtomicU64,
    /// The part of `done` that was done when the current part of the job began.
    begun: AtomicU64,
    /// The part of `done` that took no work.
    skipped: AtomicU64,
    total: u64,
    clock: Stopwatch,
}

impl Monitor {
    pub(crate) fn new(
        total: u64,
        callback: Option<Arc<ProgressCallback>>,
        token: CancelToken,
    ) -> Self {
        let (is_abandoned, done, begun, skipped) = Default::default();
        let clock = Stopwatch::start();
        Self { callback, token, is_abandoned, done, begun, skipped, total, clock }
    }

    /// Returns the token with which the caller cancels the job.
    pub(crate) fn token(&self) -> &CancelToken {
        &self.token
    }

    /// Adds finished work. Returns an error if the job is cancelled.
    pub(crate) fn advance(&self, work: u64) -> Result<(), Error> {
        let done = self.done.fetch_add(work, Ordering::Relaxed).saturating_add(work);
        self.token.check()?;
        if self.is_abandoned.load(Ordering::Relaxed) {
            return Err(Error::Cancelled { by: CancelledBy::Caller });
        }
        match &self.callback {
            Some(callback) => match callback(self.progress(done)) {
                ControlFlow::Continue(()) => Ok(()),
                ControlFlow::Break(()) => Err(Error::Cancelled { by: CancelledBy::Progress }),
            },
            None => Ok(()),
        }
    }

    /// Adds work that was unnecessary or done before, otherwise like [`Monitor::advance`].
    pub(crate) fn skip(&self, work: u64) -> Result<(), Error> {
        self.skipped.fetch_add(work, Ordering::Relaxed);
        self.advance(work)
    }

    fn progress(&self, done: u64) -> Progress {
        let elapsed = self.clock.elapsed();
        let worked = done.saturating_sub(self.skipped.load(Ordering::Relaxed));
        let left = self.total.saturating_sub(done) as f64 / worked as f64;
        // There is no estimate without a clock or before any work.
        let remaining = Duration::try_from_secs_f64(elapsed.as_secs_f64() * left).ok();
        let remaining = remaining.filter(|_| worked > 0 && elapsed > Duration::ZERO);
        Progress { done, total: self.total, elapsed, remaining }
    }

    /// Ends a job that nobody waits for any more: [`Monitor::advance`] returns an error from now on.
    #[cfg(feature = "gpu")]
    pub(crate) fn abandon(&self) {
        self.is_abandoned.store(true, Ordering::Relaxed);
    }

    /// Resets the progress in the current part to `work`, because the work after that has to be repeated.
    #[cfg(feature = "gpu")]
    pub(crate) fn set_done(&self, work: u64) {
        self.done.store(self.begun.load(Ordering::Relaxed) + work, Ordering::Relaxed);
    }

    /// Ends a part of the job, whose work will not be repeated.
    pub(crate) fn end_part(&self) {
        self.begun.store(self.done.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

impl fmt::Debug for Monitor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitor")
            .field("done", &self.done)
            .field("total", &self.total)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[test]
    fn the_rest_is_estimated_from_what_was_worked_for() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&seen);
        let callback = move |progress| {
            told.lock().unwrap().push(progress);
            ControlFlow::Continue(())
        };
        let monitor = Monitor::new(100, Some(Arc::new(callback)), CancelToken::new());
        monitor.skip(50).unwrap();
        monitor.advance(10).unwrap();
        monitor.advance(40).unwrap();
        let seen: Vec<Progress> = seen.lock().unwrap().clone();
        assert_eq!(seen.iter().map(|p| p.done).collect::<Vec<_>>(), [50, 60, 100]);
        assert_eq!(seen[0].remaining, None, "nothing to judge by");
        let (elapsed, remaining) = (seen[1].elapsed, seen[1].remaining.unwrap());
        // 10 were worked for, and 40 are left.
        let error = (remaining.as_secs_f64() - 4.0 * elapsed.as_secs_f64()).abs();
        assert!(error < 1e-6, "{elapsed:?} {remaining:?}");
        assert_eq!(seen[2].remaining, Some(Duration::ZERO));
    }

    #[test]
    fn a_token_stops_who_has_a_clone_of_it() {
        let token = CancelToken::new();
        let monitor = Monitor::new(100, None, token.clone());
        monitor.advance(1).unwrap();
        token.cancel();
        let stopped = monitor.advance(1);
        assert!(matches!(stopped, Err(Error::Cancelled { by: CancelledBy::Token })), "{stopped:?}");
    }
}
