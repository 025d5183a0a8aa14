//! What computed a result: the engine, the kernel, and what went wrong on the way.

use std::fmt;
use std::time::Duration;

use crate::MAX_BINS;
use crate::codes::bits;

/// How joint histograms are counted. Every kernel exists on both engines and returns the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kernel {
    /// One counter a cell, incremented sample by sample. The plain baseline, for any number of
    /// bins.
    JointHistogram,
    /// The samples of one neuron are sorted by its code; the codes of many partners are one-hot
    /// words, and each bin is counted by a positional population count with carry-save adders. For
    /// any number of bins.
    PositionalPopcount,
    /// The samples of one neuron are sorted by its code, and each of its partners has counters of
    /// its own for one row of the joint histogram at a time. For any number of bins, and meant for
    /// many.
    PrivateCounters,
    /// One bit a sample: a count of ones tells a pair's whole histogram. For two bins.
    Bitset,
}

impl Kernel {
    /// Every kernel.
    pub const ALL: [Self; 4] =
        [Self::JointHistogram, Self::PositionalPopcount, Self::PrivateCounters, Self::Bitset];

    /// The name of the kernel, and of the files that hold it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::JointHistogram => "joint_histogram",
            Self::PositionalPopcount => "positional_popcount",
            Self::PrivateCounters => "private_counters",
            Self::Bitset => "bitset",
        }
    }

    /// The most bins the kernel can count.
    #[must_use]
    pub fn max_bins(self) -> usize {
        match self {
            Self::JointHistogram | Self::PositionalPopcount | Self::PrivateCounters => MAX_BINS,
            Self::Bitset => bits::BINS,
        }
    }
}

impl fmt::Display for Kernel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// How a result was computed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Execution {
    /// The adapter that computed it; `None` for the CPU engine.
    pub adapter: Option<AdapterDescription>,
    /// The kernel that counted.
    pub kernel: Kernel,
    /// Why this kernel.
    pub kernel_choice: KernelChoice,
    /// What went to the device and back; `None` for the CPU engine.
    pub transfer: Option<Transfer>,
    /// Tiles that a device failed to compute and how they were rescued. Results are the same bits
    /// with and without incidents.
    pub incidents: Vec<Incident>,
}

impl Execution {
    /// Returns the execution of a job of which `before` is the part computed so far.
    pub(crate) fn of_parts(before: Option<Self>, later: Self) -> Self {
        match before {
            Some(before) => before.followed_by(later),
            None => later,
        }
    }

    /// Returns the execution of this part of a job and a later one, computed in the same way.
    pub(crate) fn followed_by(mut self, later: Self) -> Self {
        self.incidents.extend(later.incidents);
        self.transfer = match (self.transfer, later.transfer) {
            (Some(a), Some(b)) => Some(a.and(b)),
            (a, b) => a.or(b),
        };
        self
    }

    /// `"gpu"` or `"cpu"`.
    #[must_use]
    pub fn engine(&self) -> &'static str {
        if self.adapter.is_some() { "gpu" } else { "cpu" }
    }
}

/// How the kernel of a job was chosen.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum KernelChoice {
    /// By the caller, with [`crate::Analysis::kernel`].
    Asked,
    /// By a rule: the job was too small to measure, or there was nothing to choose from.
    Rule,
    /// It was the fastest of these kernels on a small piece of this job, or of an earlier one of
    /// this process of about the same size, on the same adapter.
    Measured(Vec<KernelSpeed>),
}

/// How fast a kernel was found to be.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct KernelSpeed {
    /// The kernel.
    pub kernel: Kernel,
    /// Pair-samples a second, counting and summing together.
    pub pair_samples_per_second: f64,
}

/// What went between host and device, and how long the host was busy with it.
///
/// Times are the host's. They are parts of [`Timings::pairs`], during most of which the device
/// computes as well; how long the device itself copies is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Transfer {
    /// Bytes of packed codes that were uploaded.
    pub uploaded_bytes: u64,
    /// The most bytes of the device's memory that buffers of the job had at once, with what is on its
    /// way and what may be there twice; the few bytes of parameters apart. [`crate::Analysis::device_memory_limit`] is what it can be.
    pub device_memory_bytes: u64,
    /// Packing codes and handing them to the driver.
    pub upload: Duration,
    /// Bytes of sums that were read back.
    pub read_back_bytes: u64,
    /// Copying sums out of the driver's memory, decoding and checking them.
    pub read_back: Duration,
    /// Waiting for the device with nothing else to do.
    pub waiting: Duration,
    /// How long the device was seen to be busy with what was submitted: from the end of one
    /// submission, or its own submission if that was later, to its end. Other users of the device,
    /// and the way of the news, are in it.
    pub device_busy: Duration,
}

impl Transfer {
    /// Both of them.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            uploaded_bytes: self.uploaded_bytes + other.uploaded_bytes,
            device_memory_bytes: self.device_memory_bytes.max(other.device_memory_bytes),
            upload: self.upload + other.upload,
            read_back_bytes: self.read_back_bytes + other.read_back_bytes,
            read_back: self.read_back + other.read_back,
            waiting: self.waiting + other.waiting,
            device_busy: self.device_busy + other.device_busy,
        }
    }
}

/// A GPU adapter, as its driver describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AdapterDescription {
    /// Name of the adapter, such as `NVIDIA GeForce RTX 4070` or `llvmpipe (LLVM 15.0.6)`.
    pub name: String,
    /// The interface it is reached through: `Vulkan`, `Metal`, `Dx12`, `Gl` or `BrowserWebGpu`.
    pub backend: String,
    /// Name and version of the driver, as far as it tells.
    pub driver: String,
    /// Whether it computes on the CPU: lavapipe, llvmpipe, SwiftShader, WARP.
    pub is_software: bool,
}

impl fmt::Display for AdapterDescription {
    /// The label by which an adapter can be asked for: `backend/name`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.backend, self.name)
    }
}

/// Something a device did wrong, and what was done about it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Incident {
    /// What happened.
    pub problem: String,
    /// What was done about it.
    pub remedy: Remedy,
}

/// What was done about a tile, or a device, that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remedy {
    /// The device did the tile again in smaller dispatches.
    SmallerDispatches,
    /// The CPU did the tile.
    TileOnCpu,
    /// A new device of the same adapter went on with what was left.
    NewDevice,
    /// A device went on with what was left in smaller tiles, which take less memory, and in
    /// smaller dispatches: another new one, or the caller's own.
    SmallerTiles,
    /// The CPU did this tile and all that were left.
    RestOnCpu,
}

impl fmt::Display for Incident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let remedy = match self.remedy {
            Remedy::SmallerDispatches => "done again in smaller dispatches",
            Remedy::TileOnCpu => "done again on the CPU",
            Remedy::NewDevice => "went on with a new device",
            Remedy::SmallerTiles => "went on in smaller tiles",
            Remedy::RestOnCpu => "finished on the CPU",
        };
        write!(f, "{}; {remedy}", self.problem)
    }
}

/// What happens to the tiles that a failing device leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnDeviceFailure {
    /// They are computed on the CPU, with the same bits, and the report lists the incident.
    #[default]
    UseCpu,
    /// The job ends with [`Error::DeviceFailed`].
    Fail,
}
