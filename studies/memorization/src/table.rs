//! The tables of a study, in Markdown.

use std::fmt::Write as _;

use crate::ranking::{Measure, Place, rank};
use crate::study::{Level, Outcome};

/// Returns the value of a measure in the paper's Table 2, for the networks on MNIST.
fn of_the_paper(level: Level, measure: Measure) -> Option<f64> {
    match level {
        Level::Beta(_) if measure.is_entropy() => Some(1.0),
        Level::Beta(_) => Some(0.88),
        Level::Alpha(_) => Some(1.0),
        Level::Circles(_) => None,
    }
}

/// Names of measures in the rows of tables. They depend on the settings of the measurement.
#[derive(Debug, Clone)]
pub struct Names {
    /// The bins of [`Measure::Entropy`] and [`Measure::MutualInformation`].
    pub bins: String,
}

impl Names {
    fn of(&self, measure: Measure) -> String {
        match measure {
            Measure::Entropy => format!("entropy, {}", self.bins),
            Measure::MutualInformation => format!("MI, {}", self.bins),
            Measure::ReleasedEntropy => "entropy, released code".to_owned(),
            Measure::ReleasedMutualInformation => "MI, released code".to_owned(),
        }
    }
}

/// Writes a line for each level: the results of training, the score, and each measure of each
/// layer. All are means over seeds.
pub fn levels(outcomes: &[Outcome], names: &Names) -> String {
    let mut text = String::new();
    let Some(first) = outcomes.first() else { return text };
    let places: Vec<Place> = Place::all(first.measures.layers.len()).collect();
    let measures: Vec<Measure> = Measure::ALL
        .into_iter()
        .filter(|measure| measure.of(&first.measures.network).is_some())
        .collect();

    text += "| network | epochs | training accuracy | held-out score |";
    for &measure in &measures {
        let _ = write!(text, " {} |", names.of(measure));
    }
    let _ = writeln!(text, "\n| --- | ---: | ---: | ---: |{}", " --- |".repeat(measures.len()));
    for level in distinct_levels(outcomes) {
        let networks: Vec<&Outcome> =
            outcomes.iter().filter(|outcome| outcome.level == level).collect();
        let mean = |of: &dyn Fn(&Outcome) -> f64| {
            networks.iter().map(|outcome| of(outcome)).sum::<f64>() / networks.len() as f64
        };
        let _ = write!(
            text,
            "| {} | {:.0} | {:.3} | {:.3} |",
            level.name(),
            mean(&|outcome| outcome.epochs as f64),
            mean(&|outcome| outcome.training_accuracy),
            mean(&|outcome| outcome.score),
        );
        for &measure in &measures {
            let values = places.iter().map(|place| {
                format!("{:.3}", mean(&|o| measure.of(place.of(o)).unwrap_or(f64::NAN)))
            });
            let _ = write!(text, " {} |", values.collect::<Vec<_>>().join(" · "));
        }
        text.push('\n');
    }
    text
}

/// Writes a line for each measure: τ in each layer and in the network, and the paper's value. τ is
/// the mean over seeds, followed by the value of each seed in brackets. Empty for circles, which
/// have no ranking.
pub fn rankings(outcomes: &[Outcome], names: &Names) -> String {
    let mut text = String::new();
    let Some(first) = outcomes.first() else { return text };
    let layers = first.measures.layers.len();
    for measure in Measure::ALL {
        let ranked: Option<Vec<_>> =
            Place::all(layers).map(|place| rank(outcomes, measure, place)).collect();
        let (Some(ranked), Some(paper)) = (ranked, of_the_paper(first.level, measure)) else {
            continue;
        };
        if text.is_empty() {
            text += "| Kendall's τ |";
            for layer in 1..=layers {
                let _ = write!(text, " layer {layer} |");
            }
            let _ = writeln!(text, " network | paper |\n| --- |{}", " --- |".repeat(layers + 2));
        }
        let _ = write!(text, "| {} |", names.of(measure));
        for ranking in ranked {
            let seeds: Vec<String> = ranking.seeds.iter().map(|tau| two_digits(*tau)).collect();
            let _ = write!(text, " {} ({}) |", two_digits(ranking.mean), seeds.join(", "));
        }
        let _ = writeln!(text, " {paper:.2} |");
    }
    text
}

/// Writes, for circles, the number of seeds for which the measures order shortcut, clean and
/// shuffled networks as the paper's Figure 1 does.
pub fn orders(outcomes: &[Outcome], names: &Names) -> String {
    use crate::circles::Circles::{Clean, Shortcut, Shuffled};

    let mut text = String::new();
    let Some(first) = outcomes.first() else { return text };
    let layers = first.measures.layers.len();
    let seeds = outcomes.iter().map(|outcome| outcome.seed).max().map_or(0, |seed| seed + 1);
    for measure in Measure::ALL {
        let value = |kind, seed, place: Place| {
            let is_it = |o: &&Outcome| o.level == Level::Circles(kind) && o.seed == seed;
            measure.of(place.of(outcomes.iter().find(is_it)?))
        };
        let count = |lower, higher, place| {
            let (lower, higher) =
                if measure.is_entropy() { (lower, higher) } else { (higher, lower) };
            let is_so =
                |&seed: &u64| Some(value(lower, seed, place)? < value(higher, seed, place)?);
            (0..seeds).filter(|seed| is_so(seed) == Some(true)).count()
        };
        if value(Clean, 0, Place::Network).is_none() {
            continue;
        }
        if text.is_empty() {
            text += "| seeds in the paper's order |";
            for layer in 1..=layers {
                let _ = write!(text, " layer {layer} |");
            }
            let _ = writeln!(text, " network |\n| --- |{}", " --- |".repeat(layers + 1));
        }
        for (lower, higher, what) in [
            (Shortcut, Clean, "shortcut and clean"),
            (Clean, Shuffled, "clean and shuffled"),
            (Shortcut, Shuffled, "shortcut and shuffled"),
        ] {
            let _ = write!(text, "| {}: {what} |", names.of(measure));
            for place in Place::all(layers) {
                let _ = write!(text, " {} of {seeds} |", count(lower, higher, place));
            }
            text.push('\n');
        }
    }
    text
}

/// Returns each level once, in the order of the outcomes.
fn distinct_levels(outcomes: &[Outcome]) -> Vec<Level> {
    let mut levels: Vec<Level> = Vec::new();
    for outcome in outcomes {
        if !levels.contains(&outcome.level) {
            levels.push(outcome.level);
        }
    }
    levels
}

/// Formats a number with two decimals, without a minus sign before zero.
fn two_digits(value: f64) -> String {
    let text = format!("{value:.2}");
    if text == "-0.00" { "0.00".to_owned() } else { text.replace('-', "−") }
}
