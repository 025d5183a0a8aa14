//! Tests that the documentation shows what is in the files.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const PAGE: &str = "docs/ACTIVATIONS.md";
const SCRIPTS: &str = "tools/activation_dumps";

/// Returns the Python blocks of a page. A comment before each one names its file.
fn blocks(page: &str) -> Vec<(&str, &str)> {
    let parts = page.split("<!-- file: ").skip(1);
    let named = parts.map(|part| part.split_once(" -->\n\n```python\n").unwrap());
    named.map(|(file, rest)| (file, rest.split_once("```\n").unwrap().0)).collect()
}

#[test]
fn the_page_on_activations_shows_the_scripts_that_are_checked() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    let page = fs::read_to_string(root.join(PAGE)).unwrap();
    let mut shown = BTreeSet::new();
    for (file, block) in blocks(&page) {
        let script = fs::read_to_string(root.join(file)).unwrap();
        assert_eq!(block, script, "{PAGE} and {file} differ: copy the file into the page");
        shown.insert(root.join(file));
    }
    let names = fs::read_dir(root.join(SCRIPTS)).unwrap().map(|entry| entry.unwrap().file_name());
    let names = names.map(|name| name.into_string().unwrap());
    let of_page = |name: &String| name.starts_with("from_") || name == "activation_files.py";
    let scripts = names.filter(of_page).map(|name| root.join(SCRIPTS).join(name));
    assert_eq!(shown, scripts.collect(), "{PAGE} and {SCRIPTS} have different scripts");
}

#[test]
fn links_of_the_pages_lead_to_files() {
    let root = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."));
    for page in
        ["README.md", "docs/ACTIVATIONS.md", "docs/LANGUAGE_MODEL.md", "docs/SIGNIFICANCE.md"]
    {
        let text = fs::read_to_string(root.join(page)).unwrap();
        let folder = root.join(page).parent().unwrap().to_owned();
        for link in text.split("](").skip(1) {
            let link = link.split([')', '#']).next().unwrap();
            let is_elsewhere = link.is_empty() || link.contains("://");
            assert!(is_elsewhere || folder.join(link).is_file(), "{page} links to {link}");
        }
    }
}
