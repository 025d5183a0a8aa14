//! Running tiles on a device: what to upload, dispatch and read back for a tile, and how to make
//! sums of the data that arrive.

use std::ops::Range;

use super::kernels::{self, Items, SUM_SAMPLES, Shape, WORKGROUP_SIZE};
use super::tiling::Plan;
use crate::device::Gpu;
use crate::device::buffers::{storage_buffer, words_of};
use crate::device::commands::Dispatch;
use crate::device::failure::Failure;
use crate::device::limits::Care;
use crate::device::pace::{Pace, Work};
use crate::device::pipelines::Stage;
use crate::device::shader::to_u32;
use crate::device::submissions::Submissions;
use crate::device::tagged_sums::{self, Expected};
use crate::device::tile_queue::TileQueue;
use crate::execution::Transfer;
use crate::neighbors::KsgAlgorithm;
use crate::neighbors::column::GRID_OFFSET;
use crate::neighbors::job::NeighborJob;
use crate::pairs::sums::{PairSum, checked_sums};
use crate::pairs::tile::Tile;
use crate::support::stopwatch::Stopwatch;

/// The work of summing one sample, where that of comparing two samples is 1.
const SUM_WORK: u64 = 64;

/// A queue that runs the tiles of a job. Tiles are enqueued, and their sums arrive later, in the
/// same order.
pub(crate) struct TileRunner<'a> {
    gpu: Gpu,
    job: &'a NeighborJob,
    plan: Plan,
    tiles: Vec<Tile>,
    /// The kernels that compare every sample with every other one, in this order.
    searches: Vec<Stage>,
    counts: Stage,
    table: wgpu::Buffer,
    state: wgpu::Buffer,
    sums: wgpu::Buffer,
    submissions: Submissions<'a, Expected>,
    /// The tag of the latest tile.
    tag: u32,
}

impl<'a> TileRunner<'a> {
    /// Builds pipelines and buffers for the tiles of a job.
    ///
    /// Returns [`Failure::TooSmall`] if the job does not fit the device, which is still usable.
    pub(crate) async fn open(
        gpu: &Gpu,
        job: &'a NeighborJob,
        tiles: &[Tile],
        care: Care,
    ) -> Result<Self, Failure> {
        let limits = gpu.limits_of_job(care);
        let plan =
            Plan::new(job.samples, job.k, job.algorithm, &limits).map_err(Failure::TooSmall)?;
        log::debug!("nearest_neighbors on {}: {plan:?}", gpu.adapter());
        let mut searches = vec![gpu.stage(kernels::nearest_neighbors(job.k, job.algorithm)).await?];
        if job.algorithm == KsgAlgorithm::Second {
            searches.push(gpu.stage(kernels::neighbor_extents(job.k)).await?);
        }
        let counts = gpu.stage(kernels::neighbor_counts(job.k, job.algorithm)).await?;
        let pairs = plan.edge * plan.edge;
        let sum_groups = job.samples.div_ceil(SUM_SAMPLES);
        let device = gpu.inner();
        let (state, sums) = device
            .scoped(|| {
                let word = size_of::<u32>();
                let state_bytes = pairs * plan.state_words * job.samples * word;
                let sums_bytes = pairs * sum_groups * tagged_sums::WORDS * word;
                (
                    storage_buffer(device, "state", state_bytes),
                    storage_buffer(device, "sums", sums_bytes),
                )
            })
            .await?;
        let mut pace = Pace::new();
        gpu.paces().recall(&searches[0].shader, Work::Count, &mut pace);
        gpu.paces().recall(&counts.shader, Work::Reduce, &mut pace);
        let mut submissions = Submissions::open(gpu.clone(), &job.monitor, pace, &limits).await?;
        if care == Care::Smaller {
            submissions.pace.slow_down();
        }
        let table = submissions.upload("table", &words_of_table(job)).await?;
        Ok(Self {
            gpu: gpu.clone(),
            job,
            tiles: tiles.iter().flat_map(|tile| tile.cut(plan.edge, plan.edge)).collect(),
            searches,
            counts,
            table,
            state,
            sums,
            submissions,
            tag: 0,
            plan,
        })
    }

