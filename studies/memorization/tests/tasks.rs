//! Tests of the data sets: shares are exact, a seed gives the same data, and nothing else changes.

#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "tests"
)]

use cofire_memorization::Error;
use cofire_memorization::circles::{self, Circles};
use cofire_memorization::images::{self, TRAINING_DIGITS};
use cofire_memorization::tasks::{self, Examples, LABEL_NOISE, Problem};
use ndarray::{Axis, s};

/// Counts the samples of each class.
fn counts(labels: &[u32]) -> Vec<usize> {
    let classes = labels.iter().max().map_or(0, |&most| most as usize + 1);
    (0..classes)
        .map(|class| labels.iter().filter(|&&label| label as usize == class).count())
        .collect()
}

#[test]
fn digits_are_those_of_scikit_learn() {
    let set = images::digits().unwrap();
    assert_eq!(set.train.pixels.dim(), (TRAINING_DIGITS, 64));
    assert_eq!(set.held_out.pixels.dim(), (1_297, 64));
    let all: Vec<u32> =
        [&set.train.digits[..], &set.held_out.digits].concat().into_iter().map(u32::from).collect();
    // numpy.bincount(sklearn.datasets.load_digits().target)
    assert_eq!(counts(&all), [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]);
    // sklearn.datasets.load_digits().data.sum() / 16
    let sum = set.train.pixels.mapv(f64::from).sum() + set.held_out.pixels.mapv(f64::from).sum();
    assert_eq!(sum, 561_718.0 / 16.0);
}

#[test]
fn just_the_share_beta_is_shuffled() {
    let set = images::digits().unwrap();
    let truth: Vec<u32> = set.train.digits.iter().copied().map(u32::from).collect();
    let mut wrong_before = 0;
    for beta in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let problem = tasks::shuffled(&set, beta, 7).unwrap();
        assert_eq!(problem.training.inputs, set.train.pixels);
        assert_eq!(
            counts(&problem.training.labels),
            counts(&truth),
            "labels are shuffled, not drawn"
        );
        let wrong = differing(&problem.training.labels, &truth);
        let shuffled = (beta * TRAINING_DIGITS as f64).round();
        // Of n shuffled labels of ten equal classes, 0.9 n are wrong, give or take √(0.09 n).
        let spread = 5.0 * (0.09 * shuffled).sqrt();
        assert!((wrong as f64 - 0.9 * shuffled).abs() <= spread, "{beta}: {wrong} are wrong");
        assert!(wrong > wrong_before || beta == 0.0, "{beta}: {wrong} after {wrong_before}");
        wrong_before = wrong;
        // Nothing that is held out is shuffled.
        assert_eq!(problem.scored.inputs, set.held_out.pixels);
        assert!(
            problem
                .scored
                .labels
                .iter()
                .zip(&set.held_out.digits)
                .all(|(a, &b)| *a == u32::from(b))
        );
    }
}

#[test]
fn just_the_share_alpha_has_the_colour_of_its_label() {
    let set = images::digits().unwrap();
    let pixels = set.train.pixels.ncols();
    for alpha in [0.0, 0.25, 0.5, 0.75, 1.0] {
        let problem = tasks::colored(&set, alpha, 3).unwrap();
        // Half of the other samples agree by chance.
        for (what, agreeing, share) in [
            ("training", agreement(&problem.training, pixels), alpha),
            ("scored", agreement(&problem.scored, pixels), 0.0),
        ] {
            let count = if what == "training" { 500.0 } else { 1297.0f64 };
            let chosen = (share * count).round();
            let expected = chosen + (count - chosen) / 2.0;
            let spread = 5.0 * ((count - chosen) / 4.0).sqrt();
            assert!((agreeing as f64 - expected).abs() <= spread, "{what}, {alpha}: {agreeing}");
        }
        // A quarter of the labels is wrong, whatever the colours. Held-out labels are all right.
        let truth: Vec<u32> = set.train.digits.iter().map(|&digit| u32::from(digit < 5)).collect();
        let wrong = differing(&problem.training.labels, &truth);
        assert_eq!(wrong, (LABEL_NOISE * TRAINING_DIGITS as f64) as usize);
        let truth: Vec<u32> =
            set.held_out.digits.iter().map(|&digit| u32::from(digit < 5)).collect();
        assert_eq!(problem.scored.labels, truth);
        // The image is in one channel, and the other is black.
        let sum = &problem.training.inputs.slice(s![.., ..pixels])
            + &problem.training.inputs.slice(s![.., pixels..]);
        assert_eq!(sum, set.train.pixels);
    }
    let all = tasks::colored(&set, 1.0, 3).unwrap();
    assert_eq!(agreement(&all.training, pixels), TRAINING_DIGITS);
}

