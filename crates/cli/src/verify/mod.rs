//! The command `cofire verify`, which computes parts of results again and compares.

mod compare;
mod recompute;
mod recorded;
mod selected;

use std::path::{Path, PathBuf};

use cofire_files::{FileBatches, Layer, expand_path, open_batches, read_layer};
use cofire_jobs::{Fingerprint, Fingerprinted};

use crate::analyze::set_threads;
use crate::arguments::VerifyArguments;
use crate::failure::{Failure, note, one_line};
use crate::interrupt;
use crate::measure::fingerprint;
use crate::printer::Printer;
use crate::progress::Bar;
use crate::settings::{Method, Settings};
use crate::text::Lines;
use compare::{Compared, Stored, differs};
use recompute::{Choice, Recomputed};
use recorded::{RecordedLayer, RecordedPairs, Summary};

pub(crate) fn run(arguments: &VerifyArguments) -> Result<(), Failure> {
    interrupt::watch()?;
    set_threads(arguments.engine.threads)?; // before anything starts the thread pool
    let summary = Summary::read(&arguments.results)?;
    if summary.version() != env!("CARGO_PKG_VERSION") {
        let (there, here) = (summary.version(), env!("CARGO_PKG_VERSION"));
        let there = one_line(there);
        note(&format!("the results are of cofire {there}, and this is {here}; bits may differ"));
    }
    match &summary {
        Summary::Layers { options, layers, .. } => {
            let mut settings = Settings::of(&recorded::arguments(options, &arguments.engine)?)?;
            let files = files_of(arguments, layers)?;
            settings.open_engine()?;
            let mut printer = Printer::default();
            for (index, (layer, files)) in layers.iter().zip(files).enumerate() {
                let gap = if index == 0 { "" } else { "\n" };
                let text = verify_layer(arguments, &settings, layer, files)?;
                printer.print(&format!("{gap}{text}"))?;
            }
            Ok(())
        }
        Summary::Pairs(pairs) => {
            let measurement = recorded::arguments(&pairs.settings, &arguments.engine)?;
            let mut settings = Settings::of(&measurement)?;
            settings.open_engine()?;
            Printer::default().print(&verify_pairs(arguments, &settings, pairs)?)
        }
    }
}

/// The files of a layer, and of the layer that it was measured against.
struct Files {
    this: PathBuf,
    other: Option<PathBuf>,
}

/// Returns the files of every layer: the recorded ones, or those that were given in their place.
fn files_of(arguments: &VerifyArguments, layers: &[RecordedLayer]) -> Result<Vec<Files>, Failure> {
    let mut recorded: Vec<&PathBuf> = Vec::new();
    for layer in layers {
        if !recorded.contains(&&layer.file) {
            recorded.push(&layer.file);
        }
    }
    let given = &arguments.input;
    if !given.is_empty() && given.len() != recorded.len() {
        return Err(Failure::Input(format!(
            "--input has {} files, and {} were measured; give one for each, in this order: {}",
            given.len(),
            recorded.len(),
            recorded.iter().map(|file| file.display().to_string()).collect::<Vec<_>>().join(", ")
        )));
    }
    if arguments.other.is_some() && layers.iter().all(|layer| layer.other.is_none()) {
        return Err(Failure::Input(
            "the results are of pairs within layers; leave --other out".to_owned(),
        ));
    }
    if arguments.layer.is_some() {
        return Err(Failure::Input(
            "the results name their layers; --layer is for those of merge".to_owned(),
        ));
    }
    let now = |file: &PathBuf| {
        let place = recorded.iter().position(|other| *other == file);
        place.and_then(|place| given.get(place)).unwrap_or(file).clone()
    };
    let files = layers.iter().map(|layer| Files {
        this: now(&layer.file),
        other: layer
            .other
            .as_ref()
            .map(|other| arguments.other.clone().unwrap_or_else(|| now(&other.file))),
    });
    Ok(files.collect())
}

