//! The number of threads, and the thread a job is run from, change no bit and block nothing.

#![expect(clippy::unwrap_used, reason = "a job that cannot be run fails the test")]

mod common;

use std::sync::mpsc;
use std::time::Duration;

use cofire::{Analysis, Engine, Kernel, Report};
use common::activations::varied;
use common::{assert_same_bits, everywhere, kernels};
use ndarray::Array2;
use rayon::prelude::*;

/// A job of milliseconds that has not come back after this time never will.
const PATIENCE: Duration = Duration::from_secs(30);

fn layer() -> Array2<f32> {
    varied(500, 70, 1)
}

/// Ten bins, or as many as the kernel can count.
fn bins(kernel: Kernel) -> usize {
    kernel.max_bins().min(10)
}

fn on_cpu(kernel: Kernel, activations: &Array2<f32>) -> Report {
    let settings = Analysis::new(bins(kernel)).engine(Engine::Cpu).kernel(kernel);
    settings.run(activations.view()).unwrap()
}

/// Runs a job on a thread of its own, so that one that never ends fails instead of hanging.
fn within_patience<T: Send + 'static>(what: &str, job: impl FnOnce() -> T + Send + 'static) -> T {
    let (tell, told) = mpsc::channel();
    let worker = std::thread::spawn(move || {
        let _ = tell.send(job());
    });
    let result = told.recv_timeout(PATIENCE);
    assert!(!matches!(result, Err(mpsc::RecvTimeoutError::Timeout)), "{what} never came back");
    assert!(worker.join().is_ok(), "{what} panicked");
    result.unwrap()
}

#[test]
fn the_number_of_threads_changes_no_bit() {
    for kernel in Kernel::ALL {
        let expected = on_cpu(kernel, &layer());
        for threads in [1, 2, 3, 8] {
            let what = format!("{kernel} from inside a pool of {threads}");
            let found = within_patience(&what, move || {
                let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
                pool.install(|| on_cpu(kernel, &layer()))
            });
            assert_same_bits(&found, &expected, what);
        }
    }
}

/// As a program does that has one job for each of many layers.
#[test]
fn jobs_may_run_inside_a_parallel_iterator() {
    let expected = on_cpu(Kernel::PositionalPopcount, &layer());
    // Not the pool that all tests of this process share: if this one is stuck, it is stuck alone.
    let found = within_patience("a parallel iterator of jobs", || {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        let job = |_| on_cpu(Kernel::PositionalPopcount, &layer());
        pool.install(|| (0..64).into_par_iter().map(job).collect::<Vec<_>>())
    });
    for (job, found) in found.iter().enumerate() {
        assert_same_bits(found, &expected, format_args!("job {job}"));
    }
}

#[test]
fn many_jobs_at_once_share_an_engine() {
    everywhere("many_jobs_at_once_share_an_engine", |place| {
        let expected = on_cpu(Kernel::JointHistogram, &layer());
        std::thread::scope(|scope| {
            for kernel in kernels(10).chain(kernels(10)) {
                let (settings, expected) = (place.analysis(10).kernel(kernel), &expected);
                scope.spawn(move || {
                    let found = settings.run(layer().view()).unwrap();
                    place.check_execution(&found, kernel);
                    assert_same_bits(&found, expected, format_args!("[{place}] {kernel}"));
                });
            }
        });
    });
}
