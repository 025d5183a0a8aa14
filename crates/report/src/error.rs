//! Errors of this crate.

use std::path::PathBuf;

use cofire_files::FileError;

/// The reason that a comparison or its report could not be made.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Nothing was given to compare.
    #[error("there is no model to compare; give activations of one or more")]
    NoModels,
    /// A model has no layer.
    #[error("model {model} has no layer; leave it out or give its activations")]
    NoLayers {
        /// The model's name.
        model: String,
    },
    /// Two models have the same name.
    #[error("two models are called {name}; give each a name of its own")]
    SameName {
        /// The name.
        name: String,
    },
    /// Two layers of a model have the same name.
    #[error("model {model} has two layers called {layer}; give each a name of its own")]
    SameLayer {
        /// The model's name.
        model: String,
        /// The layers' name.
        layer: String,
    },
    /// A layer was measured on different numbers of samples in two models.
    #[error(
        "layer {layer} has {samples} samples in model {model} and {other_samples} in {other_model}; \
         estimates depend on the number of samples, so give all models the same ones"
    )]
    SamplesDiffer {
        /// The layer's name.
        layer: String,
        /// A model's name.
        model: String,
        /// The number of samples in that model.
        samples: usize,
        /// Another model's name.
        other_model: String,
        /// The number of samples in the other model.
        other_samples: usize,
    },
    /// Some layers were measured in nats and others in bits.
    #[error("layers are in different units; measure all in nats or all in bits")]
    UnitsDiffer,
    /// Scores were given for a single model.
    #[error("scores rank models, and there is only one; give more models, or no scores")]
    OneModel,
    /// A model has no score.
    #[error("there is no score for model {model}; add a line for it, or leave the model out")]
    NoScore {
        /// The model's name.
        model: String,
    },
    /// A score has no model.
    #[error(
        "line {line} scores {model}, and no model is called that; there are: {}",
        models.join(", ")
    )]
    UnknownModel {
        /// The name that no model has.
        model: String,
        /// The line, counted from 1; 0 if the score came from no file.
        line: u64,
        /// The names of the models.
        models: Vec<String>,
    },
    /// A file of scores cannot be read.
    #[error("could not read {}", path.display())]
    ScoresUnreadable {
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// A file of scores is malformed.
    #[error("{}, line {line}: {problem}", path.display())]
    ScoresMalformed {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: u64,
        /// The problem, and a way to solve it.
        problem: String,
    },
    /// The pairs cannot be tested.
    #[error(transparent)]
    Analysis(#[from] cofire::Error),
    /// A picture could not be made.
    #[error("could not draw {picture}: {problem}")]
    Picture {
        /// The picture's name.
        picture: String,
        /// The drawing library's message.
        problem: String,
    },
    /// A file of the report could not be made.
    #[error("could not make {file}: {problem}")]
    Format {
        /// The file's name.
        file: &'static str,
        /// The problem.
        problem: String,
    },
    /// A file of the report could not be written.
    #[error(transparent)]
    Output(#[from] FileError),
    /// The callback of [`crate::Comparison::write_watched`] asked to stop.
    #[error("cancelled")]
    Cancelled,
}
