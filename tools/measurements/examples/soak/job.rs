//! Jobs of random kind and shape. The same seed and number give the same job.

use cofire::execution::Incident;
use cofire::neighbors::KsgAlgorithm;
use cofire::{
    Analysis, BinRule, Binning, Engine, Error, Estimator, Kernel, NeighborAnalysis,
    OnDeviceFailure, Range,
};
use ndarray::{Array2, ArrayView2, s};
use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

use super::places::Place;

/// The most pair-samples of a job from histograms. A software adapter then takes about a second.
const MOST_BINNED: usize = 20_000_000;
/// The most pair-samples of a job from neighbours, which takes about as long.
const MOST_NEIGHBORS: usize = 300_000;

/// The most cells of all histograms of a job.
const MOST_CELLS: usize = 4_000_000;

/// The question that a job answers.
#[derive(Debug)]
enum Question {
    /// All pairs of a layer.
    All { binning: Binning, estimator: Estimator, kernel: Option<Kernel> },
    /// The pairs of the neurons before `split` with all others.
    Between { split: usize, binning: Binning, kernel: Option<Kernel> },
    /// Joint histograms of some pairs.
    Chosen { binning: Binning, pairs: Vec<(usize, usize)> },
    /// All pairs of a layer, by nearest neighbours.
    Neighbors { k: usize, algorithm: KsgAlgorithm },
}

/// A question, and the activations for it.
pub(crate) struct Job {
    question: Question,
    activations: Array2<f32>,
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (samples, neurons) = self.activations.dim();
        write!(f, "{samples} samples x {neurons} neurons, {:?}", self.question)
    }
}

/// The numbers that a job returned, as bits, and its incidents.
pub(crate) struct Answer {
    pub(crate) bits: Vec<u64>,
    pub(crate) incidents: Vec<String>,
}

impl Job {
    pub(crate) fn new(seed: u64, number: u64) -> Self {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(number);
        let mut below = |end: usize| usize::try_from(random.next_u64() % end as u64).unwrap_or(0);
        let kind = below(8);
        let binning = binning(&mut below);
        let (most, cells) = match kind {
            0 => (MOST_NEIGHBORS, 1),
            _ => (MOST_BINNED, most_bins(&binning) * most_bins(&binning)),
        };
        let most_neurons = 200.min((2 * MOST_CELLS / cells).isqrt()).max(3);
        let neurons = 2 + below(most_neurons - 1);
        let most_samples = (2 * most / (neurons * neurons)).clamp(20, 100_000);
        let samples = 16 + spread(&mut below, most_samples - 15);
        let kernel = kernel(&mut below, &binning);
        let question = match kind {
            0 => Question::Neighbors {
                k: 1 + below(8),
                algorithm: [KsgAlgorithm::First, KsgAlgorithm::Second][below(2)],
            },
            1 => Question::Between { split: 1 + below(neurons - 1), binning, kernel },
            2 => {
                let pairs = (0..1 + below(6)).map(|_| (below(neurons), below(neurons))).collect();
                Question::Chosen { binning, pairs }
            }
            _ => {
                let estimator = ESTIMATORS[below(ESTIMATORS.len())];
                Question::All { binning, estimator, kernel }
            }
        };
        let activations = activations(&mut random, samples, neurons);
        Self { question, activations }
    }

    /// Returns the number of pair-samples.
    pub(crate) fn pair_samples(&self) -> u64 {
        let (samples, neurons) = self.activations.dim();
        let pairs = match &self.question {
            Question::All { .. } | Question::Neighbors { .. } => neurons * (neurons + 1) / 2,
            Question::Between { split, .. } => split * (neurons - split),
            Question::Chosen { pairs, .. } => pairs.len(),
        };
        (pairs * samples) as u64
    }

    /// Answers with the simplest code: a counter per cell, on the CPU.
    pub(crate) fn reference(&self) -> Result<Answer, String> {
        self.answer(&Engine::Cpu, Some(Kernel::JointHistogram))
    }

    pub(crate) fn run(&self, place: &Place) -> Result<Answer, String> {
        let kernel = match &self.question {
            Question::All { kernel, .. } | Question::Between { kernel, .. } => *kernel,
            Question::Chosen { .. } | Question::Neighbors { .. } => None,
        };
        self.answer(&place.engine, kernel)
    }

    fn answer(&self, engine: &Engine, kernel: Option<Kernel>) -> Result<Answer, String> {
        self.try_answer(engine, kernel).map_err(|error| format!("{error}: {self:?}"))
    }

