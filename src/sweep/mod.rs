//! Sweeps: all pairs of a layer, block by block, if a matrix of them would be too large.
//!
//! A [`Sweep`] cuts the matrix of a layer into blocks. The engines compute each block as any other
//! matrix; then a selector picks pairs from the block, and the block is dropped. Blocks do not
//! depend on each other. They can be computed in any order and on several machines, or read back
//! from an earlier attempt.

mod at_least;
mod block;
mod collector;
mod false_discovery;
mod pooled;
mod report;
mod selection;
mod selectors;
mod strongest;
mod surrogates;

use std::sync::Arc;

use crate::codes::Codes;
use crate::codes::budget::Memory;
use crate::codes::encoder::{EncodedLayer, Held, LayerFits, SpilledCodes};
use crate::codes::pieces::READ_BYTES;
use crate::engine::{self, Chosen, GpuGain};
use crate::error::Error;
use crate::estimator::{Entropies, Marginal};
use crate::execution::Execution;
use crate::measures::Information;
use crate::pairs::digest::{DigestGrid, PairKeys};
use crate::pairs::tile::Tile;
use crate::report::{MemoryUse, Timings};
use crate::settings::CountSettings;
use crate::support::monitor::Monitor;
use crate::support::stopwatch::Stopwatch;
use crate::surrogates::{Orders, Surrogates};
pub use block::{Block, BlockBounds};
use collector::PAIR_BYTES;
pub use collector::{Collected, Collector, SweepPlan, digest_of_pairs};
pub use report::SweepReport;
pub use selection::Selection;

/// A pair of neurons and the information they share.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct InformationPair {
    /// The index of the first neuron.
    pub first: u32,
    /// The index of the second neuron, which is larger.
    pub second: u32,
    /// The mutual information of the two.
    pub mutual_information: f64,
}

/// The number of neurons along the edge of a block, if memory allows it. It is large enough to be
/// worth an engine's start, and small enough that a block is soon computed again.
const BLOCK_EDGE: usize = 2048;

/// The narrowest block that is tried if memory is short.
const SMALLEST_EDGE: usize = 16;

/// A computation of all pairs of a layer, block by block, prepared by
/// [`Analysis::sweep`](crate::Analysis::sweep).
///
/// It takes O(samples · neurons²) time, less the blocks that can be passed over. Two neurons share
/// no more than the entropy of either, so with the plug-in estimator a block can be passed over if
/// all its entropies are too low. Memory holds the layer's codes, a block's results, and the
/// selected pairs, but never neurons² numbers.
///
/// # Examples
///
/// The three strongest partners of each of 300 neurons:
///
/// ```
/// use cofire::{Analysis, Selection};
/// use ndarray::Array2;
///
/// let activations = Array2::from_shape_fn((500, 300), |(s, n)| ((s * (n % 9 + 3)) % 17) as f32);
/// let analysis = Analysis::new(10);
/// let layer = analysis.encode_batches(&mut activations.view())?;
/// let report = analysis.sweep(layer, Selection::Strongest(3))?.run()?;
/// assert!(report.pairs.iter().all(|pair| pair.first < pair.second));
/// println!("{} of {} pairs were passed over", report.pairs_passed_over, report.pairs_in_all);
/// # Ok::<(), cofire::Error>(())
/// ```
///
/// The same block by block, for a job that must survive a crash of its machine:
///
/// ```
/// # use cofire::{Analysis, Selection};
/// # use ndarray::Array2;
/// # let activations = Array2::from_shape_fn((500, 300), |(s, n)| ((s * (n % 9 + 3)) % 17) as f32);
/// # let analysis = Analysis::new(10);
/// # let layer = analysis.encode_batches(&mut activations.view())?;
/// let mut sweep = analysis.sweep(layer, Selection::AtLeast(0.5))?;
/// for number in 0..sweep.blocks() {
///     let block = sweep.compute(number)?;
///     // ... here it can be kept ...
///     sweep.take(number, block)?;
/// }
/// println!("{} pairs", sweep.finish().pairs.len());
/// # Ok::<(), cofire::Error>(())
/// ```
pub struct Sweep {
    settings: CountSettings,
    collector: Collector,
    codes: SweptCodes,
    fits: LayerFits,
    samples: u32,
    /// The marginals of the neurons, in the order of the sweep.
    marginals: Arc<[Marginal]>,
    entropies: Entropies,
    /// The orders of surrogates, if a false-discovery rate is estimated from them.
    orders: Option<Orders>,
    chosen: Option<Chosen>,
    /// True if blocks are passed over whose pairs cannot be selected.
    passes_over: bool,
    monitor: Arc<Monitor>,
    execution: Option<Execution>,
    timings: Timings,
    spilled_bytes: u64,
    memory: MemoryUse,
}

