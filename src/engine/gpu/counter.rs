//! Counting on a device: what to upload, dispatch and read back for a tile, and how to make sums of
//! the data that arrive.

use std::ops::Range;

use super::kernels::count_kernel::{CountKernel, Output, Piece};
use super::kernels::{self, cell_sum};
use super::pieces::Pieces;
use super::tiling::{Plan, Reduction};
use super::uploads::Uploads;
use super::visit::{Block, Role, Visit};
use crate::device::Gpu;
use crate::device::buffers::{storage_buffer, words_of};
use crate::device::commands::Dispatch;
use crate::device::failure::Failure;
use crate::device::limits::Care;
use crate::device::pace::{Pace, Work};
use crate::device::pipelines::Stage;
use crate::device::submissions::Submissions;
use crate::device::tagged_sums::{self, Expected};
use crate::device::tile_queue::TileQueue;
use crate::engine::{Counts, Goal, Job};
use crate::error::Error;
use crate::execution::{Kernel, Transfer};
use crate::pairs::sums::{PairSum, checked_histograms, checked_sums};
use crate::pairs::tile::Tile;
use crate::support::stopwatch::Stopwatch;

/// A queue that counts the tiles of a job. Tiles are enqueued, and their results arrive later, in
/// the same order.
pub(crate) struct TileCounter<'a> {
    gpu: Gpu,
    job: &'a Job,
    plan: Plan,
    chosen: Kernel,
    kernel: Box<dyn CountKernel>,
    count: Stage,
    cell_sum: Option<CellSum>,
    table: wgpu::Buffer,
    /// Counts, or sums if the counting kernel makes them.
    counts: wgpu::Buffer,
    uploads: Uploads,
    visit: Visit,
    submissions: Submissions<'a, Expected>,
    /// The tag of the latest tile.
    tag: u32,
}

struct CellSum {
    stage: Stage,
    sums: wgpu::Buffer,
}

impl<'a> TileCounter<'a> {
    /// Builds pipelines and buffers for tiles of a job. Tiles that are too large are cut further.
    pub(crate) async fn open(
        gpu: &Gpu,
        job: &'a Job,
        chosen: Kernel,
        tiles: &[Tile],
        care: Care,
    ) -> Result<Self, Failure> {
        let limits = gpu.limits_of_job(care);
        let bins = job.codes.bins();
        let kernel = kernels::new(chosen, bins, &limits);
        let (samples, neurons) = (job.codes.samples(), job.codes.neurons());
        let table = job.table.values();
        let wants_sums = job.goal == Goal::Sums;
        let table_values = (wants_sums && job.table.is_complete()).then_some(table.len());
        let plan = Plan::new(samples, neurons, bins, kernel.as_ref(), table_values, &limits)
            .map_err(Failure::TooSmall)?;
        log::debug!("{chosen} on {}: {plan:?}", gpu.adapter());

        let output = plan.reduction.output();
        let count = gpu.stage(kernel.shader(output)).await?;
        let pairs = plan.edge * plan.edge;
        let words = match output {
            Output::Counts => pairs * bins * bins,
            Output::Sums => pairs * tagged_sums::WORDS,
        };
        let bytes = words * size_of::<u32>();
        let device = gpu.inner();
        let counts = device.scoped(|| storage_buffer(device, "counts", bytes)).await?;
        let mut pace = Pace::new();
        gpu.paces().recall(&count.shader, Work::Count, &mut pace);
        let cell_sum = if plan.reduction == Reduction::CellSum {
            let stage = gpu.stage(cell_sum::shader(bins)).await?;
            gpu.paces().recall(&stage.shader, Work::Reduce, &mut pace);
            let bytes = pairs * tagged_sums::WORDS * size_of::<u32>();
            let sums = device.scoped(|| storage_buffer(device, "sums", bytes)).await?;
            Some(CellSum { stage, sums })
        } else {
            None
        };
        let mut submissions = Submissions::open(gpu.clone(), &job.monitor, pace, &limits).await?;
        if care == Care::Smaller {
            submissions.pace.slow_down();
        }
        let table = submissions.upload("table", &words_of_table(table, plan.reduction)).await?;
        let panels = plan.panels(samples, kernel.as_ref(), &limits);
        Ok(Self {
            gpu: gpu.clone(),
            job,
            chosen,
            kernel,
            count,
            cell_sum,
            table,
            counts,
            uploads: Uploads::new(limits.upload_bytes()),
            visit: Visit::new(tiles, plan.edge, samples, plan.chunk, panels),
            submissions,
            tag: 0,
            plan,
        })
    }

