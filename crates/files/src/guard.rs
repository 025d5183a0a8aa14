//! Calls of libraries that may panic on a file that contradicts itself.

use std::panic::{self, AssertUnwindSafe};

use super::{FileError, Place};

/// Turns a panic into an error. The panic's own message goes to the program's panic hook.
pub(super) fn guarded<T>(
    place: Place<'_>,
    call: impl FnOnce() -> Result<T, FileError>,
) -> Result<T, FileError> {
    // Nothing that a panic has left half done is used again.
    panic::catch_unwind(AssertUnwindSafe(call))
        .unwrap_or_else(|_| Err(place.damaged("it contradicts itself")))
}
