//! What can go wrong on a device, and how it is noticed.

use std::fmt;

use crate::Error;

/// Why a tile has no sums.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The caller wants to stop.
    Cancelled,
    /// The device reported an error, or is gone: there is no use in asking it again.
    Device(String),
    /// The device has no memory left for what it was asked to do.
    OutOfMemory(String),
    /// The device does not finish what it began. Nor will it ever be safe to wait for it.
    Hung(String),
    /// The device returned something that cannot be right, without a word.
    Wrong(String),
    /// Nothing has gone wrong: the device is too small for the job.
    TooSmall(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Cancelled => Self::Cancelled,
            other => Self::Wrong(other.to_string()),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cancelled => f.write_str("cancelled"),
            Self::Device(reason)
            | Self::OutOfMemory(reason)
            | Self::Hung(reason)
            | Self::Wrong(reason)
            | Self::TooSmall(reason) => f.write_str(reason),
        }
    }
}

impl From<wgpu::Error> for Failure {
    fn from(error: wgpu::Error) -> Self {
        let text = one_line(&error.to_string());
        match error {
            wgpu::Error::OutOfMemory { .. } => Self::OutOfMemory(text),
            _ => Self::Device(text),
        }
    }
}

/// Returns a text with each run of white space as one space.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
