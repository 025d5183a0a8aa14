//! Σ f(n) over short rows, by comparing each sample of a row with the samples before it.
//!
//! If a row of the joint histograms has few samples, most of its cells are empty, and reading all of them
//! costs more than comparing the samples. A sample that finds `m` earlier samples in its cell makes that cell
//! grow from `m` to `m + 1`. So `Σ f(n)` over the cells is the sum of `g(m) = f(m + 1) − f(m)` over the
//! samples. The codes of a vector of partners are compared at once. Samples are counted by their `m`, and the
//! counts are multiplied by `g` at the end.

use std::borrow::Cow;
use std::ops::Range;

use fearless_simd::{Simd, prelude::*};

use crate::MAX_BINS;
use crate::codes::Codes;
use crate::estimator::CellTable;
use crate::support::simd::{MAX_LANES, increment_where, transpose};

/// The most samples of a row: the largest count of an 8-bit lane.
pub(crate) const MAX_ROW: u32 = u8::MAX as u32;

/// Samples whose codes are transposed together: 1 MiB of the widest vectors.
const MAX_STRIP: usize = 1 << 14;

/// The short rows of one row neuron.
#[derive(Debug, Clone, Default)]
pub(crate) struct ShortRows {
    /// The samples of all rows, one row after the other.
    samples: Vec<u32>,
    /// The end of each row in `samples`.
    ends: Vec<usize>,
}

impl ShortRows {
    /// Lists the samples of some rows. Each row has a code and at most [`MAX_ROW`] samples.
    pub(crate) fn new(codes: &[u8], rows: impl Iterator<Item = (u8, u32)>) -> Self {
        /// The place of samples that are in no row.
        const NOWHERE: u32 = u32::MAX;
        let mut next = [NOWHERE; MAX_BINS];
        let mut short = Self::default();
        let mut end = 0;
        for (code, samples) in rows {
            next[usize::from(code)] = end;
            end += samples;
            short.ends.push(end as usize);
        }
        if end == 0 {
            return short;
        }
        short.samples.resize(end as usize, 0);
        for (sample, &code) in (0..).zip(codes) {
            let next = &mut next[usize::from(code)];
            if let Some(place) = short.samples.get_mut(*next as usize) {
                *place = sample;
                *next += 1;
            }
        }
        short
    }
}

/// Returns the most bytes that a thread works in, for the short rows of `neurons` neurons with at most
/// `short` samples each in these rows.
pub(crate) fn working_bytes(samples: usize, neurons: usize, short: usize, bins: usize) -> usize {
    let numbers = neurons * (short * size_of::<u32>() + 2 * bins * size_of::<usize>());
    let strip = (samples.min(MAX_STRIP) + MAX_LANES) * MAX_LANES;
    let counter = MAX_ROW as usize * (3 + size_of::<u16>() + 1) * MAX_LANES;
    // The place of each sample in a strip, a copy of the rows with places, and the samples of strips.
    let gathered = if gathers(samples) { 3 * numbers + samples * size_of::<u32>() } else { 0 };
    numbers + strip + counter + gathered
}

/// Returns whether the codes of short rows have to be gathered from all over the samples.
pub(crate) fn gathers(samples: usize) -> bool {
    samples > MAX_STRIP
}

