//! How a command can end other than well, and the exit status that says so.

use std::error::Error as _;
use std::io::{self, Write};
use std::process::ExitCode;

use cofire_files::FileError;
use cofire_jobs::JobError;

use crate::features::command_with;

/// The exit status after Ctrl-C: 128 and the number of the signal, as shells have it.
pub(crate) const INTERRUPTED_STATUS: u8 = 130;

/// Why a command gave up.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something is wrong with what was passed: exit status 2.
    Input(String),
    /// Something else went wrong: exit status 1.
    Other(String),
    /// The user stopped it: exit status 130.
    Interrupted,
    /// The user stopped it, and this is what is kept: exit status 130.
    InterruptedWith(String),
}

impl Failure {
    /// Of an analysis; `subject` is what was analysed.
    pub(crate) fn of_analysis(subject: &str, error: &cofire::Error) -> Self {
        use cofire::Error;

        let message = format!("{subject}: {error}");
        match error {
            Error::Cancelled => Self::Interrupted,
            Error::NoSamples { .. }
            | Error::OneSample
            | Error::NoNeurons { .. }
            | Error::TooManySamples { .. }
            | Error::NonFinite { .. }
            | Error::NotACategory { .. }
            | Error::NotBinary { .. }
            | Error::NeighborsOutOfRange { .. }
            | Error::LabelsMismatch { .. }
            | Error::LabelsOccurOnce { .. }
            | Error::SamplesMismatch { .. }
            | Error::AdapterNotFound { .. }
            | Error::KernelUnsupported { .. }
            | Error::EstimatorUnsupported { .. }
            | Error::InvalidSelection { .. }
            | Error::Batches(_) => Self::Input(message),
            _ => Self::Other(message),
        }
    }

    /// Of opening an adapter.
    #[cfg(feature = "gpu")]
    pub(crate) fn of_adapter(error: &cofire::Error) -> Self {
        match error {
            cofire::Error::AdapterNotFound { .. } => Self::Input(error.to_string()),
            _ => Self::Other(error.to_string()),
        }
    }

    /// Prints one line on stderr and gives the exit status.
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

/// Prints a line on stderr. There is no other place to complain to if that fails.
pub(crate) fn note(message: &str) {
    let _ = writeln!(io::stderr(), "{}", one_line(message));
}

/// Escapes what would end the line or command the terminal: names of files and arrays can hold
/// anything.
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
