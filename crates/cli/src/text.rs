//! The summary as text.

use std::fmt::Write;

use crate::facts::{EstimatorFacts, LayerFacts, OtherFacts};
use crate::failure::one_line;
use crate::few_samples::FewSamplesFacts;
use crate::firing::{FiringFacts, FiringPair};
use crate::labels::{LabelFacts, Neuron};
use crate::significance::{OrderFacts, SignificanceFacts};
use crate::statistics::Spread;
use crate::ties::TieFacts;

/// Lines with a label and a value each, the values in a column.
#[derive(Debug, Default)]
pub(crate) struct Lines(Vec<(String, String)>);

impl Lines {
    pub(crate) fn add(&mut self, label: impl Into<String>, value: impl Into<String>) {
        self.0.push((label.into(), value.into()));
    }

    /// Adds several values with one label.
    pub(crate) fn add_all(&mut self, label: &str, values: impl IntoIterator<Item = String>) {
        for (index, value) in values.into_iter().enumerate() {
            self.add(if index == 0 { label } else { "" }, value);
        }
    }

    pub(crate) fn finish(&self, mut text: String) -> String {
        const NARROWEST: usize = 20;
        let longest = self.0.iter().map(|(label, _)| label.len()).max().unwrap_or(0);
        let width = longest.max(NARROWEST);
        for (label, value) in &self.0 {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  {label:<width$} {value}");
        }
        text
    }
}

/// Returns a paragraph about one layer.
pub(crate) fn layer(facts: &LayerFacts) -> String {
    let place = |name: &str, file: &std::path::Path| {
        format!("{} ({})", one_line(name), one_line(&file.display().to_string()))
    };
    let mut title = place(&facts.name, &facts.file);
    if let Some(other) = &facts.other {
        let _ = write!(title, " with {}", place(&other.name, &other.file));
    }
    title.push('\n');

    let mut lines = Lines::default();
    let units = facts.units;
    lines.add("activations", activations(facts));
    if let Some(other) = &facts.other {
        lines.add("other layer", other_activations(other));
    }
    if let Some(bins) = bins(facts) {
        lines.add("bins", bins);
    }
    if let Some(estimator) = estimator(facts) {
        lines.add("estimator", estimator);
    }
    lines.add("computed by", computed_by(facts));
    lines.add("entropy", spread(facts.entropy, Some(units)));
    lines.add_all("", infinite(facts.tied, facts.ties.as_ref(), facts.neurons));
    if let Some(other) = &facts.other {
        lines.add("other's entropy", spread(other.entropy, Some(units)));
        lines.add_all("", infinite(other.tied, other.ties.as_ref(), other.neurons));
    }
    lines.add("mutual information", mutual_information(facts));
    lines.add_all("", few_samples(facts.too_few_samples.as_ref()));
    let of_other = facts.other.as_ref().and_then(|other| other.ties.as_ref());
    for (layer, ties) in [("", facts.ties.as_ref()), ("other layer: ", of_other)] {
        let warning = ties.and_then(|ties| ties.warning.as_ref());
        lines.add_all("", warning.map(|warning| format!("{layer}{warning}")));
    }
    lines.add_all("strongest pairs", strongest_pairs(facts));
    for measure in &facts.measures {
        lines.add(measure.name, spread(measure.spread, measure.unit));
    }
    if let Some(firing) = &facts.firing {
        add_firing(&mut lines, firing, facts.samples);
    }
    if let Some(labels) = &facts.labels {
        add_labels(&mut lines, labels, units);
    }
    if let Some(significance) = &facts.significance {
        add_significance(&mut lines, significance, facts);
    }
    let other = facts.other.as_ref().and_then(|other| other.degenerate.as_ref());
    for (label, degenerate) in
        [("degenerate neurons", facts.degenerate.as_ref()), ("other's degenerate", other)]
    {
        let Some(degenerate) = degenerate else { continue };
        let (dead, constant) = (degenerate.dead.len(), degenerate.constant.len());
        let two_valued = degenerate.two_valued.len();
        lines.add(label, format!("{dead} dead, {constant} constant, {two_valued} two-valued"));
    }
    lines.add_all("digest", facts.digest.clone());
    lines.add("time", time(facts));
    lines.add_all("incident", incidents(facts));
    lines.finish(title)
}

