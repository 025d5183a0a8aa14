//! The places that tests run in: the CPU, and every adapter that is found.

#![allow(dead_code, reason = "each test binary uses its own part of this file")]
#![allow(
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a test that cannot go on has failed, and says so by panicking"
)]

pub(crate) mod activations;
#[cfg(feature = "gpu")]
mod adapters;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{LazyLock, Mutex};

use cofire::{Analysis, BinEdges, Binning, Engine, Kernel, OnDeviceFailure, Range, Report};
use ndarray::ArrayView2;

/// An engine: the CPU, or one adapter.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    label: String,
    engine: Engine,
}

impl Place {
    fn cpu() -> Self {
        Self { label: "CPU".to_owned(), engine: Engine::Cpu }
    }

    pub(crate) fn is_cpu(&self) -> bool {
        matches!(self.engine, Engine::Cpu)
    }

    /// Returns whether this is the best adapter of the machine.
    pub(crate) fn is_first_adapter(&self) -> bool {
        let mut adapters = PLACES.iter().filter(|place| !place.is_cpu());
        adapters.next().is_some_and(|first| first.label == self.label)
    }

    pub(crate) fn engine(&self) -> Engine {
        self.engine.clone()
    }

    /// Makes settings that compute in this place only, even if the device fails.
    pub(crate) fn analysis(&self, bins: usize) -> Analysis {
        self.settle(Analysis::new(bins))
    }

    /// Makes settings as [`Place::analysis`] does, but with bins over a range.
    pub(crate) fn analysis_over(&self, bins: usize, range: Range) -> Analysis {
        self.settle(Analysis::with_binning(Binning::equal_width_over(bins, range)))
    }

    /// Makes settings as [`Place::analysis`] does, but with edges that were fitted before.
    pub(crate) fn analysis_with_edges(&self, edges: BinEdges) -> Analysis {
        self.settle(Analysis::with_edges(edges))
    }

    fn settle(&self, analysis: Analysis) -> Analysis {
        analysis.engine(self.engine.clone()).on_device_failure(OnDeviceFailure::Fail)
    }

    /// Panics unless the report says that this place alone computed it, with this kernel.
    pub(crate) fn check_execution(&self, report: &Report, kernel: Kernel) {
        let execution = &report.execution;
        let adapter = execution.adapter.as_ref().map_or("CPU".to_owned(), ToString::to_string);
        assert_eq!(adapter, self.label, "[{self}] the report names another engine");
        assert_eq!(execution.kernel, kernel, "[{self}] the report names another kernel");
        assert!(execution.incidents.is_empty(), "[{self}] {kernel}: {:?}", execution.incidents);
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)
    }
}

/// The CPU, then every adapter. They are opened once per process.
static PLACES: LazyLock<Vec<Place>> = LazyLock::new(|| {
    #[cfg(feature = "gpu")]
    let adapters = adapters::open_all();
    #[cfg(not(feature = "gpu"))]
    let adapters = Vec::new();
    [vec![Place::cpu()], adapters].concat()
});

/// Runs a test in every place. Says so if there is no adapter.
pub(crate) fn everywhere(test: &str, mut run: impl FnMut(&Place)) {
    for place in PLACES.iter() {
        // This line is printed with the panic of a failing test, and names its place.
        println!("{test} [{place}]");
        run(place);
    }
    say_if_no_adapter(test);
}

/// Runs a test on every adapter. Says so if there is none.
pub(crate) fn on_every_adapter(test: &str, mut run: impl FnMut(&Place)) {
    for place in PLACES.iter().filter(|place| !place.is_cpu()) {
        println!("{test} [{place}]");
        run(place);
    }
    say_if_no_adapter(test);
}

pub(crate) fn say_if_no_adapter(test: &str) {
    static SAID: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());
    let is_alone = cfg!(feature = "gpu") && PLACES.iter().all(Place::is_cpu);
    if is_alone && SAID.lock().unwrap().insert(test.to_owned()) {
        note(&format!("no adapter: the GPU half of {test} did not run"));
    }
}

/// Writes a line that is visible even if the test passes: libtest captures only `println!`.
fn note(line: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{line}");
}

/// Returns the kernels that can count this many bins.
pub(crate) fn kernels(bins: usize) -> impl Iterator<Item = Kernel> {
    Kernel::ALL.into_iter().filter(move |kernel| bins <= kernel.max_bins())
}

/// Panics unless two reports have the same bits. `what` describes what was compared.
pub(crate) fn assert_same_bits(found: &Report, expected: &Report, what: impl fmt::Display) {
    assert_eq!(found.entropy.len(), expected.entropy.len(), "{what}: neurons");
    for (j, (a, b)) in found.entropy.iter().zip(&expected.entropy).enumerate() {
        assert_eq!(a.to_bits(), b.to_bits(), "{what}: entropy of neuron {j} is {a}, not {b}");
    }
    assert_eq!(found.digests, expected.digests, "{what}: digests");
    assert_same_matrix(found.mutual_information.view(), expected.mutual_information.view(), &what);
}

fn assert_same_matrix(
    found: ArrayView2<'_, f64>,
    expected: ArrayView2<'_, f64>,
    what: &impl fmt::Display,
) {
    assert_eq!(found.dim(), expected.dim(), "{what}: shape of the matrix");
    let wrong: Vec<(usize, usize)> = expected
        .indexed_iter()
        .filter(|&(at, b)| found[at].to_bits() != b.to_bits())
        .map(|(at, _)| at)
        .collect();
    if let Some(&at) = wrong.first() {
        panic!(
            "{what}: {} of {} values differ, the first at {at:?}: {} instead of {}",
            wrong.len(),
            expected.len(),
            found[at],
            expected[at]
        );
    }
}
