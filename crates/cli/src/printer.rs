//! Standard output that somebody may stop reading.

use std::io::{self, ErrorKind, Write};

use crate::failure::Failure;

/// Prints to stdout until its reader is gone, as `head` is after ten lines. That is no error.
#[derive(Debug, Default)]
pub(crate) struct Printer {
    is_closed: bool,
}

impl Printer {
    /// Prints text as it is.
    pub(crate) fn print(&mut self, text: &str) -> Result<(), Failure> {
        if self.is_closed {
            return Ok(());
        }
        let mut stdout = io::stdout().lock();
        match stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush()) {
            Err(error) if error.kind() == ErrorKind::BrokenPipe => self.is_closed = true,
            Err(error) => {
                return Err(Failure::Other(format!("could not write to stdout: {error}")));
            }
            Ok(()) => {}
        }
        Ok(())
    }

    /// Whether nobody reads any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed
    }
}
