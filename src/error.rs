//! The one error type of the crate.

use std::fmt;

use crate::Estimator;

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
    /// A zero bin was asked for beside as many bins as a code can tell apart.
    #[error("{bins} bins leave no code for the zero bin; choose at most 255 beside it")]
    NoRoomForZeroBin {
        /// The number that was asked for.
        bins: usize,
    },
    /// The number of digitized bins is not in 1..=255.
    #[error("{bins} digitized bins; choose from 1 to 255, as the largest activation has one more")]
    DigitizedBinsOutOfRange {
        /// The number that was asked for.
        bins: usize,
    },
    /// Categories were to have a zero bin beside that of category 0.
    #[error("categories have a bin for zeros, that of category 0; ask for no zero bin")]
    ZeroBinOfCategories,
    /// A threshold is NaN or infinite.
    #[error("threshold {threshold} is not finite; give a number that activations can be above of")]
    ThresholdNotFinite {
        /// The threshold.
        threshold: f32,
    },
    /// Too few or too many edges were given.
    #[error("{edges} edges; give from 2 to {most}, one more than bins")]
    NumberOfEdges {
        /// How many were given.
        edges: usize,
        /// The most that are accepted.
        most: usize,
    },
    /// A given edge is NaN or infinite.
    #[error(
        "edge {index} is {value}; \
         give finite edges, as the end bins hold whatever is outside"
    )]
    EdgeNotFinite {
        /// Its place in the list of edges, from 0.
        index: usize,
        /// The edge.
        value: f64,
    },
    /// A given edge is not below the next one.
    #[error("edge {index} is {value} and the next one {next}; give edges that ascend, none twice")]
    EdgesNotAscending {
        /// Place of the first of the two in the list of edges, from 0.
        index: usize,
        /// The first of the two.
        value: f64,
        /// The second.
        next: f64,
    },
    /// An activation that should be a category is none, or one that was not there when edges were
    /// fitted.
    #[error(
        "activation of sample {sample}, neuron {neuron} is {value}, \
         not a whole number from 0 to {largest}; renumber categories, or choose another binning"
    )]
    NotACategory {
        /// Row of the offending value.
        sample: usize,
        /// Column of the offending value.
        neuron: usize,
        /// The value itself.
        value: f32,
        /// The largest category that is accepted.
        largest: usize,
    },
    /// A given range is empty, reversed, not finite, or wider than an f64 can measure.
    #[error("range {low},{high} is not usable; give two finite numbers, the lower one first")]
    InvalidRange {
        /// Lower end.
        low: f64,
        /// Upper end.
        high: f64,
    },
    /// A pseudo-count that is not above 0, or is far beyond any use.
    #[error("a pseudo-count of {value} is not usable; give a number above 0 and up to 1000")]
    InvalidPseudoCount {
        /// The number that was asked for.
        value: f64,
    },
    /// Firing together is counted of neurons that are on or off.
    #[error(
        "neurons have up to {bins} bins, and firing is one of two; \
         use two bins, or a threshold"
    )]
    NotBinary {
        /// The most bins of a neuron.
        bins: usize,
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
    /// There has to be one label for each sample.
    #[error("{labels} labels for {samples} samples; pass one label a sample, in the same order")]
    LabelsMismatch {
        /// Labels that were passed.
        labels: usize,
        /// Rows of the activations.
        samples: usize,
    },
    /// The estimator cannot give what was asked for.
    #[error("the {estimator} estimator cannot give {wanted}; choose another, such as plug-in")]
    EstimatorUnsupported {
        /// The estimator.
        estimator: Estimator,
        /// What it cannot give.
        wanted: &'static str,
    },
    /// A permutation test of no permutations.
    #[error("a permutation test needs permutations; some hundreds resolve p-values of a percent")]
    NoPermutations,
    /// Confidence intervals need replicates, and a confidence between 0 and 1.
    #[error(
        "{replicates} replicates and a confidence of {confidence} make no interval; \
         give some hundreds, and a number between 0 and 1 such as 0.95"
    )]
    InvalidResampling {
        /// Replicates that were asked for.
        replicates: u32,
        /// Confidence that was asked for.
        confidence: f64,
    },
    /// Two layers that should be of the same samples are not.
    #[error(
        "the two layers have {first} and {second} samples; \
         pass activations of the same samples in the same order"
    )]
    SamplesMismatch {
        /// Samples of the first layer.
        first: usize,
        /// Samples of the second layer.
        second: usize,
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
    /// More pairs were selected than memory is allowed to hold.
    #[error(
        "more than {allowed} pairs were selected, which is all that the memory allowed holds; \
         ask for fewer, or allow more memory"
    )]
    TooManyPairs {
        /// The most that could be held.
        allowed: usize,
    },
    /// A selection of pairs that makes no sense.
    #[error("{reason}")]
    InvalidSelection {
        /// What is wrong with it, and what would be right.
        reason: &'static str,
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
    /// Codes that memory was not allowed to hold could not be kept in a temporary file.
    #[error(
        "codes could not be kept in a temporary file in {}; \
         allow more memory, or name another directory",
        directory.display()
    )]
    Spill {
        /// Where the file was to be.
        directory: std::path::PathBuf,
        /// What the operating system said.
        source: std::io::Error,
    },
    /// Activations that come in batches could not be had.
    #[error(transparent)]
    Batches(Box<dyn std::error::Error + Send + Sync>),
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
pub(crate) struct Bytes(pub(crate) u64);

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
