//! The first words of doc comments: a verb for what does something, a noun for what is something. And some
//! phrases that make prose hard to read.

use std::fs;
use std::path::{Path, PathBuf};

/// Verbs with which the doc of a function may begin. Add one that is missing if it says what a function does.
const VERBS: &str = "
Accepts Adds Advances Aligns Allocates Allows Answers Appends Applies Arranges Asserts Begins Blocks
Builds Calls Cancels Checks Chooses Cleans Closes Collects Combines Compares Compiles Completes
Computes Converts Copies Correlates Counts Covers Creates Cuts Decides Decodes Decompresses Describes
Destroys Detects Divides Draws Drops Encodes Ends Enqueues Escapes Estimates Evaluates Expands
Expects Fails Fills Finds Finishes Fits Forgets Formats Gathers Generates Gives Handles Hands
Has Hides Inserts Interpolates Iterates Joins Keeps Learns Leaves Lets Limits Lists Loads Locks
Looks Makes Maps Marks Measures Merges Moves Names Notes Opens Orders Packs Paints Panics Parses
Passes Places Plans Polls Prepares Prints Puts Raises Ranks Reads Receives Recomputes Records Reduces
Refuses Releases Remembers Removes Renames Renumbers Reorders Replaces Reports Reserves Resets
Restores Returns Runs Saves Says Scans Searches Sends Sets Shortens Shows Shuffles Skips Sorts
Splits Starts Stops Stores Stretches Submits Summarizes Sums Swaps Takes Tells Tests Trains
Transposes Turns Unpacks Updates Uploads Uses Validates Verifies Visits Waits Walks Warns Wraps
Writes Zeroes Zips
";

/// First words of riddles: what they begin has to be read to the end before it says what it is about.
const NEVER_FIRST: &str = "
What Who Whom Whose Whether How Where When Why Which If So As Only Had Once Because Since To Of For From In At
By With Without It They He There
";

/// Phrases to say in another way.
const NEVER: [&str; 5] = ["so many", "be had", "as ever", "it is not it", "who waits"];

/// Folders of the repository with Rust code. A published package has only some of them.
const FOLDERS: [&str; 9] = [
    "src",
    "crates",
    "studies",
    "tools",
    "examples",
    "benches",
    "tests",
    "fuzz/src",
    "fuzz/targets",
];

fn find_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten() {
        let path = entry.unwrap().path();
        if path.is_dir() && !path.ends_with("target") {
            find_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Returns the number of its first line, the text, and the item of each doc comment.
fn doc_comments(text: &str) -> Vec<(usize, &str, &str)> {
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let is_doc = |line: &str| line.starts_with("///") && !line.starts_with("////");
    let mut docs = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        if is_doc(line) && (number == 0 || !is_doc(lines[number - 1])) {
            let mut rest = lines[number..].iter().skip_while(|line| is_doc(line));
            let item = rest.find(|line| is_item(line)).copied().unwrap_or_default();
            docs.push((number + 1, line.trim_start_matches('/').trim(), item));
        }
    }
    docs
}

/// Returns whether a line is neither an attribute, nor the end of one of several lines, nor a comment.
fn is_item(line: &str) -> bool {
    let is_end_of_attribute = line.ends_with(")]") && !line.contains('{');
    !(line.is_empty() || line.starts_with("#[") || line.starts_with("//") || is_end_of_attribute)
}

fn is_function(item: &str) -> bool {
    let before_name = item.split(['(', '<', '=', ':']).next().unwrap_or_default();
    let words: Vec<&str> = item.split_whitespace().collect();
    let at = words.iter().position(|word| *word == "fn");
    let keywords = ["pub", "const", "async", "unsafe", "extern", "default"];
    let is_keyword = |word: &&str| {
        keywords.contains(word)
            || word.starts_with("pub(")
            || word.ends_with(')')
            || word.starts_with('"')
    };
    before_name.contains("fn ") || at.is_some_and(|at| words[..at].iter().all(is_keyword))
}

fn problem(doc: &str, item: &str) -> Option<&'static str> {
    let first = doc.split_whitespace().next().unwrap_or_default();
    let first = first.trim_matches(['.', ',', ';', ':', '(', ')']);
    if NEVER_FIRST.split_whitespace().any(|word| word == first) {
        return Some("begins with a word that no doc begins with");
    }
    if is_function(item) && !VERBS.split_whitespace().any(|verb| verb == first) {
        return Some(
            "is of a function and does not begin with one of the verbs of tests/all/prose.rs",
        );
    }
    None
}

/// Returns whether a text has a phrase that ends where a word does.
fn says(text: &str, phrase: &str) -> bool {
    let mut ends = text.match_indices(phrase).map(|(at, phrase)| &text[at + phrase.len()..]);
    ends.any(|rest| !rest.starts_with(char::is_alphanumeric))
}

#[test]
fn docs_begin_with_a_verb_or_a_noun() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    FOLDERS.iter().for_each(|folder| find_files(&root.join(folder), &mut files));
    files.retain(|file| !file.ends_with("tests/all/prose.rs"));
    assert!(files.len() > 100, "only {} files", files.len());
    let mut problems = Vec::new();
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        let name = file.strip_prefix(root).unwrap().display().to_string();
        for (line, doc, item) in doc_comments(&text) {
            if let Some(problem) = problem(doc, item) {
                problems.push(format!("{name}:{line}: {problem}: {doc}"));
            }
        }
        if let Some(doc) = text.lines().next().and_then(|line| line.strip_prefix("//!")) {
            let problem = problem(doc, "mod");
            problems.extend(problem.map(|problem| format!("{name}:1: {problem}:{doc}")));
        }
        for (number, line) in text.lines().enumerate() {
            let comment = line.find("//").map_or("", |at| &line[at..]);
            if let Some(phrase) = NEVER.iter().find(|phrase| says(comment, phrase)) {
                problems.push(format!("{name}:{}: says \"{phrase}\"", number + 1));
            }
        }
    }
    assert!(problems.is_empty(), "{} docs:\n{}", problems.len(), problems.join("\n"));
}

#[test]
fn riddles_are_found() {
    assert!(problem("What there is.", "struct Found {").is_some(), "a type");
    assert!(
        problem("Whether it waits.", "pub(crate) fn waits(&self) -> bool {").is_some(),
        "a verb"
    );
    assert!(problem("The sum.", "pub async fn sum() -> u64 {").is_some(), "a noun for a function");
    assert!(problem("Returns the sum.", "pub const unsafe fn sum() -> u64 {").is_none(), "a verb");
    assert!(problem("The sum.", "sum: fn(u64) -> u64,").is_none(), "a field");
}
