//! Failures of a device.

use std::fmt;

use crate::error::{CancelledBy, Error};

/// The reason why a tile has no sums.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The caller has cancelled the job.
    Cancelled(CancelledBy),
    /// The device reported an error or is lost. Asking it again is useless.
    Device(String),
    /// The device has no memory left for the request.
    OutOfMemory(String),
    /// The device does not finish its work. Waiting for it will never be safe.
    Hung(String),
    /// The device returned a wrong result without reporting an error.
    Wrong(String),
    /// The device is too small for the job. It has not failed.
    TooSmall(String),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        match error {
            Error::Cancelled { by } => Self::Cancelled(by),
            other => Self::Wrong(other.to_string()),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cancelled(_) => f.write_str("cancelled"),
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

/// Returns a text with each run of white space replaced by one space.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