    /// Returns the transfer between host and device so far.
    pub(crate) fn transfer(&self) -> Transfer {
        self.submissions.transfer
    }

    /// Lets later jobs start at the pace of this job.
    pub(crate) fn remember_pace(&self) {
        let (paces, pace) = (self.gpu.paces(), &self.submissions.pace);
        paces.remember(&self.searches[0].shader, pace.allowed(Work::Count));
        paces.remember(&self.counts.shader, pace.allowed(Work::Reduce));
        self.submissions.remember_pace();
    }

    fn sum_groups(&self) -> usize {
        self.job.samples.div_ceil(SUM_SAMPLES)
    }

    fn shape(&self, tile: &Tile) -> Shape {
        Shape { pairs: tile.pairs(), samples: self.job.samples }
    }

    /// Compares every sample of the tile's pairs with the samples `partners`.
    async fn search(
        &mut self,
        search: usize,
        tile: &Tile,
        values: &wgpu::Buffer,
        partners: &Range<usize>,
    ) -> Result<(), Failure> {
        let shape = self.shape(tile);
        let end = shape.pairs * shape.samples.div_ceil(WORKGROUP_SIZE);
        let item_work = (WORKGROUP_SIZE * partners.len()) as u64;
        let mut next = 0;
        while next < end {
            let Some(items) = self.room(Work::Count, item_work, next..end) else {
                self.submissions.submit().await?;
                continue;
            };
            let dispatch = Dispatch {
                pipeline: self.searches[search].pipeline.clone(),
                params: kernels::search_params(&items, shape, partners),
                buffers: vec![values.clone(), self.state.clone()],
                workgroups: items.workgroups(),
            };
            next = items.range.end;
            let work = item_work * items.range.len() as u64;
            self.submissions.dispatch(dispatch, Work::Count, work, 0);
        }
        Ok(())
    }

    /// Counts and sums the neighbours of the tile's pairs.
    async fn count(&mut self, tile: &Tile, values: &wgpu::Buffer) -> Result<(), Failure> {
        let shape = self.shape(tile);
        let groups = self.sum_groups();
        let end = shape.pairs * groups;
        let item_work = SUM_SAMPLES.min(shape.samples) as u64 * SUM_WORK;
        let samples_before = |item: usize| {
            let in_pair = (item % groups * SUM_SAMPLES).min(shape.samples);
            (item / groups * shape.samples + in_pair) as u64
        };
        let mut next = 0;
        while next < end {
            let Some(items) = self.room(Work::Reduce, item_work, next..end) else {
                self.submissions.submit().await?;
                continue;
            };
            let buffers = [values, &self.state, &self.table, &self.sums];
            let dispatch = Dispatch {
                pipeline: self.counts.pipeline.clone(),
                params: kernels::count_params(&items, shape, self.tag),
                buffers: buffers.into_iter().cloned().collect(),
                workgroups: items.workgroups(),
            };
            next = items.range.end;
            let work = item_work * items.range.len() as u64;
            let progress = samples_before(next) - samples_before(items.range.start);
            self.submissions.dispatch(dispatch, Work::Reduce, work, progress);
        }
        Ok(())
    }

    /// Returns the next items that fit the next submission, at least one if it is empty. Returns
    /// `None` if they should wait for an empty one.
    fn room(&self, kind: Work, item_work: u64, items: Range<usize>) -> Option<Items> {
        let room = self.submissions.room(kind);
        let fit = usize::try_from(room / item_work.max(1)).unwrap_or(usize::MAX);
        if fit == 0 && room < self.submissions.pace.allowed(kind) {
            return None;
        }
        let limit = self.gpu.inner().limits.max_compute_workgroups_per_dimension;
        Some(Items::new(items.start, fit.min(items.len()), limit))
    }

