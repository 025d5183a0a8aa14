//! Tests that no fault of `device/faults.rs` changes a bit of the result, and that incidents are
//! reported. Faults happen one after the other here, and at random in `random_faults.rs`.

use ndarray::Array2;

use super::remedies;
use crate::device::Gpu;
use crate::device::faults::{Fault, FaultyGpu, Stage, fresh_gpu};
use crate::engine::Engine;
use crate::execution::{Incident, Remedy};
use crate::neighbors::KsgAlgorithm;
use crate::{Analysis, Error, Estimator, Kernel, NeighborAnalysis, OnDeviceFailure, Report};

/// The number of samples. A chunk of the joint histogram has fewer, so a tile takes several
/// dispatches and chunks.
const SAMPLES: usize = 20_000;

fn activations() -> Array2<f32> {
    Array2::from_shape_fn((SAMPLES, 12), |(s, n)| ((s * (2 * n + 3)) % (50 + n)) as f32)
}

/// Returns nine bins, or the most that the kernel can count.
fn bins(kernel: Kernel) -> usize {
    kernel.max_bins().min(9)
}

fn settings(gpu: &Gpu, kernel: Kernel) -> Analysis {
    Analysis::new(bins(kernel)).engine(gpu.clone()).kernel(kernel)
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
            gpu.faults().plan(vec![(Stage::Dispatch, dropped, Fault::Dropped)]);
            let report = settings(&gpu, kernel).run(activations().view()).unwrap();
            let what = format!("dispatch {dropped} dropped");
            assert_same_bits(&report, kernel, &what);
            if gpu.faults().seen(Stage::Dispatch) <= dropped {
                // The number of dispatches of a job depends on how fast they were.
                assert!(dropped >= 2, "{kernel}: only {dropped} dispatches, several are needed");
                break;
            }
            let remedies = remedies(&report.execution.incidents);
            assert_eq!(remedies, [Remedy::SmallerDispatches], "{kernel}, {what}");
        }
    }
}

#[test]
fn a_device_that_drops_everything_hands_its_tiles_to_the_cpu() {
    let Some(gpu) = fresh_gpu() else { return };
    let everything = (0..10_000).map(|time| (Stage::Dispatch, time, Fault::Dropped));
    let everything: Vec<_> = everything.collect();
    for kernel in Kernel::ALL {
        gpu.faults().plan(everything.clone());
        let report = settings(&gpu, kernel).run(activations().view()).unwrap();
        assert_same_bits(&report, kernel, "everything dropped");
        assert_eq!(report.execution.incidents[0].remedy, Remedy::TileOnCpu, "{kernel}");
        let strict = settings(&gpu, kernel).on_device_failure(OnDeviceFailure::Fail);
        gpu.faults().plan(everything.clone());
        let error = strict.run(activations().view()).unwrap_err();
        assert!(matches!(error, Error::DeviceFailed { .. }), "{kernel}: {error}");
    }
}

/// Opens a device so small that a few neurons make several tiles, all of which are under way at the
/// same time.
fn small_device() -> Option<(wgpu::Device, wgpu::Queue)> {
    let descriptor = wgpu::InstanceDescriptor::new_without_display_handle_from_env();
    let adapters = wgpu::Instance::new(descriptor).enumerate_adapters(wgpu::Backends::PRIMARY);
    let Some(adapter) = pollster::block_on(adapters).into_iter().next() else {
        return fresh_gpu().and(None); // reports that there is none, or that one is required
    };
    let required_limits = wgpu::Limits {
        max_storage_buffer_binding_size: 16 << 20,
        max_buffer_size: 16 << 20,
        ..wgpu::Limits::default().or_worse_values_from(&adapter.limits())
    };
    let descriptor = wgpu::DeviceDescriptor { required_limits, ..Default::default() };
    Some(pollster::block_on(adapter.request_device(&descriptor)).unwrap())
}

