//! Studies: a task at several levels of memorization, with several seeds. Networks are trained and
//! measured in parallel, one on each core.

use std::ops::ControlFlow;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use ndarray::Array2;
use rayon::ThreadPoolBuilder;

use crate::circles::{self, Circles};
use crate::error::Error;
use crate::images::ImageSet;
use crate::measures::{Measuring, NetworkMeasures, measure};
use crate::network::{Network, Probe, Training};
use crate::tasks::{self, Problem};

/// The task that networks are trained on.
#[derive(Debug, Clone, Copy)]
pub enum Task<'a> {
    /// [`circles::problem`] with this many samples to train on.
    Circles {
        /// The number of samples to train on.
        training: usize,
    },
    /// [`tasks::shuffled`] of these images.
    Shuffled(&'a ImageSet),
    /// [`tasks::colored`] of these images.
    Colored(&'a ImageSet),
}

/// The amount of memorization.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Level {
    /// A kind of circles.
    Circles(Circles),
    /// The share of labels that are shuffled.
    Beta(f64),
    /// The share of colours that give the label away.
    Alpha(f64),
}

/// A task with networks of the same kind at several levels.
#[derive(Debug, Clone)]
pub struct Study<'a> {
    /// The task that networks are trained on.
    pub task: Task<'a>,
    /// The levels: shares β or α in ascending order, or kinds of circles.
    pub levels: Vec<Level>,
    /// The number of networks of each level. Their seeds count from 0.
    pub seeds: u64,
    /// The shape and training of the networks.
    pub training: Training,
    /// The maximum number of held-out samples that activations are measured on.
    pub samples: usize,
    /// The values of neurons that are measured.
    pub probe: Probe,
    /// The settings of the measurement.
    pub measuring: Measuring,
}

/// A network of a study, trained, scored and measured.
#[derive(Debug)]
pub struct Outcome {
    /// The amount of memorization.
    pub level: Level,
    /// The seed.
    pub seed: u64,
    /// The number of passes through the training set.
    pub epochs: usize,
    /// The share of training samples that the network classifies as labelled, wrong labels
    /// included.
    pub training_accuracy: f64,
    /// The share of held-out samples that the network classifies correctly, by true labels and
    /// without the shortcut.
    pub score: f64,
    /// Activations of each hidden layer over the unlabelled samples, `samples × neurons`.
    pub activations: Vec<Array2<f32>>,
    /// The measures of the activations.
    pub measures: NetworkMeasures,
}

/// A step in the progress of a study.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Event {
    /// A network has passed through its training set once more.
    Epoch,
    /// A network is trained and measured.
    Done {
        /// The number of epochs that the network did not need.
        spared: usize,
    },
}

impl Level {
    /// Returns a name for tables and files, such as `beta-0.25`.
    pub fn name(self) -> String {
        match self {
            Self::Circles(Circles::Clean) => "clean".to_owned(),
            Self::Circles(Circles::Shortcut) => "shortcut".to_owned(),
            Self::Circles(Circles::Shuffled) => "shuffled".to_owned(),
            Self::Beta(share) => format!("beta-{share:.2}"),
            Self::Alpha(share) => format!("alpha-{share:.2}"),
        }
    }
}

