//! The blocks of a job: those that are there, and those that are left.

use cofire::{Block, Error, Sweep};
use cofire_jobs::{JobError, JobPart, RunningJob};

use super::facts::BlockFacts;
use super::output::Matrix;
use crate::failure::{Failure, note};
use crate::interrupt;
use crate::progress::Skipped;

/// A sweep, and where its blocks come from and go to.
pub(super) struct Blocks {
    pub(super) sweep: Sweep,
    part: JobPart,
    pub(super) job: Option<RunningJob>,
    /// Of all pairs, where there is no job that keeps blocks.
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

    /// Takes the blocks of the part that are there, and computes the others. `failed` says what an
    /// error is about.
    pub(super) fn finish(
        &mut self,
        skipped: &Skipped,
        failed: impl Fn(&Error) -> Failure,
    ) -> Result<(), Failure> {
        let mut missing = Vec::new();
        for number in 0..self.sweep.blocks() {
            let found = if self.part.has(number) { self.load(number)? } else { None };
            if let Some(block) = found {
                // The checksum was right; a block that is of another sweep would be a mistake here.
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

    /// A block that was finished before. A damaged one is as good as none, but worth a word.
    fn load(&mut self, number: usize) -> Result<Option<Block>, Failure> {
        let Some(job) = &self.job else { return Ok(None) };
        match job.job().load(number) {
            Err(error @ JobError::DamagedBlock { .. }) => {
                note(&format!("warning: {error}"));
                self.facts.damaged += 1;
                Ok(None)
            }
            found => Ok(found?),
        }
    }

    /// What there is to say to a user who stopped the job.
    pub(super) fn stopped(&self, failure: Failure) -> Failure {
        match (&self.job, failure) {
            (Some(job), Failure::Interrupted) => {
                let BlockFacts { found, computed, of_part, .. } = self.facts;
                Failure::InterruptedWith(format!(
                    "{} of {of_part} blocks are kept in {}; the same command goes on",
                    found + computed,
                    job.job().path().display(),
                ))
            }
            (_, failure) => failure,
        }
    }
}
