//! The interpretation of a comparison, in words.

use crate::comparison::{Comparison, Selection};
use crate::few_samples::{FewSamples, Histograms, PlugIn};
use crate::kendall::Kendall;
use crate::text::{grouped, number, plural, signed};

/// The interpretation of a comparison. Sentences are plain text; names appear in them as they were
/// given.
#[derive(Debug, Clone, Default, PartialEq)]
#[non_exhaustive]
pub struct Reading {
    /// The main results, in a few sentences.
    pub summary: Vec<String>,
    /// A reading of each model, in the order of the models; empty for a single model.
    pub models: Vec<ModelReading>,
    /// Reasons to doubt the interpretation that this comparison itself gives.
    pub cautions: Vec<String>,
}

/// A model's appearance relative to the others.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ModelReading {
    /// The model's index in [`Comparison::models`].
    pub model: usize,
    /// The direction in which the model leans.
    pub lean: Lean,
    /// The certainty of the lean.
    pub sureness: Sureness,
    /// The number of layers in which the model leans this way.
    pub layers: usize,
    /// The number of layers in which the model could lean: its layers that other models have as
    /// well.
    pub of_layers: usize,
    /// The reading in a sentence.
    pub sentence: String,
}

/// The direction in which a model differs from the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lean {
    /// Lower entropy and higher mutual information than the median of the models: a shortcut.
    Shortcut,
    /// Higher entropy and lower mutual information than the median of the models: memorized examples.
    Memorization,
    /// Neither, or layers contradict each other.
    Neither,
}

impl Lean {
    /// Returns the direction in a few words.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Shortcut => "towards a shortcut",
            Self::Memorization => "towards memorized examples",
            Self::Neither => "neither way",
        }
    }
}

/// The certainty of a lean.
///
/// A layer counts only if the 95 % interval of the model's median entropy and that of its mean
/// mutual information both lie beyond the median of all models.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sureness {
    /// The model leans this way in all layers.
    Clear,
    /// The model leans this way in more than half of the layers, and in none the other way.
    Probable,
    /// The model leans this way in fewer layers, and in none the other way.
    Weak,
    /// The model does not lean.
    None,
}

impl Sureness {
    /// Returns the certainty in a word.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Clear => "clear",
            Self::Probable => "probable",
            Self::Weak => "weak",
            Self::None => "none",
        }
    }
}

pub(crate) fn of(comparison: &Comparison) -> Reading {
    let models = if comparison.models.len() > 1 {
        (0..comparison.models.len()).map(|model| read_model(comparison, model)).collect()
    } else {
        Vec::new()
    };
    let mut summary = match comparison.models.len() {
        1 => summary_of_layers(comparison),
        _ => summary_of_models(comparison, &models),
    };
    if let Some(selection) = &comparison.overall.selection {
        summary.splice(1..1, read_selection(selection));
    }
    Reading { summary, models, cautions: cautions(comparison) }
}

fn read_model(comparison: &Comparison, model: usize) -> ModelReading {
    let (mut shortcut, mut memorization, mut of_layers) = (0usize, 0usize, 0usize);
    for ranking in comparison.layers.iter().filter(|ranking| ranking.standings.len() > 1) {
        if ranking.standings.iter().all(|standing| standing.model != model) {
            continue;
        }
        of_layers += 1;
        match lean_in(comparison, &ranking.name, model) {
            Lean::Shortcut => shortcut += 1,
            Lean::Memorization => memorization += 1,
            Lean::Neither => {}
        }
    }
    let (lean, layers) = match (shortcut, memorization) {
        (layers @ 1.., 0) => (Lean::Shortcut, layers),
        (0, layers @ 1..) => (Lean::Memorization, layers),
        _ => (Lean::Neither, 0),
    };
    let sureness = match layers {
        0 => Sureness::None,
        layers if layers == of_layers => Sureness::Clear,
        layers if 2 * layers > of_layers => Sureness::Probable,
        _ => Sureness::Weak,
    };
    let place = if of_layers == 1 {
        "in the layer compared".to_owned()
    } else {
        format!("in {layers} of {of_layers} layers")
    };
    let (more, less) = match lean {
        Lean::Shortcut => ("share more", "less"),
        _ => ("share less", "more"),
    };
    let name = &comparison.models[model].name;
    let sentence = match lean {
        Lean::Neither => format!(
            "{name} leans neither way: no layer sets it apart from the middle of the models in \
             both measures, or layers contradict each other."
        ),
        _ => format!(
            "{name} leans {} ({}): {place} its neurons carry {less} information each and {more} \
             of it than those of the model in the middle.",
            lean.name(),
            sureness.name(),
        ),
    };
    ModelReading { model, lean, sureness, layers, of_layers, sentence }
}

