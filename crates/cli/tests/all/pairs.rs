//! Tests that selected pairs are those of the whole matrix, from one run, from several, or from
//! parts.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use cofire::significance::{Null, Surrogates};
use cofire::{Analysis, Engine};
use ndarray::Array2;
use npyz::Order;

use crate::common::{Place, Run, npy};

/// The numbers of samples and neurons. Entropies of neurons differ very much, and some neurons are
/// equal.
const SHAPE: (usize, usize) = (300, 60);

fn activations() -> Vec<f32> {
    let noise = |s: usize, n: usize| {
        let mixed =
            (s as u64 * 0x9e37_79b9 + n as u64 * 0x85eb_ca6b).wrapping_mul(0xc2b2_ae3d_27d4);
        ((mixed >> 20) % 10_000) as f32 / 10_000.0
    };
    let value = |s, n| match n % 6 {
        0 => noise(s, 0) + 0.2 * noise(s, n),
        1 => noise(s, n),
        2 => f32::from(noise(s, n) < 0.02),
        3 => noise(s, 4),
        4 => (noise(s, 0) + noise(s, n / 2)).powi(4),
        _ => 0.0,
    };
    (0..SHAPE.0).flat_map(|s| (0..SHAPE.1).map(move |n| value(s, n))).collect()
}

fn put(place: &Place, name: &str, values: &[f32]) {
    let samples = (values.len() / SHAPE.1) as u64;
    place.put(name, npy(&[samples, SHAPE.1 as u64], Order::C, values));
}

/// Makes a place with the activations in a file.
fn place() -> Place {
    let place = Place::new();
    put(&place, "x.npy", &activations());
    place
}

fn pairs(place: &Place, arguments: &[&str]) -> Run {
    place.run(&[&["pairs", "x.npy", "--engine", "cpu"], arguments].concat())
}

#[track_caller]
fn succeed(run: &Run) {
    assert_eq!(run.status, 0, "{run:?}");
}

/// Asserts that the run failed, with a last line on stderr that has all the words.
#[track_caller]
fn refused(run: &Run, status: i32, words: &[&str]) {
    assert_eq!(run.status, status, "{run:?}");
    let line = run.stderr.lines().last().unwrap_or_default();
    for word in words {
        assert!(line.contains(word), "{word:?} is not in {line:?}");
    }
}

/// Reads the pairs of a CSV file. Fails if they are not in order.
fn csv(place: &Place, name: &str) -> BTreeMap<(usize, usize), f64> {
    let text = String::from_utf8(place.bytes(name)).unwrap();
    let mut lines = text.lines();
    assert_eq!(lines.next(), Some("first,second,mutual_information"), "the header");
    let pairs: Vec<((usize, usize), f64)> = lines
        .map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            let [first, second, information] = fields[..] else { panic!("{line}") };
            let pair = (first.parse().unwrap(), second.parse().unwrap());
            (pair, information.parse().unwrap())
        })
        .collect();
    assert!(pairs.is_sorted_by(|a, b| a.0 < b.0), "{name} is in order");
    pairs.into_iter().collect()
}

/// Returns the whole matrix, as `analyze` computes it.
fn matrix(place: &Place, arguments: &[&str]) -> Vec<f64> {
    succeed(&place.analyze(&[&["x.npy", "--out", "whole"], arguments].concat()));
    place.array("whole/mi.npy").1
}

#[track_caller]
fn assert_pairs(place: &Place, out: &str, expected: &BTreeSet<(usize, usize)>, matrix: &[f64]) {
    let found = csv(place, &format!("{out}/pairs.csv"));
    assert_eq!(found.keys().copied().collect::<BTreeSet<_>>(), *expected, "{out}");
    for ((i, j), information) in found {
        assert_eq!(information.to_bits(), matrix[i * SHAPE.1 + j].to_bits(), "{i} {j}");
    }
    let found = place.bytes(&format!("{out}/entropy.npy"));
    assert_eq!(found, place.bytes("whole/entropy.npy"), "entropies in {out}");
}

fn all_pairs() -> impl Iterator<Item = (usize, usize)> {
    (0..SHAPE.1).flat_map(|i| (i + 1..SHAPE.1).map(move |j| (i, j)))
}

