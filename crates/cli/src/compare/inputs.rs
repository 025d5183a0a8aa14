//! Models and their layers, found from the arguments.

use std::path::{Path, PathBuf};

use cofire_files::expand_path;

use crate::arguments::CompareArguments;
use crate::failure::{Failure, one_line};
use crate::layer_list::{self, EXAMPLE, LayerPlace};

/// A model, and the places of its layers.
#[derive(Debug)]
pub(super) struct Input {
    pub(super) name: String,
    pub(super) layers: Vec<LayerPlace>,
}

/// Finds the models that were asked for. Reads which layers each file has before any layer is
/// measured.
pub(super) fn of(arguments: &CompareArguments) -> Result<Vec<Input>, Failure> {
    let files = if arguments.files.is_empty() {
        layer_list::use_example(&[PathBuf::from(EXAMPLE)])?.to_vec()
    } else {
        let expanded: Vec<Vec<PathBuf>> =
            arguments.files.iter().map(expand_path).collect::<Result<_, _>>()?;
        expanded.concat()
    };
    let names = names(&files, &arguments.names)?;
    let input = |(file, name): (PathBuf, String)| {
        let layers = layer_list::layers_of(&file, &arguments.layers)?.into_iter();
        let layers = layers.map(|layer| LayerPlace { file: file.clone(), layer }).collect();
        Ok(Input { name, layers })
    };
    files.into_iter().zip(names).map(input).collect()
}

/// Returns a name for each file: the given names, or those of the files.
fn names(files: &[PathBuf], given: &[String]) -> Result<Vec<String>, Failure> {
    if !given.is_empty() && given.len() != files.len() {
        let names = given.len();
        return Err(Failure::Input(format!(
            "--names has {names} names for {} models; give one for each, in the order {}",
            files.len(),
            files.iter().map(|file| stem(file)).collect::<Vec<_>>().join(", ")
        )));
    }
    let names: Vec<String> = if given.is_empty() {
        files.iter().map(|file| stem(file)).collect()
    } else {
        given.iter().map(|name| name.trim().to_owned()).collect()
    };
    for (index, name) in names.iter().enumerate() {
        if name.is_empty() {
            return Err(Failure::Input("a model needs a name; fill the gap in --names".to_owned()));
        }
        if let Some(first) = names[..index].iter().position(|other| other == name) {
            return Err(Failure::Input(format!(
                "{} and {} would both be called {}; tell them apart with --names",
                files[first].display(),
                files[index].display(),
                one_line(name)
            )));
        }
    }
    Ok(names)
}

fn stem(file: &Path) -> String {
    file.file_stem().unwrap_or(file.as_os_str()).to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn models_are_called_as_their_files_unless_told() {
        let files = ["runs/a.npz", "b.tar.npy"].map(PathBuf::from);
        assert_eq!(names(&files, &[]).unwrap(), ["a", "b.tar"]);
        let given = ["x".to_owned(), " y ".to_owned()];
        assert_eq!(names(&files, &given).unwrap(), ["x", "y"]);
        for given in [&["x".to_owned()][..], &["x".to_owned(), "x".to_owned()]] {
            assert!(names(&files, given).is_err(), "{given:?}");
        }
        assert!(names(&files, &["x".to_owned(), " ".to_owned()]).is_err());
        assert!(names(&["a/m.npy", "b/m.npy"].map(PathBuf::from), &[]).is_err());
    }
}
