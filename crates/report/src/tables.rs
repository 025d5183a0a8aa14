//! The numbers of a report as CSV.

use csv::Writer;

use crate::comparison::{Comparison, Ranking};
use crate::model::{Layer, Model};
use crate::{Error, Selection};

const SUMMARY: &str = "summary.csv";
const EDGES: &str = "edges.csv";

/// Writes a line for each layer of each model, and one for each model over its layers. Unknown
/// values are empty.
pub(crate) fn summary(comparison: &Comparison) -> Result<String, Error> {
    let mut table = Table::new(
        SUMMARY,
        &[
            "model",
            "layer",
            "samples",
            "neurons",
            "units",
            "mean_entropy",
            "median_entropy",
            "median_entropy_low",
            "median_entropy_high",
            "entropy_rank",
            "pairs",
            "mean_mutual_information",
            "mean_mutual_information_low",
            "mean_mutual_information_high",
            "median_mutual_information",
            "highest_mutual_information",
            "mutual_information_rank",
            "bias_of_unrelated_neurons",
            "mixture_components",
            "mixture_bic",
            "pairs_found",
            "edges",
            "communities",
            "modularity",
            "score",
            "tau_entropy",
            "tau_entropy_p",
            "tau_mutual_information",
            "tau_mutual_information_p",
            "digest",
        ],
    )?;
    for (index, model) in comparison.models.iter().enumerate() {
        for ranking in &comparison.layers {
            if let Some(layer) = comparison.layer(index, &ranking.name) {
                table.line(layer_line(comparison, index, model, layer, ranking))?;
            }
        }
        if comparison.layers.len() > 1 {
            table.line(overall_line(comparison, index, model))?;
        }
    }
    table.finish()
}

fn layer_line(
    comparison: &Comparison,
    index: usize,
    model: &Model,
    layer: &Layer,
    ranking: &Ranking,
) -> Vec<String> {
    let standing = ranking.standings.iter().find(|standing| standing.model == index);
    let entropy = layer.entropy_statistics;
    let pairs = layer.pairs.as_ref();
    let interval = pairs.and_then(|pairs| pairs.interval());
    let graph = &layer.graph;
    let communities = graph.communities.values().max().map_or(0, |last| last + 1);
    let mut line = vec![
        model.name.clone(),
        layer.name.clone(),
        layer.samples.to_string(),
        layer.neurons().to_string(),
        layer.units.name().to_owned(),
        optional(entropy.map(|s| s.mean)),
        optional(entropy.map(|s| s.median)),
        optional(entropy.map(|s| s.notch.0)),
        optional(entropy.map(|s| s.notch.1)),
        optional(standing.and_then(|s| s.entropy_rank)),
        pairs.map_or(0, |pairs| pairs.count).to_string(),
        optional(pairs.map(|pairs| pairs.mean)),
        optional(interval.map(|(low, _)| low)),
        optional(interval.map(|(_, high)| high)),
        optional(pairs.map(|pairs| pairs.median)),
        optional(pairs.map(|pairs| pairs.highest)),
        optional(standing.and_then(|s| s.mutual_information_rank)),
        optional(layer.bias),
        optional(layer.mixture.as_ref().map(|mixture| mixture.components.len())),
        optional(layer.mixture.as_ref().map(|mixture| mixture.bic)),
        optional(graph.discoveries),
        graph.edges.len().to_string(),
        communities.to_string(),
        graph.modularity.to_string(),
    ];
    line.extend(selection(comparison, index, ranking.selection));
    line.push(optional(layer.digest));
    line
}

fn overall_line(comparison: &Comparison, index: usize, model: &Model) -> Vec<String> {
    let overall = &comparison.overall;
    let standing = overall.standings.iter().find(|standing| standing.model == index);
    let neurons: usize = model.layers.iter().map(Layer::neurons).sum();
    let pairs: usize = model.layers.iter().filter_map(|l| Some(l.pairs.as_ref()?.count)).sum();
    let empty = String::new;
    let mut line = vec![
        model.name.clone(),
        overall.name.clone(),
        empty(),
        neurons.to_string(),
        comparison.units.name().to_owned(),
        optional(standing.and_then(|s| s.mean_entropy)),
        empty(),
        empty(),
        empty(),
        optional(standing.and_then(|s| s.entropy_rank)),
        pairs.to_string(),
        optional(standing.and_then(|s| s.mean_mutual_information)),
        empty(),
        empty(),
        empty(),
        empty(),
        optional(standing.and_then(|s| s.mutual_information_rank)),
    ];
    line.extend(std::iter::repeat_with(empty).take(7));
    line.extend(selection(comparison, index, overall.selection));
    line.push(optional(model.digest()));
    line
}

fn selection(comparison: &Comparison, index: usize, selection: Option<Selection>) -> [String; 5] {
    let score = comparison.scores.as_ref().map(|scores| scores[index]);
    let entropy = selection.and_then(|selection| selection.entropy);
    let shared = selection.and_then(|selection| selection.mutual_information);
    [
        optional(score),
        optional(entropy.map(|kendall| kendall.tau)),
        optional(entropy.map(|kendall| kendall.p_value)),
        optional(shared.map(|kendall| kendall.tau)),
        optional(shared.map(|kendall| kendall.p_value)),
    ]
}

/// Writes a line for each of the strongest pairs of each layer.
pub(crate) fn edges(comparison: &Comparison) -> Result<String, Error> {
    let header = [
        "model",
        "layer",
        "first",
        "second",
        "mutual_information",
        "units",
        "false_discovery_rate",
        "first_community",
        "second_community",
    ];
    let mut table = Table::new(EDGES, &header)?;
    for model in &comparison.models {
        for layer in &model.layers {
            for edge in &layer.graph.edges {
                let community = |neuron| optional(layer.graph.communities.get(&neuron));
                table.line([
                    model.name.clone(),
                    layer.name.clone(),
                    edge.first.to_string(),
                    edge.second.to_string(),
                    edge.mutual_information.to_string(),
                    layer.units.name().to_owned(),
                    optional(edge.false_discovery_rate),
                    community(edge.first),
                    community(edge.second),
                ])?;
            }
        }
    }
    table.finish()
}

fn optional(value: Option<impl ToString>) -> String {
    value.map(|value| value.to_string()).unwrap_or_default()
}

/// A CSV table in memory.
struct Table {
    file: &'static str,
    writer: Writer<Vec<u8>>,
}

impl Table {
    fn new(file: &'static str, header: &[&str]) -> Result<Self, Error> {
        let mut table = Self { file, writer: Writer::from_writer(Vec::new()) };
        table.line(header)?;
        Ok(table)
    }

    fn line(&mut self, fields: impl IntoIterator<Item = impl AsRef<[u8]>>) -> Result<(), Error> {
        self.writer.write_record(fields).map_err(|error| failed(self.file, &error))
    }

    fn finish(self) -> Result<String, Error> {
        let bytes = self.writer.into_inner().map_err(|error| failed(self.file, &error))?;
        String::from_utf8(bytes).map_err(|error| failed(self.file, &error))
    }
}

fn failed(file: &'static str, error: &dyn std::error::Error) -> Error {
    Error::Format { file, problem: error.to_string() }
}