    /// Returns the kernel that counts.
    pub(crate) fn kernel(&self) -> Kernel {
        self.chosen
    }

    /// Returns the transfer between host and device so far.
    pub(crate) fn transfer(&self) -> Transfer {
        self.submissions.transfer
    }

    /// Lets later jobs start at the pace of this job.
    pub(crate) fn remember_pace(&self) {
        let (paces, pace) = (self.gpu.paces(), &self.submissions.pace);
        paces.remember(&self.count.shader, pace.allowed(Work::Count));
        if let Some(cell_sum) = &self.cell_sum {
            paces.remember(&cell_sum.stage.shader, pace.allowed(Work::Reduce));
        }
        self.submissions.remember_pace();
    }

    fn decode(&self, tile: &Tile, tag: u32, words: Vec<u32>) -> Result<Counts, Error> {
        let (samples, bins) = (self.job.codes.samples(), self.job.codes.bins());
        let cells = bins * bins;
        let pairs = match (self.plan.reduction, self.job.goal) {
            (_, Goal::Histograms) => {
                let histograms = checked_histograms(tile, (samples, cells), words)?;
                return Ok(Counts::Histograms(histograms));
            }
            (Reduction::InKernel | Reduction::CellSum, _) => tagged_sums::decode(&words, tag),
            (Reduction::OnHost, _) => {
                words.chunks_exact(cells).map(|cells| self.sum_on_host(cells)).collect()
            }
        };
        Ok(Counts::Sums(checked_sums(tile, samples, &pairs)?))
    }

    fn sum_on_host(&self, cells: &[u32]) -> PairSum {
        let samples = cells.iter().map(|&n| u64::from(n)).sum();
        PairSum { cells: self.job.table.sum(cells), samples }
    }

    async fn enqueue_tile(&mut self, tile: &Tile, number: usize) -> Result<(), Failure> {
        self.tag = self.tag.wrapping_add(1);
        for (turn, samples) in self.visit.chunks(number).enumerate() {
            let buffers = self.count_buffers(tile, &samples, (number, turn)).await?;
            self.submissions.note_memory(self.fixed_bytes() + self.uploads.bytes());
            let mut pieces = Pieces::new(tile, self.kernel.column_step(), samples.len());
            while !pieces.is_finished() {
                let room = self.submissions.room(Work::Count);
                match pieces.next(room, self.submissions.pace.allowed(Work::Count)) {
                    Some(piece) => {
                        let work = pieces.pairs(&piece) * samples.len() as u64;
                        let dispatch = self.count_dispatch(tile, &piece, samples.len(), &buffers);
                        self.submissions.dispatch(dispatch, Work::Count, work, work);
                    }
                    None => self.submissions.submit().await?,
                }
            }
        }
        self.reduce(tile).await
    }

    /// Reduces the histograms of a tile to sums and reads those back, or reads the histograms back.
    async fn reduce(&mut self, tile: &Tile) -> Result<(), Failure> {
        let expected = Expected { tile: tile.clone(), tag: self.tag };
        match self.plan.reduction {
            Reduction::InKernel => {
                let words = tile.pairs() * tagged_sums::WORDS;
                self.submissions.read(&self.counts, words, expected).await?;
            }
            Reduction::CellSum => {
                self.sum_cells(tile).await?;
                let Some(cell_sum) = &self.cell_sum else { return Ok(()) };
                let words = tile.pairs() * tagged_sums::WORDS;
                self.submissions.read(&cell_sum.sums, words, expected).await?;
            }
            Reduction::OnHost => {
                let words = tile.pairs() * self.job.codes.bins() * self.job.codes.bins();
                self.submissions.read(&self.counts, words, expected).await?;
                self.submissions.clear(&self.counts);
                // Host and device each hold the histograms of one tile and no more.
                self.submissions.submit().await?;
            }
        }
        Ok(())
    }