/// Verifies a layer of the results of `analyze`. Returns the text to print.
fn verify_layer(
    arguments: &VerifyArguments,
    settings: &Settings,
    recorded: &RecordedLayer,
    files: Files,
) -> Result<String, Failure> {
    let subject = format!("{}, layer {}", files.this.display(), recorded.name);
    let Some(written) = &recorded.written else {
        return Err(Failure::Input(format!(
            "{subject}: the summary lists no files; it was not written by --out"
        )));
    };
    let bar = Bar::new(&recorded.name);
    let layer = read(&files.this, &recorded.name)?;
    let of_input = same_fingerprint(&layer, recorded.fingerprint.as_deref(), &subject)?;
    let other = match (&recorded.other, &files.other) {
        (Some(recorded), Some(file)) => {
            let other = read(file, &recorded.name)?;
            let subject = format!("{}, layer {}", file.display(), recorded.name);
            same_fingerprint(&other, recorded.fingerprint.as_deref(), &subject)?;
            Some(other)
        }
        _ => None,
    };
    let failed = |error: &cofire::Error| Failure::of_analysis(&subject, error);
    let choice = choice(arguments);
    let here = recompute::of_layers(&settings.method, &layer, other.as_ref(), choice, &bar);
    let here = here.map_err(|error| failed(&error))?;
    drop(bar); // before text is printed in its place
    let digest = recorded.digest.as_deref();
    let digest = digest.map(|text| recorded::digest(text, "summary.json")).transpose()?;
    let units = settings.units.name();
    let stored = Stored { results: &arguments.results, written, digest, units };
    let compared = stored.compare(&here)?;
    Ok(text(&subject, of_input, &compared, &stored, Vec::new()))
}

/// Verifies the results of `pairs` or `merge`. Returns the text to print.
fn verify_pairs(
    arguments: &VerifyArguments,
    settings: &Settings,
    recorded: &RecordedPairs,
) -> Result<String, Failure> {
    let Method::Histograms(histograms) = &settings.method else {
        return Err(Failure::Input(
            "the settings in summary.json are not those of pairs".to_owned(),
        ));
    };
    let mut layer = open(arguments, recorded)?;
    let subject = format!("layer {}", layer.name());
    let failed = |error: &cofire::Error| Failure::of_analysis(&subject, error);
    let bar = Bar::new(layer.name());
    let mut analysis = recompute::watched(histograms, &bar);
    if let Some(bytes) = arguments.memory {
        analysis = analysis.memory_limit(bytes);
    }
    if let Some(directory) = &arguments.spill_dir {
        analysis = analysis.spill_directory(directory);
    }
    let mut source = Fingerprinted::new(&mut layer);
    let here = recompute::of_source(&analysis, &mut source, choice(arguments));
    let found = source.fingerprint();
    let of_input = match found {
        Some(found) => compare_fingerprint(found, recorded.fingerprint.as_deref(), &subject)?,
        None => String::new(),
    };
    let here = here.map_err(|error| failed(&error))?;
    drop(bar); // before text is printed in its place

    let digest = recorded.digest.as_deref();
    let digest = digest.map(|text| recorded::digest(text, "summary.json")).transpose()?;
    let (results, units) = (&arguments.results, settings.units.name());
    let stored = Stored { results, written: &recorded.written, digest, units };
    let mut compared = stored.compare(&here)?;
    let more = compare_selected(&stored, recorded, &here, &mut compared)?;
    Ok(text(&subject, of_input, &compared, &stored, more))
}

/// Compares the selected pairs, if they are there as text. Returns a line about them.
fn compare_selected(
    stored: &Stored<'_>,
    recorded: &RecordedPairs,
    here: &Recomputed,
    compared: &mut Compared,
) -> Result<Vec<(&'static str, String)>, Failure> {
    const KEY: &str = "pairs_csv";
    let Some(file) = stored.written.get(KEY) else { return Ok(Vec::new()) };
    let path = recorded::path_within(stored.results, file)?;
    let pairs = selected::read(&path)?;
    let number = selected::compare(&pairs, here, &path, stored.units)?;
    let mut text = format!("{number} of {} in these blocks: the same", pairs.len());
    if let Some(digest) = &recorded.digest_of_selected {
        let digest = recorded::digest(digest, "summary.json")?;
        selected::compare_digest(&pairs, here, digest, &path)?;
        text += &format!("; digest of all {digest}");
    }
    compared.add_file(KEY);
    Ok(vec![("selected pairs", text)])
}

