//! Activations that come in batches, and layers that have been encoded before.

use std::path::PathBuf;

use ndarray::{Array2, ArrayView2};

use super::{Analysis, Bins};
use crate::binning::{Portions, fit_batches};
use crate::codes::budget::Memory;
use crate::codes::encoder::{EncodedLayer, encode_batches};
use crate::codes::spill::Spill;
use crate::input::activations::{MAX_SAMPLES, check_shape};
use crate::pairs::tile::Tile;
use crate::report::Report;
use crate::support::memory::zeroed;
use crate::support::stopwatch::Stopwatch;
use crate::sweep::{self, Selection, Sweep};
use crate::{Batches, CancelToken, Error, MIN_BINS};

/// The share of the memory allowed that codes may take, one in so many; the rest is for the pairs.
const CODES_SHARE: u64 = 2;

impl Analysis {
    /// The directory for the temporary file of codes that memory is not allowed to hold. Default: the
    /// system's directory for temporary files, which may itself be in memory.
    pub fn spill_directory(mut self, directory: impl Into<PathBuf>) -> Self {
        self.spill_directory = Some(directory.into());
        self
    }

    /// [`Analysis::run`] for activations that come in batches of samples: the same bits, whatever the
    /// size of the batches.
    ///
    /// The source is visited once to find the edges, unless they are given, and once to make codes. A
    /// visit holds one batch at a time: 8 MiB, or a 32nd of the memory allowed, or one sample. Where
    /// quantiles or rules need whole neurons, there is a visit more for every eighth of the memory
    /// allowed that those take.
    ///
    /// # Errors
    ///
    /// As [`Analysis::run`], for what the source says of itself, and for a temporary file that cannot
    /// be written.
    ///
    /// # Examples
    ///
    /// ```
    /// use cofire::Analysis;
    /// use ndarray::{Array2, ArrayView2};
    ///
    /// let activations = Array2::from_shape_fn((500, 8), |(s, n)| ((s * (n + 3)) % 17) as f32);
    /// let report = Analysis::new(10).run_batches(&mut activations.view())?;
    /// let in_one_piece = Analysis::new(10).run(activations.view())?;
    /// assert_eq!(report.mutual_information, in_one_piece.mutual_information);
    /// # Ok::<(), cofire::Error>(())
    /// ```
    pub fn run_batches(&self, source: &mut dyn Batches) -> Result<Report, Error> {
        let (samples, neurons) = (source.samples(), source.neurons());
        check_shape((samples, neurons))?;
        let matrix = Memory::default().and_matrix(neurons, neurons);
        // Codes are in memory if they fit beside the matrix. Else a few of them have to.
        if self.check_memory(matrix.and(samples, neurons as u128)).is_err() {
            let bins = self.bins.known().unwrap_or(MIN_BINS);
            self.check_memory(sweep::least_memory(self, matrix, samples, bins))?;
        }
        self.run_encoded(self.encode_beside(source, matrix)?)
    }

    /// Bin codes of activations that come in batches, as [`Analysis::run_batches`] makes them: what a
    /// [`Sweep`] takes.
    ///
    /// Half the memory allowed is for codes, one byte a sample and neuron. Where they are more, all of
    /// them go to a temporary file, for which the feature `files` is needed.
    ///
    /// # Errors
    ///
    /// As [`Analysis::run_batches`].
    pub fn encode_batches(&self, source: &mut dyn Batches) -> Result<EncodedLayer, Error> {
        self.encode_beside(source, Memory::default())
    }

    /// Codes that share memory with something else, once they have been made.
    fn encode_beside(
        &self,
        source: &mut dyn Batches,
        beside: Memory,
    ) -> Result<EncodedLayer, Error> {
        self.check_settings()?;
        check_shape((source.samples(), source.neurons()))?;
        let allowed = self.allowed_memory().unwrap_or(u64::MAX);
        let portions = Portions::within(allowed);
        self.check_memory(batches_memory(source, portions))?;
        let source = &mut Stoppable { source, token: &self.token };
        let edges = match &self.bins {
            Bins::Fitted(edges) if edges.neurons() == source.neurons() => edges.clone(),
            Bins::Fitted(edges) => {
                let (expected, found) = (edges.neurons(), source.neurons());
                return Err(Error::EdgesMismatch { expected, found });
            }
            Bins::Fit(binning) => fit_batches(source, binning, allowed / 8, portions)?,
        };
        self.check_kernel(edges.bins())?;
        let most = (allowed / CODES_SHARE).min(self.memory_beside(beside));
        let spill = Spill { directory: self.spill_directory.clone() };
        encode_batches(source, edges, (most, spill), portions)
    }

