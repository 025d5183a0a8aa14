//! Tests of the options of `cofire analyze` for bins, estimators and measures.

use cofire::analysis::Association;
use cofire::neighbors::KsgAlgorithm;
use cofire::{Analysis, BinRule, Binning, Estimator, Measure, NeighborAnalysis, Units};
use npyz::Order;
use serde_json::{Value, json};

use crate::common::{
    Place, SHAPE, activations, assert_close, entropy_seen, npy, plain_npy, values,
};

/// Runs with JSON, and returns the facts about the only layer, and the settings.
fn measured(place: &Place, arguments: &[&str]) -> (Value, Value) {
    let run = place.analyze(&[&["x.npy", "--json", "--out", "out"], arguments].concat());
    assert_eq!(run.status, 0, "{arguments:?}: {}", run.stderr);
    let mut json: Value = serde_json::from_slice(&place.bytes("out/summary.json")).unwrap();
    (json["layers"][0].take(), json["settings"].take())
}

fn place() -> Place {
    let place = Place::new();
    place.put("x.npy", plain_npy());
    place
}

#[test]
fn bins_are_those_that_were_asked_for() {
    let place = place();
    let values = values();
    let at = |s: usize, n: usize| f64::from(values[s * SHAPE.1 + n]);
    let extremes = |n: usize, from: f64| {
        let column = || (0..SHAPE.0).map(move |s| at(s, n)).filter(move |&x| x >= from);
        (column().fold(f64::INFINITY, f64::min), column().fold(0.0, f64::max))
    };
    // Returns the bin of an activation between two ends.
    let cut = |x: f64, (low, high): (f64, f64), bins: f64| match high - low {
        width if width > 0.0 => (((x - low) / width * bins).floor()).min(bins - 1.0),
        _ => 0.0,
    };
    type Code<'a> = Box<dyn Fn(usize, usize) -> f64 + 'a>;
    let cases: Vec<(&[&str], usize, &str, Code<'_>)> = vec![
        (&[], 10, "10, range per-neuron", Box::new(|s, n| cut(at(s, n), extremes(n, 0.0), 10.0))),
        (
            &["--binning", "equal-width", "--bins", "4", "--range", "global"],
            4,
            "4, range global",
            Box::new(|s, n| cut(at(s, n), (0.0, 100.0), 4.0)),
        ),
        (
            &["--binning", "threshold=40"],
            2,
            "2, threshold=40",
            Box::new(|s, n| f64::from(u8::from(at(s, n) > 40.0))),
        ),
        (
            &["--binning", "edges=0,1,9.5,101"],
            3,
            "3, edges=0,1,9.5,101",
            Box::new(|s, n| f64::from(u8::from(at(s, n) >= 1.0) + u8::from(at(s, n) >= 9.5))),
        ),
        (&["--binning", "categories"], 101, "101, categories", Box::new(at)),
        (
            &["--bins", "1", "--zero-bin"],
            2,
            "2, range per-neuron, one of them for zeros",
            Box::new(|s, n| f64::from(u8::from(at(s, n) > 0.0))),
        ),
        (
            &["--bins", "3", "--zero-bin"],
            4,
            "4, range per-neuron, one of them for zeros",
            Box::new(|s, n| match at(s, n) {
                0.0 => -1.0,
                x => cut(x, extremes(n, 1.0), 3.0),
            }),
        ),
    ];
    for (arguments, bins, text, code) in cases {
        let (layer, _) = measured(&place, arguments);
        assert_eq!(layer["bins"], bins, "{arguments:?}");
        let run = place.analyze(&[&["x.npy"], arguments].concat());
        assert!(run.stdout.contains(text), "{text}: {}", run.stdout);
        // Codes are small whole numbers, in f64.
        let code = |s, n| code(s, n).to_bits();
        let entropy: Vec<f64> =
            (0..SHAPE.1).map(|n| entropy_seen((0..SHAPE.0).map(|s| code(s, n)))).collect();
        assert_close(&format!("{arguments:?}"), &place.array("out/entropy.npy").1, &entropy);
        let joint = |i, j| entropy_seen((0..SHAPE.0).map(|s| (code(s, i), code(s, j))));
        let pairs = (0..SHAPE.1).flat_map(|i| (0..SHAPE.1).map(move |j| (i, j)));
        let expected: Vec<f64> =
            pairs.map(|(i, j)| entropy[i] + entropy[j] - joint(i, j)).collect();
        assert_close(&format!("{arguments:?}"), &place.array("out/mi.npy").1, &expected);
    }
}

