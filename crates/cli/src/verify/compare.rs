//! Comparison of results with those that were computed here.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use cofire::digest::{Digest, DigestGrid};
use cofire_files::SavedArray;
use ndarray::{Array1, Array2, ArrayView2};

use super::recompute::Recomputed;
use super::recorded;
use crate::digests_file::{self, DigestsFile};
use crate::failure::Failure;
use crate::text::grouped;

/// The results of a layer, in their directory.
pub(super) struct Stored<'a> {
    pub(super) results: &'a Path,
    pub(super) written: &'a BTreeMap<String, PathBuf>,
    /// The digest of the entropies and all pairs.
    pub(super) digest: Option<Digest>,
    pub(super) units: &'static str,
}

/// A description of what was compared, and of what was not.
#[derive(Debug, Default)]
pub(super) struct Compared {
    pub(super) neurons: String,
    pub(super) pairs: String,
    pub(super) digest: String,
    /// The keys of the files that were compared.
    files: Vec<&'static str>,
}

/// Makes the failure of a difference.
pub(super) fn differs(text: String) -> Failure {
    Failure::Other(format!("differs: {text}"))
}

impl Stored<'_> {
    /// Compares everything that results of any command have. The first difference is a failure.
    pub(super) fn compare(&self, here: &Recomputed) -> Result<Compared, Failure> {
        let mut compared = Compared::default();
        let digests = recorded::digests(self.results, self.written)?;
        let grid = here.digests.grid();
        self.entropies("entropy", &here.entropy, &mut compared)?;
        if let Some(entropy) = &here.other_entropy {
            self.entropies("other_entropy", entropy, &mut compared)?;
        }
        self.matrix(here, &mut compared)?;
        let has_matrix = compared.files.contains(&MATRIX);
        let with_digests = match &digests {
            Some(digests) => {
                compared.files.push(digests_file::KEY);
                self.digests(here, digests)?
            }
            None => Vec::new(),
        };
        let chosen: Vec<usize> = here.blocks.iter().map(|(number, _)| *number).collect();
        compared.pairs = pairs_text(grid, if has_matrix { &chosen } else { &with_digests });
        let without = chosen.len() - with_digests.len();
        if without > 0 && !has_matrix {
            compared.pairs += &format!(
                "; {without} more have no digest, as some of their pairs were passed over"
            );
        }
        compared.neurons = format!("{} entropies: the same", grouped(self.neurons(here) as u64));
        compared.digest = self.whole(here, digests.as_ref())?;
        Ok(compared)
    }

    fn neurons(&self, here: &Recomputed) -> usize {
        here.entropy.len() + here.other_entropy.as_ref().map_or(0, Array1::len)
    }

    /// Opens an array, if it was written and not removed since then, as one that is too large to share.
    fn open(&self, key: &str, shape: (usize, usize)) -> Result<Option<SavedArray>, Failure> {
        let Some(file) = self.written.get(key) else { return Ok(None) };
        let path = recorded::path_within(self.results, file)?;
        if !path.exists() {
            return Ok(None);
        }
        Ok(Some(SavedArray::open(path, shape.0, shape.1)?))
    }

    fn entropies(
        &self,
        key: &'static str,
        here: &Array1<f64>,
        compared: &mut Compared,
    ) -> Result<(), Failure> {
        let Some(mut saved) = self.open(key, (1, here.len()))? else { return Ok(()) };
        let stored = saved.block(0..1, 0..here.len())?;
        let wrong = stored.iter().zip(here).position(|(a, b)| a.to_bits() != b.to_bits());
        if let Some(neuron) = wrong {
            let (path, units) = (saved.path().display(), self.units);
            let (there, here) = (stored[[0, neuron]], here[neuron]);
            return Err(differs(format!(
                "neuron {neuron} has an entropy of {there:?} {units} in {path}, and of {here:?} here"
            )));
        }
        compared.files.push(key);
        Ok(())
    }

    /// Compares the blocks of the matrix, and their mirror images.
    fn matrix(&self, here: &Recomputed, compared: &mut Compared) -> Result<(), Failure> {
        let grid = here.digests.grid();
        let Some(mut saved) = self.open(MATRIX, (grid.rows(), grid.columns()))? else {
            return Ok(());
        };
        for (number, block) in &here.blocks {
            let Some((rows, columns)) = grid.block(*number) else { continue };
            let mut stored = vec![(saved.block(rows.clone(), columns.clone())?, (&rows, &columns))];
            if !grid.is_between() && rows != columns {
                let mirrored = saved.block(columns.clone(), rows.clone())?;
                stored.push((mirrored, (&columns, &rows)));
            }
            for (index, (stored, (rows, columns))) in stored.into_iter().enumerate() {
                let here = if index == 0 { block.view() } else { block.t() };
                if let Some((i, j)) = first_difference(&stored, here) {
                    let (row, column) = (rows.start + i, columns.start + j);
                    let (there, here) = (stored[[i, j]], here[[i, j]]);
                    let (path, units) = (saved.path().display(), self.units);
                    return Err(differs(format!(
                        "row {row} and column {column} share {there:?} {units} in {path}, and \
                         {here:?} here (block {number})"
                    )));
                }
            }
        }
        compared.files.push(MATRIX);
        Ok(())
    }

    /// Compares the digests of neurons and blocks. Returns the numbers of the blocks that have one.
    fn digests(&self, here: &Recomputed, stored: &DigestsFile) -> Result<Vec<usize>, Failure> {
        let grid = here.digests.grid();
        let (edge, blocks) = (stored.block_edge, stored.blocks.len());
        if (edge, blocks) != (grid.edge(), grid.blocks()) {
            return Err(differs(format!(
                "{} has {blocks} blocks of {edge} neurons, and there are {} of {} here",
                digests_file::NAME,
                grid.blocks(),
                grid.edge()
            )));
        }
        let of_neurons = here.digests.neurons();
        if recorded::digest(&stored.neurons, digests_file::NAME)? != of_neurons {
            return Err(differs(format!(
                "the digest of the neurons is {} in {}, and {of_neurons} here",
                stored.neurons,
                digests_file::NAME
            )));
        }
        let mut compared = Vec::new();
        for (number, _) in &here.blocks {
            let there = stored.blocks.get(*number).and_then(Option::as_ref);
            let (Some(there), Some(here)) = (there, here.digests.block(*number)) else { continue };
            if recorded::digest(there, digests_file::NAME)? != here {
                return Err(differs(format!(
                    "block {number} has the digest {there} in {}, and {here} here",
                    digests_file::NAME
                )));
            }
            compared.push(*number);
        }
        Ok(compared)
    }

    /// Compares the digest of the summary with those of its blocks.
    fn whole(&self, here: &Recomputed, stored: Option<&DigestsFile>) -> Result<String, Failure> {
        let Some(expected) = self.digest else {
            return Ok("none of all pairs: some were passed over".to_owned());
        };
        let Some(stored) = stored else {
            return Ok(format!("{expected}, of which no blocks are recorded"));
        };
        let blocks = stored.blocks.iter().map(|block| match block {
            Some(text) => recorded::digest(text, digests_file::NAME).map(Some),
            None => Ok(None),
        });
        let blocks: Option<Vec<Digest>> =
            blocks.collect::<Result<Vec<_>, _>>()?.into_iter().collect();
        match blocks.and_then(|blocks| here.digests.of_blocks(&blocks)) {
            Some(found) if found == expected => Ok(format!("{expected}, that of all its blocks")),
            Some(found) => Err(differs(format!(
                "the digest is {expected} in summary.json, and {found} from the blocks of {}",
                digests_file::NAME
            ))),
            None => Err(differs(format!(
                "{} lacks blocks of the digest {expected} in summary.json",
                digests_file::NAME
            ))),
        }
    }
}