/// The codes of a layer that is swept.
enum SweptCodes {
    /// Codes in memory, with neurons in the order of the sweep.
    Whole(Arc<Codes>),
    /// Codes in a file, in the layer's own order.
    Spilled(SpilledCodes),
}

impl Sweep {
    /// Prepares a sweep over all pairs of a layer, with blocks of a given edge or the largest that
    /// memory allows. Nothing is computed yet.
    pub(crate) fn new(
        settings: &CountSettings,
        layer: EncodedLayer,
        selection: Selection,
        surrogates: Option<&Surrogates>,
        edge: Option<usize>,
    ) -> Result<Self, Error> {
        let clock = Stopwatch::start();
        let estimator = settings.estimator;
        estimator.check()?;
        selection.check(estimator)?;
        settings.check_kernel(layer.edges().bins())?;
        let neurons = layer.neurons();
        let samples = u32::try_from(layer.samples()).unwrap_or(u32::MAX);
        let orders = surrogates.map(|surrogates| Orders::new(surrogates, samples, false));
        let orders = orders.transpose()?;
        let memory = memory_of(&layer, selection);
        let memory = if orders.is_some() { surrogates::and_all(memory, &layer) } else { memory };
        let is_list = matches!(selection, Selection::AtLeast(_) | Selection::FalseDiscoveryRate(_));
        let kind = (orders.is_some(), is_list);
        let (edge, needed) = edge_within(settings, &layer, memory, edge, kind)?;

        let entropies = Entropies::new(estimator, samples);
        let marginal = |neuron: usize| {
            entropies.marginal(layer.marginal(neuron), layer.edges().bins_of(neuron))
        };
        let marginals: Vec<Marginal> = (0..neurons).map(marginal).collect();
        let plan = SweepPlan {
            selection,
            surrogates: orders.as_ref().map_or(0, Orders::number),
            estimator,
            units: settings.run.units,
            samples: layer.samples(),
            block_edge: edge,
            entropy: marginals.iter().map(|marginal| marginal.entropy).collect(),
            occupied_bins: marginals.iter().map(|marginal| marginal.occupied).collect(),
        };
        let most_pairs = settings.run.memory_left(needed) / PAIR_BYTES;
        let most_pairs = usize::try_from(most_pairs).unwrap_or(usize::MAX);
        let collector = Collector::with_most_pairs(plan, most_pairs)?;
        let order = collector.order();
        let marginals = order.iter().map(|&neuron| marginals[neuron]).collect();

        let work = surrogates::work(collector.tiles(), orders.as_ref(), layer.samples());
        let (spilled_bytes, to_make) = (layer.spilled_bytes(), layer.bytes_to_make());
        let (held, fits) = layer.into_parts();
        let codes = match held {
            Held::Whole(codes) => SweptCodes::Whole(Arc::new(codes.reordered(order))),
            Held::Spilled(codes) => SweptCodes::Spilled(codes),
        };
        Ok(Self {
            monitor: Arc::new(settings.run.monitor(work)),
            settings: settings.clone(),
            collector,
            codes,
            fits,
            samples,
            marginals,
            entropies,
            orders,
            chosen: None,
            passes_over: true,
            execution: None,
            timings: Timings { discretize: clock.elapsed(), ..Timings::default() },
            spilled_bytes,
            memory: settings.run.memory_use(needed.at_least(to_make)),
        })
    }

    /// Makes the sweep compute every block, also those whose pairs cannot be selected. It then selects the
    /// same pairs, takes as long as [all pairs](Selection::All) do, and has a digest of all pairs
    /// ([`SweepReport::digests`]).
    #[must_use]
    pub fn every_block(self) -> Self {
        Self { passes_over: false, ..self }
    }

    /// Returns the number of blocks.
    #[must_use]
    pub fn blocks(&self) -> usize {
        self.collector.blocks()
    }

    /// Returns the plan by which the blocks are cut, for a [`Collector`] elsewhere.
    #[must_use]
    pub fn plan(&self) -> &SweepPlan {
        self.collector.plan()
    }

