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
    pub(super) fn plan(&self, planned: Vec<(usize, Fault)>) {
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

    pub(super) fn dispatches(&self) -> usize {
        self.0.lock().unwrap().seen
    }
}

/// The first adapter there is, on a device of its own. Without one the test says so and passes,
/// unless the environment says that there has to be one.
pub(super) fn fresh_gpu() -> Option<Gpu> {
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

/// More samples than the joint histogram takes in a chunk, so that a tile takes several dispatches
/// and chunks.
const SAMPLES: usize = 20_000;

fn activations() -> Array2<f32> {
    Array2::from_shape_fn((SAMPLES, 12), |(s, n)| ((s * (2 * n + 3)) % (50 + n)) as f32)
}

/// Nine bins, or as many as the kernel can count.
fn bins(kernel: Kernel) -> usize {
    kernel.max_bins().min(9)
}

fn settings(gpu: &Gpu, kernel: Kernel) -> Analysis {
    Analysis::new(bins(kernel)).engine(Engine::Gpu(gpu.clone())).kernel(kernel)
}

fn assert_same_bits(found: &Report, kernel: Kernel, what: &str) {
    let on_cpu = Analysis::new(bins(kernel)).engine(Engine::Cpu);
    let expected = on_cpu.run(activations().view()).unwrap();
    assert_eq!(found.entropy, expected.entropy, "{kernel}, {what}");
    assert_eq!(found.mutual_information, expected.mutual_information, "{kernel}, {what}");
}

#[test]
fn any_dropped_dispatch_is_noticed_and_made_good() {
    let Some(gpu) = fresh_gpu() else { return };
    for kernel in Kernel::ALL {
        for dropped in 0.. {
            gpu.paces().forget(); // small dispatches, hence several
            gpu.faults().plan(vec![(dropped, Fault::Dropped)]);
            let report = settings(&gpu, kernel).run(activations().view()).unwrap();
            let what = format!("dispatch {dropped} dropped");
            assert_same_bits(&report, kernel, &what);
            if gpu.faults().dispatches() <= dropped {
                // How many dispatches a job takes depends on how fast they were.
                assert!(dropped >= 2, "{kernel}: only {dropped} dispatches, several are needed");
                break;
            }
            let remedies: Vec<Remedy> =
                report.execution.incidents.iter().map(|i| i.remedy).collect();
            assert_eq!(remedies, [Remedy::SmallerDispatches], "{kernel}, {what}");
        }
    }
}

#[test]
fn a_device_that_drops_everything_hands_its_tiles_to_the_cpu() {
    let Some(gpu) = fresh_gpu() else { return };
    let drop_everything =
        || gpu.faults().plan((0..10_000).map(|dispatch| (dispatch, Fault::Dropped)).collect());
    for kernel in Kernel::ALL {
        drop_everything();
        let report = settings(&gpu, kernel).run(activations().view()).unwrap();
        assert_same_bits(&report, kernel, "everything dropped");
        assert_eq!(report.execution.incidents[0].remedy, Remedy::TileOnCpu, "{kernel}");
        let strict = settings(&gpu, kernel).on_device_failure(OnDeviceFailure::Fail);
        drop_everything();
        let error = strict.run(activations().view()).unwrap_err();
        assert!(matches!(error, Error::DeviceFailed { .. }), "{kernel}: {error}");
    }
}

#[test]
fn a_lost_device_loses_nothing() {
    for kernel in Kernel::ALL {
        // The fewest dispatches that a job takes: two chunks of two, or two in all.
        let dispatches = if kernel == Kernel::JointHistogram { 4 } else { 2 };
        for lost in 0..dispatches {
            let Some(gpu) = fresh_gpu() else { return };
            gpu.faults().plan(vec![(lost, Fault::Lost)]);
            let settings = settings(&gpu, kernel);
            let report = settings.run(activations().view()).unwrap();
            let what = format!("lost before dispatch {lost}");
            assert_same_bits(&report, kernel, &what);
            let remedies: Vec<Remedy> =
                report.execution.incidents.iter().map(|i| i.remedy).collect();
            assert_eq!(remedies, [Remedy::RestOnCpu], "{kernel}, {what}");
            // The device stays lost: the next job says so too, or fails if it must not use the CPU.
            let strict = settings.clone().on_device_failure(OnDeviceFailure::Fail);
            let error = strict.run(activations().view()).unwrap_err();
            assert!(matches!(error, Error::DeviceFailed { .. }), "{kernel}: {error}");
            let counts = settings.joint_histograms(activations().view(), &[(3, 1)]).unwrap();
            assert_eq!(counts.sum() as usize, SAMPLES, "{kernel}: histograms on a lost device");
        }
    }
}

/// A device so small that a few neurons make several tiles, all of which are under way at a time.
fn small_gpu() -> Option<Gpu> {
    let descriptor = wgpu::InstanceDescriptor::new_without_display_handle_from_env();
    let adapters = wgpu::Instance::new(descriptor).enumerate_adapters(wgpu::Backends::PRIMARY);
    let Some(adapter) = pollster::block_on(adapters).into_iter().next() else {
        return fresh_gpu().filter(|_| false); // says that there is none, or that there must be
    };
    let required_limits = wgpu::Limits {
        max_storage_buffer_binding_size: 16 << 20,
        max_buffer_size: 16 << 20,
        ..wgpu::Limits::default().or_worse_values_from(&adapter.limits())
    };
    let descriptor = wgpu::DeviceDescriptor { required_limits, ..Default::default() };
    let (device, queue) = pollster::block_on(adapter.request_device(&descriptor)).unwrap();
    Some(Gpu::from_device(device, queue).unwrap())
}

#[test]
fn what_goes_wrong_in_one_of_many_tiles_stays_there() {
    let Some(gpu) = small_gpu() else { return };
    let activations = Array2::from_shape_fn((300, 17), |(s, n)| ((s * (2 * n + 3)) % 241) as f32);
    let expected = Analysis::new(256).engine(Engine::Cpu).run(activations.view()).unwrap();
    for dropped in 0.. {
        gpu.paces().forget(); // not ever smaller dispatches
        gpu.faults().plan(vec![(dropped, Fault::Dropped)]);
        let settings = Analysis::new(256).engine(Engine::Gpu(gpu.clone()));
        let report = settings.kernel(Kernel::JointHistogram).run(activations.view()).unwrap();
        assert_eq!(
            report.mutual_information, expected.mutual_information,
            "dispatch {dropped} dropped"
        );
        if gpu.faults().dispatches() <= dropped {
            assert!(dropped >= 12, "{dropped} dispatches: six tiles have more");
            break;
        }
        // Tiles behind the wrong one were dropped and done again; nobody needs to know.
        let remedies: Vec<Remedy> = report.execution.incidents.iter().map(|i| i.remedy).collect();
        assert_eq!(remedies, [Remedy::SmallerDispatches], "dispatch {dropped} dropped");
    }
}
