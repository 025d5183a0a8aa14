//! A device and its queue, with the driver through which they are called.

use std::sync::Arc;

use super::driver::Driver;
use super::failure::Failure;
use crate::execution::AdapterDescription;

/// A device, its queue, its limits and its adapter. Clones share the device.
#[derive(Debug, Clone)]
pub(crate) struct Device {
    pub(crate) raw: wgpu::Device,
    pub(crate) queue: wgpu::Queue,
    pub(crate) limits: wgpu::Limits,
    pub(crate) adapter: AdapterDescription,
    pub(crate) driver: Arc<dyn Driver>,
}

impl Device {
    /// Returns whether waiting for the device blocks its other users.
    pub(crate) fn takes_turns(&self) -> bool {
        self.adapter.backend == "Gl"
    }

    /// Makes calls on the device and returns the error that the device reports about them, if any.
    ///
    /// Without such a scope wgpu ends the process on a device error, or passes the error to a
    /// handler that the owner of the device may have set for other purposes.
    pub(crate) async fn scoped<T>(&self, calls: impl FnOnce() -> T) -> Result<T, Failure> {
        self.driver.begin_calls(&self.raw)?;
        let (value, errors) = self.in_scopes(calls);
        for error in errors {
            if let Some(error) = error.await {
                return Err(error.into());
            }
        }
        Ok(value)
    }

    /// Makes calls inside error scopes. Scopes belong to a thread, so they are opened and closed without
    /// a suspension in between.
    fn in_scopes<T, F: FnOnce() -> T>(
        &self,
        calls: F,
    ) -> (T, Vec<impl Future<Output = Option<wgpu::Error>> + use<T, F>>) {
        let internal = self.raw.push_error_scope(wgpu::ErrorFilter::Internal);
        let memory = self.raw.push_error_scope(wgpu::ErrorFilter::OutOfMemory);
        let validation = self.raw.push_error_scope(wgpu::ErrorFilter::Validation);
        let value = calls();
        (value, vec![validation.pop(), memory.pop(), internal.pop()])
    }
}
