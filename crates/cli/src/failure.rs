//! Failures of a command, and their exit statuses.

use std::error::Error as _;
use std::io::{self, Write};
use std::process::ExitCode;

use cofire_files::FileError;
use cofire_jobs::JobError;

use crate::features::command_with;

/// The exit status after Ctrl-C: 128 plus the number of the signal, as in shells.
pub(crate) const INTERRUPTED_STATUS: u8 = 130;

/// The reason why a command failed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Wrong arguments or files: exit status 2.
    Input(String),
    /// Any other problem: exit status 1.
    Other(String),
    /// An interruption by the user: exit status 130.
    Interrupted,
    /// An interruption by the user, with a text about the results that are kept: exit status 130.
    InterruptedWith(String),
}

impl Failure {
    /// Makes a failure from the error of an analysis. `subject` is what was analysed.
    pub(crate) fn of_analysis(subject: &str, error: &cofire::Error) -> Self {
        Self::with_message(format!("{subject}: {error}"), error)
    }

    /// Makes a failure as [`Failure::of_analysis`] does, for commands that have no limit on memory to
    /// raise. `remedy` is what to do if there is too little memory.
    pub(crate) fn of_whole(subject: &str, error: &cofire::Error, remedy: &str) -> Self {
        match error {
            cofire::Error::MemoryLimit { .. } => {
                let text = error.to_string();
                let amounts = text.split_once(';').map_or(&*text, |(amounts, _)| amounts);
                Self::with_message(format!("{subject}: {amounts}; {remedy}"), error)
            }
            _ => Self::of_analysis(subject, error),
        }
    }

    fn with_message(message: String, error: &cofire::Error) -> Self {
        use cofire::{Error, ErrorKind};

        match (error.kind(), error) {
            (ErrorKind::Cancelled, _) => Self::Interrupted,
            (ErrorKind::Input, _) | (_, Error::AdapterNotFound { .. }) => Self::Input(message),
            _ => Self::Other(message),
        }
    }

    /// Makes a failure from the error of opening an adapter.
    #[cfg(feature = "gpu")]
    pub(crate) fn of_adapter(error: &cofire::Error) -> Self {
        match error {
            cofire::Error::AdapterNotFound { .. } => Self::Input(error.to_string()),
            _ => Self::Other(error.to_string()),
        }
    }

    /// Prints one line on stderr and returns the exit status.
    pub(crate) fn report(self) -> ExitCode {
        let (message, status) = match self {
            Self::Input(message) => (message, 2),
            Self::Other(message) => (message, 1),
            Self::InterruptedWith(kept) => (format!("interrupted; {kept}"), INTERRUPTED_STATUS),
            Self::Interrupted => {
                ("interrupted; nothing was written".to_owned(), INTERRUPTED_STATUS)
            }
        };
        note(&format!("error: {message}"));
        ExitCode::from(status)
    }
}

impl From<cofire_report::Error> for Failure {
    fn from(error: cofire_report::Error) -> Self {
        use cofire_report::Error;

        let message = match error.source() {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        };
        match error {
            Error::Cancelled => Self::Interrupted,
            Error::Output(error) => error.into(),
            Error::Picture { .. } | Error::Format { .. } | Error::Analysis(_) => {
                Self::Other(message)
            }
            _ => Self::Input(message),
        }
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        let message = match (&error, error.source()) {
            (FileError::FeatureDisabled { path, format, feature }, _) => {
                let path = path.display();
                let command = command_with(feature);
                format!(
                    "{path} is {format}, which this build of cofire does not read; \
                     in its sources, build one that does: {command}"
                )
            }
            (_, Some(source)) => format!("{error}: {source}"),
            (_, None) => error.to_string(),
        };
        match error {
            FileError::OutOfMemory { .. } | FileError::Write { .. } | FileError::NoSpace { .. } => {
                Self::Other(message)
            }
            _ => Self::Input(message),
        }
    }
}

impl From<JobError> for Failure {
    fn from(error: JobError) -> Self {
        let message = match error.source() {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        };
        match error {
            JobError::InUse { .. }
            | JobError::DamagedBlock { .. }
            | JobError::Read { .. }
            | JobError::Write { .. } => Self::Other(message),
            _ => Self::Input(message),
        }
    }
}

/// Prints a line on stderr. Ignores an error, because there is no other place to report it.
pub(crate) fn note(message: &str) {
    let _ = writeln!(io::stderr(), "{}", one_line(message));
}

/// Escapes control characters, which could end the line or command the terminal. Names of files and
/// arrays can contain anything.
pub(crate) fn one_line(text: &str) -> String {
    let escape =
        |c: char| if c.is_control() { c.escape_default().collect() } else { c.to_string() };
    text.chars().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line() {
        assert_eq!(one_line("a\nb\u{1b}[2Jc é"), "a\\nb\\u{1b}[2Jc é");
    }
}