impl Study<'_> {
    /// Returns the number of networks.
    pub fn networks(&self) -> usize {
        self.levels.len() * usize::try_from(self.seeds).unwrap_or(usize::MAX)
    }

    /// Makes the problem of a level with the random choices of a seed.
    fn problem(&self, level: Level, seed: u64) -> Result<Problem, Error> {
        match (self.task, level) {
            (Task::Circles { training }, Level::Circles(kind)) => {
                circles::problem(kind, training, self.samples, seed)
            }
            (Task::Shuffled(images), Level::Beta(share)) => tasks::shuffled(images, share, seed),
            (Task::Colored(images), Level::Alpha(share)) => tasks::colored(images, share, seed),
            (task, level) => Err(Error::LevelMismatch {
                task: format!("{task:?}").chars().take_while(|c| c.is_alphanumeric()).collect(),
                level: level.name(),
            }),
        }
    }

    /// Trains, scores and measures one network.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Network::train`] and [`measure`], and [`Error::LevelMismatch`] if
    /// the level belongs to another task.
    pub fn network(
        &self,
        level: Level,
        seed: u64,
        each_epoch: impl FnMut() -> ControlFlow<()>,
    ) -> Result<Outcome, Error> {
        let problem = self.problem(level, seed)?;
        let trained =
            Network::train(&problem.training, problem.classes, &self.training, seed, each_epoch)?;
        let samples = problem.unlabelled.nrows().min(self.samples);
        let inputs = problem.unlabelled.slice(ndarray::s![..samples, ..]);
        let activations = trained.network.activations(inputs, self.probe)?;
        Ok(Outcome {
            level,
            seed,
            epochs: trained.epochs,
            training_accuracy: trained.accuracy,
            score: trained.network.accuracy(&problem.scored)?,
            measures: measure(&activations, self.measuring)?,
            activations,
        })
    }

    /// Trains and measures all networks of the study, by level and then by seed, `threads` of them
    /// at a time.
    ///
    /// The result does not depend on the number of threads.
    ///
    /// # Errors
    ///
    /// Returns the first error of any network. The other networks are stopped.
    pub fn run(
        &self,
        threads: usize,
        progress: &(dyn Fn(Event) + Sync),
    ) -> Result<Vec<Outcome>, Error> {
        let jobs: Vec<(Level, u64)> = self
            .levels
            .iter()
            .flat_map(|&level| (0..self.seeds).map(move |seed| (level, seed)))
            .collect();
        // The jobs that take longest start first: the more there is to memorize, the more epochs a
        // network takes.
        let next = AtomicUsize::new(jobs.len());
        let stop = AtomicBool::new(false);
        let slots: Vec<Mutex<Option<Result<Outcome, Error>>>> =
            jobs.iter().map(|_| Mutex::new(None)).collect();

        let work = || {
            while let Ok(left) =
                next.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1))
            {
                let index = left - 1;
                let (level, seed) = jobs[index];
                let outcome = self.network(level, seed, || {
                    progress(Event::Epoch);
                    if stop.load(Ordering::Relaxed) {
                        ControlFlow::Break(())
                    } else {
                        ControlFlow::Continue(())
                    }
                });
                match &outcome {
                    Ok(done) => {
                        let spared = self.training.epochs.saturating_sub(done.epochs);
                        progress(Event::Done { spared });
                    }
                    Err(_) => stop.store(true, Ordering::Relaxed),
                }
                if let Ok(mut slot) = slots[index].lock() {
                    *slot = Some(outcome);
                }
                if stop.load(Ordering::Relaxed) {
                    break;
                }
            }
        };

        // Each network has its own pool of one thread. In a shared pool, a thread that waits for
        // its part of a small matrix product would start on another network meanwhile.
        let pools = (0..threads.max(1).min(jobs.len().max(1)))
            .map(|_| ThreadPoolBuilder::new().num_threads(1).build())
            .collect::<Result<Vec<_>, _>>()?;
        std::thread::scope(|scope| {
            for pool in &pools {
                scope.spawn(|| pool.install(work));
            }
        });

        let mut outcomes = Vec::with_capacity(jobs.len());
        let mut error = None;
        for slot in slots {
            match slot.into_inner().ok().flatten() {
                Some(Ok(outcome)) => outcomes.push(outcome),
                // Report the error that stopped the others, not that they were stopped.
                Some(Err(Error::Stopped)) | None => {}
                Some(Err(failure)) => error = error.or(Some(failure)),
            }
        }
        match error {
            Some(error) => Err(error),
            None if outcomes.len() < jobs.len() => Err(Error::Stopped),
            None => Ok(outcomes),
        }
    }
}
