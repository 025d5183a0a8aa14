//! A task at several levels of memorization, with several seeds: networks trained and measured side
//! by side, one on each core.

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

/// What networks are trained on.
#[derive(Debug, Clone, Copy)]
pub enum Task<'a> {
    /// [`circles::problem`] with this many samples to train on.
    Circles {
        /// Samples to train on.
        training: usize,
    },
    /// [`tasks::shuffled`] of these images.
    Shuffled(&'a ImageSet),
    /// [`tasks::colored`] of these images.
    Colored(&'a ImageSet),
}

/// How much there is to memorize.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Level {
    /// A kind of circles.
    Circles(Circles),
    /// A share of labels that are shuffled.
    Beta(f64),
    /// A share of colours that tell the label.
    Alpha(f64),
}

/// One task with networks of one kind.
#[derive(Debug, Clone)]
pub struct Study<'a> {
    /// What networks are trained on.
    pub task: Task<'a>,
    /// Shares of β or α, in rising order; the circles have no others than their three kinds.
    pub levels: Vec<Level>,
    /// Networks of each level, with seeds from 0.
    pub seeds: u64,
    /// What the networks are.
    pub training: Training,
    /// Held-out samples at most that activations are measured on.
    pub samples: usize,
    /// Which numbers of a neuron are measured.
    pub probe: Probe,
    /// How they are measured.
    pub measuring: Measuring,
}

/// A network of a study, trained, scored and measured.
#[derive(Debug)]
pub struct Outcome {
    /// How much there was to memorize.
    pub level: Level,
    /// Its seed.
    pub seed: u64,
    /// Passes through the training set.
    pub epochs: usize,
    /// Share of the training samples that it gets right, by the labels it was given.
    pub training_accuracy: f64,
    /// Share of held-out samples that it gets right, by true labels and without the shortcut.
    pub score: f64,
    /// Activations of each hidden layer over the unlabelled samples, `samples × neurons`.
    pub activations: Vec<Array2<f32>>,
    /// What cofire says of them.
    pub measures: NetworkMeasures,
}

/// What has happened since the last time.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub enum Event {
    /// A network has gone through its training set once more.
    Epoch,
    /// A network is trained and measured, and did not need this many of its epochs.
    Done {
        /// Epochs it did not need.
        spared: usize,
    },
}

impl Level {
    /// A name for tables and files, such as `beta-0.25`.
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
    /// Number of networks.
    pub fn networks(&self) -> usize {
        self.levels.len() * usize::try_from(self.seeds).unwrap_or(usize::MAX)
    }

    /// The problem of a level with the random choices of a seed.
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
    /// Those of [`Network::train`] and [`measure`].
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

    /// All networks of the study, by level and then by seed, `threads` of them at a time.
    ///
    /// The result does not depend on the number of threads.
    ///
    /// # Errors
    ///
    /// The first error of any network; the others are stopped.
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
        // What takes longest begins first: the more there is to memorize, the more epochs it takes.
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

        // Each network has a pool of one thread to itself. In a pool that they share, a thread that
        // waits for its part of a small matrix product takes up another network meanwhile.
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
                // That others were stopped is no news; why they were is.
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
