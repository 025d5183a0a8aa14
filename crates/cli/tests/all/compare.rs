//! Tests of what `cofire compare` prints, writes and refuses.

use npyz::Order;
use safetensors::Dtype;
use zip::CompressionMethod::Stored;

use crate::common::{Place, Run, npy, npz, plain_npy, safetensors};

const SAMPLES: usize = 300;
const NEURONS: usize = 6;

/// Makes neurons with 11 values each. The larger `shared`, the more they follow the first one.
fn activations(shared: usize, layer: usize) -> Vec<f32> {
    let scattered = |sample: usize, neuron: usize| {
        (sample * 7919 + neuron * 104_729 + sample * sample * (neuron + layer + 1)) % 1009 % 11
    };
    let value = |sample: usize, neuron: usize| {
        let of = if (sample * 31 + neuron) % 10 < shared { 0 } else { neuron };
        u8::try_from(scattered(sample, of)).unwrap()
    };
    (0..SAMPLES).flat_map(|s| (0..NEURONS).map(move |n| f32::from(value(s, n)))).collect()
}

/// Makes a model of two layers.
fn model(shared: usize) -> Vec<u8> {
    let bytes = |layer| activations(shared, layer).iter().flat_map(|x| x.to_le_bytes()).collect();
    safetensors(
        &[SAMPLES, NEURONS],
        &[("first", Dtype::F32, bytes(0)), ("second", Dtype::F32, bytes(1))],
    )
}

/// Makes a directory with three models. The neurons of `c` are the least diverse.
fn models() -> Place {
    let place = Place::new();
    std::fs::create_dir(place.path().join("runs")).unwrap();
    for (name, shared) in [("a", 1), ("b", 5), ("c", 9)] {
        place.put(&format!("runs/{name}.safetensors"), model(shared));
    }
    place.put("runs/notes.txt", "no activations");
    place
}

fn compare(place: &Place, arguments: &[&str]) -> Run {
    place.run(&[&["compare", "--engine", "cpu", "--out", "out"], arguments].concat())
}

/// Reads a column of `summary.csv`, with the model and layer of each line.
fn column(place: &Place, name: &str) -> Vec<(String, String, String)> {
    let bytes = place.bytes("out/summary.csv");
    let mut reader = csv::Reader::from_reader(bytes.as_slice());
    let header = reader.headers().unwrap().clone();
    let index = header.iter().position(|column| column == name).unwrap();
    let line = |record: csv::StringRecord| {
        (record[0].to_owned(), record[1].to_owned(), record[index].to_owned())
    };
    reader.records().map(|record| line(record.unwrap())).collect()
}

fn assert_refused(place: &Place, what: &str, run: &Run, expected: &str) {
    assert_eq!(run.status, 2, "{what}: {run:?}");
    assert!(run.stderr.contains(expected), "{what}: {expected}: {}", run.stderr);
    assert!(run.stderr.starts_with("error: "), "{what}: {run:?}");
    assert_eq!(run.stdout, "", "{what}");
    let left =
        place.tree().into_iter().any(|path| path.starts_with("out") || path.contains("cofire-"));
    assert!(!left, "{what}: nothing is left behind: {:?}", place.tree());
}

#[test]
fn models_are_ranked_against_scores() {
    let place = models();
    place.put("scores.csv", "model,score\nb,0.8\na,0.9\nc,0.5\n");
    let run = compare(&place, &["runs", "--scores", "scores.csv"]);
    assert_eq!(run.status, 0, "{run:?}");
    assert!(run.stdout.contains("3 models, 2 layers"), "{}", run.stdout);
    assert!(run.stdout.contains("Kendall's τ is"), "{}", run.stdout);
    assert!(run.stderr.contains("report.html"), "{}", run.stderr);
    let written: Vec<String> =
        place.tree().into_iter().filter(|path| path.starts_with("out/")).collect();
    let expected = [
        "out/",
        "out/edges.csv",
        "out/graph.graphml",
        "out/pictures/",
        "out/pictures/entropy.png",
        "out/pictures/entropy.svg",
        "out/pictures/graphs.png",
        "out/pictures/graphs.svg",
        "out/pictures/heat_maps.png",
        "out/pictures/heat_maps.svg",
        "out/pictures/models.png",
        "out/pictures/models.svg",
        "out/pictures/mutual_information.png",
        "out/pictures/mutual_information.svg",
        "out/report.html",
        "out/summary.csv",
    ];
    assert_eq!(written, expected);

    // The more neurons follow one, the more they share: `c` most and `a` least. Scores fall with
    // it.
    for (model, layer, rank) in column(&place, "mutual_information_rank") {
        let expected = match model.as_str() {
            "a" => "1",
            "b" => "2",
            _ => "3",
        };
        assert_eq!(rank, expected, "{model}, {layer}");
    }
    for (model, layer, tau) in column(&place, "tau_mutual_information") {
        assert_eq!(tau, "-1", "{model}, {layer}");
    }
    let (_, _, p_value) = column(&place, "tau_mutual_information_p").remove(0);
    assert!((p_value.parse::<f64>().unwrap() - 1.0 / 3.0).abs() < 1e-12, "{p_value}");
}

