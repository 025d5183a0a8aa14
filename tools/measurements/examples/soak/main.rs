//! An example that runs many jobs of random shape on every engine and adapter at the same time.
//! Every result must have the same bits everywhere, and memory must stay flat.
//!
//! ```sh
//! cargo run --release -p cofire-measurements --example soak -- --seconds 1200
//! ```
//!
//! It ends with exit status 1 at the first difference, or if memory has grown.

mod job;
mod memory;
mod places;

use std::io::Write;
use std::process::ExitCode;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use job::Job;
use memory::Memory;
use places::Place;

/// Runs many jobs of random shape on every engine and adapter at the same time, compares the bits
/// of their results with those of the simplest code on the CPU, and watches the memory of the
/// process.
#[derive(Debug, Parser)]
struct Arguments {
    /// Duration in seconds
    #[arg(long, default_value_t = 60, value_parser = clap::value_parser!(u64).range(10..))]
    seconds: u64,
    /// Seed of the random numbers; a job depends only on the seed and its number
    #[arg(long, default_value_t = 221_009_404)]
    seed: u64,
    /// Run only this job, in every place
    #[arg(long, value_name = "NUMBER")]
    job: Option<u64>,
    /// Threads that give jobs to each engine or adapter at the same time
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..))]
    threads: u64,
    /// Use only the engine or adapters whose label contains NAME
    #[arg(long, value_name = "NAME", default_value = "")]
    place: String,
}

/// The time between two measurements of memory.
const TICK: Duration = Duration::from_millis(500);

/// The time between two reports of progress.
const TELL: Duration = Duration::from_secs(10);

/// The state that all threads share.
struct Soak {
    seed: u64,
    /// The number of the next job of each place.
    next: Vec<AtomicU64>,
    done: Vec<AtomicU64>,
    pair_samples: Vec<AtomicU64>,
    incidents: AtomicU64,
    is_over: AtomicBool,
    /// The first problem.
    problem: Mutex<Option<String>>,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut places = places::all();
    places.retain(|place| place.to_string().contains(&arguments.place));
    tell(&format!("{} places: {}", places.len(), names(&places)));
    if let Some(number) = arguments.job {
        return run_one(&places, arguments.seed, number);
    }
    let counters = || places.iter().map(|_| AtomicU64::new(0)).collect::<Vec<_>>();
    let soak = Soak {
        seed: arguments.seed,
        next: counters(),
        done: counters(),
        pair_samples: counters(),
        incidents: AtomicU64::new(0),
        is_over: AtomicBool::new(false),
        problem: Mutex::new(None),
    };
    let mut memory = Memory::default();
    std::thread::scope(|scope| {
        let soak = &soak;
        for (index, place) in places.iter().enumerate() {
            for _ in 0..arguments.threads {
                scope.spawn(move || soak.work(index, place));
            }
        }
        soak.watch(Duration::from_secs(arguments.seconds), &mut memory);
    });
    soak.report(&places, &memory)
}

impl Soak {
    /// Gives one job after another to a place until the time is over.
    fn work(&self, index: usize, place: &Place) {
        while !self.is_over.load(Ordering::Relaxed) {
            let number = self.next[index].fetch_add(1, Ordering::Relaxed);
            let job = Job::new(self.seed, number);
            match check(&job, place) {
                Ok(incidents) => {
                    for incident in &incidents {
                        tell(&format!("job {number} on {place}: {incident}"));
                    }
                    self.incidents.fetch_add(incidents.len() as u64, Ordering::Relaxed);
                    self.done[index].fetch_add(1, Ordering::Relaxed);
                    self.pair_samples[index].fetch_add(job.pair_samples(), Ordering::Relaxed);
                }
                Err(problem) => {
                    let text = format!("job {number} of seed {} on {place}: {problem}", self.seed);
                    if let Ok(mut first) = self.problem.lock() {
                        first.get_or_insert(text);
                    }
                    self.is_over.store(true, Ordering::Relaxed);
                }
            }
        }
    }

    /// Waits, measures memory, and reports progress.
    fn watch(&self, time: Duration, memory: &mut Memory) {
        let begin = Instant::now();
        let mut told = begin;
        while begin.elapsed() < time && !self.is_over.load(Ordering::Relaxed) {
            std::thread::sleep(TICK);
            memory.look();
            if told.elapsed() >= TELL {
                told = Instant::now();
                let done: u64 = self.done.iter().map(|n| n.load(Ordering::Relaxed)).sum();
                let seconds = begin.elapsed().as_secs();
                tell(&format!("{seconds} s: {done} jobs, {}", memory.now()));
            }
        }
        self.is_over.store(true, Ordering::Relaxed);
    }

    fn report(&self, places: &[Place], memory: &Memory) -> ExitCode {
        let mut lines = vec!["| where | jobs | pair-samples |\n| --- | ---: | ---: |".to_owned()];
        for (index, place) in places.iter().enumerate() {
            let jobs = self.done[index].load(Ordering::Relaxed);
            let work = self.pair_samples[index].load(Ordering::Relaxed) as f64;
            lines.push(format!("| {place} | {jobs} | {work:.2e} |"));
        }
        let incidents = self.incidents.load(Ordering::Relaxed);
        lines.push(format!("\n{incidents} incidents\n{memory}"));
        let problem = self.problem.lock().ok().and_then(|problem| problem.clone());
        let grown = memory.has_grown().then(|| "memory has grown".to_owned());
        let verdict = problem.or(grown);
        let last = verdict.clone().unwrap_or_else(|| "the same bits everywhere".to_owned());
        lines.push(last);
        if writeln!(std::io::stdout(), "{}", lines.join("\n")).is_err() || verdict.is_some() {
            return ExitCode::FAILURE;
        }
        ExitCode::SUCCESS
    }
}

/// Returns the incidents of a job with the right bits, or how the bits differ.
fn check(job: &Job, place: &Place) -> Result<Vec<String>, String> {
    let expected = job.reference()?;
    let result = job.run(place)?;
    let differ = |(a, b): (&u64, &u64)| a != b;
    let differing = expected.bits.iter().zip(&result.bits).filter(|&pair| differ(pair)).count();
    if expected.bits.len() == result.bits.len() && differing == 0 {
        return Ok(result.incidents);
    }
    Err(format!("{differing} of {} numbers differ: {job:?}", expected.bits.len()))
}

fn run_one(places: &[Place], seed: u64, number: u64) -> ExitCode {
    let job = Job::new(seed, number);
    tell(&format!("{job:?}"));
    let mut status = ExitCode::SUCCESS;
    for place in places {
        let text = match check(&job, place) {
            Ok(incidents) => format!("the same bits, incidents: {incidents:?}"),
            Err(problem) => {
                status = ExitCode::FAILURE;
                problem
            }
        };
        tell(&format!("{place}: {text}"));
    }
    status
}

fn names(places: &[Place]) -> String {
    places.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// Prints a line on stderr. Ignores an error, because there is no other place to report it.
fn tell(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