#[test]
fn what_goes_wrong_in_one_of_many_tiles_stays_there() {
    let Some((device, queue)) = small_device() else { return };
    let gpu = FaultyGpu::from_device(device, queue);
    let activations = Array2::from_shape_fn((300, 12), |(s, n)| ((s * (2 * n + 3)) % 241) as f32);
    let expected = Analysis::new(256).engine(Engine::Cpu).run(activations.view()).unwrap();
    for dropped in 0.. {
        gpu.paces().forget(); // otherwise dispatches become ever smaller
        gpu.faults().plan(vec![(Stage::Dispatch, dropped, Fault::Dropped)]);
        let settings = Analysis::new(256).engine(gpu.clone());
        let report = settings.kernel(Kernel::JointHistogram).run(activations.view()).unwrap();
        assert_eq!(
            report.mutual_information, expected.mutual_information,
            "dispatch {dropped} dropped"
        );
        if gpu.faults().seen(Stage::Dispatch) <= dropped {
            assert!(dropped >= 6, "{dropped} dispatches: three tiles have more");
            break;
        }
        // Tiles after the wrong one were dropped and counted again. That is no incident.
        let remedies = remedies(&report.execution.incidents);
        assert_eq!(remedies, [Remedy::SmallerDispatches], "dispatch {dropped} dropped");
    }
}

/// Runs a job again and again until it has no more uploads. Each time another upload arrives as
/// zeros, either as a whole or from its middle on. `run` compares bits and returns the incidents.
fn zero_each_upload(gpu: &FaultyGpu, job: &str, run: impl Fn() -> Vec<Incident>) {
    for fault in [Fault::Zeros, Fault::HalfZeros] {
        for zeroed in 0.. {
            gpu.faults().plan(vec![(Stage::Upload, zeroed, fault)]);
            let incidents = run();
            if gpu.faults().seen(Stage::Upload) <= zeroed {
                assert!(zeroed >= 2, "{job}: a table and values have to be uploaded");
                break;
            }
            let what = format!("{job}, {fault:?} for upload {zeroed}: {incidents:?}");
            assert_eq!(remedies(&incidents), [Remedy::SmallerDispatches], "{what}");
            assert!(incidents[0].problem.contains("upload"), "{what}");
        }
    }
}

#[test]
fn any_upload_that_arrives_as_zeros_is_noticed_and_made_good() {
    let Some(gpu) = fresh_gpu() else { return };
    for kernel in Kernel::ALL {
        zero_each_upload(&gpu, kernel.name(), || {
            let report = settings(&gpu, kernel).run(activations().view()).unwrap();
            assert_same_bits(&report, kernel, "an upload arrived as zeros");
            report.execution.incidents
        });
    }
    let activations = Array2::from_shape_fn((150, 5), |(s, n)| ((s * s * (n + 3)) % 251) as f32);
    for algorithm in [KsgAlgorithm::First, KsgAlgorithm::Second] {
        let settings = NeighborAnalysis::new(3).algorithm(algorithm);
        let on = |engine| settings.clone().engine(engine).run(activations.view()).unwrap();
        let expected = on(Engine::Cpu).mutual_information;
        zero_each_upload(&gpu, &format!("nearest neighbours, {algorithm:?}"), || {
            let report = on(gpu.clone().into());
            assert_eq!(report.mutual_information, expected, "{algorithm:?}: the same bits");
            report.execution.incidents
        });
    }
}

/// Returns the number of calls inside error scopes in a job without faults, including those that
/// open it.
fn calls_of_a_job(gpu: &FaultyGpu) -> usize {
    gpu.faults().plan(Vec::new());
    settings(gpu, Kernel::JointHistogram).run(activations().view()).unwrap();
    gpu.faults().seen(Stage::Call)
}

#[test]
fn a_lost_device_is_replaced_by_a_new_one() {
    for kernel in Kernel::ALL {
        // The fewest dispatches that a job takes: two chunks of two, or two in all.
        let dispatches = if kernel == Kernel::JointHistogram { 4 } else { 2 };
        for lost in 0..dispatches {
            let Some(gpu) = fresh_gpu() else { return };
            gpu.faults().plan(vec![(Stage::Dispatch, lost, Fault::Lost)]);
            let settings = settings(&gpu, kernel).on_device_failure(OnDeviceFailure::Fail);
            let report = settings.run(activations().view()).unwrap();
            let what = format!("lost before dispatch {lost}");
            assert_same_bits(&report, kernel, &what);
            let remedies = remedies(&report.execution.incidents);
            assert_eq!(remedies, [Remedy::NewDevice], "{kernel}, {what}");
            gpu.device().poll(wgpu::PollType::Poll).unwrap();
            assert_eq!(gpu.loss().as_deref(), Some("Destroyed"), "why the device is lost");
            // The next job goes directly to the new device.
            let report = settings.run(activations().view()).unwrap();
            assert_same_bits(&report, kernel, "on the new device");
            assert_eq!(report.execution.incidents, [], "{kernel} on the new device");
        }
    }
}