#[test]
fn numbers_are_those_of_analyze() {
    let place = models();
    assert_eq!(compare(&place, &["runs/b.safetensors", "runs/a.safetensors"]).status, 0);
    let run = place.analyze(&["runs/a.safetensors", "--layer", "second", "--out", "single"]);
    assert_eq!(run.status, 0, "{run:?}");
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (_, entropy) = place.array("single/entropy.npy");
    let (_, information) = place.array("single/mi.npy");
    let pairs: Vec<f64> = (0..NEURONS)
        .flat_map(|i| (i + 1..NEURONS).map(move |j| (i, j)))
        .map(|(i, j)| information[i * NEURONS + j])
        .collect();
    for (name, expected) in
        [("mean_entropy", mean(&entropy)), ("mean_mutual_information", mean(&pairs))]
    {
        let lines = column(&place, name);
        let found = lines.iter().find(|(model, layer, _)| model == "a" && layer == "second");
        let found: f64 = found.unwrap().2.parse().unwrap();
        assert!((found - expected).abs() < 1e-12, "{name}: {found} {expected}");
    }
}

#[test]
fn files_directories_and_patterns_name_the_same_models() {
    let place = models();
    let mut pages = Vec::new();
    for inputs in [
        &["runs"][..],
        &["runs/*.safetensors"],
        &["runs/a.safetensors", "runs/b.safetensors", "runs/c.safetensors"],
        &["runs/[a-b].safetensors", "runs/c.safetensors"],
    ] {
        let run = compare(&place, inputs);
        assert_eq!(run.status, 0, "{inputs:?}: {run:?}");
        pages.push(place.bytes("out/report.html"));
    }
    assert!(pages.windows(2).all(|pages| pages[0] == pages[1]), "the same page, to the byte");
}

#[test]
fn a_single_file_is_a_model_whose_layers_are_compared() {
    let place = models();
    let run = compare(&place, &["runs/a.safetensors", "--bins", "5", "--units", "bits"]);
    assert_eq!(run.status, 0, "{run:?}");
    assert!(run.stdout.starts_with("layer  "), "{}", run.stdout);
    assert!(run.stdout.contains("(bits)"), "{}", run.stdout);
    assert!(!place.tree().contains(&"out/pictures/models.svg".to_owned()), "nothing to rank");
    let run = compare(&place, &["runs/a.safetensors", "--layer", "second", "--edges", "2"]);
    assert_eq!(run.status, 0, "{run:?}");
    let edges = String::from_utf8(place.bytes("out/edges.csv")).unwrap();
    assert!(edges.lines().count() <= 3, "{edges}");
}

/// Tests that single layers are compared although they have different names, those of their `.npy`
/// files.
#[test]
fn only_layers_are_compared_whatever_their_names() {
    let place = Place::new();
    let shape = [SAMPLES as u64, NEURONS as u64];
    place.put("x.npy", npy(&shape, Order::C, &activations(1, 0)));
    place.put("y.npz", npz(&[("h.npy", npy(&shape, Order::C, &activations(8, 0)))], Stored));
    let run = compare(&place, &["x.npy", "y.npz", "--names", "left, right"]);
    assert_eq!(run.status, 0, "{run:?}");
    let lines = column(&place, "mutual_information_rank");
    let line =
        |model: &str, rank: &str| (model.to_owned(), "the only layer".to_owned(), rank.to_owned());
    assert_eq!(lines, [line("left", "1"), line("right", "2")]);
}

#[test]
fn every_estimator_makes_a_report() {
    let place = models();
    for how in [
        &["--estimator", "miller-madow"][..],
        &["--preset", "paper"],
        &["--estimator", "ksg", "--jitter", "1e-6", "--seed", "3"],
        &["--binning", "equal-frequency", "--bins", "4", "--zero-bin"],
    ] {
        let run = compare(&place, &[&["runs"], how].concat());
        assert_eq!(run.status, 0, "{how:?}: {run:?}");
        let page = String::from_utf8(place.bytes("out/report.html")).unwrap();
        assert!(page.contains("G-test"), "{how:?}");
    }
}

