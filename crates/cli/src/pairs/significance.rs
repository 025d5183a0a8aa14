//! The test by which significant pairs are selected.

use cofire::significance::Surrogates;

use crate::arguments::PairsArguments;
use crate::documents;
use crate::failure::Failure;
use crate::settings::{OrderSettings, SignificanceTest};

/// The number of permutations or shifts of each pair if none was given. Those of all pairs are pooled.
const USUAL_PERMUTATIONS: u32 = 20;

/// Makes the test that was asked for, and refuses it where it has no effect or no place.
pub(super) fn of(arguments: &PairsArguments) -> Result<Option<SignificanceTest>, Failure> {
    let test = SignificanceTest::of(&arguments.tests, USUAL_PERMUTATIONS, false)?;
    let Some(test) = test else { return Ok(None) };
    if arguments.selection.false_discovery_rate.is_none() {
        return Err(Failure::Input(
            "--significance says how a false-discovery rate is estimated; \
             add --false-discovery-rate Q, or leave it out"
                .to_owned(),
        ));
    }
    let job = [("--part", arguments.job.part.is_some()), ("--job", arguments.job.job.is_some())];
    let job = job.into_iter().find(|(_, is_given)| *is_given);
    if let (Some(_), Some((job, _))) = (test.surrogates(), job) {
        return Err(Failure::Input(format!(
            "a job does not keep permutations or shifts of its blocks; \
             leave {job} or --significance {} out",
            test.name()
        )));
    }
    Ok(Some(test))
}

/// Returns the permutations or shifts of the test, with the documents that they need.
pub(super) fn surrogates(test: Option<&SignificanceTest>) -> Result<Option<Surrogates>, Failure> {
    let Some(test) = test else { return Ok(None) };
    let documents = test.documents().map(documents::read).transpose()?;
    Ok(test.surrogates().map(|settings| settings.surrogates(documents.as_ref())))
}

/// Returns the options of the test with their values, for the summary. The G-test is the default.
pub(super) fn texts(test: Option<&SignificanceTest>) -> Vec<(String, String)> {
    let Some((test, settings)) = test.and_then(|test| Some((test, test.surrogates()?))) else {
        return Vec::new();
    };
    let mut texts = vec![
        ("--significance", test.name().to_owned()),
        ("--permutations", settings.permutations.to_string()),
        ("--seed", settings.seed.to_string()),
    ];
    match &settings.order {
        OrderSettings::Permutation | OrderSettings::Shift { at_least: None } => {}
        OrderSettings::Shift { at_least: Some(least) } => {
            texts.push(("--shift-at-least", least.to_string()));
        }
        OrderSettings::Blocks { length } => texts.push(("--blocks", length.to_string())),
        OrderSettings::Documents(file) => {
            texts.push(("--documents", file.display().to_string()));
        }
    }
    texts.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
