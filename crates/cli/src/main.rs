//! The command `cofire`: entropy and mutual information of dumped activations.

mod analyze;
mod arguments;
mod compare;
mod devices;
mod digests_file;
mod documents;
mod facts;
mod failure;
mod features;
mod few_samples;
mod firing;
mod interrupt;
mod labels;
mod layer_list;
mod measure;
mod pairs;
mod printer;
mod progress;
mod results;
mod settings;
mod significance;
mod statistics;
mod table;
mod text;
mod ties;
mod verify;

use std::process::ExitCode;

use clap::Parser;

use arguments::{Arguments, Command};

fn main() -> ExitCode {
    // Silent unless RUST_LOG asks for more.
    env_logger::Builder::new().filter_level(log::LevelFilter::Off).parse_default_env().init();
    let done = match Arguments::parse().command {
        Command::Analyze(arguments) => analyze::run(&arguments),
        Command::Compare(arguments) => compare::run(&arguments),
        Command::Devices(arguments) => devices::run(&arguments),
        Command::Merge(arguments) => pairs::merge(&arguments),
        Command::Pairs(arguments) => pairs::run(&arguments),
        Command::Verify(arguments) => verify::run(&arguments),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