#[test]
fn bins_of_equal_frequency_and_by_rules_are_the_library_s() {
    let place = place();
    let mut cases = vec![(vec!["--binning", "equal-frequency"], "up to 10, equal-frequency", {
        Binning::EqualFrequency { bins: 10 }
    })];
    // The largest number of bins of the seven neurons: len(numpy.histogram_bin_edges(x[:, n],
    // rule)) - 1.
    for (name, bins, rule) in [
        ("auto", 7, BinRule::Auto),
        ("sturges", 7, BinRule::Sturges),
        ("doane", 8, BinRule::Doane),
        ("scott", 5, BinRule::Scott),
        ("fd", 5, BinRule::FreedmanDiaconis),
        ("sqrt", 8, BinRule::SquareRoot),
        ("rice", 8, BinRule::Rice),
    ] {
        let (layer, settings) = measured(&place, &["--bins", name]);
        assert_eq!(layer["bins"], bins, "{name}");
        assert_eq!((&layer["bin_rule"], &settings["bins"]), (&json!(name), &json!(name)));
        cases.push((vec!["--bins", name], name, Binning::equal_width(rule)));
    }
    for (arguments, text, binning) in cases {
        measured(&place, &arguments);
        let expected = Analysis::with_binning(binning).run(activations().view()).unwrap();
        let found = place.array("out/mi.npy").1;
        assert_eq!(found, expected.mutual_information.iter().copied().collect::<Vec<_>>());
        let run = place.analyze(&[&["x.npy"], &arguments[..]].concat());
        assert!(run.stdout.contains(text), "{text}: {}", run.stdout);
    }
}

#[test]
fn estimators_from_histograms_are_the_library_s() {
    let place = place();
    for (name, estimator) in [
        ("plug-in", Estimator::PlugIn),
        ("miller-madow", Estimator::MillerMadow),
        ("grassberger", Estimator::Grassberger),
        ("laplace", Estimator::LAPLACE),
        ("jeffreys", Estimator::JEFFREYS),
        ("pseudo-count=0.25", Estimator::PseudoCount(0.25)),
        ("chao-shen", Estimator::ChaoShen),
        ("james-stein", Estimator::JamesStein),
    ] {
        let (layer, settings) = measured(&place, &["--estimator", name, "--units", "bits"]);
        assert_eq!((&layer["estimator"], &settings["estimator"]), (&json!(name), &json!(name)));
        let analysis = Analysis::new(10).estimator(estimator).units(Units::Bits);
        let expected = analysis.run(activations().view()).unwrap();
        let found = place.array("out/entropy.npy").1;
        assert_eq!(found, expected.entropy.to_vec(), "{name}");
        let found = place.array("out/mi.npy").1;
        let expected: Vec<f64> = expected.mutual_information.iter().copied().collect();
        assert_eq!(found, expected, "{name}");
        let least = expected.iter().copied().fold(f64::INFINITY, f64::min);
        assert!(layer["mutual_information"]["min"].as_f64().unwrap() >= least, "{name}");
        let run = place.analyze(&["x.npy", "--estimator", name]);
        assert_eq!(run.stdout.contains(&format!("{name}\n")), name != "plug-in", "{}", run.stdout);
    }
}

