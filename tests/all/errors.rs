//! Tests that every mistake of a caller has its own error, which says where the mistake is and what
//! to do.

use cofire::{Analysis, BinEdges, Binning, Engine, Error, Kernel, Range, Report};
use ndarray::{Array2, ArrayView2, array};

use crate::common::everywhere;
#[cfg(feature = "gpu")]
use crate::common::on_every_adapter;

/// Makes settings of a job on the CPU.
fn cpu(bins: usize) -> Analysis {
    Analysis::new(bins).engine(Engine::Cpu)
}

/// Makes settings as [`cpu`] does, with bins over a range.
fn cpu_over(bins: usize, low: f64, high: f64) -> Analysis {
    let binning = Binning::equal_width_over(bins, Range::Given(low, high));
    Analysis::with_binning(binning).engine(Engine::Cpu)
}

fn ramp(samples: usize, neurons: usize) -> Array2<f32> {
    Array2::from_shape_fn((samples, neurons), |(s, j)| (s * (j + 1) % 97) as f32)
}

/// Returns a view of one activation in the shape of many, which takes no memory.
fn pretended(one: &Array2<f32>, samples: usize, neurons: usize) -> ArrayView2<'_, f32> {
    one.broadcast((samples, neurons)).unwrap()
}

/// Returns the error of a job. Its message must be one line, and contain all of `parts`.
#[track_caller]
fn refused(result: Result<Report, Error>, parts: &[&str]) -> Error {
    let error = result.expect_err("this job must be refused");
    check_message(&error, parts);
    error
}

#[track_caller]
fn check_message(error: &Error, parts: &[&str]) {
    let text = error.to_string();
    for part in parts {
        assert!(text.contains(part), "{part:?} is missing from {text:?}");
    }
    assert!(!text.contains('\n') && !text.ends_with('.'), "not one line of prose: {text:?}");
    let first = text.chars().next().unwrap();
    assert!(!first.is_uppercase(), "begins like a sentence: {text:?}");
}

#[test]
fn shapes_without_a_distribution() {
    let run = |samples, neurons| cpu(10).run(Array2::<f32>::zeros((samples, neurons)).view());
    let none = refused(run(0, 3), &["no samples", "0 x 3", "at least two"]);
    assert!(matches!(none, Error::NoSamples { neurons: 3 }), "{none:?}");
    let neither = refused(run(0, 0), &["no samples", "0 x 0"]);
    assert!(matches!(neither, Error::NoSamples { neurons: 0 }), "{neither:?}");
    let one = refused(run(1, 3), &["one sample", "at least two"]);
    assert!(matches!(one, Error::OneSample), "{one:?}");
    let no_neurons = refused(run(7, 0), &["no neurons", "7 x 0", "at least one neuron"]);
    assert!(matches!(no_neurons, Error::NoNeurons { samples: 7 }), "{no_neurons:?}");
}

#[test]
fn more_samples_than_a_count_holds() {
    let one = array![[1.0f32]];
    let samples = u32::MAX as usize;
    let error = refused(cpu(10).run(pretended(&one, samples, 1)), &["4294967295", "4294967294"]);
    assert!(matches!(error, Error::TooManySamples { samples: 4_294_967_295, .. }), "{error:?}");
}

#[test]
fn a_value_that_is_not_finite_is_named() {
    let places = [(0, 0), (0, 39), (511, 20), (512, 15), (512, 16), (1499, 0), (1499, 39)];
    for bad in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
        for (s, j) in places {
            let mut activations = ramp(1500, 40);
            activations[[s, j]] = bad;
            let place = format!("sample {s}, neuron {j} is {bad}");
            let error = refused(cpu(10).run(activations.view()), &[&place, "remove or replace"]);
            let Error::NonFinite { sample, neuron, value } = error else { panic!("{error:?}") };
            assert_eq!((sample, neuron), (s, j), "where the {bad} is");
            assert_eq!(value.to_bits(), f64::from(bad).to_bits(), "what is there");
        }
    }
}

