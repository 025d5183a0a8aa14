//! A process for each family of cards, because RADV reads its environment only once.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::arguments::Arguments;
use crate::error::Error;
use crate::record::Record;

/// The folders in which Vulkan's loader looks for drivers on Linux.
const DRIVER_FOLDERS: [&str; 3] =
    ["/usr/share/vulkan/icd.d", "/usr/local/share/vulkan/icd.d", "/etc/vulkan/icd.d"];

/// Finds the file that describes RADV to Vulkan's loader.
pub(crate) fn find(named: Option<&Path>) -> Result<PathBuf, Error> {
    if let Some(named) = named {
        return if named.is_file() { Ok(named.to_owned()) } else { Err(Error::NoDriver) };
    }
    let entries = DRIVER_FOLDERS.iter().filter_map(|folder| std::fs::read_dir(folder).ok());
    let is_radv = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        name.starts_with("radeon_icd") && name.ends_with(".json")
    };
    let mut drivers =
        entries.flatten().filter_map(|entry| Some(entry.ok()?.path())).filter(is_radv);
    drivers.next().ok_or(Error::NoDriver)
}

/// Compiles every kernel for one family in a new process and returns the records.
pub(crate) fn records(
    driver: &Path,
    family: &str,
    arguments: &Arguments,
) -> Result<Vec<Record>, Error> {
    let bins: Vec<String> = arguments.bins.iter().map(usize::to_string).collect();
    let output = Command::new(std::env::current_exe()?)
        .args(["--in-this-process", "--family", family, "--bins", &bins.join(",")])
        .arg("--driver")
        .arg(driver)
        .env("RADV_FORCE_FAMILY", family)
        .env("VK_DRIVER_FILES", driver)
        .env("VK_ICD_FILENAMES", driver) // what loaders before 1.3.207 read
        // Cached pipelines would have no statistics.
        .env("MESA_SHADER_CACHE_DISABLE", "true")
        .output()?;
    if output.status.success() {
        return Ok(serde_json::from_slice(&output.stdout)?);
    }
    let reason = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    let reason = if reason.is_empty() { output.status.to_string() } else { reason };
    Err(Error::Child { family: family.to_owned(), reason })
}
