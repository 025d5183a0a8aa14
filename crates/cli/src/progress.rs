//! The progress bar.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cofire::Progress;
use indicatif::{ProgressBar, ProgressStyle};

use crate::failure::one_line;
use crate::interrupt;

/// A bar on stderr while it is a terminal; nothing at all in a pipe.
#[derive(Debug)]
pub(crate) struct Bar {
    bar: ProgressBar,
    label: String,
}

impl Bar {
    /// A bar that shows `label` until the first progress arrives.
    pub(crate) fn new(label: &str) -> Self {
        let template = "{msg} [{bar:32}] {percent:>3}%, {eta} left";
        // The template is constant and right; the fallback is a bar without words.
        let style = ProgressStyle::with_template(template)
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars("=> ");
        let label = one_line(label);
        let bar = ProgressBar::new(0).with_style(style).with_message(label.clone());
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar, label }
    }

    /// Begins anew, with a word on what takes time now.
    pub(crate) fn begin(&self, stage: &str) {
        self.bar.set_position(0);
        self.bar.set_message(format!("{}, {stage}", self.label));
    }

    /// How far it is. Breaks when the user wants to stop.
    pub(crate) fn reached(&self, done: usize, total: usize) -> ControlFlow<()> {
        self.bar.set_length(total as u64);
        self.bar.set_position(done as u64);
        if interrupt::is_requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// What [`cofire::Analysis::progress`] wants. Stops the analysis when the user does.
    pub(crate) fn callback(&self) -> impl Fn(Progress) -> ControlFlow<()> + Send + Sync + 'static {
        let bar = self.bar.clone();
        move |progress| {
            bar.set_length(progress.total);
            bar.set_position(progress.done);
            if interrupt::is_requested() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        }
    }
}

/// What does not count, of a job of which a part is done already or is done elsewhere.
#[derive(Debug, Clone, Default)]
pub(crate) struct Skipped {
    /// Pair-samples that do not count.
    work: Arc<AtomicU64>,
    /// Pair-samples that are known to be done.
    done: Arc<AtomicU64>,
}

impl Skipped {
    /// What is done by now does not count.
    pub(crate) fn skip_all_done(&self) {
        self.work.store(self.done.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

impl Bar {
    /// [`Bar::callback`] of what is left of a job.
    pub(crate) fn callback_beside(
        &self,
        skipped: &Skipped,
    ) -> impl Fn(Progress) -> ControlFlow<()> + Send + Sync + 'static {
        let (bar, skipped) = (self.bar.clone(), skipped.clone());
        move |progress| {
            skipped.done.store(progress.done, Ordering::Relaxed);
            let skipped = skipped.work.load(Ordering::Relaxed);
            bar.set_length(progress.total.saturating_sub(skipped));
            bar.set_position(progress.done.saturating_sub(skipped));
            if interrupt::is_requested() {
                ControlFlow::Break(())
            } else {
                ControlFlow::Continue(())
            }
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
