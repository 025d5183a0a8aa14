//! The progress bar.

use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cofire::Progress;
use indicatif::{ProgressBar, ProgressStyle};

use crate::failure::one_line;
use crate::interrupt;

/// A bar on stderr. Without a terminal, it shows nothing.
#[derive(Debug)]
pub(crate) struct Bar {
    bar: ProgressBar,
    label: String,
}

impl Bar {
    /// Makes a bar with a label.
    pub(crate) fn new(label: &str) -> Self {
        let template = "{msg} [{bar:32}] {percent:>3}%, {eta} left";
        // The template is constant and valid; the fallback would be a bar without a label.
        let style = ProgressStyle::with_template(template)
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars("=> ");
        let label = one_line(label);
        let bar = ProgressBar::new(0).with_style(style).with_message(label.clone());
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar, label }
    }

    /// Starts from zero for a new stage, whose name is shown after the label.
    pub(crate) fn begin(&self, stage: &str) {
        self.bar.set_position(0);
        self.bar.set_message(format!("{}, {stage}", self.label));
    }

    /// Shows how much is done. Breaks if the user asked to stop.
    pub(crate) fn reached(&self, done: usize, total: usize) -> ControlFlow<()> {
        self.bar.set_length(total as u64);
        self.bar.set_position(done as u64);
        if interrupt::is_requested() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// Returns a callback for [`cofire::Analysis::progress`]. It stops the analysis if the user
    /// asked to stop.
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

/// Work that the bar leaves out: the part of a job that was done before, or is done elsewhere.
#[derive(Debug, Clone, Default)]
pub(crate) struct Skipped {
    /// The number of pair-samples to leave out.
    work: Arc<AtomicU64>,
    /// The number of pair-samples that are done.
    done: Arc<AtomicU64>,
}

impl Skipped {
    /// Leaves out all work that is done by now.
    pub(crate) fn skip_all_done(&self) {
        self.work.store(self.done.load(Ordering::Relaxed), Ordering::Relaxed);
    }
}

impl Bar {
    /// Returns a callback as [`Bar::callback`] does, but for a job without its skipped work.
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