#[test]
fn the_first_of_several_bad_values_is_named() {
    let mut activations = ramp(1500, 40);
    for (at, bad) in [((1200, 1), f32::NAN), ((600, 30), f32::INFINITY), ((600, 12), f32::NAN)] {
        activations[at] = bad;
    }
    let error = refused(cpu(10).run(activations.view()), &["sample 600, neuron 12"]);
    assert!(matches!(error, Error::NonFinite { sample: 600, neuron: 12, .. }), "{error:?}");
}

#[test]
fn edges_are_not_fitted_on_bad_values_either() {
    let activations = array![[1.0f32, 2.0], [3.0, f32::NAN]];
    let error = BinEdges::fit(activations.view(), &Binning::Threshold(0.0)).unwrap_err();
    assert!(matches!(error, Error::NonFinite { sample: 1, neuron: 1, .. }), "{error:?}");
    let one = BinEdges::fit(array![[1.0f32]].view(), &Binning::equal_width(4)).unwrap_err();
    assert!(matches!(one, Error::OneSample), "{one:?}");
    let bins = BinEdges::fit(ramp(5, 5).view(), &Binning::equal_width(257)).unwrap_err();
    assert!(matches!(bins, Error::BinsOutOfRange { bins: 257 }), "{bins:?}");
}

#[test]
fn numbers_of_bins_that_a_code_cannot_hold() {
    for wrong in [0, 1, 257, usize::MAX] {
        let error = refused(cpu(wrong).run(ramp(9, 2).view()), &["2 to 256", &wrong.to_string()]);
        assert!(matches!(error, Error::BinsOutOfRange { bins } if bins == wrong), "{error:?}");
        for kernel in Kernel::ALL {
            let error = refused(cpu(wrong).kernel(kernel).run(ramp(9, 2).view()), &["2 to 256"]);
            assert!(matches!(error, Error::BinsOutOfRange { .. }), "{kernel}: {error:?}");
        }
    }
    for right in [2, 256] {
        assert!(cpu(right).run(ramp(9, 2).view()).is_ok(), "{right} bins are fine");
    }
}

#[test]
fn ranges_without_a_width() {
    let (huge, infinite, nan) = (1e308, f64::INFINITY, f64::NAN);
    let wrong = [
        (1.0, 1.0),
        (0.0, -0.0),
        (2.0, 1.0),
        (nan, 1.0),
        (0.0, nan),
        (nan, nan),
        (0.0, infinite),
        (-infinite, 0.0),
        (infinite, infinite),
        (-huge, huge),
    ];
    for (low, high) in wrong {
        let error = refused(
            cpu_over(10, low, high).run(ramp(9, 2).view()),
            &["range", &low.to_string(), &high.to_string(), "two finite numbers"],
        );
        let Error::InvalidRange { low: l, high: h } = error else { panic!("{error:?}") };
        assert_eq!((l.to_bits(), h.to_bits()), (low.to_bits(), high.to_bits()), "the ends");
    }
}

/// Returns the error of a wrong binning, for activations that every valid binning can bin.
#[track_caller]
fn refused_binning(binning: Binning, parts: &[&str]) -> Error {
    let error = BinEdges::fit(ramp(9, 2).view(), &binning).expect_err("must be refused");
    check_message(&error, parts);
    refused(Analysis::with_binning(binning).engine(Engine::Cpu).run(ramp(9, 2).view()), parts)
}

#[test]
fn numbers_of_bins_of_other_binnings() {
    for bins in [0, 1, 257, usize::MAX] {
        let error = refused_binning(Binning::EqualFrequency { bins }, &["2 to 256"]);
        assert!(matches!(error, Error::BinsOutOfRange { bins: found } if found == bins));
    }
    for bins in [0, 256, usize::MAX] {
        let parts = ["digitized", "1 to 255", &bins.to_string()];
        let error = refused_binning(Binning::Digitized { bins }, &parts);
        let Error::DigitizedBinsOutOfRange { bins: found } = error else { panic!("{error:?}") };
        assert_eq!(found, bins, "what was asked for");
    }
}

