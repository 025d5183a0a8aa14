//! The commands `cofire pairs` and `cofire merge`.

mod blocks;
mod facts;
mod join;
mod output;
mod significance;
mod source;

use std::path::Path;
use std::time::Instant;

use cofire::{Analysis, Batches, Selection};
use cofire_files::{FileBatches, OutputDirectory, expand_path, open_batches};
use cofire_jobs::{Fingerprinted, JobDirectory, JobPart};

use crate::analyze::{set_threads, to_json};
use crate::arguments::PairsArguments;
use crate::failure::{Failure, note};
use crate::interrupt;
use crate::printer::Printer;
use crate::progress::{Bar, Skipped};
use crate::settings::{HistogramSettings, Method, Settings};
use blocks::Blocks;
use facts::{ComputedFacts, InputFacts, PairsFacts, Selected};
pub(crate) use join::run as merge;
use output::Matrix;
use source::Watched;

pub(crate) fn run(arguments: &PairsArguments) -> Result<(), Failure> {
    interrupt::watch()?;
    set_threads(arguments.engine.threads)?; // before anything starts the thread pool
    let mut settings = Settings::of(&arguments.measurement())?;
    let (selection, selection_text) = arguments.selection.selection();
    let test = significance::of(arguments)?;
    let mut texts = check(arguments, &settings, selection, selection_text)?;
    texts.extend(significance::texts(test.as_ref()));
    let surrogates = significance::surrogates(test.as_ref())?;
    let formats = output::formats(&arguments.output, selection)?;
    let part = arguments.job.part.unwrap_or(JobPart::WHOLE);
    // Open everything before the work: an error then costs no time.
    let job = arguments.job.job.as_ref();
    let job = job.map(|path| JobDirectory::open(path, part, &texts)).transpose()?;
    let mut layer = open(arguments)?;
    if let Some(surrogates) = &surrogates {
        let checked = surrogates.check(layer.samples());
        checked.map_err(|error| Failure::of_analysis(&subject(&layer), &error))?;
    }
    let mut output = arguments.out.as_ref().map(OutputDirectory::create).transpose()?;
    settings.open_engine()?;

    let (bar, skipped) = (Bar::new(layer.name()), Skipped::default());
    let analysis = analysis(arguments, &settings)?.progress(bar.callback_beside(&skipped));
    let subject = subject(&layer);
    let failed = |error: &cofire::Error| Failure::of_analysis(&subject, error);
    let clock = Instant::now();
    let edge = block_edge(arguments, job.as_ref(), layer.neurons());
    let mut watched = Watched::new(&mut layer, &bar);
    let mut source = Fingerprinted::new(&mut watched);
    let encoded = analysis.encode_batches(&mut source).map_err(|error| failed(&error))?;
    let fingerprint = source.fingerprint();
    let read = clock.elapsed().as_secs_f64();

    let sweep = match (edge, selection, &surrogates) {
        (edge, Selection::FalseDiscoveryRate(rate), Some(surrogates)) => {
            analysis.sweep_with_surrogates(encoded, rate, surrogates, edge)
        }
        (Some(edge), ..) => analysis.sweep_in_blocks(encoded, selection, edge),
        (None, ..) => analysis.sweep(encoded, selection),
    };
    let sweep = sweep.map_err(|error| failed(&error))?;
    let sweep = if arguments.digest { sweep.every_block() } else { sweep };
    let job = match (job, fingerprint) {
        (Some(job), Some(fingerprint)) => Some(job.begin(sweep.plan(), fingerprint)?),
        _ => None,
    };
    let neurons = sweep.plan().neurons();
    let matrix = match &mut output {
        Some(output) if selection == Selection::All && job.is_none() => {
            Some(Matrix::create(output, neurons)?)
        }
        _ => None,
    };
    if job.is_some() {
        // The directory could be created. A killed process would leave its temporary files behind,
        // so drop it, and create it again at the end.
        output = None;
    }
    bar.begin("pairs");
    let mut blocks = Blocks::new(sweep, part, job, matrix);
    blocks.finish(&skipped, failed).map_err(|failure| blocks.stopped(failure))?;
    drop(bar); // before text is printed in its place

    let Blocks { sweep, job, mut matrix, facts, .. } = blocks;
    let Some(out) = &arguments.out else {
        return finish_part(arguments, facts.text());
    };
    let mut output = match output {
        Some(output) => output,
        None => OutputDirectory::create(out)?,
    };
    if let (Some(job), Selection::All) = (&job, selection) {
        let mut all = Matrix::create(&mut output, neurons)?;
        all.write_jobs(std::slice::from_ref(job.job()))?;
        matrix = Some(all);
    }
    let (selected, report) = Selected::of_report(sweep.finish());
    let mut summary = PairsFacts::new(&selected, &texts, facts, matrix.as_ref());
    summary.input = Some(InputFacts::of(&layer));
    summary.fingerprint = fingerprint.map(|fingerprint| fingerprint.to_string());
    summary.jobs.extend(arguments.job.job.clone());
    summary.computed = Some(ComputedFacts::of(&report, read, arguments.job.memory));
    summary.written = output::write(&mut output, &selected, &formats, matrix)?;
    finish(output, &summary, arguments.output.json, out)
}

