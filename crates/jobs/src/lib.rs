//! Jobs that survive their process. A job is a directory with the finished blocks of a
//! [`Sweep`](cofire::Sweep).
//!
//! ```text
//! job.json              the job's settings, shape, and fingerprint of the activations
//! neurons               entropy and occupied bins of each neuron
//! block-0000012         the results of block 12
//! lock, part-1-of-4.lock, begin.lock     locks of the processes that work here
//! *.partial             a file that was being written
//! ```
//!
//! A file is written under a temporary name, forced to the disk, and renamed. So it is complete or
//! absent, whenever the process ends. Every file of a block names its job and its block, and ends in a
//! checksum.

mod block_file;
mod disk;
mod error;
mod fingerprint;
mod manifest;
mod part;

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

pub use error::JobError;
pub use fingerprint::{Fingerprint, Fingerprinted};
pub use part::{InvalidPart, JobPart};

use cofire::sweep::{Block, BlockBounds, SweepPlan};
use disk::{Hold, PARTIAL, StoredPart};
use manifest::Manifest;

const LOCK: &str = "lock";
const BEGIN_LOCK: &str = "begin.lock";
const LOCK_ENDING: &str = ".lock";
const NEURONS: &str = "neurons";
const BLOCK: &str = "block-";

/// The largest number of blocks of a job. Each block is a file, and the list of blocks is in memory.
const MOST_BLOCKS: u64 = 1 << 20;

/// A directory in which this process works on a job, or on a part of one.
///
/// The parts of a job can be computed in one directory that all machines see, or each in a directory of
/// its own. A directory that is opened for a whole job belongs to one process alone. A directory that
/// is opened for a part is shared with processes that work on other parts. The operating system
/// releases the locks when a process ends, however it ends. On network file systems, locks are only as
/// reliable as the file system. Two processes that work on the same blocks lose time, not correctness.
///
/// # Examples
///
/// ```
/// # let parent = tempfile::tempdir()?;
/// # let path = parent.path().join("job");
/// use cofire_jobs::{Fingerprinted, JobDirectory, JobPart};
/// use cofire::{Analysis, Selection, Sweep};
/// use ndarray::Array2;
///
/// let activations = Array2::from_shape_fn((500, 300), |(s, n)| ((s * (n % 9 + 3)) % 17) as f32);
/// let settings = [("bins".to_owned(), "10".to_owned())];
///
/// // The same lines begin a job and go on with it.
/// let directory = JobDirectory::open(&path, JobPart::WHOLE, &settings)?;
/// let analysis = Analysis::new(10);
/// let mut view = activations.view();
/// let mut source = Fingerprinted::new(&mut view);
/// let layer = analysis.encode_batches(&mut source)?;
/// let fingerprint = source.fingerprint().ok_or("no activations")?;
/// let edge = directory.block_edge().unwrap_or(64);
/// let mut sweep = analysis.sweep_in_blocks(layer, Selection::Strongest(3), edge)?;
/// let running = directory.begin(sweep.plan(), fingerprint)?;
/// for number in 0..sweep.blocks() {
///     let block = match running.job().load(number)? {
///         Some(block) => block,
///         None => {
///             let block = sweep.compute(number)?;
///             running.store(number, &block)?;
///             block
///         }
///     };
///     sweep.take(number, block)?;
/// }
/// println!("{} pairs", sweep.finish().pairs.len());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct JobDirectory {
    path: PathBuf,
    part: JobPart,
    settings: Vec<(String, String)>,
    begun: Option<Manifest>,
    /// Locks that are held while this process works in the directory.
    locks: Vec<File>,
}

