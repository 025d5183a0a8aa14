//! Features that this build lacks, and the command that builds a program with them.

/// The features that a build has only on request, and whether this build has them.
const FEATURES: [(&str, bool); 2] =
    [("tables", cfg!(feature = "tables")), ("zarr", cfg!(feature = "zarr"))];

/// Returns the command that builds the program with a feature, beside those that it has already.
pub(crate) fn command_with(feature: &str) -> String {
    let wanted = FEATURES.iter().filter(|&&(name, is_built)| is_built || name == feature);
    let names: Vec<&str> = wanted.map(|&(name, _)| name).collect();
    let command = "cargo install --path crates/cli";
    match names.is_empty() {
        true => command.to_owned(), // the GPU engine is in every build that does not leave it out
        false => format!("{command} --features {}", names.join(",")),
    }
}
