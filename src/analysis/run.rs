//! Mutual information of all pairs of a layer, and of the neurons of two layers.

use std::sync::Arc;
use std::time::Duration;

use ndarray::{Array1, Array2};

use super::Analysis;
use super::prepare::{LayerCodes, and_codes, check_settings, encode, prepare};
use crate::codes::Codes;
use crate::codes::budget::Memory;
use crate::codes::encoder::LayerFits;
use crate::engine::{self, GpuGain, Job};
use crate::error::Error;
use crate::estimator::Entropies;
use crate::execution::Execution;
use crate::input::activations::{Activations, ActivationsView};
use crate::input::degenerate::degenerate_neurons;
use crate::measures::Information;
use crate::pairs::digest::{DigestGrid, Digests, PairKeys};
use crate::pairs::tile::Tile;
use crate::report::{BetweenReport, LayerFacts, Report, Timings};
use crate::settings::CountSettings;
use crate::support::stopwatch::Stopwatch;

/// Computes all pairs of a layer.
pub(super) async fn layer(
    analysis: &Analysis,
    activations: ActivationsView<'_>,
) -> Result<Report, Error> {
    let settings = &analysis.settings;
    let clock = Stopwatch::start();
    let memory = |layer: &Activations<'_>, bins| {
        let matrix = Memory::default().and_matrix(layer.neurons(), layer.neurons());
        let shape = (layer.samples(), layer.neurons());
        settings.and_threads(matrix, shape, bins, settings.goal())
    };
    let layer = prepare(analysis, activations, memory)?;
    let samples = layer.samples();
    let LayerCodes { extents, edges, codes, memory } = layer;
    let pairs = Tile::triangle(codes.neurons());
    let counted = information(settings, codes, samples, pairs, &clock).await?;
    report(settings, counted, LayerFits { edges, extents }, samples, memory)
}

/// Makes the report of a layer whose pairs have been counted.
pub(super) fn report(
    settings: &CountSettings,
    counted: Counted,
    LayerFits { edges, extents }: LayerFits,
    samples: u32,
    memory: Memory,
) -> Result<Report, Error> {
    let all = 0..extents.len();
    let (information, units) = (&counted.information, settings.run.units);
    let entropy = information.entropies_of(&all, units);
    let occupied_bins = information.occupied_bins(&all);
    let grid = DigestGrid::within(all.len());
    let Finished { mutual_information, digests, execution, timings } =
        counted.finish(settings, grid)?;
    Ok(Report {
        entropy,
        occupied_bins,
        mutual_information,
        estimator: settings.estimator,
        units,
        samples: samples as usize,
        digests,
        degenerate: degenerate_neurons(&extents),
        edges,
        execution,
        timings,
        memory: settings.run.memory_use(memory),
    })
}

