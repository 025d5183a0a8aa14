//! Comparison of models, layer by layer and as a whole.

use std::collections::BTreeSet;

use cofire::Units;

use crate::kendall::Kendall;
use crate::model::{Layer, Model};
use crate::reading::{self, Reading};
use crate::{Error, Scores};

/// Models side by side: their measurements, their ranking, and an interpretation.
///
/// # Examples
///
/// ```
/// use cofire_report::{Comparison, Layer, Model, Scores};
/// use ndarray::Array2;
///
/// let model = |name: &str, spread: usize| {
///     let x = Array2::from_shape_fn((200, 6), |(s, n)| (s * (n + 2) % spread) as f32);
///     Ok::<_, cofire_report::Error>(Model::new(name, vec![Layer::of("0", &cofire::analyze(x.view(), 8)?)?]))
/// };
/// let models = vec![model("a", 53)?, model("b", 101)?];
/// let scores = Scores::of([("a", 0.7), ("b", 0.9)]);
/// let comparison = Comparison::of(models, Some(&scores))?;
/// let entropies = comparison.overall.selection.unwrap().entropy;
/// println!("{entropies:?}"); // Kendall's τ-b of mean entropies against scores
/// # Ok::<(), cofire_report::Error>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Comparison {
    /// The models, in the order in which they were given.
    pub models: Vec<Model>,
    /// The unit of entropy and information.
    pub units: Units,
    /// The held-out scores in the order of the models, if there are any.
    pub scores: Option<Vec<f64>>,
    /// The ranking of each layer, in the order in which models have the layers.
    pub layers: Vec<Ranking>,
    /// The ranking by means over layers, each layer with the same weight. The layers are those that
    /// all models have, or all layers if the models have none in common.
    pub overall: Ranking,
    /// The interpretation of the results.
    pub reading: Reading,
}

/// The ranking of models in a layer, or as a whole.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Ranking {
    /// The layer's name, or `all layers` for the whole.
    pub name: String,
    /// One standing for each model that has the layer, in the order of the models.
    pub standings: Vec<Standing>,
    /// Kendall's τ-b between mean entropy and mean mutual information. As in the paper, −1 means
    /// that both rank the models alike: by high entropy and by low mutual information. `None` if
    /// τ-b is undefined.
    pub agreement: Option<Kendall>,
    /// The agreement of both measures with held-out scores, if there are any.
    pub selection: Option<Selection>,
}

/// A model's place in a ranking.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Standing {
    /// The model's index in [`Comparison::models`].
    pub model: usize,
    /// The mean entropy of the model's neurons.
    pub mean_entropy: Option<f64>,
    /// The model's rank by mean entropy; 1 is the highest. Equal models share the better rank.
    pub entropy_rank: Option<usize>,
    /// The mean mutual information of the model's pairs.
    pub mean_mutual_information: Option<f64>,
    /// The model's rank by mean mutual information; 1 is the lowest. Equal models share the better
    /// rank.
    pub mutual_information_rank: Option<usize>,
}

/// Kendall's τ-b between measures and held-out scores.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Selection {
    /// τ-b of mean entropies.
    pub entropy: Option<Kendall>,
    /// τ-b of mean mutual information.
    pub mutual_information: Option<Kendall>,
}

impl Comparison {
    /// Compares models.
    ///
    /// Layers with the same name are taken as the same layer. If every model has exactly one layer,
    /// these are taken as the same layer whatever their names.
    ///
    /// # Errors
    ///
    /// Returns an error for an empty list of models, models or layers that have the same name, a
    /// model without layers, a layer measured on different numbers of samples, different units, and
    /// scores that do not match the models.
    pub fn of(models: Vec<Model>, scores: Option<&Scores>) -> Result<Self, Error> {
        let units = check(&models)?;
        let models = aligned(models);
        check_samples(&models)?;
        let names: Vec<&str> = models.iter().map(|model| model.name.as_str()).collect();
        let scores = match scores {
            Some(_) if models.len() == 1 => return Err(Error::OneModel),
            Some(scores) => Some(scores.in_order(&names)?),
            None => None,
        };
        let layer_names = layer_names(&models);
        let rank = |name: &str| {
            let of = |model: &Model| {
                let layer = model.layers.iter().find(|layer| layer.name == name)?;
                Some((layer.mean_entropy(), layer.mean_mutual_information()))
            };
            Ranking::of(name, models.iter().map(of), scores.as_deref())
        };
        let layers: Vec<Ranking> = layer_names.iter().map(|name| rank(name)).collect();
        let overall = overall(&models, &layer_names, scores.as_deref());
        let mut comparison =
            Self { models, units, scores, layers, overall, reading: Reading::default() };
        comparison.reading = reading::of(&comparison);
        Ok(comparison)
    }

    /// Returns the layer with the given name of a model.
    pub(crate) fn layer(&self, model: usize, name: &str) -> Option<&Layer> {
        self.models[model].layers.iter().find(|layer| layer.name == name)
    }
}