/// Returns the incidents of all measurements.
fn incidents(facts: &LayerFacts) -> impl Iterator<Item = String> {
    let others = [
        facts.firing.as_ref().map(|firing| &firing.incidents),
        facts.labels.as_ref().map(|labels| &labels.incidents),
        facts.significance.as_ref().map(|test| &test.incidents),
    ];
    let all = [Some(&facts.incidents)].into_iter().chain(others).flatten().flatten();
    all.map(|incident| one_line(incident))
}

fn activations(facts: &LayerFacts) -> String {
    let LayerFacts { samples, neurons, element_type, stored_shape, .. } = facts;
    stored(format!("{samples} samples x {neurons} neurons, {element_type}"), stored_shape)
}

fn other_activations(other: &OtherFacts) -> String {
    let OtherFacts { neurons, element_type, stored_shape, .. } = other;
    stored(format!("{neurons} neurons, {element_type}"), stored_shape)
}

fn stored(mut text: String, stored_shape: &[usize]) -> String {
    if stored_shape.len() > 2 {
        let _ = write!(text, ", stored as {stored_shape:?}");
    }
    text
}

/// Describes bins, such as `10, range per-neuron`.
fn bins(facts: &LayerFacts) -> Option<String> {
    let (bins, binning) = (facts.bins?, facts.binning.as_deref()?);
    // If the number depends on the activations, neurons can differ in it.
    let varies = facts.bin_rule.is_some() || binning == "equal-frequency";
    let mut text = if varies { "up to ".to_owned() } else { String::new() };
    let other = facts.other.as_ref().and_then(|other| other.bins);
    let _ = match other {
        Some(other) if other != bins => write!(text, "{bins} and {other}"),
        _ => write!(text, "{bins}"),
    };
    if let Some(rule) = facts.bin_rule {
        let _ = write!(text, " by rule {rule}");
    }
    let _ = match &facts.range {
        Some(range) => write!(text, ", range {range}"),
        None => write!(text, ", {binning}"),
    };
    if facts.zero_bin {
        text.push_str(", one of them for zeros");
    }
    Some(text)
}

/// Describes the estimator. Returns `None` for the default.
fn estimator(facts: &LayerFacts) -> Option<String> {
    let EstimatorFacts { estimator, neighbors, jitter, preset } = &facts.estimator;
    let mut text = estimator.clone();
    if let Some(neighbors) = neighbors {
        let plural = if *neighbors == 1 { "" } else { "s" };
        let _ = write!(text, ", {neighbors} nearest neighbour{plural}");
    }
    if let Some(jitter) = jitter {
        let _ = write!(text, ", jitter {jitter:e}");
    }
    if preset.is_some() {
        text.push_str("; entropy plug-in, 101 bins (preset paper)");
    }
    (text != "plug-in").then_some(text)
}

/// Says how many entropies are infinite, and why, if any are.
fn infinite(tied: Option<usize>, ties: Option<&TieFacts>, neurons: usize) -> Option<String> {
    let tied = tied.filter(|&tied| tied > 0)?;
    let constant = ties.map_or(0, |ties| ties.constant);
    let reason = match tied.saturating_sub(constant) {
        0 => format!("{constant} constant"),
        others if constant == 0 => format!("{others} with equal activations"),
        others => format!("{constant} constant, {others} with equal activations"),
    };
    Some(format!("-inf for {tied} of {neurons} neurons: {reason}"))
}

/// Says that there are too few samples for the bins, if it is so.
pub(crate) fn few_samples(facts: Option<&FewSamplesFacts>) -> impl Iterator<Item = String> {
    facts.into_iter().flat_map(FewSamplesFacts::lines)
}

fn mutual_information(facts: &LayerFacts) -> String {
    match facts.pairs {
        0 => "n/a (a single neuron has no pairs)".to_owned(),
        pairs => {
            let spread = spread(facts.mutual_information, Some(facts.units));
            format!("{spread}, of {} pairs", grouped(pairs))
        }
    }
}

