//! Held-out scores of models.

use std::fs;
use std::path::Path;

use csv::{ReaderBuilder, StringRecord, Trim};

use crate::Error;

/// The performance of models on examples that they were not trained on: accuracy, or any other
/// number that is higher for better models.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scores {
    entries: Vec<Entry>,
}

#[derive(Debug, Clone, PartialEq)]
struct Entry {
    model: String,
    score: f64,
    /// The line, counted from 1; 0 for a score that came from no file.
    line: u64,
}

impl Scores {
    /// Makes scores from pairs of a model's name and its score.
    ///
    /// # Examples
    ///
    /// ```
    /// use cofire_report::Scores;
    ///
    /// let scores = Scores::of([("clean", 0.91), ("shuffled", 0.42)]);
    /// assert_eq!(scores.of_model("clean"), Some(0.91));
    /// ```
    #[must_use]
    pub fn of<S: Into<String>>(scores: impl IntoIterator<Item = (S, f64)>) -> Self {
        let entry = |(model, score): (S, f64)| Entry { model: model.into(), score, line: 0 };
        Self { entries: scores.into_iter().map(entry).collect() }
    }

    /// Reads a CSV file with the columns `model` and `score`. Other columns are ignored.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be read, is not such a table, has two scores for a
    /// model, or has a score that is not a finite number. Problems in the table come with the line
    /// and the remedy.
    pub fn read(path: impl AsRef<Path>) -> Result<Self, Error> {
        let path = path.as_ref();
        let text = fs::read(path)
            .map_err(|source| Error::ScoresUnreadable { path: path.into(), source })?;
        Self::parse(path, &text)
    }

    fn parse(path: &Path, text: &[u8]) -> Result<Self, Error> {
        let malformed =
            |line, problem: String| Error::ScoresMalformed { path: path.into(), line, problem };
        let mut reader = ReaderBuilder::new().trim(Trim::All).flexible(true).from_reader(text);
        let headers = reader.headers().map_err(|error| refused(path, text, error))?.clone();
        let column = |name: &str| {
            // Some spreadsheets put a byte-order mark before the first name. Remove it.
            let is_it = |header: &str| header.trim_start_matches('\u{feff}').trim() == name;
            headers.iter().position(is_it).ok_or_else(|| {
                let first_line = headers.iter().collect::<Vec<_>>().join(",");
                malformed(
                    1,
                    format!(
                        "no column {name}; begin the file with model,score, not {first_line:?}"
                    ),
                )
            })
        };
        let (models, scores) = (column("model")?, column("score")?);
        let mut entries: Vec<Entry> = Vec::new();
        for record in reader.records() {
            let record = record.map_err(|error| refused(path, text, error))?;
            let line = line(text, record.position());
            let field = |column| field(&record, column);
            let (model, text) = (field(models), field(scores));
            if model.is_empty() {
                return Err(malformed(line, "no name of a model; fill it in".to_owned()));
            }
            let score: Option<f64> = text.parse().ok().filter(|score: &f64| score.is_finite());
            let score = score.ok_or_else(|| {
                let problem = format!("the score of {model} is {text:?}; give a finite number");
                malformed(line, problem)
            })?;
            if let Some(earlier) = entries.iter().find(|entry| entry.model == model) {
                let problem =
                    format!("{model} has a score on line {} already; keep one", earlier.line);
                return Err(malformed(line, problem));
            }
            entries.push(Entry { model: model.to_owned(), score, line });
        }
        Ok(Self { entries })
    }

    /// Returns the score of a model, if it has one.
    #[must_use]
    pub fn of_model(&self, name: &str) -> Option<f64> {
        self.entries.iter().find(|entry| entry.model == name).map(|entry| entry.score)
    }

    /// Checks that exactly these models have scores.
    ///
    /// # Errors
    ///
    /// Returns an error for a model without a score, and for a score without a model.
    pub fn check(&self, models: &[&str]) -> Result<(), Error> {
        self.in_order(models).map(drop)
    }

