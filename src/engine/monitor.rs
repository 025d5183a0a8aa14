//! Progress of a job, and the caller's wish to stop it.

use std::fmt;
use std::ops::ControlFlow;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::Error;

/// How far a job is. Work is counted in pair-samples: pairs of neurons × samples.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Pair-samples done.
    pub done: u64,
    /// Pair-samples in the whole job: `neurons · (neurons + 1) / 2 · samples`.
    pub total: u64,
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
    done: AtomicU64,
    /// What was done when the current part of a job of several parts began.
    begun: AtomicU64,
    total: u64,
}

impl Monitor {
    pub(crate) fn new(total: u64, callback: Option<Box<ProgressCallback>>) -> Self {
        Self { callback, done: AtomicU64::new(0), begun: AtomicU64::new(0), total }
    }

    /// Adds finished work; an error when the callback wants to stop.
    pub(crate) fn advance(&self, work: u64) -> Result<(), Error> {
        let done = self.done.fetch_add(work, Ordering::Relaxed).saturating_add(work);
        match &self.callback {
            Some(callback) => match callback(Progress { done, total: self.total }) {
                ControlFlow::Continue(()) => Ok(()),
                ControlFlow::Break(()) => Err(Error::Cancelled),
            },
            None => Ok(()),
        }
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
