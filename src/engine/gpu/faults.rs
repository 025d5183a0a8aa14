//! Faults on demand, and the tests that show that none of them changes a bit of the result.

use std::sync::Mutex;

use ndarray::Array2;

use super::{Gpu, adapters};
use crate::engine::Engine;
use crate::report::Remedy;
use crate::{Analysis, Error, Kernel, OnDeviceFailure, Report};

/// What happens to which dispatch of a device, counted from the first one.
#[derive(Debug, Default)]
pub(super) struct Faults(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    seen: usize,
    planned: Vec<(usize, Fault)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// The driver drops the dispatch and reports success, as Metal does after a timeout.
    Dropped,
    /// The device is gone, as after a driver reset.
    Lost,
}

impl Faults {
    fn plan(&self, planned: Vec<(usize, Fault)>) {
        *self.0.lock().unwrap() = State { seen: 0, planned };
    }

    /// Called before every dispatch; whether to leave it out.
    pub(super) fn strike(&self, device: &wgpu::Device) -> bool {
        let mut state = self.0.lock().unwrap();
        let dispatch = state.seen;
        state.seen += 1;
        let fault = state.planned.iter().find(|(at, _)| *at == dispatch).map(|(_, fault)| *fault);
        if fault == Some(Fault::Lost) {
            device.destroy();
        }
        fault == Some(Fault::Dropped)
    }

    fn dispatches(&self) -> usize {
        self.0.lock().unwrap().seen
    }
}

/// The first adapter there is, on a device of its own. Without one the test says so and passes,
/// unless the environment says that there has to be one.
fn fresh_gpu() -> Option<Gpu> {
    let label = adapters().first().map(|found| found.description.to_string());
    match label {
        Some(label) => Some(Gpu::open(Some(&label)).unwrap()),
        None if std::env::var_os("COFIRE_REQUIRE_ADAPTERS").is_some() => {
            panic!("COFIRE_REQUIRE_ADAPTERS is set and there is no adapter")
        }
        None => {
            eprintln!("no adapter: this test did not run");
            None
        }
    }
}

/// Over 16,384 samples, so that a tile takes several dispatches and chunks.
fn activations() -> Array2<f32> {
    Array2::from_shape_fn((20_000, 12), |(s, n)| ((s * (2 * n + 3)) % (50 + n)) as f32)
}

fn settings(gpu: &Gpu) -> Analysis {
    Analysis::new(9).engine(Engine::Gpu(gpu.clone())).kernel(Kernel::JointHistogram)
}

fn assert_same_bits(found: &Report, what: &str) {
    let expected = Analysis::new(9).engine(Engine::Cpu).run(activations().view()).unwrap();
    assert_eq!(found.entropy, expected.entropy, "{what}");
    assert_eq!(found.mutual_information, expected.mutual_information, "{what}");
}

#[test]
fn any_dropped_dispatch_is_noticed_and_made_good() {
    let Some(gpu) = fresh_gpu() else { return };
    for dropped in 0.. {
        gpu.faults().plan(vec![(dropped, Fault::Dropped)]);
        let report = settings(&gpu).run(activations().view()).unwrap();
        assert_same_bits(&report, &format!("dispatch {dropped} dropped"));
        if gpu.faults().dispatches() <= dropped {
            // How many dispatches a job takes depends on how fast they were.
            assert!(dropped >= 3, "only {dropped} dispatches: the test needs several");
            break;
        }
        let remedies: Vec<Remedy> = report.execution.incidents.iter().map(|i| i.remedy).collect();
        assert_eq!(remedies, [Remedy::SmallerDispatches], "dispatch {dropped} dropped");
    }
}

#[test]
fn a_device_that_drops_everything_hands_its_tiles_to_the_cpu() {
    let Some(gpu) = fresh_gpu() else { return };
    gpu.faults().plan((0..10_000).map(|dispatch| (dispatch, Fault::Dropped)).collect());
    let report = settings(&gpu).run(activations().view()).unwrap();
    assert_same_bits(&report, "everything dropped");
    assert_eq!(report.execution.incidents[0].remedy, Remedy::TileOnCpu);
    let strict = settings(&gpu).on_device_failure(OnDeviceFailure::Fail);
    gpu.faults().plan((0..10_000).map(|dispatch| (dispatch, Fault::Dropped)).collect());
    let error = strict.run(activations().view()).unwrap_err();
    assert!(matches!(error, Error::DeviceFailed { .. }), "{error}");
}

#[test]
fn a_lost_device_loses_nothing() {
    let dispatches = 4;
    for lost in 0..dispatches {
        let Some(gpu) = fresh_gpu() else { return };
        gpu.faults().plan(vec![(lost, Fault::Lost)]);
        let report = settings(&gpu).run(activations().view()).unwrap();
        assert_same_bits(&report, &format!("lost before dispatch {lost}"));
        let remedies: Vec<Remedy> = report.execution.incidents.iter().map(|i| i.remedy).collect();
        assert_eq!(remedies, [Remedy::RestOnCpu], "lost before dispatch {lost}");
        // The device stays lost: the next job says so too, or fails if it must not use the CPU.
        let error = settings(&gpu)
            .on_device_failure(OnDeviceFailure::Fail)
            .run(activations().view())
            .unwrap_err();
        assert!(matches!(error, Error::DeviceFailed { .. }), "{error}");
        let counts = settings(&gpu).joint_histograms(activations().view(), &[(3, 1)]).unwrap();
        assert_eq!(counts.sum(), 20_000, "joint histograms on a lost device");
    }
}