/// Calls `put(i, column, sum)` with Σ f(n) over the short rows of the `i`-th row neuron, for each of its
/// columns. `rows[i]` are its short rows, and its columns begin at `first_column(i)`.
///
/// Takes O(Σ r²) vector operations for each row neuron and each vector of columns, over the rows of r
/// samples.
#[inline(always)]
pub(crate) fn for_each_sum<S: Simd>(
    simd: S,
    codes: &Codes,
    table: &CellTable,
    rows: &[ShortRows],
    columns: Range<usize>,
    first_column: impl Fn(usize) -> usize,
    mut put: impl FnMut(usize, usize, u64),
) {
    let lanes = S::u8s::LEN;
    let mut counter = Counter::<S>::new(simd, table, peak(codes, &columns));
    let mut strip = Vec::new();
    for group in groups(rows, codes.samples()) {
        let places = group.samples.as_ref().map_or(codes.samples(), Vec::len);
        strip.resize(places.next_multiple_of(lanes), S::u8s::splat(simd, 0));
        for begin in columns.clone().step_by(lanes) {
            let columns = begin..columns.end.min(begin + lanes);
            match &group.samples {
                None => transpose_all(simd, codes, columns.clone(), &mut strip),
                Some(samples) => transpose_some::<S>(codes, columns.clone(), samples, &mut strip),
            }
            for (i, rows) in &group.rows {
                let first = first_column(*i).max(columns.start);
                if first < columns.end {
                    let sums = counter.sums(&strip, rows);
                    for column in first..columns.end {
                        put(*i, column, sums[column - columns.start]);
                    }
                }
            }
        }
    }
}

/// Transposes the codes of all samples: a vector of neurons each.
#[inline(always)]
fn transpose_all<S: Simd>(simd: S, codes: &Codes, neurons: Range<usize>, strip: &mut [S::u8s]) {
    let lanes = S::u8s::LEN;
    for (vectors, begin) in strip.chunks_exact_mut(lanes).zip((0..).step_by(lanes)) {
        let mut square = [S::u8s::splat(simd, 0); MAX_LANES];
        for (row, neuron) in square.iter_mut().zip(neurons.clone()) {
            let codes = &codes.neuron(neuron)[begin..];
            match codes.get(..lanes) {
                Some(codes) => *row = S::u8s::from_slice(simd, codes),
                None => row.as_mut_slice()[..codes.len()].copy_from_slice(codes),
            }
        }
        transpose(&mut square);
        vectors.copy_from_slice(&square[..lanes]);
    }
}

/// Gathers the codes of some samples: a vector of neurons each.
#[inline(always)]
fn transpose_some<S: Simd>(
    codes: &Codes,
    neurons: Range<usize>,
    samples: &[u32],
    strip: &mut [S::u8s],
) {
    for (lane, neuron) in neurons.enumerate() {
        let codes = codes.neuron(neuron);
        for (vector, &sample) in strip.iter_mut().zip(samples) {
            vector.as_mut_slice()[lane] = codes[sample as usize];
        }
    }
}

/// Row neurons whose short rows have few enough different samples to share a strip.
struct Group<'a> {
    /// The number of each row neuron, and its rows with places in the strip instead of samples.
    rows: Vec<(usize, Cow<'a, ShortRows>)>,
    /// The samples of the strip, or `None` if all samples fit.
    samples: Option<Vec<u32>>,
}

fn groups(rows: &[ShortRows], samples: usize) -> Vec<Group<'_>> {
    let rows = rows.iter().enumerate().filter(|(_, rows)| !rows.ends.is_empty());
    if !gathers(samples) {
        let rows = rows.map(|(i, rows)| (i, Cow::Borrowed(rows))).collect();
        return vec![Group { rows, samples: None }];
    }
    const NOWHERE: u32 = u32::MAX;
    let mut groups = Vec::new();
    let mut group = Group { rows: Vec::new(), samples: None };
    let mut place_of = Vec::new();
    for (i, rows) in rows {
        let has_room = |strip: &&mut Vec<u32>| strip.len() + rows.samples.len() <= MAX_STRIP;
        if group.samples.as_mut().filter(has_room).is_none() {
            groups.push(std::mem::replace(&mut group, Group { rows: Vec::new(), samples: None }));
            place_of.clear();
            place_of.resize(samples, NOWHERE);
        }
        let strip = group.samples.get_or_insert_default();
        let mut place = |&sample: &u32| {
            let place = &mut place_of[sample as usize];
            if *place == NOWHERE {
                #[expect(clippy::cast_possible_truncation, reason = "no longer than the samples")]
                let end = strip.len() as u32;
                *place = end;
                strip.push(sample);
            }
            *place
        };
        let places = rows.samples.iter().map(&mut place).collect();
        let rows = ShortRows { samples: places, ends: rows.ends.clone() };
        group.rows.push((i, Cow::Owned(rows)));
    }
    groups.push(group);
    groups.retain(|group| !group.rows.is_empty());
    groups
}

