//! The submissions of a job. Dispatches are gathered until they are worth a submission. A few
//! submissions are under way at a time, and the data that they return are read while later ones
//! run.

use std::collections::VecDeque;

use super::buffers::{filled_buffer, storage_buffer};
use super::commands::{Command, Dispatch, Read, record_and_submit};
use super::failure::Failure;
use super::gpu::Gpu;
use super::limits::DeviceLimits;
use super::pace::{Load, Pace, Work};
use super::pipelines::Stage;
use super::poller::Waiting;
use super::upload_sum::{self, Sent};
use crate::execution::Transfer;
use crate::support::monitor::Monitor;
use crate::support::stopwatch::Stopwatch;

/// Submissions under way: one that runs, one that follows it at once, and one that the host
/// prepares.
const DEPTH: usize = 3;

/// The purpose of a read.
#[derive(Debug)]
enum Label<T> {
    /// Data that the job asked for.
    Asked(T),
    /// Sums of uploads, to be checked.
    Uploads(Vec<Sent>),
}

/// The commands of the next submission.
#[derive(Debug)]
struct Batch<T> {
    commands: Vec<Command<Label<T>>>,
    /// The uploads that these commands are the first to use. `upload_sums` is the buffer for the
    /// device's sums of them.
    sent: Vec<Sent>,
    upload_sums: Option<wgpu::Buffer>,
    load: Load,
    /// Pair-samples that are done when the submission is done.
    progress: u64,
    /// Bytes that the submission reads back.
    read_bytes: u64,
}

impl<T> Default for Batch<T> {
    fn default() -> Self {
        Self {
            commands: Vec::new(),
            sent: Vec::new(),
            upload_sums: None,
            load: Load::default(),
            progress: 0,
            read_bytes: 0,
        }
    }
}

struct InFlight<T> {
    waiting: Waiting,
    load: Load,
    progress: u64,
    reads: Vec<Read<Label<T>>>,
}

/// A device's queue, as one job uses it. Every read has a label.
pub(crate) struct Submissions<'a, T> {
    gpu: Gpu,
    monitor: &'a Monitor,
    upload_sum: Stage,
    pub(crate) pace: Pace,
    pub(crate) transfer: Transfer,
    batch: Batch<T>,
    in_flight: VecDeque<InFlight<T>>,
    arrived: VecDeque<(T, Vec<u32>)>,
    depth: usize,
    /// The most bytes that a submission of several tiles reads back, and the most bytes of
    /// `pending`.
    memory_part: u64,
    /// Bytes uploaded since the last time when no submission was under way.
    pending: u64,
}

impl<'a, T> Submissions<'a, T> {
    /// Opens the queue for a job that starts at `pace`. Sums of uploads start at the pace of the
    /// device's latest job.
    pub(crate) async fn open(
        gpu: Gpu,
        monitor: &'a Monitor,
        mut pace: Pace,
        limits: &DeviceLimits,
    ) -> Result<Self, Failure> {
        let upload_sum = gpu.stage(upload_sum::shader()).await?;
        gpu.paces().recall(&upload_sum.shader, Work::UploadSum, &mut pace);
        // On OpenGL nothing can be submitted while a thread waits. Lavapipe blocks a submission
        // until earlier ones are done, and on a CPU there is nothing else to do meanwhile.
        let is_one = gpu.inner().takes_turns() || gpu.adapter().is_software;
        let depth = if is_one { 1 } else { DEPTH };
        Ok(Self {
            gpu,
            monitor,
            upload_sum,
            pace,
            transfer: Transfer::default(),
            batch: Batch::default(),
            in_flight: VecDeque::new(),
            arrived: VecDeque::new(),
            depth,
            memory_part: limits.memory_part(),
            pending: 0,
        })
    }

    /// Lets later jobs start sums of uploads at the pace of this job.
    pub(crate) fn remember_pace(&self) {
        let allowed = self.pace.allowed(Work::UploadSum);
        self.gpu.paces().remember(&self.upload_sum.shader, allowed);
    }

    /// Uploads words into a new buffer. The device sums the words that it received, and no result
    /// that was made from them is returned before that sum has been checked. `name` says what the
    /// words are.
    pub(crate) async fn upload(
        &mut self,
        name: &'static str,
        words: &[u32],
    ) -> Result<wgpu::Buffer, Failure> {
        if self.batch.sent.len() == upload_sum::SLOTS {
            self.submit().await?;
        }
        let (device, known) = (self.gpu.inner(), self.batch.upload_sums.take());
        let (buffer, sums) = device
            .scoped(|| {
                let bytes = upload_sum::SLOTS * size_of::<u32>();
                let sums = known.unwrap_or_else(|| storage_buffer(device, "upload_sums", bytes));
                (filled_buffer(device, name, words), sums)
            })
            .await?;
        let dispatch = Dispatch {
            pipeline: self.upload_sum.pipeline.clone(),
            params: upload_sum::params(words.len(), self.batch.sent.len()),
            buffers: vec![buffer.clone(), sums.clone()],
            workgroups: upload_sum::workgroups(words.len()),
        };
        self.dispatch(dispatch, Work::UploadSum, words.len() as u64, 0);
        self.batch.sent.push(Sent::new(name, words));
        self.batch.upload_sums = Some(sums);
        Ok(buffer)
    }