fn choice(arguments: &VerifyArguments) -> Choice {
    Choice { blocks: arguments.blocks, seed: arguments.seed }
}

/// Reads the layer of that name, or the only one: a file without names may be called something else now.
fn read(file: &Path, name: &str) -> Result<Layer, Failure> {
    if !file.exists() {
        return Err(Failure::Input(format!(
            "{} is not there; give the activations with --input or --other",
            file.display()
        )));
    }
    let layers = cofire_files::layers(file)?;
    let name = if let [only] = layers.as_slice() { &only.name } else { name };
    let layer = read_layer(file, Some(name))?;
    interrupt::check()?;
    Ok(layer)
}

/// Opens the activations of `pairs`.
fn open(arguments: &VerifyArguments, recorded: &RecordedPairs) -> Result<FileBatches, Failure> {
    if arguments.other.is_some() {
        return Err(Failure::Input(
            "the results are of pairs within a layer; leave --other out".to_owned(),
        ));
    }
    let given = &arguments.input;
    let (paths, name) = match &recorded.input {
        Some(input) if given.is_empty() => (&input.files, Some(&input.layer)),
        Some(input) => (given, Some(&input.layer)),
        None if given.is_empty() => {
            return Err(Failure::Input(
                "results of merge do not say where their activations are; give them with --input"
                    .to_owned(),
            ));
        }
        None => (given, None),
    };
    let mut files = Vec::new();
    for path in paths {
        if !path.exists() && given.is_empty() {
            return Err(Failure::Input(format!(
                "{} is not there; give the activations with --input",
                path.display()
            )));
        }
        files.extend(expand_path(path)?);
    }
    if let Some(name) = &arguments.layer {
        return Ok(open_batches(&files, Some(name))?);
    }
    // A single array needs no name, and that of a .npy file is the file's, which may be another one now.
    match (open_batches(&files, None), name) {
        (Err(_), Some(name)) => Ok(open_batches(&files, Some(name))?),
        (opened, _) => Ok(opened?),
    }
}

fn same_fingerprint(layer: &Layer, there: Option<&str>, subject: &str) -> Result<String, Failure> {
    let here = fingerprint(layer).map_err(|error| Failure::of_analysis(subject, &error))?;
    compare_fingerprint(here, there, subject)
}

fn compare_fingerprint(
    here: Fingerprint,
    there: Option<&str>,
    subject: &str,
) -> Result<String, Failure> {
    match there {
        Some(there) if there != here.to_string() => Err(differs(format!(
            "the activations of {subject} have the fingerprint {here}, and the results are of {}; \
             give those with --input",
            one_line(there)
        ))),
        Some(_) => Ok(format!("fingerprint {here}: the same")),
        None => Ok(format!("fingerprint {here}, and none in the results")),
    }
}

/// Returns the text about a layer.
fn text(
    subject: &str,
    of_input: String,
    compared: &Compared,
    stored: &Stored<'_>,
    more: Vec<(&'static str, String)>,
) -> String {
    let mut lines = Lines::default();
    lines.add("activations", of_input);
    lines.add("neurons", &compared.neurons);
    lines.add("pairs", &compared.pairs);
    for (label, value) in more {
        lines.add(label, value);
    }
    lines.add("digest", &compared.digest);
    lines.add("compared", one_line(&compared.files(stored.written, true)));
    let others = compared.files(stored.written, false);
    if !others.is_empty() {
        lines.add("not compared", one_line(&others));
    }
    lines.finish(one_line(subject) + "\n")
}
