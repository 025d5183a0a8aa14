//! The caller's own wgpu device, shared with the rest of a program, for several jobs.
//!
//! `cargo run --release --example own_device`

use cofire::gpu::{Gpu, wgpu};
use cofire::{Analysis, Engine};
use ndarray::Array2;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let instance = wgpu::Instance::new(wgpu::InstanceDescriptor::new_without_display_handle());
    let request = instance.request_adapter(&wgpu::RequestAdapterOptions::default());
    let adapter = pollster::block_on(request)?;
    // No feature and no limit beyond WebGPU's defaults is needed.
    let device = adapter.request_device(&wgpu::DeviceDescriptor::default());
    let (device, queue) = pollster::block_on(device)?;

    let gpu = Gpu::from_device(device, queue)?;
    let on_gpu = Analysis::new(10).engine(gpu);
    for layer in 0..3 {
        let activations =
            Array2::from_shape_fn((1000, 64), |(s, n)| ((s * (n + layer + 1)) % 101) as f32);
        let report = on_gpu.run(activations.view())?; // shaders are compiled for the first job only
        let on_cpu = Analysis::new(10).engine(Engine::Cpu).run(activations.view())?;
        assert_eq!(report.mutual_information, on_cpu.mutual_information, "the same bits");
        let adapter = report.execution.adapter.map(|adapter| adapter.to_string());
        println!("layer {layer}: {:.3} nats, by {adapter:?}", report.entropy.sum());
    }
    Ok(())
}
