//! Faults on demand, for tests: a driver that fails at planned calls.

use std::ops::Deref;
use std::sync::{Arc, Mutex};

use super::adapter::adapters;
use super::driver::{Driver, SystemDriver};
use super::failure::Failure;
use super::gpu::Gpu;
use crate::error::Error;

/// A stage at which something can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// Calls inside error scopes, which make something on the device or submit.
    Call,
    /// Bytes on their way to the device.
    Upload,
    Dispatch,
    /// A buffer set to zero.
    Clear,
    Submit,
    /// Waiting for the end of a submission.
    Poll,
    /// Bytes on their way back.
    Read,
}

impl Stage {
    pub(crate) const ALL: [Self; 7] = [
        Self::Call,
        Self::Upload,
        Self::Dispatch,
        Self::Clear,
        Self::Submit,
        Self::Poll,
        Self::Read,
    ];

    /// Returns the faults that are possible at this stage.
    pub(crate) fn faults(self) -> &'static [Fault] {
        match self {
            Self::Call => &[Fault::Lost, Fault::OutOfMemory, Fault::Refused],
            Self::Upload => &[Fault::Dropped, Fault::Lost, Fault::Zeros, Fault::HalfZeros],
            Self::Dispatch | Self::Clear => &[Fault::Dropped, Fault::Lost],
            Self::Submit => &[Fault::Dropped, Fault::Lost, Fault::LostUnderWay],
            Self::Poll => &[Fault::Lost, Fault::TimedOut, Fault::Panicked],
            Self::Read => &[Fault::Lost, Fault::Zeros, Fault::HalfZeros, Fault::Refused],
        }
    }
}

/// A fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// The driver skips the call and reports success, as Metal does after a timeout. An upload is
    /// part of the next submission, all of which is dropped.
    Dropped,
    /// The device is lost, as after a driver reset. It is destroyed before the stage.
    Lost,
    /// The device is lost after the submission was made.
    LostUnderWay,
    /// The device has no memory for the call.
    OutOfMemory,
    /// The device reports another error.
    Refused,
    /// The submission does not end in time.
    TimedOut,
    /// wgpu panics while it waits, as version 30 does when the driver reports a lost device.
    Panicked,
    /// Zeros arrive instead of the data.
    Zeros,
    /// Zeros arrive instead of the second half of the data.
    HalfZeros,
}

impl Stage {
    /// Returns whether a job needs a remedy for the fault. It may need none if the device is lost
    /// after its work was done, if zeros are not cleared, or if the zeroed part of an upload is
    /// zeros anyway.
    pub(crate) fn needs_a_remedy_for(self, fault: Fault) -> bool {
        let is_harmless = matches!(
            (self, fault),
            (Self::Poll | Self::Read, Fault::Lost)
                | (_, Fault::LostUnderWay)
                | (Self::Clear, Fault::Dropped)
                | (Self::Upload, Fault::Zeros | Fault::HalfZeros)
        );
        !is_harmless
    }
}

/// The planned faults of a device, and of the devices that replace it.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The number of times that each stage was reached.
    seen: [usize; Stage::ALL.len()],
    planned: Vec<(Stage, usize, Fault)>,
    happened: usize,
    drop_next_submission: bool,
    /// The fault of the submission that is being made.
    submission: Option<Fault>,
}

impl Faults {
    /// Plans faults and starts to count stages from 0. A fault happens when its stage is reached
    /// for the given time, 0 being the first.
    pub(crate) fn plan(&self, planned: Vec<(Stage, usize, Fault)>) {
        *self.0.lock().unwrap() = State { planned, ..State::default() };
    }

    /// Counts a call at a stage and returns the fault that happens there.
    pub(crate) fn strike(&self, stage: Stage, device: &wgpu::Device) -> Option<Fault> {
        let mut state = self.0.lock().unwrap();
        let time = state.seen[stage as usize];
        state.seen[stage as usize] += 1;
        let planned = state.planned.iter().find(|planned| (planned.0, planned.1) == (stage, time));
        let mut fault = planned.map(|planned| planned.2);
        state.happened += usize::from(fault.is_some());
        match (stage, fault) {
            (_, Some(Fault::Lost)) => device.destroy(),
            (Stage::Upload, Some(Fault::Dropped)) => state.drop_next_submission = true,
            (Stage::Submit, None) if state.drop_next_submission => fault = Some(Fault::Dropped),
            _ => {}
        }
        if stage == Stage::Submit {
            state.drop_next_submission = false;
        }
        fault
    }

    /// Returns whether the submission that is being made is dropped.
    fn is_dropped(&self) -> bool {
        self.0.lock().unwrap().submission == Some(Fault::Dropped)
    }

    /// Returns how many times a stage was reached.
    pub(crate) fn seen(&self, stage: Stage) -> usize {
        self.0.lock().unwrap().seen[stage as usize]
    }

    /// Returns how many of the faults have happened.
    pub(crate) fn happened(&self) -> usize {
        self.0.lock().unwrap().happened
    }
}

impl Driver for Faults {
    fn begin_calls(&self, device: &wgpu::Device) -> Result<(), Failure> {
        let source = || Box::new(std::io::Error::other("injected"));
        match self.strike(Stage::Call, device) {
            Some(Fault::OutOfMemory) => Err(wgpu::Error::OutOfMemory { source: source() }.into()),
            Some(Fault::Refused) => {
                let description = "injected".to_owned();
                Err(wgpu::Error::Internal { source: source(), description }.into())
            }
            _ => Ok(()),
        }
    }

