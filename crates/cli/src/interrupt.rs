//! Handling of Ctrl-C: the first one stops the command in good order, the second one at once.

use std::process;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

use crate::failure::{Failure, INTERRUPTED_STATUS};

/// The time when the user first asked to stop.
static REQUESTED: OnceLock<Instant> = OnceLock::new();

/// The time within which several signals count as one request. `timeout` and other supervisors
/// signal a process and then its group, so the process gets two signals.
const SAME_WISH: Duration = Duration::from_millis(200);

/// Handles SIGINT, SIGTERM and SIGHUP, and their equivalents on Windows.
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

/// Returns an error if the user asked to stop.
pub(crate) fn check() -> Result<(), Failure> {
    if is_requested() { Err(Failure::Interrupted) } else { Ok(()) }
}
