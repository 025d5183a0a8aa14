//! What can go wrong.

use std::path::PathBuf;

use cofire_files::FileError;

/// Why there is no comparison, or no report of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nothing was given to compare.
    #[error("there is no model to compare; give activations of one or more")]
    NoModels,
    /// A model has no layer.
    #[error("model {model} has no layer; leave it out or give its activations")]
    NoLayers {
        /// Its name.
        model: String,
    },
    /// Two models have one name.
    #[error("two models are called {name}; give each a name of its own")]
    SameName {
        /// The name.
        name: String,
    },
    /// Two layers of a model have one name.
    #[error("model {model} has two layers called {layer}; give each a name of its own")]
    SameLayer {
        /// The model's name.
        model: String,
        /// The layers' name.
        layer: String,
    },
    /// A layer was measured on another number of samples in one model than in another.
    #[error(
        "layer {layer} has {samples} samples in model {model} and {other_samples} in {other_model}; \
         estimates depend on the number of samples, so give all models the same ones"
    )]
    SamplesDiffer {
        /// The layer's name.
        layer: String,
        /// A model's name.
        model: String,
        /// How many samples it has.
        samples: usize,
        /// Another model's name.
        other_model: String,
        /// How many samples that one has.
        other_samples: usize,
    },
    /// Layers were measured in nats and in bits.
    #[error("layers are in different units; measure all in nats or all in bits")]
    UnitsDiffer,
    /// Scores were given for a single model.
    #[error("scores rank models, and there is only one; give more models, or no scores")]
    OneModel,
    /// A model has no score.
    #[error("there is no score for model {model}; add a line for it, or leave the model out")]
    NoScore {
        /// Its name.
        model: String,
    },
    /// A score has no model.
    #[error(
        "line {line} scores {model}, and no model is called that; there are: {}",
        models.join(", ")
    )]
    UnknownModel {
        /// The name that was found.
        model: String,
        /// Where, counted from 1; 0 if it came from no file.
        line: u64,
        /// The names there are.
        models: Vec<String>,
    },
    /// A file of scores cannot be read.
    #[error("could not read {}", path.display())]
    ScoresUnreadable {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// A file of scores is not what it should be.
    #[error("{}, line {line}: {problem}", path.display())]
    ScoresMalformed {
        /// The file.
        path: PathBuf,
        /// Where, counted from 1.
        line: u64,
        /// What is wrong, and what to do.
        problem: String,
    },
    /// A test of the pairs cannot be made.
    #[error(transparent)]
    Analysis(#[from] cofire::Error),
    /// A picture could not be made.
    #[error("could not draw {picture}: {problem}")]
    Picture {
        /// Its name.
        picture: String,
        /// What the drawing library says.
        problem: String,
    },
    /// A file of the report could not be made.
    #[error("could not make {file}: {problem}")]
    Format {
        /// Its name.
        file: &'static str,
        /// What went wrong.
        problem: String,
    },
    /// A file of the report could not be written.
    #[error(transparent)]
    Output(#[from] FileError),
    /// The callback of [`crate::Comparison::write_watched`] asked to stop.
    #[error("cancelled")]
    Cancelled,
}
