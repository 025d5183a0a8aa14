//! The orders of samples that a null allows, drawn by random numbers.

use std::collections::HashMap;

use super::{Null, Surrogates};
use crate::error::Error;
use crate::support::random::{Philox, below, permutation};

/// The orders of a test over a given number of samples.
#[derive(Debug, Clone)]
pub(crate) struct Orders {
    samples: u32,
    drawn: Drawn,
    /// The surrogates of each pair.
    number: u32,
    repetitions: u32,
    is_both_ways: bool,
    /// True if the last order makes one surrogate of each pair only, for their number to be right.
    is_last_single: bool,
}

#[derive(Debug, Clone)]
enum Drawn {
    /// Any order, from a stream of random numbers for each repetition.
    Permutations(Philox),
    /// The distance of each repetition.
    Shifts(Vec<u32>),
    /// The first sample of every block, and the number of samples.
    Blocks(Philox, Vec<u32>),
}

/// One order of the samples, and what is made of it.
#[derive(Debug)]
pub(crate) struct Repetition {
    /// The sample that takes each place.
    pub(crate) order: Vec<u32>,
    /// True if a pair has two surrogates from it, one with each of its neurons in this order; false
    /// if it has one, with the first of the two in this order.
    pub(crate) is_both_ways: bool,
}

impl Orders {
    /// Checks surrogates and draws them. If `is_both_ways`, a repetition makes two surrogates of each
    /// pair.
    pub(crate) fn new(
        surrogates: &Surrogates,
        samples: u32,
        is_both_ways: bool,
    ) -> Result<Self, Error> {
        let &Surrogates { ref null, number, seed } = surrogates;
        if number == 0 {
            return Err(Error::NoPermutations);
        }
        let random = Philox::new(seed);
        let drawn = match null {
            Null::Permutation => Drawn::Permutations(random),
            Null::Shift { at_least } => {
                let least = least_shift(*at_least, samples)?;
                let number = number.min(samples - 2 * least + 1);
                let (shifts, made) = shifts(least, samples, number, is_both_ways, random);
                let repetitions = u32::try_from(shifts.len()).unwrap_or(u32::MAX);
                let (drawn, is_last_single) = (Drawn::Shifts(shifts), made > number);
                return Ok(Self {
                    samples,
                    drawn,
                    number,
                    repetitions,
                    is_both_ways,
                    is_last_single,
                });
            }
            Null::Blocks { length } => {
                let length = u32::try_from(*length).unwrap_or(u32::MAX);
                if length == 0 {
                    return Err(Error::EmptyBlocks);
                }
                let firsts = (0..samples).step_by(length as usize);
                Drawn::Blocks(random, enough_blocks(firsts.collect(), samples, number)?)
            }
            Null::Documents(ids) => {
                let blocks = documents(ids, samples)?;
                Drawn::Blocks(random, enough_blocks(blocks, samples, number)?)
            }
        };
        let repetitions = if is_both_ways { number.div_ceil(2) } else { number };
        let is_last_single = number % 2 == 1;
        Ok(Self { samples, drawn, number, repetitions, is_both_ways, is_last_single })
    }

    /// Returns the number of surrogates of each pair.
    pub(crate) fn number(&self) -> u32 {
        self.number
    }

    /// Returns the number of orders.
    pub(crate) fn repetitions(&self) -> u32 {
        self.repetitions
    }

    /// Returns an order. The first one is 0.
    pub(crate) fn repetition(&self, repetition: u32) -> Repetition {
        let samples = self.samples;
        let is_single = self.is_last_single && repetition + 1 == self.repetitions;
        let mut is_both_ways = self.is_both_ways && !is_single;
        let stream = |random: Philox| random.stream(u64::from(repetition));
        let order = match &self.drawn {
            Drawn::Permutations(random) => permutation(samples, &mut stream(*random)),
            Drawn::Shifts(shifts) => {
                let shift = shifts[repetition as usize];
                if u64::from(shift) * 2 == u64::from(samples) {
                    is_both_ways = false; // the two surrogates would be the same
                }
                (shift..samples).chain(0..shift).collect()
            }
            Drawn::Blocks(random, firsts) => {
                let blocks = firsts.len() - 1;
                let blocks = u32::try_from(blocks).unwrap_or(u32::MAX);
                let of_blocks = permutation(blocks, &mut stream(*random));
                let block = |block: u32| firsts[block as usize]..firsts[block as usize + 1];
                of_blocks.into_iter().flat_map(block).collect()
            }
        };
        Repetition { order, is_both_ways }
    }
}

/// Returns the least distance of a shift, by default a twentieth of the samples.
fn least_shift(at_least: Option<usize>, samples: u32) -> Result<u32, Error> {
    let least = at_least.unwrap_or((samples as usize / 20).max(1));
    let fits = u32::try_from(least).ok().filter(|&least| least > 0 && least <= samples / 2);
    fits.ok_or(Error::ShiftOutOfRange { at_least: least, samples: samples as usize })
}

