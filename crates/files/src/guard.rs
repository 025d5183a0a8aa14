//! Calls of libraries that may panic where a file contradicts itself.

use std::panic::{self, AssertUnwindSafe};

use super::{FileError, Place};

/// Makes an error of a panic. The panic's own message goes wherever the program's hook sends it.
pub(super) fn guarded<T>(
    place: Place<'_>,
    call: impl FnOnce() -> Result<T, FileError>,
) -> Result<T, FileError> {
    // Whatever a panic has left half done is not used again.
    panic::catch_unwind(AssertUnwindSafe(call))
        .unwrap_or_else(|_| Err(place.damaged("it contradicts itself")))
}
