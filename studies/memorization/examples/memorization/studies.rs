//! Making studies from arguments.

use cofire::Range;
use cofire_memorization::Error;
use cofire_memorization::circles::Circles;
use cofire_memorization::images::{self, ImageSet};
use cofire_memorization::measures::Measuring;
use cofire_memorization::network::{Nonlinearity, Probe, Training};
use cofire_memorization::study::{Level, Study, Task};

use crate::arguments::{Arguments, NonlinearityName, TaskName};

/// Shares of shuffled labels, as in the paper.
const BETAS: [f64; 5] = [0.0, 0.25, 0.5, 0.75, 1.0];
/// Shares of colours that give the label away: those of the paper's released code.
const ALPHAS: [f64; 5] = [0.0, 0.25, 0.5, 0.75, 1.0];
/// The number of circle points to train on, as in the paper's released code. It is small enough for
/// two layers of 16 neurons to memorize.
const TRAINING_CIRCLES: usize = 100;
/// The mean loss in nats at which training ends.
const ENOUGH: f64 = 0.02;

/// A study and its names.
#[derive(Debug)]
pub(crate) struct Named<'a> {
    /// The name in file names, such as `shuffled-digits-relu`.
    pub(crate) name: String,
    /// The name in headings.
    pub(crate) title: String,
    /// The study.
    pub(crate) study: Study<'a>,
}

impl Named<'_> {
    /// Returns the maximum number of epochs of all networks of the study together.
    pub(crate) fn epochs(&self) -> u64 {
        (self.study.networks() * self.study.training.epochs) as u64
    }
}

/// Loads the images that the arguments ask for.
pub(crate) fn images(arguments: &Arguments) -> Result<ImageSet, Error> {
    match &arguments.mnist {
        Some(directory) => images::mnist(directory, arguments.train_samples.get()),
        None => images::digits(),
    }
}

/// Makes a study for every task with every nonlinearity.
pub(crate) fn all<'a>(arguments: &Arguments, images: &'a ImageSet) -> Vec<Named<'a>> {
    let mut studies = Vec::new();
    for &task in &arguments.task {
        for &nonlinearity in &arguments.nonlinearity {
            studies.push(study(arguments, images, task, nonlinearity));
        }
    }
    studies
}

fn study<'a>(
    arguments: &Arguments,
    images: &'a ImageSet,
    task: TaskName,
    nonlinearity: NonlinearityName,
) -> Named<'a> {
    let nonlinearity = match nonlinearity {
        NonlinearityName::Relu => Nonlinearity::Relu,
        NonlinearityName::Tanh => Nonlinearity::Tanh,
    };
    let set = images.name;
    let (short, title, task, levels) = match task {
        TaskName::Circles => (
            "circles".to_owned(),
            "Concentric circles".to_owned(),
            Task::Circles { training: TRAINING_CIRCLES },
            [Circles::Shortcut, Circles::Clean, Circles::Shuffled].map(Level::Circles).to_vec(),
        ),
        TaskName::Shuffled => (
            format!("shuffled-{}", set.to_lowercase()),
            format!("Shuffled {set}"),
            Task::Shuffled(images),
            BETAS.map(Level::Beta).to_vec(),
        ),
        TaskName::Colored => (
            format!("colored-{}", set.to_lowercase()),
            format!("Colored {set}"),
            Task::Colored(images),
            ALPHAS.map(Level::Alpha).to_vec(),
        ),
    };
    let is_circles = matches!(task, Task::Circles { .. });
    let hidden = match (is_circles, arguments.quick) {
        (true, _) => vec![16, 16],
        (false, true) => vec![32, 32, 32],
        (false, false) => vec![256, 256, 256],
    };
    let (seeds, epochs) = if arguments.quick {
        (1, 10)
    } else {
        (arguments.seeds.get() as u64, arguments.epochs.get())
    };
    let training = Training {
        hidden,
        nonlinearity,
        learning_rate: 0.003,
        batch: 250,
        // Networks on circles and their training set are small: an epoch is a single step.
        epochs: if is_circles { 10 * epochs } else { epochs },
        enough: ENOUGH,
    };
    Named {
        name: format!("{short}-{}", nonlinearity.name()),
        title: format!("{title}, {}", nonlinearity.name()),
        study: Study {
            task,
            levels,
            seeds,
            training,
            samples: arguments.samples.get(),
            probe: if arguments.before_nonlinearity { Probe::Sum } else { Probe::Output },
            measuring: Measuring {
                bins: arguments.bins.into(),
                range: Range::PerNeuron,
                nearest_neighbors: arguments.nearest_neighbors,
            },
        },
    }
}
