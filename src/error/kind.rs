//! The groups of errors that programs treat differently.

use std::fmt;

use super::Error;

/// A group of errors: what a program can do about them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The activations or the settings are invalid. The same call fails again.
    Input,
    /// Memory or disk does not suffice. A smaller job, a higher limit or a free machine helps.
    Resource,
    /// A requested GPU is missing, unsuitable, or has failed. The CPU engine computes the same bits.
    Device,
    /// The caller stopped the job: see [`CancelledBy`].
    Cancelled,
    /// A bug in this crate. Please report it.
    Internal,
}

/// The source of the request to stop a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum CancelledBy {
    /// A [`CancelToken`](crate::CancelToken).
    Token,
    /// The progress callback.
    Progress,
    /// The caller itself: its [`Batches`](crate::Batches) ended the visit, or it dropped the future
    /// of the job.
    Caller,
}

impl fmt::Display for CancelledBy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Token => "the cancel token",
            Self::Progress => "the progress callback",
            Self::Caller => "the caller",
        })
    }
}

impl Error {
    /// Returns the group of the error.
    ///
    /// # Examples
    ///
    /// ```
    /// use cofire::ErrorKind;
    /// use ndarray::Array2;
    ///
    /// let error = cofire::analyze(Array2::<f32>::zeros((1, 3)).view(), 10).unwrap_err();
    /// assert_eq!(error.kind(), ErrorKind::Input);
    /// ```
    #[must_use]
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::NoSamples { .. }
            | Self::OneSample
            | Self::NoNeurons { .. }
            | Self::TooManySamples { .. }
            | Self::NonFinite { .. }
            | Self::BinsOutOfRange { .. }
            | Self::NoRoomForZeroBin { .. }
            | Self::DigitizedBinsOutOfRange { .. }
            | Self::ZeroBinOfCategories
            | Self::ThresholdNotFinite { .. }
            | Self::NumberOfEdges { .. }
            | Self::EdgeNotFinite { .. }
            | Self::EdgesNotAscending { .. }
            | Self::NotACategory { .. }
            | Self::RangeTooWide { .. }
            | Self::InvalidRange { .. }
            | Self::InvalidPseudoCount { .. }
            | Self::NotBinary { .. }
            | Self::EdgesMismatch { .. }
            | Self::NeighborsOutOfRange { .. }
            | Self::JitterOutOfRange { .. }
            | Self::LabelsMismatch { .. }
            | Self::EstimatorUnsupported { .. }
            | Self::NoPermutations
            | Self::ShiftOutOfRange { .. }
            | Self::EmptyBlocks
            | Self::TooFewBlocks { .. }
            | Self::DocumentsMismatch { .. }
            | Self::DocumentReturns { .. }
            | Self::InvalidResampling { .. }
            | Self::SamplesMismatch { .. }
            | Self::LabelsOccurOnce { .. }
            | Self::PairOutOfRange { .. }
            | Self::NoPartners
            | Self::LeastInformationOutOfRange { .. }
            | Self::FalseDiscoveryRateOutOfRange { .. }
            | Self::InconsistentPlan
            | Self::BlockOutOfRange { .. }
            | Self::ForeignBlock { .. }
            | Self::KernelUnsupported { .. }
            | Self::Batches(_) => ErrorKind::Input,
            Self::MemoryLimit { .. }
            | Self::TooManyPairs { .. }
            | Self::OutOfMemory { .. }
            | Self::Spill { .. } => ErrorKind::Resource,
            Self::NoAdapter
            | Self::AdapterNotFound { .. }
            | Self::AdapterTooSmall { .. }
            | Self::DeviceRefused { .. }
            | Self::DeviceFailed { .. }
            | Self::GpuDisabled => ErrorKind::Device,
            Self::Cancelled { .. } => ErrorKind::Cancelled,
            Self::Internal { .. } | Self::Miscounted { .. } => ErrorKind::Internal,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::mem::discriminant;

    use super::*;
    use crate::estimator::Estimator;

