//! Reports how an AMD driver compiles cofire's kernels, without an AMD card.
//!
//! RADV, Mesa's Vulkan driver, has a null device for every family of cards. The null device
//! compiles for that family and reports registers, occupancy and machine code. The cost of a
//! pair-sample is the number of instructions in an iteration of the counting loop, divided by the
//! number of pair-samples that the iteration counts. `docs/GPU_COST.md` draws the conclusions.

mod arguments;
mod assembly;
mod cards;
mod costs;
mod counts;
mod driver;
mod error;
mod loops;
mod operations;
mod radv;
mod record;
mod report;
mod roofline;
mod spirv;
mod table;
mod work;

use std::collections::BTreeMap;
use std::io::{ErrorKind, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;

use arguments::Arguments;
use error::Error;
use record::Record;

/// The size of the largest subgroups of AMD's cards.
const SUBGROUP_SIZE: u32 = 64;

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        // The reader of the output closed the pipe and needs no more.
        Err(Error::Output(error)) if error.kind() == ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Error> {
    let mut out = std::io::stdout().lock();
    if arguments.in_this_process {
        serde_json::to_writer(&mut out, &in_this_process(arguments)?)?;
        return Ok(());
    }
    let driver = driver::find(arguments.driver.as_deref())?;
    if arguments.roofline {
        return print_bounds(&driver, arguments, &mut out);
    }
    let mut all = Vec::new();
    for family in &arguments.family {
        all.push((family, driver::records(&driver, family, arguments)?));
    }
    if arguments.json {
        let records: Vec<&Record> = all.iter().flat_map(|(_, records)| records).collect();
        serde_json::to_writer_pretty(&mut out, &records)?;
        writeln!(out)?;
    } else if arguments.assembly {
        for record in all.iter().flat_map(|(_, records)| records) {
            writeln!(out, "; {}, {} bins, {}", record.title(), record.bins, record.family)?;
            writeln!(out, "{}", record.assembly)?;
        }
    } else {
        if let Some((_, records)) = all.first() {
            writeln!(
                out,
                "## SPIR-V\n\nOperations and bytes of an invocation for one pair-sample:\n"
            )?;
            writeln!(out, "{}", report::operations(records))?;
        }
        for (family, records) in &all {
            writeln!(out, "## {family}\n\nWhat the driver reports:\n")?;
            writeln!(out, "{}", report::resources(records))?;
            writeln!(out, "Instructions and bytes of an invocation for one pair-sample:\n")?;
            writeln!(out, "{}", report::pair_samples(records))?;
            writeln!(out, "The same for one cell of a histogram:\n")?;
            writeln!(out, "{}", report::cells(records))?;
        }
    }
    Ok(())
}

/// Prints the bounds of every card for every workload, whatever families and bins the arguments
/// name.
fn print_bounds(driver: &Path, arguments: &Arguments, out: &mut impl Write) -> Result<(), Error> {
    let bins = roofline::WORKLOADS.iter().map(|workload| workload.bins).collect();
    let arguments = Arguments { bins, ..arguments.clone() };
    let mut known: BTreeMap<&str, Vec<Record>> = BTreeMap::new();
    for card in &cards::CARDS {
        if !known.contains_key(card.family) {
            known.insert(card.family, driver::records(driver, card.family, &arguments)?);
        }
        writeln!(out, "### {}\n", card.name)?;
        writeln!(out, "{}", roofline::table(card, &known[card.family]))?;
    }
    Ok(())
}

/// Returns the records for the only device that the environment selects.
fn in_this_process(arguments: &Arguments) -> Result<Vec<Record>, Error> {
    let family = arguments.family.first().map(String::as_str).unwrap_or_default();
    let device = radv::Device::open()?.ok_or_else(|| Error::NoDevice {
        driver: arguments.driver.as_deref().unwrap_or("RADV".as_ref()).display().to_string(),
        family: family.to_owned(),
    })?;
    let mut records = Vec::new();
    for &bins in &arguments.bins {
        for source in cofire::gpu::kernel_sources(bins, SUBGROUP_SIZE) {
            records.push(Record::new(&device, family, bins, &source)?);
        }
    }
    Ok(records)
}
