//! Tests of training, measuring and ranking.

#![allow(
    clippy::unwrap_used,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "tests"
)]

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicUsize, Ordering};

use cofire::Range;
use cofire_memorization::circles::{self, Circles};
use cofire_memorization::images;
use cofire_memorization::measures::{Measures, Measuring, NetworkMeasures, measure};
use cofire_memorization::network::{Network, Nonlinearity, Probe, Training};
use cofire_memorization::ranking::{Measure, Place, rank};
use cofire_memorization::study::{Event, Level, Outcome, Study, Task};
use cofire_memorization::{Error, table, tasks};
use ndarray::{Array2, array};

const MEASURING: Measuring =
    Measuring { bins: 8, range: Range::PerNeuron, nearest_neighbors: true };

fn training(hidden: Vec<usize>, nonlinearity: Nonlinearity, epochs: usize) -> Training {
    Training { hidden, nonlinearity, learning_rate: 0.005, batch: 50, epochs, enough: 0.01 }
}

#[test]
fn networks_learn_circles_the_shortcut_and_labels_by_heart() {
    for nonlinearity in [Nonlinearity::Relu, Nonlinearity::Tanh] {
        let train = |kind, samples, epochs| {
            let problem = circles::problem(kind, samples, 1000, 5).unwrap();
            let training = training(vec![16, 16], nonlinearity, epochs);
            let go_on = || ControlFlow::Continue(());
            let trained =
                Network::train(&problem.training, problem.classes, &training, 5, go_on).unwrap();
            let score = trained.network.accuracy(&problem.scored).unwrap();
            (trained.accuracy, score)
        };
        // The middle between the circles is 1.5 standard deviations from both, so no rule is right
        // for many more than 93 of 100 points.
        let (_, clean) = train(Circles::Clean, 1000, 60);
        assert!(clean > 0.9, "{nonlinearity:?} clean: {clean}");
        let (known, shortcut) = train(Circles::Shortcut, 1000, 60);
        assert!(known > 0.97 && shortcut < 0.75, "{nonlinearity:?} shortcut: {known}, {shortcut}");
        let (known, shuffled) = train(Circles::Shuffled, 40, 4000);
        assert!(known > 0.95, "{nonlinearity:?} by heart: {known}");
        assert!((0.3..0.7).contains(&shuffled), "{nonlinearity:?} shuffled: {shuffled}");
    }
}

#[test]
fn the_result_does_not_depend_on_threads_or_the_hour() {
    let set = images::digits().unwrap();
    let study = Study {
        task: Task::Shuffled(&set),
        levels: vec![Level::Beta(0.0), Level::Beta(1.0)],
        seeds: 2,
        training: training(vec![12, 10], Nonlinearity::Relu, 3),
        samples: 200,
        probe: Probe::Output,
        measuring: MEASURING,
    };
    let epochs = AtomicUsize::new(0);
    let count = |event| {
        if matches!(event, Event::Epoch) {
            epochs.fetch_add(1, Ordering::Relaxed);
        }
    };
    let alone = study.run(1, &count).unwrap();
    assert_eq!(epochs.load(Ordering::Relaxed), 4 * 3);
    let together = study.run(3, &|_| {}).unwrap();
    assert_eq!(alone.len(), 4);
    for (one, other) in alone.iter().zip(&together) {
        assert_eq!((one.level, one.seed), (other.level, other.seed));
        assert_eq!(one.activations, other.activations);
        assert_eq!(one.score.to_bits(), other.score.to_bits());
        assert_eq!(one.measures, other.measures);
    }
    assert_ne!(alone[0].activations, alone[1].activations, "seeds differ");
    assert_eq!(alone[0].activations[1].dim(), (200, 10));
}

