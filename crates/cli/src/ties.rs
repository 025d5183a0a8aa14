//! Equal activations, of which estimates from nearest neighbours know nothing, and the way out.

use cofire::neighbors::NeuronTies;
use serde::Serialize;

use crate::settings::NeighborSettings;

/// The noise that is enough for most layers.
const USUAL_JITTER: f64 = 1e-10;

/// The largest noise that is advised. More would change estimates of distinct activations.
const LARGEST_JITTER: f64 = 1e-4;

/// Facts about the neurons of a layer with more equal activations than neighbours.
#[derive(Debug, Serialize)]
pub(crate) struct TieFacts {
    /// The number of constant neurons. No noise changes them, and their pairs have no information.
    pub(crate) constant: usize,
    /// The number of other neurons in which more samples than neighbours share a value.
    pub(crate) neurons: usize,
    /// The share of these neurons' samples that equal another one; none without such neurons.
    pub(crate) share_of_samples: Option<f64>,
    /// The consequence for estimates, and the way out; none without such neurons.
    pub(crate) warning: Option<String>,
}

impl TieFacts {
    pub(crate) fn of(ties: &[NeuronTies], samples: usize, method: &NeighborSettings) -> Self {
        let is_constant = |ties: &&NeuronTies| ties.most_frequent == samples;
        let constant = ties.iter().filter(is_constant).count();
        let is_tied =
            |ties: &&NeuronTies| !is_constant(ties) && ties.most_frequent > method.neighbors;
        let (mut neurons, mut tied) = (0, 0);
        for ties in ties.iter().filter(is_tied) {
            neurons += 1;
            tied += ties.samples;
        }
        let share = (neurons > 0).then(|| tied as f64 / (neurons * samples) as f64);
        let warning = share.map(|share| {
            format!(
                "unreliable: in {neurons} of {} neurons more than {} samples have the same value, and \
                 {:.1} % of their samples equal another; {}",
                ties.len(),
                method.neighbors,
                100.0 * share,
                way_out(method)
            )
        });
        Self { constant, neurons, share_of_samples: share, warning }
    }
}

/// Returns advice that is not followed already.
fn way_out(method: &NeighborSettings) -> String {
    let bins = "leave --estimator out to use bins";
    match (method.jitter, method.preset) {
        (_, Some(_)) => {
            format!("--estimator ksg --jitter {USUAL_JITTER:e} instead of --preset sets them apart")
        }
        (None, None) => format!("--jitter {USUAL_JITTER:e} sets them apart, or {bins}"),
        (Some((amplitude, _)), None) => {
            let larger = if amplitude > 0.0 { amplitude * 1000.0 } else { 0.0 }.max(USUAL_JITTER);
            if larger > LARGEST_JITTER {
                format!("--jitter {amplitude:e} does not set them apart; {bins}")
            } else {
                format!(
                    "--jitter {amplitude:e} is too small to set them apart; use more, such as \
                     {larger:.0e}, or {bins}"
                )
            }
        }
    }
}
