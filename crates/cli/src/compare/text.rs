//! Text about a comparison, for the terminal and for the page.

use std::fmt::Write;

use cofire_report::{Comparison, Description, FALSE_DISCOVERY_RATE, Standing};

use super::inputs::Input;
use super::measure::BINS_OF_TEST;
use crate::arguments::{CompareArguments, PresetArgument};
use crate::failure::one_line;
use crate::settings::{BinSettings, Method, Settings};
use crate::table;

/// Returns the title of the page and the settings of the measurement.
pub(super) fn description(
    arguments: &CompareArguments,
    settings: &Settings,
    inputs: &[Input],
) -> Description {
    let title = arguments.title.clone().unwrap_or_else(|| title(inputs));
    let mut description = Description::new(title);
    match &settings.method {
        Method::Histograms(method) => {
            description = description
                .setting("bins", bins(&method.bins))
                .setting("estimator", method.estimator_name())
                .setting("test of pairs", test("the same bins"));
        }
        Method::Neighbors(method) => {
            let estimator =
                format!("{}, {} nearest neighbours", method.estimator_name(), method.neighbors);
            description = description.setting("mutual information", estimator);
            description = match method.preset {
                Some(PresetArgument::Paper) => description.setting(
                    "entropy",
                    "plug-in, 101 bins between the extremes of the layer (preset paper)",
                ),
                None => description.setting("entropy", "differential (Kozachenko and Leonenko)"),
            };
            if let Some((amplitude, seed)) = method.jitter {
                description = description.setting("jitter", format!("{amplitude:e}, seed {seed}"));
            }
            let bins = format!("{BINS_OF_TEST} bins of equal width of each neuron");
            description = description.setting("test of pairs", test(&bins));
        }
    }
    let files: Vec<String> = inputs
        .iter()
        .filter_map(|input| input.layers.first())
        .map(|place| place.file.display().to_string())
        .collect();
    description.setting("files", files.join(", "))
}

fn title(inputs: &[Input]) -> String {
    const MOST: usize = 4;
    match inputs {
        [one] => format!("Layers of {}", one.name),
        few if few.len() <= MOST => {
            few.iter().map(|input| input.name.as_str()).collect::<Vec<_>>().join(", ")
        }
        many => format!("{} models", many.len()),
    }
}

fn test(bins: &str) -> String {
    format!("G-test with {bins}, false-discovery rate {FALSE_DISCOVERY_RATE}")
}

/// Describes bins, such as `10, equal-width, range per-neuron`.
fn bins(bins: &BinSettings) -> String {
    let mut text = String::new();
    if let Some(number) = bins.number {
        let _ = match (number.rule(), number.0) {
            (Some(rule), _) => write!(text, "by rule {rule}, "),
            (None, cofire::Bins::Fixed(bins)) => write!(text, "{bins}, "),
            _ => Ok(()),
        };
    }
    let _ = write!(text, "{}", bins.how);
    if let Some(range) = bins.range {
        let _ = write!(text, ", range {range}");
    }
    if bins.has_zero_bin {
        text.push_str(", one more for zeros");
    }
    text
}

/// Returns a table of the models, or of the layers of a single model, and the findings.
pub(super) fn summary(comparison: &Comparison) -> String {
    let units = comparison.units.name();
    let mut header = vec![
        if comparison.models.len() > 1 { "model" } else { "layer" }.to_owned(),
        format!("mean entropy ({units})"),
        format!("mean MI ({units})"),
    ];
    let has_scores = comparison.scores.is_some();
    header.extend(has_scores.then(|| "score".to_owned()));
    let mut rows = vec![header];
    let row = |name: &str, standing: &Standing| {
        let mut row = vec![
            one_line(name),
            table::cell(standing.mean_entropy),
            table::cell(standing.mean_mutual_information),
        ];
        let score = comparison.scores.as_ref().map(|scores| scores[standing.model].to_string());
        row.extend(score);
        row
    };
    if let [_] = comparison.models.as_slice() {
        for ranking in &comparison.layers {
            rows.extend(ranking.standings.iter().map(|standing| row(&ranking.name, standing)));
        }
    } else {
        let standings = comparison.overall.standings.iter();
        rows.extend(standings.map(|s| row(&comparison.models[s.model].name, s)));
    }
    let mut text = table::columns(&rows);
    let reading = &comparison.reading;
    for sentence in reading.summary.iter().chain(&reading.cautions) {
        let _ = write!(text, "\n{}\n", one_line(sentence));
    }
    text
}
