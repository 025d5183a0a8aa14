//! The selection of all pairs that are discoveries at some false-discovery rate, estimated from
//! surrogates of all pairs.
//!
//! The statistic is the p-value of the G-test, which is comparable between pairs whatever their bins. If
//! samples depend on each other it is no p-value, but surrogates show how often unrelated pairs come so
//! far. With `P` surrogates of each pair, the false-discovery rate of a limit is estimated as
//!
//! ```text
//! (1 + surrogates at or below the limit) / P
//! ------------------------------------------
//!        pairs at or below the limit
//! ```
//!
//! (Tusher et al. 2001, PNAS 98:5116, with all pairs taken for unrelated, and one more surrogate than were
//! seen, so that no rate is 0). The rate of a pair is the smallest of all limits that include it. p-values
//! are counted on a fixed grid, in integers, so that no order of blocks changes a rate.
//!
//! As in `false_discovery.rs`, a limit that cannot be reached any more is known before all blocks have come.
//! The pairs of a block beyond it can be forgotten, and so can their surrogates.

use std::collections::BTreeMap;

use ndarray::ArrayView2;
use rayon::prelude::*;

use super::InformationPair;
use super::false_discovery::{FIRST_FORGET_AT, LeastInformation, Tested};
use super::selectors::{BlockNeurons, Selector, Tally, pair};
use crate::error::Error;

/// The largest p-value that is counted: 2⁻². No pair above it is selected, whatever its surrogates.
const LARGEST: f64 = 0.25;

/// The steps of the grid in which a p-value halves. A step is 1.1 %.
const STEPS: f64 = 64.0;

/// The number of cells of the grid. The last ones have p-values that are 0 in an `f64`.
const CELLS: usize = 64 * 1075;

/// Returns the cell of a p-value; a smaller p-value has a higher one. `None` if it is not counted.
fn cell(p_value: f64) -> Option<u32> {
    if p_value > LARGEST || p_value.is_nan() {
        return None;
    }
    let last = CELLS - 1;
    let steps = (libm::log2(LARGEST) - libm::log2(p_value)) * STEPS;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "between 0 and the number of cells"
    )]
    let cell = steps.clamp(0.0, last as f64) as u32;
    Some(cell)
}

/// Returns a bound that the p-values of a cell, and of all after it, are not above.
fn bound(cell: usize) -> f64 {
    LARGEST * (-(cell as f64) / STEPS).exp2() * (1.0 + 1e-9)
}

pub(super) struct Pooled {
    tested: Tested,
    rate: f64,
    surrogates: f64,
    /// The pairs and the surrogates of each cell. Those below `floor` are not complete.
    observed: Vec<u64>,
    null: Vec<u64>,
    /// The first cell whose limit may still have the wanted rate.
    floor: usize,
    kept: Vec<(u32, InformationPair)>,
    /// The most pairs that memory is allowed to hold.
    most_pairs: usize,
    /// The number of kept pairs above which those below the floor are forgotten.
    forget_at: usize,
    least: LeastInformation,
}

/// The bytes of the two lists of cells.
pub(super) const GRID_BYTES: u128 = (2 * CELLS * size_of::<u64>()) as u128;

impl Pooled {
    pub(super) fn new(rate: f64, surrogates: u32, tested: Tested, most_pairs: usize) -> Self {
        let least = LeastInformation::new(&tested, LARGEST * (1.0 + 1e-9));
        Self {
            tested,
            rate,
            surrogates: surrogates.into(),
            observed: vec![0; CELLS],
            null: vec![0; CELLS],
            floor: 0,
            kept: Vec::new(),
            most_pairs,
            forget_at: FIRST_FORGET_AT.min(most_pairs),
            least,
        }
    }

    /// Returns the cells of the pairs of a block that may matter, each with its row and column.
    fn cells<'a>(
        &'a self,
        block: BlockNeurons<'a>,
        information: ArrayView2<'a, f64>,
    ) -> impl ParallelIterator<Item = (u32, usize, usize, f64)> + 'a {
        let floor = self.floor;
        block.rows.par_iter().enumerate().flat_map_iter(move |(k, &row)| {
            let least = self.least.row(row);
            let first = block.first_column(k);
            block.columns.iter().enumerate().skip(first).filter_map(move |(l, &column)| {
                let information = information[[k, l]];
                if information < least[self.least.class(column)] {
                    return None;
                }
                let cell = cell(self.tested.p_value(row, column, information))?;
                (cell as usize >= floor).then_some((cell, row, column, information))
            })
        })
    }

    /// Raises the floor to the first cell whose limit may have the wanted rate, if all of the pairs left
    /// come to lie there.
    fn raise_floor(&mut self, pairs_left: u64) {
        let (mut pairs, mut surrogates, mut floor) = (0u64, 0u64, CELLS);
        for cell in (self.floor..CELLS).rev() {
            pairs += self.observed[cell];
            surrogates += self.null[cell];
            // Pairs may yet come into any cell, but a limit without any is none.
            if self.rate_of(surrogates, pairs + pairs_left) <= self.rate {
                floor = cell;
            }
        }
        if floor > self.floor {
            self.floor = floor;
            self.least.lower_to(&self.tested, bound(floor));
        }
    }

    fn rate_of(&self, surrogates: u64, pairs: u64) -> f64 {
        (1.0 + surrogates as f64) / self.surrogates / pairs as f64
    }
}

