//! Mutual information of all pairs of a layer, and of the neurons of two layers.

use std::sync::Arc;
use std::time::Duration;

use ndarray::{Array1, Array2, ArrayView2};

use super::Analysis;
use super::prepare::Layer;
use crate::codes::Codes;
use crate::codes::budget::Memory;
use crate::codes::encoder::LayerFits;
use crate::engine::{self, Job, Sink};
use crate::estimator::Entropies;
use crate::execution::Execution;
use crate::input::activations::Activations;
use crate::input::degenerate::degenerate_neurons;
use crate::measures::Information;
use crate::pairs::tile::Tile;
use crate::report::{BetweenReport, LayerFacts, Report, Timings};
use crate::support::stopwatch::Stopwatch;
use crate::{Error, Units};

impl Analysis {
    /// Entropies and mutual information of activations of shape `samples × neurons`.
    ///
    /// Estimates from joint histograms, `bins × bins` for each pair. O(samples · neurons²) time;
    /// `samples · neurons + 8 · neurons²` bytes of memory beyond the input.
    ///
    /// The bits of the result do not depend on engine, adapter, kernel or number of threads.
    ///
    /// # Errors
    ///
    /// For what [`crate::BinEdges::fit`] refuses, a pseudo-count that is not usable, edges of another
    /// layer, a kernel that cannot count so many bins, more memory than allowed or available, a GPU
    /// that was asked for and is not there, and a callback that wants to stop.
    pub fn run(&self, activations: ArrayView2<'_, f32>) -> Result<Report, Error> {
        pollster::block_on(self.run_async(activations))
    }

