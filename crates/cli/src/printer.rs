//! Standard output that stops quietly when its reader is gone.

use std::io::{self, ErrorKind, Write};

use crate::failure::Failure;

/// A printer to stdout. When the reader is gone, as `head` is after ten lines, it prints nothing
/// more; that is not an error.
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

    /// Returns whether the reader is gone.
    pub(crate) fn is_closed(&self) -> bool {
        self.is_closed
    }
}
