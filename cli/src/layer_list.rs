//! Which layers of which files are to be measured.

use std::path::{Path, PathBuf};

use cofire::files::{self, LayerInfo};

use crate::failure::{Failure, note, one_line};

/// Where the example is, seen from the root of the repository.
const EXAMPLE: &str = "examples/data/minilm.safetensors";

/// One layer to measure.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) file: PathBuf,
    pub(crate) layer: LayerInfo,
}

impl Task {
    /// How to speak of it.
    pub(crate) fn subject(&self) -> String {
        format!("{}, layer {}", self.file.display(), self.layer.name)
    }
}

/// The layers that were asked for, in the order of the files and of `--layer`. Every file is
/// looked into before any is measured.
pub(crate) fn tasks(files: &[PathBuf], layers: &[String]) -> Result<Vec<Task>, Failure> {
    let example = [PathBuf::from(EXAMPLE)];
    let files = if files.is_empty() { use_example(&example)? } else { files };
    let tasks: Vec<Vec<Task>> =
        files.iter().map(|file| tasks_of(file, layers)).collect::<Result<_, _>>()?;
    Ok(tasks.into_iter().flatten().collect())
}

fn use_example(example: &[PathBuf; 1]) -> Result<&[PathBuf], Failure> {
    if !Path::new(EXAMPLE).is_file() {
        return Err(Failure::Input(format!(
            "no FILE was given and there is no {EXAMPLE} here; \
             pass a FILE, or run from the root of cofire's repository"
        )));
    }
    note(&format!("no FILE was given: measuring the example, {EXAMPLE}"));
    Ok(example)
}

fn tasks_of(file: &Path, wanted: &[String]) -> Result<Vec<Task>, Failure> {
    let found = files::layers(file)?;
    let chosen =
        if wanted.is_empty() { all_readable(file, found)? } else { named(file, &found, wanted)? };
    Ok(chosen.into_iter().map(|layer| Task { file: file.into(), layer }).collect())
}

/// All but those that cannot be measured, such as the labels that somebody saved along.
fn all_readable(file: &Path, found: Vec<LayerInfo>) -> Result<Vec<LayerInfo>, Failure> {
    let (readable, others): (Vec<_>, Vec<_>) = found.into_iter().partition(LayerInfo::is_readable);
    if let (true, Some(other)) = (readable.is_empty(), others.first()) {
        // Reading it says what is wrong with it.
        files::read_layer(file, Some(&other.name))?;
    }
    for LayerInfo { name, shape, element_type, .. } in &others {
        let file = file.display();
        note(&format!("skipping {file}, layer {name}: {element_type} of shape {shape:?}"));
    }
    Ok(readable)
}

fn named(file: &Path, found: &[LayerInfo], wanted: &[String]) -> Result<Vec<LayerInfo>, Failure> {
    let mut chosen: Vec<LayerInfo> = Vec::new();
    for name in wanted {
        match found.iter().find(|layer| layer.name == *name) {
            Some(layer) if !chosen.contains(layer) => chosen.push(layer.clone()),
            Some(_) => {}
            None => {
                let names: Vec<String> = found.iter().map(|layer| one_line(&layer.name)).collect();
                return Err(Failure::Input(format!(
                    "{} has no layer {name}; there are: {}",
                    file.display(),
                    names.join(", ")
                )));
            }
        }
    }
    Ok(chosen)
}
