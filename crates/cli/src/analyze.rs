//! The command `cofire analyze`.

use std::num::NonZeroUsize;
use std::sync::Arc;

use cofire::Error;
use cofire_files::OutputDirectory;

use crate::arguments::AnalyzeArguments;
use crate::facts::{Facts, LayerFacts, SettingsFacts};
use crate::failure::{Failure, note};
use crate::labels::{self, Labels};
use crate::layer_list::{self, Task};
use crate::measure::{Wanted, measure};
use crate::printer::Printer;
use crate::progress::Bar;
use crate::results::Results;
use crate::settings::{Method, Settings, SignificanceTest};
use crate::{documents, interrupt, table, text};

pub(crate) fn run(arguments: &AnalyzeArguments) -> Result<(), Failure> {
    interrupt::watch()?;
    set_threads(arguments.engine.threads)?; // before anything starts the thread pool
    let mut settings = Settings::of(arguments)?;
    let tasks = layer_list::tasks(arguments)?;
    let labels = settings.labels.as_deref().map(labels::read).transpose()?;
    let documents = settings.significance.as_ref().and_then(SignificanceTest::documents);
    let documents = documents.map(documents::read).transpose()?;
    for task in &tasks {
        check_samples(task, &settings, labels.as_ref(), documents.as_ref())?;
    }
    settings.open_engine()?;
    let wanted =
        Wanted { settings: &settings, labels: labels.as_ref(), documents: documents.as_ref() };
    // Create the directory before the work: an error then costs no time.
    let mut output = arguments.output.out.as_ref().map(OutputDirectory::create).transpose()?;

    let mut printer = Printer::default();
    // JSON is one value, printed or written at the end.
    let prints_text = !arguments.output.json || output.is_some();
    let mut facts = Vec::with_capacity(tasks.len());
    for (index, task) in tasks.iter().enumerate() {
        let bar = Bar::new(&label(task, (index + 1, tasks.len())));
        let mut results = Results::of(output.as_mut(), folder_of(task, &tasks).as_deref())?;
        let mut layer_facts = measure(task, wanted, &bar, &mut results)?;
        layer_facts.written = results.written();
        drop(bar); // before text is printed in its place
        if prints_text {
            let gap = if index == 0 { "" } else { "\n" };
            printer.print(&format!("{gap}{}", text::layer(&layer_facts)))?;
        }
        facts.push(layer_facts);
        if printer.is_closed() && output.is_none() {
            return Ok(()); // nobody would see further results
        }
    }

    if prints_text && facts.len() > 1 {
        printer.print(&format!("\n{}", table::table(&facts)))?;
    }
    let is_wanted = arguments.output.json || output.is_some();
    let json = is_wanted.then(|| json(&facts, &settings, arguments)).transpose()?;
    match (output, json) {
        (Some(output), json) => commit(output, json.as_deref(), arguments),
        (None, Some(json)) => printer.print(&json),
        (None, None) => Ok(()),
    }
}

/// Sets the number of threads for all work on the CPU.
pub(crate) fn set_threads(threads: Option<NonZeroUsize>) -> Result<(), Failure> {
    let Some(threads) = threads else { return Ok(()) };
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads.get())
        .build_global()
        .map_err(|error| Failure::Other(format!("could not start {threads} threads: {error}")))
}

/// Checks the numbers of samples that the files state. Labels, documents and the other layer must have
/// as many samples as the layer, permutations and shifts must fit them, and there must be more samples
/// than neighbours.
fn check_samples(
    task: &Task,
    settings: &Settings,
    labels: Option<&Labels>,
    documents: Option<&Arc<[u32]>>,
) -> Result<(), Failure> {
    let samples = task.this.samples();
    let subject = task.this.subject();
    if let Some(labels) = labels.map(|labels| labels.values.len()).filter(|&n| n != samples) {
        return Err(Failure::of_analysis(&subject, &Error::LabelsMismatch { labels, samples }));
    }
    if let Some(test) = settings.significance.as_ref().and_then(SignificanceTest::surrogates)
        && samples >= 2
    {
        let checked = test.surrogates(documents).check(samples);
        checked.map_err(|error| Failure::of_analysis(&subject, &error))?;
    }
    if let Method::Neighbors(method) = &settings.method
        && samples > 1 // one sample has another remedy
        && method.neighbors >= samples
    {
        let error = Error::NeighborsOutOfRange { neighbors: method.neighbors, samples };
        return Err(Failure::of_analysis(&subject, &error));
    }
    match &task.other {
        Some(other) if other.samples() != samples => {
            let error = Error::SamplesMismatch { first: samples, second: other.samples() };
            Err(Failure::of_analysis(&format!("{subject}, with {}", other.subject()), &error))
        }
        _ => Ok(()),
    }
}

/// Returns the progress bar's label of a layer. `position` is the layer's number and the number of
/// all layers.
fn label(task: &Task, position: (usize, usize)) -> String {
    let name = &task.this.layer.name;
    match position {
        (_, 1) => name.clone(),
        (number, all) => format!("{name} ({number} of {all})"),
    }
}

/// Returns the folder of a layer's results: none if it is the only layer, otherwise its name. If
/// another file has a layer with the same name, the name of the file is put in front.
fn folder_of(task: &Task, tasks: &[Task]) -> Option<String> {
    if tasks.len() == 1 {
        return None;
    }
    let (file, name) = (&task.this.file, &task.this.layer.name);
    let is_elsewhere = tasks.iter().any(|t| t.this.layer.name == *name && t.this.file != *file);
    Some(match file.file_stem() {
        Some(stem) if is_elsewhere && *stem != **name => {
            format!("{}.{name}", stem.to_string_lossy())
        }
        _ => name.clone(),
    })
}

fn json(
    layers: &[LayerFacts],
    settings: &Settings,
    arguments: &AnalyzeArguments,
) -> Result<String, Failure> {
    let version = env!("CARGO_PKG_VERSION");
    let options = settings.options().into_iter().collect();
    to_json(&Facts { version, settings: SettingsFacts::of(settings, arguments), options, layers })
}

/// Returns pretty-printed JSON with a newline at the end.
pub(crate) fn to_json(value: &impl serde::Serialize) -> Result<String, Failure> {
    let json = serde_json::to_string_pretty(value)
        .map_err(|error| Failure::Other(format!("could not write JSON: {error}")))?;
    Ok(json + "\n")
}

fn commit(
    mut output: OutputDirectory,
    json: Option<&str>,
    arguments: &AnalyzeArguments,
) -> Result<(), Failure> {
    if let Some(json) = json {
        output.write_text("summary.json", json)?;
    }
    interrupt::check()?; // the last one: a commit is not interrupted
    output.commit()?;
    if let Some(directory) = &arguments.output.out {
        note(&format!("results are in {}", directory.display()));
    }
    Ok(())
}
