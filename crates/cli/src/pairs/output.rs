//! Output of selected pairs.

use cofire::Selection;
use cofire::sweep::Block;
use cofire_files::{FileError, NpyMatrixWriter, OutputDirectory, PairsFormat};
use cofire_jobs::Job;
use ndarray::ArrayView1;

use super::facts::Selected;
use crate::arguments::{FormatArgument, PairsOutputArguments};
use crate::digests_file::{self, DigestsFile};
use crate::failure::Failure;
use crate::features::command_with;
use crate::interrupt;
use crate::results::Written;
use crate::statistics::Pairs;

/// Returns the formats that were asked for. The whole matrix has only one.
pub(super) fn formats(
    arguments: &PairsOutputArguments,
    selection: Selection,
) -> Result<Vec<PairsFormat>, Failure> {
    if selection == Selection::All && !arguments.formats.is_empty() {
        let reason = "--format is for pairs, and --all writes a matrix; leave one of them out";
        return Err(Failure::Input(reason.to_owned()));
    }
    let default = [FormatArgument::Csv, FormatArgument::Npz];
    let asked = if arguments.formats.is_empty() { &default[..] } else { &arguments.formats };
    let mut formats = Vec::new();
    for format in asked {
        let format = format.format().map_err(|feature| {
            let command = command_with(feature);
            Failure::Input(format!(
                "this build of cofire does not write --format parquet; \
                 in its sources, build one that does: {command}"
            ))
        })?;
        if !formats.contains(&format) {
            formats.push(format);
        }
    }
    Ok(formats)
}

/// The matrix of all pairs, which is written block by block.
pub(super) struct Matrix {
    writer: NpyMatrixWriter,
    /// The sum over pairs of different neurons.
    sum: f64,
}

impl Matrix {
    pub(super) fn create(output: &mut OutputDirectory, neurons: usize) -> Result<Self, FileError> {
        let writer = output.matrix_writer("mi.npy", neurons, neurons)?;
        Ok(Self { writer, sum: 0.0 })
    }

    /// Writes a block and its mirror image.
    pub(super) fn write(&mut self, block: &Block) -> Result<(), FileError> {
        match block.matrix() {
            Some((row, column, information)) => {
                self.sum += if row == column {
                    (information.sum() - information.diag().sum()) / 2.0
                } else {
                    information.sum()
                };
                self.writer.write_symmetric_block(row, column, information.view())
            }
            None => Ok(()),
        }
    }

    /// Returns the mean over pairs of different neurons, after all blocks have been written.
    pub(super) fn mean(&self, neurons: usize) -> Option<f64> {
        let pairs = Pairs::Once.count((neurons, neurons));
        (pairs > 0).then(|| self.sum / pairs as f64)
    }

    /// Writes all blocks of finished jobs.
    pub(super) fn write_jobs(&mut self, jobs: &[Job]) -> Result<(), Failure> {
        for number in 0..jobs.first().map_or(0, Job::blocks) {
            for job in jobs {
                if let Some(block) = job.load(number)? {
                    self.write(&block)?;
                    break;
                }
            }
            interrupt::check()?;
        }
        Ok(())
    }
}

/// Writes the selected pairs or the matrix, and returns the paths.
pub(super) fn write(
    output: &mut OutputDirectory,
    selected: &Selected,
    formats: &[PairsFormat],
    matrix: Option<Matrix>,
) -> Result<Written, Failure> {
    let mut written = Written::default();
    written.add("entropy", output.write_array("entropy.npy", selected.entropy.view())?);
    let digests = DigestsFile::of(&selected.digests).text()?;
    written.add(digests_file::KEY, output.write_text(digests_file::NAME, &digests)?);
    if let Some(Matrix { writer, .. }) = matrix {
        written.add("mutual_information", writer.finish()?);
        return Ok(written);
    }
    for &format in formats {
        let mut writer = output.pairs_writer("pairs", format, selected.entropy.len())?;
        for (number, &pair) in selected.pairs.iter().enumerate() {
            writer.write(pair)?;
            if number.is_multiple_of(1 << 16) {
                interrupt::check()?;
            }
        }
        written.add(&format!("pairs_{}", format.extension()), writer.finish()?);
    }
    if let Some(rates) = &selected.false_discovery_rates {
        let rates = output.write_array("false_discovery_rates.npy", ArrayView1::from(rates))?;
        written.add("false_discovery_rates", rates);
    }
    Ok(written)
}
