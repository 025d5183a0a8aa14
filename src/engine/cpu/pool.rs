//! Work on the threads of rayon, for callers that wait in an executor.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use futures_channel::oneshot;

use crate::Error;

/// Does some work on rayon's pool, without blocking the executor that polls it.
///
/// On a thread of a rayon pool it does block: waiting there for the same pool could wait for ever.
/// What the work owns is dropped before the caller is told that it is done.
pub(crate) async fn on_pool(
    work: impl FnOnce() -> Result<(), Error> + Send + 'static,
) -> Result<(), Error> {
    if rayon::current_thread_index().is_some() {
        return work();
    }
    let (tell, told) = oneshot::channel();
    rayon::spawn(move || {
        // A progress callback that panics should end the caller's thread and not the process.
        let result = catch_unwind(AssertUnwindSafe(work));
        // Nobody is listening any more when the caller dropped the future.
        let _ = tell.send(result);
    });
    match told.await {
        Ok(Ok(result)) => result,
        Ok(Err(panic)) => resume_unwind(panic),
        Err(oneshot::Canceled) => Err(Error::Cancelled),
    }
}