#[test]
fn devices_that_all_fail_leave_the_job_to_the_cpu() {
    let Some(gpu) = fresh_gpu() else { return };
    // One call fails on each of three devices. The second and the third device fail to open.
    let calls = calls_of_a_job(&gpu);
    for fault in [Fault::OutOfMemory, Fault::Refused, Fault::Lost] {
        for first in [0, 1, calls - 1] {
            let every = |first: usize| (first..first + 100).map(|time| (Stage::Call, time, fault));
            gpu.faults().plan(every(first).collect());
            let settings = settings(&gpu, Kernel::JointHistogram);
            let report = settings.run(activations().view()).unwrap();
            assert_same_bits(&report, Kernel::JointHistogram, &format!("{fault:?} from {first}"));
            let expected = [Remedy::NewDevice, Remedy::SmallerTiles, Remedy::RestOnCpu];
            assert_eq!(remedies(&report.execution.incidents), expected, "{fault:?} from {first}");

            gpu.faults().plan(every(first).collect());
            let strict = settings.on_device_failure(OnDeviceFailure::Fail);
            let error = strict.run(activations().view()).unwrap_err();
            assert!(matches!(error, Error::DeviceFailed { .. }), "{fault:?}: {error}");
        }
    }
}

#[test]
fn tiles_become_smaller_where_memory_is_short() {
    let Some(gpu) = fresh_gpu() else { return };
    // With histograms of 16 KiB, 60 neurons are one tile of 64 MiB, or several of 16 MiB.
    let activations = Array2::from_shape_fn((40, 60), |(s, n)| ((s * (2 * n + 3)) % 37) as f32);
    let on = |engine: Engine| Analysis::new(64).estimator(Estimator::ChaoShen).engine(engine);
    let expected = on(Engine::Cpu).run(activations.view()).unwrap();
    gpu.faults().plan(Vec::new());
    on(gpu.clone().into()).run(activations.view()).unwrap();
    let (calls, reads) = (gpu.faults().seen(Stage::Call), gpu.faults().seen(Stage::Read));
    let short = |time| (Stage::Call, time, Fault::OutOfMemory);
    // Memory is short when the first device counts, and when the second one is opened.
    gpu.faults().plan(vec![short(calls - 1), short(calls)]);
    let report = on(gpu.clone().into()).run(activations.view()).unwrap();
    let expected_remedies = [Remedy::NewDevice, Remedy::SmallerTiles];
    assert_eq!(remedies(&report.execution.incidents), expected_remedies, "what was done");
    assert_eq!(report.mutual_information, expected.mutual_information, "the same bits");
    let in_pieces = gpu.faults().seen(Stage::Read);
    assert!(in_pieces > reads, "{in_pieces} tiles were read, {reads} without a fault");
}

#[test]
fn a_device_of_the_callers_own_is_not_replaced() {
    let open = || small_device().map(|(device, queue)| FaultyGpu::from_device(device, queue));
    let run = |gpu: &FaultyGpu, fault| {
        gpu.faults().plan(vec![(Stage::Call, 3, fault)]);
        let report = settings(gpu, Kernel::JointHistogram).run(activations().view()).unwrap();
        assert_same_bits(&report, Kernel::JointHistogram, "on the caller's own device");
        report.execution.incidents
    };
    let Some(gpu) = open() else { return };
    assert_eq!(remedies(&run(&gpu, Fault::OutOfMemory)), [Remedy::SmallerTiles], "short of memory");
    assert_eq!(remedies(&run(&gpu, Fault::OutOfMemory)), [Remedy::SmallerTiles], "once more");
    let incidents = run(&gpu, Fault::Lost);
    assert_eq!(remedies(&incidents), [Remedy::RestOnCpu], "{incidents:?}");
    assert!(incidents[0].problem.contains("the caller's own"), "{incidents:?}");
}