/// Draws distinct distances in random order, until they make at least `number` surrogates of each
/// pair. Also returns how many they make, which is one more if the last one has to make a single
/// surrogate.
///
/// Two neurons of a layer have two surrogates of one order, `d` and `samples − d` apart. So it
/// suffices to draw from the lower half of all distances.
fn shifts(
    least: u32,
    samples: u32,
    number: u32,
    is_both_ways: bool,
    random: Philox,
) -> (Vec<u32>, u32) {
    let most = if is_both_ways { samples / 2 } else { samples - least };
    let all = most - least + 1;
    let mut numbers = random.stream(0);
    let (mut shifts, mut made) = (Vec::new(), 0);
    // The first steps of Fisher and Yates. Only places that have changed are kept.
    let mut moved: HashMap<u32, u32> = HashMap::new();
    for next in 0..all {
        if made >= number {
            break;
        }
        let place = next + below(all - next, &mut numbers);
        let at = |place| moved.get(&place).copied().unwrap_or(place);
        let (drawn, displaced) = (at(place), at(next));
        moved.insert(place, displaced);
        let shift = least + drawn;
        let is_middle = u64::from(shift) * 2 == u64::from(samples);
        made += if is_both_ways && !is_middle { 2 } else { 1 };
        shifts.push(shift);
    }
    (shifts, made)
}

/// Returns the first sample of every document, and the number of samples.
fn documents(ids: &[u32], samples: u32) -> Result<Vec<u32>, Error> {
    if ids.len() != samples as usize {
        return Err(Error::DocumentsMismatch { ids: ids.len(), samples: samples as usize });
    }
    let mut firsts = Vec::new();
    let mut first_of: HashMap<u32, u32> = HashMap::new();
    let mut before = None;
    for (sample, &id) in (0..samples).zip(ids) {
        if before != Some(id) {
            if let Some(&first) = first_of.get(&id) {
                let (first, again) = (first as usize, sample as usize);
                return Err(Error::DocumentReturns { document: id, first, again });
            }
            first_of.insert(id, sample);
            firsts.push(sample);
            before = Some(id);
        }
    }
    Ok(firsts)
}