/// Describes the pairs of blocks that are equal.
fn pairs_text(grid: DigestGrid, blocks: &[usize]) -> String {
    let pairs: u64 = blocks.iter().map(|&number| grid.pairs_of(number)).sum();
    let (compared, all) = (grouped(blocks.len() as u64), grouped(grid.blocks() as u64));
    format!("{} in {compared} of {all} blocks: the same", grouped(pairs))
}

/// The key of the matrix of mutual information.
const MATRIX: &str = "mutual_information";

impl Compared {
    pub(super) fn add_file(&mut self, key: &'static str) {
        self.files.push(key);
    }

    /// Returns the written files that were compared, or those that were not.
    pub(super) fn files(&self, written: &BTreeMap<String, PathBuf>, compared: bool) -> String {
        let is_wanted = |key: &str| self.files.contains(&key) == compared;
        let files = written.iter().filter(|(key, _)| is_wanted(key));
        let names: Vec<String> = files.map(|(_, file)| file.display().to_string()).collect();
        names.join(", ")
    }
}

fn first_difference(stored: &Array2<f64>, here: ArrayView2<'_, f64>) -> Option<(usize, usize)> {
    let pairs = stored.indexed_iter().zip(here.iter());
    pairs.into_iter().find(|((_, a), b)| a.to_bits() != b.to_bits()).map(|((at, _), _)| at)
}