#[test]
fn bins_that_leave_no_room_for_a_zero_bin() {
    let wrong = [
        Binning::equal_width(256),
        Binning::EqualFrequency { bins: 256 },
        Binning::Digitized { bins: 255 },
    ];
    for binning in wrong {
        let error = refused_binning(binning.with_zero_bin(), &["256", "zero bin", "at most 255"]);
        assert!(matches!(error, Error::NoRoomForZeroBin { bins: 256 }), "{error:?}");
    }
    for bins in [0, 257, usize::MAX] {
        let error = refused_binning(Binning::equal_width(bins).with_zero_bin(), &["2 to 256"]);
        assert!(matches!(error, Error::BinsOutOfRange { bins: found } if found == bins));
    }
    let right = [
        Binning::equal_width(1),
        Binning::equal_width(255),
        Binning::EqualFrequency { bins: 255 },
        Binning::Digitized { bins: 254 },
    ];
    for binning in right {
        let fitted = BinEdges::fit(ramp(9, 2).view(), &binning.clone().with_zero_bin());
        assert!(fitted.is_ok(), "{binning:?}: {fitted:?}");
    }
}

#[test]
fn thresholds_that_nothing_is_above_or_below_of() {
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let parts = ["threshold", &bad.to_string(), "not finite"];
        for binning in [Binning::Threshold(bad), Binning::Threshold(bad).with_zero_bin()] {
            let error = refused_binning(binning, &parts);
            let Error::ThresholdNotFinite { threshold } = error else { panic!("{error:?}") };
            assert_eq!(threshold.to_bits(), bad.to_bits(), "the threshold");
        }
    }
    for right in [0.0, -0.0, f64::MAX, f64::MIN, f64::from_bits(1)] {
        assert!(BinEdges::fit(ramp(9, 2).view(), &Binning::Threshold(right)).is_ok(), "{right}");
    }
}

#[test]
fn edges_that_are_too_few_or_too_many() {
    let edges = |number: i32| Binning::Edges((0..number).map(f64::from).collect());
    for number in [0, 1, 258] {
        let parts = [&*format!("{number} edges"), "from 2 to 257"];
        let error = refused_binning(edges(number), &parts);
        assert!(matches!(error, Error::NumberOfEdges { most: 257, .. }), "{error:?}");
    }
    let error = refused_binning(edges(257).with_zero_bin(), &["257 edges", "from 2 to 256"]);
    assert!(matches!(error, Error::NumberOfEdges { edges: 257, most: 256 }), "{error:?}");
    for right in [edges(2), edges(257), edges(2).with_zero_bin(), edges(256).with_zero_bin()] {
        assert!(BinEdges::fit(ramp(9, 2).view(), &right).is_ok(), "{right:?}");
    }
}

#[test]
fn edges_that_are_not_finite_or_do_not_ascend() {
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        for place in 0..3 {
            let mut edges = vec![0.0, 1.0, 2.0];
            edges[place] = bad;
            let parts = [&*format!("edge {place} is {bad}"), "finite"];
            let error = refused_binning(Binning::Edges(edges), &parts);
            let Error::EdgeNotFinite { index, value } = error else { panic!("{error:?}") };
            assert_eq!((index, value.to_bits()), (place, bad.to_bits()), "where and what");
        }
    }
    for (edges, place) in [
        (vec![1.0, 1.0], 0),
        (vec![0.0, 1.0, 0.5], 1),
        (vec![-0.0, 0.0, 1.0], 0),
        (vec![3.0, 2.0, 1.0], 0),
    ] {
        let parts = [&*format!("edge {place} is {}", edges[place]), "ascend"];
        let error = refused_binning(Binning::Edges(edges.clone()), &parts);
        let Error::EdgesNotAscending { index, value, next } = error else { panic!("{error:?}") };
        assert_eq!((index, value, next), (place, edges[place], edges[place + 1]));
    }
}

