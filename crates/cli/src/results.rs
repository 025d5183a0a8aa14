//! Output of the arrays of a layer.

use std::path::PathBuf;

use cofire::digest::Digests;
use cofire_files::{FileError, OutputDirectory, OutputFolder};
use ndarray::{ArrayView, Dimension};
use serde::{Serialize, Serializer};

use crate::digests_file::{self, DigestsFile};
use crate::failure::Failure;

/// A writer of the arrays of one layer. It writes each array as soon as it is made, so that no more
/// than one has to be in memory. Without `--out`, it writes nothing.
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

/// The written files: the key in the JSON, and the path relative to the output directory.
#[derive(Debug, Default)]
pub(crate) struct Written(Vec<(String, PathBuf)>);

impl<'a> Results<'a> {
    /// Makes a writer for a layer, with or without a folder of its own.
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

    /// Writes the digests of all blocks of pairs.
    pub(crate) fn write_digests(&mut self, digests: &Digests) -> Result<(), Failure> {
        let text = DigestsFile::of(digests).text()?;
        let path = match &mut self.place {
            Place::Nowhere => return Ok(()),
            Place::Directory(output) => output.write_text(digests_file::NAME, &text)?,
            Place::Folder(folder) => folder.write_text(digests_file::NAME, &text)?,
        };
        self.written.add(digests_file::KEY, path);
        Ok(())
    }

    /// Returns whether results are written at all.
    pub(crate) fn are_written(&self) -> bool {
        !matches!(self.place, Place::Nowhere)
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
