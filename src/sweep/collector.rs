//! The selection of pairs from blocks, wherever these were computed.

use std::fmt;

use ndarray::Array1;

use super::selectors::{BlockNeurons, Selector, Tally};
use super::{
    Block, BlockBounds, InformationPair, Selection, at_least, false_discovery, pooled, strongest,
};
use crate::MAX_BINS;
use crate::error::Error;
use crate::estimator::Estimator;
use crate::measures::Units;
use crate::pairs::digest::{self, Digest, DigestGrid, Digests, PairSums};
use crate::pairs::tile::Tile;

/// The facts of a layer, beside its codes, that determine its blocks and the selection of pairs.
/// Sweeps with equal plans have the same blocks, on any machine.
#[derive(Debug, Clone, PartialEq)]
pub struct SweepPlan {
    /// The pairs to select.
    pub selection: Selection,
    /// The number of surrogates of each pair that a false-discovery rate is estimated from; 0 if there
    /// are none. Only a sweep from
    /// [`Analysis::sweep_with_surrogates`](crate::Analysis::sweep_with_surrogates) has any.
    pub surrogates: u32,
    /// The estimator of entropies.
    pub estimator: Estimator,
    /// The unit of mutual information.
    pub units: Units,
    /// The number of samples.
    pub samples: usize,
    /// The number of neurons along the edge of a block.
    pub block_edge: usize,
    /// The entropy of each neuron, in nats whatever the units; length `neurons`.
    pub entropy: Vec<f64>,
    /// The number of occupied bins of each neuron; length `neurons`.
    pub occupied_bins: Vec<u32>,
}

impl SweepPlan {
    /// Returns the number of neurons.
    #[must_use]
    pub fn neurons(&self) -> usize {
        self.entropy.len()
    }

    /// Returns the number of blocks.
    #[must_use]
    pub fn blocks(&self) -> u64 {
        let along = self.neurons().div_ceil(self.block_edge.max(1)) as u64;
        u64::try_from(u128::from(along) * (u128::from(along) + 1) / 2).unwrap_or(u64::MAX)
    }

    /// Returns the pairs of a block, numbered from 0; `None` if there is no block of that number.
    #[must_use]
    pub fn block(&self, number: usize) -> Option<BlockBounds> {
        let edge = self.block_edge.max(1);
        let along = self.neurons().div_ceil(edge);
        // Blocks are numbered row by row; each row has one less than the one before.
        let (mut row, mut column) = (0, number);
        while row < along && along - row <= column {
            column -= along - row;
            row += 1;
        }
        let neurons = |at: usize| at * edge..self.neurons().min((at + 1) * edge);
        (row < along).then(|| BlockBounds { rows: neurons(row), columns: neurons(row + column) })
    }

    /// Returns entropies in the plan's units.
    fn entropy_in_units(&self) -> Vec<f64> {
        let per_nat = self.units.per_nat();
        self.entropy.iter().map(|entropy| entropy * per_nat).collect()
    }

    /// Refuses a plan that no sweep could have made.
    fn check(&self) -> Result<(), Error> {
        self.estimator.check()?;
        self.selection.check(self.estimator)?;
        let has_rate = matches!(self.selection, Selection::FalseDiscoveryRate(_));
        let is_consistent = (self.surrogates == 0 || has_rate)
            && self.occupied_bins.len() == self.neurons()
            && self.entropy.iter().all(|entropy| entropy.is_finite())
            && self.occupied_bins.iter().all(|&occupied| occupied as usize <= MAX_BINS)
            && u32::try_from(self.samples).is_ok()
            && self.block_edge > 0;
        if is_consistent { Ok(()) } else { Err(Error::InconsistentPlan) }
    }
}

