//! The blocks of a job: loading those that are finished, and computing the others.

use cofire::sweep::Block;
use cofire::{Error, Sweep};
use cofire_jobs::{JobError, JobPart, RunningJob};

use super::facts::BlockFacts;
use super::output::Matrix;
use crate::failure::{Failure, note};
use crate::interrupt;
use crate::progress::Skipped;

/// A sweep, and the places that its blocks come from and go to.
pub(super) struct Blocks {
    pub(super) sweep: Sweep,
    part: JobPart,
    pub(super) job: Option<RunningJob>,
    /// The matrix of all pairs, unless a job keeps the blocks.
    pub(super) matrix: Option<Matrix>,
    pub(super) facts: BlockFacts,
}

impl Blocks {
    pub(super) fn new(
        sweep: Sweep,
        part: JobPart,
        job: Option<RunningJob>,
        matrix: Option<Matrix>,
    ) -> Self {
        let (edge, total) = (sweep.block_edge(), sweep.blocks());
        let of_part = (0..total).filter(|&number| part.has(number)).count();
        let facts = BlockFacts { edge, total, of_part, ..BlockFacts::default() };
        Self { sweep, part, job, matrix, facts }
    }

    /// Loads the finished blocks of the part, and computes the others. `failed` makes a failure
    /// from an error.
    pub(super) fn finish(
        &mut self,
        skipped: &Skipped,
        failed: impl Fn(&Error) -> Failure,
    ) -> Result<(), Failure> {
        let mut missing = Vec::new();
        for number in 0..self.sweep.blocks() {
            let stored = if self.part.has(number) { self.load(number)? } else { None };
            if let Some(block) = stored {
                // The checksum was right. A block of another sweep would be a bug here.
                self.sweep.take(number, block).map_err(|error| failed(&error))?;
                self.facts.found += 1;
            } else if self.part.has(number) {
                missing.push(number);
                continue;
            }
            self.sweep.skip(number).map_err(|error| failed(&error))?;
        }
        skipped.skip_all_done();
        for number in missing {
            interrupt::check()?;
            let block = self.sweep.compute(number).map_err(|error| failed(&error))?;
            if let Some(job) = &self.job {
                job.store(number, &block)?;
            }
            if let Some(matrix) = &mut self.matrix {
                matrix.write(&block)?;
            }
            self.sweep.take(number, block).map_err(|error| failed(&error))?;
            self.facts.computed += 1;
        }
        Ok(())
    }

    /// Loads a block that was finished before. Warns of a damaged block, and treats it as missing.
    fn load(&mut self, number: usize) -> Result<Option<Block>, Failure> {
        let Some(job) = &self.job else { return Ok(None) };
        match job.job().load(number) {
            Err(error @ JobError::DamagedBlock { .. }) => {
                note(&format!("warning: {error}"));
                self.facts.damaged += 1;
                Ok(None)
            }
            loaded => Ok(loaded?),
        }
    }

    /// Adds to an interruption how many blocks are kept.
    pub(super) fn stopped(&self, failure: Failure) -> Failure {
        match (&self.job, failure) {
            (Some(job), Failure::Interrupted) => {
                let BlockFacts { found, computed, of_part, .. } = self.facts;
                Failure::InterruptedWith(format!(
                    "{} of {of_part} blocks are kept in {}; run the same command to continue",
                    found + computed,
                    job.job().path().display(),
                ))
            }
            (_, failure) => failure,
        }
    }
}
