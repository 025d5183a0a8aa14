//! Tests that every shader is valid WGSL, needs only what WebGPU guarantees, and names its twin.
//! They need no adapter.

#![cfg(feature = "gpu")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use naga::valid::{Capabilities, ValidationFlags, Validator};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Reads the name and text of every shader in a folder.
fn files(folder: &str) -> BTreeMap<String, String> {
    let files = std::fs::read_dir(root().join(folder)).unwrap();
    let paths = files.map(|file| file.unwrap().path());
    let wgsl: Vec<PathBuf> =
        paths.filter(|path| path.extension().is_some_and(|e| e == "wgsl")).collect();
    let named = |path: &PathBuf| path.file_name().unwrap().to_string_lossy().into_owned();
    wgsl.iter().map(|path| (named(path), std::fs::read_to_string(path).unwrap())).collect()
}

/// Returns the name and source of every shader, followed by the functions that several share. The host
/// appends those only where they are used.
fn shaders() -> BTreeMap<String, String> {
    let shared: String = files("shaders/shared").into_values().collect();
    let shaders = files("shaders").into_iter();
    shaders.map(|(name, source)| (name, format!("{source}{shared}"))).collect()
}

fn parse(name: &str, source: &str) -> naga::Module {
    naga::front::wgsl::parse_str(source)
        .unwrap_or_else(|error| panic!("{}", error.emit_to_string_with_path(source, name)))
}

#[test]
fn there_is_a_shader_for_every_kernel() {
    let shaders = shaders();
    for kernel in cofire::Kernel::ALL {
        let name = format!("{kernel}.wgsl");
        assert!(shaders.contains_key(&name), "{name} is not among {:?}", shaders.keys());
    }
}

#[test]
fn every_shader_is_valid() {
    for (name, source) in shaders() {
        let module = parse(&name, &source);
        let mut validator = Validator::new(ValidationFlags::all(), Capabilities::empty());
        if let Err(error) = validator.validate(&module) {
            panic!("{}", error.emit_to_string_with_path(&source, &name));
        }
        assert!(!module.entry_points.is_empty(), "{name} has no entry point");
    }
}

/// Tests that shared constants have no default, with which the host could forget to set them.
#[test]
fn constants_shared_with_the_host_have_no_default() {
    for (name, source) in shaders() {
        for (_, constant) in parse(&name, &source).overrides.iter() {
            // An override without a name is an expression of others, such as the length of an
            // array.
            let has_default = constant.name.is_some() && constant.init.is_some();
            assert!(!has_default, "{name}: {constant:?} has a default");
        }
    }
}

#[test]
fn workgroup_memory_is_marked_by_its_prefix() {
    for (name, source) in shaders() {
        for (_, variable) in parse(&name, &source).global_variables.iter() {
            let is_shared = variable.space == naga::AddressSpace::WorkGroup;
            let variable_name = variable.name.as_deref().unwrap_or_default();
            let is_marked = variable_name.starts_with("sh_");
            assert_eq!(is_shared, is_marked, "{name}: {variable_name} in {:?}", variable.space);
        }
    }
}

#[test]
fn every_shader_begins_by_naming_its_twin() {
    const MARK: &str = "CPU twin: ";
    for (name, source) in shaders() {
        let header = source.lines().take_while(|line| line.starts_with("//"));
        let twin = header.filter_map(|line| line.split_once(MARK)).map(|(_, twin)| twin).next();
        let twin = twin.unwrap_or_else(|| panic!("{name} has no `// {MARK}` in its header"));
        let path = twin.split([' ', ',']).next().unwrap();
        assert!(root().join(path).is_file(), "{name}: its twin {path} does not exist");
    }
}
