//! Counts tiles on a device: uploads what a tile needs, dispatches in pieces, reads sums back.

use std::collections::HashMap;
use std::ops::Range;

use super::adapter::Gpu;
use super::cell_sum;
use super::count_kernel::CountKernel;
use super::failure::{Failure, scoped};
use super::joint_histogram::JointHistogram;
use super::pace::Pace;
use super::plan::{DeviceLimits, Plan};
use super::positional_popcount::PositionalPopcount;
use super::transfer;
use crate::engine::{Job, Kernel, PairSum, checked_sums};
use crate::plan::Tile;
use crate::stopwatch::Stopwatch;

/// Bytes of uploads that are kept for later tiles.
const KEPT_UPLOADS: u64 = 256 << 20;

/// The largest `Params` of any shader.
const PARAMS_BYTES: u64 = 32;

pub(super) struct TileCounter<'a> {
    gpu: &'a Gpu,
    job: &'a Job,
    plan: Plan,
    kernel: Box<dyn CountKernel>,
    count: wgpu::ComputePipeline,
    cell_sum: Option<CellSum>,
    params: wgpu::Buffer,
    counts: wgpu::Buffer,
    uploads: Uploads,
    pace: Pace,
    /// Of the latest tile.
    tag: u32,
}

struct CellSum {
    pipeline: wgpu::ComputePipeline,
    table: wgpu::Buffer,
    sums: wgpu::Buffer,
    pace: Pace,
}

impl<'a> TileCounter<'a> {
    /// Builds pipelines and buffers for tiles of a job.
    pub(super) async fn open(gpu: &'a Gpu, job: &'a Job) -> Result<Self, Failure> {
        let limits = DeviceLimits::of(gpu.limits());
        let bins = job.codes.bins();
        let kernel: Box<dyn CountKernel> = match job.kernel {
            Kernel::JointHistogram => Box::new(JointHistogram::new(bins, &limits)),
            Kernel::PositionalPopcount => Box::new(PositionalPopcount::new(bins)),
        };
        let (samples, neurons) = (job.codes.samples(), job.codes.neurons());
        let table = job.table.values();
        let table_values = job.table.is_complete().then_some(table.len());
        let plan = Plan::new(samples, neurons, bins, kernel.as_ref(), table_values, &limits);
        log::debug!("{} on {}: {plan:?}", job.kernel, gpu.adapter());

        let count = gpu.pipelines().get(gpu.device(), &kernel.shader()).await?;
        let pairs = plan.edge * plan.edge;
        let (counts, params) = scoped(gpu.device(), || {
            let words = pairs * bins * bins;
            let counts = storage_buffer(gpu, "counts", words * size_of::<u32>());
            let params = gpu.device().create_buffer(&wgpu::BufferDescriptor {
                label: Some("cofire.params"),
                size: PARAMS_BYTES,
                usage: wgpu::BufferUsages::UNIFORM | wgpu::BufferUsages::COPY_DST,
                mapped_at_creation: false,
            });
            (counts, params)
        })
        .await?;
        let cell_sum = if plan.reduce_on_device {
            let pipeline = gpu.pipelines().get(gpu.device(), &cell_sum::shader(bins)).await?;
            let (table, sums) = scoped(gpu.device(), || {
                let bytes = pairs * cell_sum::WORDS * size_of::<u32>();
                (upload(gpu, "table", &words_of(table)), storage_buffer(gpu, "sums", bytes))
            })
            .await?;
            Some(CellSum { pipeline, table, sums, pace: Pace::new() })
        } else {
            None
        };
        let uploads = Uploads::default();
        let (pace, tag) = (Pace::new(), 0);
        Ok(Self { gpu, job, plan, kernel, count, cell_sum, params, counts, uploads, pace, tag })
    }

    /// Rows and columns of the tiles that fit.
    pub(super) fn edge(&self) -> usize {
        self.plan.edge
    }

    /// Smaller dispatches from here on, and no trust in what is in memory.
    pub(super) async fn start_over_carefully(&mut self) -> Result<(), Failure> {
        self.pace.slow_down();
        if let Some(cell_sum) = &mut self.cell_sum {
            cell_sum.pace.slow_down();
        }
        self.uploads = Uploads::default();
        let counts = &self.counts;
        transfer::run(self.gpu, |encoder| encoder.clear_buffer(counts, 0, None)).await
    }

