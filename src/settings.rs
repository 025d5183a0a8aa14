//! The settings of how a job runs. Every kind of job has them, with the same setters.

use std::fmt;
use std::sync::Arc;

use crate::codes::Codes;
use crate::codes::budget::Memory;
use crate::engine::{self, Chosen, Engine, Goal, GpuGain, Job, cpu};
use crate::error::Error;
use crate::estimator::{CellTable, Estimator};
use crate::execution::{Kernel, OnDeviceFailure};
use crate::measures::Units;
use crate::pairs::tile::Tile;
use crate::report::MemoryUse;
use crate::support::cancel::CancelToken;
use crate::support::memory;
use crate::support::monitor::{Monitor, ProgressCallback};

/// The settings of any job: the engine, limits, progress, cancelling, and the unit of the results.
#[derive(Clone, Default)]
pub(crate) struct RunSettings {
    pub(crate) units: Units,
    pub(crate) engine: Engine,
    pub(crate) on_device_failure: OnDeviceFailure,
    pub(crate) memory_limit: Option<u64>,
    pub(crate) device_memory_limit: Option<u64>,
    pub(crate) progress: Option<Arc<ProgressCallback>>,
    pub(crate) token: CancelToken,
}

impl RunSettings {
    /// Finds and opens the engine of a job.
    pub(crate) async fn open_engine(&self, gain: GpuGain) -> Result<Chosen, Error> {
        engine::choose(&self.engine, gain, self.device_memory_limit).await
    }

    /// Returns a monitor for a job of `total` pair-samples.
    pub(crate) fn monitor(&self, total: u64) -> Monitor {
        Monitor::new(total, self.progress.clone(), self.token.clone())
    }

    /// Returns the bytes that a job may take beyond its input, if there is a limit.
    pub(crate) fn allowed_memory(&self) -> Option<u64> {
        memory::limit(self.memory_limit)
    }

    /// Returns the allowed bytes that are left after `used`.
    pub(crate) fn memory_left(&self, used: Memory) -> u64 {
        // Memory that is taken is no longer free.
        let used = if self.memory_limit.is_some() { used.total() } else { used.new };
        self.allowed_memory().unwrap_or(u64::MAX).saturating_sub(bytes(used))
    }

    /// Refuses a job that needs more memory than is allowed.
    pub(crate) fn check_memory(&self, needed: Memory) -> Result<(), Error> {
        memory::check_limit(self.memory_limit, bytes(needed.held), bytes(needed.new))
    }

    /// Returns the planned memory as a report shows it.
    pub(crate) fn memory_use(&self, needed: Memory) -> MemoryUse {
        MemoryUse { planned: bytes(needed.total()), allowed: self.memory_limit }
    }
}

impl fmt::Debug for RunSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RunSettings")
            .field("units", &self.units)
            .field("engine", &self.engine)
            .field("on_device_failure", &self.on_device_failure)
            .field("memory_limit", &self.memory_limit)
            .field("device_memory_limit", &self.device_memory_limit)
            .field("progress", &self.progress.is_some())
            .field("token", &self.token)
            .finish()
    }
}

/// The settings of a job that counts joint histograms.
#[derive(Debug, Clone, Default)]
pub(crate) struct CountSettings {
    pub(crate) run: RunSettings,
    pub(crate) estimator: Estimator,
    pub(crate) kernel: Option<Kernel>,
}

impl CountSettings {
    /// Returns the goal of counting the pairs for mutual information.
    pub(crate) fn goal(&self) -> Goal {
        if self.estimator.needs_histograms() { Goal::Histograms } else { Goal::Sums }
    }

    /// Refuses a kernel that cannot count `bins` bins.
    pub(crate) fn check_kernel(&self, bins: usize) -> Result<(), Error> {
        match self.kernel.map(|kernel| (kernel.name(), kernel.max_bins())) {
            Some((kernel, limit)) if bins > limit => {
                Err(Error::KernelUnsupported { kernel, bins, limit })
            }
            _ => Ok(()),
        }
    }

