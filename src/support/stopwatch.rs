//! A stopwatch that also works where there is no clock.

use std::time::{Duration, Instant};

/// A stopwatch for wall-clock time. It reads zero on `wasm32` targets, because `wasm32-unknown-unknown` has no
/// clock of its own.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stopwatch(Option<Instant>);

impl Stopwatch {
    pub(crate) fn start() -> Self {
        Self((!cfg!(target_arch = "wasm32")).then(Instant::now))
    }

    pub(crate) fn elapsed(self) -> Duration {
        self.0.map_or(Duration::ZERO, |start| start.elapsed())
    }
}
