//! All adapters of this machine, opened.

use cofire::gpu::{FoundAdapter, Gpu, adapters};

use super::{Place, note};

/// The name of a variable with a list of parts of labels, separated by commas. If an adapter of the
/// list is not found and opened, tests fail. CI sets it, so that a missing driver is noticed.
const REQUIRED: &str = "COFIRE_REQUIRE_ADAPTERS";

/// Opens every adapter that can be used.
pub(super) fn open_all() -> Vec<Place> {
    let mut found = adapters();
    // Two equal devices have the same label, which opens the first of them.
    found.dedup_by(|a, b| a.description == b.description);
    let places: Vec<Place> = found.iter().filter_map(open).collect();
    check_required(&places, &found);
    places
}

fn open(found: &FoundAdapter) -> Option<Place> {
    let label = found.description.to_string();
    if let Some(reason) = &found.unusable {
        note(&format!("[{label}] is not tested: {reason}"));
        return None;
    }
    match Gpu::open(Some(&label)) {
        Ok(gpu) => {
            let opened = gpu.adapter();
            assert_eq!(opened, &found.description, "{label:?} opened another adapter");
            Some(Place { label, engine: gpu.into() })
        }
        Err(error) => {
            note(&format!("[{label}] is not tested: {error}"));
            None
        }
    }
}

fn check_required(places: &[Place], found: &[FoundAdapter]) {
    let required = std::env::var(REQUIRED).unwrap_or_default();
    let opened: Vec<&str> = places.iter().map(|place| place.label.as_str()).collect();
    let found: Vec<String> = found.iter().map(|f| f.description.to_string()).collect();
    for wanted in required.split(',').map(str::trim).filter(|part| !part.is_empty()) {
        let wanted_lower = wanted.to_lowercase();
        let is_open = opened.iter().any(|label| label.to_lowercase().contains(&wanted_lower));
        assert!(is_open, "{REQUIRED} asks for {wanted:?}; found {found:?}, opened {opened:?}");
    }
}