#[test]
fn estimators_from_neighbors_are_the_library_s() {
    let place = place();
    let first = KsgAlgorithm::First;
    for (arguments, expected, text) in [
        (&["--estimator", "ksg"][..], NeighborAnalysis::new(3), "ksg, 3 nearest neighbours\n"),
        (
            &["--estimator", "ksg", "--neighbors", "1", "--jitter", "1e-6", "--seed", "7"],
            NeighborAnalysis::new(1).algorithm(first).jitter(1e-6, 7),
            "ksg, 1 nearest neighbour, jitter 1e-6\n",
        ),
        (
            &["--estimator", "ksg2", "--neighbors", "5", "--units", "bits"],
            NeighborAnalysis::new(5).algorithm(KsgAlgorithm::Second).units(Units::Bits),
            "ksg2, 5 nearest neighbours\n",
        ),
    ] {
        let (layer, _) = measured(&place, arguments);
        assert_eq!(layer["estimator"], arguments[1]);
        for absent in ["bins", "range", "binning", "kernel", "degenerate"] {
            assert_eq!(layer[absent], Value::Null, "{absent}");
        }
        let expected = expected.run(activations().view()).unwrap();
        assert_eq!(place.array("out/entropy.npy").1, expected.entropy.to_vec(), "{arguments:?}");
        let tied = expected.entropy.iter().filter(|entropy| entropy.is_infinite()).count();
        assert_eq!(layer["tied"], tied, "{arguments:?}");
        let found = place.array("out/mi.npy").1;
        let expected: Vec<f64> = expected.mutual_information.iter().copied().collect();
        assert_eq!(found, expected, "{arguments:?}");
        let run = place.analyze(&[&["x.npy"], arguments].concat());
        assert!(run.stdout.contains(text), "{text}: {}", run.stdout);
        assert_eq!(run.stdout.contains("-inf for"), tied > 0, "{}", run.stdout);
    }
}

#[test]
fn the_preset_is_what_the_paper_s_code_computes() {
    let place = place();
    let (layer, settings) = measured(&place, &["--preset", "paper"]);
    let expected = cofire::paper::measures(activations().view()).unwrap();
    assert_eq!(place.array("out/entropy.npy").1, expected.entropy.to_vec());
    let found = place.array("out/mi.npy").1;
    assert_eq!(found, expected.mutual_information.iter().copied().collect::<Vec<_>>());
    assert_eq!((&layer["preset"], &settings["preset"]), (&json!("paper"), &json!("paper")));
    assert_eq!((&layer["neighbors"], &layer["tied"]), (&json!(3), &Value::Null));
}

#[test]
fn measures_are_files_of_their_own() {
    let place = place();
    let names: Vec<&str> = Measure::ALL.into_iter().map(Measure::name).collect();
    let arguments: Vec<&str> = names.iter().flat_map(|name| ["--measure", name]).collect();
    let (layer, settings) = measured(&place, &[&arguments[..], &["--units", "bits"]].concat());
    let report = Analysis::new(10).units(Units::Bits).run(activations().view()).unwrap();
    assert_eq!(settings["measures"], json!(names[1..]));
    for (index, measure) in Measure::ALL.into_iter().enumerate().skip(1) {
        let name = measure.name();
        let (shape, found) = place.array(&format!("out/{name}.npy"));
        assert_eq!(shape, [7, 7], "{name}");
        assert_eq!(found, report.measure(measure).iter().copied().collect::<Vec<_>>(), "{name}");
        let facts = &layer["measures"][index - 1];
        assert_eq!(facts["name"], name);
        assert_eq!(facts["unit"] == "bits", !measure.is_normalized(), "{name}");
        assert_eq!(layer["written"][name], format!("{name}.npy"));
        // The mean over cells off the diagonal. It has both orders of a pair, which matter only to
        // directed measures.
        let pairs = (0..49).filter(|pair| pair / 7 != pair % 7).map(|pair| found[pair]);
        let mean = pairs.sum::<f64>() / 42.0;
        assert_close(name, &[facts["spread"]["mean"].as_f64().unwrap()], &[mean]);
    }
    assert!(!place.tree().contains(&"out/mutual-information.npy".to_owned()), "it is in mi.npy");
    let run = place.analyze(&["x.npy", "--measure", "normalized-by-min"]);
    assert!(run.stdout.contains("  normalized-by-min    mean 0."), "{}", run.stdout);
}