/// Refuses arguments that do not go together. Returns the options that blocks depend on, with their
/// values.
fn check(
    arguments: &PairsArguments,
    settings: &Settings,
    selection: Selection,
    selection_text: (String, String),
) -> Result<Vec<(String, String)>, Failure> {
    let refuse = |reason: &str| Err(Failure::Input(reason.to_owned()));
    let histograms = histograms(settings)?;
    let checked = selection.check(histograms.estimator);
    checked.map_err(|error| Failure::Input(error.to_string()))?;
    match (arguments.job.part, &arguments.job.job, &arguments.out) {
        (Some(_), None, _) => {
            return refuse("--part needs a directory for the finished blocks; add --job DIR");
        }
        (Some(_), Some(_), Some(_)) => {
            return refuse(
                "a part has no results of its own; leave --out out, and join all parts with \
                 cofire merge",
            );
        }
        (None, _, None) => return refuse("the results need a directory; add --out DIR"),
        _ => {}
    }
    let mut texts = vec![selection_text];
    texts.extend(settings.options());
    if arguments.digest {
        texts.push(("--digest".to_owned(), String::new()));
    }
    Ok(texts)
}

fn histograms(settings: &Settings) -> Result<&HistogramSettings, Failure> {
    match &settings.method {
        Method::Histograms(histograms) => Ok(histograms),
        Method::Neighbors(_) => Err(Failure::Input(
            "pairs are selected by estimates from histograms; leave --estimator ksg or --preset \
             out, or use cofire analyze"
                .to_owned(),
        )),
    }
}

fn analysis(arguments: &PairsArguments, settings: &Settings) -> Result<Analysis, Failure> {
    let mut analysis = histograms(settings)?.analysis.clone();
    if let Some(bytes) = arguments.job.memory {
        analysis = analysis.memory_limit(bytes);
    }
    if let Some(directory) = &arguments.job.spill_dir {
        analysis = analysis.spill_directory(directory);
    }
    Ok(analysis)
}

/// Opens the layer, in one file or in shards.
fn open(arguments: &PairsArguments) -> Result<FileBatches, Failure> {
    let mut files = Vec::new();
    for path in &arguments.files {
        files.extend(expand_path(path)?);
    }
    Ok(open_batches(&files, arguments.layer.as_deref())?)
}

/// Returns the files and the layer's name, for messages.
fn subject(layer: &FileBatches) -> String {
    let mut paths = layer.paths();
    let first = paths.next().map(|path| path.display().to_string()).unwrap_or_default();
    match paths.len() {
        0 => format!("{first}, {}", layer.name()),
        more => format!("{first} and {more} more, {}", layer.name()),
    }
}

/// Returns the edge of blocks from the arguments, the job or the number of parts, or `None` if it
/// depends on memory. All parts of a job must have the same edge wherever they run.
fn block_edge(
    arguments: &PairsArguments,
    job: Option<&JobDirectory>,
    neurons: usize,
) -> Option<usize> {
    /// The edges to choose from for a part. Blocks of the smallest are still worth the start of an
    /// engine.
    const EDGES: [usize; 4] = [2048, 1024, 512, 256];
    /// The least number of blocks per part, so that all parts take about equally long.
    const BLOCKS_OF_PART: u64 = 8;

    let said = arguments.job.block_edge.map(usize::from);
    let begun = job.and_then(JobDirectory::block_edge);
    let of_part = arguments.job.part.map(|part| {
        let enough = |edge: &usize| {
            let along = neurons.div_ceil(*edge) as u64;
            along * (along + 1) / 2 >= BLOCKS_OF_PART * u64::from(part.of())
        };
        EDGES.into_iter().find(enough).unwrap_or(EDGES[EDGES.len() - 1])
    });
    said.or(begun).or(of_part)
}

fn finish_part(arguments: &PairsArguments, blocks: String) -> Result<(), Failure> {
    if let (Some(part), Some(job)) = (arguments.job.part, &arguments.job.job) {
        let directory = job.display();
        note(&format!("part {part} is in {directory} ({blocks}); join all with cofire merge"));
    }
    Ok(())
}

/// Writes the summary, and moves everything into place.
fn finish(
    mut output: OutputDirectory,
    summary: &PairsFacts,
    is_json: bool,
    out: &Path,
) -> Result<(), Failure> {
    let json = to_json(summary)?;
    output.write_text("summary.json", &json)?;
    interrupt::check()?; // the last one: a commit is not interrupted
    output.commit()?;
    Printer::default().print(&if is_json { json } else { summary.text() })?;
    note(&format!("results are in {}", out.display()));
    Ok(())
}
