//! Tests that the number of threads, and the thread a job is started from, change no bit and block
//! nothing.

#![expect(clippy::unwrap_used, reason = "a job that cannot be run fails the test")]

mod common;

use std::sync::mpsc;
use std::time::Duration;

use cofire::{Analysis, Engine, Kernel, Report};
use common::activations::varied;
use common::{assert_same_bits, everywhere, kernels};
use ndarray::Array2;
use rayon::prelude::*;

/// The time after which a job of some milliseconds is considered stuck, on a machine however busy.
const PATIENCE: Duration = Duration::from_secs(300);

fn layer() -> Array2<f32> {
    varied(500, 70, 1)
}

/// Returns ten, or the most bins that the kernel can count.
fn bins(kernel: Kernel) -> usize {
    kernel.max_bins().min(10)
}

fn on_cpu(kernel: Kernel, activations: &Array2<f32>) -> Report {
    let settings = Analysis::new(bins(kernel)).engine(Engine::Cpu).kernel(kernel);
    settings.run(activations.view()).unwrap()
}

/// Runs a job on its own thread, so that a job that never ends fails the test instead of blocking
/// it.
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

/// Tests jobs inside a parallel iterator, as in a program with one job per layer.
#[test]
fn jobs_may_run_inside_a_parallel_iterator() {
    let expected = on_cpu(Kernel::PositionalPopcount, &layer());
    // The pool is not that of all tests in this process: if this test is stuck, the others are not.
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