    /// Makes room for an upload of `bytes` bytes. Earlier uploads may be in memory twice, and the
    /// buffers that they replaced may be in use, until all submissions are done. If too many bytes
    /// are pending, this waits for all submissions.
    pub(crate) async fn make_room(&mut self, bytes: u64) -> Result<(), Failure> {
        self.monitor.token().check()?;
        if self.pending > 0 && self.pending + bytes > self.memory_part {
            self.finish().await?;
        }
        self.pending += bytes;
        self.transfer.uploaded_bytes += bytes;
        Ok(())
    }

    /// Records the device memory in use: `others`, uploads on their way and reads. The largest
    /// value is reported.
    pub(crate) fn note_memory(&mut self, others: u64) {
        let under_way = self.in_flight.iter().flat_map(|flight| &flight.reads);
        let reads = under_way.map(|read| read.staging.size()).sum::<u64>() + self.batch.read_bytes;
        let bytes = others + reads + 2 * self.pending;
        self.transfer.device_memory_bytes = self.transfer.device_memory_bytes.max(bytes);
    }

    /// Returns how much more work of a kind fits the next submission.
    pub(crate) fn room(&self, kind: Work) -> u64 {
        self.pace.room(kind, &self.batch.load)
    }

    /// Adds a dispatch. `progress` is in pair-samples.
    pub(crate) fn dispatch(&mut self, dispatch: Dispatch, kind: Work, work: u64, progress: u64) {
        self.batch.commands.push(Command::Dispatch(dispatch));
        self.batch.load.add(kind, work);
        self.batch.progress += progress;
    }

    /// Adds a command that sets a buffer to zero.
    pub(crate) fn clear(&mut self, buffer: &wgpu::Buffer) {
        self.batch.commands.push(Command::Clear(buffer.clone()));
    }

    /// Adds a command that reads the first words of a buffer back, as they are at this point of the
    /// queue.
    pub(crate) async fn read(
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
        let label = Label::Asked(label);
        self.batch.commands.push(Command::Read { source: source.clone(), words, label });
        Ok(())
    }

    /// Returns the next data that were read back, in order.
    pub(crate) fn next_arrived(&mut self) -> Option<(T, Vec<u32>)> {
        self.arrived.pop_front()
    }

    /// Submits the gathered commands, then waits until there is room for another submission.
    pub(crate) async fn submit(&mut self) -> Result<(), Failure> {
        self.monitor.token().check()?;
        let batch = std::mem::take(&mut self.batch);
        if batch.commands.is_empty() {
            return Ok(());
        }
        let device = self.gpu.inner();
        let (load, progress, mut commands) = (batch.load, batch.progress, batch.commands);
        if let Some(source) = batch.upload_sums {
            let (words, label) = (batch.sent.len(), Label::Uploads(batch.sent));
            commands.push(Command::Read { source, words, label });
        }
        let (index, reads) = device.scoped(|| record_and_submit(device, commands)).await?;
        let waiting = self.gpu.poller().watch(device, index)?;
        self.in_flight.push_back(InFlight { waiting, load, progress, reads });
        while self.in_flight.len() >= self.depth {
            self.settle().await?;
        }
        Ok(())
    }

    /// Submits the gathered commands, then waits for all submissions under way.
    pub(crate) async fn finish(&mut self) -> Result<(), Failure> {
        self.submit().await?;
        while !self.in_flight.is_empty() {
            self.settle().await?;
        }
        self.pending = 0;
        Ok(())
    }

    /// Drops gathered commands and arrived data, and waits for all submissions under way.
    pub(crate) async fn abandon(&mut self) -> Result<(), Failure> {
        self.batch = Batch::default();
        while let Some(oldest) = self.in_flight.pop_front() {
            oldest.waiting.busy().await?;
        }
        self.arrived.clear();
        self.pending = 0;
        Ok(())
    }

    /// Waits for the oldest submission and takes in its results.
    async fn settle(&mut self) -> Result<(), Failure> {
        let Some(oldest) = self.in_flight.pop_front() else { return Ok(()) };
        let clock = Stopwatch::start();
        let busy = if self.gpu.inner().takes_turns() {
            oldest.waiting.busy().await
        } else {
            // Submissions end even if nobody waits for them. Jobs that take turns have to see the
            // end.
            self.monitor.token().or_cancelled(oldest.waiting.busy()).await?
        }?;
        self.transfer.waiting += clock.elapsed();
        self.monitor.token().check()?;
        self.transfer.device_busy += busy;
        self.pace.measured(&oldest.load, busy);
        let mut arrived = Vec::new();
        for Read { staging, mapped, label } in oldest.reads {
            match mapped.await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return Err(Failure::Device(error.to_string())),
                Err(_) => return Err(Failure::Device("the device dropped a read".to_owned())),
            }
            let clock = Stopwatch::start();
            let device = self.gpu.inner();
            let words = device.driver.read(&device.raw, &staging)?;
            self.transfer.read_back += clock.elapsed();
            self.transfer.read_back_bytes += staging.size();
            match label {
                Label::Asked(label) => arrived.push((label, words)),
                Label::Uploads(sent) => upload_sum::check(&sent, &words)?,
            }
        }
        self.arrived.extend(arrived);
        if oldest.progress > 0 {
            self.monitor.advance(oldest.progress)?;
        }
        Ok(())
    }
}
