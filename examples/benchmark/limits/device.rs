//! Limits of a device.

use std::error::Error;
use std::time::{Duration, Instant};

use cofire::gpu::{Gpu, wgpu};

use super::{Limits, best_time};

const WORKGROUP_SIZE: u32 = 64;

/// The turns of the loop: far fewer than would make a driver stop the shader.
const TURNS: u32 = 2048;

/// The adders in a turn, of 32 bits each.
const ADDERS_A_TURN: u32 = 4;

/// The time up to which dispatches grow: long enough for overheads not to matter, short enough for
/// every watchdog.
const LONG_ENOUGH: Duration = Duration::from_millis(20);

const MOST_WORKGROUPS: u32 = 65_535;

/// The bytes that are uploaded at once.
const UPLOAD: usize = 32 << 20;

pub(crate) fn of_device(gpu: &Gpu) -> Result<Limits, Box<dyn Error>> {
    let scope = gpu.device().push_error_scope(wgpu::ErrorFilter::Validation);
    let adder_bits = adder_bits(gpu)?;
    let bytes = uploaded_bytes(gpu)?;
    if let Some(error) = pollster::block_on(scope.pop()) {
        return Err(error.into());
    }
    Ok(Limits { adder_bits, increments: None, bytes, bytes_are: "sent to the device" })
}

fn adder_bits(gpu: &Gpu) -> Result<f64, wgpu::PollError> {
    let device = gpu.device();
    let shader = device.create_shader_module(wgpu::include_wgsl!("adders.wgsl"));
    let constants = [("WORKGROUP_SIZE", f64::from(WORKGROUP_SIZE)), ("TURNS", f64::from(TURNS))];
    let pipeline = device.create_compute_pipeline(&wgpu::ComputePipelineDescriptor {
        label: Some("adders"),
        layout: None,
        module: &shader,
        entry_point: Some("main"),
        compilation_options: wgpu::PipelineCompilationOptions {
            constants: &constants,
            ..Default::default()
        },
        cache: None,
    });
    let words = buffer(device, u64::from(MOST_WORKGROUPS * WORKGROUP_SIZE) * 4);
    let bindings = device.create_bind_group(&wgpu::BindGroupDescriptor {
        label: None,
        layout: &pipeline.get_bind_group_layout(0),
        entries: &[wgpu::BindGroupEntry { binding: 0, resource: words.as_entire_binding() }],
    });
    let time = |workgroups: u32| -> Result<Duration, wgpu::PollError> {
        let mut encoder = device.create_command_encoder(&Default::default());
        let mut pass = encoder.begin_compute_pass(&Default::default());
        pass.set_pipeline(&pipeline);
        pass.set_bind_group(0, &bindings, &[]);
        pass.dispatch_workgroups(workgroups, 1, 1);
        drop(pass);
        let clock = Instant::now();
        gpu.queue().submit([encoder.finish()]);
        device.poll(wgpu::PollType::wait_indefinitely())?;
        Ok(clock.elapsed())
    };
    time(1)?; // a driver may compile the pipeline only now
    let mut fastest = 0.0f64;
    let mut workgroups = 16;
    loop {
        let elapsed = time(workgroups)?.min(time(workgroups)?);
        let invocations = f64::from(workgroups * WORKGROUP_SIZE);
        let bits = invocations * f64::from(TURNS * ADDERS_A_TURN * u32::BITS);
        fastest = fastest.max(bits / elapsed.as_secs_f64());
        if elapsed >= LONG_ENOUGH || workgroups == MOST_WORKGROUPS {
            return Ok(fastest);
        }
        workgroups = (workgroups * 2).min(MOST_WORKGROUPS);
    }
}

fn uploaded_bytes(gpu: &Gpu) -> Result<f64, wgpu::PollError> {
    let target = buffer(gpu.device(), UPLOAD as u64);
    let data = vec![0x5a; UPLOAD];
    let mut result = Ok(());
    let time = best_time(|| {
        gpu.queue().write_buffer(&target, 0, &data);
        gpu.queue().submit([]);
        if let Err(error) = gpu.device().poll(wgpu::PollType::wait_indefinitely()) {
            result = Err(error);
        }
    });
    result.map(|()| UPLOAD as f64 / time.as_secs_f64())
}

fn buffer(device: &wgpu::Device, size: u64) -> wgpu::Buffer {
    device.create_buffer(&wgpu::BufferDescriptor {
        label: None,
        size,
        usage: wgpu::BufferUsages::STORAGE | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    })
}
