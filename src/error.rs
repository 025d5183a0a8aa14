//! The one error type of the crate.

mod kind;

use std::fmt;

use crate::estimator::Estimator;
pub use kind::{CancelledBy, ErrorKind};

/// An error: the problem, its place, and the remedy.
///
/// Messages are lower case and complete in one line, so that a program can print them after its
/// own prefix. [`Error::kind`] sorts errors into the few groups that programs treat differently.
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
        /// The largest number of samples that is accepted.
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
        value: f64,
    },
    /// The number of bins is not in 2..=256.
    #[error("{bins} bins; choose from 2 to 256")]
    BinsOutOfRange {
        /// The requested number.
        bins: usize,
    },
    /// The other bins leave no code for a zero bin.
    #[error("{bins} bins leave no code for the zero bin; choose at most 255 beside it")]
    NoRoomForZeroBin {
        /// The requested number.
        bins: usize,
    },
    /// The number of digitized bins is not in 1..=255.
    #[error(
        "{bins} digitized bins; choose from 1 to 255, as the largest activation has one bin more"
    )]
    DigitizedBinsOutOfRange {
        /// The requested number.
        bins: usize,
    },
    /// A zero bin was added to categories, whose category 0 already is one.
    #[error("categories already have a bin for zeros, category 0; leave the zero bin out")]
    ZeroBinOfCategories,
    /// A threshold is NaN or infinite.
    #[error("threshold {threshold} is not finite; give a finite threshold")]
    ThresholdNotFinite {
        /// The threshold.
        threshold: f64,
    },
    /// Too few or too many edges were given.
    #[error("{edges} edges; give from 2 to {most}, one more than bins")]
    NumberOfEdges {
        /// The number of given edges.
        edges: usize,
        /// The largest number that is accepted.
        most: usize,
    },
    /// A given edge is NaN or infinite.
    #[error(
        "edge {index} is {value}; \
         give finite edges: the first and the last bin hold all activations outside"
    )]
    EdgeNotFinite {
        /// Its place in the list of edges, from 0.
        index: usize,
        /// The edge.
        value: f64,
    },
    /// A given edge is not below the next one.
    #[error("edge {index} is {value} and the next one is {next}; give strictly ascending edges")]
    EdgesNotAscending {
        /// Place of the lower of the two in the list of edges, from 0.
        index: usize,
        /// The edge.
        value: f64,
        /// The next edge.
        next: f64,
    },
    /// An activation is not a category: not a whole number from 0, or larger than the categories
    /// for which edges were fitted.
    #[error(
        "activation of sample {sample}, neuron {neuron} is {}, \
         not a whole number from 0 to {largest}; renumber categories, or choose another binning",
        shortest(*value)
    )]
    NotACategory {
        /// Row of the offending value.
        sample: usize,
        /// Column of the offending value.
        neuron: usize,
        /// The value itself.
        value: f64,
        /// The largest category that is accepted.
        largest: usize,
    },
    /// The activations of a layer are so far apart that an f64 cannot hold the distance.
    #[error(
        "activations go from {low} to {high} (see neuron {neuron}), and an f64 cannot hold the difference; \
         remove or scale the neuron, or give edges"
    )]
    RangeTooWide {
        /// The neuron with the activation that is the largest in magnitude.
        neuron: usize,
        /// The smallest activation.
        low: f64,
        /// The largest activation.
        high: f64,
    },
    /// A given range is empty, reversed, not finite, or wider than an f64 can measure.
    #[error("range {low},{high} is not usable; give two finite numbers, the lower one first")]
    InvalidRange {
        /// Lower end.
        low: f64,
        /// Upper end.
        high: f64,
    },
    /// A pseudo-count is not above 0, or is above 1000.
    #[error("a pseudo-count of {value} is not usable; give a number above 0 and up to 1000")]
    InvalidPseudoCount {
        /// The requested number.
        value: f64,
    },
    /// Neurons that should either fire or not have more than two bins.
    #[error(
        "neurons have up to {bins} bins, and counting how they fire together needs two; \
         use two bins, or a threshold"
    )]
    NotBinary {
        /// The most bins of a neuron.
        bins: usize,
    },
    /// Edges were applied to another number of neurons than they were fitted for.
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
        /// The requested number.
        neighbors: usize,
        /// Rows of the activations.
        samples: usize,
    },
    /// The amplitude of a jitter is not from 0 to 1.
    #[error("a jitter of {amplitude} times a neuron's spread; choose from 0 to 1, such as 1e-10")]
    JitterOutOfRange {
        /// The requested amplitude.
        amplitude: f64,
    },
    /// The number of labels differs from that of samples.
    #[error("{labels} labels for {samples} samples; pass one label a sample, in the same order")]
    LabelsMismatch {
        /// The number of labels.
        labels: usize,
        /// Rows of the activations.
        samples: usize,
    },
    /// The estimator cannot give the requested result.
    #[error("the {estimator} estimator cannot give {wanted}; choose another, such as plug-in")]
    EstimatorUnsupported {
        /// The estimator.
        estimator: Estimator,
        /// The requested result.
        wanted: &'static str,
    },
    /// A permutation test has no permutations.
    #[error("a permutation test needs permutations; some hundreds resolve p-values of a percent")]
    NoPermutations,
    /// A circular shift is shorter than a sample, or longer than half of the samples.
    #[error(
        "a shift by at least {at_least} samples does not fit a circle of {samples}; \
         give a distance from 1 to {}", samples / 2
    )]
    ShiftOutOfRange {
        /// The least distance.
        at_least: usize,
        /// Rows of the activations.
        samples: usize,
    },
    /// Blocks of samples have no samples.
    #[error("blocks of 0 samples; a block has at least one sample")]
    EmptyBlocks,
    /// Blocks of samples, or documents, have fewer orders than surrogates were asked for.
    #[error(
        "the samples make up {blocks} blocks or documents, which have too few orders for \
         {surrogates} surrogates; make at least {least} blocks, or fewer surrogates"
    )]
    TooFewBlocks {
        /// The number of blocks or documents.
        blocks: usize,
        /// The requested number of surrogates.
        surrogates: u32,
        /// The least number of blocks that have enough orders.
        least: usize,
    },
    /// The number of document ids differs from that of samples.
    #[error("{ids} ids of documents for {samples} samples; give one id for every sample")]
    DocumentsMismatch {
        /// The number of ids.
        ids: usize,
        /// Rows of the activations.
        samples: usize,
    },
    /// Samples of one document are apart from each other.
    #[error(
        "document {document} begins at sample {first} and again at sample {again}; \
         put its samples together, or give the later ones another id"
    )]
    DocumentReturns {
        /// The id.
        document: u32,
        /// The first sample of the document.
        first: usize,
        /// The sample at which the id comes again after others.
        again: usize,
    },
    /// A confidence interval has no replicates, or a confidence that is not between 0 and 1.
    #[error(
        "{replicates} replicates and a confidence of {confidence} make no interval; \
         give some hundreds, and a number between 0 and 1 such as 0.95"
    )]
    InvalidResampling {
        /// The requested number of replicates.
        replicates: u32,
        /// The requested confidence.
        confidence: f64,
    },
    /// Two layers have different numbers of samples.
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
    /// No two samples have the same label.
    #[error("each of {samples} samples has a label of its own; pass labels that samples share")]
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
    /// The job needs more host memory than is allowed.
    #[error(
        "{} are needed and {} are allowed; \
         raise the limit, or pass fewer neurons or samples",
        Bytes(*.needed), Bytes(*.allowed)
    )]
    MemoryLimit {
        /// The bytes that the job would allocate.
        needed: u64,
        /// The bytes that it may allocate.
        allowed: u64,
    },
    /// More pairs were selected than memory is allowed to hold.
    #[error(
        "more than {allowed} pairs were selected, and the allowed memory holds no more; \
         select fewer, or allow more memory"
    )]
    TooManyPairs {
        /// The largest number of pairs that memory may hold.
        allowed: usize,
    },
    /// A sweep was to select no partners of each neuron.
    #[error("0 strongest partners select no pairs; ask for at least one partner of each neuron")]
    NoPartners,
    /// The least information of the selected pairs is not finite or not above 0.
    #[error("pairs with at least {least} of information; give a finite number above 0")]
    LeastInformationOutOfRange {
        /// The requested least information.
        least: f64,
    },
    /// The false-discovery rate of a selection is not between 0 and 1.
    #[error("a false-discovery rate of {rate}; give a number between 0 and 1, such as 0.05")]
    FalseDiscoveryRateOutOfRange {
        /// The requested rate.
        rate: f64,
    },
    /// The parts of a sweep's plan contradict each other: no sweep has made it.
    #[error("the plan of the sweep contradicts itself; take the plan that the sweep returns")]
    InconsistentPlan,
    /// A sweep has no block of this number.
    #[error("there is no block {block}; blocks are numbered from 0, and there are {blocks}")]
    BlockOutOfRange {
        /// The requested number.
        block: usize,
        /// The number of blocks.
        blocks: usize,
    },
    /// A block holds pairs that belong to other blocks.
    #[error(
        "block {block} holds pairs of other blocks; \
         take each block under the number for which it was computed, by a sweep of the same plan"
    )]
    ForeignBlock {
        /// The number under which the block was taken.
        block: usize,
    },
    /// The operating system refused an allocation.
    #[error("could not allocate {}; pass fewer neurons or samples", Bytes(*.bytes))]
    OutOfMemory {
        /// The requested bytes.
        bytes: u64,
    },
    /// The chosen kernel cannot count this many bins.
    #[error(
        "kernel {kernel} counts at most {limit} bins, not {bins}; let cofire choose the kernel"
    )]
    KernelUnsupported {
        /// Name of the kernel.
        kernel: &'static str,
        /// The requested number of bins.
        bins: usize,
        /// The most bins the kernel handles.
        limit: usize,
    },
    /// A GPU was requested and this machine has none.
    #[error(
        "no GPU adapter was found; install a Vulkan, Metal or DirectX 12 driver \
         (mesa-vulkan-drivers on Linux), or use the CPU engine"
    )]
    NoAdapter,
    /// A GPU was requested by a name that no adapter has.
    #[error("no adapter matches {requested:?}; there are: {}", list(.available))]
    AdapterNotFound {
        /// The requested name.
        requested: String,
        /// The labels of the adapters that exist.
        available: Vec<String>,
    },
    /// A limit of the adapter is below what every kernel needs.
    #[error(
        "adapter {adapter} offers {available} for {limit} and {needed} are needed; \
         choose another adapter or the CPU engine"
    )]
    AdapterTooSmall {
        /// Label of the adapter.
        adapter: String,
        /// Name of the limit, as wgpu spells it.
        limit: &'static str,
        /// The limit that kernels need.
        needed: u64,
        /// The limit that the adapter offers.
        available: u64,
    },
    /// An adapter refused to open a device.
    #[error(
        "adapter {adapter} refused to open a device ({reason}); choose another, or the CPU engine"
    )]
    DeviceRefused {
        /// Label of the adapter.
        adapter: String,
        /// The message of the driver.
        reason: String,
    },
    /// A device failed, and the CPU was not allowed to finish the job.
    #[error("adapter {adapter} failed: {reason}; try again, or allow the CPU to finish the job")]
    DeviceFailed {
        /// Label of the adapter.
        adapter: String,
        /// The problem.
        reason: String,
    },
    /// The crate was built without the feature that drives GPUs.
    #[error("this build has no GPU engine; enable the feature \"gpu\" of cofire")]
    GpuDisabled,
    /// Keeping codes in a temporary file failed. The allowed memory does not hold them.
    #[error(
        "codes could not be kept in a temporary file in {}; \
         allow more memory, or name another directory",
        directory.display()
    )]
    Spill {
        /// The directory of the file.
        directory: std::path::PathBuf,
        /// The error of the operating system.
        source: std::io::Error,
    },
    /// Reading a batch of activations failed.
    #[error(transparent)]
    Batches(Box<dyn std::error::Error + Send + Sync>),
    /// The job was cancelled.
    #[error("stopped by {by}")]
    Cancelled {
        /// The source of the request to stop.
        by: CancelledBy,
    },
    /// A bug in this crate: something that always holds does not.
    #[error("internal error: {problem}; please report it")]
    Internal {
        /// The broken assumption.
        problem: &'static str,
    },
    /// A bug in this crate: two independent counts disagree on the CPU, which no engine replaces.
    #[error(
        "internal error: pair ({first}, {second}) was counted over {counted} of {samples} samples; \
         please report it"
    )]
    Miscounted {
        /// First neuron of the pair.
        first: usize,
        /// Second neuron of the pair.
        second: usize,
        /// The samples that were counted in some cell.
        counted: u64,
        /// The samples of the job.
        samples: usize,
    },
}

/// A number of bytes, shown in the unit that a person would use.
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

/// Returns an activation as text: with the digits of an `f32` if it is one.
///
/// An activation that was an `f32` then reads as its owner knows it: 0.1, not 0.10000000149011612.
pub(crate) fn shortest(value: f64) -> String {
    #[expect(clippy::cast_possible_truncation, reason = "compared with the number")]
    let single = value as f32;
    if f64::from(single) == value { single.to_string() } else { value.to_string() }
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
        let error = Error::NonFinite { sample: 3, neuron: 7, value: f64::NAN };
        let text = error.to_string();
        assert!(text.contains("sample 3, neuron 7 is NaN"), "{text}");
        assert!(text.contains("remove or replace"), "{text}");
        let none = Error::AdapterNotFound { requested: "x".into(), available: vec![] };
        assert!(none.to_string().ends_with("there are: none"), "{none}");
    }
}
