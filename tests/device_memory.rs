//! Tests that a job takes no more device memory than allowed, as counted by wgpu.

#![cfg(feature = "gpu")]
#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on has failed, and says so by panicking"
)]

mod common;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use cofire::execution::{Remedy, Transfer};
use cofire::gpu::Gpu;
use cofire::{Adapter, Analysis, Engine, Kernel, NeighborAnalysis};
use common::activations::varied;

/// Polls how much a device has allocated until `job` ends. Returns the job's result and the largest
/// amount beyond that before the job.
fn most_allocated<T>(gpu: &Gpu, job: impl FnOnce() -> T) -> (T, u64) {
    let device = gpu.device().clone();
    let allocated = move || {
        let bytes = device.get_internal_counters().hal.buffer_memory.read();
        u64::try_from(bytes).unwrap()
    };
    let before = allocated();
    let (most, is_over) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicBool::new(false)));
    let watch = {
        let (most, is_over) = (Arc::clone(&most), Arc::clone(&is_over));
        std::thread::spawn(move || {
            while !is_over.load(Ordering::Acquire) {
                most.fetch_max(allocated(), Ordering::Relaxed);
                std::thread::yield_now();
            }
        })
    };
    let result = job();
    is_over.store(true, Ordering::Release);
    watch.join().unwrap();
    (result, most.load(Ordering::Relaxed) - before)
}

/// The limits: the default, and a small one.
const LIMITS: [u64; 2] = [2 << 30, 4 << 20];

fn check(what: &str, limit: u64, transfer: Transfer, most: u64) {
    let reported = transfer.device_memory_bytes;
    println!("{what}: {most} bytes at most, {reported} reported, {limit} allowed");
    assert!(most > 0 && reported > 0, "{what}: nothing was counted");
    assert!(most <= limit, "{what}: {most} bytes of {limit}");
    assert!(reported <= limit, "{what}: {reported} reported bytes of {limit}");
}

/// Tests all kinds of jobs one after the other, because jobs at the same time on a device are
/// counted together.
#[test]
fn jobs_stay_within_the_limit() {
    common::on_every_adapter("jobs_stay_within_the_limit", |place| {
        let Engine::Gpu(Adapter::Opened(gpu)) = place.engine() else { return };
        if gpu.adapter().backend != "Vulkan" {
            return; // wgpu does not count OpenGL's buffers
        }
        joint_histograms(&gpu);
        nearest_neighbors(&gpu);
        what_cannot_fit(&gpu);
    });
}

fn joint_histograms(gpu: &Gpu) {
    let wide = varied(1000, 250, 1);
    let long = varied(20_000, 20, 2);
    for (kernel, layer, bins) in [
        (Kernel::JointHistogram, &wide, 16),
        (Kernel::PositionalPopcount, &wide, 10),
        (Kernel::PositionalPopcount, &long, 10),
        (Kernel::PrivateCounters, &long, 32),
        (Kernel::Bitset, &wide, 2),
    ] {
        let analysis = Analysis::new(bins).kernel(kernel);
        let expected = analysis.clone().engine(Engine::Cpu).run(layer.view()).unwrap();
        let analysis = analysis.engine(gpu.clone());
        for limit in LIMITS {
            let what = format!("{} {kernel} {:?}", gpu.adapter(), layer.dim());
            let limited = analysis.clone().device_memory_limit(limit);
            let (report, most) = most_allocated(gpu, || limited.run(layer.view()).unwrap());
            assert_eq!(report.execution.incidents, [], "{what}");
            assert_eq!(report.mutual_information, expected.mutual_information, "{what}");
            check(&what, limit, report.execution.transfer.unwrap(), most);
            if kernel == Kernel::JointHistogram {
                assert_eq!(limit == LIMITS[0], most > LIMITS[1], "{what}: {most} bytes, {limit}");
            }
        }
    }
}

fn nearest_neighbors(gpu: &Gpu) {
    let layer = varied(500, 30, 3);
    let analysis = NeighborAnalysis::new(3).jitter(1e-6, 1);
    let expected = analysis.clone().engine(Engine::Cpu).run(layer.view()).unwrap();
    let analysis = analysis.engine(gpu.clone());
    for limit in LIMITS {
        let what = format!("{} nearest neighbours", gpu.adapter());
        let limited = analysis.clone().device_memory_limit(limit);
        let (report, most) = most_allocated(gpu, || limited.run(layer.view()).unwrap());
        assert_eq!(report.execution.incidents, [], "{what}");
        assert_eq!(report.mutual_information, expected.mutual_information, "{what}");
        check(&what, limit, report.execution.transfer.unwrap(), most);
    }
}

fn what_cannot_fit(gpu: &Gpu) {
    let layer = varied(200, 5, 4);
    let analysis = Analysis::new(256).kernel(Kernel::JointHistogram);
    let expected = analysis.clone().engine(Engine::Cpu).run(layer.view()).unwrap();
    let analysis = analysis.engine(gpu.clone()).device_memory_limit(1 << 20);
    let report = analysis.run(layer.view()).unwrap();
    assert_eq!(report.mutual_information, expected.mutual_information, "the CPU's bits");
    let [incident] = report.execution.incidents.as_slice() else {
        panic!("{:?}", report.execution.incidents)
    };
    assert_eq!(incident.remedy, Remedy::RestOnCpu, "{incident}");
    assert!(incident.problem.contains("6.0 MiB of device memory are needed"), "{incident}");
}
