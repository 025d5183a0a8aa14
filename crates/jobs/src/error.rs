//! What can be wrong with a job directory.

use std::io;
use std::path::PathBuf;

use cofire_files::OneLine;

/// Why a job directory could not be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobError {
    /// The directory holds no job.
    #[error("{} holds no job; name the directory that was given as --job", OneLine::path(path))]
    NoJob {
        /// The directory.
        path: PathBuf,
    },
    /// A job was to be begun in a directory that has other files.
    #[error(
        "{} has other files in it, such as {}, and no job; choose a new or empty directory",
        OneLine::path(path),
        OneLine(found)
    )]
    NotEmpty {
        /// The directory.
        path: PathBuf,
        /// One of the files.
        found: String,
    },
    /// Something else stands where a file of the job or its directory would be.
    #[error("{} is {found}; remove it, or choose another directory", OneLine::path(path))]
    InTheWay {
        /// The path.
        path: PathBuf,
        /// What it is.
        found: &'static str,
    },
    /// Another process works on the same blocks.
    #[error(
        "{} is in use: another process works on {work}; wait for it, or choose another directory",
        OneLine::path(path)
    )]
    InUse {
        /// The directory.
        path: PathBuf,
        /// What it works on.
        work: String,
    },
    /// The job was begun with other settings.
    #[error(
        "{}: the job was begun with {}, now {}; \
         go on with what it was begun with, or choose another directory",
        OneLine::path(path),
        OneLine(begun),
        OneLine(now)
    )]
    Differs {
        /// The directory.
        path: PathBuf,
        /// What differs, as it was.
        begun: String,
        /// And as it is.
        now: String,
    },
    /// The job was begun with other activations.
    #[error(
        "{}: the job was begun with other activations; \
         pass the same files in the same order, or choose another directory",
        OneLine::path(path)
    )]
    OtherActivations {
        /// The directory.
        path: PathBuf,
    },
    /// Two directories do not belong to one job.
    #[error(
        "{} and {} are of different jobs: {} in the former, {} in the latter; join parts of one job",
        OneLine::path(first),
        OneLine::path(second),
        OneLine(in_first),
        OneLine(in_second)
    )]
    DifferentJobs {
        /// One directory.
        first: PathBuf,
        /// The other.
        second: PathBuf,
        /// What differs, as the first has it.
        in_first: String,
        /// And as the second has it.
        in_second: String,
    },
    /// The job was written by a later version, or is damaged.
    #[error("{}: {problem}; begin the job anew in another directory", OneLine::path(path))]
    UnusableManifest {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: String,
    },
    /// A file of a block is not what was written.
    #[error("{} is damaged ({problem}); its block has to be computed again", OneLine::path(path))]
    DamagedBlock {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        problem: &'static str,
    },
    /// More blocks than a job can have.
    #[error("{blocks} blocks are more than a job can have ({most}); choose larger blocks")]
    TooManyBlocks {
        /// How many there would be.
        blocks: u64,
        /// The most there can be.
        most: u64,
    },
    /// The operating system refused to read.
    #[error("could not read {}", OneLine::path(path))]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
    /// The operating system refused to write.
    #[error("could not write {}; make room, or choose another directory", OneLine::path(path))]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// What it said.
        source: io::Error,
    },
}
