//! Neurons that fire or do not, and the pairs that fire together.

use std::time::Instant;

use cofire::analysis::Association;
use cofire::{ActivationsView, Analysis, Error};
use serde::Serialize;

use crate::failure::Failure;
use crate::results::Results;
use crate::settings::Settings;
use crate::statistics::{Pairs, STRONGEST, Spread};

/// Facts about neurons that fire or do not.
#[derive(Debug, Serialize)]
pub(crate) struct FiringFacts {
    /// The range of firing rates of the neurons that the strongest pairs are chosen from.
    pub(crate) rates: (f64, f64),
    /// The number of these neurons.
    pub(crate) neurons: usize,
    pub(crate) associations: Vec<AssociationFacts>,
    pub(crate) incidents: Vec<String>,
    pub(crate) seconds: f64,
}

/// An association of all pairs.
#[derive(Debug, Serialize)]
pub(crate) struct AssociationFacts {
    pub(crate) name: &'static str,
    pub(crate) unit: Option<&'static str>,
    /// The spread over all pairs, whatever their rates.
    pub(crate) spread: Option<Spread>,
    pub(crate) strongest_pairs: Vec<FiringPair>,
}

/// Two neurons and how strongly their firing is associated.
#[derive(Debug, Serialize)]
pub(crate) struct FiringPair {
    pub(crate) first: usize,
    pub(crate) second: usize,
    /// The number of samples in which both fire.
    pub(crate) both: u32,
    pub(crate) association: f64,
}

/// The default of `--rates`: neurons that fire in a tenth of a percent to a half of the samples,
/// and in no fewer samples than [`FEWEST_SAMPLES`], below which chance plays too large a part.
const RATES: (f64, f64) = (0.001, 0.5);
const FEWEST_SAMPLES: f64 = 10.0;

/// Counts how often neurons fire together, and computes the chosen associations from the counts.
pub(crate) fn measure(
    analysis: &Analysis,
    activations: ActivationsView<'_>,
    settings: &Settings,
    results: &mut Results<'_>,
    failed: impl Fn(Error) -> Failure,
) -> Result<FiringFacts, Failure> {
    let clock = Instant::now();
    let report = analysis.cofiring(activations).map_err(failed)?;
    let seconds = clock.elapsed().as_secs_f64();
    let samples = report.samples as f64;
    let rates = settings.rates.unwrap_or((RATES.0.max(FEWEST_SAMPLES / samples), RATES.1));
    let range = rates.0..=rates.1;
    let is_counted = |&&firing: &&u32| range.contains(&(f64::from(firing) / samples));
    let neurons = report.firing.iter().filter(is_counted).count();
    let mut associations = Vec::new();
    for &association in &settings.associations {
        let name = association.name();
        // The library gives it in nats.
        let is_information = association == Association::PointwiseMutualInformation;
        let scale = if is_information { settings.units.per_nat() } else { 1.0 };
        let mut matrix = report.association(association);
        if is_information {
            matrix.mapv_inplace(|nats| nats * scale);
        }
        results.write(name, &format!("{name}.npy"), matrix.view())?;
        let strongest = report.strongest(association, STRONGEST, range.clone()).into_iter();
        associations.push(AssociationFacts {
            name,
            unit: is_information.then(|| settings.units.name()),
            spread: Pairs::Once.spread(&matrix),
            strongest_pairs: strongest
                .filter(|pair| pair.both > 0)
                .map(|pair| FiringPair {
                    first: pair.first,
                    second: pair.second,
                    both: pair.both,
                    association: pair.association * scale,
                })
                .collect(),
        });
    }
    let incidents = report.execution.incidents.iter().map(ToString::to_string).collect();
    Ok(FiringFacts { rates, neurons, associations, incidents, seconds })
}
