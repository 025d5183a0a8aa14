//! The incidents of a job, and the caller's choice of what happens then.

use crate::error::Error;
use crate::execution::{AdapterDescription, Incident, OnDeviceFailure, Remedy};

/// The incidents of a job, and the caller's choice of what happens then.
pub(crate) struct Incidents<'a> {
    adapter: &'a AdapterDescription,
    on_failure: OnDeviceFailure,
    pub(crate) list: Vec<Incident>,
}

impl<'a> Incidents<'a> {
    pub(crate) fn new(adapter: &'a AdapterDescription, on_failure: OnDeviceFailure) -> Self {
        Self { adapter, on_failure, list: Vec::new() }
    }

    /// Notes an incident that needs the CPU. Returns an error if the caller chose
    /// [`OnDeviceFailure::Fail`].
    pub(crate) fn need_cpu(&mut self, problem: String, remedy: Remedy) -> Result<(), Error> {
        if self.on_failure == OnDeviceFailure::Fail {
            let adapter = self.adapter.to_string();
            return Err(Error::DeviceFailed { adapter, reason: problem });
        }
        self.note(problem, remedy);
        Ok(())
    }

    pub(crate) fn note(&mut self, problem: String, remedy: Remedy) {
        let incident = Incident { problem, remedy };
        log::warn!("{}: {incident}", self.adapter);
        self.list.push(incident);
    }
}
