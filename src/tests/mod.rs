//! Tests of whole jobs with faults injected into their devices. They need private parts of the
//! crate.

mod faults;
mod neighbor_faults;
mod random_faults;
mod shaders;

use crate::execution::{Incident, Remedy};

pub(crate) fn remedies(incidents: &[Incident]) -> Vec<Remedy> {
    incidents.iter().map(|incident| incident.remedy).collect()
}
