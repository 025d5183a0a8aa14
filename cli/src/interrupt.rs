//! Ctrl-C: the first one stops in good order, the second one at once.

use std::process;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::failure::{Failure, INTERRUPTED_STATUS};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Takes over SIGINT, SIGTERM and SIGHUP, and what Windows has in their place.
pub(crate) fn watch() -> Result<(), Failure> {
    let stop = || {
        if INTERRUPTED.swap(true, Ordering::Relaxed) {
            process::exit(INTERRUPTED_STATUS.into());
        }
    };
    ctrlc::set_handler(stop)
        .map_err(|error| Failure::Other(format!("could not watch for Ctrl-C: {error}")))
}

pub(crate) fn is_requested() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// An error if the user wants to stop.
pub(crate) fn check() -> Result<(), Failure> {
    if is_requested() { Err(Failure::Interrupted) } else { Ok(()) }
}
