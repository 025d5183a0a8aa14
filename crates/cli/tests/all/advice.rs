//! Tests that the advice of a message works for the one who follows it.

use npyz::Order;

use crate::common::{Place, npy, plain_npy};

/// Tests arguments that are refused, and what they become by following the message.
#[test]
fn advice_on_arguments_works() {
    let place = Place::new();
    place.put("x.npy", plain_npy());
    place.put("l.npy", npy(&[60], Order::C, &[[0u8, 1, 2]; 20].concat()));
    for (arguments, followed) in [
        ("--bins 1", &["--bins 2", "--bins 256"][..]),
        ("--bins 256 --zero-bin", &["--bins 255 --zero-bin"]),
        ("--binning threshold=1 --bins 10", &["--binning threshold=1"]),
        ("--binning equal-frequency --bins fd", &["--binning equal-frequency --bins 5"]),
        ("--binning threshold=0 --range 0,1", &["--binning threshold=0", "--range 0,1"]),
        ("--binning categories --zero-bin", &["--binning categories"]),
        ("--binning threshold=0 --zero-bin", &["--binning threshold=0", "--bins 1 --zero-bin"]),
        ("--kernel bitset", &[""]),
        ("--estimator pseudo-count=0", &["--estimator pseudo-count=1000"]),
        ("--measure lift", &["--measure lift --bins 2", "--measure lift --binning threshold=0"]),
        ("--measure lift --zero-bin", &["--measure lift --bins 1 --zero-bin"]),
        (
            "--measure lift --bins 2 --zero-bin",
            &["--measure lift --bins 1 --zero-bin", "--measure lift --bins 2"],
        ),
        ("--measure lift --binning edges=0,9,50,99", &["--measure lift --binning threshold=9"]),
        (
            "--measure lift --binning edges=0,9,99 --zero-bin",
            &["--measure lift --binning edges=0,9,99"],
        ),
        ("--measure lift --bins 2 --other x.npy", &["--measure lift --bins 2", "--other x.npy"]),
        ("--rates 0,1", &["--rates 0,1 --measure phi --bins 2", ""]),
        ("--labels l.npy --other x.npy", &["--labels l.npy", "--other x.npy"]),
        ("--labels l.npy --estimator chao-shen", &["--labels l.npy --estimator miller-madow"]),
        (
            "--significance g-test --estimator laplace",
            &["--significance g-test", "--significance permutation --estimator laplace"],
        ),
        ("--significance g-test --estimator chao-shen", &["--significance g-test"]),
        (
            "--significance g-test --estimator laplace --other x.npy",
            &["--significance g-test --other x.npy"],
        ),
        (
            "--significance permutation --estimator chao-shen",
            &["--significance permutation --estimator miller-madow"],
        ),
        ("--permutations 9", &["--permutations 9 --significance permutation", ""]),
        ("--neighbors 3", &["--neighbors 3 --estimator ksg", ""]),
        ("--estimator ksg2 --bins 10", &["--estimator ksg2", "--bins 10"]),
        ("--preset paper --bins 100", &["--preset paper", "--bins 100"]),
        ("--preset paper --neighbors 3", &["--preset paper", "--neighbors 3 --estimator ksg"]),
        ("--estimator ksg --neighbors 60", &["--estimator ksg --neighbors 59"]),
        ("--adapter gpu --engine cpu", &["--engine cpu"]),
    ] {
        let run = |options: &str| {
            let options: Vec<&str> = options.split_whitespace().collect();
            place.run(&[&["analyze", "x.npy"], &options[..]].concat())
        };
        let refused = run(arguments);
        assert_eq!(refused.status, 2, "{arguments}: {refused:?}");
        for followed in followed {
            let done = run(followed);
            assert_eq!(done.status, 0, "{arguments}, then {followed}: {done:?}");
        }
    }
}

#[test]
fn what_memory_cannot_hold_is_left_to_pairs() {
    let place = Place::new();
    // Two samples of a million neurons, whose matrix takes 8 TB.
    let values: Vec<u8> = (0..2_000_000u32).map(|n| u8::from(n.is_multiple_of(3))).collect();
    place.put("x.npy", npy(&[2, 1_000_000], Order::C, &values));
    let run = place.analyze(&["x.npy"]);
    assert_eq!(run.status, 1, "{run:?}");
    assert!(run.stderr.contains("use cofire pairs"), "{run:?}");
    assert!(!run.stderr.contains("raise the limit"), "analyze has none: {run:?}");
}

#[test]
fn one_sample_is_no_matter_of_neighbours() {
    let place = Place::new();
    place.put("x.npy", npy(&[1, 2], Order::C, &[1u8, 2]));
    let run = place.analyze(&["x.npy", "--estimator", "ksg"]);
    assert_eq!(run.status, 2, "{run:?}");
    assert!(run.stderr.contains("pass at least two samples"), "{run:?}");
}