fn strongest(matrix: &[f64], most: usize) -> BTreeSet<(usize, usize)> {
    let mut pairs = BTreeSet::new();
    for i in 0..SHAPE.1 {
        let of = |j: usize| matrix[i * SHAPE.1 + j];
        let mut partners: Vec<usize> = (0..SHAPE.1).filter(|&j| j != i).collect();
        // The sort is stable: among equal values, the lower index stays first.
        partners.sort_by(|&a, &b| of(b).total_cmp(&of(a)));
        pairs.extend(partners.iter().take(most).map(|&j| (i.min(j), i.max(j))));
    }
    pairs
}

#[test]
fn selected_pairs_are_those_of_the_matrix() {
    let place = place();
    for settings in
        [&["--bins", "10"][..], &["--estimator", "miller-madow", "--units", "bits", "--bins", "4"]]
    {
        let matrix = matrix(&place, settings);
        let select = |how: &[&str]| {
            succeed(&pairs(&place, &[how, settings, &["--out", "out"]].concat()));
        };
        select(&["--strongest", "3"]);
        assert_pairs(&place, "out", &strongest(&matrix, 3), &matrix);
        select(&["--strongest", "3", "--block-edge", "7"]);
        assert_pairs(&place, "out", &strongest(&matrix, 3), &matrix);
        select(&["--at-least", "0.3", "--block-edge", "16", "--memory", "64M"]);
        let above = |&(i, j): &(usize, usize)| matrix[i * SHAPE.1 + j] >= 0.3;
        assert_pairs(&place, "out", &all_pairs().filter(above).collect(), &matrix);
        select(&["--all", "--block-edge", "13"]);
        assert_eq!(place.bytes("out/mi.npy"), place.bytes("whole/mi.npy"));
        assert_eq!(place.bytes("out/entropy.npy"), place.bytes("whole/entropy.npy"));
    }
}

#[test]
fn discoveries_are_those_of_analyze() {
    let place = place();
    let matrix = matrix(&place, &["--bins", "4", "--significance", "g-test"]);
    let rates = place.array("whole/false_discovery_rates.npy").1;
    let out = ["--out", "out", "--bins", "4", "--block-edge", "9"];
    succeed(&pairs(&place, &[&["--false-discovery-rate", "0.05"], &out[..]].concat()));
    let is_found = |&(i, j): &(usize, usize)| rates[i * SHAPE.1 + j] <= 0.05;
    let expected: BTreeSet<_> = all_pairs().filter(is_found).collect();
    assert!(!expected.is_empty() && expected.len() < all_pairs().count(), "some, not all");
    assert_pairs(&place, "out", &expected, &matrix);
    let (shape, found) = place.array("out/false_discovery_rates.npy");
    assert_eq!(shape, [expected.len() as u64]);
    let expected: Vec<f64> = expected.iter().map(|&(i, j)| rates[i * SHAPE.1 + j]).collect();
    crate::common::assert_close("rates", &found, &expected);
}