    /// Returns the scores of all models in their order. Every score must have a model.
    pub(crate) fn in_order(&self, models: &[&str]) -> Result<Vec<f64>, Error> {
        if let Some(entry) = self.entries.iter().find(|e| !models.contains(&e.model.as_str())) {
            return Err(Error::UnknownModel {
                model: entry.model.clone(),
                line: entry.line,
                models: models.iter().map(|&model| model.to_owned()).collect(),
            });
        }
        let score = |&model: &&str| {
            self.of_model(model).ok_or_else(|| Error::NoScore { model: model.to_owned() })
        };
        models.iter().map(score).collect()
    }
}

fn field(record: &StringRecord, column: usize) -> &str {
    record.get(column).unwrap_or("")
}

/// Returns the line of a record. If empty lines precede the record, its position is theirs, so they
/// are skipped.
fn line(text: &[u8], position: Option<&csv::Position>) -> u64 {
    let begin = position.and_then(|position| usize::try_from(position.byte()).ok()).unwrap_or(0);
    let is_break = |byte: &u8| matches!(byte, b'\n' | b'\r');
    let rest = text.get(begin..).unwrap_or_default();
    let empty = rest.iter().take_while(|byte| is_break(byte)).count();
    let before = text.iter().take(begin + empty);
    1 + before.filter(|&&byte| byte == b'\n').count() as u64
}

fn refused(path: &Path, text: &[u8], error: csv::Error) -> Error {
    let line = line(text, error.position());
    match error.into_kind() {
        csv::ErrorKind::Io(source) => Error::ScoresUnreadable { path: path.into(), source },
        csv::ErrorKind::Utf8 { .. } => Error::ScoresMalformed {
            path: path.into(),
            line,
            problem: "not UTF-8 text; save the table as CSV in UTF-8".to_owned(),
        },
        kind => Error::ScoresMalformed { path: path.into(), line, problem: format!("{kind:?}") },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &[u8]) -> Result<Scores, String> {
        Scores::parse(Path::new("s.csv"), text).map_err(|error| error.to_string())
    }

    #[test]
    fn tables_are_read_by_their_header() {
        let text = "\u{feff}score ,model,seed\n0.5,a,1\n -1e2 ,\"b, \"\"c\"\"\"\n\n";
        let scores = parse(text.as_bytes()).unwrap();
        assert_eq!(scores.of_model("a"), Some(0.5));
        assert_eq!(scores.of_model("b, \"c\""), Some(-100.0));
        assert_eq!(scores.of_model("c"), None);
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line() {
        for (text, expected) in [
            (&b""[..], "s.csv, line 1: no column model; begin the file with model,score"),
            (b"name,score\na,1\n", "line 1: no column model"),
            (b"model;score\na;1\n", "line 1: no column model"),
            (b"model,score\na,1\nb,good\n", "line 3: the score of b is \"good\"; give a finite"),
            (b"model,score\na,NaN\n", "line 2: the score of a is \"NaN\""),
            (b"model,score\na,inf\n", "line 2: the score of a is \"inf\""),
            (b"model,score\na\n", "line 2: the score of a is \"\""),
            (b"model,score\n,1\n", "line 2: no name of a model"),
            (b"model,score\na,1\n\na,2\n", "line 4: a has a score on line 2 already"),
            (b"model,score\n\xff\xfe,1\n", "line 2: not UTF-8"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(error.contains(expected), "{expected}: {error}");
        }
    }

    #[test]
    fn every_model_and_every_score_finds_its_other() {
        let scores = Scores::of([("a", 1.0), ("b", 2.0)]);
        assert_eq!(scores.in_order(&["b", "a"]).unwrap(), [2.0, 1.0]);
        let missing = scores.in_order(&["a", "b", "c"]).unwrap_err();
        assert!(missing.to_string().contains("no score for model c"), "{missing}");
        let unknown = scores.in_order(&["a"]).unwrap_err();
        assert!(unknown.to_string().contains("scores b, and no model"), "{unknown}");
    }
}