    /// Returns the number of neurons along the edge of a block.
    #[must_use]
    pub fn block_edge(&self) -> usize {
        self.plan().block_edge
    }

    /// Returns whether a block has been [taken](Self::take).
    #[must_use]
    pub fn is_taken(&self, block: usize) -> bool {
        self.collector.is_taken(block)
    }

    /// Computes a block, or finds that none of its pairs can be selected. The first block is 0.
    ///
    /// # Errors
    ///
    /// The errors of [`Analysis::run`](crate::Analysis::run). Also fails for a block that does not exist. After an error,
    /// the blocks taken before are kept; compute this one again.
    pub fn compute(&mut self, block: usize) -> Result<Block, Error> {
        pollster::block_on(self.compute_async(block))
    }

    /// Runs [`Sweep::compute`] for callers that have an executor, or are in a browser.
    ///
    /// # Errors
    ///
    /// The errors of [`Sweep::compute`].
    pub async fn compute_async(&mut self, block: usize) -> Result<Block, Error> {
        let tile = self.collector.tile(block)?;
        if self.passes_over && self.collector.passes_over(&tile) {
            self.monitor.skip(self.work_of(&tile))?;
            return Ok(Block::passed_over());
        }
        if self.chosen.is_none() {
            let clock = Stopwatch::start();
            self.chosen = Some(self.settings.run.open_engine(GpuGain::Faster).await?);
            self.timings.open_engine = clock.elapsed();
        }
        let problem = "a sweep has lost its engine";
        let chosen = self.chosen.as_ref().ok_or(Error::Internal { problem })?;
        let clock = Stopwatch::start();
        let (codes, pairs, marginals) = self.codes_of(&tile)?;
        let information = Information::with_marginals(marginals, self.entropies.clone(), &pairs)?;
        let settings = &self.settings;
        let table = self.entropies.table();
        let job = settings.job(codes, table, (pairs, settings.goal()), &self.monitor);
        self.monitor.end_part();
        let on_failure = settings.run.on_device_failure;
        let (information, execution) = engine::run(chosen, &job, information, on_failure).await?;
        drop(job);
        let neurons = self.collector.neurons_of(&tile);
        let grid = DigestGrid::within(self.plan().neurons());
        let [rows, columns] = [neurons.rows, neurons.columns].map(|ids| ids.iter().copied());
        let keys = PairKeys::new(grid, rows, columns);
        let (matrix, sums) = information.finish(settings.run.units, &keys)?;
        let block = match self.collector.selector() {
            Some(selector) => Block::of_pairs(selector.pick(neurons, matrix.view())),
            None => Block::of_matrix(neurons.rows[0], neurons.columns[0], matrix),
        };
        self.execution = Some(Execution::of_parts(self.execution.take(), execution));
        let block = self.with_surrogates(&tile, block).await?;
        self.timings.pairs += clock.elapsed();
        Ok(block.with_digest_parts(sums.parts()))
    }

    /// Takes a block, computed now or earlier, for the result. A block that was taken before is
    /// ignored.
    ///
    /// # Errors
    ///
    /// The errors of [`Collector::take`].
    pub fn take(&mut self, number: usize, block: Block) -> Result<(), Error> {
        self.collector.take(number, block)
    }

    /// Counts a block that was computed earlier as done, for the callback of
    /// [`Analysis::progress`](crate::Analysis::progress).
    ///
    /// # Errors
    ///
    /// Fails for a block that does not exist, and if the callback stops the job.
    pub fn skip(&mut self, block: usize) -> Result<(), Error> {
        let work = self.work_of(&self.collector.tile(block)?);
        self.monitor.skip(work)
    }

    /// Computes and takes all blocks that have not been taken.
    ///
    /// # Errors
    ///
    /// The errors of [`Sweep::compute`] and [`Sweep::take`].
    pub fn run(mut self) -> Result<SweepReport, Error> {
        for number in 0..self.blocks() {
            if !self.is_taken(number) {
                let block = self.compute(number)?;
                self.take(number, block)?;
            }
        }
        Ok(self.finish())
    }

    /// Returns the result of the blocks taken so far, even if some are missing.
    #[must_use]
    pub fn finish(self) -> SweepReport {
        report::of(self)
    }