    /// Answers on an engine. A failing device may be replaced, but not by the CPU: then there would
    /// be nothing to compare.
    fn try_answer(&self, engine: &Engine, kernel: Option<Kernel>) -> Result<Answer, Error> {
        let x = self.activations.view();
        let settings = |binning: &Binning| {
            let analysis = Analysis::with_binning(binning.clone())
                .engine(engine.clone())
                .on_device_failure(OnDeviceFailure::Fail);
            kernel.into_iter().fold(analysis, Analysis::kernel)
        };
        match &self.question {
            Question::All { binning, estimator, .. } => {
                let report = settings(binning).estimator(*estimator).run(x)?;
                Ok(answer(&report.mutual_information, &report.execution.incidents))
            }
            Question::Between { split, binning, .. } => {
                let (rows, columns): (ArrayView2<'_, f32>, ArrayView2<'_, f32>) =
                    (x.slice(s![.., ..*split]), x.slice(s![.., *split..]));
                let report = settings(binning).run_between(rows, columns)?;
                Ok(answer(&report.mutual_information, &report.execution.incidents))
            }
            Question::Chosen { binning, pairs } => {
                let counts = settings(binning).joint_histograms(x, pairs)?;
                Ok(Answer {
                    bits: counts.iter().map(|&n| n.into()).collect(),
                    incidents: Vec::new(),
                })
            }
            Question::Neighbors { k, algorithm } => {
                let report = NeighborAnalysis::new(*k)
                    .algorithm(*algorithm)
                    .engine(engine.clone())
                    .on_device_failure(OnDeviceFailure::Fail)
                    .run(x)?;
                Ok(answer(&report.mutual_information, &report.execution.incidents))
            }
        }
    }
}

fn answer(values: &Array2<f64>, incidents: &[Incident]) -> Answer {
    let bits = values.iter().map(|x| x.to_bits()).collect();
    Answer { bits, incidents: incidents.iter().map(ToString::to_string).collect() }
}

const ESTIMATORS: [Estimator; 7] = [
    Estimator::PlugIn,
    Estimator::PlugIn,
    Estimator::MillerMadow,
    Estimator::Grassberger,
    Estimator::ChaoShen,
    Estimator::JamesStein,
    Estimator::LAPLACE,
];

fn binning(below: &mut impl FnMut(usize) -> usize) -> Binning {
    let bins = [2, 3, 8, 10, 16, 17, 30, 33, 64, 100, 256][below(11)];
    match below(8) {
        0 => Binning::EqualWidth { bins: bins.into(), range: Range::Global },
        1 => Binning::EqualFrequency { bins },
        2 => Binning::Threshold(0.25),
        3 => Binning::equal_width([BinRule::Auto, BinRule::Doane, BinRule::Scott][below(3)]),
        4 => Binning::equal_width(bins.min(255)).with_zero_bin(),
        _ => Binning::equal_width(bins),
    }
}

/// Returns the most bins of a neuron.
fn most_bins(binning: &Binning) -> usize {
    match binning {
        Binning::EqualWidth { bins: cofire::Bins::Fixed(bins), .. }
        | Binning::EqualFrequency { bins } => *bins,
        Binning::Threshold(_) => 2,
        _ => 256,
    }
}

/// Draws a kernel that can count that many bins, or none, to let the engine choose.
fn kernel(below: &mut impl FnMut(usize) -> usize, binning: &Binning) -> Option<Kernel> {
    let bins = most_bins(binning);
    let able: Vec<Kernel> = Kernel::ALL.into_iter().filter(|k| bins <= k.max_bins()).collect();
    able.get(below(able.len() + 1)).copied()
}

/// Draws a number below `end`, with every number of digits equally likely.
fn spread(below: &mut impl FnMut(usize) -> usize, end: usize) -> usize {
    let digits = usize::BITS - end.leading_zeros();
    let digits = below(digits as usize + 1);
    below(end.min(1 << digits).max(1))
}

/// Makes neurons of several kinds: continuous, rectified, with few values, constant, and following
/// another.
fn activations(random: &mut ChaCha8Rng, samples: usize, neurons: usize) -> Array2<f32> {
    let mut fraction = || (random.next_u32() >> 8) as f32 / (1u32 << 24) as f32;
    let mut x = Array2::zeros((samples, neurons));
    for mut sample in x.rows_mut() {
        let mut before = 0.0;
        for (neuron, value) in sample.iter_mut().enumerate() {
            let drawn = fraction();
            *value = match neuron % 7 {
                0 | 1 => drawn,
                2 => (drawn - 0.8).max(0.0),
                3 => (drawn * 4.0).floor(),
                4 => before + 0.2 * drawn,
                5 => 1.5,
                _ => drawn * drawn * drawn - 0.5,
            };
            before = *value;
        }
    }
    x
}