    /// Adds the memory that threads work in while they count the pairs of `neurons` neurons.
    pub(crate) fn and_threads(
        &self,
        memory: Memory,
        (samples, neurons): (usize, usize),
        bins: usize,
        goal: Goal,
    ) -> Memory {
        let asked = (self.kernel, goal);
        memory.and(1, cpu::working_memory::most_bytes(samples, neurons, bins, asked))
    }

    /// Returns a job with these settings and a monitor of its own.
    pub(crate) fn single_job(
        &self,
        codes: Codes,
        table: &Arc<CellTable>,
        (pairs, goal): (Tile, Goal),
    ) -> Job {
        let monitor = Arc::new(self.run.monitor(pairs.work(codes.samples())));
        self.job(Arc::new(codes), table, (pairs, goal), &monitor)
    }

    /// Returns a job with these settings, which may be one of several with the same monitor.
    pub(crate) fn job(
        &self,
        codes: Arc<Codes>,
        table: &Arc<CellTable>,
        (pairs, goal): (Tile, Goal),
        monitor: &Arc<Monitor>,
    ) -> Job {
        let (table, monitor) = (Arc::clone(table), Arc::clone(monitor));
        Job { codes, table, pairs, goal, kernel: self.kernel, monitor }
    }
}

/// Converts a number of bytes; more than any machine has become the largest number.
fn bytes(number: u128) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// Expands to the setters of [`RunSettings`], for an `impl` of a type that has those in a field.
macro_rules! run_setters {
    ($($run:ident).+) => {
        /// Sets the unit of the results. Default: [`Units::Nats`](crate::Units::Nats).
        pub fn units(mut self, units: $crate::measures::Units) -> Self {
            self.$($run).+.units = units;
            self
        }

        /// Sets the engine. Default: [`Engine::Auto`](crate::Engine::Auto).
        ///
        /// An opened [`gpu::Gpu`](crate::gpu::Gpu) is an engine too.
        pub fn engine(mut self, engine: impl Into<$crate::engine::Engine>) -> Self {
            self.$($run).+.engine = engine.into();
            self
        }

        /// Sets what happens if a device fails during the job. Default:
        /// [`OnDeviceFailure::UseCpu`](crate::OnDeviceFailure::UseCpu).
        pub fn on_device_failure(mut self, choice: $crate::execution::OnDeviceFailure) -> Self {
            self.$($run).+.on_device_failure = choice;
            self
        }

        /// Sets a limit, in bytes, for the host memory that the job may allocate beyond its input.
        ///
        /// A job that needs more is refused before it starts. Default: three quarters of the memory
        /// that is free when the job begins, if the operating system tells how much that is
        /// (feature `system-memory`).
        pub fn memory_limit(mut self, bytes: u64) -> Self {
            self.$($run).+.memory_limit = Some(bytes);
            self
        }

        /// Sets a limit, in bytes, for the buffers of a job on a GPU, all together.
        ///
        /// Neurons that do not fit at once are counted in smaller tiles, and uploaded again when
        /// needed. If not even one pair fits, the CPU takes over, and the report says how much
        /// would have been needed. Default: 2 GiB, of which most jobs use little.
        /// [`Transfer::device_memory_bytes`](crate::execution::Transfer::device_memory_bytes)
        /// reports the memory used.
        pub fn device_memory_limit(mut self, bytes: u64) -> Self {
            self.$($run).+.device_memory_limit = Some(bytes);
            self
        }

        /// Sets a function that receives the progress of the job.
        ///
        /// It may stop the job by returning [`ControlFlow::Break`](std::ops::ControlFlow::Break):
        /// the job then ends with [`Error::Cancelled`](crate::Error::Cancelled). It is called a few
        /// times a second or more, from any thread, and should be quick.
        pub fn progress(
            mut self,
            callback: impl Fn($crate::support::monitor::Progress) -> std::ops::ControlFlow<()>
            + Send
            + Sync
            + 'static,
        ) -> Self {
            self.$($run).+.progress = Some(std::sync::Arc::new(callback));
            self
        }

        /// Sets a token with which any thread can cancel the job. The job then ends with
        /// [`Error::Cancelled`](crate::Error::Cancelled), within about a fifth of a second.
        pub fn cancel_token(mut self, token: &$crate::support::cancel::CancelToken) -> Self {
            self.$($run).+.token = token.clone();
            self
        }
    };
}
pub(crate) use run_setters;