/// Adds the number of samples to the first samples of blocks. Refuses so few blocks that they do not
/// have as many orders as there are surrogates, beside the given one.
fn enough_blocks(mut firsts: Vec<u32>, samples: u32, number: u32) -> Result<Vec<u32>, Error> {
    let (mut least, mut orders) = (1usize, 1u64);
    while orders <= u64::from(number) {
        least += 1;
        orders *= least as u64;
    }
    if firsts.len() < least {
        return Err(Error::TooFewBlocks { blocks: firsts.len(), surrogates: number, least });
    }
    firsts.push(samples);
    Ok(firsts)
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, HashSet};

    use proptest::prelude::*;

    use super::*;

    fn surrogates(null: Null, number: u32, seed: u64) -> Surrogates {
        Surrogates { null, number, seed }
    }

    /// Returns all distances of a pair's surrogates: those of the first neuron before the second.
    fn distances(orders: &Orders, samples: u32) -> Vec<u32> {
        let mut all = Vec::new();
        for k in 0..orders.repetitions() {
            let Repetition { order, is_both_ways } = orders.repetition(k);
            let distance = order[0];
            let expected: Vec<u32> = (0..samples).map(|s| (s + distance) % samples).collect();
            assert_eq!(order, expected, "a shift by {distance}");
            all.push(distance);
            if is_both_ways {
                all.push(samples - distance);
            }
        }
        all
    }

    proptest! {
        #[test]
        fn shifts_are_distinct_and_far_enough(
            samples in 2u32..300,
            share in 0.0..1.0f64,
            number in 1u32..400,
            is_both_ways in any::<bool>(),
            seed in any::<u64>(),
        ) {
            let least = 1 + (share * f64::from(samples / 2 - 1)) as u32;
            let null = Null::Shift { at_least: Some(least as usize) };
            let orders = Orders::new(&surrogates(null, number, seed), samples, is_both_ways);
            let orders = orders.unwrap();
            let distances = distances(&orders, samples);
            prop_assert_eq!(distances.len(), orders.number() as usize);
            prop_assert_eq!(orders.number(), number.min(samples - 2 * least + 1));
            prop_assert!(distances.iter().all(|&d| least <= d && d <= samples - least));
            prop_assert_eq!(distances.iter().collect::<HashSet<_>>().len(), distances.len());
        }

        /// Checks that every block stays in one piece, and that every sample is there once.
        #[test]
        fn blocks_stay_whole(
            lengths in prop::collection::vec(1usize..9, 6..30),
            seed in any::<u64>(),
            is_both_ways in any::<bool>(),
        ) {
            let ids: Vec<u32> = (0..).zip(&lengths)
                .flat_map(|(id, &length): (u32, _)| std::iter::repeat_n(id ^ 0x55, length))
                .collect();
            let samples = ids.len() as u32;
            let wanted = surrogates(Null::Documents(ids.clone().into()), 7, seed);
            let orders = Orders::new(&wanted, samples, is_both_ways).unwrap();
            prop_assert_eq!(orders.repetitions(), if is_both_ways { 4 } else { 7 });
            let of_id = |id: u32| -> Vec<u32> {
                (0..samples).filter(|&s| ids[s as usize] == id).collect()
            };
            for k in 0..orders.repetitions() {
                let order = orders.repetition(k).order;
                let runs: Vec<&[u32]> =
                    order.chunk_by(|&a, &b| ids[a as usize] == ids[b as usize]).collect();
                prop_assert_eq!(runs.len(), lengths.len());
                for run in runs {
                    prop_assert_eq!(run, &of_id(ids[run[0] as usize])[..]);
                }
            }
        }

        #[test]
        fn blocks_are_documents_of_one_length(
            samples in 20u32..200, length in 1usize..4, seed in any::<u64>(),
        ) {
            let ids: Vec<u32> = (0..samples).map(|s| s / length as u32).collect();
            let blocks = surrogates(Null::Blocks { length }, 3, seed);
            let documents = surrogates(Null::Documents(ids.into()), 3, seed);
            for k in 0..3 {
                let order = |of| Orders::new(of, samples, false).unwrap().repetition(k).order;
                prop_assert_eq!(order(&blocks), order(&documents));
            }
        }
    }

    #[test]
    fn a_number_of_surrogates_is_made_to_the_last_one() {
        for null in [Null::Permutation, Null::Shift { at_least: None }, Null::Blocks { length: 3 }]
        {
            for number in [1, 2, 99, 100] {
                for is_both_ways in [false, true] {
                    let wanted = surrogates(null.clone(), number, 1);
                    let orders = Orders::new(&wanted, 1000, is_both_ways).unwrap();
                    let made = (0..orders.repetitions())
                        .map(|k| if orders.repetition(k).is_both_ways { 2 } else { 1 });
                    assert_eq!(made.sum::<u32>(), number, "{null:?}");
                    assert_eq!(orders.number(), number, "{null:?}");
                }
            }
        }
    }

    #[test]
    fn every_shift_is_drawn_equally_often() {
        let mut counts: BTreeMap<u32, u32> = BTreeMap::new();
        for seed in 0..4000 {
            let null = Null::Shift { at_least: Some(3) };
            let orders = Orders::new(&surrogates(null, 4, seed), 25, true).unwrap();
            for distance in distances(&orders, 25) {
                *counts.entry(distance).or_default() += 1;
            }
        }
        assert_eq!(counts.len(), 20, "{counts:?}");
        // 800 each; the bound is five standard deviations.
        assert!(counts.values().all(|count| count.abs_diff(800) < 130), "{counts:?}");
    }

    #[test]
    fn what_cannot_be_is_refused() {
        let refused = |null, number| {
            Orders::new(&surrogates(null, number, 0), 100, true).unwrap_err().to_string()
        };
        let shift = |at_least| refused(Null::Shift { at_least: Some(at_least) }, 9);
        assert!(shift(0).contains("from 1 to 50"), "{}", shift(0));
        assert!(shift(51).contains("from 1 to 50"), "{}", shift(51));
        assert!(shift(usize::MAX).contains("from 1 to 50"), "{}", shift(usize::MAX));
        let blocks = |length, number| refused(Null::Blocks { length }, number);
        assert!(blocks(0, 9).contains("at least one sample"), "{}", blocks(0, 9));
        // 3! = 6 orders, one of which is the given one.
        assert!(blocks(34, 6).contains("at least 4"), "{}", blocks(34, 6));
        assert!(blocks(100, 1).contains("at least 2"), "{}", blocks(100, 1));
        let wanted = surrogates(Null::Blocks { length: 34 }, 5, 0);
        assert!(Orders::new(&wanted, 100, true).is_ok());
        assert!(refused(Null::Permutation, 0).contains("needs permutations"));
        let text = refused(Null::Documents(vec![1; 99].into()), 9);
        assert!(text.contains("99") && text.contains("100"), "{text}");
        let ids: Vec<u32> = (0..100).map(|s| s / 5 % 15).collect();
        let text = refused(Null::Documents(ids.into()), 9);
        assert!(text.contains("document 0 begins at sample 0 and again at sample 75"), "{text}");
    }

    #[test]
    fn the_default_distance_is_a_twentieth() {
        for (samples, expected) in [(2, 1), (39, 1), (40, 2), (1000, 50), (u32::MAX, 214_748_364)] {
            assert_eq!(least_shift(None, samples).unwrap(), expected, "{samples}");
        }
        // No list of all distances is made.
        let null = Null::Shift { at_least: None };
        let orders = Orders::new(&surrogates(null, 99, 0), u32::MAX - 1, true).unwrap();
        assert_eq!((orders.number(), orders.repetitions()), (99, 50));
    }
}
