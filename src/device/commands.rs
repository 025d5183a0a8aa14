//! What a device can be told to do, and how it is recorded and submitted.

use futures_channel::oneshot;

use super::failure::Failure;
#[cfg(test)]
use super::faults::{self, Fault, Stage};
use super::gpu::Gpu;

/// The largest `Params` of any shader, in bytes.
const PARAMS_BYTES: usize = 32;

/// A dispatch to be submitted.
#[derive(Debug)]
pub(crate) struct Dispatch {
    pub(crate) pipeline: wgpu::ComputePipeline,
    /// The shader's `Params`, its first binding.
    pub(crate) params: Vec<u8>,
    /// Buffers in the order of their bindings, from the second one on.
    pub(crate) buffers: Vec<wgpu::Buffer>,
    pub(crate) workgroups: [u32; 3],
}

/// What the device does next. What is read back has a label, by which it is known when it arrives.
#[derive(Debug)]
pub(crate) enum Command<L> {
    Dispatch(Dispatch),
    /// Sets a buffer to zero.
    Clear(wgpu::Buffer),
    /// Reads the first words of a buffer back.
    Read {
        source: wgpu::Buffer,
        words: usize,
        label: L,
    },
}

/// What is on its way back to the host.
#[derive(Debug)]
pub(crate) struct Read<L> {
    pub(crate) staging: wgpu::Buffer,
    /// When `staging` can be looked at.
    pub(crate) mapped: oneshot::Receiver<Result<(), wgpu::BufferAsyncError>>,
    pub(crate) label: L,
}

/// Records and submits commands. Runs inside error scopes.
pub(crate) fn record_and_submit<L>(
    gpu: &Gpu,
    commands: Vec<Command<L>>,
) -> (wgpu::SubmissionIndex, Vec<Read<L>>) {
    let stride = params_stride(gpu);
    let params = upload_params(gpu, &commands, stride);
    let mut encoder = gpu.device().create_command_encoder(&Default::default());
    let mut reads = Vec::new();
    let mut slot = 0;
    #[cfg(test)]
    let fault = gpu.faults().strike(Stage::Submit, gpu.device());
    #[cfg(test)]
    let commands = faults::at_submit(gpu, fault, commands);
    for command in commands {
        match command {
            Command::Dispatch(dispatch) => {
                encode(gpu, &mut encoder, &dispatch, params.as_ref(), slot * stride);
                slot += 1;
            }
            #[cfg(test)]
            Command::Clear(_)
                if gpu.faults().strike(Stage::Clear, gpu.device()) == Some(Fault::Dropped) => {}
            Command::Clear(buffer) => encoder.clear_buffer(&buffer, 0, None),
            Command::Read { source, words, label } => {
                reads.push(encode_read(gpu, &mut encoder, &source, words, label));
            }
        }
    }
    let index = gpu.queue().submit([encoder.finish()]);
    #[cfg(test)]
    if fault == Some(Fault::LostUnderWay) {
        gpu.device().destroy();
    }
    (index, reads)
}

/// Bytes from the parameters of one dispatch to those of the next.
fn params_stride(gpu: &Gpu) -> usize {
    PARAMS_BYTES.max(gpu.limits().min_uniform_buffer_offset_alignment as usize)
}

/// One buffer for the parameters of all dispatches; none where there are no dispatches.
fn upload_params<L>(gpu: &Gpu, commands: &[Command<L>], stride: usize) -> Option<wgpu::Buffer> {
    let mut bytes = Vec::new();
    for command in commands {
        if let Command::Dispatch(dispatch) = command {
            debug_assert!(dispatch.params.len() <= PARAMS_BYTES, "{dispatch:?}");
            let end = bytes.len() + stride;
            bytes.extend_from_slice(&dispatch.params);
            bytes.resize(end, 0);
        }
    }
    if bytes.is_empty() {
        return None;
    }
    let buffer = gpu.device().create_buffer(&wgpu::BufferDescriptor {
        label: Some("cofire.params"),
        size: bytes.len() as u64,
        usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    gpu.queue().write_buffer(&buffer, 0, &bytes);
    Some(buffer)
}

fn encode(
    gpu: &Gpu,
    encoder: &mut wgpu::CommandEncoder,
    dispatch: &Dispatch,
    params: Option<&wgpu::Buffer>,
    offset: usize,
) {
    #[cfg(test)]
    if gpu.faults().strike(Stage::Dispatch, gpu.device()) == Some(Fault::Dropped) {
        return; // as a driver that drops work without a word
    }
    let Some(params) = params else { return };
    let params = wgpu::BufferBinding {
        buffer: params,
        offset: offset as u64,
        size: std::num::NonZeroU64::new(PARAMS_BYTES as u64),
    };
    let resources = std::iter::once(wgpu::BindingResource::Buffer(params))
        .chain(dispatch.buffers.iter().map(wgpu::Buffer::as_entire_binding));
    let entries: Vec<wgpu::BindGroupEntry<'_>> = (0..)
        .zip(resources)
        .map(|(binding, resource)| wgpu::BindGroupEntry { binding, resource })
        .collect();
    let group = gpu.device().create_bind_group(&wgpu::BindGroupDescriptor {
        label: None,
        layout: &dispatch.pipeline.get_bind_group_layout(0),
        entries: &entries,
    });
    let mut pass = encoder.begin_compute_pass(&Default::default());
    pass.set_pipeline(&dispatch.pipeline);
    pass.set_bind_group(0, &group, &[]);
    let [x, y, z] = dispatch.workgroups;
    pass.dispatch_workgroups(x, y, z);
}

/// The staging buffer is a fresh one, zeroed by wgpu: what an earlier tile left cannot be taken for
/// this tile's.
fn encode_read<L>(
    gpu: &Gpu,
    encoder: &mut wgpu::CommandEncoder,
    source: &wgpu::Buffer,
    words: usize,
    label: L,
) -> Read<L> {
    let bytes = (words * size_of::<u32>()) as u64;
    let staging = gpu.device().create_buffer(&wgpu::BufferDescriptor {
        label: Some("cofire.staging"),
        size: bytes,
        usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    encoder.copy_buffer_to_buffer(source, 0, &staging, 0, bytes);
    let (tell, mapped) = oneshot::channel();
    encoder.map_buffer_on_submit(&staging, wgpu::MapMode::Read, .., move |result| {
        let _ = tell.send(result); // nobody listens once the job was dropped
    });
    Read { staging, mapped, label }
}

/// What was read back, once it has been mapped.
pub(crate) fn words_read(staging: &wgpu::Buffer) -> Result<Vec<u32>, Failure> {
    let mapped = staging.get_mapped_range(..).map_err(|e| Failure::Device(e.to_string()))?;
    // The mapping need not be aligned for u32, so words are copied out one by one.
    Ok(mapped.chunks_exact(size_of::<u32>()).map(bytemuck::pod_read_unaligned).collect())
}
