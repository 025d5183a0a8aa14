//! An example that draws how the time of a job grows with samples, neurons, bins and threads.
//!
//! ```text
//! cargo run --release -p cofire-measurements --example scaling
//! ```
//!
//! It measures whole jobs on the CPU engine, best of several runs, as time per pair-sample. If a
//! line is flat, time grows as the work does; a step is a cliff. It takes two to four minutes, and
//! writes `docs/scaling.csv` and a picture for each axis. Other work on the machine disturbs the
//! pictures.

mod axis;
mod picture;
mod sweep;
#[path = "../../../../benches/common/workload.rs"]
#[allow(dead_code, reason = "names of workloads are for the benchmark")]
mod workload;

use std::error::Error;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Parser;

use sweep::{Point, Sweep};

/// Measures how the time of a job grows with samples, neurons, bins and threads.
#[derive(Debug, Parser)]
struct Arguments {
    /// Directory for the table and the pictures
    #[arg(long, value_name = "DIRECTORY", default_value = "docs")]
    out: PathBuf,
}

fn main() -> Result<(), Box<dyn Error>> {
    let Arguments { out } = Arguments::parse();
    fs::create_dir_all(&out)?;
    let mut table = String::from(HEADER);
    for sweep in Sweep::all() {
        eprintln!("{}", sweep.name);
        let series = sweep.measure()?;
        for point in series.iter().flat_map(|series| &series.points) {
            add_row(&mut table, &sweep, point)?;
        }
        let path = out.join(format!("scaling_{}.svg", sweep.name));
        svg::save(&path, &picture::draw(&sweep, &series))?;
        say_written(&path);
    }
    let path = out.join("scaling.csv");
    fs::write(&path, table)?;
    say_written(&path);
    Ok(())
}

const HEADER: &str =
    "axis,samples,neurons,bins,threads,simd_level,kernel,seconds,picoseconds_per_pair_sample\n";

fn add_row(table: &mut String, sweep: &Sweep, point: &Point) -> Result<(), std::fmt::Error> {
    let job = point.job;
    writeln!(
        table,
        "{},{},{},{},{},{},{},{:.9},{:.2}",
        sweep.name,
        job.samples,
        job.neurons,
        job.bins,
        point.threads,
        cofire::execution::simd_level(),
        point.kernel,
        point.time.as_secs_f64(),
        point.picoseconds()
    )
}

fn say_written(path: &Path) {
    eprintln!("wrote {}", path.display());
}