#[test]
fn pairs_of_a_sequence_are_those_of_the_library() {
    let place = place();
    let x = Array2::from_shape_vec(SHAPE, activations()).unwrap();
    let analysis = Analysis::new(5).engine(Engine::Cpu);
    let layer = analysis.encode_batches(&mut x.view()).unwrap();
    let surrogates = Surrogates { null: Null::Shift { at_least: Some(40) }, number: 9, seed: 2 };
    let sweep = analysis.sweep_with_surrogates(layer, 0.2, &surrogates, None).unwrap();
    let expected = sweep.run().unwrap();
    assert!(expected.pairs.len() > 10, "{}", expected.pairs.len());
    let test = ["--bins", "5", "--false-discovery-rate", "0.2", "--significance", "shift"];
    let more = ["--shift-at-least", "40", "--permutations", "9", "--seed", "2"];
    let test = [&test[..], &more].concat();
    for blocks in [&[][..], &["--block-edge", "16"]] {
        succeed(&pairs(&place, &[&test, blocks, &["--out", "out"]].concat()));
        let found: Vec<_> = csv(&place, "out/pairs.csv").into_iter().collect();
        let of = |p: &cofire::sweep::InformationPair| {
            ((p.first as usize, p.second as usize), p.mutual_information)
        };
        assert_eq!(found, expected.pairs.iter().map(of).collect::<Vec<_>>());
        let rates = place.array("out/false_discovery_rates.npy").1;
        assert_eq!(Some(rates), expected.false_discovery_rates);
    }
    let summary = String::from_utf8(place.bytes("out/summary.json")).unwrap();
    assert!(summary.contains("\"--significance\": \"shift\""), "{summary}");

    for (arguments, words) in [
        (&["--job", "job"][..], &["--job", "--significance shift"][..]),
        (&["--job", "job", "--part", "1/2"], &["--part", "--significance shift"]),
    ] {
        let run = pairs(&place, &[&test, arguments].concat());
        refused(&run, 2, words);
        assert!(!place.path().join("job").exists(), "a job was begun: {run:?}");
    }
    let short = ["--false-discovery-rate", "0.2", "--significance", "shift", "--out", "o"];
    let run = pairs(&place, &[&short[..], &["--shift-at-least", "151"]].concat());
    refused(&run, 2, &["from 1 to 150"]);
    let run = pairs(&place, &["--all", "--significance", "shift", "--out", "o"]);
    refused(&run, 2, &["add --false-discovery-rate Q"]);
    // The G-test by name is the default.
    let plain = ["--bins", "5", "--false-discovery-rate", "0.2", "--out"];
    succeed(&pairs(&place, &[&plain[..], &["a"]].concat()));
    succeed(&pairs(&place, &[&plain[..], &["b", "--significance", "g-test"]].concat()));
    assert_eq!(place.bytes("a/pairs.csv"), place.bytes("b/pairs.csv"));
}

#[test]
fn shards_are_one_layer_and_every_format_has_the_same_pairs() {
    let place = place();
    let values = activations();
    fs::create_dir(place.path().join("dumps")).unwrap();
    for (name, samples) in [("s-2.npy", 0..70), ("s-9.npy", 70..71), ("s-10.npy", 71..300)] {
        let range = samples.start * SHAPE.1..samples.end * SHAPE.1;
        put(&place, &format!("dumps/{name}"), &values[range]);
    }
    let names =
        if cfg!(feature = "tables") { &["csv", "npz", "parquet"][..] } else { &["csv", "npz"] };
    let formats: Vec<&str> = names.iter().flat_map(|name| ["--format", *name]).collect();
    let how = [&["--strongest", "2", "--engine", "cpu"], &formats[..]].concat();
    succeed(&place.run(&[&["pairs", "x.npy", "--out", "one"], &how[..]].concat()));
    succeed(&place.run(&[&["pairs", "dumps", "--out", "shards"], &how[..]].concat()));
    succeed(&place.run(&[&["pairs", "dumps/s-*.npy", "--out", "glob"], &how[..]].concat()));
    let files = names.iter().map(|name| format!("pairs.{name}"));
    for name in files.chain(["entropy.npy".to_owned()]) {
        let expected = place.bytes(&format!("one/{name}"));
        assert_eq!(place.bytes(&format!("shards/{name}")), expected, "{name}");
        assert_eq!(place.bytes(&format!("glob/{name}")), expected, "{name}");
    }
    let bytes = fs::File::open(place.path().join("one/pairs.npz")).unwrap();
    let mut archive = zip::ZipArchive::new(bytes).unwrap();
    let mut member = |name: &str| {
        archive.by_name(name).map(|file| {
            npyz::NpyFile::new(std::io::BufReader::new(file)).unwrap().into_vec::<f64>().unwrap()
        })
    };
    let values = member("data.npy").unwrap();
    assert_eq!(values, csv(&place, "one/pairs.csv").into_values().collect::<Vec<_>>());
}

#[test]
fn the_summary_tells_what_was_passed_over_and_from_where() {
    let place = place();
    let how = ["--at-least", "2", "--block-edge", "8", "--bins", "10", "--job", "job"];
    let run = pairs(&place, &[&how[..], &["--out", "out", "--json"]].concat());
    succeed(&run);
    let summary: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(run.stdout.as_bytes(), place.bytes("out/summary.json"));
    assert_eq!(summary["samples"], 300);
    assert_eq!(summary["neurons"], 60);
    assert_eq!(summary["pairs_in_all"], 60 * 61 / 2);
    assert_eq!(summary["settings"]["--at-least"], "2");
    assert_eq!(summary["blocks"]["total"], 36);
    assert_eq!(summary["blocks"]["computed"], 36);
    assert_eq!(summary["written"]["pairs_csv"], "pairs.csv");
    assert_eq!(summary["computed"]["engine"], "cpu");
    // A third of the neurons have an entropy below 2 nats.
    assert!(summary["share_passed_over"].as_f64().unwrap() > 0.3, "{summary}");

    let run = pairs(&place, &[&how[..], &["--out", "out"]].concat());
    succeed(&run);
    assert!(run.stdout.contains("36 of 8 neurons, 36 finished before"), "{}", run.stdout);
    assert!(run.stdout.contains("passed over"), "{}", run.stdout);
}

