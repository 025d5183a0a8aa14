//! The choice of the kernel that counts a job: the one that the caller asked for, the one that a
//! short measurement finds to be the fastest, or, for small jobs, the one that is likely to be the
//! fastest.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::counter::{Speed, TileCounter};
use super::kernels;
use crate::device::Gpu;
use crate::device::failure::Failure;
use crate::device::limits::Care;
use crate::engine::Job;
use crate::execution::Kernel;
use crate::execution::{KernelChoice, KernelSpeed};

/// The least work for which measuring kernels is worth the time. Building pipelines, which takes
/// most of that time, and packing codes cost some tens of milliseconds per kernel.
#[derive(Debug, Clone, Copy)]
struct Worth {
    /// The least pair-samples of a job. Below that, not even the likely kernel is measured.
    pair_samples: u64,
    /// The least seconds that the likely kernel would take.
    seconds: f64,
}

const WORTH: Worth = Worth { pair_samples: 1 << 28, seconds: 1.0 };

/// The speeds measured in this process.
static MEASURED: Mutex<Option<HashMap<Case, Vec<KernelSpeed>>>> = Mutex::new(None);

/// A class of jobs with the same fastest kernel.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Case {
    adapter: String,
    driver: String,
    bins: usize,
    /// Samples, rounded up to a power of two, as `neurons` are.
    samples: usize,
    neurons: usize,
}

impl Case {
    fn of(gpu: &Gpu, job: &Job) -> Self {
        Self {
            adapter: gpu.adapter().to_string(),
            driver: gpu.adapter().driver.clone(),
            bins: job.codes.bins(),
            samples: job.codes.samples().next_power_of_two(),
            neurons: job.codes.neurons().next_power_of_two(),
        }
    }
}

/// Opens a job with the kernel that suits it.
pub(crate) async fn open<'a>(
    gpu: &Gpu,
    job: &'a Job,
    care: Care,
) -> Result<(TileCounter<'a>, KernelChoice), Failure> {
    open_if_worth(gpu, job, care, WORTH).await
}

async fn open_if_worth<'a>(
    gpu: &Gpu,
    job: &'a Job,
    care: Care,
    worth: Worth,
) -> Result<(TileCounter<'a>, KernelChoice), Failure> {
    let open = async |kernel| {
        TileCounter::open(gpu, job, kernel, std::slice::from_ref(&job.pairs), care).await
    };
    if let Some(asked) = job.kernel {
        return Ok((open(asked).await?, KernelChoice::Asked));
    }
    let bins = job.codes.bins();
    let likely = kernels::fastest(bins);
    let candidates: Vec<Kernel> =
        Kernel::ALL.into_iter().filter(|kernel| bins <= kernel.max_bins()).collect();
    let work = job.pairs.work(job.codes.samples());
    // Measuring needs a clock.
    let can_measure = !cfg!(target_arch = "wasm32") && candidates.len() > 1;
    if !can_measure || work < worth.pair_samples || care == Care::Smaller {
        return Ok((open(likely).await?, KernelChoice::Rule));
    }
    let case = Case::of(gpu, job);
    if let Some(speeds) = known(&case)
        && let Some(best) = fastest(&speeds)
    {
        return Ok((open(best).await?, KernelChoice::Measured(speeds)));
    }
    let mut counter = open(likely).await?;
    let mut speeds = vec![speed(job, likely, counter.measure().await?)];
    if work as f64 / speeds[0].pair_samples_per_second < worth.seconds {
        return Ok((counter, KernelChoice::Rule));
    }
    for kernel in candidates.into_iter().filter(|&kernel| kernel != likely) {
        job.monitor.token().check()?;
        let mut other = open(kernel).await?;
        speeds.push(speed(job, kernel, other.measure().await?));
        if fastest(&speeds) == Some(kernel) {
            counter = other;
        }
    }
    log::debug!("measured on {}: {speeds:?}", gpu.adapter());
    let mut measured = MEASURED.lock().unwrap_or_else(PoisonError::into_inner);
    measured.get_or_insert_default().insert(case, speeds.clone());
    Ok((counter, KernelChoice::Measured(speeds)))
}

fn known(case: &Case) -> Option<Vec<KernelSpeed>> {
    let measured = MEASURED.lock().unwrap_or_else(PoisonError::into_inner);
    measured.as_ref()?.get(case).cloned()
}

fn fastest(speeds: &[KernelSpeed]) -> Option<Kernel> {
    let fastest = |a: &&KernelSpeed, b: &&KernelSpeed| {
        a.pair_samples_per_second.total_cmp(&b.pair_samples_per_second)
    };
    speeds.iter().max_by(fastest).map(|speed| speed.kernel)
}

