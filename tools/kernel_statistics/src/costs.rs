//! Converting counts of instructions in loops to costs per pair-sample.

use crate::assembly::Block;
use crate::counts::Counts;
use crate::loops::Loop;
use crate::work::Work;

/// The cost of a kernel, on average over the invocations of a subgroup.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(crate) struct Costs {
    /// The cost of one pair-sample in the counting loop, however few cells a histogram has.
    pub(crate) pair_sample: Option<Counts>,
    /// The cost of one cell of a histogram, to obtain its count or f of its count.
    pub(crate) cell: Option<Counts>,
    /// The cost of one cell in the loop that visits only cells reached by samples.
    pub(crate) visited_cell: Option<Counts>,
}

impl Costs {
    /// Computes the costs from machine code. The code behind the counting loop deals with cells.
    /// `sums` distinguishes kernels that look f(n) up from those that leave counts in memory.
    /// Returns `None` if loops are not nested as `work` expects.
    pub(crate) fn of_assembly(
        blocks: &[Block],
        loops: &[Loop],
        work: &Work,
        sums: bool,
    ) -> Option<Self> {
        if work.pair_samples.is_empty() {
            // The kernel counts nothing, so its first loop that loads runs over cells.
            let cells = loops.iter().find(|one| one.own.loads > 0.0)?;
            let cell = for_a_cell(total(&nest(loops, cells)), sums);
            return Some(Self { pair_sample: None, cell, visited_cell: None });
        }
        let counting = counting_nest(loops, work.pair_samples.len())?;
        let pair_sample = Some(for_a_pair_sample(&counting, &work.pair_samples));
        let cells = cells(blocks, loops, counting.first()?, sums);
        let visited_cell = match (work.visits_a_sample, &cells[..]) {
            (Some(_), &[visited, _]) => Some(visited),
            _ => None,
        };
        Some(Self { pair_sample, cell: cells.last().copied(), visited_cell })
    }
}

/// Returns the cost of a pair-sample in loops of SPIR-V, found as in machine code. Returns `None`
/// for a kernel that counts nothing.
pub(crate) fn of_spirv(loops: &[Loop], work: &Work) -> Option<Counts> {
    let counting = counting_nest(loops, work.pair_samples.len())?;
    Some(for_a_pair_sample(&counting, &work.pair_samples))
}

/// Returns the first loop that loads from buffers and has the expected depth, with the loops inside
/// it. Loops around it may load too, for example the start of a list of samples.
fn counting_nest(loops: &[Loop], depth: usize) -> Option<Vec<&Loop>> {
    let mut nests = loops.iter().filter(|one| one.own.loads > 0.0).map(|one| nest(loops, one));
    nests.find(|nest| nest.len() == depth)
}

/// Returns a loop and the loops inside it, in order.
fn nest<'a>(loops: &'a [Loop], outer: &'a Loop) -> Vec<&'a Loop> {
    loops.iter().filter(|one| *one == outer || outer.contains(one)).collect()
}

fn total(nest: &[&Loop]) -> Counts {
    nest.iter().fold(Counts::default(), |sum, one| sum + one.own)
}

fn for_a_pair_sample(nest: &[&Loop], pair_samples: &[f64]) -> Counts {
    let shares = nest.iter().zip(pair_samples).map(|(one, &pair_samples)| one.own / pair_samples);
    shares.fold(Counts::default(), |sum, share| sum + share)
}

/// Returns the cost of a cell in each part of the code behind the counting loop that deals with
/// cells: first the loops that load from buffers, then the code outside of such loops, because the
/// compiler may have unrolled one.
fn cells(blocks: &[Block], loops: &[Loop], counting: &Loop, sums: bool) -> Vec<Counts> {
    let end = *counting.blocks.end();
    let later: Vec<&Loop> =
        loops.iter().filter(|one| *one.blocks.start() > end && one.own.loads > 0.0).collect();
    let is_outside = |at: &usize| !later.iter().any(|one| one.blocks.contains(at));
    let outside = (end + 1..blocks.len()).filter(is_outside);
    let outside = outside.fold(Counts::default(), |sum, at| sum + blocks[at].counts);
    let totals = later.iter().map(|one| total(&nest(loops, one))).chain([outside]);
    totals.filter_map(|counts| for_a_cell(counts, sums)).collect()
}

/// Divides counts by the number of cells. Each cell takes either one load of f, which has 8 bytes
/// while all other loads have 4, or one store of a count of 4 bytes. Returns `None` if there are no
/// cells.
fn for_a_cell(counts: Counts, sums: bool) -> Option<Counts> {
    let cells = if sums {
        (counts.load_bytes - 4.0 * counts.loads) / 4.0
    } else {
        counts.store_bytes / 4.0
    };
    (cells > 0.0).then(|| counts / cells)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assembly;
    use crate::loops::loops;

    #[test]
    fn a_pair_sample_gets_its_share_of_every_loop() {
        let blocks = assembly::blocks(assembly::tests::LISTING);
        let loops = loops(&blocks);
        let work = |pair_samples: &[f64]| Work {
            pair_samples: pair_samples.to_vec(),
            samples_a_group: 1.0,
            visits_a_sample: None,
        };
        let costs = Costs::of_assembly(&blocks, &loops, &work(&[4.0, 1.0]), false).unwrap();
        let pair_sample = costs.pair_sample.unwrap();
        assert_eq!(pair_sample.vector, 1.0, "the inner loop's");
        assert_eq!(pair_sample.workgroup, 1.0, "the inner loop's");
        assert_eq!(pair_sample.loads, 0.25, "the outer loop's, shared by four");
        assert_eq!(pair_sample.load_bytes, 4.0, "the outer loop's, shared by four");
        assert_eq!(pair_sample.control, 1.5, "both loops'");
        assert_eq!(costs.cell.unwrap().control, 1.0, "one store is behind the loop");
        assert_eq!(
            Costs::of_assembly(&blocks, &loops, &work(&[4.0]), false),
            None,
            "loops are nested otherwise"
        );
    }
}
