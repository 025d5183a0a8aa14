//! The description of how a result was computed: the engine, the kernel and the incidents.

use std::fmt;
use std::time::Duration;

use crate::MAX_BINS;
use crate::codes::bits;
pub use crate::support::simd::simd_level;

/// A way to count joint histograms. Every kernel exists on both engines and returns the same bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Kernel {
    /// The plain baseline, for any number of bins. Each cell has one counter, which is incremented
    /// sample by sample.
    JointHistogram,
    /// A kernel that sorts the samples of one neuron by its code. The codes of many partners are
    /// one-hot words, and a positional population count with carry-save adders counts each bin. For
    /// any number of bins.
    PositionalPopcount,
    /// A kernel that sorts the samples of one neuron by its code. Each partner has its own
    /// counters, for one row of the joint histogram at a time. For any number of bins, but meant
    /// for many.
    PrivateCounters,
    /// A kernel with one bit per sample. A count of ones gives the whole histogram of a pair. For
    /// two bins.
    Bitset,
}

impl Kernel {
    /// Every kernel.
    pub const ALL: [Self; 4] =
        [Self::JointHistogram, Self::PositionalPopcount, Self::PrivateCounters, Self::Bitset];

    /// Returns the name of the kernel, which is also the name of its files.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::JointHistogram => "joint_histogram",
            Self::PositionalPopcount => "positional_popcount",
            Self::PrivateCounters => "private_counters",
            Self::Bitset => "bitset",
        }
    }

    /// Returns the most bins that the kernel can count.
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

/// The description of how a result was computed.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Execution {
    /// The adapter that computed the result. `None` for the CPU engine.
    pub adapter: Option<AdapterDescription>,
    /// The kernel that counted.
    pub kernel: Kernel,
    /// The way in which the kernel was chosen.
    pub kernel_choice: KernelChoice,
    /// The transfer between host and device. `None` for the CPU engine.
    pub transfer: Option<Transfer>,
    /// The failures of devices and how each was remedied. Results have the same bits with and
    /// without incidents.
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

    /// Returns `"gpu"` or `"cpu"`.
    #[must_use]
    pub fn engine(&self) -> &'static str {
        if self.adapter.is_some() { "gpu" } else { "cpu" }
    }
}

/// The way in which the kernel of a job was chosen.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum KernelChoice {
    /// The caller chose the kernel, with [`crate::Analysis::kernel`].
    Asked,
    /// A rule chose the kernel, because the job was too small to measure or there was nothing to
    /// choose from.
    Rule,
    /// A measurement chose the fastest of these kernels. It was made on a small part of this job,
    /// or of an earlier job of about the same size in this process, on the same adapter.
    Measured(Vec<KernelSpeed>),
}

/// The measured speed of a kernel.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct KernelSpeed {
    /// The kernel.
    pub kernel: Kernel,
    /// Pair-samples per second, for counting and summing together.
    pub pair_samples_per_second: f64,
}

/// The transfer between host and device, and the host's time for it.
///
/// Times are the host's. They are parts of [`Timings::pairs`](crate::report::Timings::pairs). During most
/// of them the device computes as well. The time that the device itself takes to copy is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Transfer {
    /// Bytes of packed codes that were uploaded.
    pub uploaded_bytes: u64,
    /// The most bytes of device memory that the job's buffers took at once. They include data on
    /// their way and data that may be in memory twice, but not the few bytes of parameters.
    /// [`crate::Analysis::device_memory_limit`] limits this number.
    pub device_memory_bytes: u64,
    /// Time for packing codes and passing them to the driver.
    pub upload: Duration,
    /// Bytes of sums that were read back.
    pub read_back_bytes: u64,
    /// Time for copying sums out of the driver's memory, and for decoding and checking them.
    pub read_back: Duration,
    /// Time spent waiting for the device with nothing else to do.
    pub waiting: Duration,
    /// Time that the device was seen to be busy with submissions. The time of each counts from its
    /// own submission or from the end of the previous one, whichever is later, to its end. It
    /// includes other users of the device and the delay until the host learns of the end.
    pub device_busy: Duration,
}

impl Transfer {
    /// Joins two transfers, one after the other.
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
    /// The name of the adapter, such as `NVIDIA GeForce RTX 4070` or `llvmpipe (LLVM 15.0.6)`.
    pub name: String,
    /// The interface through which it is reached: `Vulkan`, `Metal`, `Dx12`, `Gl` or
    /// `BrowserWebGpu`.
    pub backend: String,
    /// The name and version of the driver, if it reports them.
    pub driver: String,
    /// True if it computes on the CPU: lavapipe, llvmpipe, SwiftShader, WARP.
    pub is_software: bool,
}

impl fmt::Display for AdapterDescription {
    /// Writes the label by which to ask for an adapter: `backend/name`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.backend, self.name)
    }
}

/// A failure of a device, and its remedy.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Incident {
    /// The problem.
    pub problem: String,
    /// The remedy.
    pub remedy: Remedy,
}

/// The remedy for a tile, or a device, that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remedy {
    /// The device computed the tile again in smaller dispatches.
    SmallerDispatches,
    /// The CPU computed the tile.
    TileOnCpu,
    /// A new device of the same adapter computed the rest.
    NewDevice,
    /// A device computed the rest in smaller tiles, which take less memory, and in smaller
    /// dispatches. It was another new device, or the caller's own.
    SmallerTiles,
    /// The CPU computed this tile and all remaining ones.
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

/// The treatment of the tiles that a failing device leaves behind.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnDeviceFailure {
    /// The CPU computes them, with the same bits, and the report lists the incident.
    #[default]
    UseCpu,
    /// The job ends with [`Error::DeviceFailed`](crate::Error::DeviceFailed).
    Fail,
}
