//! The manifest of a job: everything that its blocks depend on, as text.

use serde_json::{Value, json};
use twox_hash::XxHash3_128;

use super::Fingerprint;
use cofire::sweep::SweepPlan;
use cofire::{Estimator, Selection, Units};

/// The name of the manifest's file.
pub(super) const NAME: &str = "job.json";

/// The largest size of the manifest's file in bytes.
pub(super) const MOST_BYTES: u64 = 1 << 20;

const FORMAT: &str = "cofire job";
const FORMAT_VERSION: u64 = 2;

/// Everything that a job's blocks depend on.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Manifest {
    /// The version of cofire that began the job.
    pub(super) version: String,
    /// Names and values of the caller's settings. A flag has an empty value.
    pub(super) settings: Vec<(String, String)>,
    pub(super) selection: Selection,
    pub(super) estimator: Estimator,
    pub(super) units: Units,
    pub(super) samples: usize,
    pub(super) neurons: usize,
    pub(super) block_edge: usize,
    pub(super) fingerprint: Fingerprint,
    /// The checksum of the file of neurons.
    pub(super) neurons_checksum: u128,
}

impl Manifest {
    pub(super) fn of(
        plan: &SweepPlan,
        settings: &[(String, String)],
        fingerprint: Fingerprint,
        neurons_checksum: u128,
    ) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            settings: settings.to_vec(),
            selection: plan.selection,
            estimator: plan.estimator,
            units: plan.units,
            samples: plan.samples,
            neurons: plan.neurons(),
            block_edge: plan.block_edge,
            fingerprint,
            neurons_checksum,
        }
    }

    /// Returns a hash of the whole manifest.
    pub(super) fn identity(&self) -> u128 {
        XxHash3_128::oneshot(self.text().as_bytes())
    }

    pub(super) fn text(&self) -> String {
        // Keys are in alphabetical order. serde_json sorts them so, unless another crate turns its
        // sorting off.
        let value = json!({
            "block_edge": self.block_edge,
            "cofire": self.version,
            "estimator": self.estimator.to_string(),
            "fingerprint": self.fingerprint.to_string(),
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "neurons": self.neurons,
            "neurons_checksum": format!("{:032x}", self.neurons_checksum),
            "samples": self.samples,
            "selection": selection_text(self.selection),
            "settings": self.settings,
            "units": self.units.name(),
        });
        format!("{value:#}\n")
    }

    pub(super) fn parse(text: &[u8]) -> Result<Self, String> {
        let value: Value = serde_json::from_slice(text).map_err(|error| error.to_string())?;
        let problem = |key: &str| format!("{key} is missing or makes no sense");
        let text = |key: &str| value[key].as_str().ok_or_else(|| problem(key));
        let number = |key: &str| {
            let number = value[key].as_u64().and_then(|number| usize::try_from(number).ok());
            number.ok_or_else(|| problem(key))
        };
        let hexadecimal = |key: &str| {
            let digits = text(key)?;
            let is_plain = digits.len() == 32 && digits.bytes().all(|b| b.is_ascii_hexdigit());
            let parsed = u128::from_str_radix(digits, 16).ok().filter(|_| is_plain);
            parsed.ok_or_else(|| problem(key))
        };
        if text("format")? != FORMAT {
            return Err(problem("format"));
        }
        let format_version = number("format_version")?;
        if format_version as u64 != FORMAT_VERSION {
            return Err(format!("it is in format {format_version}, not {FORMAT_VERSION}"));
        }
        let settings = value["settings"].as_array().and_then(|settings| {
            let setting = |setting: &Value| match setting.as_array()?.as_slice() {
                [Value::String(name), Value::String(value)] => Some((name.clone(), value.clone())),
                _ => None,
            };
            settings.iter().map(setting).collect()
        });
        let units = [Units::Nats, Units::Bits].into_iter().find(|u| value["units"] == u.name());
        Ok(Self {
            version: text("cofire")?.to_owned(),
            settings: settings.ok_or_else(|| problem("settings"))?,
            selection: selection(text("selection")?).ok_or_else(|| problem("selection"))?,
            estimator: estimator(text("estimator")?).ok_or_else(|| problem("estimator"))?,
            units: units.ok_or_else(|| problem("units"))?,
            samples: number("samples")?,
            neurons: number("neurons")?,
            block_edge: number("block_edge")?,
            fingerprint: Fingerprint(hexadecimal("fingerprint")?),
            neurons_checksum: hexadecimal("neurons_checksum")?,
        })
    }

    /// Returns what differs in another manifest, as both have it. Ignores the fingerprint.
    pub(super) fn difference(&self, other: &Self) -> Option<(String, String)> {
        let mut differences =
            setting_differences((&self.version, &self.settings), (&other.version, &other.settings));
        let fields = |m: &Self| {
            [
                selection_text(m.selection),
                format!("estimator {}", m.estimator),
                m.units.name().to_owned(),
                format!("{} samples", m.samples),
                format!("{} neurons", m.neurons),
                format!("blocks of {} neurons", m.block_edge),
            ]
        };
        if differences.is_empty() {
            let pairs = fields(self).into_iter().zip(fields(other));
            differences.extend(pairs.filter(|(a, b)| a != b));
        }
        joined(&differences)
    }
}

