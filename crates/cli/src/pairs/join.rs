//! The command `cofire merge`, which joins parts that were computed separately.

use std::collections::BTreeSet;

use cofire::Selection;
use cofire::sweep::{Block, Collector};
use cofire_files::OutputDirectory;
use cofire_jobs::{Job, JobError, JobPart};

use super::facts::{BlockFacts, PairsFacts, Selected};
use super::output::{self, Matrix};
use crate::arguments::MergeArguments;
use crate::failure::{Failure, note};
use crate::interrupt;

/// The most blocks or parts that a message lists.
const NAMED_BLOCKS: usize = 8;

pub(crate) fn run(arguments: &MergeArguments) -> Result<(), Failure> {
    interrupt::watch()?;
    let jobs: Vec<Job> = arguments.jobs.iter().map(Job::read).collect::<Result<_, _>>()?;
    let Some((job, others)) = jobs.split_first() else {
        return Err(Failure::Input("no directories of jobs".to_owned()));
    };
    others.iter().try_for_each(|other| job.check_same(other))?;
    let selection = job.plan().selection;
    let formats = output::formats(&arguments.output, selection)?;
    // Create the directory before the work: an error then costs no time.
    let mut output = OutputDirectory::create(&arguments.out)?;
    let mut matrix = match selection {
        Selection::All => Some(Matrix::create(&mut output, job.plan().neurons())?),
        _ => None,
    };

    let failed = |error| Failure::of_analysis(&job.path().display().to_string(), &error);
    let memory = arguments.memory.unwrap_or(u64::MAX);
    let mut collector = Collector::new(job.plan().clone(), memory).map_err(failed)?;
    let mut facts =
        BlockFacts { edge: job.plan().block_edge, total: job.blocks(), ..BlockFacts::default() };
    let mut missing = Vec::new();
    for number in 0..job.blocks() {
        interrupt::check()?;
        let Some(block) = load(&jobs, number, &mut facts.damaged)? else {
            missing.push(number);
            continue;
        };
        if let (Some(matrix), true) = (&mut matrix, missing.is_empty()) {
            matrix.write(&block)?;
        }
        collector.take(number, block).map_err(failed)?;
        facts.found += 1;
    }
    if !missing.is_empty() {
        return Err(Failure::Input(missing_text(&missing, &jobs)?));
    }

    let selected = Selected::of_collected(collector.finish());
    let mut summary = PairsFacts::new(&selected, job.settings(), facts, matrix.as_ref());
    summary.jobs.clone_from(&arguments.jobs);
    summary.fingerprint = Some(job.fingerprint().to_string());
    summary.written = output::write(&mut output, &selected, &formats, matrix)?;
    super::finish(output, &summary, arguments.output.json, &arguments.out)
}

/// Loads a block from the first directory that has it undamaged.
fn load(jobs: &[Job], number: usize, damaged: &mut usize) -> Result<Option<Block>, Failure> {
    for job in jobs {
        match job.load(number) {
            Ok(Some(block)) => return Ok(Some(block)),
            Ok(None) => {}
            Err(error @ JobError::DamagedBlock { .. }) => {
                note(&format!("warning: {error}"));
                *damaged += 1;
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(None)
}

/// Says which blocks are missing, and which parts to run for them.
fn missing_text(missing: &[usize], jobs: &[Job]) -> Result<String, Failure> {
    let numbers: Vec<String> =
        missing.iter().take(NAMED_BLOCKS).map(|number| number.to_string()).collect();
    let more = missing.len().saturating_sub(NAMED_BLOCKS);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    let all = jobs.first().map_or(0, Job::blocks);
    let text =
        format!("{} of {all} blocks are missing: {}{more}", missing.len(), numbers.join(", "));
    let mut divisions = BTreeSet::new();
    for job in jobs {
        divisions.extend(job.parts()?.into_iter().map(JobPart::of));
    }
    let remedy = match divisions.first() {
        // A job can have been divided in several ways, any of which will do.
        Some(&of) => {
            let numbers = (1..=of).filter(|&number| {
                JobPart::new(number, of).is_ok_and(|part| missing.iter().any(|&b| part.has(b)))
            });
            let parts: Vec<String> = numbers.map(|number| format!("{number}/{of}")).collect();
            let shown = parts.len().min(NAMED_BLOCKS);
            let more = parts.len() - shown;
            let more = if more > 0 { format!(" and {more} more") } else { String::new() };
            format!("run part {}{more} (again)", parts[..shown].join(", "))
        }
        None => "run the command of the job again".to_owned(),
    };
    Ok(format!("{text}; {remedy}"))
}