    /// [`Analysis::run`] for callers that have an executor, or are in a browser.
    ///
    /// Activations are encoded on the calling thread before the first suspension; after that only
    /// short pieces of work run on the executor's threads.
    ///
    /// # Errors
    ///
    /// As [`Analysis::run`].
    pub async fn run_async(&self, activations: ArrayView2<'_, f32>) -> Result<Report, Error> {
        let clock = Stopwatch::start();
        let memory = |layer: &Activations<'_>, bins| {
            let matrix = Memory::default().and_matrix(layer.neurons(), layer.neurons());
            let shape = (layer.samples(), layer.neurons());
            self.and_threads(matrix, shape, bins, self.goal())
        };
        let layer = self.prepare(activations, memory)?;
        let samples = layer.samples();
        let Layer { extents, edges, codes, memory } = layer;
        let pairs = Tile::triangle(codes.neurons());
        let counted = self.information(codes, samples, pairs, &clock).await?;
        self.report(counted, LayerFits { edges, extents }, samples, memory)
    }

    /// What was found of all pairs of a layer.
    pub(super) fn report(
        &self,
        counted: Counted,
        LayerFits { edges, extents }: LayerFits,
        samples: u32,
        memory: Memory,
    ) -> Result<Report, Error> {
        let all = 0..extents.len();
        let (information, units) = (&counted.information, self.units);
        let entropy = information.entropies_of(&all, units);
        let occupied_bins = information.occupied_bins(&all);
        let Finished { mutual_information, execution, timings } = counted.finish(units)?;
        Ok(Report {
            entropy,
            occupied_bins,
            mutual_information,
            estimator: self.estimator,
            units: self.units,
            samples: samples as usize,
            degenerate: degenerate_neurons(&extents),
            edges,
            execution,
            timings,
            memory: self.memory_use(memory),
        })
    }

    /// Entropies alone, without any pair: O(samples · neurons), on the host.
    ///
    /// The same bits as [`Report::entropy`].
    ///
    /// # Errors
    ///
    /// As [`Analysis::run`], as far as it is not about engines.
    ///
    /// # Examples
    ///
    /// ```
    /// use cofire::{Analysis, Units};
    /// use ndarray::array;
    ///
    /// let activations = array![[0.0f32, 3.0], [1.0, 3.0], [2.0, 3.0], [3.0, 3.0]];
    /// let entropies = Analysis::new(4).units(Units::Bits).entropies(activations.view())?;
    /// assert!((entropies[0] - 2.0).abs() < 1e-10);
    /// assert_eq!(entropies[1], 0.0);
    /// # Ok::<(), cofire::Error>(())
    /// ```
    pub fn entropies(&self, activations: ArrayView2<'_, f32>) -> Result<Array1<f64>, Error> {
        let layer = self.prepare(activations, |_: &Activations<'_>, _| Memory::default())?;
        let entropies = Entropies::new(self.estimator, layer.samples());
        let codes = &layer.codes;
        let of = |x| entropies.marginal(codes.marginal(x), codes.bins_of(x)).entropy;
        Ok((0..codes.neurons()).map(|x| of(x) * self.units.per_nat()).collect())
    }

    /// Entropies of the neurons of two layers, or of two networks, and the mutual information of
    /// each neuron of the first with each of the second. Nothing is computed for pairs within a
    /// layer.
    ///
    /// Activations are `samples × neurons` and of the same samples in the same order. Bins are
    /// fitted to each layer by itself. O(samples · rows · columns) time, and
    /// `samples · (rows + columns) + 8 · rows · columns` bytes of memory beyond the input, for `rows`
    /// neurons in the first layer and `columns` in the second.
    ///
    /// # Errors
    ///
    /// As [`Analysis::run`], and for layers of different numbers of samples.
    ///
    /// # Examples
    ///
    /// ```
    /// use cofire::Analysis;
    /// use ndarray::array;
    ///
    /// let x = array![[0.0f32], [1.0], [0.0], [1.0]];
    /// let y = array![[5.0f32, 2.0], [7.0, 2.0], [5.0, 3.0], [7.0, 3.0]];
    /// let report = Analysis::new(2).run_between(x.view(), y.view())?;
    /// assert_eq!(report.mutual_information.dim(), (1, 2));
    /// assert!((report.mutual_information[[0, 0]] - 2f64.ln()).abs() < 1e-10);
    /// assert!(report.mutual_information[[0, 1]] < 1e-10);
    /// # Ok::<(), cofire::Error>(())
    /// ```
    pub fn run_between(
        &self,
        rows: ArrayView2<'_, f32>,
        columns: ArrayView2<'_, f32>,
    ) -> Result<BetweenReport, Error> {
        pollster::block_on(self.run_between_async(rows, columns))
    }

    /// [`Analysis::run_between`] for callers that have an executor, or are in a browser.
    ///
    /// # Errors
    ///
    /// As [`Analysis::run_between`].
    pub async fn run_between_async(
        &self,
        rows: ArrayView2<'_, f32>,
        columns: ArrayView2<'_, f32>,
    ) -> Result<BetweenReport, Error> {
        let clock = Stopwatch::start();
        let (rows, columns) = self.prepare_two(rows, columns)?;
        let samples = rows.samples();
        let (height, width) = (rows.codes.neurons(), columns.codes.neurons());
        let codes = Codes::join(rows.codes, &columns.codes)?;
        let pairs = Tile::rectangle(height, width);
        let counted = self.information(codes, samples, pairs, &clock).await?;

        let facts = |neurons, extents: &[_], edges| LayerFacts {
            entropy: counted.information.entropies_of(&neurons, self.units),
            occupied_bins: counted.information.occupied_bins(&neurons),
            degenerate: degenerate_neurons(extents),
            edges,
        };
        let rows = facts(0..height, &rows.extents, rows.edges);
        let columns = facts(height..height + width, &columns.extents, columns.edges);
        let Finished { mutual_information, execution, timings } = counted.finish(self.units)?;
        Ok(BetweenReport {
            rows,
            columns,
            mutual_information,
            estimator: self.estimator,
            units: self.units,
            samples: samples as usize,
            execution,
            timings,
        })
    }

    fn prepare_two(
        &self,
        rows: ArrayView2<'_, f32>,
        columns: ArrayView2<'_, f32>,
    ) -> Result<(Layer, Layer), Error> {
        self.check_settings()?;
        let (rows, columns) = (Activations::new(rows)?, Activations::new(columns)?);
        if rows.samples() != columns.samples() {
            return Err(Error::SamplesMismatch {
                first: rows.samples(),
                second: columns.samples(),
            });
        }
        let memory = |bins| {
            let matrix = Memory::default().and_matrix(rows.neurons(), columns.neurons());
            // The rows' codes are there twice while they are joined with the columns'.
            let matrix = matrix.and(rows.samples(), rows.neurons() as u128);
            let shape = (rows.samples(), rows.neurons().max(columns.neurons()));
            let matrix = self.and_threads(matrix, shape, bins, self.goal());
            self.and_codes(self.and_codes(matrix, &rows, bins), &columns, bins)
        };
        Ok((self.encode(&rows, memory)?, self.encode(&columns, memory)?))
    }

    /// Counts some pairs of neurons, and makes information of them.
    pub(super) async fn information(
        &self,
        codes: Codes,
        samples: u32,
        pairs: Tile,
        clock: &Stopwatch,
    ) -> Result<Counted, Error> {
        let entropies = Entropies::new(self.estimator, samples);
        let table = Arc::clone(entropies.table());
        let information = Arc::new(Information::new(&codes, entropies, &pairs)?);
        let job = self.job(codes, table, pairs, self.goal());
        let discretize = clock.elapsed();

        let clock = Stopwatch::start();
        let chosen = engine::choose(&self.engine, self.device_memory_limit).await?;
        let open_engine = clock.elapsed();

        let clock = Stopwatch::start();
        let sink: Arc<dyn Sink> = Arc::<Information>::clone(&information);
        let execution = engine::run(&chosen, &job, &sink, self.on_device_failure).await?;
        drop(sink);
        // An engine that returns has dropped its share.
        let information = Arc::into_inner(information).ok_or(Error::Cancelled)?;
        let stages = (discretize, open_engine);
        Ok(Counted { information, execution, stages, clock, _job: job })
    }
}

/// What was found of the pairs of a job.
pub(super) struct Counted {
    information: Information,
    execution: Execution,
    /// How long the stages before this one took, and when this one began.
    stages: (Duration, Duration),
    clock: Stopwatch,
    /// Giving back its memory takes a while, and is no part of any stage.
    _job: Job,
}

/// What has become of it.
struct Finished {
    mutual_information: Array2<f64>,
    execution: Execution,
    timings: Timings,
}

impl Counted {
    fn finish(self, units: Units) -> Result<Finished, Error> {
        let Self { information, execution, stages: (discretize, open_engine), clock, _job } = self;
        let mutual_information = information.finish(units)?;
        let timings = Timings { discretize, open_engine, pairs: clock.elapsed() };
        Ok(Finished { mutual_information, execution, timings })
    }
}