    /// Reduces the joint histograms to sums on the device, and resets them to zero.
    async fn sum_cells(&mut self, tile: &Tile) -> Result<(), Failure> {
        let cells = self.job.codes.bins() * self.job.codes.bins();
        let mut pieces = Pieces::new(tile, usize::MAX, cells);
        while !pieces.is_finished() {
            let Some(cell_sum) = &self.cell_sum else { return Ok(()) };
            let room = self.submissions.room(Work::Reduce);
            match pieces.next(room, self.submissions.pace.allowed(Work::Reduce)) {
                Some(piece) => {
                    let dispatch = Dispatch {
                        pipeline: cell_sum.stage.pipeline.clone(),
                        params: cell_sum::params(tile, piece.rows.start, self.tag),
                        buffers: vec![
                            self.counts.clone(),
                            self.table.clone(),
                            cell_sum.sums.clone(),
                        ],
                        workgroups: cell_sum::workgroups(piece.columns.len(), piece.rows.len()),
                    };
                    let work = pieces.pairs(&piece) * cells as u64;
                    self.submissions.dispatch(dispatch, Work::Reduce, work, 0);
                }
                None => self.submissions.submit().await?,
            }
        }
        Ok(())
    }

    /// Returns the bytes of the buffers that every tile uses.
    fn fixed_bytes(&self) -> u64 {
        let sums = self.cell_sum.as_ref().map_or(0, |cell_sum| cell_sum.sums.size());
        self.table.size() + self.counts.size() + sums
    }

    /// Returns the packed codes of a tile over a chunk of samples, first of its rows, then of its
    /// columns.
    async fn count_buffers(
        &mut self,
        tile: &Tile,
        samples: &Range<usize>,
        (number, turn): (usize, usize),
    ) -> Result<Vec<wgpu::Buffer>, Failure> {
        let mut buffers = Vec::new();
        for role in [Role::Rows, Role::Columns] {
            let block = Block::of(tile, role, samples);
            let next_use = |block: &Block| self.visit.next_use(block, number, turn);
            let (kernel, codes) = (self.kernel.as_ref(), &self.job.codes);
            let submissions = &mut self.submissions;
            let kept = self.uploads.get(kernel, codes, &block, next_use, submissions);
            buffers.extend(kept.await?);
        }
        Ok(buffers)
    }

    fn count_dispatch(
        &self,
        tile: &Tile,
        piece: &Piece,
        samples: usize,
        codes: &[wgpu::Buffer],
    ) -> Dispatch {
        let table = self.kernel.can_sum().then_some(&self.table);
        Dispatch {
            pipeline: self.count.pipeline.clone(),
            params: self.kernel.params(tile, piece, samples, self.tag),
            buffers: codes.iter().chain(table).chain([&self.counts]).cloned().collect(),
            workgroups: self.kernel.workgroups(piece),
        }
    }
}

impl TileQueue for TileCounter<'_> {
    type Output = Counts;

    fn tiles(&self) -> &[Tile] {
        self.visit.tiles()
    }

    async fn enqueue(&mut self, number: usize) -> Result<(), Failure> {
        let Some(tile) = self.visit.tiles().get(number).cloned() else { return Ok(()) };
        self.enqueue_tile(&tile, number).await
    }

    async fn finish(&mut self) -> Result<(), Failure> {
        self.submissions.finish().await
    }

    fn next_output(&mut self) -> Option<(Tile, Result<Self::Output, Failure>)> {
        let (Expected { tile, tag }, words) = self.submissions.next_arrived()?;
        let clock = Stopwatch::start();
        let counts = self.decode(&tile, tag, words).map_err(Failure::from);
        self.submissions.transfer.read_back += clock.elapsed();
        Some((tile, counts))
    }

    fn slow_down(&mut self) {
        self.submissions.pace.slow_down();
    }

    async fn start_over(&mut self) -> Result<(), Failure> {
        self.submissions.abandon().await?;
        self.uploads.clear();
        // The dropped submission may have been the one that uploads the table.
        let table = words_of_table(self.job.table.values(), self.plan.reduction);
        self.table = self.submissions.upload("table", &table).await?;
        self.submissions.clear(&self.counts);
        Ok(())
    }
}

