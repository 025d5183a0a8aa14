//! The submissions of a job: dispatches are gathered until they are worth a submission, a few
//! submissions are under way at a time, and what they return is read while later ones run.

use std::collections::VecDeque;

use futures_channel::oneshot;

use super::device::Gpu;
use super::failure::{Failure, scoped};
#[cfg(test)]
use super::faults::{self, Fault, Stage};
use super::pace::{Load, Pace, Work};
use super::plan::DeviceLimits;
use super::poller::Waiting;
use crate::engine::Monitor;
use crate::report::Transfer;
use crate::stopwatch::Stopwatch;

/// Submissions under way: one that runs, one that follows it at once, and one that the host makes.
const DEPTH: usize = 3;

/// The largest `Params` of any shader, in bytes.
const PARAMS_BYTES: usize = 32;

/// A dispatch to be submitted.
#[derive(Debug)]
pub(super) struct Dispatch {
    pub(super) pipeline: wgpu::ComputePipeline,
    /// The shader's `Params`, its first binding.
    pub(super) params: Vec<u8>,
    /// Buffers in the order of their bindings, from the second one on.
    pub(super) buffers: Vec<wgpu::Buffer>,
    pub(super) workgroups: [u32; 3],
}

#[derive(Debug)]
pub(super) enum Command<T> {
    Dispatch(Dispatch),
    Clear(wgpu::Buffer),
    Read { source: wgpu::Buffer, words: usize, label: T },
}

/// What goes to the device at once.
#[derive(Debug)]
struct Batch<T> {
    commands: Vec<Command<T>>,
    load: Load,
    /// Pair-samples that are done when it is.
    progress: u64,
    /// Bytes that it reads back.
    read_bytes: u64,
}

impl<T> Default for Batch<T> {
    fn default() -> Self {
        Self { commands: Vec::new(), load: Load::default(), progress: 0, read_bytes: 0 }
    }
}

struct InFlight<T> {
    waiting: Waiting,
    load: Load,
    progress: u64,
    reads: Vec<Read<T>>,
}

struct Read<T> {
    staging: wgpu::Buffer,
    mapped: oneshot::Receiver<Result<(), wgpu::BufferAsyncError>>,
    label: T,
}

/// A device's queue, as one job uses it. Every buffer that is read back has a label.
pub(super) struct Submissions<'a, T> {
    gpu: Gpu,
    monitor: &'a Monitor,
    pub(super) pace: Pace,
    pub(super) transfer: Transfer,
    batch: Batch<T>,
    in_flight: VecDeque<InFlight<T>>,
    arrived: VecDeque<(T, Vec<u32>)>,
    depth: usize,
    /// The most bytes that a submission of several tiles reads back, and of `pending`.
    memory_part: u64,
    /// Bytes that were uploaded since nothing was under way.
    pending: u64,
}

impl<'a, T> Submissions<'a, T> {
    pub(super) fn new(gpu: Gpu, monitor: &'a Monitor, pace: Pace, limits: &DeviceLimits) -> Self {
        // On OpenGL nothing can be submitted while somebody waits. Lavapipe lets nobody go who submits
        // before it has done what came before, and on a CPU there is nothing to do meanwhile.
        let is_one = gpu.takes_turns() || gpu.adapter().is_software;
        let depth = if is_one { 1 } else { DEPTH };
        Self {
            gpu,
            monitor,
            pace,
            transfer: Transfer::default(),
            batch: Batch::default(),
            in_flight: VecDeque::new(),
            arrived: VecDeque::new(),
            depth,
            memory_part: limits.memory_part(),
            pending: 0,
        }
    }

    /// Has room made for an upload of so many bytes: what was uploaded before may be there twice, and
    /// what it took the place of be in use, until all that is under way is done.
    pub(super) async fn make_room(&mut self, bytes: u64) -> Result<(), Failure> {
        self.monitor.token().check()?;
        if self.pending > 0 && self.pending + bytes > self.memory_part {
            self.finish().await?;
        }
        self.pending += bytes;
        self.transfer.uploaded_bytes += bytes;
        Ok(())
    }

    /// Bytes of the device for what is on its way to it or back, beside `others`: the most so far is
    /// reported.
    pub(super) fn note_memory(&mut self, others: u64) {
        let under_way = self.in_flight.iter().flat_map(|flight| &flight.reads);
        let reads = under_way.map(|read| read.staging.size()).sum::<u64>() + self.batch.read_bytes;
        let bytes = others + reads + 2 * self.pending;
        self.transfer.device_memory_bytes = self.transfer.device_memory_bytes.max(bytes);
    }

    /// How much more work of a kind fits the submission in the making.
    pub(super) fn room(&self, kind: Work) -> u64 {
        self.pace.room(kind, &self.batch.load)
    }

    /// Adds a dispatch. `progress` is in pair-samples.
    pub(super) fn dispatch(&mut self, dispatch: Dispatch, kind: Work, work: u64, progress: u64) {
        self.batch.commands.push(Command::Dispatch(dispatch));
        self.batch.load.add(kind, work);
        self.batch.progress += progress;
    }

