//! Facts about selected pairs. Serialized, they are `summary.json`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use cofire::digest::{Digest, Digests};
use cofire::execution::Execution;
use cofire::sweep::{Collected, InformationPair, SweepReport};
use cofire::{Estimator, Selection, Units};
use cofire_files::FileBatches;
use ndarray::Array1;
use serde::Serialize;

use super::output::Matrix;
use crate::facts::{AdapterFacts, Degenerates};
use crate::failure::one_line;
use crate::few_samples::{FewSamplesFacts, pairs};
use crate::results::Written;
use crate::statistics::Spread;
use crate::text::{Lines, duration, few_samples, grouped, spread};

/// The selected pairs of a layer, and the settings of their selection.
pub(super) struct Selected {
    pub(super) selection: Selection,
    pub(super) estimator: Estimator,
    pub(super) units: Units,
    pub(super) samples: usize,
    pub(super) pairs: Vec<InformationPair>,
    pub(super) false_discovery_rates: Option<Vec<f64>>,
    pub(super) entropy: Array1<f64>,
    occupied_bins: Vec<u32>,
    pub(super) pairs_in_all: u64,
    pub(super) pairs_passed_over: u64,
    pub(super) digests: Digests,
    pub(super) digest_of_selected: Option<Digest>,
}

impl Selected {
    pub(super) fn of_report(report: SweepReport) -> (Self, SweepReport) {
        let mut report = report;
        let selected = Self {
            digest_of_selected: report.digest_of_selected(),
            digests: report.digests.clone(),
            selection: report.selection,
            estimator: report.estimator,
            units: report.units,
            samples: report.samples,
            pairs: std::mem::take(&mut report.pairs),
            false_discovery_rates: report.false_discovery_rates.take(),
            entropy: std::mem::take(&mut report.entropy),
            occupied_bins: report.occupied_bins.to_vec(),
            pairs_in_all: report.pairs_in_all,
            pairs_passed_over: report.pairs_passed_over,
        };
        (selected, report)
    }

    pub(super) fn of_collected(collected: Collected) -> Self {
        Self {
            digest_of_selected: collected.digest_of_selected(),
            digests: collected.digests,
            selection: collected.plan.selection,
            estimator: collected.plan.estimator,
            units: collected.plan.units,
            samples: collected.plan.samples,
            pairs: collected.pairs,
            false_discovery_rates: collected.false_discovery_rates,
            entropy: collected.entropy,
            occupied_bins: collected.plan.occupied_bins,
            pairs_in_all: collected.pairs_in_all,
            pairs_passed_over: collected.pairs_passed_over,
        }
    }

    /// Returns the facts about the selected pairs, or about all if they are in a matrix.
    fn few_samples(
        &self,
        settings: &[(String, String)],
        matrix: Option<&Matrix>,
    ) -> Option<FewSamplesFacts> {
        let occupied = &self.occupied_bins;
        let most = occupied.iter().copied().max().unwrap_or(0) as usize;
        let bins = bins(settings).unwrap_or(0).max(most);
        let (by, histograms) = ((self.estimator, self.units), pairs(self.samples, bins));
        let neurons = (&occupied[..], self.entropy.mean()?);
        match matrix {
            Some(matrix) => {
                FewSamplesFacts::of_all(matrix.mean(occupied.len())?, neurons, by, histograms)
            }
            None => FewSamplesFacts::selected(&self.pairs, neurons, by, histograms),
        }
    }
}

/// Returns the number of bins that was asked for. Returns `None` if the activations determine it.
fn bins(settings: &[(String, String)]) -> Option<usize> {
    let value = |wanted: &str| settings.iter().find(|(name, _)| name == wanted);
    let (_, bins) = value("--bins")?;
    Some(bins.parse::<usize>().ok()? + usize::from(value("--zero-bin").is_some()))
}