impl JobDirectory {
    /// Opens the directory of a job, or makes a new one, and locks it.
    ///
    /// `settings` is everything that the job's blocks depend on besides the activations and the sweep's
    /// plan. They are pairs of a name, which the caller chooses, and a value. A flag has an empty
    /// value.
    ///
    /// # Errors
    ///
    /// If another process works on the same blocks, if the job was begun with other settings or by
    /// another version of cofire, if the directory has other files in it, and if a file cannot be read
    /// or written.
    pub fn open(
        path: impl Into<PathBuf>,
        part: JobPart,
        settings: &[(String, String)],
    ) -> Result<Self, JobError> {
        let path = path.into();
        match fs::create_dir_all(&path) {
            // An existing directory is no error: something else is in the way.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
                return Err(JobError::InTheWay { path, found: "not a directory" });
            }
            Err(source) => return Err(JobError::Write { path, source }),
            Ok(()) => {}
        }
        let begun = read_manifest(&path)?;
        if begun.is_none() {
            check_empty(&path)?;
        }
        let locks = lock(&path, part)?;
        // Another part may have begun the job just now.
        let begun = match begun {
            Some(begun) => Some(begun),
            None => read_manifest(&path)?,
        };
        if let Some((begun, now)) =
            begun.as_ref().and_then(|begun| manifest::settings_difference(begun, settings))
        {
            return Err(JobError::Differs { path, begun, now });
        }
        Ok(Self { path, part, settings: settings.to_vec(), begun, locks })
    }

    /// Returns the block edge of the job that was begun here, if any. All blocks of a job have the same
    /// edge.
    #[must_use]
    pub fn block_edge(&self) -> Option<usize> {
        self.begun.as_ref().map(|begun| begun.block_edge)
    }

    /// Begins a job, or continues the one in the directory.
    ///
    /// # Errors
    ///
    /// If the directory holds another job, with other activations or another plan, if there are more
    /// than a million blocks, if the plan has surrogates, whose numbers the files of blocks have no room
    /// for, and if a file cannot be read or written.
    pub fn begin(self, plan: &SweepPlan, fingerprint: Fingerprint) -> Result<RunningJob, JobError> {
        if plan.surrogates > 0 {
            return Err(JobError::Surrogates { surrogates: plan.surrogates });
        }
        check_blocks(plan)?;
        let neurons = block_file::of_neurons(&plan.entropy, &plan.occupied_bins);
        let checksum = block_file::checksum(&neurons);
        let wanted = Manifest::of(plan, &self.settings, fingerprint, checksum);
        let writer = self.part.name();
        // Parts that share a directory begin one after the other.
        let beginning = disk::lock(&self.path.join(BEGIN_LOCK))?;
        match read_manifest(&self.path)? {
            Some(begun) => {
                if let Some((begun, now)) = begun.difference(&wanted) {
                    return Err(JobError::Differs { path: self.path, begun, now });
                }
                if begun != wanted {
                    return Err(JobError::OtherActivations { path: self.path });
                }
                // The wanted contents are known, so a damaged file is written again.
                if read_neurons(&self.path, &wanted).is_err() {
                    disk::write_whole(&self.path, NEURONS, &writer, &neurons)?;
                }
            }
            None => {
                disk::write_whole(&self.path, NEURONS, &writer, &neurons)?;
                let text = wanted.text();
                disk::write_whole(&self.path, manifest::NAME, &writer, text.as_bytes())?;
            }
        }
        drop(beginning);
        let identity = wanted.identity();
        let job = Job { path: self.path, manifest: wanted, plan: plan.clone(), identity };
        Ok(RunningJob { job, writer, _locks: self.locks })
    }
}

/// A job that this process works on. Its directory is locked until this value is dropped.
#[derive(Debug)]
pub struct RunningJob {
    job: Job,
    writer: String,
    _locks: Vec<File>,
}

impl RunningJob {
    /// Returns the job, which has the plan and the finished blocks.
    #[must_use]
    pub fn job(&self) -> &Job {
        &self.job
    }

    /// Writes a block. It is on the disk when this method returns.
    ///
    /// # Errors
    ///
    /// If there is no block of that number, and if the file cannot be written.
    pub fn store(&self, number: usize, block: &Block) -> Result<(), JobError> {
        let job = &self.job;
        job.bounds(number)?;
        let bytes = block_file::of_block(job.identity, number, block);
        disk::write_whole(&job.path, &block_name(number), &self.writer, &bytes)
    }
}

