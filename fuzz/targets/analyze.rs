//! Any settings and activations. Checks the whole way from values to information against the rules
//! in their slowest form.

#![no_main]

mod rules;

use cofire::{Analysis, BinRule, Binning, Engine, Error, Estimator, Kernel, Range, Report, Units};
use libfuzzer_sys::fuzz_target;
use ndarray::Array2;

/// The settings and activations of a call of cofire, read from the input.
#[derive(Debug)]
struct Case {
    binning: Binning,
    estimator: Estimator,
    kernel: Option<Kernel>,
    units: Units,
    activations: Array2<f32>,
}

fuzz_target!(|bytes: &[u8]| {
    let Some(case) = Case::read(bytes) else { return };
    let mut analysis = Analysis::with_binning(case.binning.clone())
        .engine(Engine::Cpu)
        .estimator(case.estimator)
        .units(case.units);
    if let Some(kernel) = case.kernel {
        analysis = analysis.kernel(kernel);
    }
    match analysis.run(case.activations.view()) {
        Ok(report) => check(&case, &analysis, &report),
        Err(error) => check_refusal(&case, &error),
    }
});

impl Case {
    /// Reads eight bytes of settings, then a value for each activation until the bytes end.
    /// Depending on the settings, a value is four bytes, one byte with a small integer, or one byte
    /// that selects a difficult number.
    fn read(bytes: &[u8]) -> Option<Self> {
        const MOST_NEURONS: usize = 9;
        let (settings, values) = bytes.split_first_chunk::<8>()?;
        let [binning, bins, zero_bin, estimator, kernel, units, neurons, width] = *settings;
        let values: Vec<f32> = match width % 3 {
            0 => values.as_chunks().0.iter().map(|&bytes| f32::from_le_bytes(bytes)).collect(),
            1 => values.iter().map(|&byte| f32::from(byte.cast_signed())).collect(),
            _ => values.iter().map(|&byte| hard(byte)).collect(),
        };
        let neurons = usize::from(neurons) % (MOST_NEURONS + 1);
        let samples = values.len().checked_div(neurons).unwrap_or(0);
        let mut values = values;
        values.truncate(samples * neurons);
        let activations = Array2::from_shape_vec((samples, neurons), values).ok()?;
        let mut binning = read_binning(binning, bins, activations.as_slice()?);
        if zero_bin % 2 == 1 {
            binning = binning.with_zero_bin();
        }
        let kernels = Kernel::ALL;
        Some(Self {
            binning,
            estimator: [
                Estimator::PlugIn,
                Estimator::MillerMadow,
                Estimator::Grassberger,
                Estimator::ChaoShen,
                Estimator::JamesStein,
                Estimator::LAPLACE,
                Estimator::PseudoCount(f64::from(bins) - 7.0),
            ][usize::from(estimator % 7)],
            kernel: kernels.get(usize::from(kernel) % (kernels.len() + 1)).copied(),
            units: if units % 2 == 0 { Units::Nats } else { Units::Bits },
            activations,
        })
    }
}

/// Returns a number that is likely to break arithmetic.
fn hard(byte: u8) -> f32 {
    let magnitude = match byte & 15 {
        0 => 0.0,
        1 => f32::from_bits(1),
        2 => f32::MIN_POSITIVE,
        3 => f32::MIN_POSITIVE.next_down(),
        4 => f32::EPSILON,
        5 => 0.1,
        6 => 1.0f32.next_down(),
        7 => 1.0,
        8 => 1.0f32.next_up(),
        9 => 3.0,
        10 => 16_777_216.0,
        11 => 16_777_217.0,
        12 => 1e30,
        13 => f32::MAX.next_down(),
        14 => f32::MAX,
        _ => f32::INFINITY,
    };
    // Only one byte in 128 gives an infinity, because infinities end a job at once.
    let magnitude = if byte & 15 == 15 && byte & 112 != 0 { 2.5 } else { magnitude };
    if byte & 128 == 0 { magnitude } else { -magnitude }
}

