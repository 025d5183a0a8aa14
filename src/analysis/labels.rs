//! What neurons tell of a label, and of each other given the label.

use std::sync::Arc;

use ndarray::{Array1, Array2, ArrayView2};

use super::Analysis;
use crate::codes::budget::Memory;
use crate::engine::{self, Goal, Job, Sink};
use crate::estimator::Entropies;
use crate::execution::Execution;
use crate::input::activations::Activations;
use crate::input::groups::Groups;
use crate::measures::{Conditional, LabelTables};
use crate::pairs::tile::Tile;
use crate::{BinEdges, Error, Estimator, Units};

/// What every neuron tells of a label.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LabelReport {
    /// Entropy of the label, in [`LabelReport::units`].
    pub label_entropy: f64,
    /// How many different labels there are.
    pub labels: usize,
    /// Entropy of each neuron; length `neurons`.
    pub entropy: Array1<f64>,
    /// Mutual information of each neuron with the label; length `neurons`.
    pub mutual_information: Array1<f64>,
    /// How all of them were estimated.
    pub estimator: Estimator,
    /// The unit of all of them.
    pub units: Units,
    /// Number of samples measured.
    pub samples: usize,
    /// The bin edges that were used.
    pub edges: BinEdges,
}

/// What every neuron tells of a label, and every pair of each other given the label.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ConditionalReport {
    /// What neurons tell of the label.
    pub label: LabelReport,
    /// Mutual information of each pair given the label, `I(X; Y | Z)`, in the same unit;
    /// `neurons × neurons`, symmetric to the bit. On the diagonal what each neuron carries beyond the
    /// label, `H(X | Z)`.
    pub conditional_mutual_information: Array2<f64>,
    /// Which engine, adapter and kernel computed it, and what went wrong on the way.
    pub execution: Execution,
}

