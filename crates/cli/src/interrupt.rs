//! Ctrl-C: the first one stops in good order, the second one at once.

use std::process;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::failure::{Failure, INTERRUPTED_STATUS};

/// When the user first wanted to stop.
static REQUESTED: OnceLock<Instant> = OnceLock::new();

/// Signals closer together than this are one wish: `timeout` and other supervisors signal a process
/// and then its group, in which it is again.
const SAME_WISH: Duration = Duration::from_millis(200);

/// Takes over SIGINT, SIGTERM and SIGHUP, and what Windows has in their place.
pub(crate) fn watch() -> Result<(), Failure> {
    let stop = || {
        if REQUESTED.get_or_init(Instant::now).elapsed() > SAME_WISH {
            process::exit(INTERRUPTED_STATUS.into());
        }
    };
    ctrlc::set_handler(stop)
        .map_err(|error| Failure::Other(format!("could not watch for Ctrl-C: {error}")))
}

pub(crate) fn is_requested() -> bool {
    REQUESTED.get().is_some()
}

/// An error if the user wants to stop.
pub(crate) fn check() -> Result<(), Failure> {
    if is_requested() { Err(Failure::Interrupted) } else { Ok(()) }
}
