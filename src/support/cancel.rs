//! A token with which any thread can cancel a job.

use std::pin::pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use futures_channel::oneshot;

use crate::error::{CancelledBy, Error};

/// A token with which any thread can cancel a job.
///
/// A job that was given a clone of the token ends with [`Error::Cancelled`] within a fraction of a second.
/// The blocks that a [`crate::Sweep`] has taken by then are kept.
///
/// # Examples
///
/// ```
/// use cofire::{Analysis, CancelToken, CancelledBy, Error};
/// use ndarray::Array2;
///
/// let token = CancelToken::new();
/// let analysis = Analysis::new(10).cancel_token(&token);
/// let elsewhere = token.clone(); // to a handler of signals, a button, another thread
/// elsewhere.cancel();
/// let stopped = analysis.run(Array2::from_shape_fn((50, 3), |(s, n)| (s * n) as f32).view());
/// assert!(matches!(stopped, Err(Error::Cancelled { by: CancelledBy::Token })));
/// ```
#[derive(Debug, Clone, Default)]
pub struct CancelToken(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    is_cancelled: AtomicBool,
    /// The senders of waiting tasks. Cancelling drops them, which wakes the tasks.
    waiting: Mutex<Vec<oneshot::Sender<()>>>,
}

impl CancelToken {
    /// Creates a token that is not cancelled.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Cancels every job that has a clone of this token, including jobs that have not begun.
    pub fn cancel(&self) {
        self.0.is_cancelled.store(true, Ordering::Relaxed);
        let waiting = std::mem::take(&mut *self.waiting()); // unlocked before wakers run
        drop(waiting);
    }

    /// Returns whether the token has been cancelled.
    #[must_use]
    pub fn is_cancelled(&self) -> bool {
        self.0.is_cancelled.load(Ordering::Relaxed)
    }

    /// Returns an error if the token has been cancelled.
    pub(crate) fn check(&self) -> Result<(), Error> {
        let by = CancelledBy::Token;
        if self.is_cancelled() { Err(Error::Cancelled { by }) } else { Ok(()) }
    }

    /// Returns the result of `work`, or an error as soon as the token is cancelled. `work` is dropped then.
    #[cfg_attr(not(feature = "gpu"), allow(dead_code, reason = "only devices are waited for"))]
    pub(crate) async fn or_cancelled<T>(&self, work: impl Future<Output = T>) -> Result<T, Error> {
        let (sender, cancelled) = oneshot::channel();
        {
            let mut waiting = self.waiting();
            // Checked under the lock: a `cancel` from here on finds `sender`.
            self.check()?;
            waiting.retain(|other| !other.is_canceled());
            waiting.push(sender);
        }
        let (mut work, mut cancelled) = (pin!(work), pin!(cancelled));
        std::future::poll_fn(|context| match work.as_mut().poll(context) {
            Poll::Ready(done) => Poll::Ready(Ok(done)),
            Poll::Pending => cancelled.as_mut().poll(context).map(|_| {
                let by = CancelledBy::Token;
                Err(Error::Cancelled { by })
            }),
        })
        .await
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<oneshot::Sender<()>>> {
        self.0.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[test]
    fn who_waits_is_told() {
        let token = CancelToken::new();
        assert_eq!(pollster::block_on(token.or_cancelled(ready(7))).unwrap(), 7);
        assert_eq!(token.waiting().len(), 1, "not yet forgotten");
        std::thread::scope(|scope| {
            let forever = || pollster::block_on(token.or_cancelled(pending::<()>()));
            let both = [scope.spawn(forever), scope.spawn(forever)];
            while token.waiting().iter().filter(|sender| !sender.is_canceled()).count() < 2 {
                std::thread::yield_now();
            }
            token.cancel();
            for waiting in both {
                assert!(matches!(waiting.join().unwrap(), Err(Error::Cancelled { .. })), "forever");
            }
        });
        assert!(token.waiting().is_empty(), "nobody is left");
        let late = pollster::block_on(token.or_cancelled(ready(7)));
        assert!(matches!(late, Err(Error::Cancelled { .. })), "it was cancelled before");
    }
}