#[test]
fn arguments_that_make_no_sense_are_refused() {
    let place = place();
    let before = place.tree();
    let all: [(&[&str], &[&str]); 14] = [
        (&["--out", "o"], &["--help"]),
        (&["--strongest", "1", "--all", "--out", "o"], &["--help"]),
        (&["--strongest", "1"], &["--out"]),
        (&["--strongest", "0", "--out", "o"], &["at least one"]),
        (&["--at-least", "-1", "--out", "o"], &["above 0"]),
        (&["--false-discovery-rate", "2", "--out", "o"], &["between 0 and 1"]),
        (
            &["--false-discovery-rate", "0.1", "--estimator", "jeffreys", "--out", "o"],
            &["plug-in", "jeffreys"],
        ),
        (&["--strongest", "1", "--estimator", "ksg", "--out", "o"], &["cofire analyze"]),
        (&["--all", "--format", "csv", "--out", "o"], &["--format", "--all"]),
        (&["--strongest", "1", "--part", "1/2", "--out", "o"], &["--job DIR"]),
        (&["--strongest", "1", "--part", "1/2", "--job", "j", "--out", "o"], &["cofire merge"]),
        (&["--strongest", "1", "--part", "3/2", "--job", "j"], &["--help"]),
        (&["--strongest", "1", "--layer", "nope", "--out", "o"], &["nope"]),
        (&["--strongest", "1", "--memory", "10", "--out", "o"], &["10 bytes are allowed"]),
    ];
    for (arguments, words) in all {
        let run = pairs(&place, arguments);
        let status = if arguments.contains(&"--memory") { 1 } else { 2 };
        refused(&run, status, words);
        assert_eq!(place.tree(), before, "{arguments:?}");
    }
}

fn blocks(directory: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(directory) else { return Vec::new() };
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut blocks: Vec<String> =
        names.filter(|name| name.starts_with("block-") && !name.ends_with(".partial")).collect();
    blocks.sort();
    blocks
}

/// The options of a job of 36 blocks.
const JOB: [&str; 8] = ["--strongest", "3", "--block-edge", "8", "--bins", "10", "--job", "job"];

#[test]
fn damaged_blocks_are_noticed_and_computed_again() {
    let place = place();
    let run = |out: &str| pairs(&place, &[&JOB[..], &["--out", out]].concat());
    succeed(&run("first"));
    let at = |name: &str| place.path().join("job").join(name);
    let all = blocks(&place.path().join("job"));
    assert_eq!(all.len(), 36);
    let bytes: Vec<Vec<u8>> = all.iter().map(|name| fs::read(at(name)).unwrap()).collect();
    fs::remove_file(at(&all[0])).unwrap();
    fs::write(at(&all[3]), &bytes[3][..bytes[3].len() - 1]).unwrap();
    fs::write(at(&all[4]), b"").unwrap();
    let mut flipped = bytes[7].clone();
    flipped[60] ^= 1;
    fs::write(at(&all[7]), flipped).unwrap();
    fs::write(at(&all[10]), &bytes[11]).unwrap();
    fs::write(at(&all[11]), &bytes[10]).unwrap();
    fs::write(at(&all[20]), vec![0; 1 << 20]).unwrap();
    let again = run("again");
    succeed(&again);
    assert_eq!(again.stderr.matches("warning: ").count(), 6, "{}", again.stderr);
    for word in ["ends too early", "checksum is wrong", "of another block", "is longer than"] {
        assert!(again.stderr.contains(word), "{word}: {}", again.stderr);
    }
    assert!(again.stdout.contains("29 finished before, 6 damaged"), "{}", again.stdout);
    for name in ["pairs.csv", "pairs.npz", "entropy.npy"] {
        let (first, again) = (format!("first/{name}"), format!("again/{name}"));
        assert_eq!(place.bytes(&first), place.bytes(&again), "{name}");
    }
    // All were repaired, so no warning is left.
    assert!(!run("third").stderr.contains("warning"), "mended");

    // The file of the neurons is repaired, too, but the manifest is not guessed.
    fs::write(at("neurons"), b"junk").unwrap();
    refused(&place.run(&["merge", "job", "--out", "o"]), 2, &["job/neurons", "again"]);
    succeed(&run("fourth"));
    succeed(&place.run(&["merge", "job", "--out", "o"]));
    fs::write(at("job.json"), b"{}").unwrap();
    refused(&run("fifth"), 2, &["job/job.json"]);
}