    fn write(&self, device: &wgpu::Device, queue: &wgpu::Queue, to: &wgpu::Buffer, words: &[u32]) {
        let arrived = match self.strike(Stage::Upload, device) {
            // The buffer keeps its zeros, either alone or with the whole submission.
            Some(Fault::Dropped | Fault::Zeros) => return,
            Some(Fault::HalfZeros) => words.len() / 2,
            _ => words.len(),
        };
        SystemDriver.write(device, queue, to, &words[..arrived]);
    }

    fn begin_submission(&self, device: &wgpu::Device) {
        let fault = self.strike(Stage::Submit, device);
        self.0.lock().unwrap().submission = fault;
    }

    fn dispatch(
        &self,
        device: &wgpu::Device,
        encoder: &mut wgpu::CommandEncoder,
        pipeline: &wgpu::ComputePipeline,
        group: &wgpu::BindGroup,
        workgroups: [u32; 3],
    ) {
        if !self.is_dropped() && self.strike(Stage::Dispatch, device) != Some(Fault::Dropped) {
            SystemDriver.dispatch(device, encoder, pipeline, group, workgroups);
        }
    }

    fn clear(
        &self,
        device: &wgpu::Device,
        encoder: &mut wgpu::CommandEncoder,
        buffer: &wgpu::Buffer,
    ) {
        if !self.is_dropped() && self.strike(Stage::Clear, device) != Some(Fault::Dropped) {
            SystemDriver.clear(device, encoder, buffer);
        }
    }

    fn copy(&self, encoder: &mut wgpu::CommandEncoder, from: &wgpu::Buffer, to: &wgpu::Buffer) {
        // A staging buffer without a copy holds zeros.
        if !self.is_dropped() {
            SystemDriver.copy(encoder, from, to);
        }
    }

    fn submit(
        &self,
        device: &wgpu::Device,
        queue: &wgpu::Queue,
        commands: wgpu::CommandBuffer,
    ) -> wgpu::SubmissionIndex {
        let index = SystemDriver.submit(device, queue, commands);
        let fault = self.0.lock().unwrap().submission.take();
        if fault == Some(Fault::LostUnderWay) {
            device.destroy();
        }
        index
    }

    fn poll(
        &self,
        device: &wgpu::Device,
        wait: wgpu::PollType,
    ) -> Result<wgpu::PollStatus, wgpu::PollError> {
        match self.strike(Stage::Poll, device) {
            Some(Fault::TimedOut) => Err(wgpu::PollError::Timeout),
            // `panic!` would call the panic hook, which fills the terminal.
            Some(Fault::Panicked) => {
                std::panic::resume_unwind(Box::new("Parent device is lost".to_owned()))
            }
            _ => SystemDriver.poll(device, wait),
        }
    }

    fn read(&self, device: &wgpu::Device, mapped: &wgpu::Buffer) -> Result<Vec<u32>, Failure> {
        let fault = self.strike(Stage::Read, device);
        let mut words = SystemDriver.read(device, mapped)?;
        let half = words.len() / 2;
        match fault {
            Some(Fault::Zeros) => words.fill(0),
            Some(Fault::HalfZeros) => words[half..].fill(0),
            Some(Fault::Refused) => return Err(Failure::Device("could not be mapped".to_owned())),
            _ => {}
        }
        Ok(words)
    }
}

/// A device with planned faults, which also happen on the devices that replace it.
pub(crate) struct FaultyGpu {
    gpu: Gpu,
    faults: Arc<Faults>,
}

impl FaultyGpu {
    /// Opens the best adapter whose label contains a name.
    fn open(name: &str) -> Self {
        Self::with(|driver| pollster::block_on(Gpu::open_with(Some(name), driver)))
    }

    /// Uses a device of the caller's own.
    pub(crate) fn from_device(device: wgpu::Device, queue: wgpu::Queue) -> Self {
        Self::with(|driver| Gpu::from_device_with(device, queue, driver))
    }

    fn with(open: impl FnOnce(Arc<dyn Driver>) -> Result<Gpu, Error>) -> Self {
        let faults = Arc::new(Faults::default());
        let gpu = open(Arc::<Faults>::clone(&faults)).unwrap();
        Self { gpu, faults }
    }

    pub(crate) fn faults(&self) -> &Faults {
        &self.faults
    }
}

impl Deref for FaultyGpu {
    type Target = Gpu;

    fn deref(&self) -> &Gpu {
        &self.gpu
    }
}

/// Opens lavapipe, which opens devices and builds pipelines quickly, or else the first adapter, on
/// a device of its own. Without an adapter the test prints a message and passes, unless the
/// environment requires one.
pub(crate) fn fresh_gpu() -> Option<FaultyGpu> {
    let labels: Vec<String> =
        adapters().iter().map(|adapter| adapter.description.to_string()).collect();
    let lavapipe = labels.iter().find(|label| label.starts_with("Vulkan/llvmpipe"));
    match lavapipe.or(labels.first()) {
        Some(label) => Some(FaultyGpu::open(label)),
        None if std::env::var_os("COFIRE_REQUIRE_ADAPTERS").is_some() => {
            panic!("COFIRE_REQUIRE_ADAPTERS is set and there is no adapter")
        }
        None => {
            eprintln!("no adapter: this test did not run");
            None
        }
    }
}