#[test]
fn firing_together_is_counted() {
    // Neuron 0 fires in samples 0..20, 1 in 10..30, 2 in 15..20 and 3 in all; of 40.
    let fires =
        |s: usize, n: usize| [s < 20, (10..30).contains(&s), (15..20).contains(&s), true][n];
    let bits: Vec<u8> = (0..160).map(|i| u8::from(fires(i / 4, i % 4))).collect();
    let place = Place::new();
    place.put("x.npy", npy(&[40, 4], Order::C, &bits));
    let names: Vec<&str> = Association::ALL.into_iter().map(Association::name).collect();
    let arguments: Vec<&str> = names.iter().flat_map(|name| ["--measure", name]).collect();
    let arguments = [&arguments[..], &["--binning", "threshold=0.5", "--units", "bits"]].concat();
    let (layer, _) = measured(&place, &arguments);
    let expected = |name: &str, i: usize, j: usize| {
        let count = |f: &dyn Fn(usize) -> bool| (0..40).filter(|&s| f(s)).count() as f64;
        let (x, y) = (count(&|s| fires(s, i)), count(&|s| fires(s, j)));
        let both = count(&|s| fires(s, i) && fires(s, j));
        match name {
            "lift" => both * 40.0 / (x * y),
            "pointwise-mutual-information" => (both * 40.0 / (x * y)).log2(),
            "phi" if x == 40.0 || y == 40.0 => 0.0,
            "phi" => (both * 40.0 - x * y) / (x * (40.0 - x) * y * (40.0 - y)).sqrt(),
            _ => both / (x + y - both),
        }
    };
    for (index, name) in names.iter().enumerate() {
        let all: Vec<f64> = (0..16).map(|pair| expected(name, pair / 4, pair % 4)).collect();
        assert_close(name, &place.array(&format!("out/{name}.npy")).1, &all);
        // By default, neurons fire in ten samples at least and in half of them at most: 2 and 3 are
        // left out.
        let strongest = &layer["firing"]["associations"][index]["strongest_pairs"];
        let value = strongest[0]["association"].as_f64().unwrap();
        assert_close(name, &[value], &[expected(name, 0, 1)]);
        assert_eq!(strongest.as_array().unwrap().len(), 1, "{name}");
        assert_eq!((&strongest[0]["first"], &strongest[0]["both"]), (&json!(0), &json!(10)));
    }
    assert_eq!(layer["firing"]["rates"], json!([0.25, 0.5]));
    assert_eq!(layer["firing"]["neurons"], 2);

    let run = place.analyze(&["x.npy", "--bins", "2", "--measure", "lift", "--rates", "0.1,0.5"]);
    assert!(run.stdout.contains("among 3 neurons"), "{}", run.stdout);
    let expected = "lift                 neurons 0 and 2: 2.000000, both in 5 of 40 samples";
    assert!(run.stdout.contains(expected), "{}", run.stdout);
    let run = place.analyze(&["x.npy", "--bins", "2", "--measure", "phi", "--rates", "0,0.01"]);
    assert!(run.stdout.contains("no pair fires together"), "{}", run.stdout);
}

#[test]
fn help_teaches_every_choice() {
    let place = Place::new();
    let [short, long] = ["-h", "--help"].map(|flag| place.run(&["analyze", flag]).stdout);
    for flag in [
        "--layer",
        "--other",
        "--other-layer",
        "--labels",
        "--bins",
        "--binning",
        "--zero-bin",
        "--range",
        "--estimator",
        "--neighbors",
        "--jitter",
        "--preset",
        "--measure",
        "--rates",
        "--significance",
        "--permutations",
        "--shift-at-least",
        "--blocks",
        "--documents",
        "--seed",
        "--units",
        "--engine",
        "--adapter",
        "--threads",
        "--out",
        "--json",
    ] {
        for help in [&short, &long] {
            let is_there = help.lines().any(|line| line.trim().split(' ').next() == Some(flag));
            assert!(is_there, "{flag}: {help}");
        }
    }
    let names = Measure::ALL.into_iter().map(Measure::name);
    let names = names.chain(Association::ALL.into_iter().map(Association::name));
    let names = names.chain(cofire::Kernel::ALL.into_iter().map(cofire::Kernel::name)).chain([
        "equal-width",
        "equal-frequency",
        "threshold=",
        "edges=",
        "categories",
        "sturges",
        "doane",
        "scott",
        "fd",
        "sqrt",
        "rice",
        "plug-in",
        "miller-madow",
        "grassberger",
        "laplace",
        "jeffreys",
        "pseudo-count=",
        "chao-shen",
        "james-stein",
        "ksg",
        "ksg2",
        "paper",
        "g-test",
        "permutation",
        "shift",
        "--kernel",
    ]);
    for name in names {
        assert!(long.contains(name), "{name}: {long}");
    }
    assert!(long.lines().all(|line| line.chars().count() <= 100), "{long}");
}
