//! Options of tests of whether pairs share more than by chance.

use std::num::{NonZeroU32, NonZeroUsize};
use std::path::PathBuf;

use clap::{Args, ValueEnum};

#[derive(Debug, Default, Clone, Args)]
#[command(next_help_heading = "Significance")]
pub(crate) struct TestArguments {
    /// Test the independence of all pairs: g-test, permutation or shift
    ///
    /// Analyze writes p_values.npy and false_discovery_rates.npy (Benjamini and Hochberg, over all
    /// pairs): of the pairs at or below a rate of 0.05, at most a twentieth are expected to be
    /// there by chance.
    ///   g-test       fast, but an approximation for many samples: S >= 5 Kx Ky for neurons
    ///                that occupy Kx and Ky bins, and more for more than ten bins; the number of
    ///                pairs with fewer is printed
    ///   permutation  valid for any number of samples, but as slow as measuring P times more,
    ///                and no p-value is below 1 / (1 + P)
    ///   shift        the same with samples shifted in a circle, which keeps the rhythm of
    ///                each neuron: for tokens of a text and other samples in a sequence
    /// The first two take samples for independent, which neighbouring tokens are not: they find
    /// pairs that share nothing. With --blocks or --documents, a permutation keeps the samples of
    /// each block together instead. docs/SIGNIFICANCE.md says which to use when.
    ///
    /// Except for the G-test, analyze also writes excess.npy, the mutual information less its mean
    /// over the permutations or shifts, and, for plug-in estimates, effective_samples.npy: with
    /// how many independent samples unrelated neurons would seem to share as much. It is NaN
    /// where that cannot be estimated.
    #[arg(long, value_name = "TEST", value_enum, hide_possible_values = true)]
    #[arg(verbatim_doc_comment)]
    pub(crate) significance: Option<SignificanceArgument>,

    /// Number of permutations or shifts [default: 1000; 20 with pairs]
    ///
    /// If there are fewer shifts of S samples than that, all of them are used, once each. The
    /// command pairs pools those of all pairs, so fewer are enough.
    #[arg(long, value_name = "P")]
    pub(crate) permutations: Option<NonZeroU32>,

    /// Least distance of a shift, in samples [default: a twentieth of them]
    ///
    /// It should be several times as long as neurons remember. A longer one costs nothing but
    /// shifts: there are S - 2 N + 1.
    #[arg(long, value_name = "N")]
    pub(crate) shift_at_least: Option<NonZeroUsize>,

    /// Permute whole blocks of LENGTH samples, not single samples
    ///
    /// For --significance permutation. LENGTH should be several times as long as neurons remember.
    /// The last block may be shorter.
    #[arg(long, value_name = "LENGTH")]
    pub(crate) blocks: Option<NonZeroUsize>,

    /// Permute whole documents, given by an id for each sample in FILE
    ///
    /// For --significance permutation. FILE is a .npy file of whole numbers, or a text file with an
    /// id on each line. Samples of one document have the same id and follow each other.
    #[arg(long, value_name = "FILE")]
    pub(crate) documents: Option<PathBuf>,

    /// Seed of random numbers: permutations, shifts, --jitter [default: 0]
    ///
    /// The same seed gives the same results, to the last bit.
    #[arg(long, value_name = "N")]
    pub(crate) seed: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum SignificanceArgument {
    GTest,
    Permutation,
    Shift,
}