fn strongest_pairs(facts: &LayerFacts) -> impl Iterator<Item = String> {
    facts.strongest_pairs.iter().map(|pair| {
        let value = format!("{:.6} {}", pair.mutual_information, facts.units);
        match facts.other {
            None => format!("neurons {} and {}: {value}", pair.first, pair.second),
            Some(_) => format!("neuron {} and the other's {}: {value}", pair.first, pair.second),
        }
    })
}

fn add_firing(lines: &mut Lines, firing: &FiringFacts, samples: usize) {
    let FiringFacts { neurons, rates: (low, high), .. } = firing;
    let among = format!("among {neurons} neurons that fire in {low:.4} to {high:.4} of samples");
    lines.add("firing together", among);
    for association in &firing.associations {
        let unit = association.unit.map(|unit| format!(" {unit}")).unwrap_or_default();
        let pair = |pair: &FiringPair| {
            let FiringPair { first, second, both, association } = pair;
            let value = format!("{association:.6}{unit}");
            format!("neurons {first} and {second}: {value}, both in {both} of {samples} samples")
        };
        if association.strongest_pairs.is_empty() {
            lines.add(association.name, "no pair fires together");
        } else {
            lines.add_all(association.name, association.strongest_pairs.iter().map(pair));
        }
    }
}

fn add_labels(lines: &mut Lines, labels: &LabelFacts, units: &str) {
    let mut text = format!("{} different", labels.labels);
    if let Some(entropy) = labels.entropy {
        let _ = write!(text, ", entropy {entropy:.6} {units}");
    }
    lines.add("labels", text);
    lines.add("label information", spread(labels.mutual_information, Some(units)));
    lines.add_all("", few_samples(labels.too_few_samples.as_ref()));
    let neurons = labels.strongest_neurons.iter();
    let neuron = |n: &Neuron| format!("neuron {}: {:.6} {units}", n.neuron, n.mutual_information);
    lines.add_all("most informative", neurons.map(neuron));
    if let Some(given) = labels.mutual_information_given_labels {
        lines.add("MI given labels", spread(Some(given), Some(units)));
        lines.add_all("", few_samples(labels.too_few_samples_given_labels.as_ref()));
    }
}

fn add_significance(lines: &mut Lines, facts: &SignificanceFacts, layer: &LayerFacts) {
    let SignificanceFacts { test, pairs, discoveries, false_discovery_rate: rate, .. } = *facts;
    let (all, significant) = (grouped(pairs), grouped(discoveries));
    let mut text = format!("{significant} of {all} pairs at a false-discovery rate of {rate}");
    if let Some(permutations) = facts.permutations {
        let what = orders(facts, layer.samples);
        let _ = write!(text, ", {} {what}", grouped(permutations.into()));
    }
    lines.add(test, text);
    if let Some(few) = facts.pairs_with_few_samples.filter(|&few| few > 0) {
        lines.add(
            "",
            format!(
                "{} pairs have S < 5 Kx Ky, too few samples for a G-test: their p-values are",
                grouped(few)
            ),
        );
        lines.add("", "wrong, mostly too small; use fewer bins, or --significance permutation");
    }
    if let Some(permutations) = facts.permutations {
        // A single discovery needs a p-value of at most rate / pairs. If none can be that small,
        // many pairs must have small p-values for any to be found.
        let least = 1.0 / (1.0 + f64::from(permutations));
        if discoveries == 0 && least * pairs as f64 > rate {
            lines.add(
                "",
                format!("no p-value can be below {least:.2e}, and there are {all} pairs:"),
            );
            let remedy = if permutations as usize >= most_orders(facts, layer.samples) {
                "there are no more shifts; cofire pairs --false-discovery-rate pools them"
            } else {
                "more --permutations may find some"
            };
            lines.add("", remedy);
        }
        lines.add("excess", spread(facts.excess, Some(layer.units)));
    }
    if let Some(Spread { median, .. }) = facts.effective_samples {
        let samples = grouped(layer.samples as u64);
        lines.add("effective samples", format!("median {median:.0} of {samples}"));
    }
}

/// Returns the least distance of a shift, which is a twentieth of the samples if none was given.
fn least_shift(given: Option<usize>, samples: usize) -> usize {
    given.unwrap_or((samples / 20).max(1))
}