#[test]
fn sums_and_outputs_are_what_they_are_called() {
    let problem = circles::problem(Circles::Clean, 100, 50, 0).unwrap();
    for (nonlinearity, function) in [
        (Nonlinearity::Relu, (|x: f32| x.max(0.0)) as fn(f32) -> f32),
        (Nonlinearity::Tanh, f32::tanh),
    ] {
        let training = training(vec![5, 4], nonlinearity, 2);
        let go_on = || ControlFlow::Continue(());
        let trained = Network::train(&problem.training, 2, &training, 0, go_on).unwrap();
        let of = |probe| trained.network.activations(problem.unlabelled.view(), probe).unwrap();
        for (sums, outputs) in of(Probe::Sum).iter().zip(of(Probe::Output)) {
            let expected = sums.mapv(function);
            assert!(expected.iter().zip(&outputs).all(|(a, b)| (a - b).abs() < 1e-6));
        }
    }
}

#[test]
fn training_stops_when_told_and_says_so_when_it_fails() {
    let problem = circles::problem(Circles::Clean, 100, 50, 0).unwrap();
    let settings = training(vec![5], Nonlinearity::Relu, 10);
    let stop = || ControlFlow::Break(());
    let stopped = Network::train(&problem.training, 2, &settings, 0, stop).unwrap_err();
    assert!(matches!(stopped, Error::Stopped), "{stopped:?}");

    let mut broken = problem.training.clone();
    broken.inputs[[3, 1]] = f32::NAN;
    let go_on = || ControlFlow::Continue(());
    let settings_of_tanh = training(vec![5], Nonlinearity::Tanh, 10);
    let failed = Network::train(&broken, 2, &settings_of_tanh, 0, go_on).unwrap_err();
    assert!(matches!(failed, Error::Diverged { epoch: 1 }), "{failed:?}");

    let study = Study {
        task: Task::Circles { training: 100 },
        levels: vec![Level::Circles(Circles::Clean), Level::Beta(0.5)],
        seeds: 1,
        training: settings,
        samples: 50,
        probe: Probe::Output,
        measuring: MEASURING,
    };
    let failed = study.run(2, &|_| {}).unwrap_err();
    assert_eq!(failed.to_string(), "beta-0.50 is no level of the task Circles");
}

#[test]
fn means_are_over_neurons_and_pairs_of_two() {
    // Two equal neurons, and one in another layer that is independent of them.
    let first = array![[0.0f32, 0.0], [0.0, 0.0], [1.0, 1.0], [1.0, 1.0]];
    let second = array![[0.0f32], [1.0], [0.0], [1.0]];
    let measuring = Measuring { bins: 2, range: Range::PerNeuron, nearest_neighbors: false };
    let NetworkMeasures { layers, network } = measure(&[first, second], measuring).unwrap();
    let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
    let bit = 2f64.ln();
    assert!(near(layers[0].entropy, bit) && near(layers[0].mutual_information, bit));
    assert!(near(network.entropy, bit) && near(network.mutual_information, bit / 3.0));
    assert!(near(network.released_entropy, bit));
    assert_eq!(network.released_mutual_information, None);
}

#[test]
fn neighbours_and_bins_are_those_of_the_released_code() {
    let layer = Array2::from_shape_fn((120, 4), |(s, n)| ((s * (n + 2) * 37) % 101) as f32 / 7.0);
    let released = cofire::paper::measures(layer.view()).unwrap();
    let measured = measure(&[layer], MEASURING).unwrap().network;
    assert_eq!(measured.released_entropy, released.entropy.sum() / 4.0);
    let matrix = &released.mutual_information;
    let expected = (matrix.sum() - matrix.diag().sum()) / 12.0;
    assert_eq!(measured.released_mutual_information, Some(expected));
}

/// Makes the outcome of a network of one hidden layer with these results.
fn outcome(level: Level, seed: u64, score: f64, entropy: f64, information: f64) -> Outcome {
    let measures = Measures {
        entropy,
        mutual_information: information,
        released_entropy: entropy,
        released_mutual_information: None,
    };
    Outcome {
        level,
        seed,
        epochs: 10,
        training_accuracy: 1.0,
        score,
        activations: Vec::new(),
        measures: NetworkMeasures { layers: vec![measures], network: measures },
    }
}