/// Converts a measurement to the speed for this job.
fn speed(job: &Job, kernel: Kernel, speed: Speed) -> KernelSpeed {
    let samples = job.codes.samples() as f64;
    let seconds_per_pair = samples * speed.seconds_per_pair_sample + speed.seconds_per_pair;
    KernelSpeed { kernel, pair_samples_per_second: samples / seconds_per_pair }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ndarray::Array2;

    use super::*;
    use crate::binning::{BinEdges, Binning};
    use crate::codes::Codes;
    use crate::device::adapters;
    use crate::device::tile_queue::TileQueue;
    use crate::engine::{Counts, Goal};
    use crate::estimator::CellTable;
    use crate::input::activations::Activations;
    use crate::pairs::tile::Tile;
    use crate::support::cancel::CancelToken;
    use crate::support::monitor::Monitor;

    fn job(shape: (usize, usize), kernel: Option<Kernel>) -> Job {
        let (samples, neurons) = shape;
        let values = Array2::from_shape_fn(shape, |(s, n)| ((s * (n + 3)) % 61) as f32);
        let activations = Activations::new(values.view()).unwrap();
        let edges = BinEdges::fit(values.view(), &Binning::equal_width(8)).unwrap();
        Job {
            codes: Arc::new(Codes::encode(&activations, &edges, &CancelToken::new()).unwrap()),
            table: Arc::new(CellTable::plug_in(u32::try_from(samples).unwrap())),
            pairs: Tile::triangle(neurons),
            goal: Goal::Sums,
            kernel,
            monitor: Arc::new(Monitor::new(0, None, CancelToken::new())),
        }
    }

    /// Opens every adapter. There may be none, unless the environment requires one.
    fn gpus() -> Vec<Gpu> {
        let labels: Vec<String> =
            adapters().iter().map(|adapter| adapter.description.to_string()).collect();
        let required = std::env::var_os("COFIRE_REQUIRE_ADAPTERS").is_some();
        assert!(!labels.is_empty() || !required, "COFIRE_REQUIRE_ADAPTERS is set");
        if labels.is_empty() {
            eprintln!("no adapter: this test did not run");
        }
        labels.iter().map(|label| Gpu::open(Some(label)).unwrap()).collect()
    }

    /// Returns the sums of all tiles, the kernel that counted them, and how it was chosen.
    fn counted(gpu: &Gpu, job: &Job, worth: Worth) -> (Vec<u64>, Kernel, KernelChoice) {
        pollster::block_on(async {
            let (mut counter, choice) = open_if_worth(gpu, job, Care::Usual, worth).await.unwrap();
            for tile in 0..counter.tiles().len() {
                counter.enqueue(tile).await.unwrap();
            }
            counter.finish().await.unwrap();
            let mut sums = Vec::new();
            while let Some((_, counts)) = counter.next_output() {
                let Counts::Sums(of_tile) = counts.unwrap() else { panic!("sums were asked for") };
                sums.extend(of_tile);
            }
            (sums, counter.kernel(), choice)
        })
    }

    #[test]
    fn a_measurement_leaves_nothing_behind_and_is_made_once() {
        let always = Worth { pair_samples: 0, seconds: 0.0 };
        for gpu in gpus() {
            for shape in [(300, 70), (20_000, 20)] {
                let job = job(shape, None);
                let (expected, rule, choice) = counted(&gpu, &job, WORTH);
                assert_eq!((rule, choice), (kernels::fastest(8), KernelChoice::Rule));
                let (sums, kernel, first) = counted(&gpu, &job, always);
                assert_eq!(sums, expected, "{kernel} after a measurement on {gpu:?}");
                let KernelChoice::Measured(speeds) = &first else { panic!("{first:?}") };
                assert_eq!(fastest(speeds), Some(kernel), "{first:?}");
                assert!(speeds.iter().all(|s| s.pair_samples_per_second > 0.0), "{first:?}");
                // A second measurement would find other numbers.
                let (sums, again, second) = counted(&gpu, &job, always);
                assert_eq!((again, second), (kernel, first));
                assert_eq!(sums, expected, "{kernel} on {gpu:?}");
            }
        }
    }

    #[test]
    fn what_was_asked_for_is_not_measured() {
        let always = Worth { pair_samples: 0, seconds: 0.0 };
        for gpu in gpus() {
            let job = job((300, 70), Some(Kernel::JointHistogram));
            let (_, kernel, choice) = counted(&gpu, &job, always);
            assert_eq!((kernel, choice), (Kernel::JointHistogram, KernelChoice::Asked));
        }
    }
}
