//! The loops of a listing and their nesting.

use std::ops::RangeInclusive;

use serde::{Deserialize, Serialize};

use crate::assembly::Block;
use crate::counts::Counts;

/// A loop, and the instructions of one iteration: each instruction once, including those that a
/// condition guards.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(crate) struct Loop {
    /// The range of blocks, by their order in the listing; for SPIR-V, the range of instructions.
    pub(crate) blocks: RangeInclusive<usize>,
    /// The number of loops around this one.
    pub(crate) depth: usize,
    /// The instructions outside of inner loops.
    pub(crate) own: Counts,
}

impl Loop {
    /// Returns whether another loop lies inside this one.
    pub(crate) fn contains(&self, other: &Self) -> bool {
        self != other
            && self.blocks.contains(other.blocks.start())
            && self.blocks.contains(other.blocks.end())
    }
}

/// Finds all loops, in the order of their first blocks, outer ones first.
///
/// RADV's compiler lays out the blocks of a loop without a gap, so a jump back spans the loop.
pub(crate) fn loops(blocks: &[Block]) -> Vec<Loop> {
    let mut spans: Vec<(usize, usize)> = Vec::new();
    for (end, block) in blocks.iter().enumerate() {
        for target in &block.jumps {
            let Some(start) = blocks.iter().position(|block| block.label == *target) else {
                continue;
            };
            if start > end {
                continue;
            }
            match spans.iter_mut().find(|span| span.0 == start) {
                // A `continue` jumps to the same block as the end of the loop.
                Some(span) => span.1 = span.1.max(end),
                None => spans.push((start, end)),
            }
        }
    }
    nested(spans, |index| blocks[index].counts)
}

/// Makes loops from the first and last index of each. A loop owns the `counts` of its indices that
/// are in no inner loop.
pub(crate) fn nested(
    mut spans: Vec<(usize, usize)>,
    counts: impl Fn(usize) -> Counts,
) -> Vec<Loop> {
    spans.sort_by_key(|&(start, end)| (start, std::cmp::Reverse(end)));
    let within = |inner: &(usize, usize), outer: &(usize, usize)| {
        inner != outer && outer.0 <= inner.0 && inner.1 <= outer.1
    };
    let loops = spans.iter().map(|span| {
        let inner: Vec<_> = spans.iter().filter(|other| within(other, span)).collect();
        let mut own = Counts::default();
        for index in span.0..=span.1 {
            if !inner.iter().any(|inner| (inner.0..=inner.1).contains(&index)) {
                own += counts(index);
            }
        }
        let depth = spans.iter().filter(|other| within(span, other)).count();
        Loop { blocks: span.0..=span.1, depth, own }
    });
    loops.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assembly;

    #[test]
    fn loops_own_what_their_inner_loops_do_not() {
        let loops = loops(&assembly::blocks(assembly::tests::LISTING));
        assert_eq!(loops.len(), 2, "{loops:?}");
        let [outer, inner] = &loops[..] else { panic!("{loops:?}") };
        assert_eq!((outer.blocks.clone(), outer.depth), (1..=4, 0));
        assert_eq!((inner.blocks.clone(), inner.depth), (3..=3, 1));
        assert!(outer.contains(inner) && !inner.contains(outer));
        let own = Counts {
            scalar: 1.0,
            control: 2.0,
            hints: 1.0,
            loads: 1.0,
            load_bytes: 16.0,
            ..Counts::default()
        };
        assert_eq!(outer.own, own);
    }
}