fn check(models: &[Model]) -> Result<Units, Error> {
    let mut names = BTreeSet::new();
    for model in models {
        if !names.insert(&model.name) {
            return Err(Error::SameName { name: model.name.clone() });
        }
        if model.layers.is_empty() {
            return Err(Error::NoLayers { model: model.name.clone() });
        }
        let mut layers = BTreeSet::new();
        if let Some(layer) = model.layers.iter().find(|layer| !layers.insert(&layer.name)) {
            let (model, layer) = (model.name.clone(), layer.name.clone());
            return Err(Error::SameLayer { model, layer });
        }
    }
    let mut layers = models.iter().flat_map(|model| &model.layers);
    let units = layers.next().ok_or(Error::NoModels)?.units;
    if layers.any(|layer| layer.units != units) { Err(Error::UnitsDiffer) } else { Ok(units) }
}

/// Gives the only layers of all models the same name, unless they have it already.
fn aligned(mut models: Vec<Model>) -> Vec<Model> {
    let first = models.first().and_then(|model| model.layers.first()).map(|l| l.name.clone());
    let are_single = models.iter().all(|model| model.layers.len() == 1);
    let differ = models.iter().any(|m| m.layers.iter().any(|l| Some(&l.name) != first.as_ref()));
    if models.len() > 1 && are_single && differ {
        for layer in models.iter_mut().flat_map(|model| &mut model.layers) {
            layer.name = "the only layer".to_owned();
        }
    }
    models
}

fn check_samples(models: &[Model]) -> Result<(), Error> {
    let all = || models.iter().flat_map(|model| model.layers.iter().map(move |l| (model, l)));
    for (model, layer) in all() {
        let same = all().find(|(_, other)| other.name == layer.name);
        if let Some((other_model, other)) = same.filter(|(_, l)| l.samples != layer.samples) {
            return Err(Error::SamplesDiffer {
                layer: layer.name.clone(),
                model: model.name.clone(),
                samples: layer.samples,
                other_model: other_model.name.clone(),
                other_samples: other.samples,
            });
        }
    }
    Ok(())
}

/// Lists the names of all layers, in the order in which models have them.
fn layer_names(models: &[Model]) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for layer in models.iter().flat_map(|model| &model.layers) {
        if !names.contains(&layer.name) {
            names.push(layer.name.clone());
        }
    }
    names
}

fn overall(models: &[Model], layer_names: &[String], scores: Option<&[f64]>) -> Ranking {
    let is_common =
        |name: &&String| models.iter().all(|m| m.layers.iter().any(|l| l.name == **name));
    let common: BTreeSet<&String> = layer_names.iter().filter(is_common).collect();
    let of = |model: &Model| {
        let counted = || {
            model.layers.iter().filter(|layer| common.is_empty() || common.contains(&layer.name))
        };
        let entropy = mean(counted().map(Layer::mean_entropy));
        let information = mean(counted().map(Layer::mean_mutual_information));
        Some((entropy, information))
    };
    Ranking::of("all layers", models.iter().map(of), scores)
}

/// Returns the mean, or `None` if a value is missing or there are no values.
fn mean(values: impl Iterator<Item = Option<f64>>) -> Option<f64> {
    let values: Vec<f64> = values.collect::<Option<_>>()?;
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

impl Ranking {
    /// Ranks every model that has the layer by mean entropy and by mean mutual information.
    fn of(
        name: &str,
        models: impl Iterator<Item = Option<(Option<f64>, Option<f64>)>>,
        scores: Option<&[f64]>,
    ) -> Self {
        let mut standings: Vec<Standing> = models
            .enumerate()
            .filter_map(|(model, means)| {
                let (mean_entropy, mean_mutual_information) = means?;
                Some(Standing {
                    model,
                    mean_entropy,
                    entropy_rank: None,
                    mean_mutual_information,
                    mutual_information_rank: None,
                })
            })
            .collect();
        let entropies: Vec<f64> = standings.iter().filter_map(|s| s.mean_entropy).collect();
        let shared: Vec<f64> = standings.iter().filter_map(|s| s.mean_mutual_information).collect();
        for standing in &mut standings {
            let higher = |own| entropies.iter().filter(|&&other| other > own).count();
            let lower = |own| shared.iter().filter(|&&other| other < own).count();
            standing.entropy_rank = standing.mean_entropy.map(|own| 1 + higher(own));
            standing.mutual_information_rank =
                standing.mean_mutual_information.map(|own| 1 + lower(own));
        }
        let correlate = |pairs: Vec<(f64, f64)>| {
            let (x, y): (Vec<f64>, Vec<f64>) = pairs.into_iter().unzip();
            Kendall::of(&x, &y)
        };
        let both = |s: &Standing| Some((s.mean_entropy?, s.mean_mutual_information?));
        let agreement = correlate(standings.iter().filter_map(both).collect());
        let selection = scores.map(|scores| {
            let entropy = |s: &Standing| Some((s.mean_entropy?, scores[s.model]));
            let shared = |s: &Standing| Some((s.mean_mutual_information?, scores[s.model]));
            Selection {
                entropy: correlate(standings.iter().filter_map(entropy).collect()),
                mutual_information: correlate(standings.iter().filter_map(shared).collect()),
            }
        });
        Self { name: name.to_owned(), standings, agreement, selection }
    }
}