#[test]
fn activations_that_are_no_categories() {
    for bad in [0.5, -1.0, -1e-45, 256.0, 1e30, f32::MIN] {
        for (s, j) in [(0, 0), (0, 39), (700, 20), (1499, 39)] {
            let mut activations = ramp(1500, 40);
            activations[[s, j]] = bad;
            let parts = [&*format!("sample {s}, neuron {j} is {bad}"), "from 0 to 255", "renumber"];
            let analysis = Analysis::with_binning(Binning::Categories).engine(Engine::Cpu);
            let error = refused(analysis.run(activations.view()), &parts);
            let Error::NotACategory { sample, neuron, value, largest: 255 } = error else {
                panic!("{error:?}")
            };
            assert_eq!((sample, neuron, value), (s, j, f64::from(bad)), "where and what");
        }
    }
    let mut activations = ramp(9, 2);
    activations[[3, 0]] = -0.0;
    assert!(BinEdges::fit(activations.view(), &Binning::Categories).is_ok(), "it is zero");
    let error = refused_binning(
        Binning::Categories.with_zero_bin(),
        &["category 0", "leave the zero bin out"],
    );
    assert!(matches!(error, Error::ZeroBinOfCategories), "{error:?}");
}

/// Tests that a category without a bin is refused; otherwise it would be counted with another.
#[test]
fn categories_that_were_not_there_when_edges_were_fitted() {
    let edges = BinEdges::fit(array![[0.0f32], [4.0]].view(), &Binning::Categories).unwrap();
    let apply = |x: f32| {
        let settings = Analysis::with_edges(edges.clone()).engine(Engine::Cpu);
        settings.run(array![[1.0f32], [x]].view())
    };
    assert!(apply(4.0).is_ok(), "it was there");
    let error = refused(apply(5.0), &["sample 1, neuron 0 is 5", "from 0 to 4"]);
    assert!(matches!(error, Error::NotACategory { largest: 4, .. }), "{error:?}");
    refused(apply(2.5), &["sample 1, neuron 0 is 2.5"]);
    let zeros = BinEdges::fit(array![[0.0f32], [0.0]].view(), &Binning::Categories).unwrap();
    let settings = Analysis::with_edges(zeros).engine(Engine::Cpu);
    refused(settings.run(array![[0.0f32], [1.0]].view()), &["from 0 to 0"]);
}

#[test]
fn settings_are_refused_before_activations_are_read() {
    let bad = array![[f32::NAN], [1.0]];
    let error = cpu(1).run(bad.view()).unwrap_err();
    assert!(matches!(error, Error::BinsOutOfRange { .. }), "{error:?}");
    let error = cpu_over(9, 1.0, 0.0).run(bad.view()).unwrap_err();
    assert!(matches!(error, Error::InvalidRange { .. }), "{error:?}");
}

#[test]
fn edges_of_another_layer() {
    for range in [Range::PerNeuron, Range::Global, Range::Given(0.0, 9.0)] {
        let edges =
            BinEdges::fit(ramp(20, 3).view(), &Binning::EqualWidth { bins: 10.into(), range })
                .unwrap();
        for found in [1, 2, 4] {
            let settings = Analysis::with_edges(edges.clone()).engine(Engine::Cpu);
            let error = refused(settings.run(ramp(20, found).view()), &["3 neurons", "same layer"]);
            let Error::EdgesMismatch { expected, found: neurons } = error else {
                panic!("{range:?}: {error:?}")
            };
            assert_eq!((expected, neurons), (3, found), "{range:?}");
        }
    }
}

#[test]
fn pairs_of_neurons_that_do_not_exist() {
    everywhere("pairs_of_neurons_that_do_not_exist", |place| {
        for wrong in [(0, 4), (4, 0), (4, 4), (0, usize::MAX)] {
            let pairs = [(0, 3), wrong];
            let error = place.analysis(10).joint_histograms(ramp(9, 4).view(), &pairs);
            let error = error.expect_err("this pair must be refused");
            check_message(&error, &[&format!("{wrong:?}"), "last one, 3"]);
            let Error::PairOutOfRange { first, second, last: 3 } = error else {
                panic!("[{place}] {error:?}")
            };
            assert_eq!((first, second), wrong, "[{place}]");
        }
    });
}