#[test]
fn circles_have_a_shortcut_where_they_should() {
    let problem = |kind| circles::problem(kind, 2000, 2000, 1).unwrap();
    for (kind, agreeing) in
        [(Circles::Shortcut, 1.0), (Circles::Clean, 0.5), (Circles::Shuffled, 0.5)]
    {
        let Problem { training, scored, unlabelled, classes } = problem(kind);
        assert_eq!((classes, unlabelled.dim()), (2, (2000, 3)));
        for (examples, expected) in [(&training, agreeing), (&scored, 0.5)] {
            assert_eq!(counts(&examples.labels), [1000, 1000]);
            let signed: Vec<usize> =
                (0..2000).filter(|&i| !(0.0..=1.0).contains(&examples.inputs[[i, 2]])).collect();
            assert_eq!(signed.len(), 1500);
            let agree = signed
                .iter()
                .filter(|&&i| (examples.inputs[[i, 2]] > 0.0) == (examples.labels[i] == 1))
                .count();
            let share = agree as f64 / 1500.0;
            assert!((share - expected).abs() < 0.08, "{kind:?}: {share}");
        }
        // Radii of 0.4 and 1, with noise of 0.2 along both axes: E r² = R² + 2 · 0.2².
        for (label, radius) in [(0, 1.0f64), (1, 0.4)] {
            let squares: Vec<f64> = (0..2000)
                .filter(|&i| scored.labels[i] == label)
                .map(|i| f64::from(scored.inputs[[i, 0]].powi(2) + scored.inputs[[i, 1]].powi(2)))
                .collect();
            let mean = squares.iter().sum::<f64>() / squares.len() as f64;
            assert!((mean - radius * radius - 0.08).abs() < 0.06, "{label}: {mean}");
        }
    }
    // Shuffled labels are independent of the radius.
    let shuffled = problem(Circles::Shuffled).training;
    let clean = problem(Circles::Clean).training;
    assert_eq!(shuffled.inputs, clean.inputs);
    let right = 2000 - differing(&shuffled.labels, &clean.labels);
    assert!((900..1100).contains(&right), "{right}");
}

#[test]
fn a_seed_is_kept_and_another_differs() {
    let set = images::digits().unwrap();
    let same = |a: &Problem, b: &Problem| {
        a.training.labels == b.training.labels
            && a.training.inputs == b.training.inputs
            && a.unlabelled == b.unlabelled
            && a.scored.inputs == b.scored.inputs
    };
    let problems = |seed| {
        [
            tasks::shuffled(&set, 0.5, seed).unwrap(),
            tasks::colored(&set, 0.5, seed).unwrap(),
            circles::problem(Circles::Clean, 100, 100, seed).unwrap(),
        ]
    };
    for (first, (again, other)) in problems(1).iter().zip(problems(1).iter().zip(&problems(2))) {
        assert!(same(first, again));
        assert!(!same(first, other));
    }
}

#[test]
fn shares_beyond_all_are_refused() {
    let set = images::digits().unwrap();
    for share in [-0.1, 1.1, f64::NAN] {
        for refused in [tasks::shuffled(&set, share, 0), tasks::colored(&set, share, 0)] {
            assert!(matches!(refused, Err(Error::Share { .. })), "{share}: {refused:?}");
        }
    }
}

fn differing(a: &[u32], b: &[u32]) -> usize {
    a.iter().zip(b).filter(|(a, b)| a != b).count()
}

/// Counts the images that have the colour of their label: the first channel for 0, the second for
/// 1.
fn agreement(examples: &Examples, pixels: usize) -> usize {
    let colour =
        |row: ndarray::ArrayView1<'_, f32>| u32::from(row.slice(s![..pixels]).sum() == 0.0);
    let rows = examples.inputs.axis_iter(Axis(0));
    rows.zip(&examples.labels).filter(|(row, label)| colour(row.view()) == **label).count()
}