/// Returns the most permutations or shifts that there can be.
fn most_orders(facts: &SignificanceFacts, samples: usize) -> usize {
    match facts.test {
        "shift" => samples + 1 - 2 * least_shift(facts.orders.shift_at_least, samples),
        _ => usize::MAX,
    }
}

/// Says what was put in other orders, in the plural.
fn orders(facts: &SignificanceFacts, samples: usize) -> String {
    let OrderFacts { shift_at_least, blocks, documents } = &facts.orders;
    match (facts.test, blocks, documents) {
        ("shift", ..) => {
            let least = least_shift(*shift_at_least, samples);
            format!("shifts by {} samples or more", grouped(least as u64))
        }
        (_, Some(length), _) => format!("permutations of blocks of {length} samples"),
        (_, _, Some(_)) => "permutations of documents".to_owned(),
        _ => "permutations".to_owned(),
    }
}

fn computed_by(facts: &LayerFacts) -> String {
    let kernel = facts.kernel.map(|kernel| format!(", kernel {kernel}")).unwrap_or_default();
    match &facts.adapter {
        Some(adapter) => {
            let software = if adapter.is_software { " (software)" } else { "" };
            format!("gpu, {}{software}{kernel}", one_line(&adapter.label))
        }
        None => {
            let plural = if facts.threads == 1 { "" } else { "s" };
            format!("{}, {} thread{plural}{kernel}", facts.engine, facts.threads)
        }
    }
}

/// Formats a spread, with its unit if it has one.
pub(crate) fn spread(spread: Option<Spread>, unit: Option<&str>) -> String {
    let unit = unit.map(|unit| format!(" {unit}")).unwrap_or_default();
    match spread {
        Some(Spread { mean, median, .. }) => {
            format!("mean {mean:.6}{unit}, median {median:.6}{unit}")
        }
        None => "n/a".to_owned(),
    }
}

fn time(facts: &LayerFacts) -> String {
    let seconds = &facts.seconds;
    let mut text = String::new();
    for (stage, seconds) in [("discretise", seconds.discretize), ("sort", seconds.sort)] {
        if let Some(seconds) = seconds {
            let _ = write!(text, "{} to {stage}, ", duration(seconds));
        }
    }
    let _ = write!(text, "{} for all pairs", duration(seconds.pairs));
    if facts.pairs > 0 && facts.pairs_per_second > 0.0 {
        let _ = write!(text, " ({} pairs/s)", rate(facts.pairs_per_second));
    }
    let others = [
        ("firing", facts.firing.as_ref().map(|firing| firing.seconds)),
        ("labels", facts.labels.as_ref().map(|labels| labels.seconds)),
        ("significance", facts.significance.as_ref().map(|test| test.seconds)),
    ];
    for (what, seconds) in others {
        if let Some(seconds) = seconds {
            let _ = write!(text, ", {} for {what}", duration(seconds));
        }
    }
    text
}

pub(crate) fn duration(seconds: f64) -> String {
    match seconds {
        s if s < 1e-3 => format!("{:.0} us", s * 1e6),
        s if s < 1.0 => format!("{:.1} ms", s * 1e3),
        s if s < 120.0 => format!("{s:.2} s"),
        s => format!("{:.1} min", s / 60.0),
    }
}

/// Formats a rate with a prefix such as k or M.
pub(crate) fn rate(value: f64) -> String {
    match value {
        v if v < 1e3 => format!("{v:.0}"),
        v if v < 1e6 => format!("{:.1} k", v / 1e3),
        v if v < 1e9 => format!("{:.2} M", v / 1e6),
        v => format!("{:.2} G", v / 1e9),
    }
}

/// Formats a number with a comma after every three digits.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_read_as_a_person_would_say_them() {
        assert_eq!([0, 999, 1000, 8_386_560].map(grouped), ["0", "999", "1,000", "8,386,560"]);
        assert_eq!([12.0, 1500.0, 2.5e6, 3e9].map(rate), ["12", "1.5 k", "2.50 M", "3.00 G"]);
        assert_eq!(
            [5e-5, 0.0123, 3.0, 600.0].map(duration),
            ["50 us", "12.3 ms", "3.00 s", "10.0 min"]
        );
    }
}
