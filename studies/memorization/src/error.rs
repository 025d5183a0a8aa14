//! Errors of this crate.

use std::path::PathBuf;

use crate::idx::IdxError;

/// The reason that data could not be read, or networks not be trained, measured or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A file could not be opened or read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// A file of MNIST is missing.
    #[error("{} has no {name} (nor {name}.gz): it should hold the four files of MNIST", directory.display())]
    NoSuchFile {
        /// The directory that was searched.
        directory: PathBuf,
        /// The file's name.
        name: &'static str,
    },
    /// A file is not in the format of MNIST.
    #[error("{} is not a file of MNIST", path.display())]
    Idx {
        /// The file.
        path: PathBuf,
        /// The problem.
        source: IdxError,
    },
    /// The numbers of labels and images differ.
    #[error("{images} images but {labels} labels")]
    LabelsMismatch {
        /// Number of images.
        images: usize,
        /// Number of labels.
        labels: usize,
    },
    /// A label is not a digit.
    #[error("label {label} of image {index} is not a digit")]
    NotADigit {
        /// The image, counted from 0.
        index: usize,
        /// Its label.
        label: u8,
    },
    /// The training images and the held-out images differ in size.
    #[error("training images are {train:?} pixels, held-out images {held_out:?}")]
    ImageSizes {
        /// Height and width of the training images.
        train: (usize, usize),
        /// Height and width of the held-out images.
        held_out: (usize, usize),
    },
    /// Fewer images exist than requested, or too few to train on and to hold out.
    #[error("{needed} images are needed, there are {available}")]
    TooFewImages {
        /// The number of images needed.
        needed: usize,
        /// The number of images available.
        available: usize,
    },
    /// A share is outside 0 to 1.
    #[error("a share of {share} is not between 0 and 1")]
    Share {
        /// The share.
        share: f64,
    },
    /// A level belongs to another task.
    #[error("{level} is no level of the task {task}")]
    LevelMismatch {
        /// The task.
        task: String,
        /// The level.
        level: String,
    },
    /// The loss is not finite any more.
    #[error("training diverged in epoch {epoch}: try a lower learning rate")]
    Diverged {
        /// The epoch, counted from 1.
        epoch: usize,
    },
    /// Training was stopped because another network failed.
    #[error("stopped")]
    Stopped,
    /// The tensor library failed.
    #[error("cannot compute with tensors")]
    Tensors(#[from] candle_core::Error),
    /// Activations could not be measured.
    #[error("cannot measure {what}")]
    Measure {
        /// The network and layer.
        what: String,
        /// The cause.
        source: cofire::Error,
    },
    /// The report could not be made.
    #[error("cannot compare the networks")]
    Report(#[from] cofire_report::Error),
    /// Results could not be written.
    #[error("cannot write results")]
    Write(#[from] cofire_files::FileError),
    /// Threads could not be started.
    #[error("cannot start threads")]
    Threads(#[from] rayon::ThreadPoolBuildError),
    /// Activations could not be converted into the file format.
    #[error("cannot write activations as safetensors")]
    Safetensors(#[from] safetensors::SafeTensorError),
}