/// Returns the settings that differ, and the version if it does; `None` if nothing differs.
pub(super) fn settings_difference(
    begun: &Manifest,
    settings: &[(String, String)],
) -> Option<(String, String)> {
    let now = (env!("CARGO_PKG_VERSION"), settings);
    joined(&setting_differences((&begun.version, &begun.settings), now))
}

type VersionAndSettings<'a> = (&'a str, &'a [(String, String)]);

fn setting_differences(
    begun: VersionAndSettings<'_>,
    now: VersionAndSettings<'_>,
) -> Vec<(String, String)> {
    let mut differences = Vec::new();
    if begun.0 != now.0 {
        differences.push((format!("cofire {}", begun.0), format!("cofire {}", now.0)));
    }
    let find = |settings: &[(String, String)], wanted: &str| {
        let setting = settings.iter().find(|(name, _)| name == wanted);
        match setting {
            Some((name, value)) if value.is_empty() => name.clone(),
            Some((name, value)) => format!("{name} {value}"),
            None => format!("no {wanted}"),
        }
    };
    let only_now = now.1.iter().filter(|(name, _)| !begun.1.iter().any(|(other, _)| other == name));
    for (name, _) in begun.1.iter().chain(only_now) {
        let (before, after) = (find(begun.1, name), find(now.1, name));
        if before != after {
            differences.push((before, after));
        }
    }
    differences
}

fn joined(differences: &[(String, String)]) -> Option<(String, String)> {
    if differences.is_empty() {
        return None;
    }
    let of = |side: fn(&(String, String)) -> &str| {
        differences.iter().map(side).collect::<Vec<_>>().join(" and ")
    };
    Some((of(|(before, _)| before), of(|(_, after)| after)))
}

/// Writes a selection as text. Numbers have as many digits as it takes to read the same bits.
fn selection_text(selection: Selection) -> String {
    match selection {
        Selection::All => "all".to_owned(),
        Selection::Strongest(most) => format!("strongest {most}"),
        Selection::AtLeast(least) => format!("at-least {least:?}"),
        Selection::FalseDiscoveryRate(rate) => format!("false-discovery-rate {rate:?}"),
    }
}

fn selection(text: &str) -> Option<Selection> {
    if text == "all" {
        return Some(Selection::All);
    }
    let (how, number) = text.split_once(' ')?;
    match how {
        "strongest" => number.parse().ok().map(Selection::Strongest),
        "at-least" => number.parse().ok().map(Selection::AtLeast),
        "false-discovery-rate" => number.parse().ok().map(Selection::FalseDiscoveryRate),
        _ => None,
    }
}

