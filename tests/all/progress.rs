//! Tests that progress reaches the total work, and that a callback can stop a job.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use cofire::{Analysis, CancelledBy, Error, Kernel, Progress};
use ndarray::Array2;

use crate::common::activations::varied;
use crate::common::{Place, assert_same_bits, everywhere};

/// Makes a layer with more than one tile on every engine. Tiles of the CPU are 32 neurons high.
/// Tiles of a device are as wide as 64 MiB of joint histograms allow.
fn layer() -> Array2<f32> {
    varied(100, 70, 1)
}

/// The number of pair-samples of [`layer`].
const TOTAL: u64 = 70 * 71 / 2 * 100;

/// Makes one job for each kernel.
fn analyses(place: &Place) -> impl Iterator<Item = Analysis> {
    Kernel::ALL.into_iter().map(|kernel| place.analysis(kernel.max_bins().min(64)).kernel(kernel))
}

#[test]
fn progress_reaches_the_whole() {
    everywhere("progress_reaches_the_whole", |place| {
        for settings in analyses(place) {
            let seen: Arc<Mutex<Vec<Progress>>> = Arc::default();
            let notes = Arc::clone(&seen);
            let watched = settings.clone().progress(move |progress| {
                notes.lock().unwrap().push(progress);
                ControlFlow::Continue(())
            });
            let found = watched.run(layer().view()).unwrap();
            assert_same_bits(
                &found,
                &settings.run(layer().view()).unwrap(),
                format_args!("[{place}] watched, {settings:?}"),
            );
            let seen = seen.lock().unwrap();
            assert!(seen.iter().all(|p| p.total == TOTAL), "[{place}] {seen:?}");
            assert!(seen.iter().all(|p| 0 < p.done && p.done <= TOTAL), "[{place}] {seen:?}");
            let most = seen.iter().max_by_key(|p| p.done).copied();
            assert_eq!(most.map(|p| p.done), Some(TOTAL), "[{place}] {seen:?}");
            assert_eq!(most.map(|p| p.fraction()), Some(1.0), "[{place}] {most:?}");
        }
    });
}

#[test]
fn a_callback_stops_a_job_at_once() {
    everywhere("a_callback_stops_a_job_at_once", |place| {
        for settings in analyses(place) {
            let stopped = settings.clone().progress(|_| ControlFlow::Break(()));
            let error = stopped.run(layer().view()).unwrap_err();
            assert!(
                matches!(error, Error::Cancelled { by: CancelledBy::Progress }),
                "[{place}] {error:?}"
            );
            assert_eq!(error.to_string(), "stopped by the progress callback", "[{place}]");
            // The engine still works.
            let again = settings.run(layer().view());
            assert!(again.is_ok(), "[{place}] after a job that was stopped: {again:?}");
        }
    });
}

/// Tests stopping in the middle: the first report continues, the second stops.
#[test]
fn a_callback_stops_a_job_on_its_way() {
    everywhere("a_callback_stops_a_job_on_its_way", |place| {
        for settings in analyses(place) {
            let calls: Arc<AtomicUsize> = Arc::default();
            let counter = Arc::clone(&calls);
            let stopped = settings.progress(move |progress| {
                let call = counter.fetch_add(1, Ordering::SeqCst);
                let go_on = call == 0 && progress.done < progress.total;
                if go_on { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
            });
            let error = stopped.run(layer().view()).unwrap_err();
            assert!(
                matches!(error, Error::Cancelled { by: CancelledBy::Progress }),
                "[{place}] {error:?}"
            );
            assert!(calls.load(Ordering::SeqCst) > 0, "[{place}] the callback was never called");
        }
    });
}

/// Tests that the callback is dropped with its settings, because it may be the only owner of
/// something.
#[test]
fn a_callback_is_let_go_with_its_settings() {
    everywhere("a_callback_is_let_go_with_its_settings", |place| {
        let owned: Arc<()> = Arc::default();
        let held = Arc::clone(&owned);
        let settings = place.analysis(4).progress(move |_| {
            let _ = &held;
            ControlFlow::Continue(())
        });
        settings.run(layer().view()).unwrap();
        drop(settings);
        assert_eq!(Arc::strong_count(&owned), 1, "[{place}] a finished job keeps the callback");
    });
}
