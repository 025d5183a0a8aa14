//! The CPU, and every adapter of this machine.

use std::fmt;

use cofire::Engine;
use cofire::gpu::{Gpu, adapters};

/// A place that jobs run in.
#[derive(Debug)]
pub(crate) struct Place {
    label: String,
    pub(crate) engine: Engine,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)
    }
}

/// Returns the CPU, then every adapter that can be opened, one of each label.
pub(crate) fn all() -> Vec<Place> {
    let mut adapters = adapters();
    adapters.dedup_by(|a, b| a.description == b.description);
    let mut places = vec![Place { label: "CPU".to_owned(), engine: Engine::Cpu }];
    for adapter in adapters.iter().filter(|adapter| adapter.unusable.is_none()) {
        let label = adapter.description.to_string();
        match Gpu::open(Some(&label)) {
            Ok(gpu) => places.push(Place { label, engine: gpu.into() }),
            Err(error) => super::tell(&format!("{label} is left out: {error}")),
        }
    }
    places
}
