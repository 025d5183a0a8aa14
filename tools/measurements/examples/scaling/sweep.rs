//! The sweeps that are measured: one axis at a time, with the others fixed.

use std::error::Error;
use std::num::NonZero;
use std::time::{Duration, Instant};

use cofire::{Analysis, Engine, Kernel};
use ndarray::{Array2, ArrayView2, s};
use rayon::ThreadPool;

use crate::workload::{WORKLOADS, Workload};

/// The lines of one picture, and its axis.
pub(crate) struct Sweep {
    /// The quantity of the horizontal axis, in a word.
    pub(crate) name: &'static str,
    /// The fixed quantities.
    pub(crate) held: String,
    /// The look of a picture without cliffs.
    pub(crate) ideal: &'static str,
    /// The labelled numbers on the horizontal axis.
    pub(crate) ticks: Vec<usize>,
    lines: Vec<Line>,
}

struct Line {
    label: String,
    jobs: Vec<(usize, Workload, usize)>,
}

/// A measured line.
pub(crate) struct Series {
    pub(crate) label: String,
    pub(crate) points: Vec<Point>,
}

/// A measured job.
pub(crate) struct Point {
    /// The position on the horizontal axis.
    pub(crate) x: usize,
    pub(crate) job: Workload,
    pub(crate) threads: usize,
    pub(crate) kernel: Kernel,
    pub(crate) time: Duration,
}

impl Point {
    pub(crate) fn picoseconds(&self) -> f64 {
        self.time.as_secs_f64() * 1e12 / self.job.pair_samples() as f64
    }
}

const SAMPLES: [usize; 13] = [
    100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000,
    1_000_000,
];
const NEURONS: [usize; 15] =
    [16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1_024, 2_048, 4_096];
const BINS: [usize; 20] =
    [2, 3, 4, 5, 6, 8, 10, 12, 16, 17, 20, 24, 32, 33, 48, 64, 100, 128, 192, 256];

const FLAT: &str = "flat: time grows as the work does";

/// The numbers of bins of the lines in the sweeps over samples and neurons.
const FEW_BINS: [usize; 4] = [2, 10, 32, 100];

impl Sweep {
    pub(crate) fn all() -> [Self; 4] {
        [Self::samples(), Self::neurons(), Self::bins(), Self::threads()]
    }

    fn samples() -> Self {
        let neurons = 64;
        let line = |bins: usize| {
            let job = |samples| Workload { name: "samples", samples, neurons, bins };
            Line::new(format!("{bins} bins"), SAMPLES.map(|samples| (samples, job(samples))))
        };
        Self {
            name: "samples",
            held: format!("{neurons} neurons, {}", threads_in_words()),
            ideal: FLAT,
            ticks: SAMPLES
                .into_iter()
                .filter(|samples| samples.to_string().starts_with('1'))
                .collect(),
            lines: FEW_BINS.map(line).into(),
        }
    }

    fn neurons() -> Self {
        let samples = 1_000;
        let line = |bins: usize| {
            let job = |neurons| Workload { name: "neurons", samples, neurons, bins };
            Line::new(format!("{bins} bins"), NEURONS.map(|neurons| (neurons, job(neurons))))
        };
        Self {
            name: "neurons",
            held: format!("{} samples, {}", grouped(samples), threads_in_words()),
            ideal: FLAT,
            ticks: NEURONS.into_iter().filter(|neurons| neurons.is_power_of_two()).collect(),
            lines: FEW_BINS.map(line).into(),
        }
    }

    fn bins() -> Self {
        let neurons = 256;
        let line = |samples: usize| {
            let job = |bins| Workload { name: "bins", samples, neurons, bins };
            Line::new(format!("{} samples", grouped(samples)), BINS.map(|bins| (bins, job(bins))))
        };
        Self {
            name: "bins",
            held: format!("{neurons} neurons, {}", threads_in_words()),
            ideal: FLAT,
            ticks: BINS.into_iter().filter(|bins| bins.is_power_of_two()).collect(),
            lines: [1_000, 10_000, 50_000].map(line).into(),
        }
    }

    /// Makes the sweep over 1, 2, 4 and so on threads, up to the number of cores.
    fn threads() -> Self {
        let doubled = std::iter::successors(Some(1), |threads| Some(threads * 2));
        let threads: Vec<usize> = doubled.take_while(|&threads| threads <= cores()).collect();
        let line = |job: &Workload| Line {
            label: format!("{} × {}, {} bins", grouped(job.samples), job.neurons, job.bins),
            jobs: threads.iter().map(|&threads| (threads, *job, threads)).collect(),
        };
        Self {
            name: "threads",
            held: "samples × neurons".to_owned(),
            ideal: "halved: twice the threads, twice as fast",
            // The last workload would take as long as all others together.
            lines: WORKLOADS[..4].iter().map(line).collect(),
            ticks: threads,
        }
    }

    pub(crate) fn measure(&self) -> Result<Vec<Series>, Box<dyn Error>> {
        // Lines have sizes in common, so the activations of a size are made once for all lines.
        let mut jobs: Vec<(usize, usize, Workload, usize)> = Vec::new();
        let mut series = Vec::new();
        for (line, Line { label, jobs: of_line }) in self.lines.iter().enumerate() {
            series.push(Series { label: label.clone(), points: Vec::new() });
            jobs.extend(of_line.iter().map(|&(x, job, threads)| (line, x, job, threads)));
        }
        jobs.sort_by_key(|(_, _, job, _)| (job.neurons, std::cmp::Reverse(job.samples)));
        let mut made = Array2::zeros((0, 0));
        for (line, x, job, threads) in jobs {
            if made.ncols() != job.neurons || made.nrows() < job.samples {
                made = job.activations();
            }
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build()?;
            let activations = made.slice(s![..job.samples, ..]);
            let (time, kernel) = best_time(&pool, activations, job.bins)?;
            series[line].points.push(Point { x, job, threads, kernel, time });
        }
        for series in &mut series {
            series.points.sort_by_key(|point| point.x);
        }
        Ok(series)
    }
}

impl Line {
    fn new<const POINTS: usize>(label: String, jobs: [(usize, Workload); POINTS]) -> Self {
        let threads = cores();
        Self { label, jobs: jobs.into_iter().map(|(x, job)| (x, job, threads)).collect() }
    }
}

/// Returns the shortest time of a whole job in at least three runs, and more of short ones.
fn best_time(
    pool: &ThreadPool,
    activations: ArrayView2<'_, f32>,
    bins: usize,
) -> Result<(Duration, Kernel), cofire::Error> {
    const LEAST_RUNS: usize = 3;
    const LONG_ENOUGH: Duration = Duration::from_millis(300);
    let analysis = Analysis::new(bins).engine(Engine::Cpu);
    pool.install(|| {
        let begin = Instant::now();
        let mut best = Duration::MAX;
        let mut runs = 0;
        loop {
            let clock = Instant::now();
            let report = analysis.run(activations)?;
            best = best.min(clock.elapsed());
            runs += 1;
            if runs >= LEAST_RUNS && begin.elapsed() >= LONG_ENOUGH {
                return Ok((best, report.execution.kernel));
            }
        }
    })
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZero::get)
}

fn threads_in_words() -> String {
    match cores() {
        1 => "1 thread".to_owned(),
        threads => format!("{threads} threads"),
    }
}

/// Formats a number with commas between groups of three digits.
pub(crate) fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut groups = String::new();
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            groups.push(',');
        }
        groups.push(digit);
    }
    groups
}