#[test]
fn another_input_or_setting_is_refused() {
    let place = place();
    let run = |arguments: &[&str]| pairs(&place, &[arguments, &["--out", "out"]].concat());
    succeed(&run(&JOB));
    let before = (place.bytes("job/job.json"), place.bytes("out/pairs.csv"));
    let with = |from: &str, to: &str| {
        let arguments = JOB.map(|argument| if argument == from { to } else { argument });
        run(&arguments)
    };
    refused(&with("10", "20"), 2, &["begun with --bins 10, now --bins 20", "job"]);
    refused(&with("3", "4"), 2, &["begun with --strongest 3, now --strongest 4"]);
    refused(&with("8", "16"), 2, &["blocks of 8 neurons, now blocks of 16 neurons"]);
    let more = |more: &[&str]| run(&[&JOB[..], more].concat());
    refused(&more(&["--zero-bin"]), 2, &["no --zero-bin, now --zero-bin"]);
    let two = ["--units", "bits", "--range", "global"];
    refused(&more(&two), 2, &["--units nats", "now", "--units bits", "--range global"]);

    // Change the last bit of one value: the codes, and so the results, would be the same.
    let mut values = activations();
    values[100 * SHAPE.1 + 1] = f32::from_bits(values[100 * SHAPE.1 + 1].to_bits() ^ 1);
    put(&place, "x.npy", &values);
    refused(&run(&JOB), 2, &["begun with other activations"]);
    values.truncate(299 * SHAPE.1);
    put(&place, "x.npy", &values);
    refused(&run(&JOB), 2, &["300 samples, now 299 samples"]);
    put(&place, "x.npy", &activations());
    assert_eq!((place.bytes("job/job.json"), place.bytes("out/pairs.csv")), before);
    // Settings that do not change results may differ.
    let run = more(&["--threads", "1", "--memory", "1G", "--kernel", "joint_histogram"]);
    succeed(&run);
    assert!(run.stdout.contains("36 finished before"), "{}", run.stdout);
}

#[test]
fn parts_make_the_whole() {
    for selection in [
        &["--strongest", "2"][..],
        &["--at-least", "0.3"],
        &["--false-discovery-rate", "0.01"],
        &["--all"],
    ] {
        let place = place();
        let how = [selection, &["--bins", "4", "--block-edge", "9"]].concat();
        let run = |more: &[&str]| pairs(&place, &[&how[..], more].concat());
        succeed(&run(&["--out", "whole"]));
        for part in 1..=3 {
            // Each part in a directory of its own, and all parts in one directory.
            let (name, part) = (format!("part-{part}"), format!("{part}/3"));
            succeed(&run(&["--part", &part, "--job", &name]));
            succeed(&run(&["--part", &part, "--job", "shared"]));
        }
        // The activations are not needed.
        fs::remove_file(place.path().join("x.npy")).unwrap();
        let missing = place.run(&["merge", "part-3", "part-1", "--out", "merged"]);
        refused(&missing, 2, &["blocks are missing", "run part 2/3 (again)"]);
        assert!(!place.path().join("merged").exists(), "nothing half done");
        succeed(&place.run(&["merge", "part-3", "part-1", "part-2", "--out", "merged"]));
        succeed(&place.run(&["merge", "shared", "--out", "from shared"]));
        let results: Vec<String> = place
            .tree()
            .into_iter()
            .filter_map(|name| Some(name.strip_prefix("whole/")?.to_owned()))
            .filter(|name| !name.is_empty() && name != "summary.json")
            // Which blocks are passed over depends on those that a process has seen.
            .filter(|name| name != "digests.json" || selection == ["--all"])
            .collect();
        assert!(results.len() >= 2, "{results:?}");
        for name in results {
            let whole = place.bytes(&format!("whole/{name}"));
            assert_eq!(place.bytes(&format!("merged/{name}")), whole, "{selection:?} {name}");
            assert_eq!(place.bytes(&format!("from shared/{name}")), whole, "{selection:?} {name}");
        }
        // If a block is damaged in one directory, it is taken from another one.
        let block = blocks(&place.path().join("part-2")).remove(0);
        place.put(&format!("part-2/{block}"), b"junk");
        let merge = place.run(&["merge", "part-1", "part-2", "part-3", "--out", "merged"]);
        refused(&merge, 2, &["1 of", "blocks are missing: 1;", "run part 2/3 (again)"]);
        let merge =
            place.run(&["merge", "part-1", "part-2", "part-3", "shared", "--out", "merged"]);
        succeed(&merge);
        assert!(merge.stderr.contains("part-2/block-0000001 is damaged"), "{}", merge.stderr);
    }
}