/// A selection of pairs from the blocks of a sweep that needs no activations. It joins blocks that
/// several machines have computed.
///
/// # Examples
///
/// ```
/// use cofire::sweep::Collector;
/// use cofire::{Analysis, Selection};
/// use ndarray::Array2;
///
/// let activations = Array2::from_shape_fn((500, 300), |(s, n)| ((s * (n % 9 + 3)) % 17) as f32);
/// let analysis = Analysis::new(10);
/// let layer = analysis.encode_batches(&mut activations.view())?;
/// let mut sweep = analysis.sweep_in_blocks(layer, Selection::Strongest(3), 64)?;
///
/// let mut collector = Collector::new(sweep.plan().clone(), u64::MAX)?;
/// for number in 0..sweep.blocks() {
///     collector.take(number, sweep.compute(number)?)?; // computed anywhere
/// }
/// assert_eq!(collector.finish().pairs, sweep.run()?.pairs);
/// # Ok::<(), cofire::Error>(())
/// ```
pub struct Collector {
    plan: SweepPlan,
    selector: Option<Box<dyn Selector>>,
    /// The indices of the neurons in the order of the sweep; `places` has the place of each neuron
    /// in this order.
    order: Vec<usize>,
    places: Vec<usize>,
    blocks: Vec<Tile>,
    is_taken: Vec<bool>,
    pairs_left: u64,
    pairs_passed_over: u64,
    digest_sums: PairSums,
}

/// The selected pairs, and the results of single neurons.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Collected {
    /// The selected pairs, sorted by their first neuron, then by their second. Each pair occurs
    /// once. Empty for [`Selection::All`], whose blocks hold the pairs.
    pub pairs: Vec<InformationPair>,
    /// The false-discovery rate at which each selected pair becomes a discovery, if pairs were
    /// selected by it.
    pub false_discovery_rates: Option<Vec<f64>>,
    /// The number of pairs of the layer, pairs of a neuron with itself included.
    pub pairs_in_all: u64,
    /// The number of pairs that were not computed because they could not be selected.
    pub pairs_passed_over: u64,
    /// The number of blocks that have been taken.
    pub blocks_taken: usize,
    /// The entropy of each neuron, in the plan's units; length `neurons`.
    pub entropy: Array1<f64>,
    /// Digests of the integers behind the entropies and the pairs of the blocks taken. There is none of all
    /// pairs if some were passed over, which [`Sweep::every_block`](crate::Sweep::every_block) avoids.
    pub digests: Digests,
    /// The plan by which the blocks were cut.
    pub plan: SweepPlan,
}

impl Collected {
    /// Returns the digest of the entropies and the selected pairs, with the information they share in the
    /// plan's units. It does not depend on the blocks that were passed over. For [`Selection::All`] it is
    /// `None`: [`Digests::all`] says more.
    #[must_use]
    pub fn digest_of_selected(&self) -> Option<Digest> {
        digest_of_selected(&self.digests, self.plan.selection, &self.pairs)
    }
}

/// Returns the digest of pairs that a sweep with this selection has selected.
pub(super) fn digest_of_selected(
    digests: &Digests,
    selection: Selection,
    pairs: &[InformationPair],
) -> Option<Digest> {
    (selection != Selection::All).then(|| digest_of_pairs(digests, pairs))
}

/// Returns the digest that a result has if these are its selected pairs, as
/// [`Collected::digest_of_selected`] does. `digests` are those of any result with the same neurons.
#[must_use]
pub fn digest_of_pairs(digests: &Digests, pairs: &[InformationPair]) -> Digest {
    digests.of_pairs(pairs.iter().map(|pair| (pair.first, pair.second, pair.mutual_information)))
}

impl Collector {
    /// Prepares to take the blocks of a sweep. `memory_limit` is the number of bytes that the
    /// selected pairs may take.
    ///
    /// # Errors
    ///
    /// Fails for a plan that no sweep could have made.
    pub fn new(plan: SweepPlan, memory_limit: u64) -> Result<Self, Error> {
        let most_pairs = memory_limit / PAIR_BYTES;
        Self::with_most_pairs(plan, usize::try_from(most_pairs).unwrap_or(usize::MAX))
    }

    pub(super) fn with_most_pairs(plan: SweepPlan, most_pairs: usize) -> Result<Self, Error> {
        plan.check()?;
        let neurons = plan.neurons();
        let selector = selector_of(&plan, most_pairs);
        let mut order: Vec<usize> = (0..neurons).collect();
        if may_pass_over(plan.estimator, plan.selection) {
            order.sort_by(|&a, &b| plan.entropy[b].total_cmp(&plan.entropy[a]));
        }
        let mut places = vec![0; neurons];
        for (place, &neuron) in order.iter().enumerate() {
            places[neuron] = place;
        }
        let pairs = Tile::triangle(neurons);
        let blocks = pairs.cut(plan.block_edge, plan.block_edge);
        Ok(Self {
            is_taken: vec![false; blocks.len()],
            pairs_left: pairs.pairs() as u64,
            pairs_passed_over: 0,
            digest_sums: PairSums::new(DigestGrid::within(neurons)),
            plan,
            selector,
            order,
            places,
            blocks,
        })
    }

