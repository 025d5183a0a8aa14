//! Labels of samples: how they are read, and what neurons tell about them.

use std::collections::HashSet;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::time::Instant;

use cofire::analysis::LabelReport;
use cofire::{ActivationsView, Analysis, Error, NeighborAnalysis};
use cofire_files::{ElementType, LayerInfo};
use cofire_report::Histograms;
use half::f16;
use ndarray::Array1;
use serde::Serialize;

use crate::failure::Failure;
use crate::few_samples::{Estimates, FewSamplesFacts, mean_occupied, of_pairs};
use crate::results::Results;
use crate::statistics::{Pairs, STRONGEST, Spread};

/// The labels of all samples, from a file.
#[derive(Debug)]
pub(crate) struct Labels {
    file: PathBuf,
    pub(crate) values: Vec<u32>,
}

/// Facts about neurons and labels.
#[derive(Debug, Serialize)]
pub(crate) struct LabelFacts {
    pub(crate) file: PathBuf,
    /// The number of different labels.
    pub(crate) labels: usize,
    /// The entropy of the labels; none with nearest neighbours, which do not need it.
    pub(crate) entropy: Option<f64>,
    /// The mutual information of each neuron with the label.
    pub(crate) mutual_information: Option<Spread>,
    /// None if there are enough samples for bins and labels, and with nearest neighbours.
    pub(crate) too_few_samples: Option<FewSamplesFacts>,
    pub(crate) strongest_neurons: Vec<Neuron>,
    /// The mutual information of each pair given the label, off the diagonal; none with nearest
    /// neighbours.
    pub(crate) mutual_information_given_labels: Option<Spread>,
    /// The same for the mutual information given the label.
    pub(crate) too_few_samples_given_labels: Option<FewSamplesFacts>,
    pub(crate) incidents: Vec<String>,
    pub(crate) seconds: f64,
}

/// A neuron, and its mutual information with the label.
#[derive(Debug, Serialize)]
pub(crate) struct Neuron {
    pub(crate) neuron: usize,
    pub(crate) mutual_information: f64,
}

