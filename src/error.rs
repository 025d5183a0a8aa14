//! The one error type of the crate.

use std::fmt;

/// What went wrong, where, and what to do about it.
///
/// Messages are lower case and complete in one line, so that a program can print them after its
/// own prefix. Nothing is computed from input that a variant of the first group describes.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The activations have no rows.
    #[error("no samples: the activations are an array of 0 x {neurons}; pass at least two samples")]
    NoSamples {
        /// Columns of the activations.
        neurons: usize,
    },
    /// The activations have one row, which has no distribution to measure.
    #[error("one sample has no distribution; pass at least two samples")]
    OneSample,
    /// The activations have no columns.
    #[error("no neurons: the activations are an array of {samples} x 0; pass at least one neuron")]
    NoNeurons {
        /// Rows of the activations.
        samples: usize,
    },
    /// More samples than a 32-bit count can hold.
    #[error("{samples} samples are more than a 32-bit count holds ({allowed}); measure a subset")]
    TooManySamples {
        /// Rows of the activations.
        samples: usize,
        /// The most samples that are accepted.
        allowed: usize,
    },
    /// An activation is NaN or infinite.
    #[error(
        "activation of sample {sample}, neuron {neuron} is {value}; \
         remove or replace values that are not finite"
    )]
    NonFinite {
        /// Row of the offending value.
        sample: usize,
        /// Column of the offending value.
        neuron: usize,
        /// The value itself.
        value: f32,
    },
    /// The number of bins is not in 2..=256.
    #[error("{bins} bins; choose from 2 to 256")]
    BinsOutOfRange {
        /// The number that was asked for.
        bins: usize,
    },
    /// A given range is empty, reversed, not finite, or wider than an f64 can measure.
    #[error("range {low},{high} is not usable; give two finite numbers, the lower one first")]
    InvalidRange {
        /// Lower end.
        low: f64,
        /// Upper end.
        high: f64,
    },
    /// Edges fitted for some neurons were applied to another number of neurons.
    #[error(
        "edges were fitted for {expected} neurons and the activations have {found}; \
         fit and apply edges on the same layer"
    )]
    EdgesMismatch {
        /// Neurons the edges were fitted on.
        expected: usize,
        /// Neurons of the activations.
        found: usize,
    },
    /// A sample cannot have this many nearest neighbours.
    #[error(
        "k = {neighbors} nearest neighbours of {samples} samples; \
         choose k from 1 to one less than the number of samples"
    )]
    NeighborsOutOfRange {
        /// The number that was asked for.
        neighbors: usize,
        /// Rows of the activations.
        samples: usize,
    },
    /// The amplitude of a jitter is not from 0 to 1.
    #[error("a jitter of {amplitude} times a neuron's spread; choose from 0 to 1, such as 1e-10")]
    JitterOutOfRange {
        /// The amplitude that was asked for.
        amplitude: f64,
    },
    /// Two layers were not measured on the same samples.
    #[error(
        "layers of {x} and {y} samples have no pairs; pass activations of the same samples, \
         in the same order"
    )]
    SamplesMismatch {
        /// Rows of the first layer.
        x: usize,
        /// Rows of the second layer.
        y: usize,
    },
    /// There is not one label for each sample.
    #[error("{labels} labels for {samples} samples; pass one for each sample")]
    LabelsMismatch {
        /// Labels that were passed.
        labels: usize,
        /// Rows of the activations.
        samples: usize,
    },
    /// No label has samples that could be neighbours.
    #[error("each of {samples} samples has a label of its own; pass labels that are shared")]
    LabelsOccurOnce {
        /// Rows of the activations.
        samples: usize,
    },
    /// A requested pair names a neuron that does not exist.
    #[error("pair ({first}, {second}) names a neuron beyond the last one, {last}")]
    PairOutOfRange {
        /// First neuron of the pair.
        first: usize,
        /// Second neuron of the pair.
        second: usize,
        /// Index of the last neuron.
        last: usize,
    },
    /// The job needs more host memory than the caller allowed.
    #[error(
        "{} are needed and {} are allowed; \
         raise the limit, or pass fewer neurons or samples",
        Bytes(*.needed), Bytes(*.allowed)
    )]
    MemoryLimit {
        /// Bytes that the job would allocate.
        needed: u64,
        /// Bytes that were allowed.
        allowed: u64,
    },
    /// The operating system refused an allocation.
    #[error("could not allocate {}; pass fewer neurons or samples", Bytes(*.bytes))]
    OutOfMemory {
        /// Bytes that were asked for.
        bytes: u64,
    },
    /// The chosen kernel cannot count this many bins.
    #[error(
        "kernel {kernel} counts at most {limit} bins, not {bins}; let cofire choose the kernel"
    )]
    KernelUnsupported {
        /// Name of the kernel.
        kernel: &'static str,
        /// Bins that were asked for.
        bins: usize,
        /// The most bins the kernel handles.
        limit: usize,
    },
    /// A GPU was asked for and this machine shows none.
    #[error(
        "no GPU adapter was found; install a Vulkan, Metal or DirectX 12 driver \
         (mesa-vulkan-drivers on Linux), or use the CPU engine"
    )]
    NoAdapter,
    /// A GPU was asked for by a name that no adapter has.
    #[error("no adapter matches {requested:?}; there are: {}", list(.available))]
    AdapterNotFound {
        /// The name that was asked for.
        requested: String,
        /// Labels of the adapters that exist.
        available: Vec<String>,
    },
    /// An adapter lacks what every kernel needs.
    #[error(
        "adapter {adapter} offers {available} for {limit} and {needed} are needed; \
         choose another adapter or the CPU engine"
    )]
    AdapterTooSmall {
        /// Label of the adapter.
        adapter: String,
        /// Name of the limit, as wgpu spells it.
        limit: &'static str,
        /// What is needed.
        needed: u64,
        /// What the adapter offers.
        available: u64,
    },
    /// An adapter refused to open a device.
    #[error(
        "adapter {adapter} refused to open a device ({reason}); choose another, or the CPU engine"
    )]
    DeviceRefused {
        /// Label of the adapter.
        adapter: String,
        /// What the driver said.
        reason: String,
    },
    /// A device failed and the caller did not want the CPU to finish the job.
    #[error("adapter {adapter} failed: {reason}; try again, or allow the CPU to finish the job")]
    DeviceFailed {
        /// Label of the adapter.
        adapter: String,
        /// What happened.
        reason: String,
    },
    /// The crate was built without the feature that drives GPUs.
    #[error("this build has no GPU engine; enable the feature \"gpu\" of cofire")]
    GpuDisabled,
    /// The progress callback asked to stop.
    #[error("stopped by the progress callback")]
    Cancelled,
    /// Two independent counts disagree, on the engine that nothing else can replace.
    #[error(
        "internal error: pair ({first}, {second}) was counted over {counted} of {samples} samples; \
         please report it"
    )]
    Miscounted {
        /// First neuron of the pair.
        first: usize,
        /// Second neuron of the pair.
        second: usize,
        /// Samples that reached a cell.
        counted: u64,
        /// Samples there are.
        samples: usize,
    },
}