    /// Sets a buffer to zero.
    pub(super) fn clear(&mut self, buffer: &wgpu::Buffer) {
        self.batch.commands.push(Command::Clear(buffer.clone()));
    }

    /// Reads the first words of a buffer back, as they are at this point of the queue.
    pub(super) async fn read(
        &mut self,
        source: &wgpu::Buffer,
        words: usize,
        label: T,
    ) -> Result<(), Failure> {
        let bytes = (words * size_of::<u32>()) as u64;
        if self.batch.read_bytes > 0 && self.batch.read_bytes + bytes > self.memory_part {
            self.submit().await?;
        }
        self.batch.read_bytes += bytes;
        self.batch.commands.push(Command::Read { source: source.clone(), words, label });
        Ok(())
    }

    /// What was read back, in order.
    pub(super) fn next_arrived(&mut self) -> Option<(T, Vec<u32>)> {
        self.arrived.pop_front()
    }

    /// Submits what was gathered, then waits until there is room for another submission.
    pub(super) async fn submit(&mut self) -> Result<(), Failure> {
        self.monitor.token().check()?;
        let batch = std::mem::take(&mut self.batch);
        if batch.commands.is_empty() {
            return Ok(());
        }
        let gpu = &self.gpu;
        let (load, progress, commands) = (batch.load, batch.progress, batch.commands);
        let (index, reads) = scoped(gpu, || encode_and_submit(gpu, commands)).await?;
        let waiting = gpu.poller().watch(gpu, index)?;
        self.in_flight.push_back(InFlight { waiting, load, progress, reads });
        while self.in_flight.len() >= self.depth {
            self.settle().await?;
        }
        Ok(())
    }

    /// Submits what was gathered, then waits for all that is under way.
    pub(super) async fn finish(&mut self) -> Result<(), Failure> {
        self.submit().await?;
        while !self.in_flight.is_empty() {
            self.settle().await?;
        }
        self.pending = 0;
        Ok(())
    }

    /// Drops what was gathered or has arrived, and waits for all that is under way.
    pub(super) async fn abandon(&mut self) -> Result<(), Failure> {
        self.batch = Batch::default();
        while let Some(oldest) = self.in_flight.pop_front() {
            oldest.waiting.busy().await?;
        }
        self.arrived.clear();
        self.pending = 0;
        Ok(())
    }

    /// Waits for the oldest submission and takes in what it brings.
    async fn settle(&mut self) -> Result<(), Failure> {
        let Some(oldest) = self.in_flight.pop_front() else { return Ok(()) };
        let clock = Stopwatch::start();
        let busy = if self.gpu.takes_turns() {
            oldest.waiting.busy().await
        } else {
            // What is under way ends without us. Those who take turns must see it end.
            self.monitor.token().or_cancelled(oldest.waiting.busy()).await?
        }?;
        self.transfer.waiting += clock.elapsed();
        self.monitor.token().check()?;
        self.transfer.device_busy += busy;
        self.pace.measured(&oldest.load, busy);
        for Read { staging, mapped, label } in oldest.reads {
            match mapped.await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return Err(Failure::Device(error.to_string())),
                Err(_) => return Err(Failure::Device("the device dropped a read".to_owned())),
            }
            let clock = Stopwatch::start();
            #[cfg(test)]
            let fault = self.gpu.faults().strike(Stage::Read, self.gpu.device());
            let words = words_of(&staging)?;
            #[cfg(test)]
            let words = faults::at_read(fault, words)?;
            self.transfer.read_back += clock.elapsed();
            self.transfer.read_back_bytes += staging.size();
            self.arrived.push_back((label, words));
        }
        if oldest.progress > 0 {
            self.monitor.advance(oldest.progress)?;
        }
        Ok(())
    }
}

/// Records and submits a batch. Runs inside error scopes.
fn encode_and_submit<T>(
    gpu: &Gpu,
    commands: Vec<Command<T>>,
) -> (wgpu::SubmissionIndex, Vec<Read<T>>) {
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

/// One buffer for the parameters of all dispatches of a batch; none where there are no dispatches.
fn upload_params<T>(gpu: &Gpu, commands: &[Command<T>], stride: usize) -> Option<wgpu::Buffer> {
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
fn encode_read<T>(
    gpu: &Gpu,
    encoder: &mut wgpu::CommandEncoder,
    source: &wgpu::Buffer,
    words: usize,
    label: T,
) -> Read<T> {
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

fn words_of(staging: &wgpu::Buffer) -> Result<Vec<u32>, Failure> {
    let mapped = staging.get_mapped_range(..).map_err(|e| Failure::Device(e.to_string()))?;
    // The mapping need not be aligned for u32, so words are copied out one by one.
    Ok(mapped.chunks_exact(size_of::<u32>()).map(bytemuck::pod_read_unaligned).collect())
}
