//! `cofire analyze`.

use std::path::PathBuf;

use cofire::files::{self, FileError, OutputDirectory};
use cofire::{Analysis, Report};

use crate::arguments::AnalyzeArguments;
use crate::facts::{Facts, LayerFacts, Settings, Written};
use crate::failure::{Failure, note};
use crate::interrupt;
use crate::layer_list::{self, Task};
use crate::printer::Printer;
use crate::progress::Bar;
use crate::text;

pub(crate) fn run(arguments: &AnalyzeArguments) -> Result<(), Failure> {
    interrupt::watch()?;
    set_threads(arguments)?;
    let tasks = layer_list::tasks(&arguments.files, &arguments.layers)?;
    let settings = settings(arguments)?;
    // Before the work, so that a directory that cannot be written to costs nothing.
    let mut output = arguments.out.as_ref().map(OutputDirectory::create).transpose()?;

    let mut printer = Printer::default();
    // JSON is one value, printed or written at the end.
    let prints_text = !arguments.json || output.is_some();
    let mut facts = Vec::with_capacity(tasks.len());
    for (index, task) in tasks.iter().enumerate() {
        let (layer_facts, report) = measure(task, (index + 1, tasks.len()), &settings, arguments)?;
        let mut layer_facts = layer_facts;
        if let Some(output) = &mut output {
            layer_facts.written = Some(write(output, &folder_of(task, &tasks), &report)?);
        }
        if prints_text {
            let gap = if index == 0 { "" } else { "\n" };
            printer.print(&format!("{gap}{}", text::layer(&layer_facts)))?;
        }
        facts.push(layer_facts);
        if printer.is_closed() && output.is_none() {
            return Ok(()); // nobody is left to measure for
        }
    }

    if prints_text && facts.len() > 1 {
        printer.print(&format!("\n{}", text::table(&facts)))?;
    }
    let json = if arguments.json { Some(json(&facts, arguments)?) } else { None };
    match (output, json) {
        (Some(output), json) => commit(output, json.as_deref(), arguments),
        (None, Some(json)) => printer.print(&json),
        (None, None) => Ok(()),
    }
}

fn set_threads(arguments: &AnalyzeArguments) -> Result<(), Failure> {
    let Some(threads) = arguments.threads else { return Ok(()) };
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads.get())
        .build_global()
        .map_err(|error| Failure::Other(format!("could not start {threads} threads: {error}")))
}

fn settings(arguments: &AnalyzeArguments) -> Result<Analysis, Failure> {
    let settings = Analysis::new(arguments.bins)
        .range(arguments.range.0)
        .units(arguments.units.into())
        .engine(arguments.open_engine()?);
    Ok(match arguments.kernel {
        Some(kernel) => settings.kernel(kernel),
        None => settings,
    })
}

/// Reads and measures one layer; `position` is its number, and of how many.
fn measure(
    task: &Task,
    position: (usize, usize),
    settings: &Analysis,
    arguments: &AnalyzeArguments,
) -> Result<(LayerFacts, Report), Failure> {
    let label = match position {
        (_, 1) => task.layer.name.clone(),
        (number, all) => format!("{} ({number} of {all})", task.layer.name),
    };
    let bar = Bar::new(&label);
    let layer = files::read_layer(&task.file, Some(&task.layer.name))?;
    interrupt::check()?;
    let report = settings
        .clone()
        .progress(bar.callback())
        .run(layer.activations.view())
        .map_err(|error| Failure::of_analysis(&task.subject(), &error))?;
    interrupt::check()?;
    Ok((LayerFacts::new(task, &layer, &report, arguments), report))
}

/// The folder of a layer's results: none for the only layer, its name for one of several, with the
/// file's name in front where another file has a layer of that name.
fn folder_of(task: &Task, tasks: &[Task]) -> Option<String> {
    if tasks.len() == 1 {
        return None;
    }
    let name = &task.layer.name;
    let is_elsewhere = tasks.iter().any(|t| t.layer.name == *name && t.file != task.file);
    Some(match task.file.file_stem() {
        Some(stem) if is_elsewhere && *stem != **name => {
            format!("{}.{name}", stem.to_string_lossy())
        }
        _ => name.clone(),
    })
}

fn write(
    output: &mut OutputDirectory,
    folder: &Option<String>,
    report: &Report,
) -> Result<Written, FileError> {
    let (entropy, mi) = (report.entropy.view(), report.mutual_information.view());
    let paths: (PathBuf, PathBuf) = match folder {
        None => (output.write_array("entropy.npy", entropy)?, output.write_array("mi.npy", mi)?),
        Some(name) => {
            let mut folder = output.folder(name)?;
            (folder.write_array("entropy.npy", entropy)?, folder.write_array("mi.npy", mi)?)
        }
    };
    Ok(Written { entropy: paths.0, mutual_information: paths.1 })
}

fn json(layers: &[LayerFacts], arguments: &AnalyzeArguments) -> Result<String, Failure> {
    let version = env!("CARGO_PKG_VERSION");
    let facts = Facts { version, settings: Settings::of(arguments), layers };
    to_json(&facts)
}

/// Pretty JSON with a line end.
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
    interrupt::check()?; // from here on there is no way back
    output.commit()?;
    if let Some(directory) = &arguments.out {
        note(&format!("results are in {}", directory.display()));
    }
    Ok(())
}
