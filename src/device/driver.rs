//! The calls on a device that can fail without an error, behind one trait. Tests replace it by a
//! driver that fails on demand (`faults.rs`).

use std::fmt;

use super::failure::Failure;

/// The wgpu calls that this crate has seen fail, or do nothing, on some driver.
///
/// Each method does what its name says. An implementation for tests may do something else.
pub(crate) trait Driver: fmt::Debug + Send + Sync {
    /// Runs before calls inside error scopes. A test can return an error here in place of the
    /// device's.
    fn begin_calls(&self, _device: &wgpu::Device) -> Result<(), Failure> {
        Ok(())
    }

    /// Writes words to the beginning of a buffer. The write happens before the next submission.
    fn write(&self, _device: &wgpu::Device, queue: &wgpu::Queue, to: &wgpu::Buffer, words: &[u32]) {
        queue.write_buffer(to, 0, bytemuck::cast_slice(words));
    }

    /// Runs before the commands of a submission are recorded.
    fn begin_submission(&self, _device: &wgpu::Device) {}

    /// Records a dispatch.
    fn dispatch(
        &self,
        _device: &wgpu::Device,
        encoder: &mut wgpu::CommandEncoder,
        pipeline: &wgpu::ComputePipeline,
        group: &wgpu::BindGroup,
        [x, y, z]: [u32; 3],
    ) {
        let mut pass = encoder.begin_compute_pass(&Default::default());
        pass.set_pipeline(pipeline);
        pass.set_bind_group(0, group, &[]);
        pass.dispatch_workgroups(x, y, z);
    }

    /// Records that a buffer is set to zero.
    fn clear(
        &self,
        _device: &wgpu::Device,
        encoder: &mut wgpu::CommandEncoder,
        buffer: &wgpu::Buffer,
    ) {
        encoder.clear_buffer(buffer, 0, None);
    }

    /// Records a copy of the beginning of a buffer that fills another one.
    fn copy(&self, encoder: &mut wgpu::CommandEncoder, from: &wgpu::Buffer, to: &wgpu::Buffer) {
        encoder.copy_buffer_to_buffer(from, 0, to, 0, to.size());
    }

    /// Submits what was recorded.
    fn submit(
        &self,
        _device: &wgpu::Device,
        queue: &wgpu::Queue,
        commands: wgpu::CommandBuffer,
    ) -> wgpu::SubmissionIndex {
        queue.submit([commands])
    }

    /// Waits for a submission. Runs on the thread that only waits.
    fn poll(
        &self,
        device: &wgpu::Device,
        wait: wgpu::PollType,
    ) -> Result<wgpu::PollStatus, wgpu::PollError> {
        device.poll(wait)
    }

    /// Returns the words of a buffer that has been mapped.
    fn read(&self, _device: &wgpu::Device, mapped: &wgpu::Buffer) -> Result<Vec<u32>, Failure> {
        let bytes = mapped.get_mapped_range(..).map_err(|e| Failure::Device(e.to_string()))?;
        // The mapping need not be aligned for u32, so words are copied out one by one.
        Ok(bytes.chunks_exact(size_of::<u32>()).map(bytemuck::pod_read_unaligned).collect())
    }
}

/// The driver of the machine, through wgpu.
#[derive(Debug)]
pub(crate) struct SystemDriver;

impl Driver for SystemDriver {}
