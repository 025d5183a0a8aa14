//! Digests of the integers of a result, to compare results without their numbers.
//!
//! Every result has a [`Digests`]. [`Digests::all`] covers the entropies of all neurons and the integer of
//! every pair: the sum over its joint histogram from which its mutual information is divided, or for nearest
//! neighbours the sum over samples. For the estimators that need whole histograms it covers the bits of the
//! joint entropy instead. Two results with the same digest have the same numbers.
//!
//! A digest does not depend on the engine, kernel, tiles, threads, batches or blocks of a job, nor on the
//! unit of the result. It depends on the order of the neurons, and on the number of samples and the
//! estimator, which give the integers their meaning.
//!
//! # Definition
//!
//! With `s(i, j)` for the integer of a pair, there are two sums
//!
//! ```text
//! P = Σ c(i) · c(j) · s(i, j)   modulo 2⁶⁴
//! ```
//!
//! over the pairs `i ≤ j`, or over all pairs of a neuron of one layer and one of another. The odd
//! coefficients `c` are made from the number of a neuron by SplitMix64 (Steele, Lea and Flood 2014, *Fast
//! splittable pseudorandom number generators*), from other constants for each of the two sums. These sums are
//! the digest of a block of pairs. The digest of the whole mixes the two sums over all pairs with those over
//! all neurons, the shape, the samples, and the name of the estimator.
//!
//! A sum is a quadratic form of the coefficients. If these were random, two results that differ would have
//! equal sums with a probability of at most about 64 · 2⁻⁶³, and both sums with at most about 2⁻¹¹⁴; less
//! favourable by 2⁻²ᵗ if 2ᵗ divides every difference of two integers. A single integer that differs always
//! shows. This detects mistakes, faults and damage. It does not detect forgery: whoever knows the
//! coefficients can make two results with the same digest.

mod grid;
mod sums;

use std::fmt;
use std::str::FromStr;

pub use grid::DigestGrid;
pub use sums::DigestPart;
pub(crate) use sums::{PairKeys, PairSums};

/// A number of 128 bits that stands for a result, or for a block of its pairs. It is written as 32 hexadecimal
/// digits.
///
/// # Examples
///
/// ```
/// use cofire::digest::Digest;
/// use ndarray::Array2;
///
/// let activations = Array2::from_shape_fn((200, 9), |(s, n)| ((s * (n + 3)) % 17) as f32);
/// let digest = cofire::analyze(activations.view(), 5)?.digest();
/// let text = digest.to_string(); // what somebody else has published
/// assert_eq!(text.parse::<Digest>(), Ok(digest));
/// assert_ne!(digest, cofire::analyze(activations.view(), 6)?.digest());
/// # Ok::<(), cofire::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest([u64; 2]);

impl Digest {
    /// Returns one digest for several results in their order, such as the layers of a network.
    #[must_use]
    pub fn of_several(digests: impl IntoIterator<Item = Self>) -> Self {
        let mut mixer = Mixer::default();
        mixer.add(SEVERAL);
        for digest in digests {
            mixer.add(digest.0[0]);
            mixer.add(digest.0[1]);
        }
        mixer.finish()
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}{:016x}", self.0[0], self.0[1])
    }
}

/// Text that is no digest.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a digest, which has 32 hexadecimal digits")]
pub struct InvalidDigest;

impl FromStr for Digest {
    type Err = InvalidDigest;

    fn from_str(text: &str) -> Result<Self, InvalidDigest> {
        if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(InvalidDigest);
        }
        let (first, second) = text.split_at(16);
        let half = |digits| u64::from_str_radix(digits, 16).map_err(|_| InvalidDigest);
        Ok(Self([half(first)?, half(second)?]))
    }
}

/// The digests of a result: of all, of its neurons, and of each block of a grid of pairs.
#[derive(Clone, PartialEq, Eq)]
pub struct Digests {
    estimator: String,
    samples: u64,
    neurons: [u64; 2],
    pairs: PairSums,
}

impl Digests {
    /// Makes the digests of a job. `estimator` is its name, with the settings that belong to it.
    pub(crate) fn new(estimator: String, samples: usize, neurons: Digest, pairs: PairSums) -> Self {
        Self { estimator, samples: samples as u64, neurons: neurons.0, pairs }
    }

    /// Returns the digest of the entropies and of all pairs; `None` if some pairs were not computed, which
    /// happens only in sweeps that pass over blocks.
    #[must_use]
    pub fn all(&self) -> Option<Digest> {
        let is_complete = self.pairs_counted() == self.grid().pairs();
        is_complete.then(|| self.of_counted())
    }

    /// Returns the digest of the neurons' entropies and occupied bins.
    #[must_use]
    pub fn neurons(&self) -> Digest {
        Digest(self.neurons)
    }

    /// Returns the digest of a block of pairs of the [grid](Digests::grid); `None` if some of its pairs were
    /// not computed, or if there is no block of that number.
    #[must_use]
    pub fn block(&self, number: usize) -> Option<Digest> {
        let part = self.pairs.part(number)?;
        (part.pairs == self.grid().pairs_of(number)).then_some(Digest(part.sums))
    }