/// Returns the share of the samples that a neuron has in its longest row, averaged over some neurons.
fn peak(codes: &Codes, neurons: &Range<usize>) -> f32 {
    let longest = |neuron| codes.marginal(neuron).iter().max().map_or(0.0, |&n| n as f32);
    let sum: f32 = neurons.clone().map(longest).sum();
    sum / (neurons.len() * codes.samples()) as f32
}

/// Returns the largest number of earlier samples with the same code that a sample of a row is likely to find.
///
/// If neurons are independent, the cell in a partner's longest row has λ samples on average, and hardly ever
/// 2 + 3.5 √λ more.
fn likely_found(peak: f32, samples: usize) -> usize {
    let mean = peak * samples as f32;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small, positive")]
    let likely = (mean + 3.5 * mean.sqrt()) as usize + 2;
    likely.min(MAX_ROW as usize)
}

/// A counter of samples by the number of earlier samples in their row with the same code.
struct Counter<S: Simd> {
    simd: S,
    /// g(m) = f(m + 1) − f(m).
    steps: Vec<u64>,
    /// The average share of the samples that a partner has in its longest row.
    peak: f32,
    /// One in each lane, for [`increment_where`].
    one: S::u8s,
    /// The codes of a row.
    row: Vec<S::u8s>,
    /// The number of earlier samples that each sample of a row found.
    found: Vec<S::u8s>,
    /// The number of samples since the last flush that found `m` earlier ones.
    lately: Vec<S::u8s>,
    /// The number of samples before the last flush that found `m` earlier ones.
    before: Vec<[u16; MAX_LANES]>,
}

impl<S: Simd> Counter<S> {
    fn new(simd: S, table: &CellTable, peak: f32) -> Self {
        let longest = MAX_ROW as usize;
        let zero = S::u8s::splat(simd, 0);
        Self {
            simd,
            steps: (0..MAX_ROW).map(|m| table.value(m + 1) - table.value(m)).collect(),
            peak,
            one: S::u8s::splat(simd, std::hint::black_box(1)),
            row: vec![zero; longest],
            found: vec![zero; longest],
            lately: vec![zero; longest],
            before: vec![[0; MAX_LANES]; longest],
        }
    }

    /// Computes Σ f(n) over some rows, for every lane.
    #[inline(always)]
    fn sums(&mut self, strip: &[S::u8s], rows: &ShortRows) -> [u64; MAX_LANES] {
        let (mut begin, mut longest, mut lately) = (0, 0, 0);
        for &end in &rows.ends {
            let places = &rows.samples[begin..end];
            begin = end;
            longest = longest.max(places.len());
            lately += places.len();
            if lately > MAX_ROW as usize {
                self.flush(longest);
                lately = places.len();
            }
            self.count(strip, places);
        }
        self.flush(longest);
        let mut sums = [0; MAX_LANES];
        // A sample that found no earlier one adds f(1) − f(0) = 0.
        for (step, before) in self.steps[..longest].iter().zip(&mut self.before).skip(1) {
            for (sum, samples) in sums.iter_mut().zip(before) {
                *sum += u64::from(*samples) * step;
                *samples = 0;
            }
        }
        sums
    }

