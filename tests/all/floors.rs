//! Imports follow the floors that ARCHITECTURE.md draws, and have no circles.
//!
//! What a file imports is read from its text: every path that begins with `crate::`, `super::`, `self::`, or
//! with the name of a child module. Tests inside the library may import from anywhere.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// Modules of `src` by path, such as `engine::cpu::bitset`, and what each of them imports.
struct Library {
    imports: BTreeMap<String, BTreeSet<String>>,
}

impl Library {
    fn read() -> Self {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let mut files = Vec::new();
        find_files(&root, &mut files);
        let texts: BTreeMap<String, String> =
            files.iter().map(|file| (module_of(&root, file), code_of(file))).collect();
        let exports = Exports::of(&texts);
        let imports = texts.iter().filter(|(module, _)| !is_test(module)).map(|(module, text)| {
            let parts = parts_of(text, module);
            let paths = parts.iter().flat_map(|(module, text)| paths_in(text, module, &texts));
            let targets = paths.filter_map(|path| exports.module_of(&path, &texts));
            let others = targets.filter(|target| target != module);
            (module.clone(), others.collect())
        });
        Self { imports: imports.collect() }
    }
}

fn find_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            find_files(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Returns the path of a file's module; that of `lib.rs` is empty.
fn module_of(root: &Path, file: &Path) -> String {
    let relative = file.strip_prefix(root).unwrap().with_extension("");
    let mut parts: Vec<&str> = relative.iter().map(|part| part.to_str().unwrap()).collect();
    if matches!(parts.last(), Some(&"mod" | &"lib")) {
        parts.pop();
    }
    parts.join("::")
}

fn is_test(module: &str) -> bool {
    module == "tests"
        || module.starts_with("tests::")
        || module.ends_with("::tests")
        || module == "device::faults"
}

/// Returns the text of a file without comments and without its module of tests.
fn code_of(file: &Path) -> String {
    let text = fs::read_to_string(file).unwrap();
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = text.lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.collect::<Vec<_>>().join("\n")
}

/// Returns the text of a file's module and of the modules within it, each with its path.
fn parts_of(text: &str, module: &str) -> Vec<(String, String)> {
    let mut parts: Vec<(String, String)> = vec![(module.to_owned(), String::new())];
    let mut open: Vec<(usize, String)> = vec![(0, String::new())]; // place in `parts`, closing line
    for line in text.lines() {
        let code = line.trim_start();
        let name = code.split_once("mod ").and_then(|(_, rest)| rest.strip_suffix(" {"));
        let (place, end) = open[open.len() - 1].clone();
        if let Some(name) = name {
            let indent = &line[..line.len() - code.len()];
            open.push((parts.len(), format!("{indent}}}")));
            parts.push((join(&parts[place].0, name), String::new()));
        } else if open.len() > 1 && line == end {
            open.pop();
        } else {
            parts[place].1 += line;
            parts[place].1.push('\n');
        }
    }
    parts
}

/// The shorter paths under which the root and the rooms export items.
struct Exports(BTreeMap<String, String>);

impl Exports {
    fn of(texts: &BTreeMap<String, String>) -> Self {
        let mut exports = BTreeMap::new();
        for (module, text) in texts {
            for (at, _) in text.match_indices("use ") {
                let line_start = text[..at].rfind('\n').map_or(0, |newline| newline + 1);
                if !text[line_start..at].trim_start().starts_with("pub") {
                    continue;
                }
                let statement = text[at + 4..].split(';').next().unwrap_or_default();
                for path in leaves(statement) {
                    let Some(target) = absolute(&path, module, texts) else { continue };
                    let name = target.rsplit("::").next().unwrap_or_default();
                    exports.insert(join(module, name), target.clone());
                }
            }
        }
        Self(exports)
    }

    /// Returns the module that a path leads to; `None` for what is in the root itself.
    fn module_of(&self, path: &str, texts: &BTreeMap<String, String>) -> Option<String> {
        let mut path = path.to_owned();
        for _ in 0..4 {
            let Some(target) = self.exported(&path) else { break };
            path = target;
        }
        let mut module = path.as_str();
        while !texts.contains_key(module) {
            module = module.rsplit_once("::")?.0;
        }
        (!module.is_empty()).then(|| module.to_owned())
    }

    fn exported(&self, path: &str) -> Option<String> {
        let mut prefix = path;
        loop {
            if let Some(target) = self.0.get(prefix).filter(|target| *target != prefix) {
                return Some(format!("{target}{}", &path[prefix.len()..]));
            }
            prefix = prefix.rsplit_once("::")?.0;
        }
    }
}

fn join(module: &str, name: &str) -> String {
    if module.is_empty() { name.to_owned() } else { format!("{module}::{name}") }
}

/// Returns the paths of a `use` tree, one a leaf.
fn leaves(tree: &str) -> Vec<String> {
    let tree = tree.trim();
    let Some((prefix, rest)) = tree.split_once('{') else {
        let path = tree.split(" as ").next().unwrap_or_default();
        return vec![path.trim_end_matches("::*").trim_end_matches("::self").trim().to_owned()];
    };
    let body = rest.rsplit_once('}').map_or(rest, |(body, _)| body);
    let (mut paths, mut depth, mut begin) = (Vec::new(), 0, 0);
    for (at, character) in body.char_indices().chain([(body.len(), ',')]) {
        match character {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                let part = body[begin..at].trim();
                if !part.is_empty() {
                    paths.extend(leaves(&format!("{}{part}", prefix.trim())));
                }
                begin = at + 1;
            }
            _ => {}
        }
    }
    paths
}