/// Makes a binning. Takes edges and thresholds from the activations, so that some are equal.
fn read_binning(kind: u8, bins: u8, values: &[f32]) -> Binning {
    let count = usize::from(bins);
    let value = |at: usize| values.get(at).copied().unwrap_or(1.0);
    let two = |at: usize| (f64::from(value(at)), f64::from(value(at + 1)));
    match kind % 10 {
        0 => Binning::equal_width(count),
        1 => Binning::EqualWidth { bins: count.into(), range: Range::Global },
        2 => {
            let (low, high) = two(count);
            Binning::EqualWidth { bins: count.into(), range: Range::Given(low, high) }
        }
        3 => Binning::EqualFrequency { bins: count },
        4 => Binning::Digitized { bins: count },
        5 => Binning::Threshold(value(count).into()),
        6 => Binning::Edges(values.iter().take(count).map(|&x| f64::from(x)).collect()),
        7 => {
            let mut edges: Vec<f64> = values.iter().take(count).map(|&x| f64::from(x)).collect();
            edges.sort_by(f64::total_cmp);
            edges.dedup();
            Binning::Edges(edges)
        }
        8 => Binning::Categories,
        _ => Binning::equal_width([BinRule::Auto, BinRule::Doane, BinRule::Scott][count % 3]),
    }
}

/// Checks that an error has one line and is true.
fn check_refusal(case: &Case, error: &Error) {
    assert!(!error.to_string().contains('\n'), "an error of several lines: {error}");
    let activations = &case.activations;
    let is_true = match *error {
        Error::NonFinite { sample, neuron, value } => {
            let found = activations[[sample, neuron]];
            !found.is_finite() && (found.is_nan() && value.is_nan() || f64::from(found) == value)
        }
        Error::NoSamples { .. } => activations.nrows() == 0,
        Error::OneSample => activations.nrows() == 1,
        Error::NoNeurons { .. } => activations.ncols() == 0,
        Error::KernelUnsupported { bins, limit, .. } => bins > limit,
        // Errors about settings.
        _ => true,
    };
    assert!(is_true, "{error}: {case:?}");
    let plain = matches!(case.binning, Binning::EqualWidth { range: Range::PerNeuron, .. });
    let bins = case.binning == Binning::equal_width(10);
    let is_usable = activations.nrows() >= 2
        && activations.ncols() >= 1
        && activations.iter().all(|x| x.is_finite())
        && case.kernel.is_none()
        && case.estimator == Estimator::PlugIn;
    assert!(!(plain && bins && is_usable), "refused without a reason: {error}");
}

fn check(case: &Case, analysis: &Analysis, report: &Report) {
    let codes = rules::codes(&case.activations, &case.binning, &report.edges);
    let (samples, neurons) = case.activations.dim();
    let pairs: Vec<(usize, usize)> =
        (0..neurons).flat_map(|i| (0..neurons).map(move |j| (i, j))).collect();
    let bins = report.edges.bins();
    let expected = rules::counts(&codes, &pairs, bins);
    match analysis.joint_histograms(case.activations.view(), &pairs) {
        Ok(counts) => assert_eq!(counts, expected, "counts of {case:?}"),
        Err(error) => panic!("no counts where there is information: {error}"),
    }
    for (x, y) in pairs {
        let (this, that) = (report.mutual_information[[x, y]], report.mutual_information[[y, x]]);
        assert_eq!(this.to_bits(), that.to_bits(), "({x}, {y}) is not symmetric: {case:?}");
        assert!(this.is_finite(), "({x}, {y}) is {this}: {case:?}");
    }
    assert_eq!(report.samples, samples, "samples");
    if case.estimator == Estimator::PlugIn {
        rules::check_plug_in(&codes, report);
    }
    check_other_ways(analysis, report, &case.activations);
}

/// Checks that entropies alone, and each neuron of a layer with each of the same layer, give the
/// same bits.
fn check_other_ways(analysis: &Analysis, report: &Report, activations: &Array2<f32>) {
    let bits = |values: &[f64]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
    match analysis.entropies(activations.view()) {
        Ok(entropy) => assert_eq!(entropy, report.entropy, "entropies alone"),
        Err(error) => panic!("no entropies where there is information: {error}"),
    }
    match analysis.run_between(activations.view(), activations.view()) {
        Ok(between) => {
            let (rows, found) = (activations.ncols(), &between.mutual_information);
            for (x, y) in (0..rows).flat_map(|x| (0..rows).map(move |y| (x, y))) {
                // To estimators that consider empty cells, a neuron and its copy in another layer
                // are two neurons. A neuron with itself has no such cells.
                if x != y {
                    let pair = [found[[x, y]], report.mutual_information[[x, y]]];
                    assert_eq!(bits(&pair[..1]), bits(&pair[1..]), "({x}, {y}): {pair:?}");
                }
            }
        }
        Err(error) => panic!("nothing between layers where there is within: {error}"),
    }
}