    /// The checked sums of a tile.
    pub(super) async fn sums(&mut self, tile: &Tile) -> Result<Vec<u64>, Failure> {
        let pairs = if self.cell_sum.is_some() {
            self.count(tile).await?;
            self.sums_on_device(tile).await?
        } else {
            let bins = self.job.codes.bins();
            let counts = self.counts(tile).await?;
            counts.chunks_exact(bins * bins).map(|cells| self.sum_on_host(cells)).collect()
        };
        Ok(checked_sums(tile, self.job.codes.samples(), &pairs)?)
    }

    /// The joint histograms of a tile's pairs, one after the other. Leaves none behind.
    pub(super) async fn counts(&mut self, tile: &Tile) -> Result<Vec<u32>, Failure> {
        self.count(tile).await?;
        let bins = self.job.codes.bins();
        let words = tile.pairs() * bins * bins;
        let counts = transfer::read(self.gpu, &self.counts, words).await?;
        let buffer = &self.counts;
        transfer::run(self.gpu, |encoder| encoder.clear_buffer(buffer, 0, None)).await?;
        Ok(counts)
    }

    fn sum_on_host(&self, cells: &[u32]) -> PairSum {
        let samples = cells.iter().map(|&n| u64::from(n)).sum();
        PairSum { cells: self.job.table.sum(cells), samples }
    }

    /// Adds all samples of a tile to the joint histograms on the device, which are zero before.
    async fn count(&mut self, tile: &Tile) -> Result<(), Failure> {
        let codes = &self.job.codes;
        for begin in (0..codes.samples()).step_by(self.plan.chunk) {
            let samples = begin..codes.samples().min(begin + self.plan.chunk);
            let len = samples.len();
            let buffers =
                self.uploads.tile(self.gpu, self.kernel.as_ref(), self.job, tile, samples);
            let buffers = buffers.await?;
            let bindings: Vec<&wgpu::Buffer> =
                std::iter::once(&self.params).chain(&buffers).chain([&self.counts]).collect();
            let group = bind_group(self.gpu, &self.count, &bindings).await?;
            let mut first_row = 0;
            while first_row < tile.rows.len() {
                let rows = self.pace.rows(tile.columns.len(), len, tile.rows.len() - first_row);
                let params = self.kernel.params(tile, first_row, len);
                let workgroups = self.kernel.workgroups(tile.columns.len(), rows);
                let clock = Stopwatch::start();
                self.dispatch(&self.count, &group, &params, workgroups).await?;
                let work = (rows * tile.columns.len() * len) as u64;
                self.pace.measured(work, clock.elapsed());
                self.job
                    .monitor
                    .advance(pairs_in(tile, first_row..first_row + rows) * len as u64)?;
                first_row += rows;
            }
        }
        Ok(())
    }

    /// Sums of the joint histograms on the device, which are zero afterwards.
    async fn sums_on_device(&mut self, tile: &Tile) -> Result<Vec<PairSum>, Failure> {
        self.tag = self.tag.wrapping_add(1);
        let Some(cell_sum) = &self.cell_sum else { return Ok(Vec::new()) };
        let mut pace = cell_sum.pace;
        let buffers = [&self.params, &self.counts, &cell_sum.table, &cell_sum.sums];
        let group = bind_group(self.gpu, &cell_sum.pipeline, &buffers).await?;
        let cells = self.job.codes.bins() * self.job.codes.bins();
        let mut first_row = 0;
        while first_row < tile.rows.len() {
            let rows = pace.rows(tile.columns.len(), cells, tile.rows.len() - first_row);
            let params = cell_sum::params(tile, first_row, self.tag);
            let workgroups = cell_sum::workgroups(tile.columns.len(), rows);
            let clock = Stopwatch::start();
            self.dispatch(&cell_sum.pipeline, &group, &params, workgroups).await?;
            pace.measured((rows * tile.columns.len() * cells) as u64, clock.elapsed());
            first_row += rows;
        }
        let words = tile.pairs() * cell_sum::WORDS;
        let sums = transfer::read(self.gpu, &cell_sum.sums, words).await?;
        if let Some(cell_sum) = &mut self.cell_sum {
            cell_sum.pace = pace;
        }
        Ok(cell_sum::decode(&sums, self.tag))
    }

