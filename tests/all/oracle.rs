//! Tests of counts, edges, entropies and information against references that numpy computed.
//!
//! `tests/oracle/make_cases.py` computes them by the rules in their simplest form, and describes
//! each file.

use std::fs::File;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use cofire::{Analysis, BinEdges, Binning, Range};
use ndarray::{Array1, Array2, Array3};
use serde::Deserialize;

use crate::common::{Place, everywhere, kernels};

/// A step of the logarithms in the engines' table: 36 bits of fraction.
const LOGARITHM_STEP: f64 = 1.0 / (1u64 << 36) as f64;

/// The rounding error of values below ln 256 in f64, with a margin.
const F64_ROUNDING: f64 = 1e-14;

/// The largest accepted error of entropies: `ln S` and the mean of `ln n` are each within half a
/// step. The documentation promises 10⁻⁶.
const ENTROPY_TOLERANCE: f64 = LOGARITHM_STEP + F64_ROUNDING;

/// The largest accepted error of mutual information: `ln S` and three means of `ln n` are each
/// within half a step. The documentation promises 10⁻⁶.
const MUTUAL_INFORMATION_TOLERANCE: f64 = 2.0 * LOGARITHM_STEP + F64_ROUNDING;

#[derive(Deserialize)]
struct Manifest {
    cases: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    name: String,
    activations: String,
    bins: usize,
    range: EntryRange,
    pairs: Vec<(usize, usize)>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum EntryRange {
    Given(f64, f64),
    Named(String),
}

/// A case, with the contents of its files.
struct Case {
    name: String,
    activations: Array2<f32>,
    bins: usize,
    range: Range,
    pairs: Vec<(usize, usize)>,
    edges: Array2<f64>,
    entropy: Array1<f64>,
    mutual_information: Array2<f64>,
    counts: Array3<u32>,
}

static CASES: LazyLock<Vec<Case>> = LazyLock::new(|| {
    let manifest = File::open(folder().join("cases.json")).unwrap();
    let manifest: Manifest = serde_json::from_reader(BufReader::new(manifest)).unwrap();
    manifest.cases.into_iter().map(Case::read).collect()
});

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/cases")
}