/// A job, as read from its directory.
#[derive(Debug)]
pub struct Job {
    path: PathBuf,
    manifest: Manifest,
    plan: SweepPlan,
    /// The identity of the manifest.
    identity: u128,
}

impl Job {
    /// Reads a job from its directory. Locks nothing, and needs no activations.
    ///
    /// # Errors
    ///
    /// If there is no job, if the job is damaged or of a later version, and if a file cannot be read.
    pub fn read(path: impl Into<PathBuf>) -> Result<Self, JobError> {
        let path = path.into();
        let manifest = read_manifest(&path)?;
        let Some(manifest) = manifest else { return Err(JobError::NoJob { path }) };
        let (entropy, occupied_bins) = read_neurons(&path, &manifest)?;
        let plan = SweepPlan {
            selection: manifest.selection,
            surrogates: 0,
            estimator: manifest.estimator,
            units: manifest.units,
            samples: manifest.samples,
            block_edge: manifest.block_edge,
            entropy,
            occupied_bins,
        };
        check_blocks(&plan)?;
        let identity = manifest.identity();
        Ok(Self { path, manifest, plan, identity })
    }

    /// Returns the job's directory.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the plan, which divides the pairs into blocks and selects among them.
    #[must_use]
    pub fn plan(&self) -> &SweepPlan {
        &self.plan
    }

    /// Returns the settings with which the job was begun, by the names that were given to
    /// [`JobDirectory::open`].
    #[must_use]
    pub fn settings(&self) -> &[(String, String)] {
        &self.manifest.settings
    }

    /// Returns the fingerprint of the activations.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        self.manifest.fingerprint
    }

    /// Returns the number of blocks, finished or not.
    #[must_use]
    pub fn blocks(&self) -> usize {
        // No more than MOST_BLOCKS.
        usize::try_from(self.plan.blocks()).unwrap_or(usize::MAX)
    }

    /// Returns the parts that were begun in this directory, finished or not, in order.
    ///
    /// # Errors
    ///
    /// If the directory cannot be read.
    pub fn parts(&self) -> Result<Vec<JobPart>, JobError> {
        let mut parts: Vec<JobPart> = names(&self.path)?
            .iter()
            .filter_map(|name| JobPart::of_name(name.strip_suffix(LOCK_ENDING)?))
            .collect();
        parts.sort_unstable_by_key(|part| (part.of(), part.number()));
        Ok(parts)
    }

    /// Checks that `other` is the same job, so that parts of both can be joined.
    ///
    /// # Errors
    ///
    /// If the jobs differ. The error describes the difference.
    pub fn check_same(&self, other: &Self) -> Result<(), JobError> {
        if self.identity == other.identity {
            return Ok(());
        }
        let (in_first, in_second) =
            self.manifest.difference(&other.manifest).unwrap_or_else(|| {
                let activations =
                    |job: &Self| format!("activations of fingerprint {}", job.fingerprint());
                (activations(self), activations(other))
            });
        let (first, second) = (self.path.clone(), other.path.clone());
        Err(JobError::DifferentJobs { first, second, in_first, in_second })
    }

    /// Reads a block, if it is finished.
    ///
    /// # Errors
    ///
    /// [`JobError::DamagedBlock`] if the block's file is damaged, or if no block has that number. A
    /// damaged block can then be computed and [stored](RunningJob::store) again. Also if the file
    /// cannot be read.
    pub fn load(&self, number: usize) -> Result<Option<Block>, JobError> {
        let bounds = self.bounds(number)?;
        let path = self.path.join(block_name(number));
        let damaged = |problem| JobError::DamagedBlock { path: path.clone(), problem };
        match disk::read(&path, block_file::most_bytes(&bounds, self.plan.neurons()))? {
            StoredPart::Nothing => Ok(None),
            StoredPart::TooLong => Err(damaged("it is longer than such a block can be")),
            StoredPart::Bytes(bytes) => {
                let block = block_file::block(&bytes, self.identity, number, &bounds);
                block.map(Some).map_err(damaged)
            }
        }
    }

    fn bounds(&self, number: usize) -> Result<BlockBounds, JobError> {
        let no_block = || JobError::DamagedBlock {
            path: self.path.join(block_name(number)),
            problem: "there is no block of that number",
        };
        self.plan.block(number).ok_or_else(no_block)
    }
}