    /// Returns the plan by which the blocks are cut.
    #[must_use]
    pub fn plan(&self) -> &SweepPlan {
        &self.plan
    }

    /// Returns the number of blocks.
    #[must_use]
    pub fn blocks(&self) -> usize {
        self.blocks.len()
    }

    /// Returns whether a block has been [taken](Self::take).
    #[must_use]
    pub fn is_taken(&self, block: usize) -> bool {
        self.is_taken.get(block).copied().unwrap_or(false)
    }

    /// Takes a block for the result. A block that was taken before is ignored.
    ///
    /// # Errors
    ///
    /// Fails for a block that does not exist, for a block that holds pairs of other blocks, and if
    /// there are more pairs than memory is allowed to hold.
    pub fn take(&mut self, number: usize, block: Block) -> Result<(), Error> {
        let tile = self.tile(number)?;
        if !self.is_of(&block, &tile) {
            return Err(Error::ForeignBlock { block: number });
        }
        if self.is_taken[number] {
            return Ok(());
        }
        let pairs = tile.pairs() as u64;
        self.pairs_left -= pairs;
        if block.is_passed_over() {
            self.pairs_passed_over += pairs;
        }
        if let Some(selector) = &mut self.selector {
            let none = Tally::default();
            let surrogates = block.surrogates().unwrap_or(&none);
            selector.keep(block.pairs(), surrogates, self.pairs_left)?;
        }
        for part in block.digest_parts() {
            self.digest_sums.add(part);
        }
        self.is_taken[number] = true;
        Ok(())
    }

    /// Returns the selection from the blocks taken so far, even if some are missing.
    #[must_use]
    pub fn finish(self) -> Collected {
        let (pairs, rates) = self.selector.map_or((Vec::new(), None), |selector| selector.finish());
        // Rates are in the order of their pairs.
        let mut order: Vec<usize> = (0..pairs.len()).collect();
        order.sort_unstable_by_key(|&k| (pairs[k].first, pairs[k].second));
        let neurons = self.order.len() as u64;
        let plan = &self.plan;
        let marginals = plan.entropy.iter().copied().zip(plan.occupied_bins.iter().copied());
        let of_neurons = digest::of_neurons(marginals);
        let estimator = plan.estimator.to_string();
        Collected {
            digests: Digests::new(estimator, plan.samples, of_neurons, self.digest_sums),
            false_discovery_rates: rates.map(|rates| order.iter().map(|&k| rates[k]).collect()),
            pairs: order.iter().map(|&k| pairs[k]).collect(),
            pairs_in_all: neurons * (neurons + 1) / 2,
            pairs_passed_over: self.pairs_passed_over,
            blocks_taken: self.is_taken.iter().filter(|&&taken| taken).count(),
            entropy: self.plan.entropy_in_units().into(),
            plan: self.plan,
        }
    }

    /// Returns the indices of the neurons, in the order of the sweep.
    pub(super) fn order(&self) -> &[usize] {
        &self.order
    }

    pub(super) fn tile(&self, block: usize) -> Result<Tile, Error> {
        let blocks = self.blocks.len();
        self.blocks.get(block).cloned().ok_or(Error::BlockOutOfRange { block, blocks })
    }

    /// Returns the blocks as tiles of the pairs, in the order of the sweep.
    pub(super) fn tiles(&self) -> &[Tile] {
        &self.blocks
    }

