//! Faults on demand: none of them changes a bit of the result.

use ndarray::Array2;

use super::remedies;
use crate::device::faults::{Fault, Stage, fresh_gpu};
use crate::engine::Engine;
use crate::execution::Remedy;
use crate::neighbors::{KsgAlgorithm, NeighborReport};
use crate::{Error, NeighborAnalysis, OnDeviceFailure};

/// Returns activations that take several dispatches at the first pace, which is a million
/// comparisons each.
fn activations() -> Array2<f32> {
    Array2::from_shape_fn((700, 3), |(s, n)| ((s * s * (2 * n + 3)) % (997 + n)) as f32)
}

fn settings(algorithm: KsgAlgorithm) -> NeighborAnalysis {
    NeighborAnalysis::new(3).algorithm(algorithm).engine(Engine::Cpu)
}

fn assert_same_bits(found: &NeighborReport, what: &str) {
    let expected = settings(found.algorithm).run(activations().view()).unwrap();
    assert_eq!(found.mutual_information, expected.mutual_information, "{what}");
    assert_eq!(found.entropy, expected.entropy, "{what}");
}

#[test]
fn any_dropped_dispatch_is_noticed_and_made_good() {
    let Some(gpu) = fresh_gpu() else { return };
    for algorithm in [KsgAlgorithm::First, KsgAlgorithm::Second] {
        let settings = settings(algorithm).engine(gpu.clone());
        for dropped in 0.. {
            gpu.paces().forget(); // small dispatches, hence several
            gpu.faults().plan(vec![(Stage::Dispatch, dropped, Fault::Dropped)]);
            let report = settings.run(activations().view()).unwrap();
            let what = format!("{algorithm:?}, dispatch {dropped} dropped");
            assert_same_bits(&report, &what);
            if gpu.faults().seen(Stage::Dispatch) <= dropped {
                assert!(dropped >= 4, "{algorithm:?}: only {dropped} dispatches");
                assert_eq!(remedies(&report.execution.incidents), [], "{what}");
                break;
            }
            assert_eq!(
                remedies(&report.execution.incidents),
                [Remedy::SmallerDispatches],
                "{what}"
            );
        }
    }
}

#[test]
fn a_device_that_drops_everything_hands_its_tiles_to_the_cpu() {
    let Some(gpu) = fresh_gpu() else { return };
    let everything = || (0..10_000).map(|time| (Stage::Dispatch, time, Fault::Dropped));
    let drop_everything = || gpu.faults().plan(everything().collect());
    let settings = settings(KsgAlgorithm::First).engine(gpu.clone());
    drop_everything();
    let report = settings.run(activations().view()).unwrap();
    assert_same_bits(&report, "everything dropped");
    assert_eq!(remedies(&report.execution.incidents), [Remedy::TileOnCpu]);
    drop_everything();
    let strict = settings.on_device_failure(OnDeviceFailure::Fail);
    let error = strict.run(activations().view()).unwrap_err();
    assert!(matches!(error, Error::DeviceFailed { .. }), "{error}");
}

#[test]
fn a_lost_device_loses_nothing() {
    for lost in 0..3 {
        let Some(gpu) = fresh_gpu() else { return };
        gpu.faults().plan(vec![(Stage::Dispatch, lost, Fault::Lost)]);
        let settings = settings(KsgAlgorithm::Second).engine(gpu.clone());
        let report = settings.run(activations().view()).unwrap();
        assert_same_bits(&report, &format!("lost before dispatch {lost}"));
        assert_eq!(
            remedies(&report.execution.incidents),
            [Remedy::NewDevice],
            "lost before dispatch {lost}"
        );
    }
}

#[test]
fn more_neighbors_than_fit_are_left_to_the_cpu() {
    let Some(gpu) = fresh_gpu() else { return };
    let settings = NeighborAnalysis::new(600).engine(gpu.clone());
    let report = settings.run(activations().view()).unwrap();
    assert_eq!(remedies(&report.execution.incidents), [Remedy::RestOnCpu]);
    assert!(report.execution.incidents[0].problem.contains("k = 600"), "{report:?}");
    let expected = NeighborAnalysis::new(600).run(activations().view()).unwrap();
    assert_eq!(report.mutual_information, expected.mutual_information);
    // The device is still usable.
    let settings = NeighborAnalysis::new(3).engine(gpu.clone());
    let next = settings.run(activations().view()).unwrap();
    assert_eq!(remedies(&next.execution.incidents), []);
}
