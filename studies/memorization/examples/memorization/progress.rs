//! The progress bar.

use std::time::Duration;

use cofire_memorization::study::Event;
use indicatif::{ProgressBar, ProgressStyle};

/// A bar over the epochs of all networks, on stderr while it is a terminal.
#[derive(Debug)]
pub(crate) struct Bar {
    bar: ProgressBar,
}

impl Bar {
    /// A bar for so many epochs.
    pub(crate) fn new(epochs: u64) -> Self {
        let template = "{msg} [{bar:32}] {percent:>3}%, {elapsed}, {eta} left";
        // The template is constant and right; the fallback is a bar without words.
        let style = ProgressStyle::with_template(template)
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars("=> ");
        let bar = ProgressBar::new(epochs).with_style(style);
        bar.enable_steady_tick(Duration::from_millis(200));
        Self { bar }
    }

    /// Names the study whose networks are trained now.
    pub(crate) fn begin(&self, study: &str) {
        self.say(&format!("{study}: training"));
    }

    /// Says what takes time now.
    pub(crate) fn say(&self, what: &str) {
        self.bar.set_message(what.to_owned());
    }

    /// Follows a study. Epochs that were not needed count as done.
    pub(crate) fn advance(&self, event: Event) {
        match event {
            Event::Epoch => self.bar.inc(1),
            Event::Done { spared } => self.bar.inc(spared as u64),
            _ => {}
        }
    }

    /// Prints, without the bar in between.
    pub(crate) fn suspended<T>(&self, print: impl FnOnce() -> T) -> T {
        self.bar.suspend(print)
    }

    /// Takes the bar away.
    pub(crate) fn finish(&self) {
        self.bar.finish_and_clear();
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.finish();
    }
}