fn block_name(number: usize) -> String {
    format!("{BLOCK}{number:07}")
}

/// Checks that a plan has no more blocks than a job can have, because a manifest can claim any number of
/// neurons.
fn check_blocks(plan: &SweepPlan) -> Result<(), JobError> {
    let blocks = plan.blocks();
    if blocks > MOST_BLOCKS {
        return Err(JobError::TooManyBlocks { blocks, most: MOST_BLOCKS });
    }
    Ok(())
}

fn read_manifest(directory: &Path) -> Result<Option<Manifest>, JobError> {
    let path = directory.join(manifest::NAME);
    let parsed = match disk::read(&path, manifest::MOST_BYTES)? {
        StoredPart::Nothing => return Ok(None),
        StoredPart::TooLong => Err("it is longer than a job can be".to_owned()),
        StoredPart::Bytes(bytes) => Manifest::parse(&bytes),
    };
    let unusable = |problem| JobError::UnusableManifest { path: path.clone(), problem };
    parsed.map(Some).map_err(unusable)
}

/// Reads the entropy and the occupied bins of each neuron.
fn read_neurons(directory: &Path, manifest: &Manifest) -> Result<(Vec<f64>, Vec<u32>), JobError> {
    let path = directory.join(NEURONS);
    let parsed = match disk::read(&path, block_file::neurons_bytes(manifest.neurons as u64))? {
        StoredPart::Nothing => Err("it is missing"),
        StoredPart::TooLong => Err("it is longer than the job's neurons can be"),
        StoredPart::Bytes(bytes) => block_file::neurons(&bytes),
    };
    let unusable =
        |problem: &str| JobError::UnusableManifest { path: path.clone(), problem: problem.into() };
    let (entropy, occupied, checksum) = parsed.map_err(unusable)?;
    if checksum != manifest.neurons_checksum || entropy.len() != manifest.neurons {
        return Err(unusable("it is of another job"));
    }
    Ok((entropy, occupied))
}

/// Refuses a directory that has any file other than those that a killed job leaves.
fn check_empty(directory: &Path) -> Result<(), JobError> {
    let is_ours = |name: &str| {
        name == LOCK
            || name == BEGIN_LOCK
            || name == NEURONS
            || name.ends_with(PARTIAL)
            || name.strip_suffix(LOCK_ENDING).is_some_and(|n| JobPart::of_name(n).is_some())
    };
    match names(directory)?.into_iter().find(|name| !is_ours(name)) {
        Some(found) => Err(JobError::NotEmpty { path: directory.into(), found }),
        None => Ok(()),
    }
}

fn names(directory: &Path) -> Result<Vec<String>, JobError> {
    let failed = |source| JobError::Read { path: directory.into(), source };
    let mut names = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed)? {
        names.push(entry.map_err(failed)?.file_name().to_string_lossy().into_owned());
    }
    names.sort_unstable();
    Ok(names)
}

/// Takes the locks of a part: a shared one, which excludes processes that work on the whole job, and
/// the part's own. Takes a single exclusive lock for the whole job.
fn lock(directory: &Path, part: JobPart) -> Result<Vec<File>, JobError> {
    let in_use = |work: &str| JobError::InUse { path: directory.into(), work: work.to_owned() };
    let take = |name: &str, hold, work: &str| {
        disk::try_lock(&directory.join(name), hold)?.ok_or_else(|| in_use(work))
    };
    if part.is_whole() {
        return Ok(vec![take(LOCK, Hold::Alone, "this job or a part of it")?]);
    }
    let shared = take(LOCK, Hold::Shared, "all of this job")?;
    let own = format!("{}{LOCK_ENDING}", part.name());
    Ok(vec![shared, take(&own, Hold::Alone, &format!("part {part}"))?])
}
