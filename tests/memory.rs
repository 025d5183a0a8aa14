//! A job takes memory for its codes, its result, and a few MiB: not a multiple of either, however
//! many samples, neurons or bins there are.
//!
//! Counted at the allocator, to the byte, so that the test sees on every system what a job asked
//! for. One test alone is in this binary: another would allocate beside it.

use cofire::{Analysis, BinRule, Binning, Engine, Error, Kernel};
use ndarray::Array2;
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

/// The bookkeeping of neurons and tiles, and what each thread works in.
const ALLOWANCE: usize = 8 << 20;

/// The table of f(n) has eight bytes a sample, and each thread sorts one neuron's samples at a
/// time: as much as the codes of a few neurons more.
const BYTES_A_SAMPLE: usize = 8 + 4 * THREADS;

/// Each has memory of its own to work in, so their number has to be known.
const THREADS: usize = 2;

/// Many samples, many neurons, and some of both.
const SHAPES: [(usize, usize); 3] = [(1_000_000, 6), (1_000, 1_500), (50_000, 64)];
const BINS: [usize; 6] = [2, 10, 16, 32, 100, 256];

/// Kernels with a counter a cell clear and read them all for each pair: beyond so many cells only
/// the kernel that the engine chooses is tried.
const MOST_CELLS: usize = 3_000_000_000;

#[test]
fn a_job_takes_its_codes_its_result_and_a_few_mib() {
    let threads = rayon::ThreadPoolBuilder::new().num_threads(THREADS).build().unwrap();
    let mut too_much = Vec::new();
    for (samples, neurons) in SHAPES {
        let activations = activations(samples, neurons);
        let codes = samples * neurons;
        let shape = format!("{samples} samples x {neurons} neurons");
        for bins in BINS {
            // The matrix, the entropies, and the edges, which the report holds as well.
            let result = neurons * (neurons + 1 + bins + 1) * size_of::<f64>();
            let allowance = ALLOWANCE + BYTES_A_SAMPLE * samples;
            let is_quick = neurons * neurons * bins * bins <= MOST_CELLS;
            let every =
                Kernel::ALL.into_iter().filter(|kernel| is_quick && bins <= kernel.max_bins());
            for kernel in std::iter::once(None).chain(every.map(Some)) {
                let mut analysis = Analysis::new(bins).engine(Engine::Cpu);
                if let Some(kernel) = kernel {
                    analysis = analysis.kernel(kernel);
                }
                let peak =
                    peak_of(|| threads.install(|| analysis.run(activations.view())).unwrap());
                let beyond = peak.saturating_sub(codes + result);
                let kernel = kernel.map_or("its choice", Kernel::name);
                let line = format!("{shape}, {bins} bins, {kernel}: {beyond} bytes beyond");
                println!("{line} {codes} of codes and {result} of result");
                if beyond > allowance {
                    too_much.push(format!("{line}, {allowance} allowed"));
                }
            }
        }
        // Other binnings look at a few neurons at a time as a whole, of which a limit knows.
        for binning in [
            Binning::EqualFrequency { bins: 10 },
            Binning::equal_width(BinRule::Auto),
            Binning::equal_width(10).with_zero_bin(),
        ] {
            let analysis = Analysis::with_binning(binning.clone()).engine(Engine::Cpu);
            let refused =
                threads.install(|| analysis.clone().memory_limit(0).run(activations.view()));
            let Err(Error::MemoryLimit { needed, .. }) = refused else { panic!("{refused:?}") };
            let peak = peak_of(|| threads.install(|| analysis.run(activations.view())).unwrap());
            let beyond = peak.saturating_sub(usize::try_from(needed).unwrap());
            let line = format!("{shape}, {binning:?}: {beyond} bytes beyond {needed} told");
            println!("{line}");
            let allowance = ALLOWANCE + 4 * THREADS * samples;
            if beyond > allowance {
                too_much.push(format!("{line}, {allowance} allowed"));
            }
        }
    }
    assert!(too_much.is_empty(), "more than allowed:\n{}", too_much.join("\n"));
}

/// Bytes that were allocated at once while some work ran, its result included.
fn peak_of<T>(work: impl FnOnce() -> T) -> usize {
    ALLOCATOR.reset_peak_usage();
    let before = ALLOCATOR.current_usage();
    let result = work();
    let peak = ALLOCATOR.peak_usage() - before;
    drop(result);
    peak
}

/// Every bin of every neuron is met, and no two neurons are alike.
fn activations(samples: usize, neurons: usize) -> Array2<f32> {
    Array2::from_shape_fn((samples, neurons), |(s, j)| {
        let mixed = (s * neurons + j + 1).wrapping_mul(0x9e37_79b9) >> 7;
        (mixed % 1021) as f32
    })
}