#[test]
fn no_pairs_are_no_counts() {
    everywhere("no_pairs_are_no_counts", |place| {
        let counts = place.analysis(10).joint_histograms(ramp(9, 4).view(), &[]).unwrap();
        assert_eq!(counts.dim(), (0, 10, 10), "[{place}]");
    });
}

#[test]
fn a_limit_on_memory_is_kept_to_the_byte() {
    let activations = ramp(1000, 300);
    // Each thread needs working memory.
    let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
    let limited = |bytes| one.install(|| cpu(10).memory_limit(bytes).run(activations.view()));
    let error = refused(limited(0), &["MiB are needed and 0 bytes are allowed", "raise the limit"]);
    let Error::MemoryLimit { needed, allowed: 0 } = error else { panic!("{error:?}") };
    let result_and_codes = 300 * 300 * 8 + 300 * 1000;
    assert!(needed >= result_and_codes, "{needed} bytes cannot hold codes and matrix");
    assert!(needed < 3 * result_and_codes, "{needed} bytes are far too many");
    let error = limited(needed - 1).unwrap_err();
    assert!(matches!(error, Error::MemoryLimit { .. }), "{error:?}");
    assert!(limited(needed).is_ok(), "{needed} bytes are enough");
}

/// Tests that the limit includes what fitting takes: quantiles need a copy of a neuron's
/// activations, and every neuron has its own edges.
#[test]
fn a_limit_on_memory_counts_what_fitting_takes() {
    let activations = ramp(1000, 300);
    let needed = |binning: &Binning| {
        let analysis = Analysis::with_binning(binning.clone()).engine(Engine::Cpu);
        let error = analysis.memory_limit(0).run(activations.view()).unwrap_err();
        let Error::MemoryLimit { needed, allowed: 0 } = error else { panic!("{error:?}") };
        needed
    };
    let (few, many) = (Binning::equal_width(10), Binning::equal_width(256));
    assert!(needed(&many) >= needed(&few) + 300 * 246 * 8, "edges of its own for each neuron");
    let quantiles = Binning::EqualFrequency { bins: 256 };
    let codes_and_matrix = 300 * 1000 + 300 * 300 * 8;
    let edges_and_copy = 300 * 257 * 8 + 1000 * 4;
    assert!(needed(&quantiles) >= codes_and_matrix + edges_and_copy, "and a copy of a neuron");
    let shared = Binning::EqualWidth { bins: 256.into(), range: Range::Global };
    assert!(needed(&shared) + 299 * 257 * 8 <= needed(&many), "one table for all");
    // There are 97 different values, so at most 97 bins: more than the two that are known before
    // fitting.
    let analysis = Analysis::with_binning(quantiles.clone()).engine(Engine::Cpu);
    let limited = analysis.clone().memory_limit(needed(&quantiles));
    let refused = limited.run(activations.view()).unwrap_err();
    let Error::MemoryLimit { needed: more, .. } = refused else { panic!("{refused:?}") };
    assert!(more > needed(&quantiles), "{more} bytes for all bins");
    let enough = analysis.memory_limit(more).run(activations.view());
    assert!(enough.is_ok(), "{enough:?}");
    let pairs = vec![(0, 1); 1000];
    let limited = limited.joint_histograms(activations.view(), &pairs);
    assert!(matches!(limited, Err(Error::MemoryLimit { .. })), "counts of all bins");
}

