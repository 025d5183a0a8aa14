//! Errors of job directories.

use std::io;
use std::path::PathBuf;

use cofire_files::OneLine;

/// An error of a job directory.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobError {
    /// The directory holds no job.
    #[error("{} holds no job; pass the directory that was given as --job", OneLine::path(path))]
    NoJob {
        /// The directory.
        path: PathBuf,
    },
    /// A new job was given a directory with other files in it.
    #[error(
        "{} holds no job and has other files in it, such as {}; choose a new or empty directory",
        OneLine::path(path),
        OneLine(found)
    )]
    NotEmpty {
        /// The directory.
        path: PathBuf,
        /// One of the files.
        found: String,
    },
    /// Something else is in the place of the job's directory or of one of its files.
    #[error("{} is {found}; remove it, or choose another directory", OneLine::path(path))]
    InTheWay {
        /// The path.
        path: PathBuf,
        /// A description of what is there.
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
        /// The work of the other process, such as a part of the job.
        work: String,
    },
    /// The job was begun with other settings.
    #[error(
        "{}: the job was begun with {}, now {}; \
         continue it as it was begun, or choose another directory",
        OneLine::path(path),
        OneLine(begun),
        OneLine(now)
    )]
    Differs {
        /// The directory.
        path: PathBuf,
        /// The settings that differ, as the job was begun.
        begun: String,
        /// The same settings as they are now.
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
        /// The first directory.
        first: PathBuf,
        /// The second directory.
        second: PathBuf,
        /// The settings that differ, as in the first job.
        in_first: String,
        /// The same settings as in the second job.
        in_second: String,
    },
    /// The job was written by a later version, or is damaged.
    #[error("{}: {problem}; begin the job again in another directory", OneLine::path(path))]
    UnusableManifest {
        /// The file.
        path: PathBuf,
        /// A description of the problem.
        problem: String,
    },
    /// The file of a block is damaged.
    #[error("{} is damaged ({problem}); its block has to be computed again", OneLine::path(path))]
    DamagedBlock {
        /// The file.
        path: PathBuf,
        /// A description of the problem.
        problem: &'static str,
    },
    /// The sweep has surrogates, and the files of blocks have no room for their numbers.
    #[error(
        "a job cannot keep blocks with surrogates, and each pair has {surrogates}; \
         select by the G-test alone, or without a job"
    )]
    Surrogates {
        /// The number of surrogates of each pair.
        surrogates: u32,
    },
    /// The job would have too many blocks.
    #[error("{blocks} blocks are more than a job can have ({most}); choose larger blocks")]
    TooManyBlocks {
        /// The number of blocks that the job would have.
        blocks: u64,
        /// The largest possible number of blocks.
        most: u64,
    },
    /// The operating system refused to read.
    #[error("could not read {}", OneLine::path(path))]
    Read {
        /// The file or directory.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The operating system refused to write.
    #[error("could not write {}; make room, or choose another directory", OneLine::path(path))]
    Write {
        /// The file or directory.
        path: PathBuf,
        /// The error of the operating system.
        source: io::Error,
    },
}