    /// Uploads the axes of each pair, its neurons' places and shifts, then the values of each neuron,
    /// by sample and then ascending.
    async fn upload_values(&mut self, tile: &Tile) -> Result<wgpu::Buffer, Failure> {
        let clock = Stopwatch::start();
        // The rows of a tile on the diagonal are among its columns.
        let rows = if tile.is_triangular() { 0..0 } else { tile.rows.clone() };
        let place_of_row = |i: usize| to_u32(i - tile.rows.start);
        let place_of_column = |j: usize| to_u32(rows.len() + j - tile.columns.start);
        let axes = |(i, j): (usize, usize)| {
            let (of_row, of_column) = self.job.columns[i].shifts(&self.job.columns[j]);
            [place_of_row(i) | of_row << 16, place_of_column(j) | of_column << 16]
        };
        let mut words: Vec<u32> = tile.iter().flat_map(axes).collect();
        for neuron in rows.clone().chain(tile.columns.clone()) {
            let column = &self.job.columns[neuron];
            let values = column.values.iter().chain(column.ranks.sorted());
            words.extend(words_of(values.map(|&value| steps_of(value))));
        }
        let elapsed = clock.elapsed();
        self.submissions.make_room(size_of_val(words.as_slice()) as u64).await?;
        let clock = Stopwatch::start();
        let buffer = self.submissions.upload("values", &words).await?;
        self.submissions.transfer.upload += elapsed + clock.elapsed();
        self.submissions.note_memory(self.table.size() + self.state.size() + self.sums.size());
        Ok(buffer)
    }
}

impl TileQueue for TileRunner<'_> {
    type Output = Vec<u64>;

    fn tiles(&self) -> &[Tile] {
        &self.tiles
    }

    async fn enqueue(&mut self, number: usize) -> Result<(), Failure> {
        let Some(tile) = self.tiles.get(number).cloned() else { return Ok(()) };
        self.tag = self.tag.wrapping_add(1);
        let values = self.upload_values(&tile).await?;
        for search in 0..self.searches.len() {
            for begin in (0..self.job.samples).step_by(self.plan.chunk) {
                let partners = begin..self.job.samples.min(begin + self.plan.chunk);
                self.search(search, &tile, &values, &partners).await?;
            }
        }
        self.count(&tile, &values).await?;
        let words = tile.pairs() * self.sum_groups() * tagged_sums::WORDS;
        let tag = self.tag;
        self.submissions.read(&self.sums, words, Expected { tile, tag }).await
    }

    async fn finish(&mut self) -> Result<(), Failure> {
        self.submissions.finish().await
    }

    fn next_output(&mut self) -> Option<(Tile, Result<Self::Output, Failure>)> {
        let (Expected { tile, tag }, words) = self.submissions.next_arrived()?;
        let parts = tagged_sums::decode(&words, tag);
        let of_pair = |parts: &[PairSum]| PairSum {
            cells: parts.iter().map(|part| part.cells).sum(),
            samples: parts.iter().map(|part| part.samples).sum(),
        };
        let pairs: Vec<PairSum> = parts.chunks_exact(self.sum_groups()).map(of_pair).collect();
        let sums = checked_sums(&tile, self.job.samples, &pairs).map_err(Failure::from);
        Some((tile, sums))
    }

    fn slow_down(&mut self) {
        self.submissions.pace.slow_down();
    }

    async fn start_over(&mut self) -> Result<(), Failure> {
        self.submissions.abandon().await?;
        // The dropped submission may have been the one that uploads the table.
        self.table = self.submissions.upload("table", &words_of_table(self.job)).await?;
        self.submissions.clear(&self.state);
        Ok(())
    }
}

fn words_of_table(job: &NeighborJob) -> Vec<u32> {
    words_of(job.table.values().iter().copied())
}

/// Converts a value on the grid, an integer in an `f64`, to the number of steps above the lowest
/// grid value.
fn steps_of(value: f64) -> u64 {
    #[expect(clippy::cast_possible_truncation, reason = "from 0 to twice the offset")]
    let steps = (value + GRID_OFFSET) as i64;
    steps.cast_unsigned()
}