/// Returns a path as seen from the root; `None` if it leads out of the library.
fn absolute(path: &str, module: &str, texts: &BTreeMap<String, String>) -> Option<String> {
    let parts: Vec<&str> = path.split("::").map(str::trim).collect();
    let mut from: Vec<&str> = module.split("::").filter(|part| !part.is_empty()).collect();
    let rest = match parts[0] {
        "crate" => {
            from.clear();
            &parts[1..]
        }
        "self" => &parts[1..],
        "super" => {
            let levels = parts.iter().take_while(|part| **part == "super").count();
            from.truncate(from.len().checked_sub(levels)?);
            &parts[levels..]
        }
        child if texts.contains_key(&join(module, child)) => &parts[..],
        _ => return None,
    };
    from.extend(rest);
    Some(from.join("::"))
}

/// Returns all paths into the library that a module's text names, as seen from the root.
fn paths_in(text: &str, module: &str, texts: &BTreeMap<String, String>) -> Vec<String> {
    let mut paths = Vec::new();
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    for (at, _) in text.match_indices("use ") {
        if text[..at].chars().next_back().is_none_or(|c| !is_word(c)) {
            let tree = text[at + 4..].split(';').next().unwrap_or_default();
            paths.extend(leaves(tree).iter().filter_map(|path| absolute(path, module, texts)));
        }
    }
    for start in ["crate::", "super::"] {
        for (at, _) in text.match_indices(start) {
            if text[..at].chars().next_back().is_some_and(|c| is_word(c) || c == ':') {
                continue;
            }
            let path = text[at..].split(|c: char| !is_word(c) && c != ':').next();
            let path = path.unwrap_or_default().trim_end_matches(':');
            paths.extend(absolute(path, module, texts));
        }
    }
    paths
}

/// Returns the floors as ARCHITECTURE.md draws them, the lowest first: rooms of one floor are separated
/// by commas and do not import each other, rooms joined by `+` may.
fn floors() -> Vec<Vec<Vec<String>>> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("ARCHITECTURE.md");
    let text = fs::read_to_string(file).unwrap();
    let picture = text.split("```text floors\n").nth(1).unwrap_or_default();
    let picture = picture.split("```").next().unwrap_or_default();
    let floor = |line: &str| {
        let line = line.split('#').next().unwrap_or_default();
        let rooms = line
            .split(',')
            .map(|rooms| rooms.split('+').map(|room| room.trim().to_owned()).collect::<Vec<_>>());
        rooms.filter(|rooms| !rooms[0].is_empty()).collect::<Vec<_>>()
    };
    let mut floors: Vec<_> = picture.lines().map(floor).filter(|rooms| !rooms.is_empty()).collect();
    floors.reverse(); // a picture of a house has its ground floor below
    floors
}