#[test]
fn names_cannot_break_out() {
    let place = Place::new();
    let shape = [SAMPLES as u64, NEURONS as u64];
    let array = npy(&shape, Order::C, &activations(2, 0));
    let layer = "<img src=x onerror=alert(1)>.npy";
    place.put("m.npz", npz(&[(layer, array.clone()), ("b\u{202e}\u{7}\".npy", array)], Stored));
    let long = format!("{}é", "long ".repeat(60));
    let names = format!("</title><script>alert(1)</script>,'\"&\u{1b}[2J{long}");
    place.put("n.npz", place.bytes("m.npz"));
    let run = compare(&place, &["m.npz", "n.npz", "--names", &names, "--title", "<b>&"]);
    assert_eq!(run.status, 0, "{run:?}");
    assert!(!run.stdout.contains('\u{1b}'), "the terminal is left alone");
    let page = String::from_utf8(place.bytes("out/report.html")).unwrap();
    assert!(!page.contains("<script") && !page.contains("<img src"), "names are text");
    assert!(page.contains("&lt;script&gt;"), "and there");
    assert!(page.contains("<title>&lt;b&gt;&amp;</title>"), "as is the title");
    for text in place.tree().iter().filter(|path| path.ends_with(".svg") || path.ends_with("ml")) {
        let text_of = String::from_utf8(place.bytes(text)).unwrap();
        let is_xml = !text.ends_with(".html");
        if is_xml {
            roxmltree::Document::parse(&text_of).unwrap_or_else(|error| panic!("{text}: {error}"));
        }
        assert!(!text_of.contains(['\u{1b}', '\u{7}', '\u{202e}']), "{text}");
    }
}

#[test]
fn what_makes_no_sense_is_refused_and_leaves_nothing() {
    let place = models();
    let shape = [SAMPLES as u64, NEURONS as u64];
    let fewer = [SAMPLES as u64 / 2, NEURONS as u64 * 2];
    place.put("few.npy", npy(&fewer, Order::C, &activations(1, 0)));
    place.put("many.npy", npy(&shape, Order::C, &activations(1, 0)));
    let mut broken = activations(1, 0);
    broken[7] = f32::NAN;
    place.put("nan.npy", npy(&shape, Order::C, &broken));
    std::fs::create_dir(place.path().join("empty")).unwrap();
    for (name, text) in [
        ("missing.csv", "model,score\na,1\nb,2\n"),
        ("extra.csv", "model,score\na,1\nb,2\nc,3\nd,4\n"),
        ("twice.csv", "model,score\na,1\na,2\nb,2\nc,3\n"),
        ("nan.csv", "model,score\na,1\nb,nan\nc,3\n"),
        ("header.csv", "name,accuracy\na,1\n"),
    ] {
        place.put(name, text);
    }
    for (arguments, expected) in [
        (&["gone.npy"][..], "gone.npy"),
        (&["gone/*.npy"], "no files of activations found at"),
        (&["runs/[.npy"], "error"),
        (&["empty"], "no files of activations found at"),
        (&["runs", "--layer", "third"], "has no layer third"),
        (&["runs", "--names", "x,y"], "--names has 2 names for 3 models"),
        (&["runs", "--names", "x,y,x"], "would both be called x"),
        (&["runs", "--names", "x,,y"], "fill the gap in --names"),
        (&["runs", "runs"], "tell them apart with --names"),
        (&["few.npy", "many.npy"], "give all models the same ones"),
        (&["many.npy", "nan.npy"], "activation of sample 1, neuron 1 is NaN"),
        (&["runs", "--scores", "gone.csv"], "could not read gone.csv"),
        (&["runs", "--scores", "missing.csv"], "there is no score for model c"),
        (&["runs", "--scores", "extra.csv"], "line 5 scores d, and no model is called that"),
        (&["runs", "--scores", "twice.csv"], "line 3: a has a score on line 2 already"),
        (&["runs", "--scores", "nan.csv"], "line 3: the score of b is \"nan\""),
        (&["runs", "--scores", "header.csv"], "line 1: no column model"),
        (&["runs/a.safetensors", "--scores", "nan.csv"], "line 3"),
        (&["many.npy", "--scores", "missing.csv"], "there is only one"),
        (&["runs", "--seed", "1"], "--seed is for the random numbers of --jitter"),
        (&["runs", "--estimator", "ksg", "--bins", "5"], "--bins is for histograms"),
        (&["runs", "--binning", "threshold=0", "--bins", "5"], "leave --bins out"),
        (&["runs", "--edges", "-1"], "error"),
    ] {
        let run = compare(&place, arguments);
        assert_refused(&place, &format!("{arguments:?}"), &run, expected);
    }
    let run = place.run(&["compare", "runs", "--engine", "cpu", "--out", "many.npy"]);
    assert_refused(&place, "a file as directory", &run, "many.npy");
    let run = place.run(&["compare", "runs"]);
    assert_refused(&place, "no --out", &run, "--out");
}

#[test]
fn an_older_report_stays_if_the_new_one_fails() {
    let place = models();
    assert_eq!(compare(&place, &["runs"]).status, 0);
    let before = (place.tree(), place.bytes("out/report.html"));
    place.put("x.npy", &plain_npy()[..200]);
    assert_eq!(compare(&place, &["runs", "x.npy"]).status, 2);
    std::fs::remove_file(place.path().join("x.npy")).unwrap();
    assert_eq!((place.tree(), place.bytes("out/report.html")), before);
}