/// Returns the direction in which a model leans in one layer.
fn lean_in(comparison: &Comparison, layer: &str, model: usize) -> Lean {
    let all = || (0..comparison.models.len()).filter_map(|other| comparison.layer(other, layer));
    let entropies = all().filter_map(|l| Some(l.entropy_statistics?.median));
    let shared = all().filter_map(|l| Some(l.pairs.as_ref()?.mean));
    let (Some(middle_entropy), Some(middle_shared)) = (middle(entropies), middle(shared)) else {
        return Lean::Neither;
    };
    let own = comparison.layer(model, layer);
    let notch = own.and_then(|layer| Some(layer.entropy_statistics?.notch));
    let interval = own.and_then(|layer| layer.pairs.as_ref()?.interval());
    match (notch, interval) {
        (Some((_, high)), Some((low, _))) if high < middle_entropy && low > middle_shared => {
            Lean::Shortcut
        }
        (Some((low, _)), Some((_, high))) if low > middle_entropy && high < middle_shared => {
            Lean::Memorization
        }
        _ => Lean::Neither,
    }
}

/// Returns the median, or `None` if there are no values.
fn middle(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    (!values.is_empty()).then(|| crate::box_statistics::quantile(&values, 0.5))
}

fn summary_of_models(comparison: &Comparison, models: &[ModelReading]) -> Vec<String> {
    let mut summary = vec![subject(comparison)];
    summary.push(match &comparison.overall.agreement {
        Some(Kendall { tau, .. }) if *tau <= -0.5 => format!(
            "Mean entropy and mean mutual information order the models oppositely (τ = {}), as they \
             do where models differ in how far they rely on shortcuts or memorize.",
            signed(*tau)
        ),
        Some(Kendall { tau, .. }) if *tau < 0.5 => format!(
            "Mean entropy and mean mutual information hardly agree on an order (τ = {}; −1 is the \
             pattern of shortcuts and memorization): do not choose by either alone.",
            signed(*tau)
        ),
        Some(Kendall { tau, .. }) => format!(
            "Mean entropy and mean mutual information rise together (τ = {}), against the pattern of \
             shortcuts and memorization (−1): these models differ in something else, such as how \
             strongly their neurons are active at all.",
            signed(*tau)
        ),
        None => "The models cannot be ordered: they measure the same, or nothing.".to_owned(),
    });
    let leaning = models.iter().filter(|reading| reading.lean != Lean::Neither);
    let sentences: Vec<String> = leaning.map(|reading| reading.sentence.clone()).collect();
    if sentences.is_empty() {
        summary.push("No model leans clearly towards shortcuts or memorized examples.".to_owned());
    }
    summary.extend(sentences);
    summary
}

fn summary_of_layers(comparison: &Comparison) -> Vec<String> {
    let mut summary = vec![subject(comparison)];
    let units = comparison.units.name();
    let layers = &comparison.models[0].layers;
    let extremes = |of: &dyn Fn(&crate::Layer) -> Option<f64>| {
        let mut values: Vec<(f64, &str)> =
            layers.iter().filter_map(|layer| Some((of(layer)?, layer.name.as_str()))).collect();
        values.sort_by(|a, b| a.0.total_cmp(&b.0));
        Some((*values.first()?, *values.last()?)).filter(|_| values.len() > 1)
    };
    if let Some(((low, first), (high, last))) = extremes(&|layer| layer.mean_entropy()) {
        summary.push(format!(
            "Neurons carry most information in {last} (mean entropy {} {units}) and least in {first} \
             ({} {units}).",
            number(high),
            number(low)
        ));
    }
    if let Some(((low, first), (high, last))) = extremes(&|layer| layer.mean_mutual_information()) {
        summary.push(format!(
            "Pairs share most in {last} (mean mutual information {} {units}) and least in {first} \
             ({} {units}).",
            number(high),
            number(low)
        ));
    }
    summary.push(
        "Whether a model relies on a shortcut or has memorized its examples shows only beside other \
         models of the same architecture: give several to have them ranked."
            .to_owned(),
    );
    summary
}

/// Describes the data that were measured.
fn subject(comparison: &Comparison) -> String {
    let models = comparison.models.len();
    let of_model = match models {
        1 => comparison.models[0].name.clone(),
        _ => format!("{models} models"),
    };
    let layers = comparison.layers.len();
    let all = || comparison.models.iter().flat_map(|model| &model.layers);
    let neurons: usize = all().map(|layer| layer.neurons()).sum();
    let pairs: usize = all().filter_map(|layer| Some(layer.pairs.as_ref()?.count)).sum();
    let fewest = all().map(|layer| layer.samples).min().unwrap_or(0);
    let most = all().map(|layer| layer.samples).max().unwrap_or(0);
    let samples = if fewest == most {
        grouped(most)
    } else {
        format!("{} to {}", grouped(fewest), grouped(most))
    };
    format!(
        "{of_model}, {}: {} neurons and {} pairs of them, over {samples} samples.",
        plural(layers, "layer"),
        grouped(neurons),
        grouped(pairs),
    )
}