    /// Counts the samples of one row, two at a time.
    #[inline(always)]
    fn count(&mut self, strip: &[S::u8s], places: &[u32]) {
        let row = &mut self.row[..places.len()];
        for (codes, &place) in row.iter_mut().zip(places) {
            *codes = strip[place as usize];
        }
        let (simd, one) = (self.simd, self.one);
        let none = S::u8s::splat(simd, 0);
        let likely = likely_found(self.peak, row.len());
        let mut most = none;
        for second in (1..row.len()).step_by(2) {
            let (before, pair) = row.split_at(second - 1);
            let (a, b) = (pair[0], pair[1]);
            let mut found_a = none;
            let mut found_b = increment_where(simd, none, a.simd_eq(b), one);
            for &codes in before {
                found_a = increment_where(simd, found_a, codes.simd_eq(a), one);
                found_b = increment_where(simd, found_b, codes.simd_eq(b), one);
            }
            self.found[second - 1] = found_a;
            self.found[second] = found_b;
            most = most.max(found_a).max(found_b);
            let mut m = none;
            for lately in &mut self.lately[1..=second.min(likely)] {
                m += 1;
                *lately = increment_where(simd, *lately, found_a.simd_eq(m), one);
                *lately = increment_where(simd, *lately, found_b.simd_eq(m), one);
            }
        }
        if let ([before @ .., last], true) = (&*row, row.len() % 2 == 1) {
            let mut found_last = none;
            for codes in before {
                found_last = increment_where(simd, found_last, codes.simd_eq(*last), one);
            }
            self.found[before.len()] = found_last;
            most = most.max(found_last);
            let mut m = none;
            for lately in self.lately[1..].iter_mut().take(before.len().min(likely)) {
                m += 1;
                *lately = increment_where(simd, *lately, found_last.simd_eq(m), one);
            }
        }
        #[expect(clippy::cast_possible_truncation, reason = "at most MAX_ROW")]
        let mut m = S::u8s::splat(simd, likely as u8);
        if likely + 1 < row.len() && most.simd_gt(m).any_true() {
            for lately in &mut self.lately[likely + 1..row.len()] {
                m += 1;
                for found in &self.found[likely + 1..row.len()] {
                    *lately = increment_where(simd, *lately, found.simd_eq(m), one);
                }
            }
        }
    }

    /// Moves the counts of samples that found fewer than `longest` earlier ones from `lately` to `before`.
    #[inline(always)]
    fn flush(&mut self, longest: usize) {
        for (lately, before) in self.lately[..longest].iter_mut().zip(&mut self.before) {
            for (before, &lately) in before.iter_mut().zip(lately.as_slice()) {
                *before += u16::from(lately);
            }
            *lately = S::u8s::splat(self.simd, 0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::cpu::positional_popcount;
    use crate::pairs::tile::Tile;
    use crate::support::cancel::CancelToken;
    use crate::support::simd::Level;

    /// Compares neurons that repeat each other, and find far more than likely, with others that find hardly
    /// anything.
    #[test]
    fn unlikely_repetitions_are_counted() {
        let (bins, row) = (97, 40);
        let codes = Codes::from_fn(bins * row, 70, bins, |s, j| match j % 3 {
            0 => s / row,
            1 => s,
            _ => s / (row + 20 * j),
        });
        let likely = likely_found(peak(&codes, &(0..2)), row);
        assert!(likely < row / 2, "{likely} of {row} are likely");
        let table = CellTable::plug_in(u32::try_from(bins * row).unwrap());
        let tile = Tile { rows: 0..4, columns: 0..70 };
        for level in Level::available() {
            let sums =
                positional_popcount::pair_sums(&codes, &table, &tile, level, &CancelToken::new());
            for ((i, j), sum) in tile.iter().zip(sums) {
                let mut counts = vec![0; bins * bins];
                for (&a, &b) in codes.neuron(i).iter().zip(codes.neuron(j)) {
                    counts[usize::from(a) * bins + usize::from(b)] += 1;
                }
                assert_eq!(sum, table.sum(&counts), "pair ({i}, {j}), {level:?}");
            }
        }
    }
}
