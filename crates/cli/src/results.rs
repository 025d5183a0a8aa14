//! Where the arrays of a layer go.

use std::path::PathBuf;

use cofire_files::{FileError, OutputDirectory, OutputFolder};
use ndarray::{ArrayView, Dimension};
use serde::{Serialize, Serializer};

/// Takes the arrays of one layer as they are made, so that no more than one of them has to be in
/// memory. Without `--out`, they go nowhere.
#[derive(Debug)]
pub(crate) struct Results<'a> {
    place: Place<'a>,
    written: Written,
}

#[derive(Debug)]
enum Place<'a> {
    Nowhere,
    Directory(&'a mut OutputDirectory),
    Folder(OutputFolder<'a>),
}

/// What was written and where: the key that JSON has, and the path below the output directory.
#[derive(Debug, Default)]
pub(crate) struct Written(Vec<(String, PathBuf)>);

impl<'a> Results<'a> {
    /// Of a layer that has a folder of its own, or has not.
    pub(crate) fn of(
        output: Option<&'a mut OutputDirectory>,
        folder: Option<&str>,
    ) -> Result<Self, FileError> {
        let place = match (output, folder) {
            (None, _) => Place::Nowhere,
            (Some(output), None) => Place::Directory(output),
            (Some(output), Some(folder)) => Place::Folder(output.folder(folder)?),
        };
        Ok(Self { place, written: Written::default() })
    }

    pub(crate) fn write<D: Dimension>(
        &mut self,
        key: &str,
        file: &str,
        array: ArrayView<'_, f64, D>,
    ) -> Result<(), FileError> {
        let path = match &mut self.place {
            Place::Nowhere => return Ok(()),
            Place::Directory(output) => output.write_array(file, array)?,
            Place::Folder(folder) => folder.write_array(file, array)?,
        };
        self.written.add(key, path);
        Ok(())
    }

    pub(crate) fn written(self) -> Option<Written> {
        (!matches!(self.place, Place::Nowhere)).then_some(self.written)
    }
}

impl Written {
    pub(crate) fn add(&mut self, key: &str, path: PathBuf) {
        self.0.push((key.to_owned(), path));
    }
}

impl Serialize for Written {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, path)| (key, path)))
    }
}