    /// Returns one error of every variant, by kind.
    fn every_variant() -> Vec<(ErrorKind, Vec<Error>)> {
        let (samples, neurons, bins, value) = (3, 2, 999, 0.5);
        let (sample, neuron, needed, available) = (1, 1, 9, 8);
        let (first, second, block, allowed) = (0, 7, 4, 5);
        let adapter = || "Vulkan/name".to_owned();
        let input = vec![
            Error::NoSamples { neurons },
            Error::OneSample,
            Error::NoNeurons { samples },
            Error::TooManySamples { samples, allowed },
            Error::NonFinite { sample, neuron, value: f64::NAN },
            Error::BinsOutOfRange { bins },
            Error::NoRoomForZeroBin { bins },
            Error::DigitizedBinsOutOfRange { bins },
            Error::ZeroBinOfCategories,
            Error::ThresholdNotFinite { threshold: f64::NAN },
            Error::NumberOfEdges { edges: 1, most: 257 },
            Error::EdgeNotFinite { index: 0, value },
            Error::EdgesNotAscending { index: 0, value, next: value },
            Error::NotACategory { sample, neuron, value: 0.5, largest: 255 },
            Error::RangeTooWide { neuron: 0, low: f64::MIN, high: f64::MAX },
            Error::InvalidRange { low: 1.0, high: 0.0 },
            Error::InvalidPseudoCount { value },
            Error::NotBinary { bins },
            Error::EdgesMismatch { expected: 1, found: 2 },
            Error::NeighborsOutOfRange { neighbors: 0, samples },
            Error::JitterOutOfRange { amplitude: 2.0 },
            Error::LabelsMismatch { labels: 1, samples },
            Error::EstimatorUnsupported { estimator: Estimator::ChaoShen, wanted: "this" },
            Error::NoPermutations,
            Error::ShiftOutOfRange { at_least: 2, samples },
            Error::EmptyBlocks,
            Error::TooFewBlocks { blocks: 2, surrogates: 99, least: 5 },
            Error::DocumentsMismatch { ids: 2, samples },
            Error::DocumentReturns { document: 7, first, again: 2 },
            Error::InvalidResampling { replicates: 0, confidence: 2.0 },
            Error::SamplesMismatch { first, second },
            Error::LabelsOccurOnce { samples },
            Error::PairOutOfRange { first, second, last: 1 },
            Error::NoPartners,
            Error::LeastInformationOutOfRange { least: -1.0 },
            Error::FalseDiscoveryRateOutOfRange { rate: 2.0 },
            Error::InconsistentPlan,
            Error::BlockOutOfRange { block, blocks: 2 },
            Error::ForeignBlock { block },
            Error::KernelUnsupported { kernel: "bitset", bins, limit: 2 },
            Error::Batches("the source failed".into()),
        ];
        let resource = vec![
            Error::MemoryLimit { needed, allowed: 1 },
            Error::TooManyPairs { allowed },
            Error::OutOfMemory { bytes: 9 },
            Error::Spill { directory: "/tmp".into(), source: std::io::Error::other("full") },
        ];
        let device = vec![
            Error::NoAdapter,
            Error::AdapterNotFound { requested: "x".into(), available: vec![] },
            Error::AdapterTooSmall { adapter: adapter(), limit: "max", needed, available },
            Error::DeviceRefused { adapter: adapter(), reason: "no".into() },
            Error::DeviceFailed { adapter: adapter(), reason: "lost".into() },
            Error::GpuDisabled,
        ];
        let cancelled = vec![Error::Cancelled { by: CancelledBy::Token }];
        let internal = vec![
            Error::Internal { problem: "a part is missing" },
            Error::Miscounted { first, second, counted: 1, samples },
        ];
        vec![
            (ErrorKind::Input, input),
            (ErrorKind::Resource, resource),
            (ErrorKind::Device, device),
            (ErrorKind::Cancelled, cancelled),
            (ErrorKind::Internal, internal),
        ]
    }

    #[test]
    fn every_variant_has_its_kind_and_a_message() {
        let mut seen = HashSet::new();
        for (kind, errors) in every_variant() {
            for error in errors {
                assert_eq!(error.kind(), kind, "{error:?}");
                let message = error.to_string();
                assert!(message.len() > 10 && !message.ends_with('.'), "{message}");
                assert!(seen.insert(discriminant(&error)), "{error:?} is listed twice");
            }
        }
        let variants = include_str!("../error.rs").matches("    #[error(").count();
        assert_eq!(seen.len(), variants, "variants that are not listed");
    }

    #[test]
    fn a_stopped_job_says_what_stopped_it() {
        let message = |by| Error::Cancelled { by }.to_string();
        assert_eq!(message(CancelledBy::Token), "stopped by the cancel token");
        assert_eq!(message(CancelledBy::Progress), "stopped by the progress callback");
        assert_eq!(message(CancelledBy::Caller), "stopped by the caller");
    }
}
