//! Tests of a device that the caller opened, with limits lower than those of any real device, and
//! of `async` callers.
#![cfg(feature = "gpu")]

use cofire::gpu::{Gpu, wgpu};
use cofire::{Analysis, Engine, Error, Kernel, OnDeviceFailure};
use ndarray::Array2;

/// Opens the first adapter with limits changed by `change`.
async fn open(change: impl Fn(&mut wgpu::Limits)) -> Option<(wgpu::Device, wgpu::Queue)> {
    let instance =
        wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle_from_env());
    let adapters = instance.enumerate_adapters(wgpu::Backends::PRIMARY).await;
    let adapter = adapters.first()?;
    let mut limits = wgpu::Limits::default().or_worse_values_from(&adapter.limits());
    change(&mut limits);
    let descriptor = wgpu::DeviceDescriptor { required_limits: limits, ..Default::default() };
    Some(adapter.request_device(&descriptor).await.unwrap())
}

fn activations() -> Array2<f32> {
    Array2::from_shape_fn((500, 40), |(s, n)| ((s * (n + 5) + s * s) % (97 + n)) as f32)
}

#[test]
fn low_limits_change_the_plan_and_not_a_bit_of_the_result() {
    let device = pollster::block_on(open(|limits| {
        limits.max_storage_buffer_binding_size = 16 << 20;
        limits.max_buffer_size = 20 << 20;
        limits.max_compute_workgroup_storage_size = 8192;
        limits.max_compute_invocations_per_workgroup = 64;
        limits.max_compute_workgroups_per_dimension = 1024;
        limits.max_storage_buffers_per_shader_stage = 4;
    }));
    let Some((device, queue)) = device else {
        return crate::common::say_if_no_adapter("own_device");
    };
    let gpu = Gpu::from_device(device, queue).unwrap();
    for bins in [9, 30, 64, 256] {
        for kernel in Kernel::ALL.into_iter().filter(|kernel| bins <= kernel.max_bins()) {
            let settings = Analysis::new(bins).kernel(kernel);
            let expected = settings.clone().engine(Engine::Cpu).run(activations().view()).unwrap();
            let found = settings
                .engine(gpu.clone())
                .on_device_failure(OnDeviceFailure::Fail)
                .run(activations().view())
                .unwrap();
            assert_eq!(found.mutual_information, expected.mutual_information, "{bins} {kernel}");
        }
    }
}

#[test]
fn limits_too_low_for_any_kernel_are_named() {
    let device = pollster::block_on(open(|limits| limits.max_compute_workgroup_storage_size = 64));
    let Some((device, queue)) = device else {
        return crate::common::say_if_no_adapter("own_device");
    };
    let error = Gpu::from_device(device, queue).unwrap_err();
    assert!(
        matches!(
            error,
            Error::AdapterTooSmall {
                limit: "max_compute_workgroup_storage_size",
                available: 64,
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn async_calls_can_move_between_threads() {
    fn is_send<T: Send>(future: T) -> T {
        future
    }
    let activations = activations();
    for engine in [Engine::Cpu, Engine::Auto] {
        let settings = Analysis::new(10).engine(engine);
        let future = is_send(settings.run_async(activations.view()));
        let found = pollster::block_on(future).unwrap();
        let expected = settings.run(activations.view()).unwrap();
        assert_eq!(found.mutual_information, expected.mutual_information);
    }
}