#[test]
fn no_room_imports_from_a_floor_above_its_own() {
    let library = Library::read();
    let mut place = BTreeMap::new();
    for (floor, rooms) in floors().into_iter().enumerate() {
        for (number, names) in rooms.into_iter().enumerate() {
            place.extend(names.into_iter().map(|name| (name, (floor, number))));
        }
    }
    let room = |module: &str| module.split("::").next().unwrap_or_default().to_owned();
    let (mut problems, mut seen) = (Vec::new(), BTreeSet::new());
    for (module, targets) in library.imports.iter().filter(|(module, _)| !module.is_empty()) {
        let Some(&(floor, number)) = place.get(&room(module)) else {
            problems.push(format!("{module} is on no floor"));
            continue;
        };
        seen.insert(room(module));
        for target in targets.iter().filter(|target| room(target) != room(module)) {
            match place.get(&room(target)) {
                Some(&(below, _)) if below < floor => {}
                Some(&(same, beside)) if (same, beside) == (floor, number) => {}
                _ => problems.push(format!("{module} imports {target}")),
            }
        }
    }
    assert!(problems.is_empty(), "{}", problems.join("\n"));
    let missing: Vec<_> = place.keys().filter(|room| !seen.contains(*room)).collect();
    assert!(missing.is_empty(), "no such rooms: {missing:?}");
}

/// Returns a circle of imports among the modules whose path begins with a prefix, if there is one.
fn circle(library: &Library, prefix: &str) -> Option<Vec<String>> {
    fn visit(
        module: &str,
        imports: &BTreeMap<&str, Vec<&str>>,
        way: &mut Vec<String>,
        done: &mut BTreeSet<String>,
    ) -> Option<Vec<String>> {
        if let Some(begin) = way.iter().position(|passed| passed == module) {
            let mut circle = way[begin..].to_vec();
            circle.push(module.to_owned());
            return Some(circle);
        }
        if done.contains(module) {
            return None;
        }
        way.push(module.to_owned());
        for target in imports.get(module).into_iter().flatten() {
            if let Some(circle) = visit(target, imports, way, done) {
                return Some(circle);
            }
        }
        way.pop();
        done.insert(module.to_owned());
        None
    }
    let inside = |module: &str| module == prefix || module.starts_with(&format!("{prefix}::"));
    let modules = library.imports.iter().filter(|(module, _)| inside(module));
    let imports: BTreeMap<&str, Vec<&str>> = modules
        .map(|(module, targets)| {
            let inner = targets.iter().map(String::as_str).filter(|target| inside(target));
            (module.as_str(), inner.collect())
        })
        .collect();
    assert!(imports.len() > 5, "{prefix} has only {} modules", imports.len());
    let mut done = BTreeSet::new();
    imports.keys().find_map(|module| visit(module, &imports, &mut Vec::new(), &mut done))
}

#[test]
fn files_of_the_device_and_of_the_gpu_engine_have_no_circle() {
    let library = Library::read();
    for room in ["device", "engine::gpu"] {
        let found = circle(&library, room);
        assert!(found.is_none(), "{}", found.unwrap_or_default().join(" -> "));
    }
}

#[test]
fn imports_are_seen() {
    let library = Library::read();
    let imports = |module: &str, target: &str| library.imports[module].contains(target);
    assert!(imports("engine::gpu", "engine::gpu::counter"), "a child by its name");
    assert!(imports("device::submissions", "device::gpu"), "a sibling by `super`");
    assert!(imports("binning", "error"), "through an export of the root");
    assert!(imports("neighbors", "settings"), "after a module of tests in a file of its own");
    assert!(!imports("pairs::tile", "binning"), "what is in a test does not count");
}