/// Reads the values and the shape of a `.npy` file, which must be row-major, numpy's default order.
fn read_npy<T: npyz::Deserialize>(path: &Path) -> (Vec<T>, Vec<usize>) {
    let file = File::open(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    let npy = npyz::NpyFile::new(BufReader::new(file)).unwrap();
    assert_eq!(npy.order(), npyz::Order::C, "{}", path.display());
    let shape = npy.shape().iter().map(|&n| usize::try_from(n).unwrap()).collect();
    (npy.into_vec().unwrap(), shape)
}

fn read_matrix<T: npyz::Deserialize>(path: &Path) -> Array2<T> {
    let (values, shape) = read_npy(path);
    Array2::from_shape_vec((shape[0], shape[1]), values).unwrap()
}

impl Case {
    fn read(entry: Entry) -> Self {
        let folder = folder();
        let expected = folder.join(&entry.name);
        let file = |name: &str| expected.join(name);
        let range = match entry.range {
            EntryRange::Given(low, high) => Range::Given(low, high),
            EntryRange::Named(name) if name == "global" => Range::Global,
            EntryRange::Named(name) => {
                assert_eq!(name, "per-neuron", "range of {}", entry.name);
                Range::PerNeuron
            }
        };
        let mut counts = Array3::zeros((entry.pairs.len(), entry.bins, entry.bins));
        let cells = counts.as_slice_mut().unwrap();
        for cell in read_matrix::<u32>(&file("cells.npy")).rows() {
            cells[cell[0] as usize] = cell[1];
        }
        Self {
            activations: read_matrix(&folder.join("data").join(entry.activations + ".npy")),
            edges: read_matrix(&file("edges.npy")),
            entropy: read_npy(&file("entropy.npy")).0.into(),
            mutual_information: read_matrix(&file("mutual_information.npy")),
            counts,
            name: entry.name,
            bins: entry.bins,
            range,
            pairs: entry.pairs,
        }
    }

    /// Makes the settings of the case, for a place.
    fn analysis(&self, place: &Place) -> Analysis {
        place.analysis_over(self.bins, self.range)
    }

    /// Returns the expected edges of a neuron, or `None` if it is constant.
    fn edges_of(&self, neuron: usize) -> Option<Vec<f64>> {
        let row = if self.edges.nrows() == 1 { 0 } else { neuron };
        let edges = self.edges.row(row).to_vec();
        (!edges[0].is_nan()).then_some(edges)
    }
}

#[test]
fn the_cases_are_all_there() {
    assert_eq!(CASES.len(), 40, "cases in cases.json");
    let neurons: usize = CASES.iter().map(|case| case.activations.ncols()).max().unwrap();
    let samples: usize = CASES.iter().map(|case| case.activations.nrows()).max().unwrap();
    assert_eq!((samples, neurons), (5000, 40), "the largest numbers of samples and neurons");
}

#[test]
fn entropy_and_mutual_information() {
    for case in CASES.iter() {
        everywhere("entropy_and_mutual_information", |place| {
            for kernel in kernels(case.bins) {
                let what = format!("[{place}] {kernel}, case {}", case.name);
                let report = case.analysis(place).kernel(kernel).run(case.activations.view());
                let report = report.unwrap_or_else(|error| panic!("{what}: {error}"));
                place.check_execution(&report, kernel);
                let entropies = report.entropy.iter().zip(&case.entropy).enumerate();
                for (j, (&found, &expected)) in entropies {
                    assert!(
                        (found - expected).abs() <= ENTROPY_TOLERANCE,
                        "{what}: entropy of neuron {j} is {found}, not {expected}"
                    );
                }
                assert_eq!(
                    report.mutual_information.dim(),
                    case.mutual_information.dim(),
                    "{what}"
                );
                for (at, &expected) in case.mutual_information.indexed_iter() {
                    let found = report.mutual_information[at];
                    assert!(
                        (found - expected).abs() <= MUTUAL_INFORMATION_TOLERANCE,
                        "{what}: mutual information of {at:?} is {found}, not {expected}"
                    );
                }
            }
        });
    }
}

#[test]
fn joint_counts() {
    for case in CASES.iter() {
        everywhere("joint_counts", |place| {
            for kernel in kernels(case.bins) {
                let what = format!("[{place}] {kernel}, case {}", case.name);
                let settings = case.analysis(place).kernel(kernel);
                let found = settings.joint_histograms(case.activations.view(), &case.pairs);
                let found = found.unwrap_or_else(|error| panic!("{what}: {error}"));
                assert_eq!(found.dim(), case.counts.dim(), "{what}: pairs x bins x bins");
                for ((p, a, b), &expected) in case.counts.indexed_iter() {
                    let pair = case.pairs[p];
                    let count = found[[p, a, b]];
                    assert_eq!(count, expected, "{what}: cell ({a}, {b}) of pair {pair:?}");
                }
            }
        });
    }
}

#[test]
fn edges_have_the_bits_of_numpy() {
    for case in CASES.iter() {
        let cpu = Analysis::with_binning(Binning::equal_width_over(case.bins, case.range))
            .engine(cofire::Engine::Cpu);
        let edges = cpu.run(case.activations.view()).unwrap().edges;
        assert_eq!(edges.bins(), case.bins, "case {}", case.name);
        assert_eq!(edges.neurons(), case.activations.ncols(), "case {}", case.name);
        for j in 0..edges.neurons() {
            let bits = |edges: &[f64]| edges.iter().map(|e| e.to_bits()).collect::<Vec<_>>();
            let found = edges.of(j);
            let expected = case.edges_of(j);
            assert_eq!(
                found.map(bits),
                expected.as_deref().map(bits),
                "case {}, neuron {j}: {found:?} instead of {expected:?}",
                case.name
            );
        }
    }
}

#[test]
fn edges_code_the_activations_they_were_fitted_on_as_before() {
    for case in CASES.iter() {
        everywhere("edges_code_the_activations_they_were_fitted_on_as_before", |place| {
            let binning = Binning::EqualWidth { bins: case.bins.into(), range: case.range };
            let edges = BinEdges::fit(case.activations.view(), &binning);
            let settings = place.analysis_with_edges(edges.unwrap());
            let found = settings.joint_histograms(case.activations.view(), &case.pairs).unwrap();
            assert!(found == case.counts, "[{place}] case {}", case.name);
        });
    }
}
