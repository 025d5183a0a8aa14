//! What went wrong in a job, and what the caller wants done about it.

use crate::Error;
use crate::execution::OnDeviceFailure;
use crate::execution::{AdapterDescription, Incident, Remedy};

/// What went wrong in a job, and what the caller wants done about it.
pub(crate) struct Incidents<'a> {
    adapter: &'a AdapterDescription,
    on_failure: OnDeviceFailure,
    pub(crate) list: Vec<Incident>,
}

impl<'a> Incidents<'a> {
    pub(crate) fn new(adapter: &'a AdapterDescription, on_failure: OnDeviceFailure) -> Self {
        Self { adapter, on_failure, list: Vec::new() }
    }

    /// Notes what the CPU has to make good; an error when it must not.
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
