//! Commands for a device, and how they are recorded and submitted.

use futures_channel::oneshot;

use super::raw_device::Device;

/// The largest `Params` of any shader, in bytes.
const PARAMS_BYTES: usize = 32;

/// A dispatch that is to be submitted.
#[derive(Debug)]
pub(crate) struct Dispatch {
    pub(crate) pipeline: wgpu::ComputePipeline,
    /// The shader's `Params`, its first binding.
    pub(crate) params: Vec<u8>,
    /// Buffers in the order of their bindings, from the second one on.
    pub(crate) buffers: Vec<wgpu::Buffer>,
    pub(crate) workgroups: [u32; 3],
}

/// A command for the device. Each read has a label that identifies the data when they arrive.
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

/// Data on their way back to the host.
#[derive(Debug)]
pub(crate) struct Read<L> {
    pub(crate) staging: wgpu::Buffer,
    /// The message that `staging` has been mapped.
    pub(crate) mapped: oneshot::Receiver<Result<(), wgpu::BufferAsyncError>>,
    pub(crate) label: L,
}

/// Records and submits commands. Runs inside error scopes.
pub(crate) fn record_and_submit<L>(
    device: &Device,
    commands: Vec<Command<L>>,
) -> (wgpu::SubmissionIndex, Vec<Read<L>>) {
    let stride = params_stride(device);
    let params = upload_params(device, &commands, stride);
    let mut encoder = device.raw.create_command_encoder(&Default::default());
    let mut reads = Vec::new();
    let mut slot = 0;
    device.driver.begin_submission(&device.raw);
    for command in commands {
        match command {
            Command::Dispatch(dispatch) => {
                encode(device, &mut encoder, &dispatch, params.as_ref(), slot * stride);
                slot += 1;
            }
            Command::Clear(buffer) => device.driver.clear(&device.raw, &mut encoder, &buffer),
            Command::Read { source, words, label } => {
                reads.push(encode_read(device, &mut encoder, &source, words, label));
            }
        }
    }
    let index = device.driver.submit(&device.raw, &device.queue, encoder.finish());
    (index, reads)
}

/// Returns the number of bytes from the parameters of one dispatch to those of the next.
fn params_stride(device: &Device) -> usize {
    PARAMS_BYTES.max(device.limits.min_uniform_buffer_offset_alignment as usize)
}

/// Uploads the parameters of all dispatches in one buffer. Returns `None` if there are no
/// dispatches.
fn upload_params<L>(
    device: &Device,
    commands: &[Command<L>],
    stride: usize,
) -> Option<wgpu::Buffer> {
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
    let buffer = device.raw.create_buffer(&wgpu::BufferDescriptor {
        label: Some("cofire.params"),
        size: bytes.len() as u64,
        usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    device.queue.write_buffer(&buffer, 0, &bytes);
    Some(buffer)
}

fn encode(
    device: &Device,
    encoder: &mut wgpu::CommandEncoder,
    dispatch: &Dispatch,
    params: Option<&wgpu::Buffer>,
    offset: usize,
) {
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
    let group = device.raw.create_bind_group(&wgpu::BindGroupDescriptor {
        label: None,
        layout: &dispatch.pipeline.get_bind_group_layout(0),
        entries: &entries,
    });
    device.driver.dispatch(&device.raw, encoder, &dispatch.pipeline, &group, dispatch.workgroups);
}

/// Records a read into a fresh staging buffer, which wgpu zeroes, so that data of an earlier tile
/// cannot be mistaken for this tile's.
fn encode_read<L>(
    device: &Device,
    encoder: &mut wgpu::CommandEncoder,
    source: &wgpu::Buffer,
    words: usize,
    label: L,
) -> Read<L> {
    let bytes = (words * size_of::<u32>()) as u64;
    let staging = device.raw.create_buffer(&wgpu::BufferDescriptor {
        label: Some("cofire.staging"),
        size: bytes,
        usage: wgpu::BufferUsages::MAP_READ | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    });
    device.driver.copy(encoder, source, &staging);
    let (sender, mapped) = oneshot::channel();
    encoder.map_buffer_on_submit(&staging, wgpu::MapMode::Read, .., move |result| {
        let _ = sender.send(result); // nobody listens after the job was dropped
    });
    Read { staging, mapped, label }
}