/// Computes the entropies of a layer.
pub(super) fn entropies(
    analysis: &Analysis,
    activations: ActivationsView<'_>,
) -> Result<Array1<f64>, Error> {
    let layer = prepare(analysis, activations, |_: &Activations<'_>, _| Memory::default())?;
    let entropies = Entropies::new(analysis.settings.estimator, layer.samples());
    let codes = &layer.codes;
    let per_nat = analysis.settings.run.units.per_nat();
    let of = |x| entropies.marginal(codes.marginal(x), codes.bins_of(x)).entropy;
    Ok((0..codes.neurons()).map(|x| of(x) * per_nat).collect())
}

/// Computes all pairs of a neuron of one layer and a neuron of another.
pub(super) async fn between(
    analysis: &Analysis,
    rows: ActivationsView<'_>,
    columns: ActivationsView<'_>,
) -> Result<BetweenReport, Error> {
    let settings = &analysis.settings;
    let units = settings.run.units;
    let clock = Stopwatch::start();
    let memory = |rows: &Activations<'_>, columns: &Activations<'_>, bins| {
        let matrix = Memory::default().and_matrix(rows.neurons(), columns.neurons());
        // The rows' codes exist twice while they are joined with the columns'.
        let matrix = matrix.and(rows.samples(), rows.neurons() as u128);
        let shape = (rows.samples(), rows.neurons().max(columns.neurons()));
        settings.and_threads(matrix, shape, bins, settings.goal())
    };
    let (rows, columns) = prepare_two(analysis, rows, columns, memory)?;
    let samples = rows.samples();
    let (height, width) = (rows.codes.neurons(), columns.codes.neurons());
    let codes = Codes::join(rows.codes, &columns.codes)?;
    let pairs = Tile::rectangle(height, width);
    let counted = information(settings, codes, samples, pairs, &clock).await?;

    let facts = |neurons, extents: &[_], edges| LayerFacts {
        entropy: counted.information.entropies_of(&neurons, units),
        occupied_bins: counted.information.occupied_bins(&neurons),
        degenerate: degenerate_neurons(extents),
        edges,
    };
    let rows = facts(0..height, &rows.extents, rows.edges);
    let columns = facts(height..height + width, &columns.extents, columns.edges);
    let grid = DigestGrid::between(height, width);
    let Finished { mutual_information, digests, execution, timings } =
        counted.finish(settings, grid)?;
    Ok(BetweenReport {
        rows,
        columns,
        mutual_information,
        estimator: settings.estimator,
        units,
        samples: samples as usize,
        digests,
        execution,
        timings,
    })
}

/// Checks and encodes two layers of the same samples. `memory` returns the memory that the job takes
/// beside edges and codes, from the layers and the number of bins.
pub(crate) fn prepare_two(
    analysis: &Analysis,
    rows: ActivationsView<'_>,
    columns: ActivationsView<'_>,
    memory: impl Fn(&Activations<'_>, &Activations<'_>, usize) -> Memory,
) -> Result<(LayerCodes, LayerCodes), Error> {
    check_settings(analysis)?;
    let (rows, columns) = (Activations::new(rows)?, Activations::new(columns)?);
    if rows.samples() != columns.samples() {
        return Err(Error::SamplesMismatch { first: rows.samples(), second: columns.samples() });
    }
    let memory = |bins| {
        let with_rows = and_codes(&analysis.edges, memory(&rows, &columns, bins), &rows, bins);
        and_codes(&analysis.edges, with_rows, &columns, bins)
    };
    Ok((encode(analysis, &rows, memory)?, encode(analysis, &columns, memory)?))
}

/// Counts pairs of neurons for their mutual information.
pub(super) async fn information(
    settings: &CountSettings,
    codes: Codes,
    samples: u32,
    pairs: Tile,
    clock: &Stopwatch,
) -> Result<Counted, Error> {
    let entropies = Entropies::new(settings.estimator, samples);
    let table = Arc::clone(entropies.table());
    let information = Information::new(&codes, entropies, &pairs)?;
    let job = settings.single_job(codes, &table, (pairs, settings.goal()));
    let discretize = clock.elapsed();

    let clock = Stopwatch::start();
    let chosen = settings.run.open_engine(GpuGain::Faster).await?;
    let open_engine = clock.elapsed();

    let clock = Stopwatch::start();
    let on_failure = settings.run.on_device_failure;
    let (information, execution) = engine::run(&chosen, &job, information, on_failure).await?;
    let stages = (discretize, open_engine);
    Ok(Counted { information, execution, stages, clock, job })
}

/// The counted pairs of a job.
pub(super) struct Counted {
    information: Information,
    execution: Execution,
    /// The durations of the stages before counting.
    stages: (Duration, Duration),
    /// A clock that was started when counting began.
    clock: Stopwatch,
    /// Kept to the end because freeing its memory takes a while, which is not part of any stage.
    job: Job,
}

/// The results of a job.
struct Finished {
    mutual_information: Array2<f64>,
    digests: Digests,
    execution: Execution,
    timings: Timings,
}

impl Counted {
    fn finish(self, settings: &CountSettings, grid: DigestGrid) -> Result<Finished, Error> {
        let Self { information, execution, stages: (discretize, open_engine), clock, job } = self;
        let neurons = information.digest_of_neurons();
        let keys = PairKeys::of_tile(grid, &job.pairs);
        let (mutual_information, sums) = information.finish(settings.run.units, &keys)?;
        let (estimator, samples) = (settings.estimator.to_string(), job.codes.samples());
        let digests = Digests::new(estimator, samples, neurons, sums);
        let timings = Timings { discretize, open_engine, pairs: clock.elapsed() };
        Ok(Finished { mutual_information, digests, execution, timings })
    }
}
