//! The layers to measure, and their files.

use std::path::{Path, PathBuf};

use cofire_files::LayerInfo;

use crate::arguments::AnalyzeArguments;
use crate::failure::{Failure, note, one_line};

/// The path of the example, relative to the root of the repository.
pub(crate) const EXAMPLE: &str = "examples/data/minilm.safetensors";

/// A layer, and the file it is in.
#[derive(Debug, Clone)]
pub(crate) struct LayerPlace {
    pub(crate) file: PathBuf,
    pub(crate) layer: LayerInfo,
}

impl LayerPlace {
    /// Returns the file and the layer's name, for messages.
    pub(crate) fn subject(&self) -> String {
        format!("{}, layer {}", self.file.display(), self.layer.name)
    }

    /// Returns the number of samples, as the file states it.
    pub(crate) fn samples(&self) -> usize {
        let leading = self.layer.shape.split_last().map_or(&[][..], |(_, leading)| leading);
        leading.iter().fold(1, |product, &length| product.saturating_mul(length))
    }
}

/// One layer to measure.
#[derive(Debug, Clone)]
pub(crate) struct Task {
    pub(crate) this: LayerPlace,
    /// The layer that it is measured against, unless it is itself.
    pub(crate) other: Option<LayerPlace>,
}

/// Returns the layers that were asked for, in the order of the files and of `--layer`. Reads which
/// layers each file has before any layer is measured.
pub(crate) fn tasks(arguments: &AnalyzeArguments) -> Result<Vec<Task>, Failure> {
    let example = [PathBuf::from(EXAMPLE)];
    let files =
        if arguments.files.is_empty() { use_example(&example)? } else { &arguments.files[..] };
    let (other_file, other_layer) = (&arguments.input.other, &arguments.input.other_layer);
    let other = other_file.as_ref().map(|file| other(file, other_layer.as_deref())).transpose()?;
    let mut tasks = Vec::new();
    for file in files {
        let other = match (&other, other_layer) {
            (None, Some(name)) => Some(self::other(file, Some(name))?),
            (other, _) => other.clone(),
        };
        let layers = layers_of(file, &arguments.input.layers)?.into_iter();
        tasks.extend(layers.map(|layer| Task {
            this: LayerPlace { file: file.clone(), layer },
            other: other.clone(),
        }));
    }
    Ok(tasks)
}

/// Returns the layer to measure against: the one with that name, or the only one.
fn other(file: &Path, name: Option<&str>) -> Result<LayerPlace, Failure> {
    let layer = match name {
        Some(name) => layers_of(file, &[name.to_owned()])?,
        None => layers_of(file, &[])?,
    };
    match <[LayerInfo; 1]>::try_from(layer) {
        Ok([layer]) => Ok(LayerPlace { file: file.into(), layer }),
        Err(layers) => Err(Failure::Input(format!(
            "{} has several layers; choose one with --other-layer: {}",
            file.display(),
            names(&layers)
        ))),
    }
}

pub(crate) fn use_example(example: &[PathBuf; 1]) -> Result<&[PathBuf], Failure> {
    if !Path::new(EXAMPLE).is_file() {
        return Err(Failure::Input(format!(
            "no FILE was given and there is no {EXAMPLE} here; \
             pass a FILE, or run from the root of cofire's repository"
        )));
    }
    note(&format!("no FILE was given: measuring the example, {EXAMPLE}"));
    Ok(example)
}

/// Returns the layers with these names, or all that can be measured.
pub(crate) fn layers_of(file: &Path, wanted: &[String]) -> Result<Vec<LayerInfo>, Failure> {
    let layers = cofire_files::layers(file)?;
    if wanted.is_empty() { all_readable(file, layers) } else { named(file, &layers, wanted) }
}

fn names(layers: &[LayerInfo]) -> String {
    let names: Vec<String> = layers.iter().map(|layer| one_line(&layer.name)).collect();
    names.join(", ")
}

/// Returns all layers that can be measured. Skips others, such as labels saved in the same file.
fn all_readable(file: &Path, layers: Vec<LayerInfo>) -> Result<Vec<LayerInfo>, Failure> {
    let (readable, others): (Vec<_>, Vec<_>) = layers.into_iter().partition(LayerInfo::is_readable);
    if let (true, Some(other)) = (readable.is_empty(), others.first()) {
        // The error from reading it says what is wrong with it.
        cofire_files::read_layer(file, Some(&other.name))?;
    }
    for LayerInfo { name, shape, element_type, .. } in &others {
        let file = file.display();
        note(&format!("skipping {file}, layer {name}: {element_type} of shape {shape:?}"));
    }
    Ok(readable)
}

fn named(file: &Path, layers: &[LayerInfo], wanted: &[String]) -> Result<Vec<LayerInfo>, Failure> {
    let mut chosen: Vec<LayerInfo> = Vec::new();
    for name in wanted {
        match layers.iter().find(|layer| layer.name == *name) {
            Some(layer) if !chosen.contains(layer) => chosen.push(layer.clone()),
            Some(_) => {}
            None => {
                return Err(Failure::Input(format!(
                    "{} has no layer {name}; there are: {}",
                    file.display(),
                    names(layers)
                )));
            }
        }
    }
    Ok(chosen)
}