#[derive(Debug, Serialize)]
pub(super) struct PairsFacts {
    version: &'static str,
    /// The activations; none if blocks were only joined.
    pub(super) input: Option<InputFacts>,
    /// Directories of jobs.
    pub(super) jobs: Vec<PathBuf>,
    /// The settings, by their names on the command line.
    settings: BTreeMap<String, String>,
    samples: usize,
    neurons: usize,
    estimator: String,
    units: &'static str,
    /// The number of selected pairs; none for a whole matrix.
    pairs_selected: Option<usize>,
    /// The number of all pairs, those of a neuron with itself included.
    pairs_in_all: u64,
    pairs_passed_over: u64,
    share_passed_over: f64,
    blocks: BlockFacts,
    /// The digest of the entropies and all pairs; none if some were passed over.
    digest: Option<String>,
    /// The digest of the entropies and the selected pairs; none for a whole matrix.
    digest_of_selected: Option<String>,
    /// The fingerprint of the activations.
    pub(super) fingerprint: Option<String>,
    entropy: Option<Spread>,
    /// The spread over the selected pairs.
    mutual_information: Option<Spread>,
    /// None if there are enough samples for the bins.
    too_few_samples: Option<FewSamplesFacts>,
    pub(super) computed: Option<ComputedFacts>,
    /// Paths relative to the output directory.
    pub(super) written: Written,
}

#[derive(Debug, Serialize)]
pub(super) struct InputFacts {
    files: Vec<PathBuf>,
    layer: String,
    element_type: String,
}

impl InputFacts {
    pub(super) fn of(layer: &FileBatches) -> Self {
        Self {
            files: layer.paths().map(PathBuf::from).collect(),
            layer: layer.name().to_owned(),
            element_type: layer.element_type().to_string(),
        }
    }
}

/// Numbers of blocks.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(super) struct BlockFacts {
    /// Neurons along the edge of a block.
    pub(super) edge: usize,
    pub(super) total: usize,
    /// Blocks of the part that was asked for.
    #[serde(skip)]
    pub(super) of_part: usize,
    /// Blocks of the part that were found in the job's directory.
    pub(super) found: usize,
    /// Blocks of the part that were computed in this run.
    pub(super) computed: usize,
    /// Damaged files of blocks.
    pub(super) damaged: usize,
}

/// Facts about the computation of this run.
#[derive(Debug, Serialize)]
pub(super) struct ComputedFacts {
    /// These three are none if no block was computed.
    engine: Option<&'static str>,
    adapter: Option<AdapterFacts>,
    kernel: Option<&'static str>,
    threads: usize,
    incidents: Vec<String>,
    degenerate: Degenerates,
    /// The value of `--memory` in bytes, if it was given.
    memory_limit: Option<u64>,
    /// Bytes of codes in a temporary file.
    spilled_bytes: u64,
    /// The peak use of GPU memory, in bytes.
    device_memory_bytes: Option<u64>,
    seconds: SecondsFacts,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct SecondsFacts {
    read: f64,
    open_engine: f64,
    pairs: f64,
}

impl ComputedFacts {
    pub(super) fn of(report: &SweepReport, read: f64, memory_limit: Option<u64>) -> Self {
        let execution = report.execution.as_ref();
        let incidents = execution.map_or(&[][..], |execution| &execution.incidents);
        let transfer = execution.and_then(|execution| execution.transfer);
        Self {
            engine: execution.map(Execution::engine),
            adapter: execution.and_then(|e| e.adapter.as_ref()).map(AdapterFacts::from),
            kernel: execution.map(|execution| execution.kernel.name()),
            threads: rayon::current_num_threads(),
            incidents: incidents.iter().map(ToString::to_string).collect(),
            degenerate: Degenerates::of(&report.degenerate),
            memory_limit,
            spilled_bytes: report.spilled_bytes,
            device_memory_bytes: transfer.map(|transfer| transfer.device_memory_bytes),
            seconds: SecondsFacts {
                read,
                open_engine: report.timings.open_engine.as_secs_f64(),
                pairs: report.timings.pairs.as_secs_f64(),
            },
        }
    }
}

impl PairsFacts {
    pub(super) fn new(
        selected: &Selected,
        settings: &[(String, String)],
        blocks: BlockFacts,
        matrix: Option<&Matrix>,
    ) -> Self {
        let pairs = &selected.pairs;
        let is_matrix = selected.selection == Selection::All;
        Self {
            version: env!("CARGO_PKG_VERSION"),
            input: None,
            jobs: Vec::new(),
            settings: settings.iter().cloned().collect(),
            samples: selected.samples,
            neurons: selected.entropy.len(),
            estimator: selected.estimator.to_string(),
            units: selected.units.name(),
            pairs_selected: (!is_matrix).then_some(pairs.len()),
            pairs_in_all: selected.pairs_in_all,
            pairs_passed_over: selected.pairs_passed_over,
            share_passed_over: selected.pairs_passed_over as f64
                / selected.pairs_in_all.max(1) as f64,
            blocks,
            digest: selected.digests.all().map(|digest| digest.to_string()),
            digest_of_selected: selected.digest_of_selected.map(|digest| digest.to_string()),
            fingerprint: None,
            entropy: Spread::of(|| selected.entropy.iter().copied()),
            mutual_information: Spread::of(|| pairs.iter().map(|pair| pair.mutual_information)),
            too_few_samples: selected.few_samples(settings, matrix),
            computed: None,
            written: Written::default(),
        }
    }

