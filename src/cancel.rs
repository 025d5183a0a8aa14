//! A wish to stop, that anybody may have.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::Error;

/// A wish to stop, from any thread: a job that was given a clone of it ends with
/// [`Error::Cancelled`] within a fraction of a second. What a [`crate::Sweep`] has taken by then is
/// kept.
///
/// # Examples
///
/// ```
/// use cofire::{Analysis, CancelToken, Error};
/// use ndarray::Array2;
///
/// let token = CancelToken::new();
/// let analysis = Analysis::new(10).cancel_token(&token);
/// let elsewhere = token.clone(); // to a handler of signals, a button, another thread
/// elsewhere.cancel();
/// let stopped = analysis.run(Array2::from_shape_fn((50, 3), |(s, n)| (s * n) as f32).view());
/// assert!(matches!(stopped, Err(Error::Cancelled)));
/// ```
#[derive(Debug, Clone, Default)]
pub struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    /// A token that nobody has cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Stops every job that has a clone of this token, those that have not begun included.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it has been cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    /// An error if it has been cancelled.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.is_cancelled() { Err(Error::Cancelled) } else { Ok(()) }
    }
}