impl Selector for Pooled {
    // Surrogates have the marginals of their pair, so they share no more than it can. A block none of
    // whose pairs can come to the floor has no surrogates there either.
    fn may_hold(&self, block: BlockNeurons<'_>) -> bool {
        self.tested.smallest_p_value(block).is_some_and(|p_value| p_value <= bound(self.floor))
    }

    fn pick(
        &self,
        block: BlockNeurons<'_>,
        information: ArrayView2<'_, f64>,
    ) -> Vec<InformationPair> {
        let picked = self.cells(block, information);
        picked.map(|(_, row, column, information)| pair(row, column, information)).collect()
    }

    fn tally(&self, block: BlockNeurons<'_>, information: ArrayView2<'_, f64>) -> Tally {
        let cells = self.cells(block, information).fold(BTreeMap::new, |mut tally, (cell, ..)| {
            *tally.entry(cell).or_insert(0) += 1;
            tally
        });
        let joined = cells.reduce(BTreeMap::new, |mut tally, other| {
            other.into_iter().for_each(|(cell, count)| *tally.entry(cell).or_insert(0) += count);
            tally
        });
        Tally(joined)
    }

    fn keep(
        &mut self,
        picked: &[InformationPair],
        surrogates: &Tally,
        pairs_left: u64,
    ) -> Result<(), Error> {
        for (&cell, count) in &surrogates.0 {
            if let Some(null) = self.null.get_mut(cell as usize) {
                *null += count;
            }
        }
        for &pair in picked {
            let (a, b) = (pair.first as usize, pair.second as usize);
            if let Some(cell) = cell(self.tested.p_value(a, b, pair.mutual_information)) {
                self.observed[cell as usize] += 1;
                if cell as usize >= self.floor {
                    self.kept.push((cell, pair));
                }
            }
        }
        self.raise_floor(pairs_left);
        if self.kept.len() > self.forget_at {
            let floor = self.floor;
            self.kept.retain(|&(cell, _)| cell as usize >= floor);
            self.forget_at = (2 * self.kept.len()).clamp(FIRST_FORGET_AT, self.most_pairs.max(1));
        }
        if self.kept.len() > self.most_pairs {
            return Err(Error::TooManyPairs { allowed: self.most_pairs });
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> (Vec<InformationPair>, Option<Vec<f64>>) {
        self.raise_floor(0);
        // The rate of each cell's limit, from the last cell on, and then the smallest up to each cell.
        let (mut pairs, mut surrogates) = (0, 0);
        let mut rates = vec![1.0; CELLS];
        for cell in (self.floor..CELLS).rev() {
            pairs += self.observed[cell];
            surrogates += self.null[cell];
            rates[cell] = if pairs == 0 { 1.0 } else { self.rate_of(surrogates, pairs) };
        }
        for cell in self.floor + 1..CELLS {
            rates[cell] = rates[cell].min(rates[cell - 1]);
        }
        let floor = self.floor;
        self.kept.retain(|&(cell, _)| cell as usize >= floor);
        let rates = self.kept.iter().map(|&(cell, _)| rates[cell as usize]).collect();
        (self.kept.into_iter().map(|(_, pair)| pair).collect(), Some(rates))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_descend_with_p_values() {
        assert_eq!([cell(0.26), cell(1.0), cell(f64::NAN)], [None; 3]);
        assert_eq!([cell(0.25), cell(0.125), cell(1.0 / 1024.0)], [Some(0), Some(64), Some(512)]);
        assert_eq!(cell(0.0), Some(CELLS as u32 - 1));
        let (mut p, mut before) = (0.25f64, 0);
        while p > 0.0 {
            let now = cell(p).unwrap();
            assert!(now >= before && (now as usize) < CELLS, "{p}");
            assert!(p <= bound(now as usize), "{p} is in cell {now}");
            (p, before) = (p * 0.993, now);
            if p < 1e-320 {
                break; // too few digits to descend
            }
        }
    }
}
