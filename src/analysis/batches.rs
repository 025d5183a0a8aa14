//! Activations that come in batches, and layers that have been encoded before.

use ndarray::Array2;

use super::Analysis;
use super::prepare::{Edges, check_settings};
use super::run::{information, report};
use crate::binning::{Portions, fit_batches};
use crate::codes::budget::Memory;
use crate::codes::encoder::{EncodedLayer, encode_batches};
use crate::codes::spill::Spill;
use crate::error::Error;
use crate::input::activations::{ActivationsView, MAX_SAMPLES, check_shape};
use crate::input::batches::Batches;
use crate::input::element::Precision;
use crate::pairs::tile::Tile;
use crate::report::Report;
use crate::settings::CountSettings;
use crate::support::cancel::CancelToken;
use crate::support::memory::zeroed;
use crate::support::stopwatch::Stopwatch;
use crate::sweep::{self, Selection, Sweep};

/// The divisor of the allowed memory that gives the memory for codes. The rest is for the pairs.
const CODES_SHARE: u64 = 2;

/// Computes all pairs of a layer that comes in batches.
pub(super) fn run(analysis: &Analysis, source: &mut dyn Batches) -> Result<Report, Error> {
    let settings = &analysis.settings;
    let (samples, neurons) = (source.samples(), source.neurons());
    check_shape((samples, neurons))?;
    let matrix = Memory::default().and_matrix(neurons, neurons);
    // Codes stay in memory if they fit beside the matrix. If not, a few of them have to fit.
    if settings.run.check_memory(matrix.and(samples, neurons as u128)).is_err() {
        let bins = analysis.edges.fewest_bins();
        settings.run.check_memory(sweep::least_memory(
            settings,
            matrix,
            (samples, neurons),
            bins,
        ))?;
    }
    run_encoded(settings, encode(analysis, source, matrix)?)
}

/// Makes codes, and leaves `reserved` of the memory to something else.
pub(super) fn encode(
    analysis: &Analysis,
    source: &mut dyn Batches,
    reserved: Memory,
) -> Result<EncodedLayer, Error> {
    check_settings(analysis)?;
    check_shape((source.samples(), source.neurons()))?;
    let run = &analysis.settings.run;
    let allowed = run.allowed_memory().unwrap_or(u64::MAX);
    let portions = Portions::within(allowed);
    run.check_memory(batches_memory(source, portions))?;
    let source = &mut Stoppable { source, token: &run.token };
    analysis.edges.check_neurons(source.neurons())?;
    let edges = match &analysis.edges {
        Edges::Fitted(edges) => edges.clone(),
        Edges::Fit(binning) => fit_batches(source, binning, allowed / 8, portions)?,
    };
    analysis.settings.check_kernel(edges.bins())?;
    let most = (allowed / CODES_SHARE).min(run.memory_left(reserved));
    let spill = Spill { directory: analysis.spill_directory.clone() };
    encode_batches(source, edges, (most, spill), portions)
}

/// Computes all pairs of an encoded layer.
pub(super) fn run_encoded(settings: &CountSettings, layer: EncodedLayer) -> Result<Report, Error> {
    settings.estimator.check()?;
    settings.check_kernel(layer.edges().bins())?;
    let (samples, neurons) = (layer.samples(), layer.neurons());
    let to_make = layer.bytes_to_make();
    let matrix = layer.memory().taken().and_matrix(neurons, neurons).and_table(samples);
    let bins = layer.edges().bins();
    let memory = if layer.is_whole() {
        settings.and_threads(matrix, (samples, neurons), bins, settings.goal())
    } else {
        sweep::least_memory(settings, matrix, (samples, neurons), bins)
    };
    settings.run.check_memory(memory)?;
    let clock = Stopwatch::start();
    match layer.into_codes() {
        Ok((codes, fits)) => {
            let samples = u32::try_from(samples).map_err(|_| too_many(samples))?;
            let counted = information(settings, codes, samples, Tile::triangle(neurons), &clock);
            let counted = pollster::block_on(counted)?;
            report(settings, counted, fits, samples, memory.at_least(to_make))
        }
        Err(layer) => run_in_blocks(settings, *layer),
    }
}

/// Computes a matrix from codes that are not in memory.
fn run_in_blocks(settings: &CountSettings, layer: EncodedLayer) -> Result<Report, Error> {
    let neurons = layer.neurons();
    let matrix_bytes = 8 * (neurons as u64).saturating_pow(2);
    let data = zeroed::<f64>(neurons, neurons)?;
    let matrix = Array2::from_shape_vec((neurons, neurons), data);
    let mut matrix = matrix.map_err(|_| Error::OutOfMemory { bytes: matrix_bytes })?;
    // The pages of a matrix are taken when they are first written: until then they look free.
    let of_matrix = Memory::default().and_matrix(neurons, neurons);
    let mut within = settings.clone();
    within.run.memory_limit = Some(settings.run.memory_left(of_matrix));
    let mut sweep = Sweep::new(&within, layer, Selection::All, None, None)?;
    for number in 0..sweep.blocks() {
        let block = sweep.compute(number)?;
        block.copy_into(&mut matrix);
        sweep.take(number, block)?;
    }
    let swept = sweep.finish();
    let problem = "a matrix was swept without computing a block";
    Ok(Report {
        entropy: swept.entropy,
        occupied_bins: swept.occupied_bins,
        mutual_information: matrix,
        estimator: swept.estimator,
        units: swept.units,
        samples: swept.samples,
        digests: swept.digests,
        edges: swept.edges,
        degenerate: swept.degenerate,
        execution: swept.execution.ok_or(Error::Internal { problem })?,
        timings: swept.timings,
        memory: settings.run.memory_use(of_matrix.and(1, swept.memory.planned.into())),
    })
}

/// A source whose visits end when a token is cancelled.
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

    fn precision(&self) -> Precision {
        self.source.precision()
    }

    fn visit(
        &mut self,
        most_samples: usize,
        visitor: &mut dyn FnMut(ActivationsView<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        self.source.visit(most_samples, &mut |batch| {
            self.token.check()?;
            visitor(batch)
        })
    }
}

/// Returns the memory of reading: a batch, the list of extremes, and a piece of codes on its way to
/// a file.
fn batches_memory(source: &dyn Batches, portions: Portions) -> Memory {
    let (samples, row) = (source.samples(), source.neurons());
    let bytes = portions.bytes(samples, row, source.precision());
    Memory::default().and(1, bytes).and(row, 64)
}

fn too_many(samples: usize) -> Error {
    Error::TooManySamples { samples, allowed: MAX_SAMPLES }
}
