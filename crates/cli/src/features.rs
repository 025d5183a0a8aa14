//! What this program was built without, and how to build one that has it.

/// Returns the command that builds the program with a feature, beside those that it has already.
pub(crate) fn command_with(feature: &str) -> String {
    let known = [("tables", cfg!(feature = "tables")), ("zarr", cfg!(feature = "zarr"))];
    let wanted = known.iter().filter(|&&(name, is_built)| is_built || name == feature);
    let names: Vec<&str> = wanted.map(|&(name, _)| name).collect();
    format!("cargo install --path crates/cli --features {}", names.join(","))
}
