//! Timing of a job.

use std::time::{Duration, Instant};

use cofire::execution::Transfer;
use cofire::report::Timings;
use cofire::{Analysis, Report};
use serde_json::{Value, json};

use crate::input::Input;

/// The times of one run.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    pub(crate) stages: Timings,
    /// The transfers to and from a device: parts of [`Timings::pairs`].
    pub(crate) transfer: Option<Transfer>,
    pub(crate) whole: Duration,
}

impl Times {
    /// Returns the times of every stage, of its parts, and of the whole job: from activations in
    /// memory to the matrix.
    pub(crate) fn named(&self) -> Vec<(&'static str, Duration)> {
        let Timings { discretize, open_engine, pairs, .. } = self.stages;
        let mut named =
            vec![("discretize", discretize), ("open_engine", open_engine), ("pairs", pairs)];
        named.extend(self.transfer.iter().flat_map(parts));
        named.push(("whole", self.whole));
        named
    }

    pub(crate) fn json(&self) -> Value {
        let seconds = |(name, time): (&str, Duration)| (name.to_owned(), json!(time.as_secs_f64()));
        Value::Object(self.named().into_iter().map(seconds).collect())
    }
}

fn parts(transfer: &Transfer) -> [(&'static str, Duration); 4] {
    [
        ("pairs.upload", transfer.upload),
        ("pairs.read_back", transfer.read_back),
        ("pairs.waiting", transfer.waiting),
        ("pairs.device_busy", transfer.device_busy),
    ]
}

/// The first run, which also creates pipelines on a GPU, and the fastest of the later ones.
pub(crate) struct Measurement {
    pub(crate) report: Report,
    pub(crate) cold: Times,
    pub(crate) best: Times,
    /// The number of runs after the first.
    pub(crate) runs: u32,
}

/// The least number of runs after the first, unless `--repeat` sets the number. Runs continue until
/// [`LEAST_TIME`] is over.
const LEAST_RUNS: u32 = 5;
const LEAST_TIME: Duration = Duration::from_secs(1);

/// Measures a job. `opening` is the time that it took to open the engine, and is added to the first
/// run.
pub(crate) fn measure(
    analysis: &Analysis,
    input: &Input,
    repeat: Option<u32>,
    opening: Duration,
) -> Result<Measurement, cofire::Error> {
    let (report, mut cold) = run(analysis, input)?;
    cold.stages.open_engine += opening;
    cold.whole += opening;
    let mut measurement = Measurement { report, cold, best: cold, runs: 0 };
    let clock = Instant::now();
    let is_enough = |runs| match repeat {
        Some(repeat) => runs >= repeat,
        None => runs >= LEAST_RUNS && clock.elapsed() >= LEAST_TIME,
    };
    while !is_enough(measurement.runs) {
        let (report, times) = run(analysis, input)?;
        if measurement.runs == 0 || times.whole < measurement.best.whole {
            measurement.best = times;
        }
        measurement.report = report;
        measurement.runs += 1;
    }
    Ok(measurement)
}

fn run(analysis: &Analysis, input: &Input) -> Result<(Report, Times), cofire::Error> {
    let clock = Instant::now();
    let report = analysis.run(input.activations.view())?;
    let whole = clock.elapsed();
    let (stages, transfer) = (report.timings, report.execution.transfer);
    Ok((report, Times { stages, transfer, whole }))
}