fn read_selection(selection: &Selection) -> Vec<String> {
    let (Some(entropy), Some(shared)) = (selection.entropy, selection.mutual_information) else {
        return vec![
            "Held-out scores cannot be compared with the measures: some are all the same, or \
             missing."
                .to_owned(),
        ];
    };
    let result = format!(
        "Against the held-out scores, Kendall's τ is {} for mean entropy (p = {}) and {} for mean \
         mutual information (p = {}).",
        signed(entropy.tau),
        number(entropy.p_value),
        signed(shared.tau),
        number(shared.p_value)
    );
    let meaning = match (entropy.tau, shared.tau) {
        (e, s) if e > 0.0 && s < 0.0 => {
            "Better models have the more diverse neurons: what sets the worse ones apart looks like \
             shortcuts."
        }
        (e, s) if e < 0.0 && s > 0.0 => {
            "Worse models have the more diverse neurons: what sets them apart looks like memorized \
             examples."
        }
        _ => {
            "The two measures do not point the same way, so the scores differ for a reason that is \
             neither shortcuts nor memorized examples alone."
        }
    };
    vec![result, meaning.to_owned()]
}

fn cautions(comparison: &Comparison) -> Vec<String> {
    let mut cautions = Vec::new();
    let models = comparison.models.len();
    if models == 2 {
        cautions.push(
            "Of two models one always has the more diverse neurons: the reading says which, not \
             that anything is wrong with the other."
                .to_owned(),
        );
    }
    if comparison.scores.is_some() && models < 5 {
        let orders: f64 = (1..=models).map(|k| k as f64).product();
        cautions.push(format!(
            "With {models} models no p-value of τ can be below {}: that order may be chance.",
            number(2.0 / orders)
        ));
    }
    let all =
        || comparison.models.iter().flat_map(|model| model.layers.iter().map(move |l| (model, l)));
    let biased: Vec<FewSamples> = all().filter_map(|(_, layer)| few_samples(layer)).collect();
    let count = biased.len();
    if let Some(few) = FewSamples::of_all(biased) {
        let rest =
            few.advice().unwrap_or_else(|| "they share hardly any more than that".to_owned());
        cautions.push(format!(
            "In {count} of {} layers measured, more than half of the mean mutual information is \
             what unrelated neurons would show by the number of bins and samples alone: {rest}.",
            all().count()
        ));
    }
    let infinite: usize = all()
        .map(|(_, layer)| layer.entropy.iter().filter(|entropy| !entropy.is_finite()).count())
        .sum();
    if infinite > 0 {
        cautions.push(format!(
            "{} of −∞, from many equal activations, left out of means and boxes.",
            if infinite == 1 {
                "1 entropy is".to_owned()
            } else {
                format!("{} entropies are", grouped(infinite))
            }
        ));
    }
    let silent = all()
        .filter(|(_, layer)| {
            let constant = layer.entropy.iter().filter(|&&entropy| entropy == 0.0).count();
            10 * constant > layer.neurons()
        })
        .map(|(model, layer)| format!("{}, {}", model.name, layer.name));
    let silent: Vec<String> = silent.collect();
    if !silent.is_empty() {
        cautions.push(format!(
            "More than a tenth of the neurons never change in {}: means say more of how many are \
             silent than of what the others do.",
            listed(&silent)
        ));
    }
    let differing = |of: &dyn Fn(&crate::Layer) -> usize| {
        comparison.layers.iter().any(|ranking| {
            let mut layers =
                (0..models).filter_map(|model| comparison.layer(model, &ranking.name)).map(of);
            let first = layers.next();
            layers.any(|other| Some(other) != first)
        })
    };
    if differing(&|layer| layer.neurons()) {
        cautions.push(
            "Layers of one name have different numbers of neurons: models of unlike architecture \
             differ in these measures for reasons of their own."
                .to_owned(),
        );
    }
    if models > 1 && comparison.layers.iter().any(|ranking| ranking.standings.len() < models) {
        cautions.push(
            "Not every model has every layer: the means over layers are of those that all have, \
             or of all where none is common."
                .to_owned(),
        );
    }
    let fewest = all().map(|(_, layer)| layer.samples).min();
    if fewest != all().map(|(_, layer)| layer.samples).max() {
        cautions.push(
            "Layers were measured on different numbers of samples: do not compare one layer with \
             another."
                .to_owned(),
        );
    }
    cautions
}

/// Returns the need of a layer that has too few samples for its bins.
fn few_samples(layer: &crate::Layer) -> Option<FewSamples> {
    let per_nat = layer.units.per_nat();
    let pairs = layer.pairs.as_ref()?;
    let plug_in = PlugIn {
        mean: pairs.mean / per_nat,
        bias: layer.bias? / per_nat,
        entropy: layer.mean_entropy()? / per_nat,
        estimates: pairs.count as u64,
    };
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "the exponential of the logarithm of a number of bins"
    )]
    let bins = (layer.highest_entropy? / per_nat).exp().round() as usize;
    let histograms = Histograms { samples: layer.samples, bins, neurons: 2, labels: 1 };
    FewSamples::of_plug_in(histograms, plug_in)
}

/// Lists the first few names.
fn listed(names: &[String]) -> String {
    const MOST: usize = 4;
    let shown = names.iter().take(MOST).cloned().collect::<Vec<_>>().join("; ");
    if names.len() > MOST { format!("{shown}; and {} more", names.len() - MOST) } else { shown }
}