#[test]
fn rankings_have_the_paper_s_direction() {
    let levels = [0.0, 0.25, 0.5, 0.75, 1.0];
    // Held-out scores fall; entropy rises in one seed and has two neighbours swapped in the other;
    // mutual information falls.
    let entropies = [[1.0, 2.0, 3.0, 4.0, 5.0], [1.0, 3.0, 2.0, 4.0, 5.0]];
    let networks = |level: fn(f64) -> Level| -> Vec<Outcome> {
        let of = |seed: u64, index: usize| {
            let entropy = entropies[seed as usize][index];
            outcome(level(levels[index]), seed, 1.0 - levels[index], entropy, -entropy)
        };
        (0..5).flat_map(|index| [of(0, index), of(1, index)]).collect()
    };
    // scipy.stats.kendalltau([1, 3, 2, 4, 5], [1, 2, 3, 4, 5]).statistic is 0.8.
    let shuffled = networks(Level::Beta);
    for measure in [Measure::Entropy, Measure::MutualInformation] {
        let ranking = rank(&shuffled, measure, Place::Layer(0)).unwrap();
        assert!((ranking.seeds[0] - 1.0).abs() < 1e-12 && (ranking.seeds[1] - 0.8).abs() < 1e-12);
        assert!((ranking.mean - 0.9).abs() < 1e-12);
        let colored = rank(&networks(Level::Alpha), measure, Place::Network).unwrap();
        assert!((colored.mean + 0.9).abs() < 1e-12);
    }
    assert_eq!(rank(&shuffled, Measure::ReleasedMutualInformation, Place::Network), None);
    let same: Vec<Outcome> =
        levels.iter().map(|&beta| outcome(Level::Beta(beta), 0, 0.5, beta, beta)).collect();
    assert_eq!(rank(&same, Measure::Entropy, Place::Network), None);

    let names = table::Names { bins: "10 bins".to_owned() };
    let rankings = table::rankings(&shuffled, &names);
    assert!(
        rankings.contains("| entropy, 10 bins | 0.90 (1.00, 0.80) | 0.90 (1.00, 0.80) | 1.00 |")
    );
    assert!(rankings.contains("| MI, 10 bins | 0.90 (1.00, 0.80) | 0.90 (1.00, 0.80) | 0.88 |"));
    let text = table::levels(&shuffled, &names);
    assert!(
        text.contains("| beta-0.25 | 10 | 1.000 | 0.750 | 2.500 · 2.500 | -2.500 · -2.500 |"),
        "{text}"
    );
}

#[test]
fn orders_count_seeds() {
    let names = table::Names { bins: "20 bins".to_owned() };
    let of = |kind, seed, entropy| outcome(Level::Circles(kind), seed, 0.5, entropy, -entropy);
    let outcomes = [
        of(Circles::Shortcut, 0, 1.0),
        of(Circles::Shortcut, 1, 2.5),
        of(Circles::Clean, 0, 2.0),
        of(Circles::Clean, 1, 2.0),
        of(Circles::Shuffled, 0, 3.0),
        of(Circles::Shuffled, 1, 3.0),
    ];
    let text = table::orders(&outcomes, &names);
    assert!(text.contains("| entropy, 20 bins: shortcut and clean | 1 of 2 | 1 of 2 |"), "{text}");
    assert!(text.contains("| MI, 20 bins: clean and shuffled | 2 of 2 | 2 of 2 |"), "{text}");
    assert_eq!(table::rankings(&outcomes, &names), "");
}

#[test]
fn a_coloured_digit_is_learned_from_its_colour() {
    let set = images::digits().unwrap();
    let problem = tasks::colored(&set, 1.0, 0).unwrap();
    let training = training(vec![32], Nonlinearity::Relu, 20);
    let go_on = || ControlFlow::Continue(());
    let trained = Network::train(&problem.training, 2, &training, 0, go_on).unwrap();
    let score = trained.network.accuracy(&problem.scored).unwrap();
    assert!(trained.accuracy > 0.99 && score < 0.65, "{}, {score}", trained.accuracy);
}
