//! The text of the page.

use cofire::digest::Digest;
use maud::{Markup, html};

use crate::comparison::Comparison;
use crate::heat_map::MOST_NEURONS;
use crate::model::{FALSE_DISCOVERY_RATE, Model};
use crate::text::{grouped, printable};
use crate::write::Description;

/// Writes the main results and the reasons to doubt them.
pub(super) fn summary(comparison: &Comparison) -> Markup {
    let reading = &comparison.reading;
    html! {
        section.words {
            h2 { "In short" }
            @for sentence in &reading.summary { p { (printable(sentence)) } }
            @if !reading.cautions.is_empty() {
                div.cautions {
                    strong { "With care" }
                    ul { @for caution in &reading.cautions { li { (printable(caution)) } } }
                }
            }
        }
    }
}

/// Returns one digest for all models. `None` if that of a layer is unknown.
fn digest(comparison: &Comparison) -> Option<Digest> {
    let models: Option<Vec<Digest>> = comparison.models.iter().map(Model::digest).collect();
    Some(Digest::of_several(models?))
}

/// Writes how the measurements and the pictures were made.
pub(super) fn method(comparison: &Comparison, description: &Description) -> Markup {
    let is_tested =
        comparison.models.iter().flat_map(|m| &m.layers).any(|l| l.graph.discoveries.is_some());
    html! {
        section.words {
            h2 { "How it was measured" }
            dl {
                @for (name, value) in &description.settings {
                    dt { (printable(name)) }
                    dd { (printable(value)) }
                }
                dt { "unit" }
                dd { (comparison.units.name()) }
                @if let Some(digest) = digest(comparison) {
                    dt { "digest of all numbers" }
                    dd { code { (digest) } }
                }
            }
            p {
                "Entropy says how evenly the activations of a neuron spread over its bins: 0 for one "
                "that never changes, the logarithm of the number of bins for one that uses all of "
                "them equally. Mutual information says how much one neuron tells of another: 0 for "
                "independent ones."
            }
            @if digest(comparison).is_some() {
                p {
                    "Whoever measures the same activations with the same settings, on any machine, gets "
                    "the same digest. Those of single layers are in summary.csv."
                }
            }
            p {
                "The interval of a mean mutual information is the jackknife’s, leaving out one neuron "
                "with all its pairs at a time. Neurons of a heat map are ordered by average linkage "
                "on the share of their joint entropy that they do not have in common; of a layer of "
                "more than " (grouped(MOST_NEURONS)) ", those of highest entropy are shown. "
                @if is_tested {
                    "Pairs are found by a G-test at a false-discovery rate of "
                    (FALSE_DISCOVERY_RATE) ". "
                }
                "Communities are Louvain’s, of the strongest pairs weighted by mutual information."
            }
        }
    }
}

/// Writes the limits of such comparisons.
pub(super) fn trust(comparison: &Comparison) -> Markup {
    html! {
        section.words {
            h2 { "When not to trust it" }
            ul {
                @if comparison.models.len() > 1 {
                    li {
                        "A lean is relative. The least diverse of some good models is still the least "
                        "diverse: look at the distance to the others, not at the rank."
                    }
                    li {
                        "A model leans in a layer only where the 95 % intervals of its median entropy "
                        "and of its mean mutual information are both beyond the middle of the models: "
                        "clear is in all layers, probable in more than half, weak in fewer."
                    }
                    li {
                        "Compare models of one architecture, activation function and layer width only. "
                        "They were trained for the same task, and measured on the same samples in the "
                        "same order."
                    }
                }
                li {
                    "Samples should be like those of training. On data of another kind the neurons show "
                    "how they meet what is new to them, not what they have learned."
                }
                li {
                    "Estimates depend on bins and samples. Differences smaller than “MI of unrelated "
                    "neurons” are not to be believed, and more samples may change an order."
                }
                li {
                    "Neighbouring tokens, frames or pixels are not independent samples: intervals and "
                    "tests are too sure of themselves then."
                }
                li {
                    "The pattern was seen in models spoilt on purpose by strong shortcuts or shuffled "
                    "labels. A model may fail in ways that leave no trace here."
                }
            }
        }
    }
}

/// Writes the paper to cite.
pub(super) fn citation() -> Markup {
    html! {
        section.words {
            h2 { "To cite" }
            p {
                "Rachit Bansal, Danish Pruthi, Yonatan Belinkov: "
                em { "Measures of Information Reflect Memorization Patterns" }
                ". Advances in Neural Information Processing Systems 35 (NeurIPS 2022), "
                "arXiv 2210.09404. It found that shortcuts come with low entropy and high mutual "
                "information, memorized examples with high entropy and low mutual information."
            }
            p { "Computed and drawn by cofire " (env!("CARGO_PKG_VERSION")) "." }
        }
    }
}