    /// Returns the division of the pairs into blocks. It depends on the numbers of neurons only.
    #[must_use]
    pub fn grid(&self) -> DigestGrid {
        self.pairs.grid()
    }

    /// Returns the number of pairs that were computed.
    #[must_use]
    pub fn pairs_counted(&self) -> u64 {
        self.pairs.counted()
    }

    /// Returns the digest that this result would have if its blocks had the given digests, one for each block
    /// of the grid; `None` for another number of them. It shows whether digests of blocks belong to a
    /// digest of the whole.
    #[must_use]
    pub fn of_blocks(&self, blocks: &[Digest]) -> Option<Digest> {
        let add = |sums: [u64; 2], block: &Digest| added(sums, block.0);
        let is_complete = blocks.len() == self.grid().blocks();
        is_complete.then(|| self.of_sums(blocks.iter().fold([0; 2], add)))
    }

    /// Returns the same digests with other entropies of the neurons, in nats, for results whose entropies
    /// come from another estimator than their pairs. For pairs between two layers, the entropies of the
    /// second follow those of the first.
    #[must_use]
    pub fn with_entropies(self, nats: impl IntoIterator<Item = f64>) -> Self {
        Self { neurons: of_neurons(nats.into_iter().map(|entropy| (entropy, 0))).0, ..self }
    }

    /// Returns the digest of selected pairs, each with its two neurons and the bits of the information that
    /// they share, and of the neurons.
    pub(crate) fn of_pairs(&self, pairs: impl Iterator<Item = (u32, u32, f64)>) -> Digest {
        let mut mixer = self.mixer(SELECTED);
        for (first, second, information) in pairs {
            mixer.add((u64::from(first) << 32) | u64::from(second));
            mixer.add(information.to_bits());
        }
        mixer.finish()
    }

    /// Returns the digest of the entropies and of the pairs that were counted, for results that have all.
    pub(crate) fn of_counted(&self) -> Digest {
        self.of_sums(self.pairs.total())
    }

    fn of_sums(&self, sums: [u64; 2]) -> Digest {
        let mut mixer = self.mixer(ALL);
        for sum in sums {
            mixer.add(sum);
        }
        mixer.finish()
    }

    /// Returns a mixer that has the job and its neurons.
    fn mixer(&self, kind: u64) -> Mixer {
        let grid = self.grid();
        let mut mixer = Mixer::default();
        let shape = [grid.rows(), grid.columns()].map(|neurons| neurons as u64);
        for word in [VERSION, kind, u64::from(grid.is_between()), shape[0], shape[1], self.samples]
        {
            mixer.add(word);
        }
        for &byte in self.estimator.as_bytes() {
            mixer.add(u64::from(byte));
        }
        mixer.add(self.neurons[0]);
        mixer.add(self.neurons[1]);
        mixer
    }
}

impl fmt::Debug for Digests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Digests")
            .field("all", &self.all())
            .field("neurons", &self.neurons())
            .field("grid", &self.grid())
            .finish_non_exhaustive()
    }
}

/// The version of the definition. It changes whenever results would get other digests.
const VERSION: u64 = 1;

/// The kinds of digests that are mixed.
const ALL: u64 = 0;
const SELECTED: u64 = 1;
const NEURONS: u64 = 2;
const SEVERAL: u64 = 3;

/// Returns the digest of neurons, each with its entropy in nats and its number of occupied bins.
pub(crate) fn of_neurons(neurons: impl Iterator<Item = (f64, u32)>) -> Digest {
    let mut mixer = Mixer::default();
    mixer.add(NEURONS);
    for (entropy, occupied) in neurons {
        mixer.add(entropy.to_bits());
        mixer.add(u64::from(occupied));
    }
    mixer.finish()
}

/// A state of 128 bits that takes in one word after the other.
#[derive(Debug)]
struct Mixer([u64; 2]);

impl Default for Mixer {
    fn default() -> Self {
        Self([PI[0], PI[1]])
    }
}

impl Mixer {
    fn add(&mut self, word: u64) {
        let [first, second] = self.0;
        self.0 = [mixed(first ^ word), mixed(second.wrapping_add(word.rotate_left(32)) ^ PI[2])];
    }

    fn finish(self) -> Digest {
        Digest(self.0)
    }
}

/// The first hexadecimal digits of π behind the point: numbers that nobody chose.
const PI: [u64; 6] = [
    0x243f_6a88_85a3_08d3,
    0x1319_8a2e_0370_7344,
    0xa409_3822_299f_31d0,
    0x082e_fa98_ec4e_6c89,
    0x4528_21e6_38d0_1377,
    0xbe54_66cf_34e9_0c6c,
];

/// Returns an integer for the bits of a number. Numbers may differ in their upper bits only, which a sum
/// modulo 2⁶⁴ would see least of.
pub(crate) fn integer_of_bits(number: f64) -> u64 {
    mixed(number.to_bits())
}

/// Returns the mix of SplitMix64, which maps 64 bits one to one.
fn mixed(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

fn added([a, b]: [u64; 2], [c, d]: [u64; 2]) -> [u64; 2] {
    [a.wrapping_add(c), b.wrapping_add(d)]
}
