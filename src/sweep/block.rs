//! The result of one block of pairs.

use std::ops::Range;

use ndarray::{Array2, s};

use super::InformationPair;
use super::selectors::Tally;
use crate::pairs::digest::DigestPart;

/// The result of a [`crate::Sweep`] for one block of pairs.
#[derive(Debug, Clone, PartialEq)]
pub struct Block {
    result: BlockResult,
    digest_parts: Vec<DigestPart>,
}

#[derive(Debug, Clone, PartialEq)]
enum BlockResult {
    PassedOver,
    Pairs(Vec<InformationPair>),
    /// Pairs, and how many surrogates of all pairs of the block have which statistic.
    Tested(Vec<InformationPair>, Tally),
    Matrix {
        first_row: usize,
        first_column: usize,
        information: Array2<f64>,
    },
}

/// The pairs of a block of a [`SweepPlan`](crate::sweep::SweepPlan): every row with every column. Both are
/// places in the order in which neurons are swept. A block whose rows are its columns lies on the diagonal,
/// and has no pair twice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockBounds {
    /// Places of the rows.
    pub rows: Range<usize>,
    /// Places of the columns.
    pub columns: Range<usize>,
}

impl BlockBounds {
    /// Returns the number of pairs; on the diagonal, each neuron with itself included.
    #[must_use]
    pub fn pairs(&self) -> usize {
        let (rows, columns) = (self.rows.len(), self.columns.len());
        if self.rows.start == self.columns.start { rows * (rows + 1) / 2 } else { rows * columns }
    }
}

impl Block {
    /// Makes a block of which no pair can be selected.
    #[must_use]
    pub fn passed_over() -> Self {
        Self::of(BlockResult::PassedOver)
    }

    /// Makes a block of which these pairs may be selected.
    #[must_use]
    pub fn of_pairs(pairs: Vec<InformationPair>) -> Self {
        Self::of(BlockResult::Pairs(pairs))
    }

    pub(super) fn of_tested(pairs: Vec<InformationPair>, surrogates: Tally) -> Self {
        Self::of(BlockResult::Tested(pairs, surrogates))
    }

    /// Makes a block of the whole matrix that begins at the given row and column.
    #[must_use]
    pub fn of_matrix(first_row: usize, first_column: usize, information: Array2<f64>) -> Self {
        Self::of(BlockResult::Matrix { first_row, first_column, information })
    }

    fn of(result: BlockResult) -> Self {
        Self { result, digest_parts: Vec::new() }
    }

    /// Returns the same block with the sums of its pairs for [digests](crate::digest). A sweep whose blocks
    /// lack them has no digest of all pairs.
    #[must_use]
    pub fn with_digest_parts(self, digest_parts: Vec<DigestPart>) -> Self {
        Self { digest_parts, ..self }
    }

    /// Returns the sums of the block's pairs for [digests](crate::digest), for each block of the
    /// [grid](crate::digest::DigestGrid) that they belong to. None if the block was passed over.
    #[must_use]
    pub fn digest_parts(&self) -> &[DigestPart] {
        &self.digest_parts
    }

    /// Returns whether the block was not computed because none of its pairs could be selected.
    #[must_use]
    pub fn is_passed_over(&self) -> bool {
        self.result == BlockResult::PassedOver
    }

    /// Returns the pairs that may be selected. All pairs selected in the end are among them.
    #[must_use]
    pub fn pairs(&self) -> &[InformationPair] {
        match &self.result {
            BlockResult::Pairs(pairs) | BlockResult::Tested(pairs, _) => pairs,
            _ => &[],
        }
    }

    /// Returns the tally of surrogates, if they were counted.
    pub(super) fn surrogates(&self) -> Option<&Tally> {
        match &self.result {
            BlockResult::Tested(_, tally) => Some(tally),
            _ => None,
        }
    }

    /// Returns the first row, the first column and the mutual information of the block, for a sweep
    /// that selects [all pairs](crate::Selection::All). A block on the diagonal is complete. Blocks
    /// below the diagonal, which mirror others, are not returned.
    #[must_use]
    pub fn matrix(&self) -> Option<(usize, usize, &Array2<f64>)> {
        match &self.result {
            BlockResult::Matrix { first_row, first_column, information } => {
                Some((*first_row, *first_column, information))
            }
            _ => None,
        }
    }

    /// Copies the block and its mirror image to their places in the matrix of the layer.
    pub(crate) fn copy_into(&self, matrix: &mut Array2<f64>) {
        if let Some((row, column, information)) = self.matrix() {
            let (rows, columns) =
                (row..row + information.nrows(), column..column + information.ncols());
            matrix.slice_mut(s![rows.clone(), columns.clone()]).assign(information);
            matrix.slice_mut(s![columns, rows]).assign(&information.t());
        }
    }
}
