//! The command `cofire compare`.

mod inputs;
mod measure;
mod text;

use cofire_files::OutputDirectory;
use cofire_report::{Comparison, Error, Model, Scores};

use crate::arguments::CompareArguments;
use crate::failure::{Failure, note};
use crate::layer_list::LayerPlace;
use crate::printer::Printer;
use crate::progress::Bar;
use crate::settings::Settings;
use crate::{analyze, interrupt};
use inputs::Input;

pub(crate) fn run(arguments: &CompareArguments) -> Result<(), Failure> {
    interrupt::watch()?;
    analyze::set_threads(arguments.threads())?; // before anything starts the thread pool
    check(arguments)?;
    let mut settings = Settings::of(&arguments.measurement())?;
    let inputs = inputs::of(arguments)?;
    check_samples(&inputs)?;
    let scores = arguments.scores.as_ref().map(Scores::read).transpose()?;
    if let Some(scores) = &scores {
        let names: Vec<&str> = inputs.iter().map(|input| input.name.as_str()).collect();
        if names.len() == 1 {
            return Err(Error::OneModel.into());
        }
        scores.check(&names)?;
    }
    settings.open_engine()?;
    // Create the directory before the work: an error then costs no time.
    let mut output = OutputDirectory::create(&arguments.out)?;

    let models = measure_all(&inputs, &settings, arguments.edges)?;
    let comparison = Comparison::of(models, scores.as_ref())?;
    let description = text::description(arguments, &settings, &inputs);
    let bar = Bar::new("writing the report");
    comparison.write_watched(&mut output, &description, |done, all| bar.reached(done, all))?;
    drop(bar); // before text is printed in its place
    interrupt::check()?; // the last one: a commit is not interrupted
    output.commit()?;
    Printer::default().print(&text::summary(&comparison))?;
    note(&format!("the report is in {}", arguments.out.join("report.html").display()));
    Ok(())
}

/// Refuses `--seed` without `--jitter`, before [`Settings::of`] does so with advice that suits only
/// `analyze`.
fn check(arguments: &CompareArguments) -> Result<(), Failure> {
    if arguments.seed.is_some() && arguments.estimator.jitter.is_none() {
        return Err(Failure::Input(
            "--seed is for the random numbers of --jitter; add --jitter, or leave --seed out"
                .to_owned(),
        ));
    }
    Ok(())
}

/// Refuses models with different numbers of samples, as the files state them.
fn check_samples(inputs: &[Input]) -> Result<(), Failure> {
    let are_single = inputs.iter().all(|input| input.layers.len() == 1);
    let places = || inputs.iter().flat_map(|input| &input.layers);
    let is_same = |a: &LayerPlace, b: &LayerPlace| are_single || a.layer.name == b.layer.name;
    for place in places() {
        let first = places().find(|other| is_same(place, other)).unwrap_or(place);
        let (samples, expected) = (place.samples(), first.samples());
        if samples != expected {
            return Err(Failure::Input(format!(
                "{} has {samples} samples and {} has {expected}; estimates depend on the number of \
                 samples, so give all models the same ones",
                place.subject(),
                first.subject()
            )));
        }
    }
    Ok(())
}

fn measure_all(inputs: &[Input], settings: &Settings, edges: usize) -> Result<Vec<Model>, Failure> {
    let all: usize = inputs.iter().map(|input| input.layers.len()).sum();
    let mut number = 0;
    let mut models = Vec::with_capacity(inputs.len());
    for input in inputs {
        let mut layers = Vec::with_capacity(input.layers.len());
        for place in &input.layers {
            number += 1;
            let bar =
                Bar::new(&format!("{}, {} ({number} of {all})", input.name, place.layer.name));
            layers.push(measure::layer(place, settings, edges, &bar)?);
        }
        models.push(Model::new(&input.name, layers));
    }
    Ok(models)
}
