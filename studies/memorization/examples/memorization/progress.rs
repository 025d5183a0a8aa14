//! The progress bar.

use std::time::Duration;

use cofire_memorization::study::Event;
use indicatif::{ProgressBar, ProgressStyle};

/// A progress bar over the epochs of all networks, on stderr if it is a terminal.
#[derive(Debug)]
pub(crate) struct Bar {
    bar: ProgressBar,
}

impl Bar {
    /// Makes a bar for `epochs` epochs.
    pub(crate) fn new(epochs: u64) -> Self {
        let template = "{msg} [{bar:32}] {percent:>3}%, {elapsed}, {eta} left";
        // The template is a valid constant. The fallback is a bar without text.
        let style = ProgressStyle::with_template(template)
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars("=> ");
        let bar = ProgressBar::new(epochs).with_style(style);
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar }
    }

    /// Shows the name of the study whose networks are trained now.
    pub(crate) fn begin(&self, study: &str) {
        self.say(&format!("{study}: training"));
    }

    /// Shows the current step.
    pub(crate) fn say(&self, what: &str) {
        self.bar.set_message(what.to_owned());
    }

    /// Advances the bar after an event of a study. Epochs that were not needed count as done.
    pub(crate) fn advance(&self, event: Event) {
        match event {
            Event::Epoch => self.bar.inc(1),
            Event::Done { spared } => self.bar.inc(spared as u64),
            _ => {}
        }
    }

    /// Hides the bar while `print` runs.
    pub(crate) fn suspended<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bar.suspend(print)
    }

    /// Removes the bar.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.finish();
    }
}