impl Analysis {
    /// Mutual information of every neuron with a label of each sample: a class, a token, a group.
    ///
    /// Neurons are binned as ever; each label is a category of its own, whatever its number, and there
    /// may be as many as there are samples. The estimator is applied to each of the three entropies
    /// of `I(X; Z) = H(X) + H(Z) − H(X, Z)`. Computed on the host: O(samples · neurons).
    ///
    /// # Errors
    ///
    /// As [`Analysis::run`], and for other than one label a sample.
    ///
    /// # Examples
    ///
    /// ```
    /// use cofire::Analysis;
    /// use ndarray::array;
    ///
    /// let activations = array![[0.1f32, 3.0], [0.2, 9.0], [0.9, 3.0], [0.8, 9.0]];
    /// let report = Analysis::new(2).label_information(activations.view(), &[7, 7, 4, 4])?;
    /// assert!((report.mutual_information[0] - 2f64.ln()).abs() < 1e-10);
    /// assert!(report.mutual_information[1].abs() < 1e-10);
    /// # Ok::<(), cofire::Error>(())
    /// ```
    pub fn label_information(
        &self,
        activations: ArrayView2<'_, f32>,
        labels: &[u32],
    ) -> Result<LabelReport, Error> {
        let groups = Groups::new(labels, activations.nrows())?;
        let layer = self.prepare(activations, |_: &Activations<'_>, _| Memory::default())?;
        let samples = layer.samples();
        let entropies = Entropies::new(self.estimator, samples);
        let tables = LabelTables::new(&layer.codes, &groups, entropies);
        Ok(self.label_report(&tables, &groups, samples, layer.edges))
    }

    /// Mutual information of every pair of neurons given a label of each sample:
    /// `I(X; Y | Z) = H(X, Z) + H(Y, Z) − H(Z) − H(X, Y, Z)`.
    ///
    /// What two neurons share only because both tell of the label is not in it. All samples of a
    /// label are counted by themselves, which takes about as long as [`Analysis::run`] where labels
    /// have some thousands of samples, and longer where they have few.
    ///
    /// # Errors
    ///
    /// As [`Analysis::run`]; for other than one label a sample; and for the estimators that need
    /// whole histograms, [`Estimator::ChaoShen`] and [`Estimator::JamesStein`].
    ///
    /// # Examples
    ///
    /// ```
    /// use cofire::Analysis;
    /// use ndarray::array;
    ///
    /// // The label is 1 where exactly one of the two neurons fires.
    /// let activations = array![[0.0f32, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]];
    /// let report = Analysis::new(2).run_given_labels(activations.view(), &[0, 1, 1, 0])?;
    /// assert!(report.label.mutual_information[0].abs() < 1e-10);
    /// assert!((report.conditional_mutual_information[[0, 1]] - 2f64.ln()).abs() < 1e-10);
    /// # Ok::<(), cofire::Error>(())
    /// ```
    pub fn run_given_labels(
        &self,
        activations: ArrayView2<'_, f32>,
        labels: &[u32],
    ) -> Result<ConditionalReport, Error> {
        pollster::block_on(self.run_given_labels_async(activations, labels))
    }

    /// [`Analysis::run_given_labels`] for callers that have an executor, or are in a browser.
    ///
    /// # Errors
    ///
    /// As [`Analysis::run_given_labels`].
    pub async fn run_given_labels_async(
        &self,
        activations: ArrayView2<'_, f32>,
        labels: &[u32],
    ) -> Result<ConditionalReport, Error> {
        if self.estimator.needs_histograms() {
            let (estimator, wanted) = (self.estimator, "mutual information given a label");
            return Err(Error::EstimatorUnsupported { estimator, wanted });
        }
        let groups = Groups::new(labels, activations.nrows())?;
        let memory = |layer: &Activations<'_>, bins| {
            let neurons = layer.neurons();
            // The codes of the largest group are there twice, and labels are sorted.
            let group = groups.iter().map(<[u32]>::len).max().unwrap_or(0);
            let codes = Memory::default().and(group, neurons as u128);
            let labels = codes.and(layer.samples(), size_of::<u32>() as u128);
            let matrix = labels.and_matrix(neurons, neurons);
            self.and_threads(matrix, (layer.samples(), neurons), bins, Goal::Sums)
        };
        let layer = self.prepare(activations, memory)?;
        let samples = layer.samples();
        let entropies = Entropies::new(self.estimator, samples);
        let table = Arc::clone(entropies.table());
        let tables = LabelTables::new(&layer.codes, &groups, entropies);

        let chosen = engine::choose(&self.engine, self.device_memory_limit).await?;
        let pairs = Tile::triangle(layer.codes.neurons());
        let conditional = Arc::new(Conditional::new(&pairs)?);
        let sink: Arc<dyn Sink> = Arc::<Conditional>::clone(&conditional);
        let monitor = Arc::new(self.monitor(pairs.work(layer.codes.samples())));
        let mut execution: Option<Execution> = None;
        for group in groups.iter() {
            let job = Job {
                codes: Arc::new(layer.codes.select(group)?),
                table: Arc::clone(&table),
                pairs: pairs.clone(),
                goal: Goal::Sums,
                kernel: self.kernel,
                monitor: Arc::clone(&monitor),
            };
            let part = engine::run(&chosen, &job, &sink, self.on_device_failure).await?;
            monitor.end_part();
            execution = Some(match execution {
                Some(before) => before.followed_by(part),
                None => part,
            });
        }
        drop(sink);
        // An engine that returns has dropped its share, and there is a group: there are samples.
        let conditional = Arc::into_inner(conditional).ok_or(Error::Cancelled)?;
        Ok(ConditionalReport {
            conditional_mutual_information: conditional.finish(&tables, self.units)?,
            label: self.label_report(&tables, &groups, samples, layer.edges),
            execution: execution.ok_or(Error::Cancelled)?,
        })
    }

    fn label_report(
        &self,
        tables: &LabelTables,
        groups: &Groups,
        samples: u32,
        edges: BinEdges,
    ) -> LabelReport {
        LabelReport {
            label_entropy: tables.label_entropy(self.units),
            labels: groups.len(),
            entropy: tables.entropy(self.units),
            mutual_information: tables.shared(self.units),
            estimator: self.estimator,
            units: self.units,
            samples: samples as usize,
            edges,
        }
    }
}
