//! What can go wrong on a device, and how it is noticed.

use std::fmt;

use super::gpu::Gpu;
use crate::error::{CancelledBy, Error};

/// Why a tile has no sums.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The caller wants to stop.
    Cancelled(CancelledBy),
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

/// Does something with a device and returns what the device reports about it.
///
/// Without such a scope wgpu ends the process on a device error, or hands it to a handler that the
/// owner of the device may have set for other purposes.
pub(crate) async fn scoped<T>(gpu: &Gpu, work: impl FnOnce() -> T) -> Result<T, Failure> {
    #[cfg(test)]
    gpu.faults().strike_call(gpu.device())?;
    let (value, errors) = in_scopes(gpu.device(), work);
    for error in errors {
        if let Some(error) = error.await {
            return Err(error.into());
        }
    }
    Ok(value)
}

/// Scopes belong to a thread, so they are opened and closed without a suspension in between.
fn in_scopes<T, F: FnOnce() -> T>(
    device: &wgpu::Device,
    work: F,
) -> (T, Vec<impl Future<Output = Option<wgpu::Error>> + use<T, F>>) {
    let internal = device.push_error_scope(wgpu::ErrorFilter::Internal);
    let memory = device.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
    let validation = device.push_error_scope(wgpu::ErrorFilter::Validation);
    let value = work();
    (value, vec![validation.pop(), memory.pop(), internal.pop()])
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}
