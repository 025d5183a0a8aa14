//! Surrogate data: the layer's own samples in other orders, in which neurons are unrelated.

mod orders;

use std::sync::Arc;

pub(crate) use orders::Orders;

use crate::error::Error;

/// The orders of samples in which two neurons count as unrelated, and what of each neuron they keep.
///
/// A test compares a pair with surrogates of it: one neuron's samples are put in another order, and
/// the other neuron's stay where they are (Theiler et al. 1992, *Testing for nonlinearity in time
/// series: the method of surrogate data*; Lancaster et al. 2018, *Surrogate data for hypothesis
/// testing of physical systems*). Every order keeps each neuron's distribution. The question is how
/// much of its rhythm it keeps: the more slowly neurons change from sample to sample, the more two
/// unrelated ones seem to share. An order that breaks the rhythm does not show that.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Null {
    /// Samples in any order. It is right only if samples are independent of each other.
    Permutation,
    /// Samples shifted in a circle: `d` samples further on, and the last ones before the first. It
    /// keeps the whole rhythm of a neuron, except where its end meets its beginning. It assumes that
    /// the rhythm is about the same all along (stationarity).
    Shift {
        /// The least distance of a shift: `d` is from `at_least` to `samples − at_least`. It has to
        /// be longer than neurons remember, because a shorter shift leaves some of what two neurons
        /// share. `None` stands for a twentieth of the samples. If neurons remember longer than that,
        /// the layer has hardly twenty independent stretches, and few pairs can be told from chance.
        at_least: Option<usize>,
    },
    /// Blocks of `length` consecutive samples, in any order of the blocks. It keeps the rhythm within
    /// a block (Davison and Hinkley 1997, *Bootstrap Methods and their Application*, section 8.2.3).
    /// It has to be several times as long as neurons remember. The last block may be shorter, and
    /// takes any place like the others.
    Blocks {
        /// The number of samples of a block.
        length: usize,
    },
    /// Whole documents in any order: an id for each sample, equal within a document and different
    /// from all others. It keeps all that depends on the words of a document. Documents of different
    /// lengths do not come to lie on each other, so it does not keep what depends on the place in the
    /// document: two neurons that both follow it are found.
    Documents(Arc<[u32]>),
}

impl Null {
    /// Returns a short name, such as `shift`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Permutation => "permutation",
            Self::Shift { .. } => "shift",
            Self::Blocks { .. } => "blocks",
            Self::Documents(_) => "documents",
        }
    }
}

/// The surrogates of a test: how samples are ordered, how often, and by which random numbers.
///
/// Random numbers come from a counter-based generator (Philox 4×32-10): the orders depend on these
/// three and on the number of samples, and on nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Surrogates {
    /// The orders to choose from.
    pub null: Null,
    /// The number of surrogates of each pair. If there are fewer distinct shifts, all of them are
    /// used, once each.
    pub number: u32,
    /// The seed of the random numbers.
    pub seed: u64,
}

impl Surrogates {
    /// Refuses surrogates that no activations of `samples` samples can have, before any are read.
    ///
    /// # Errors
    ///
    /// Fails for no surrogates, for a shift that is longer than half of the samples, for blocks or
    /// documents that have too few orders, and for ids of documents that are not one for each sample,
    /// or come back after others.
    pub fn check(&self, samples: usize) -> Result<(), Error> {
        if self.number == 0 {
            return Err(Error::NoPermutations);
        }
        match u32::try_from(samples) {
            Ok(samples @ 2..) => Orders::new(self, samples, false).map(drop),
            _ => Ok(()), // too few samples or too many for any analysis
        }
    }
}
