//! Submitting, waiting, and reading back.

use std::time::Duration;

use futures_channel::oneshot;

use super::adapter::Gpu;
use super::failure::{Failure, scoped};

/// A dispatch is planned to take less than a tenth of a second; a device that has not finished
/// after this long is taken for dead.
#[cfg(not(target_arch = "wasm32"))]
const TIMEOUT: Duration = Duration::from_secs(60);

/// Submits commands and waits until the device has run them.
pub(super) async fn run(
    gpu: &Gpu,
    record: impl FnOnce(&mut wgpu::CommandEncoder),
) -> Result<(), Failure> {
    let (index, done) = submit(gpu, record).await?;
    wait(gpu, index, done).await
}

type Done = oneshot::Receiver<()>;

async fn submit(
    gpu: &Gpu,
    record: impl FnOnce(&mut wgpu::CommandEncoder),
) -> Result<(wgpu::SubmissionIndex, Done), Failure> {
    let (tell, told) = oneshot::channel();
    let index = scoped(gpu.device(), || {
        let mut encoder = gpu.device().create_command_encoder(&Default::default());
        record(&mut encoder);
        let index = gpu.queue().submit([encoder.finish()]);
        gpu.queue().on_submitted_work_done(move || {
            let _ = tell.send(()); // nobody listens once the job was dropped
        });
        index
    })
    .await?;
    Ok((index, told))
}

/// On native targets somebody has to poll the device: a thread, so that the executor is free.
#[cfg(not(target_arch = "wasm32"))]
async fn wait(gpu: &Gpu, index: wgpu::SubmissionIndex, _done: Done) -> Result<(), Failure> {
    let (tell, told) = oneshot::channel();
    let device = gpu.device().clone();
    let poll = move || {
        let wait = wgpu::PollType::Wait { submission_index: Some(index), timeout: Some(TIMEOUT) };
        let _ = tell.send(device.poll(wait)); // nobody listens once the job was dropped
    };
    std::thread::Builder::new()
        .name("cofire-poll".to_owned())
        .spawn(poll)
        .map_err(|error| Failure::Device(format!("no thread to wait on the device: {error}")))?;
    match told.await {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(error)) => Err(Failure::Device(error.to_string())),
        Err(_) => Err(Failure::Device("the thread that waited on the device is gone".to_owned())),
    }
}

/// In a browser the event loop polls.
#[cfg(target_arch = "wasm32")]
async fn wait(_gpu: &Gpu, _index: wgpu::SubmissionIndex, done: Done) -> Result<(), Failure> {
    done.await.map_err(|_| Failure::Device("the device dropped its work".to_owned()))
}

/// Reads the first `words` words of a buffer.
///
/// The staging buffer is a fresh one, zeroed by wgpu: what an earlier tile left cannot be taken for
/// this tile's.
pub(super) async fn read(
    gpu: &Gpu,
    source: &wgpu::Buffer,
    words: usize,
) -> Result<Vec<u32>, Failure> {
    let bytes = (words * size_of::<u32>()) as u64;
    let (tell, told) = oneshot::channel();
    let staging = scoped(gpu.device(), || {
        gpu.device().create_buffer(&wgpu::BufferDescriptor {
            label: Some("cofire.staging"),
            size: bytes,
            usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
            mapped_at_creation: false,
        })
    })
    .await?;
    let (index, done) = submit(gpu, |encoder| {
        encoder.copy_buffer_to_buffer(source, 0, &staging, 0, bytes);
        encoder.map_buffer_on_submit(&staging, wgpu::MapMode::Read, .., move |result| {
            let _ = tell.send(result); // nobody listens once the job was dropped
        });
    })
    .await?;
    wait(gpu, index, done).await?;
    match told.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => return Err(Failure::Device(error.to_string())),
        Err(_) => return Err(Failure::Device("the device dropped a read".to_owned())),
    }
    let mapped = staging.get_mapped_range(..).map_err(|e| Failure::Device(e.to_string()))?;
    // The mapping need not be aligned for u32, so words are copied out one by one.
    Ok(mapped.chunks_exact(size_of::<u32>()).map(bytemuck::pod_read_unaligned).collect())
}