/// Seconds of device time for the two parts of a job.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Speed {
    /// The time to count one pair-sample.
    pub(crate) seconds_per_pair_sample: f64,
    /// The time to sum the cells of one pair. Zero if the counting kernel sums, or if the host
    /// does.
    pub(crate) seconds_per_pair: f64,
}

/// Rows and columns of the tile on which a kernel's speed is measured. They make some millions of
/// pair-samples, enough to fill a large device for a moment.
const TRIAL_TILE: (usize, usize) = (128, 512);

/// The least time of the last measured submission, unless the whole tile takes less.
const TRIAL_SECONDS: f64 = 0.004;

/// The most submissions to measure.
const TRIALS: usize = 12;

impl TileCounter<'_> {
    /// Measures the kernel on a part of the job. The counts are thrown away.
    pub(crate) async fn measure(&mut self) -> Result<Speed, Failure> {
        let Some((tile, samples)) = self.trial() else {
            return Ok(Speed { seconds_per_pair_sample: 0.0, seconds_per_pair: 0.0 });
        };
        let buffers = self.count_buffers(&tile, &samples, (0, 0)).await?;
        let mut seconds_per_pair_sample = 0.0;
        for trial in 0..TRIALS {
            let mut pieces = Pieces::new(&tile, self.kernel.column_step(), samples.len());
            let allowed = self.submissions.pace.allowed(Work::Count);
            let Some(piece) = pieces.next(allowed, allowed) else { break };
            let work = pieces.pairs(&piece) * samples.len() as u64;
            let dispatch = self.count_dispatch(&tile, &piece, samples.len(), &buffers);
            self.submissions.dispatch(dispatch, Work::Count, work, 0);
            let seconds = self.busy_seconds().await?;
            seconds_per_pair_sample = seconds / work as f64;
            // The first submission may include work that the driver does only once.
            if trial > 0 && (seconds >= TRIAL_SECONDS || pieces.is_finished()) {
                break;
            }
        }
        let mut seconds_per_pair = 0.0;
        if self.cell_sum.is_some() {
            for _ in 0..2 {
                self.sum_cells(&tile).await?;
                seconds_per_pair = self.busy_seconds().await? / tile.pairs() as f64;
            }
        }
        // A lost device seems to take no time. Only reading from it shows the loss.
        self.submissions.read(&self.counts, 1, Expected { tile, tag: self.tag }).await?;
        self.submissions.finish().await?;
        self.start_over().await?;
        Ok(Speed { seconds_per_pair_sample, seconds_per_pair })
    }

    /// Returns the part to measure, from a tile off the diagonal if there is one.
    fn trial(&self) -> Option<(Tile, Range<usize>)> {
        let tiles = self.visit.tiles();
        let tile = tiles.iter().find(|tile| !tile.is_triangular()).or(tiles.first())?;
        let (height, width) = TRIAL_TILE;
        Some((tile.cut(height, width).swap_remove(0), self.visit.chunks(0).next()?))
    }

    async fn busy_seconds(&mut self) -> Result<f64, Failure> {
        let before = self.submissions.transfer.device_busy;
        self.submissions.finish().await?;
        Ok((self.submissions.transfer.device_busy - before).as_secs_f64())
    }
}

/// Returns the words of the table of f(n). If the host sums, kernels do not read the table, and its
/// first entry is enough.
fn words_of_table(values: &[u64], reduction: Reduction) -> Vec<u32> {
    let values = if reduction == Reduction::OnHost { &values[..1] } else { values };
    words_of(values.iter().copied())
}
