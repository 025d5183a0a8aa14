//! Places in files, for error messages.

use std::io;
use std::path::Path;

use super::{ElementType, FileError};

/// A part of a file, as errors name it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Place<'a> {
    pub(super) path: &'a Path,
    /// The array, or `None` for the whole file.
    pub(super) layer: Option<&'a str>,
}

impl<'a> Place<'a> {
    pub(super) fn file(path: &'a Path) -> Self {
        Self { path, layer: None }
    }

    pub(super) fn layer(path: &'a Path, layer: &'a str) -> Self {
        Self { path, layer: Some(layer) }
    }

    pub(super) fn name(&self) -> String {
        self.layer.map_or_else(|| "header".to_owned(), |layer| format!("array {layer}"))
    }

    pub(super) fn damaged(&self, problem: impl Into<String>) -> FileError {
        FileError::Damaged { path: self.path.into(), place: self.name(), problem: problem.into() }
    }

    pub(super) fn wrong_length(&self, claimed: u64, found: u64) -> FileError {
        FileError::WrongLength { path: self.path.into(), place: self.name(), claimed, found }
    }

    pub(super) fn unsupported_element(&self, element_type: &ElementType) -> FileError {
        let element_type = element_type.to_string();
        FileError::UnsupportedElement { path: self.path.into(), place: self.name(), element_type }
    }

    pub(super) fn unusable_shape(&self, shape: &[usize]) -> FileError {
        FileError::UnusableShape {
            path: self.path.into(),
            place: self.name(),
            shape: shape.to_vec(),
        }
    }

    pub(super) fn integer_too_large(&self, sample: usize, neuron: usize, value: i128) -> FileError {
        let (path, place) = (self.path.into(), self.name());
        FileError::IntegerTooLarge { path, place, sample, neuron, value }
    }

    pub(super) fn changed(&self, what: &str) -> FileError {
        FileError::Changed { path: self.path.into(), what: what.to_owned() }
    }

    /// Returns the error of a failed read. A file that ends too early is damaged, whatever software
    /// layer noticed it.
    pub(super) fn read(&self, source: io::Error) -> FileError {
        match source.kind() {
            io::ErrorKind::UnexpectedEof => self.damaged("it ends too early"),
            _ => FileError::Read { path: self.path.into(), source },
        }
    }
}
