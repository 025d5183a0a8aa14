//! Work on rayon's threads, for callers that wait in an executor.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use futures_channel::oneshot;

use crate::error::Error;

/// Runs some work on rayon's pool, without blocking the executor that polls it.
///
/// On a thread of a rayon pool this function does block, because waiting there for the same pool could
/// deadlock. Everything that the work owns is dropped before the caller learns that the work is done.
pub(crate) async fn on_pool(
    work: impl FnOnce() -> Result<(), Error> + Send + 'static,
) -> Result<(), Error> {
    if rayon::current_thread_index().is_some() {
        return work();
    }
    let (sender, receiver) = oneshot::channel();
    rayon::spawn(move || {
        // A panic in a progress callback should end the caller's thread, not the process.
        let result = catch_unwind(AssertUnwindSafe(work));
        // Sending fails if the caller has dropped the future.
        let _ = sender.send(result);
    });
    match receiver.await {
        Ok(Ok(result)) => result,
        Ok(Err(panic)) => resume_unwind(panic),
        Err(oneshot::Canceled) => {
            Err(Error::Internal { problem: "the thread pool has dropped a job" })
        }
    }
}
