//! Progress of a job, and the caller's wish to stop it.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use super::cancel::CancelToken;
use super::stopwatch::Stopwatch;
use crate::Error;

/// How far a job is. Work is counted in pair-samples: pairs of neurons × samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Pair-samples done.
    pub done: u64,
    /// Pair-samples in the whole job: `neurons · (neurons + 1) / 2 · samples`.
    pub total: u64,
    /// Time since counting began.
    pub elapsed: Duration,
    /// Time that the rest will take at the speed so far; `None` before there is any, and where there is
    /// no clock.
    pub remaining: Option<Duration>,
}

impl Progress {
    /// The share done, from 0 to 1.
    #[must_use]
    pub fn fraction(&self) -> f64 {
        if self.total == 0 { 1.0 } else { self.done as f64 / self.total as f64 }
    }
}

pub(crate) type ProgressCallback = dyn Fn(Progress) -> ControlFlow<()> + Send + Sync;

/// Counts finished work, tells the caller, and asks whether to go on.
pub(crate) struct Monitor {
    callback: Option<Box<ProgressCallback>>,
    token: CancelToken,
    /// Whether nobody waits for the job any more.
    is_abandoned: AtomicBool,
    done: AtomicU64,
    /// What was done when the current part of a job of several parts began.
    begun: AtomicU64,
    /// What of it nobody had to work for.
    skipped: AtomicU64,
    total: u64,
    clock: Stopwatch,
}

impl Monitor {
    pub(crate) fn new(
        total: u64,
        callback: Option<Box<ProgressCallback>>,
        token: CancelToken,
    ) -> Self {
        let (is_abandoned, done, begun, skipped) = Default::default();
        let clock = Stopwatch::start();
        Self { callback, token, is_abandoned, done, begun, skipped, total, clock }
    }

    /// What tells that the caller wants to stop.
    pub(crate) fn token(&self) -> &CancelToken {
        &self.token
    }

    /// Adds finished work; an error when the caller wants to stop.
    pub(crate) fn advance(&self, work: u64) -> Result<(), Error> {
        let done = self.done.fetch_add(work, Ordering::Relaxed).saturating_add(work);
        self.token.check()?;
        if self.is_abandoned.load(Ordering::Relaxed) {
            return Err(Error::Cancelled);
        }
        match &self.callback {
            Some(callback) => match callback(self.progress(done)) {
                ControlFlow::Continue(()) => Ok(()),
                ControlFlow::Break(()) => Err(Error::Cancelled),
            },
            None => Ok(()),
        }
    }

    /// [`Monitor::advance`] with work that was not necessary, or done before.
    pub(crate) fn skip(&self, work: u64) -> Result<(), Error> {
        self.skipped.fetch_add(work, Ordering::Relaxed);
        self.advance(work)
    }

    fn progress(&self, done: u64) -> Progress {
        let elapsed = self.clock.elapsed();
        let worked = done.saturating_sub(self.skipped.load(Ordering::Relaxed));
        let left = self.total.saturating_sub(done) as f64 / worked as f64;
        // Neither without a clock nor before anything was done.
        let remaining = Duration::try_from_secs_f64(elapsed.as_secs_f64() * left).ok();
        let remaining = remaining.filter(|_| worked > 0 && elapsed > Duration::ZERO);
        Progress { done, total: self.total, elapsed, remaining }
    }

    /// Ends a job that nobody waits for, at the next of its advances.
    #[cfg(feature = "gpu")]
    pub(crate) fn abandon(&self) {
        self.is_abandoned.store(true, Ordering::Relaxed);
    }

    /// Goes back to what of the current part was done before work that has to be done again.
    #[cfg(feature = "gpu")]
    pub(crate) fn set_done(&self, work: u64) {
        self.done.store(self.begun.load(Ordering::Relaxed) + work, Ordering::Relaxed);
    }

    /// What was done so far will not be done again.
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
    use std::sync::Arc;
    use std::sync::Mutex;

    #[test]
    fn the_rest_is_estimated_from_what_was_worked_for() {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&seen);
        let callback = move |progress| {
            told.lock().unwrap().push(progress);
            ControlFlow::Continue(())
        };
        let monitor = Monitor::new(100, Some(Box::new(callback)), CancelToken::new());
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
        assert!(matches!(monitor.advance(1), Err(Error::Cancelled)));
    }
}