/// Tests the limit with joint histograms, where the counts take most of the memory.
#[test]
fn a_limit_on_memory_holds_for_joint_histograms() {
    let activations = ramp(100, 10);
    let pairs = vec![(1, 2); 100];
    let counts_bytes = 100 * 256 * 256 * 4;
    let settings = cpu(256).memory_limit(counts_bytes - 1);
    let error = settings.joint_histograms(activations.view(), &pairs);
    assert!(matches!(error, Err(Error::MemoryLimit { .. })), "{:?}", error.map(|c| c.dim()));
}

/// Tests 2⁴⁴ pairs of f64. They take 128 TiB, more than a process can address.
#[test]
#[cfg(target_pointer_width = "64")]
fn a_matrix_that_no_machine_can_hold() {
    let one = array![[1.0f32]];
    let activations = pretended(&one, 2, 1 << 22);
    // If the free memory is known, the matrix exceeds it.
    let error = refused(cpu(10).run(activations), &["fewer neurons"]);
    let expected = matches!(error, Error::MemoryLimit { .. } | Error::OutOfMemory { .. });
    assert!(expected, "{error:?}");
    let trusting = cpu(10).memory_limit(u64::MAX).run(activations);
    let error = refused(trusting, &["could not allocate", "fewer neurons"]);
    assert!(matches!(error, Error::OutOfMemory { .. }), "{error:?}");
    let error = refused(cpu(10).memory_limit(1 << 30).run(activations), &["128.0 TiB", "1.0 GiB"]);
    assert!(matches!(error, Error::MemoryLimit { .. }), "{error:?}");
}

#[test]
fn a_kernel_that_cannot_count_so_many_bins() {
    everywhere("a_kernel_that_cannot_count_so_many_bins", |place| {
        let kernel = Kernel::Bitset;
        for bins in [3, 256] {
            let settings = place.analysis(bins).kernel(kernel);
            let error = refused(
                settings.run(ramp(9, 4).view()),
                &["bitset", "at most 2", &bins.to_string(), "let cofire choose"],
            );
            let Error::KernelUnsupported { bins: found, limit: 2, .. } = error else {
                panic!("[{place}] {error:?}")
            };
            assert_eq!(found, bins, "[{place}]");
        }
        let most = place.analysis(2).kernel(kernel).run(ramp(9, 4).view());
        assert!(most.is_ok(), "[{place}] {most:?}");
    });
}

#[test]
#[cfg(not(feature = "gpu"))]
fn a_gpu_in_a_build_without_gpus() {
    for engine in [Engine::best_gpu(), Engine::gpu_named("nvidia")] {
        let settings = Analysis::new(10).engine(engine);
        let error = refused(settings.run(ramp(9, 4).view()), &["no GPU engine", "feature \"gpu\""]);
        assert!(matches!(error, Error::GpuDisabled), "{error:?}");
    }
    let auto = Analysis::new(10).engine(Engine::Auto).run(ramp(9, 4).view()).unwrap();
    assert!(auto.execution.adapter.is_none(), "{:?}", auto.execution);
}

#[test]
#[cfg(feature = "gpu")]
fn an_adapter_by_a_name_that_none_has() {
    on_every_adapter("an_adapter_by_a_name_that_none_has", |place| {
        let name = "no adapter is called this";
        let settings = Analysis::new(10).engine(Engine::gpu_named(name));
        let label = place.to_string();
        let error = refused(settings.run(ramp(9, 4).view()), &[name, "there are:", &label]);
        let Error::AdapterNotFound { requested, available } = error else { panic!("{error:?}") };
        assert_eq!(requested, name, "[{place}]");
        assert!(available.contains(&label), "[{place}] is not among {available:?}");
    });
}

#[test]
#[cfg(feature = "gpu")]
fn an_adapter_by_its_name_in_any_case() {
    on_every_adapter("an_adapter_by_its_name_in_any_case", |place| {
        let engine = Engine::gpu_named(place.to_string().to_uppercase());
        let report = Analysis::new(10).engine(engine).run(ramp(9, 4).view()).unwrap();
        let adapter = report.execution.adapter.map(|adapter| adapter.to_string());
        assert_eq!(adapter, Some(place.to_string()), "[{place}]");
    });
}