    async fn dispatch(
        &self,
        pipeline: &wgpu::ComputePipeline,
        group: &wgpu::BindGroup,
        params: &[u8],
        [x, y, z]: [u32; 3],
    ) -> Result<(), Failure> {
        #[cfg(test)]
        if self.gpu.faults().strike(self.gpu.device()) {
            return Ok(()); // as a driver that drops work without a word
        }
        transfer::run(self.gpu, |encoder| {
            self.gpu.queue().write_buffer(&self.params, 0, params);
            let mut pass = encoder.begin_compute_pass(&Default::default());
            pass.set_pipeline(pipeline);
            pass.set_bind_group(0, group, &[]);
            pass.dispatch_workgroups(x, y, z);
        })
        .await
    }
}

/// Pairs of some rows of a tile.
fn pairs_in(tile: &Tile, rows: Range<usize>) -> u64 {
    let rows = tile.rows.start + rows.start..tile.rows.start + rows.end;
    rows.map(|i| tile.columns_of(i).len() as u64).sum()
}

/// What was uploaded of the codes, kept for tiles that need it again.
#[derive(Default)]
struct Uploads {
    kept: HashMap<Upload, Vec<wgpu::Buffer>>,
    bytes: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Upload {
    role: Role,
    neurons: Range<usize>,
    samples: Range<usize>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Role {
    Rows,
    Columns,
}

impl Uploads {
    /// The buffers for a chunk of samples of a tile: of its rows, then of its columns.
    async fn tile(
        &mut self,
        gpu: &Gpu,
        kernel: &dyn CountKernel,
        job: &Job,
        tile: &Tile,
        samples: Range<usize>,
    ) -> Result<Vec<wgpu::Buffer>, Failure> {
        let mut buffers = Vec::new();
        for (role, neurons) in [(Role::Rows, &tile.rows), (Role::Columns, &tile.columns)] {
            let key = Upload { role, neurons: neurons.clone(), samples: samples.clone() };
            if let Some(kept) = self.kept.get(&key) {
                buffers.extend_from_slice(kept);
                continue;
            }
            let data = match role {
                Role::Rows => kernel.row_data(&job.codes, neurons.clone(), samples.clone()),
                Role::Columns => kernel.column_data(&job.codes, neurons.clone(), samples.clone()),
            };
            let new: Vec<wgpu::Buffer> = scoped(gpu.device(), || {
                data.iter().map(|words| upload(gpu, "codes", words)).collect()
            })
            .await?;
            self.bytes += new.iter().map(wgpu::Buffer::size).sum::<u64>();
            if self.bytes > KEPT_UPLOADS {
                self.kept.clear();
                self.bytes = new.iter().map(wgpu::Buffer::size).sum();
            }
            buffers.extend_from_slice(&new);
            self.kept.insert(key, new);
        }
        Ok(buffers)
    }
}

fn storage_buffer(gpu: &Gpu, name: &str, bytes: usize) -> wgpu::Buffer {
    gpu.device().create_buffer(&wgpu::BufferDescriptor {
        label: Some(&format!("cofire.{name}")),
        size: bytes as u64,
        usage: wgpu::BufferUsages::STORAGE
            | wgpu::BufferUsages::COPY_SRC
            | wgpu::BufferUsages::COPY_DST,
        mapped_at_creation: false,
    })
}

fn upload(gpu: &Gpu, name: &str, words: &[u32]) -> wgpu::Buffer {
    // wgpu's own helper for this panics when the device is lost.
    let buffer = storage_buffer(gpu, name, size_of_val(words));
    gpu.queue().write_buffer(&buffer, 0, bytemuck::cast_slice(words));
    buffer
}

/// 64-bit numbers as the shader's `vec2<u32>`, low word first on any host.
fn words_of(values: &[u64]) -> Vec<u32> {
    #[expect(clippy::cast_possible_truncation, reason = "the two halves of the number")]
    let halves = |value: u64| [value as u32, (value >> 32) as u32];
    values.iter().flat_map(|&value| halves(value)).collect()
}

/// Buffers in the order of their binding numbers.
async fn bind_group(
    gpu: &Gpu,
    pipeline: &wgpu::ComputePipeline,
    buffers: &[&wgpu::Buffer],
) -> Result<wgpu::BindGroup, Failure> {
    let entries: Vec<wgpu::BindGroupEntry<'_>> = (0..)
        .zip(buffers)
        .map(|(binding, buffer)| wgpu::BindGroupEntry {
            binding,
            resource: buffer.as_entire_binding(),
        })
        .collect();
    scoped(gpu.device(), || {
        gpu.device().create_bind_group(&wgpu::BindGroupDescriptor {
            label: None,
            layout: &pipeline.get_bind_group_layout(0),
            entries: &entries,
        })
    })
    .await
}
