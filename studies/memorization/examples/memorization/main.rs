//! Trains networks that take a shortcut, memorize or generalise, and tells them apart by the
//! entropy and mutual information of their neurons.
//!
//! ```sh
//! cargo run --release -p cofire-memorization --example memorization
//! cargo run --release -p cofire-memorization --example memorization -- --help
//! ```

mod arguments;
mod progress;
mod studies;

use std::error::Error as _;
use std::io::{self, Write};
use std::process::ExitCode;

use clap::Parser;
use cofire_memorization::{Error, output, table};

use arguments::Arguments;
use progress::Bar;

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        // The reader of the tables closed the pipe and needs no more.
        Err(Failure::Print(error)) if error.kind() == io::ErrorKind::BrokenPipe => {
            ExitCode::SUCCESS
        }
        Err(failure) => {
            let _ = writeln!(io::stderr(), "error: {failure}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Failure> {
    let images = studies::images(arguments)?;
    let studies = studies::all(arguments, &images);
    let names = table::Names { bins: format!("{} bins", arguments.bins) };
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let bar = Bar::new(studies.iter().map(|study| study.epochs()).sum());
    let mut out = io::stdout().lock();
    for named in &studies {
        bar.begin(&named.name);
        let outcomes = named.study.run(threads, &|event| bar.advance(event))?;
        let tables = bar.suspended(|| -> Result<(), io::Error> {
            writeln!(out, "## {}\n", named.title)?;
            writeln!(out, "{}", table::levels(&outcomes, &names))?;
            for ranks in [table::rankings(&outcomes, &names), table::orders(&outcomes, &names)] {
                if !ranks.is_empty() {
                    writeln!(out, "{ranks}")?;
                }
            }
            out.flush()
        });
        tables.map_err(Failure::Print)?;
        bar.say(&format!("{}: writing the report", named.name));
        output::write_activations(&arguments.out, &named.name, &outcomes)?;
        output::write_measures(&arguments.out, &named.name, &outcomes)?;
        output::write_report(&arguments.out, &named.name, &named.title, &named.study, &outcomes)?;
    }
    bar.finish();
    writeln!(out, "Activations, scores, measures and reports are in {}.", arguments.out.display())
        .map_err(Failure::Print)
}

/// The reason that the example failed.
#[derive(Debug)]
enum Failure {
    /// Data could not be read, or networks not trained, measured or written.
    Study(Error),
    /// Standard output cannot be written.
    Print(io::Error),
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self::Study(error)
    }
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Print(error) => write!(f, "cannot print: {error}"),
            Self::Study(error) => {
                write!(f, "{error}")?;
                let mut source = error.source();
                while let Some(cause) = source {
                    write!(f, ": {cause}")?;
                    source = cause.source();
                }
                Ok(())
            }
        }
    }
}