    /// Returns codes with those of a tile's neurons, the tile's pairs by the numbers of neurons in
    /// these codes, and the marginals.
    #[expect(clippy::type_complexity, reason = "three things that belong together once")]
    fn codes_of(&self, tile: &Tile) -> Result<(Arc<Codes>, Tile, Arc<[Marginal]>), Error> {
        let spilled = match &self.codes {
            SweptCodes::Whole(codes) => {
                return Ok((Arc::clone(codes), tile.clone(), Arc::clone(&self.marginals)));
            }
            SweptCodes::Spilled(codes) => codes,
        };
        let (rows, columns) = (tile.rows.clone(), tile.columns.clone());
        let (pairs, places) = if tile.is_triangular() {
            (Tile { rows: 0..rows.len(), columns: 0..columns.len() }, columns.collect())
        } else {
            let pairs = Tile::rectangle(rows.len(), columns.len());
            (pairs, rows.chain(columns).collect::<Vec<_>>())
        };
        let order = self.collector.order();
        let neurons: Vec<usize> = places.iter().map(|&place| order[place]).collect();
        let marginals = places.iter().map(|&place| self.marginals[place]).collect();
        Ok((Arc::new(spilled.gather(&neurons)?), pairs, marginals))
    }
}

/// Returns the memory that a sweep takes whatever its blocks.
fn memory_of(layer: &EncodedLayer, selection: Selection) -> Memory {
    let partners = match selection {
        Selection::Strongest(most) => most.min(layer.neurons()),
        _ => 0,
    };
    // Lists of partners, and the pairs of the result.
    let lists = (partners * 4 * size_of::<InformationPair>()) as u128;
    let table = layer.memory().taken().and_table(layer.samples());
    table.and(layer.neurons(), lists + 128)
}

/// The facts beside the width that determine the memory of a block.
struct BlockMemory<'a> {
    settings: &'a CountSettings,
    samples: usize,
    neurons: usize,
    bins: usize,
    /// True if codes are gathered from a file: those of two times the width.
    is_gathered: bool,
    /// True if each pair has surrogates.
    has_surrogates: bool,
}

impl BlockMemory<'_> {
    /// Adds the memory of a block to `memory`: codes, sums (which become information), and the
    /// buffers of threads.
    fn added_to(&self, memory: Memory, edge: usize) -> Memory {
        let &Self { settings, samples, neurons, bins, is_gathered, has_surrogates } = self;
        let codes = if is_gathered {
            memory.and_coded(samples, 2 * edge, bins).and(1, READ_BYTES as u128)
        } else {
            memory
        };
        let codes =
            if has_surrogates { surrogates::and_codes(codes, samples, edge) } else { codes };
        let sums = codes.and(edge * edge, 16).and_digests(edge, edge, neurons);
        settings.and_threads(sums, (samples, edge), bins, settings.goal())
    }
}

/// Returns the least memory of a sweep over codes in a file, including `memory`.
pub(crate) fn least_memory(
    settings: &CountSettings,
    memory: Memory,
    (samples, neurons): (usize, usize),
    bins: usize,
) -> Memory {
    let has_surrogates = false;
    BlockMemory { settings, samples, neurons, bins, is_gathered: true, has_surrogates }
        .added_to(memory, SMALLEST_EDGE)
}

/// Returns the width of the widest blocks that memory allows, or the given width, and the memory
/// needed. If a list of pairs will grow beside the blocks, they should leave half of the memory to
/// it.
fn edge_within(
    settings: &CountSettings,
    layer: &EncodedLayer,
    memory: Memory,
    edge: Option<usize>,
    (has_surrogates, is_list): (bool, bool),
) -> Result<(usize, Memory), Error> {
    let (samples, bins, is_gathered) = (layer.samples(), layer.edges().bins(), !layer.is_whole());
    let neurons = layer.neurons();
    let block = BlockMemory { settings, samples, neurons, bins, is_gathered, has_surrogates };
    let needed = |edge: usize| block.added_to(memory, edge.min(layer.neurons()));
    if let Some(edge) = edge {
        return settings.run.check_memory(needed(edge)).map(|()| (edge, needed(edge)));
    }
    let leaves_enough = |edge: usize| {
        let needed = needed(edge);
        let list = if is_list { needed.excess_over(memory) } else { 0 };
        settings.run.check_memory(needed.and(1, list)).is_ok()
    };
    let mut edge = BLOCK_EDGE;
    while edge > SMALLEST_EDGE && !leaves_enough(edge) {
        edge /= 2;
    }
    settings.run.check_memory(needed(edge)).map(|()| (edge, needed(edge)))
}