    pub(super) fn neurons_of(&self, tile: &Tile) -> BlockNeurons<'_> {
        BlockNeurons {
            rows: &self.order[tile.rows.clone()],
            columns: &self.order[tile.columns.clone()],
            is_triangular: tile.is_triangular(),
        }
    }

    pub(super) fn selector(&self) -> Option<&dyn Selector> {
        self.selector.as_deref()
    }

    /// Returns whether none of a tile's pairs can be selected, given the blocks taken so far.
    pub(super) fn passes_over(&self, tile: &Tile) -> bool {
        may_pass_over(self.plan.estimator, self.plan.selection)
            && self.selector().is_some_and(|selector| !selector.may_hold(self.neurons_of(tile)))
    }

    fn is_of(&self, block: &Block, tile: &Tile) -> bool {
        // Blocks that were passed over, or made elsewhere, have no parts.
        let parts = block.digest_parts();
        let counted = parts.iter().fold(0u64, |pairs, part| pairs.saturating_add(part.pairs));
        let blocks = self.digest_sums.grid().blocks();
        if !parts.is_empty() && counted != tile.pairs() as u64
            || parts.iter().any(|part| part.block as usize >= blocks)
        {
            return false;
        }
        if let Some((row, column, information)) = block.matrix() {
            let shape = (tile.rows.len(), tile.columns.len());
            return self.selector.is_none()
                && (row, column, information.dim())
                    == (tile.rows.start, tile.columns.start, shape);
        }
        let is_tested = block.surrogates().is_some() || block.is_passed_over();
        let is_untested = block.surrogates().is_none();
        let is_of_plan = if self.plan.surrogates > 0 { is_tested } else { is_untested };
        if self.selector.is_none() || !is_of_plan {
            return false;
        }
        block.pairs().iter().all(|pair| {
            let (first, second) = (pair.first as usize, pair.second as usize);
            if first >= second || second >= self.order.len() {
                return false;
            }
            let (a, b) = (self.places[first], self.places[second]);
            tile.rows.contains(&a.min(b)) && tile.columns.contains(&a.max(b))
        })
    }
}

/// The bytes of a kept pair: they include its copies in the block and in the result.
pub(super) const PAIR_BYTES: u64 = 4 * size_of::<InformationPair>() as u64;

/// Returns whether blocks may be passed over. Only the plug-in estimate of a pair is known to be no
/// larger than the entropy of either neuron.
fn may_pass_over(estimator: Estimator, selection: Selection) -> bool {
    estimator == Estimator::PlugIn && selection != Selection::All
}

fn selector_of(plan: &SweepPlan, most_pairs: usize) -> Option<Box<dyn Selector>> {
    let entropy = plan.entropy_in_units();
    match plan.selection {
        Selection::All => None,
        Selection::Strongest(most) => Some(Box::new(strongest::Strongest::new(most, entropy))),
        Selection::AtLeast(least) => {
            Some(Box::new(at_least::AtLeast::new(least, entropy, most_pairs)))
        }
        Selection::FalseDiscoveryRate(rate) => {
            let tested = false_discovery::Tested {
                entropy,
                occupied: plan.occupied_bins.clone(),
                per_information: 2.0 * plan.samples as f64 / plan.units.per_nat(),
            };
            match plan.surrogates {
                0 => Some(Box::new(false_discovery::FalseDiscovery::new(rate, tested, most_pairs))),
                number => Some(Box::new(pooled::Pooled::new(rate, number, tested, most_pairs))),
            }
        }
    }
}

impl fmt::Debug for Collector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Collector")
            .field("selection", &self.plan.selection)
            .field("neurons", &self.order.len())
            .field("blocks", &self.blocks.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_knows_the_blocks_that_its_collector_has() {
        for (neurons, block_edge) in [(0, 3), (1, 3), (9, 3), (10, 3), (50, 7), (5, 100), (3, 1)] {
            let plan = SweepPlan {
                selection: Selection::All,
                surrogates: 0,
                estimator: Estimator::PlugIn,
                units: Units::Nats,
                samples: 100,
                block_edge,
                entropy: vec![0.5; neurons],
                occupied_bins: vec![2; neurons],
            };
            let collector = Collector::new(plan.clone(), u64::MAX).unwrap();
            assert_eq!(plan.blocks(), collector.blocks() as u64, "{neurons} {block_edge}");
            for number in 0..collector.blocks() {
                let (block, tile) = (plan.block(number).unwrap(), collector.tile(number).unwrap());
                assert_eq!((&block.rows, &block.columns), (&tile.rows, &tile.columns), "{number}");
                assert_eq!(block.pairs(), tile.pairs(), "{number}");
            }
            assert_eq!(plan.block(collector.blocks()), None, "{neurons} {block_edge}");
            assert_eq!(plan.block(usize::MAX), None, "{neurons} {block_edge}");
        }
    }
}
