//! What a job returns.

use std::fmt;
use std::time::Duration;

use ndarray::{Array1, Array2};

use crate::engine::Kernel;
use crate::extents::Extent;
use crate::{BinEdges, Units};

/// Entropies, mutual information, and how they came to be.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Report {
    /// Plug-in entropy of each neuron, in [`Report::units`]; length `neurons`.
    pub entropy: Array1<f64>,
    /// Plug-in mutual information of each pair, in [`Report::units`]; `neurons × neurons`,
    /// symmetric to the bit, with the entropies on its diagonal.
    pub mutual_information: Array2<f64>,
    /// The unit of both.
    pub units: Units,
    /// Number of samples measured.
    pub samples: usize,
    /// The bin edges that were used; apply them to other activations with
    /// [`crate::Analysis::with_edges`].
    pub edges: BinEdges,
    /// Neurons with one or two distinct activations, by index.
    pub degenerate: Vec<DegenerateNeuron>,
    /// Which engine, adapter and kernel computed it, and what went wrong on the way.
    pub execution: Execution,
    /// How long the stages took.
    pub timings: Timings,
}

/// A neuron with fewer than three distinct activations.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct DegenerateNeuron {
    /// Index of the neuron.
    pub neuron: usize,
    /// What is degenerate about it.
    pub kind: Degeneracy,
}

/// How few distinct activations a neuron has.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Degeneracy {
    /// Every activation is zero.
    Dead,
    /// Every activation is this value, which is not zero.
    Constant(f32),
    /// Every activation is one of these two values, the lower one first.
    TwoValued(f32, f32),
}

impl Degeneracy {
    fn of(extent: &Extent) -> Option<Self> {
        let Extent { low, high, at_most_two_values } = *extent;
        match (low == high, at_most_two_values) {
            (true, _) if low == 0.0 => Some(Self::Dead),
            (true, _) => Some(Self::Constant(low)),
            (false, true) => Some(Self::TwoValued(low, high)),
            (false, false) => None,
        }
    }
}

pub(crate) fn degenerate_neurons(extents: &[Extent]) -> Vec<DegenerateNeuron> {
    let kinds = extents.iter().map(Degeneracy::of).enumerate();
    kinds.filter_map(|(neuron, kind)| Some(DegenerateNeuron { neuron, kind: kind? })).collect()
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

/// What was done about a failed tile.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Remedy {
    /// The device did the tile again in smaller dispatches.
    SmallerDispatches,
    /// The CPU did the tile.
    TileOnCpu,
    /// The CPU did this tile and all that were left.
    RestOnCpu,
}

impl fmt::Display for Incident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let remedy = match self.remedy {
            Remedy::SmallerDispatches => "done again in smaller dispatches",
            Remedy::TileOnCpu => "done again on the CPU",
            Remedy::RestOnCpu => "finished on the CPU",
        };
        write!(f, "{}; {remedy}", self.problem)
    }
}

/// Wall-clock time of each stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub struct Timings {
    /// Reading extremes, fitting edges, encoding, marginals.
    pub discretize: Duration,
    /// Finding and opening the engine; next to nothing when it was open already.
    pub open_engine: Duration,
    /// Counting all pairs and reducing them to information.
    pub pairs: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn degenerate_neurons_are_told_apart() {
        let extent = |low, high, at_most_two_values| Extent { low, high, at_most_two_values };
        let extents = [
            extent(0.0, 1.0, false),
            extent(-0.0, 0.0, true),
            extent(3.0, 3.0, true),
            extent(0.0, 1.0, true),
        ];
        let found = degenerate_neurons(&extents);
        let expected = [
            (1, Degeneracy::Dead),
            (2, Degeneracy::Constant(3.0)),
            (3, Degeneracy::TwoValued(0.0, 1.0)),
        ];
        let found: Vec<_> = found.iter().map(|d| (d.neuron, d.kind)).collect();
        assert_eq!(found, expected);
    }
}