/// Measures neurons with labels, and pairs of neurons given the label. A layer is its activations, and
/// the number of bins that each neuron occupies.
pub(crate) fn measure(
    analysis: &Analysis,
    (activations, occupied): (ActivationsView<'_>, &[u32]),
    labels: &Labels,
    results: &mut Results<'_>,
    failed: impl Fn(Error) -> Failure,
) -> Result<LabelFacts, Failure> {
    let clock = Instant::now();
    let report = analysis.run_given_labels(activations, &labels.values).map_err(failed)?;
    let facts = LabelFacts::new(labels, &report.label.mutual_information, results, clock)?;
    let given = &report.conditional_mutual_information;
    results.write("mutual_information_given_labels", "mi_given_labels.npy", given.view())?;
    let entropy = Some(report.label.label_entropy);
    let incidents = report.execution.incidents.iter().map(ToString::to_string).collect();
    let mutual_information_given_labels = Pairs::Once.spread(given);
    let mean = facts.mutual_information.map(|spread| spread.mean);
    let mean_given = mutual_information_given_labels.map(|spread| spread.mean);
    let of = |neurons, mean| few_samples(&report.label, occupied, neurons, mean);
    Ok(LabelFacts {
        entropy,
        too_few_samples: mean.and_then(|mean| of(1, mean)),
        mutual_information_given_labels,
        too_few_samples_given_labels: mean_given.and_then(|mean| of(2, mean)),
        incidents,
        ..facts
    })
}

/// Returns the facts about estimates for each neuron with the label, or for two neurons given it.
fn few_samples(
    report: &LabelReport,
    occupied: &[u32],
    neurons: i32,
    mean: f64,
) -> Option<FewSamplesFacts> {
    let labels = report.labels as f64;
    let (freedom, cells, count, others) = match neurons {
        1 => {
            let [freedom, bins] = [1, 0].map(|less| mean_occupied(occupied.iter(), less));
            (freedom * (labels - 1.0), bins * labels, occupied.len() as u64, "labels")
        }
        _ => {
            let [freedom, cells] = [1, 0].map(|less| of_pairs(occupied, less) * labels);
            (freedom, cells, Pairs::Once.count((occupied.len(), occupied.len())), "neurons")
        }
    };
    let bins = report.edges.bins();
    let histograms = Histograms { samples: report.samples, bins, neurons, labels: report.labels };
    let LabelReport { estimator, units, .. } = *report;
    let entropy = report.entropy.mean()?;
    let estimates =
        Estimates { estimator, units, histograms, mean, count, entropy, freedom, cells };
    FewSamplesFacts::of(&estimates, others)
}

/// Measures neurons with labels by nearest neighbours.
pub(crate) fn measure_neighbors(
    analysis: &NeighborAnalysis,
    activations: ActivationsView<'_>,
    labels: &Labels,
    results: &mut Results<'_>,
    failed: impl Fn(Error) -> Failure,
) -> Result<LabelFacts, Failure> {
    let clock = Instant::now();
    let information = analysis.label_information(activations, &labels.values).map_err(failed)?;
    LabelFacts::new(labels, &information, results, clock)
}

impl LabelFacts {
    /// Makes facts from the mutual information of neurons with labels, and writes that to its file.
    fn new(
        labels: &Labels,
        information: &Array1<f64>,
        results: &mut Results<'_>,
        clock: Instant,
    ) -> Result<Self, Failure> {
        let seconds = clock.elapsed().as_secs_f64();
        results.write("label_information", "label_information.npy", information.view())?;
        let mut order: Vec<usize> = (0..information.len()).collect();
        order.sort_by(|&a, &b| information[b].total_cmp(&information[a])); // stable
        let neuron = |neuron| Neuron { neuron, mutual_information: information[neuron] };
        let strongest = order.into_iter().map(neuron).take_while(|n| n.mutual_information > 0.0);
        Ok(Self {
            file: labels.file.clone(),
            labels: labels.values.iter().collect::<HashSet<_>>().len(),
            entropy: None,
            mutual_information: Spread::of(|| information.iter().copied()),
            strongest_neurons: strongest.take(STRONGEST).collect(),
            too_few_samples: None,
            mutual_information_given_labels: None,
            too_few_samples_given_labels: None,
            incidents: Vec::new(),
            seconds,
        })
    }
}

/// Reads a `.npy` file with a label for each sample.
pub(crate) fn read(file: &Path) -> Result<Labels, Failure> {
    Ok(Labels { file: file.into(), values: whole_numbers(file, "label")? })
}

/// Reads a `.npy` file with a whole number for each sample. `name` is what a number is.
pub(crate) fn whole_numbers(file: &Path, name: &str) -> Result<Vec<u32>, Failure> {
    let refused = |what: String| Failure::Input(format!("{}: {what}", file.display()));
    // The library has checked the whole header.
    let layers = <[LayerInfo; 1]>::try_from(cofire_files::layers(file)?);
    let failed = |error| refused(format!("could not be read: {error}"));
    let (Ok([info]), Some(contents)) = (layers, contents(file).map_err(failed)?) else {
        return Err(refused(format!("{name}s are read from .npy files only; use numpy.save")));
    };
    let Some(size) = size(&info.element_type) else {
        let what = format!("{name}s of type {}; save them as integers", info.element_type);
        return Err(refused(what));
    };
    let is_a_list = info.shape.iter().filter(|&&length| length != 1).count() <= 1;
    let Some(&samples) = info.shape.iter().max().filter(|_| is_a_list) else {
        let what = format!("an array of shape {:?} is not a list of {name}s", info.shape);
        return Err(refused(format!("{what}; save one whole number per sample")));
    };
    let Contents { is_big_endian, len, file: mut data } = contents;
    // Check the size before anything is allocated.
    if samples.checked_mul(size).map(|bytes| bytes as u64) != Some(len) {
        let what = format!("{len} bytes of data are not {samples} {name}s");
        return Err(refused(format!("{what}; write the file again")));
    }
    let mut bytes = Vec::new();
    data.read_to_end(&mut bytes).map_err(failed)?;
    let label = |(sample, bytes): (usize, &[u8])| {
        let mut element = [0; 8];
        element[..size].copy_from_slice(bytes);
        if is_big_endian {
            element[..size].reverse();
        }
        whole(&info.element_type, element).map_err(|value| {
            refused(format!(
                "the {name} of sample {sample} is {value}, not a whole number from 0 to {}; \
                 renumber the {name}s",
                u32::MAX
            ))
        })
    };
    bytes.chunks_exact(size).enumerate().map(label).collect()
}

/// The data of a `.npy` file.
struct Contents {
    /// `true` if numbers begin with their high byte.
    is_big_endian: bool,
    /// The length of the data, in bytes.
    len: u64,
    /// The file, read up to the data.
    file: File,
}

/// Opens a `.npy` file and reads its header. Returns `None` for another format.
fn contents(file: &Path) -> io::Result<Option<Contents>> {
    let mut file = File::open(file)?;
    let mut start = [0; 12];
    file.read_exact(&mut start)?;
    if !start.starts_with(b"\x93NUMPY") {
        return Ok(None);
    }
    // The length of the header has 16 bits in the first version of the format, and 32 in later
    // ones.
    let [.., a, b, c, d] = start;
    let (begin, length) = if start[6] == 1 {
        (10, u16::from_le_bytes([a, b]).into())
    } else {
        (12, u32::from_le_bytes([a, b, c, d]))
    };
    file.seek(SeekFrom::Start(begin))?;
    let mut header = String::new();
    file.by_ref().take(length.into()).read_to_string(&mut header)?;
    // A type begins with its byte order; no other string in a header begins with this sign.
    let is_big_endian = ["'>", "\">"].iter().any(|sign| header.contains(sign));
    let len = file.metadata()?.len().saturating_sub(begin + u64::from(length));
    Ok(Some(Contents { is_big_endian, len, file }))
}

/// Returns the size of an element in bytes, or `None` if it cannot be a label.
fn size(element_type: &ElementType) -> Option<usize> {
    Some(match element_type {
        ElementType::Bool | ElementType::I8 | ElementType::U8 => 1,
        ElementType::I16 | ElementType::U16 | ElementType::F16 => 2,
        ElementType::I32 | ElementType::U32 | ElementType::F32 => 4,
        ElementType::I64 | ElementType::U64 | ElementType::F64 => 8,
        _ => return None,
    })
}

/// Converts the bytes of an element, low byte first, to a label. Otherwise returns its value as
/// text.
fn whole(element_type: &ElementType, element: [u8; 8]) -> Result<u32, String> {
    let [a, b, c, d, ..] = element;
    let float = match element_type {
        ElementType::F16 => f64::from(f16::from_le_bytes([a, b])),
        ElementType::F32 => f64::from(f32::from_le_bytes([a, b, c, d])),
        ElementType::F64 => f64::from_le_bytes(element),
        _ => {
            let integer = match element_type {
                ElementType::Bool => i128::from(a != 0),
                ElementType::I8 => i8::from_le_bytes([a]).into(),
                ElementType::I16 => i16::from_le_bytes([a, b]).into(),
                ElementType::I32 => i32::from_le_bytes([a, b, c, d]).into(),
                ElementType::I64 => i64::from_le_bytes(element).into(),
                _ => u64::from_le_bytes(element).into(),
            };
            return u32::try_from(integer).map_err(|_| integer.to_string());
        }
    };
    if float.fract() == 0.0 && (0.0..=f64::from(u32::MAX)).contains(&float) {
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "was checked")]
        let label = float as u32;
        Ok(label)
    } else {
        Err(float.to_string())
    }
}