#[test]
fn parts_of_different_jobs_are_not_joined() {
    let place = place();
    let part = |job: &str, part: &str, more: &[&str]| {
        let how = ["--strongest", "2", "--job", job, "--part", part];
        succeed(&pairs(&place, &[&how[..], more].concat()));
    };
    part("a", "1/2", &["--bins", "4"]);
    part("b", "2/2", &["--bins", "5"]);
    refused(
        &place.run(&["merge", "a", "b", "--out", "o"]),
        2,
        &["a and b are of different jobs: --bins 4 in the former, --bins 5 in the latter"],
    );
    let mut values = activations();
    values[17] += 0.001;
    put(&place, "x.npy", &values);
    part("c", "2/2", &["--bins", "4"]);
    refused(&place.run(&["merge", "a", "c", "--out", "o"]), 2, &["fingerprint"]);
    refused(&place.run(&["merge", ".", "--out", "o"]), 2, &["holds no job"]);
    refused(&place.run(&["merge", "nowhere", "--out", "o"]), 2, &["holds no job"]);
}

#[test]
fn directories_of_something_else_are_left_alone() {
    let place = place();
    let run = |job: &str| pairs(&place, &["--strongest", "2", "--job", job, "--out", "out"]);
    refused(&run("."), 2, &["other files in it, such as x.npy"]);
    refused(&run("x.npy"), 2, &["x.npy is not a directory"]);
    assert_eq!(place.tree(), ["x.npy"]);
    // Files left by a job that was killed before it began do not prevent a new one.
    fs::create_dir(place.path().join("job")).unwrap();
    for name in ["lock", "begin.lock", "neurons", "job.json.part-1-of-1.partial"] {
        place.put(&format!("job/{name}"), b"");
    }
    succeed(&run("job"));
}

#[cfg(unix)]
#[test]
fn links_and_pipes_are_not_followed() {
    use std::os::unix::fs::symlink;
    use std::process::Command;

    let place = place();
    let at = |name: &str| place.path().join(name);
    let run = || pairs(&place, &[&JOB[..], &["--out", "out"]].concat());
    succeed(&run());
    place.put("precious", b"precious");
    for name in ["block-0000002", "job.json", "neurons", "lock"] {
        let path = at("job").join(name);
        let bytes = fs::read(&path).unwrap();
        fs::remove_file(&path).unwrap();
        symlink(at("precious"), &path).unwrap();
        if name == "neurons" {
            succeed(&run()); // replaced, as it can be made again
        } else {
            refused(&run(), 2, &[name, "not a regular file"]);
            fs::remove_file(&path).unwrap();
            let made = Command::new("mkfifo").arg(&path).status().unwrap();
            assert!(made.success(), "mkfifo");
            refused(&run(), 2, &[name, "not a regular file"]);
            fs::remove_file(&path).unwrap();
            fs::write(&path, bytes).unwrap();
        }
    }
    // The names of temporary files belong to the writer, which replaces a link there.
    fs::remove_file(at("job/block-0000002")).unwrap();
    symlink(at("precious"), at("job/block-0000002.part-1-of-1.partial")).unwrap();
    succeed(&run());
    assert_eq!(place.bytes("precious"), b"precious");
}