    /// [`Analysis::run`] for a layer that has been encoded. Its edges are kept, and the binning of
    /// this analysis has no effect.
    ///
    /// # Errors
    ///
    /// As [`Analysis::run`], as far as it is not about activations.
    pub fn run_encoded(&self, layer: EncodedLayer) -> Result<Report, Error> {
        self.estimator.check()?;
        self.check_kernel(layer.edges().bins())?;
        let (samples, neurons) = (layer.samples(), layer.neurons());
        let to_make = layer.bytes_to_make();
        let matrix = layer.memory().taken().and_matrix(neurons, neurons).and_table(samples);
        let bins = layer.edges().bins();
        let memory = if layer.is_whole() {
            self.and_threads(matrix, (samples, neurons), bins, self.goal())
        } else {
            sweep::least_memory(self, matrix, samples, bins)
        };
        self.check_memory(memory)?;
        let clock = Stopwatch::start();
        match layer.into_codes() {
            Ok((codes, fits)) => {
                let samples = u32::try_from(samples).map_err(|_| too_many(samples))?;
                let pairs = Tile::triangle(neurons);
                let counted = self.information(codes, samples, pairs, &clock);
                self.report(pollster::block_on(counted)?, fits, samples, memory.at_least(to_make))
            }
            Err(layer) => self.run_in_blocks(*layer),
        }
    }

    /// A matrix from codes that are not in memory.
    fn run_in_blocks(&self, layer: EncodedLayer) -> Result<Report, Error> {
        let neurons = layer.neurons();
        let matrix_bytes = 8 * (neurons as u64).saturating_pow(2);
        let data = zeroed::<f64>(neurons, neurons)?;
        let matrix = Array2::from_shape_vec((neurons, neurons), data);
        let mut matrix = matrix.map_err(|_| Error::OutOfMemory { bytes: matrix_bytes })?;
        // Pages of a matrix are taken when they are first written to: they still look free.
        let beside = Memory::default().and_matrix(neurons, neurons);
        let rest = self.memory_beside(beside);
        let mut sweep = Sweep::new(&self.clone().memory_limit(rest), layer, Selection::All)?;
        for block in 0..sweep.blocks() {
            let found = sweep.compute(block)?;
            found.copy_into(&mut matrix);
            sweep.take(block, found)?;
        }
        let swept = sweep.finish();
        Ok(Report {
            entropy: swept.entropy,
            occupied_bins: swept.occupied_bins,
            mutual_information: matrix,
            estimator: swept.estimator,
            units: swept.units,
            samples: swept.samples,
            edges: swept.edges,
            degenerate: swept.degenerate,
            execution: swept.execution,
            timings: swept.timings,
            memory: self.memory_use(beside.and(1, swept.memory.planned.into())),
        })
    }
}

/// Activations that are read until somebody wants to stop.
struct Stoppable<'a> {
    source: &'a mut dyn Batches,
    token: &'a CancelToken,
}

impl Batches for Stoppable<'_> {
    fn samples(&self) -> usize {
        self.source.samples()
    }

    fn neurons(&self) -> usize {
        self.source.neurons()
    }

    fn visit(
        &mut self,
        most_samples: usize,
        visitor: &mut dyn FnMut(ArrayView2<'_, f32>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.source.visit(most_samples, &mut |batch| {
            self.token.check()?;
            visitor(batch)
        })
    }
}

/// What reading takes: a batch, the list of extremes, and a piece of codes on its way to a file.
fn batches_memory(source: &dyn Batches, portions: Portions) -> Memory {
    let (samples, row) = (source.samples(), source.neurons());
    Memory::default().and(1, portions.bytes(samples, row)).and(row, 64)
}

fn too_many(samples: usize) -> Error {
    Error::TooManySamples { samples, allowed: MAX_SAMPLES }
}
