//! The test of pairs, made from arguments.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use cofire::significance::{Null, Surrogates};

use super::refuse;
use crate::arguments::{SignificanceArgument, TestArguments};
use crate::failure::Failure;

/// A test of pairs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum SignificanceTest {
    G,
    Surrogates(SurrogateSettings),
}

/// The settings of a test by permutations or shifts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SurrogateSettings {
    pub(crate) order: OrderSettings,
    pub(crate) permutations: u32,
    pub(crate) seed: u64,
}

/// The orders of samples to choose from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum OrderSettings {
    Permutation,
    Shift { at_least: Option<usize> },
    Blocks { length: usize },
    Documents(PathBuf),
}

impl SignificanceTest {
    /// Makes the test that was asked for. `usual` is the number of permutations if none was given, and
    /// `has_jitter` is true if a seed has another use.
    pub(crate) fn of(
        arguments: &TestArguments,
        usual: u32,
        has_jitter: bool,
    ) -> Result<Option<Self>, Failure> {
        let &TestArguments { significance, shift_at_least, blocks, ref documents, .. } = arguments;
        let has_orders = matches!(
            significance,
            Some(SignificanceArgument::Permutation | SignificanceArgument::Shift)
        );
        if arguments.permutations.is_some() && !has_orders {
            return refuse(
                "--permutations is for a test by permutations or shifts; \
                 add --significance permutation or shift, or leave it out",
            );
        }
        if arguments.seed.is_some() && !has_orders && !has_jitter {
            return refuse(
                "--seed is for random numbers, and none are used; \
                 add --significance permutation or shift, or --jitter, or leave it out",
            );
        }
        if shift_at_least.is_some() && significance != Some(SignificanceArgument::Shift) {
            return refuse(
                "--shift-at-least is for a test by shifts; \
                 add --significance shift, or leave it out",
            );
        }
        if blocks.is_some() && documents.is_some() {
            return refuse(
                "--blocks and --documents both say what is permuted; leave one of them out",
            );
        }
        for (name, is_given) in
            [("--blocks", blocks.is_some()), ("--documents", documents.is_some())]
        {
            if is_given && significance != Some(SignificanceArgument::Permutation) {
                return refuse(format!(
                    "{name} is for a permutation test; \
                     add --significance permutation, or leave it out"
                ));
            }
        }
        let order = match (significance, blocks, documents) {
            (None, ..) => return Ok(None),
            (Some(SignificanceArgument::GTest), ..) => return Ok(Some(Self::G)),
            (Some(SignificanceArgument::Shift), ..) => {
                OrderSettings::Shift { at_least: shift_at_least.map(usize::from) }
            }
            (_, Some(length), _) => OrderSettings::Blocks { length: length.into() },
            (_, _, Some(file)) => OrderSettings::Documents(file.clone()),
            _ => OrderSettings::Permutation,
        };
        Ok(Some(Self::Surrogates(SurrogateSettings {
            order,
            permutations: arguments.permutations.map_or(usual, Into::into),
            seed: arguments.seed.unwrap_or(0),
        })))
    }

    /// Returns the test's name on the command line.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::G => "g-test",
            Self::Surrogates(settings) => match settings.order {
                OrderSettings::Shift { .. } => "shift",
                _ => "permutation",
            },
        }
    }

    /// Returns the settings of permutations or shifts.
    pub(crate) fn surrogates(&self) -> Option<&SurrogateSettings> {
        match self {
            Self::G => None,
            Self::Surrogates(settings) => Some(settings),
        }
    }

    /// Returns the file of documents.
    pub(crate) fn documents(&self) -> Option<&Path> {
        match &self.surrogates()?.order {
            OrderSettings::Documents(file) => Some(file),
            _ => None,
        }
    }
}

impl SurrogateSettings {
    /// Returns the settings of the library. `documents` are the ids of the file, if there is one.
    pub(crate) fn surrogates(&self, documents: Option<&Arc<[u32]>>) -> Surrogates {
        let null = match &self.order {
            OrderSettings::Permutation => Null::Permutation,
            &OrderSettings::Shift { at_least } => Null::Shift { at_least },
            &OrderSettings::Blocks { length } => Null::Blocks { length },
            OrderSettings::Documents(_) => {
                Null::Documents(documents.cloned().unwrap_or_else(|| Arc::from([])))
            }
        };
        Surrogates { null, number: self.permutations, seed: self.seed }
    }
}
