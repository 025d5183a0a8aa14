//! Faults on demand, for tests: each stage at which a device can fail asks here whether it does.

use std::sync::Mutex;

use super::adapter::adapters;
use super::buffers::storage_buffer;
use super::commands::Command;
use super::failure::Failure;
use super::gpu::Gpu;

/// Where something can go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Stage {
    /// Calls that make something on the device, or submit: all that is inside error scopes.
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

    /// What can go wrong here.
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

/// What goes wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Fault {
    /// The driver leaves it out and reports success, as Metal does after a timeout. An upload is
    /// part of the submission that comes next, all of which is dropped.
    Dropped,
    /// The device is gone, as after a driver reset: it is destroyed before the stage.
    Lost,
    /// It is gone after the submission was made.
    LostUnderWay,
    /// The device has no memory for it.
    OutOfMemory,
    /// The device reports another error.
    Refused,
    /// The submission does not end in time.
    TimedOut,
    /// What wgpu 30 does when a driver says, to who waits, that the device is lost.
    Panicked,
    /// What arrives is zeros.
    Zeros,
    /// The second half of what arrives is zeros.
    HalfZeros,
}

impl Stage {
    /// Whether a job cannot go on as if nothing was. It can where a device is lost that had done its
    /// work, where zeros are not set to zero, and where zeros are uploaded, as half of some uploads is.
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

/// What happens when to a device, and to those that are opened in its place.
#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// How many times each stage was reached.
    seen: [usize; Stage::ALL.len()],
    planned: Vec<(Stage, usize, Fault)>,
    happened: usize,
    drop_next_submission: bool,
}

impl Faults {
    /// Counts from here on, and has a fault happen when a stage is reached for the time that is
    /// named, 0 being the first.
    pub(crate) fn plan(&self, planned: Vec<(Stage, usize, Fault)>) {
        *self.0.lock().unwrap() = State { planned, ..State::default() };
    }

    /// Called at a stage: what happens there.
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

    /// Called before a call inside error scopes.
    pub(crate) fn strike_call(&self, device: &wgpu::Device) -> Result<(), Failure> {
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

    /// How many times a stage was reached.
    pub(crate) fn seen(&self, stage: Stage) -> usize {
        self.0.lock().unwrap().seen[stage as usize]
    }

    /// How many of the faults have happened.
    pub(crate) fn happened(&self) -> usize {
        self.0.lock().unwrap().happened
    }
}

/// What is left of a submission: if it is dropped, reads that bring back zeros.
pub(crate) fn at_submit<T>(
    gpu: &Gpu,
    fault: Option<Fault>,
    commands: Vec<Command<T>>,
) -> Vec<Command<T>> {
    if fault != Some(Fault::Dropped) {
        return commands;
    }
    let reads = commands.into_iter().filter_map(|command| match command {
        Command::Read { words, label, .. } => {
            let source = storage_buffer(gpu, "nothing", words * size_of::<u32>());
            Some(Command::Read { source, words, label })
        }
        Command::Dispatch(_) | Command::Clear(_) => None,
    });
    reads.collect()
}

/// Called before a wait, on the thread that waits.
pub(crate) fn at_poll(fault: Option<Fault>) -> Result<(), wgpu::PollError> {
    match fault {
        Some(Fault::TimedOut) => Err(wgpu::PollError::Timeout),
        // Not by `panic!`, whose hook would fill the terminal.
        Some(Fault::Panicked) => {
            std::panic::resume_unwind(Box::new("Parent device is lost".to_owned()))
        }
        _ => Ok(()),
    }
}

/// What comes back instead of these words.
pub(crate) fn at_read(fault: Option<Fault>, mut words: Vec<u32>) -> Result<Vec<u32>, Failure> {
    let half = words.len() / 2;
    match fault {
        Some(Fault::Zeros) => words.fill(0),
        Some(Fault::HalfZeros) => words[half..].fill(0),
        Some(Fault::Refused) => return Err(Failure::Device("could not be mapped".to_owned())),
        _ => {}
    }
    Ok(words)
}

/// Lavapipe, which opens devices and builds pipelines quickly, or else the first adapter there is, on a
/// device of its own. Without one the test says so and passes,
/// unless the environment says that there has to be one.
pub(crate) fn fresh_gpu() -> Option<Gpu> {
    let labels: Vec<String> =
        adapters().iter().map(|found| found.description.to_string()).collect();
    let lavapipe = labels.iter().find(|label| label.starts_with("Vulkan/llvmpipe"));
    match lavapipe.or(labels.first()) {
        Some(label) => Some(Gpu::open(Some(label)).unwrap()),
        None if std::env::var_os("COFIRE_REQUIRE_ADAPTERS").is_some() => {
            panic!("COFIRE_REQUIRE_ADAPTERS is set and there is no adapter")
        }
        None => {
            eprintln!("no adapter: this test did not run");
            None
        }
    }
}