    /// Returns the summary as text.
    pub(super) fn text(&self) -> String {
        let title = match &self.input {
            Some(InputFacts { layer, files, .. }) => match files.as_slice() {
                [file] => format!("{layer} ({})", file.display()),
                files => format!("{layer} ({} files)", files.len()),
            },
            None => match self.jobs.as_slice() {
                [job] => format!("job {}", job.display()),
                jobs => format!("{} directories of one job", jobs.len()),
            },
        };
        let mut lines = Lines::default();
        lines.add("activations", format!("{} samples x {} neurons", self.samples, self.neurons));
        let settings = self.settings.iter().map(|(name, value)| format!("{name} {value}"));
        let settings: Vec<String> = settings.map(|setting| setting.trim_end().to_owned()).collect();
        lines.add("settings", one_line(&settings.join(" ")));
        match self.pairs_selected {
            Some(pairs) => lines.add("pairs selected", grouped(pairs as u64)),
            None => lines.add("pairs", "all, in mi.npy"),
        }
        lines.add("passed over", self.passed_over());
        lines.add("blocks", self.blocks.text());
        lines.add("entropy", spread(self.entropy, Some(self.units)));
        if self.pairs_selected.is_some() {
            lines.add("mutual information", spread(self.mutual_information, Some(self.units)));
        }
        let label = if self.pairs_selected.is_some() { "" } else { "mutual information" };
        lines.add_all(label, few_samples(self.too_few_samples.as_ref()));
        match &self.digest {
            Some(digest) => lines.add("digest", digest),
            None => {
                lines.add("digest", "none of all pairs, as some were passed over; see --digest")
            }
        }
        if let Some(digest) = &self.digest_of_selected {
            lines.add("digest of selected", digest);
        }
        if let Some(computed) = &self.computed {
            let SecondsFacts { read, pairs, .. } = computed.seconds;
            let by = match (&computed.adapter, computed.engine) {
                (Some(adapter), _) => one_line(&adapter.label),
                (None, Some(engine)) => format!("{engine}, {} threads", computed.threads),
                (None, None) => "an earlier run: no block was left to compute".to_owned(),
            };
            lines.add("computed by", by);
            let time = format!("{} to read, {} for pairs", duration(read), duration(pairs));
            lines.add("time", time);
            if computed.spilled_bytes > 0 {
                let mebibytes = computed.spilled_bytes.div_ceil(1 << 20);
                lines.add("temporary file", format!("{} MiB", grouped(mebibytes)));
            }
            lines.add_all("incidents", computed.incidents.iter().map(|text| one_line(text)));
        }
        lines.finish(one_line(&title) + "\n")
    }

    fn passed_over(&self) -> String {
        let (passed, all) = (grouped(self.pairs_passed_over), grouped(self.pairs_in_all));
        format!("{passed} of {all} pairs, {:.1} %", 100.0 * self.share_passed_over)
    }
}

impl BlockFacts {
    pub(super) fn text(self) -> String {
        let Self { edge, total, found, damaged, .. } = self;
        let mut text = format!("{} of {edge} neurons", grouped(total as u64));
        if found > 0 {
            text += &format!(", {} finished before", grouped(found as u64));
        }
        if damaged > 0 {
            text += &format!(", {} damaged and computed again", grouped(damaged as u64));
        }
        text
    }
}