/// A number of bytes in the unit a person would use.
struct Bytes(u64);

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];
        if self.0 < 1024 {
            return write!(f, "{} bytes", self.0);
        }
        let mut amount = self.0 as f64 / 1024.0;
        let mut unit = 0;
        while amount >= 1024.0 && unit + 1 < UNITS.len() {
            amount /= 1024.0;
            unit += 1;
        }
        write!(f, "{amount:.1} {}", UNITS[unit])
    }
}

fn list(names: &[String]) -> String {
    if names.is_empty() { "none".to_owned() } else { names.join(", ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_read_as_a_person_would_say_them() {
        assert_eq!(Bytes(0).to_string(), "0 bytes");
        assert_eq!(Bytes(1023).to_string(), "1023 bytes");
        assert_eq!(Bytes(1536).to_string(), "1.5 KiB");
        assert_eq!(Bytes(u64::MAX).to_string(), "16384.0 PiB");
    }

    #[test]
    fn messages_name_the_place_and_the_remedy() {
        let error = Error::NonFinite { sample: 3, neuron: 7, value: f32::NAN };
        let text = error.to_string();
        assert!(text.contains("sample 3, neuron 7 is NaN"), "{text}");
        assert!(text.contains("remove or replace"), "{text}");
        let none = Error::AdapterNotFound { requested: "x".into(), available: vec![] };
        assert!(none.to_string().ends_with("there are: none"), "{none}");
    }
}
