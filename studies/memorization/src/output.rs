//! Output files of a study: activations, scores, measures, and the report that `cofire compare`
//! would make of them.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use cofire::{Analysis, Binning, Engine};
use cofire_files::OutputDirectory;
use cofire_report::{Comparison, Description, Layer, Model, Scores};
use ndarray::Array2;
use safetensors::Dtype;
use safetensors::tensor::TensorView;

use crate::error::Error;
use crate::ranking::Place;
use crate::study::{Outcome, Study};

/// Writes `activations/<name>/<network>.safetensors` for each network, with an array `samples ×
/// neurons` for each hidden layer, and `scores/<name>.csv`, into `directory`. `cofire compare`
/// reads these files.
///
/// # Errors
///
/// Returns an error if a file cannot be written.
pub fn write_activations(directory: &Path, name: &str, outcomes: &[Outcome]) -> Result<(), Error> {
    let mut activations = OutputDirectory::create(directory.join("activations").join(name))?;
    for outcome in outcomes {
        let file = format!("{}.safetensors", network_name(outcome));
        activations.write_bytes(&file, &to_safetensors(&outcome.activations)?)?;
    }
    activations.commit()?;

    let mut table = "model,score\n".to_owned();
    for outcome in outcomes {
        // Writing to a string never fails.
        let _ = writeln!(table, "{},{}", network_name(outcome), outcome.score);
    }
    let mut scores = OutputDirectory::create(directory.join("scores"))?;
    scores.write_text(&format!("{name}.csv"), &table)?;
    Ok(scores.commit()?)
}

/// Writes `measures/<name>.csv` into `directory`: a line for each network and layer.
///
/// # Errors
///
/// Returns an error if a file cannot be written.
pub fn write_measures(directory: &Path, name: &str, outcomes: &[Outcome]) -> Result<(), Error> {
    let mut table = "level,seed,epochs,training_accuracy,score,layer,entropy_nats,\
                     mutual_information_nats,released_entropy_nats,\
                     released_mutual_information_nats\n"
        .to_owned();
    for outcome in outcomes {
        for place in Place::all(outcome.measures.layers.len()) {
            let layer = match place {
                Place::Layer(index) => layer_name(index),
                Place::Network => "network".to_owned(),
            };
            let measures = place.of(outcome);
            let neighbors = measures.released_mutual_information.map(|value| value.to_string());
            let _ = writeln!(
                table,
                "{},{},{},{},{},{layer},{},{},{},{}",
                outcome.level.name(),
                outcome.seed,
                outcome.epochs,
                outcome.training_accuracy,
                outcome.score,
                measures.entropy,
                measures.mutual_information,
                measures.released_entropy,
                neighbors.unwrap_or_default(),
            );
        }
    }
    let mut output = OutputDirectory::create(directory.join("measures"))?;
    output.write_text(&format!("{name}.csv"), &table)?;
    Ok(output.commit()?)
}

/// Writes a report that compares the networks of the first seed into `directory/report/<name>`.
///
/// # Errors
///
/// Returns an error if activations cannot be measured, a picture cannot be drawn, or a file cannot
/// be written.
pub fn write_report(
    directory: &Path,
    name: &str,
    title: &str,
    study: &Study<'_>,
    outcomes: &[Outcome],
) -> Result<(), Error> {
    let first: Vec<&Outcome> = outcomes.iter().filter(|outcome| outcome.seed == 0).collect();
    let analysis = Analysis::with_binning(Binning::equal_width_over(
        study.measuring.bins,
        study.measuring.range,
    ))
    .engine(Engine::Cpu);
    let mut models = Vec::new();
    for outcome in &first {
        let mut layers = Vec::new();
        for (index, activations) in outcome.activations.iter().enumerate() {
            let layer = layer_name(index);
            let report = analysis.run(activations.view()).map_err(|source| Error::Measure {
                what: format!("{layer} of {}", network_name(outcome)),
                source,
            })?;
            layers.push(Layer::of(layer, &report)?);
        }
        models.push(Model::new(outcome.level.name(), layers));
    }
    let scores = Scores::of(first.iter().map(|outcome| (outcome.level.name(), outcome.score)));
    let comparison = Comparison::of(models, Some(&scores))?;
    let description = Description::new(title)
        .setting("networks", "those of seed 0")
        .setting("bins", format!("{} of equal width", study.measuring.bins))
        .setting("scores", "accuracy on held-out samples with true labels and no shortcut");
    let mut output = OutputDirectory::create(directory.join("report").join(name))?;
    comparison.write(&mut output, &description)?;
    Ok(output.commit()?)
}

/// Returns the name of a network in files.
fn network_name(outcome: &Outcome) -> String {
    format!("{}-seed-{}", outcome.level.name(), outcome.seed)
}

fn layer_name(index: usize) -> String {
    format!("layer {}", index + 1)
}

fn to_safetensors(layers: &[Array2<f32>]) -> Result<Vec<u8>, Error> {
    let bytes: Vec<Vec<u8>> = layers
        .iter()
        .map(|layer| layer.iter().flat_map(|value| value.to_le_bytes()).collect())
        .collect();
    let mut tensors = BTreeMap::new();
    for (index, (layer, bytes)) in layers.iter().zip(&bytes).enumerate() {
        let shape = vec![layer.nrows(), layer.ncols()];
        tensors.insert(layer_name(index), TensorView::new(Dtype::F32, shape, bytes)?);
    }
    Ok(safetensors::serialize(tensors, None)?)
}
