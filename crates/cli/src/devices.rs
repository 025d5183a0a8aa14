//! The command `cofire devices`.

use std::fmt::Write;

#[cfg(feature = "gpu")]
use cofire::gpu::{FoundAdapter, adapters};
use serde::Serialize;

use crate::analyze::to_json;
use crate::arguments::DevicesArguments;
use crate::facts::AdapterFacts;
use crate::failure::{Failure, one_line};
use crate::printer::Printer;

/// The adapters found, and the engine that would be used. Serialized, it is the output of `--json`.
#[derive(Debug, Serialize)]
struct Devices {
    adapters: Vec<Device>,
    auto: Auto,
}

#[derive(Debug, Serialize)]
struct Device {
    #[serde(flatten)]
    adapter: AdapterFacts,
    kind: &'static str,
    limits: Limits,
    usable: bool,
    /// The reason if the adapter is not usable.
    problem: Option<String>,
}

#[derive(Debug, Serialize)]
struct Limits {
    storage_binding_bytes: u64,
    workgroup_storage_bytes: u32,
    workgroup_invocations: u32,
    workgroups_per_dimension: u32,
}

/// The engine that `--engine auto` takes.
#[derive(Debug, Serialize)]
#[serde(tag = "engine", rename_all = "snake_case")]
enum Auto {
    #[cfg(feature = "gpu")]
    Gpu {
        adapter: String,
    },
    Cpu {
        threads: usize,
        reason: &'static str,
    },
}

const WHAT_TO_INSTALL: &str = "\
To use a GPU, install its driver: on Linux one with Vulkan (mesa-vulkan-drivers for AMD and Intel,
NVIDIA's own for NVIDIA), on Windows one with DirectX 12 or Vulkan; macOS includes Metal.
";

pub(crate) fn run(arguments: &DevicesArguments) -> Result<(), Failure> {
    let devices = Devices::find();
    let text = if arguments.json { to_json(&devices)? } else { devices.text() };
    Printer::default().print(&text)
}

impl Devices {
    #[cfg(not(feature = "gpu"))]
    fn find() -> Self {
        let reason = "this build of cofire has no GPU engine";
        let auto = Auto::Cpu { threads: rayon::current_num_threads(), reason };
        Self { adapters: Vec::new(), auto }
    }

    #[cfg(feature = "gpu")]
    fn find() -> Self {
        let adapters = adapters();
        let choice = adapters.iter().find(|adapter| adapter.is_auto_choice);
        let auto = match choice {
            Some(adapter) => Auto::Gpu { adapter: adapter.description.to_string() },
            None => Auto::Cpu { threads: rayon::current_num_threads(), reason: reason(&adapters) },
        };
        Self { adapters: adapters.iter().map(Device::from).collect(), auto }
    }

    fn text(&self) -> String {
        let mut text: String = self.adapters.iter().map(|device| device.text() + "\n").collect();
        if cfg!(feature = "gpu") && self.adapters.is_empty() {
            text.push_str("no GPU adapters were found\n");
            text.push_str(WHAT_TO_INSTALL);
            text.push('\n');
        }
        let _ = match &self.auto {
            #[cfg(feature = "gpu")]
            Auto::Gpu { adapter } => writeln!(text, "auto would use: {}", one_line(adapter)),
            Auto::Cpu { threads, reason } => {
                let plural = if *threads == 1 { "" } else { "s" };
                writeln!(text, "auto would use: the CPU, {threads} thread{plural} ({reason})")
            }
        };
        text
    }
}

/// Returns the reason why no adapter is taken.
#[cfg(feature = "gpu")]
fn reason(adapters: &[FoundAdapter]) -> &'static str {
    if adapters.is_empty() {
        "there is no GPU adapter"
    } else if adapters.iter().all(|adapter| adapter.description.is_software) {
        "software adapters run on the same cores, more slowly"
    } else {
        "no real GPU is usable"
    }
}

#[cfg(feature = "gpu")]
impl From<&FoundAdapter> for Device {
    fn from(adapter: &FoundAdapter) -> Self {
        Self {
            adapter: AdapterFacts::from(&adapter.description),
            kind: adapter.kind,
            limits: Limits {
                storage_binding_bytes: adapter.limits.storage_binding_bytes,
                workgroup_storage_bytes: adapter.limits.workgroup_storage_bytes,
                workgroup_invocations: adapter.limits.workgroup_invocations,
                workgroups_per_dimension: adapter.limits.workgroups_per_dimension,
            },
            usable: adapter.unusable.is_none(),
            problem: adapter.unusable.clone(),
        }
    }
}

impl Device {
    fn text(&self) -> String {
        let Self { adapter, kind, limits, problem, .. } = self;
        let driver = if adapter.driver.is_empty() { "unknown" } else { &adapter.driver };
        let mut text = format!("{}\n", one_line(&adapter.label));
        let mut line = |label: &str, value: &str| {
            // Writing to a string cannot fail.
            let _ = writeln!(text, "  {label:<18} {}", one_line(value));
        };
        line("kind", kind);
        line("driver", driver);
        line("largest buffer", &format!("{} MiB", limits.storage_binding_bytes >> 20));
        line("workgroup memory", &format!("{} KiB", limits.workgroup_storage_bytes >> 10));
        line("workgroup size", &format!("{} invocations", limits.workgroup_invocations));
        line(
            "dispatch size",
            &format!("{} workgroups a dimension", limits.workgroups_per_dimension),
        );
        line("usable", problem.as_ref().map_or("yes", |_| "no"));
        if let Some(problem) = problem {
            line("because", problem);
        }
        text
    }
}