fn estimator(text: &str) -> Option<Estimator> {
    if let Some(count) = text.strip_prefix("pseudo-count ") {
        return count.parse().ok().map(Estimator::PseudoCount);
    }
    let named = [
        Estimator::PlugIn,
        Estimator::MillerMadow,
        Estimator::Grassberger,
        Estimator::LAPLACE,
        Estimator::JEFFREYS,
        Estimator::ChaoShen,
        Estimator::JamesStein,
    ];
    named.into_iter().find(|estimator| estimator.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn manifest(selection: Selection, estimator: Estimator) -> Manifest {
        let setting = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        Manifest {
            version: "0.1.0".to_owned(),
            settings: vec![setting("--bins", "10"), setting("--zero-bin", "")],
            selection,
            estimator,
            units: Units::Bits,
            samples: 1000,
            neurons: 300,
            block_edge: 64,
            fingerprint: Fingerprint(7),
            neurons_checksum: u128::MAX,
        }
    }

    /// Checks the order of keys, whatever order serde_json keeps, because the text identifies the job.
    #[test]
    fn keys_are_in_alphabetical_order() {
        let text = manifest(Selection::All, Estimator::PlugIn).text();
        let keys: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("  \"")).collect();
        assert!(keys.len() == 12 && keys.is_sorted(), "{text}");
    }

    #[test]
    fn manifests_come_back() {
        let selections = [
            Selection::All,
            Selection::Strongest(12),
            Selection::AtLeast(0.1 + 0.2),
            Selection::FalseDiscoveryRate(1e-300),
        ];
        let estimators = [
            Estimator::PlugIn,
            Estimator::MillerMadow,
            Estimator::Grassberger,
            Estimator::LAPLACE,
            Estimator::JEFFREYS,
            Estimator::PseudoCount(0.1 + 0.2),
            Estimator::ChaoShen,
            Estimator::JamesStein,
        ];
        for selection in selections {
            for estimator in estimators {
                let written = manifest(selection, estimator);
                let read = Manifest::parse(written.text().as_bytes());
                assert_eq!(read.as_ref(), Ok(&written));
                assert_eq!(read.unwrap().identity(), written.identity());
            }
        }
    }

    #[test]
    fn differences_are_named() {
        let begun = manifest(Selection::All, Estimator::PlugIn);
        let setting = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        let now = Manifest {
            settings: vec![setting("--bins", "20"), setting("--units", "bits")],
            ..begun.clone()
        };
        let (before, after) = begun.difference(&now).unwrap();
        assert_eq!(before, "--bins 10 and --zero-bin and no --units");
        assert_eq!(after, "--bins 20 and no --zero-bin and --units bits");
        assert_eq!(settings_difference(&begun, &now.settings), Some((before, after)));
        assert_eq!(settings_difference(&begun, &begun.settings), None);

        let now = Manifest { samples: 999, block_edge: 32, ..begun.clone() };
        let (before, after) = begun.difference(&now).unwrap();
        assert_eq!(before, "1000 samples and blocks of 64 neurons");
        assert_eq!(after, "999 samples and blocks of 32 neurons");
        let later = Manifest { version: "9.9.9".to_owned(), ..begun.clone() };
        assert_ne!(begun.identity(), later.identity());
        assert!(begun.difference(&later).is_some(), "another version may make other blocks");
        assert_eq!(begun.difference(&begun), None);
    }

    #[test]
    fn what_is_no_manifest_is_refused() {
        let good = manifest(Selection::Strongest(3), Estimator::PlugIn).text();
        for (from, to) in [
            ("cofire job", "something"),
            ("\"format_version\": 2", "\"format_version\": 1"),
            ("strongest 3", "strongest -3"),
            ("strongest 3", "weakest 3"),
            ("plug-in", "guess"),
            ("\"bits\"", "\"pounds\""),
            ("\"samples\": 1000", "\"samples\": -1"),
            ("\"neurons\": 300", "\"neurons\": 1e300"),
            ("--zero-bin\",", "--zero-bin\", 3,"),
            ("0000000000000007", "+00000000000000007"),
        ] {
            assert!(good.contains(from), "{from}");
            assert!(Manifest::parse(good.replace(from, to).as_bytes()).is_err(), "{to}");
        }
        assert!(Manifest::parse("[".repeat(100_000).as_bytes()).is_err(), "deep");
    }

    proptest! {
        #[test]
        fn any_text_is_answered(at in 0usize..400, byte in any::<u8>()) {
            let mut text = manifest(Selection::All, Estimator::PlugIn).text().into_bytes();
            let at = at % text.len();
            text[at] = byte;
            let _ = Manifest::parse(&text);
            let _ = Manifest::parse(&text[..at]);
        }
    }
}
