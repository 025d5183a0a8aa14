//! Tests that a job takes memory for its codes, its result, and the working memory of each thread:
//! not a multiple of either, however many samples, neurons or bins there are, and never more than
//! planned.
//!
//! Memory is counted at the allocator, to the byte, so that the test works on every system. This
//! binary has only one test, because another would allocate at the same time.

use cofire::significance::{Null, PermutationReport, Surrogates};
use cofire::{Analysis, BinRule, Binning, Engine, Error, Estimator, Kernel};
use ndarray::{Array2, Axis};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// Bytes for the list of tiles, and for lists that grow.
const BOOKKEEPING: usize = 64 << 10;

/// The most by which a plan may exceed the memory taken, as a factor. A plan adds up things that do
/// not exist at the same time, and does not know the distribution of samples.
const TOO_MUCH: usize = 3;

/// The number of threads. It must be known, because each thread has its own working memory.
const THREADS: usize = 2;

/// Samples and neurons: many samples, many neurons, and some of both.
const SHAPES: [(usize, usize); 3] = [(1_000_000, 6), (1_000, 700), (50_000, 64)];
const BINS: [usize; 6] = [2, 10, 16, 32, 100, 256];

/// The most cells for which all kernels are tried; beyond that, only the one that the engine
/// chooses. Kernels with a counter per cell clear and read all counters for each pair.
const MOST_CELLS: usize = 3_000_000_000;

#[test]
fn a_job_takes_what_it_planned() {
    let threads = rayon::ThreadPoolBuilder::new().num_threads(THREADS).build().unwrap();
    let mut wrong = Vec::new();
    for (samples, neurons) in SHAPES {
        let activations = activations(samples, neurons);
        let shape = format!("{samples} samples x {neurons} neurons");
        let mut compare = |what: &str, analysis: &Analysis| {
            let run = || threads.install(|| analysis.run(activations.view())).unwrap();
            let mut planned = 0;
            let peak = peak_of(|| {
                let report = run();
                planned = usize::try_from(report.memory.planned).unwrap();
                report
            });
            let line = format!("{shape}, {what}: {peak} bytes, {planned} were planned");
            println!("{line}");
            if peak > planned + BOOKKEEPING || planned > TOO_MUCH * peak {
                wrong.push(line);
            }
        };
        for bins in BINS {
            let is_quick = neurons * neurons * bins * bins <= MOST_CELLS;
            let every =
                Kernel::ALL.into_iter().filter(|kernel| is_quick && bins <= kernel.max_bins());
            for kernel in std::iter::once(None).chain(every.map(Some)) {
                let mut analysis = Analysis::new(bins).engine(Engine::Cpu);
                if let Some(kernel) = kernel {
                    analysis = analysis.kernel(kernel);
                }
                let kernel = kernel.map_or("its choice", Kernel::name);
                compare(&format!("{bins} bins, {kernel}"), &analysis);
            }
        }
        // Other binnings read a few whole neurons at a time.
        for binning in [
            Binning::EqualFrequency { bins: 10 },
            Binning::equal_width(BinRule::Auto),
            Binning::equal_width(10).with_zero_bin(),
        ] {
            let analysis = Analysis::with_binning(binning.clone()).engine(Engine::Cpu);
            compare(&format!("{binning:?}"), &analysis);
        }
        // This estimator keeps whole histograms for a while.
        let analysis = Analysis::new(10).engine(Engine::Cpu).estimator(Estimator::ChaoShen);
        compare("Chao and Shen's estimator", &analysis);
        // Tests by surrogates have codes in another order beside those in the given one.
        if samples * neurons < 4_000_000 {
            for bins in [2, 10] {
                wrong.extend(surrogates_beyond_plan(bins, &activations, &threads));
            }
        }
    }
    assert!(wrong.is_empty(), "not as planned:\n{}", wrong.join("\n"));
}

/// A test by surrogates.
type Test<'a> = &'a (dyn Fn(&Analysis) -> Result<PermutationReport, Error> + Sync);

/// Returns the tests by surrogates that take more than is planned for them.
#[expect(clippy::unwrap_used, reason = "a job that cannot be run fails the test")]
fn surrogates_beyond_plan(
    bins: usize,
    activations: &Array2<f32>,
    threads: &rayon::ThreadPool,
) -> Vec<String> {
    let surrogates = Surrogates { null: Null::Shift { at_least: None }, number: 3, seed: 0 };
    let x = activations.view();
    let within = |analysis: &Analysis| analysis.surrogate_test(x, &surrogates);
    let (rows, columns) = x.split_at(Axis(1), x.ncols() / 3);
    let between = |analysis: &Analysis| {
        analysis.surrogate_test_between(rows.view(), columns.view(), &surrogates)
    };
    let run = |what: &str, test: Test<'_>| {
        let analysis = Analysis::new(bins).engine(Engine::Cpu);
        let Err(Error::MemoryLimit { needed, .. }) = test(&analysis.clone().memory_limit(1)) else {
            panic!("a limit of one byte was no limit");
        };
        let planned = usize::try_from(needed).unwrap();
        let peak = peak_of(|| threads.install(|| test(&analysis)).unwrap());
        let line = format!("{:?}, {bins} bins, surrogates {what}: {peak} of {planned}", x.dim());
        println!("{line}");
        (peak > planned + BOOKKEEPING || planned > TOO_MUCH * peak).then_some(line)
    };
    [run("within", &within), run("between", &between)].into_iter().flatten().collect()
}

/// Returns the most bytes allocated at once while some work ran, its result included.
fn peak_of<T>(work: impl FnOnce() -> T) -> usize {
    ALLOCATOR.reset_peak_usage();
    let before = ALLOCATOR.current_usage();
    let result = work();
    let peak = ALLOCATOR.peak_usage() - before;
    drop(result);
    peak
}

/// Makes activations that occupy every bin of every neuron. No two neurons are equal.
fn activations(samples: usize, neurons: usize) -> Array2<f32> {
    Array2::from_shape_fn((samples, neurons), |(s, j)| {
        let mixed = (s * neurons + j + 1).wrapping_mul(0x9e37_79b9) >> 7;
        (mixed % 1021) as f32
    })
}
