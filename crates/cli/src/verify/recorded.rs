//! The summary of results, as far as it takes to compute them again.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use clap::Parser;
use cofire::digest::Digest;
use serde::Deserialize;

use crate::arguments::{AnalyzeArguments, Arguments, Command, EngineArguments};
use crate::digests_file::{self, DigestsFile};
use crate::failure::{Failure, one_line};

/// The largest file of JSON that is read.
const MOST_BYTES: u64 = 1 << 30;

/// The options that decide numbers. Others in a summary are not those of a measurement.
const OPTIONS: [&str; 10] = [
    "--binning",
    "--bins",
    "--range",
    "--zero-bin",
    "--estimator",
    "--neighbors",
    "--jitter",
    "--seed",
    "--preset",
    "--units",
];

/// A summary that `analyze`, or `pairs` or `merge` has written.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub(super) enum Summary {
    Layers { version: String, options: BTreeMap<String, String>, layers: Vec<RecordedLayer> },
    Pairs(RecordedPairs),
}

/// A layer of the results of `analyze`.
#[derive(Debug, Deserialize)]
pub(super) struct RecordedLayer {
    pub(super) file: PathBuf,
    pub(super) name: String,
    pub(super) digest: Option<String>,
    pub(super) fingerprint: Option<String>,
    pub(super) other: Option<RecordedOther>,
    pub(super) written: Option<BTreeMap<String, PathBuf>>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RecordedOther {
    pub(super) file: PathBuf,
    pub(super) name: String,
    pub(super) fingerprint: Option<String>,
}

/// The results of `pairs` or `merge`.
#[derive(Debug, Deserialize)]
pub(super) struct RecordedPairs {
    pub(super) version: String,
    /// The activations; none if blocks were only joined.
    pub(super) input: Option<RecordedInput>,
    pub(super) settings: BTreeMap<String, String>,
    pub(super) digest: Option<String>,
    pub(super) digest_of_selected: Option<String>,
    pub(super) fingerprint: Option<String>,
    pub(super) written: BTreeMap<String, PathBuf>,
}

#[derive(Debug, Deserialize)]
pub(super) struct RecordedInput {
    pub(super) files: Vec<PathBuf>,
    pub(super) layer: String,
}

impl Summary {
    pub(super) fn read(results: &Path) -> Result<Self, Failure> {
        let path = results.join("summary.json");
        let text = read_text(&path).map_err(|problem| {
            Failure::Input(format!(
                "{}: {problem}; RESULTS is a directory that --out of analyze, pairs or merge has \
                 written",
                path.display()
            ))
        })?;
        serde_json::from_str(&text).map_err(|error| {
            Failure::Input(format!(
                "{}: {error}; expected a summary that this version of cofire has written",
                path.display()
            ))
        })
    }

    pub(super) fn version(&self) -> &str {
        match self {
            Self::Layers { version, .. } => version,
            Self::Pairs(pairs) => &pairs.version,
        }
    }
}

/// Makes the arguments of the measurement that has these options.
pub(super) fn arguments(
    options: &BTreeMap<String, String>,
    engine: &EngineArguments,
) -> Result<AnalyzeArguments, Failure> {
    let chosen = options.iter().filter(|(name, _)| OPTIONS.contains(&name.as_str()));
    let option = |(name, value): (&String, &String)| match value.as_str() {
        "" => name.clone(),
        value => format!("{name}={value}"),
    };
    let words = ["cofire", "analyze"].map(str::to_owned).into_iter().chain(chosen.map(option));
    match Arguments::try_parse_from(words) {
        Ok(Arguments { command: Command::Analyze(arguments) }) => {
            Ok(AnalyzeArguments { engine: engine.clone(), ..*arguments })
        }
        Ok(_) => Err(Failure::Other("the settings in summary.json are no measurement".to_owned())),
        Err(error) => {
            let text = error.to_string();
            let first = text.lines().next().unwrap_or_default();
            Err(Failure::Input(format!("the settings in summary.json: {}", one_line(first))))
        }
    }
}

/// Parses a digest of the results.
pub(super) fn digest(text: &str, place: &str) -> Result<Digest, Failure> {
    text.parse().map_err(|error| Failure::Input(format!("{place}: {text:?}: {error}")))
}

/// Reads the digests of all blocks, if the results have them.
pub(super) fn digests(
    results: &Path,
    written: &BTreeMap<String, PathBuf>,
) -> Result<Option<DigestsFile>, Failure> {
    let Some(file) = written.get(digests_file::KEY) else { return Ok(None) };
    let path = path_within(results, file)?;
    let parsed = read_text(&path).and_then(|text| DigestsFile::parse(&text));
    let problem = |problem| Failure::Input(format!("{}: {problem}", path.display()));
    parsed.map(Some).map_err(problem)
}

/// Returns the path of a file of the results. A summary can name any path, so one that leads out of the
/// directory is refused.
pub(super) fn path_within(results: &Path, file: &Path) -> Result<PathBuf, Failure> {
    use std::path::Component;
    if file.components().all(|part| matches!(part, Component::Normal(_))) {
        return Ok(results.join(file));
    }
    let file = file.display();
    Err(Failure::Input(format!("summary.json names {file}, which is not within the results")))
}

pub(super) fn read_text(path: &Path) -> Result<String, String> {
    let metadata = std::fs::metadata(path).map_err(|error| error.to_string())?;
    if !metadata.is_file() {
        return Err("it is not a regular file".to_owned());
    }
    let mut text = String::new();
    let file = File::open(path).map_err(|error| error.to_string())?;
    let length = file.take(MOST_BYTES + 1).read_to_string(&mut text);
    match length.map_err(|error| error.to_string())? as u64 > MOST_BYTES {
        true => Err(format!("it is longer than {MOST_BYTES} bytes")),
        false => Ok(text),
    }
}
