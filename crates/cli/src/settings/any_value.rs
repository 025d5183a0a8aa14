//! A test that every value of every option is accepted, or refused with a message. Values can come
//! from a faulty script, or be hostile.

use std::ffi::OsString;

use clap::{CommandFactory, Parser};
use proptest::prelude::*;

use super::Settings;
use crate::arguments::{Arguments, Command};
use crate::failure::Failure;

/// Returns the commands, each with an option that takes a value.
fn options() -> Vec<(String, String)> {
    let command = Arguments::command();
    let options = command.get_subcommands().flat_map(|subcommand| {
        let with_values =
            subcommand.get_arguments().filter(|argument| argument.get_action().takes_values());
        let named = with_values.filter_map(|argument| argument.get_long());
        named.map(|name| (subcommand.get_name().to_owned(), format!("--{name}")))
    });
    options.collect()
}

/// Generates numbers at the limits of types, strings that look like values, and any other strings.
fn value() -> impl Strategy<Value = String> {
    const LIMITS: &[&str] = &[
        "",
        "-",
        "--",
        "0",
        "-0",
        "1",
        "2",
        "256",
        "257",
        "-1",
        "4294967296",
        "18446744073709551616",
        "1e308",
        "1e999",
        "-inf",
        "nan",
        "0.5",
        "99999999999T",
        "0x10",
        "1/0",
        "0/0",
        "1/1",
        "18446744073709551615/18446744073709551615",
        "1,2",
        "nan,nan",
        "1,-1",
        "per-neuron",
        "pseudo-count=1e999",
        "permutation=4294967295",
        "permutation=1,-1",
        "=",
        ",",
        "/",
        "..",
    ];
    prop_oneof![
        proptest::sample::select(LIMITS).prop_map(ToString::to_string),
        "[-+]?[0-9]{0,25}([.,:/=eE%KMGTib][-+0-9]{0,12}){0,3}",
        "[a-z-]{1,14}([=,:/][-0-9a-z.,]{0,12})?",
        "\\PC{0,12}",
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(3000))]

    #[test]
    fn any_value_is_taken_or_refused(
        which in any::<proptest::sample::Index>(),
        more in proptest::collection::vec((any::<proptest::sample::Index>(), value()), 0..4),
        first in value(),
    ) {
        let options = options();
        let (command, option) = which.get(&options).clone();
        let of_command: Vec<_> = options.iter().filter(|(name, _)| *name == command).collect();
        let mut words: Vec<OsString> = ["cofire", &command, "file.npy"].map(Into::into).to_vec();
        words.push(format!("{option}={first}").into());
        for (which, value) in more {
            words.push(format!("{}={value}", which.get(&of_command).1).into());
        }
        match Arguments::try_parse_from(&words) {
            Ok(Arguments { command: Command::Analyze(arguments) }) => {
                // A refusal has a message.
                if let Err(failure) = Settings::of(&arguments) {
                    let is_explained = matches!(&failure, Failure::Input(text) if text.len() > 10);
                    prop_assert!(is_explained, "{words:?}: {failure:?}");
                }
            }
            Ok(_) => {}
            Err(error) => prop_assert!(error.to_string().len() > 10, "{words:?}: {error}"),
        }
    }
}
