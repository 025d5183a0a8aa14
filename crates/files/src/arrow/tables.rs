//! Record batches of Arrow and Parquet files.

use std::iter;

use ::parquet::errors::ParquetError;
use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, SchemaRef};

use crate::guard::guarded;
use crate::source::Source;
use crate::{FileError, Place};

use super::messages::Messages;
use super::parquet::Footer;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TableFormat {
    /// Record batches one after the other, as `datasets` caches them.
    ArrowStream,
    /// The same with a directory at the end, also called Feather.
    ArrowFile,
    Parquet,
}

/// The schema of a file's table, and the number of its rows.
#[derive(Debug)]
pub(super) struct Table {
    format: TableFormat,
    pub(super) schema: SchemaRef,
    /// The number of rows that the file claims.
    pub(super) rows: usize,
}

type RecordBatches<'a> = Box<dyn Iterator<Item = Result<RecordBatch, FileError>> + 'a>;

impl Table {
    pub(super) fn open(source: &mut Source, format: TableFormat) -> Result<Self, FileError> {
        let path = source.path.clone();
        let place = Place::file(&path);
        guarded(place, || {
            if let TableFormat::Parquet = format {
                let footer = Footer::read(source, place)?;
                let rows = footer.rows(place)?;
                return Ok(Self { format, schema: footer.schema, rows });
            }
            let messages = Messages::open(source, format == TableFormat::ArrowFile)?;
            let schema = messages.schema.clone();
            Ok(Self { format, schema, rows: messages.count_rows()? })
        })
    }

    /// Reads the rows of some columns, which must be given in ascending order.
    pub(super) fn batches<'a>(
        &self,
        source: &'a mut Source,
        roots: &'a [usize],
    ) -> Result<RecordBatches<'a>, FileError> {
        let path = source.path.clone();
        let place = Place::file(&path);
        let format = self.format;
        let mut batches = guarded(place, || -> Result<RecordBatches<'a>, FileError> {
            if let TableFormat::Parquet = format {
                let footer = Footer::read(source, place)?;
                return Ok(Box::new(footer.batches(source, place, roots)?));
            }
            let mut messages = Messages::open(source, format == TableFormat::ArrowFile)?;
            Ok(Box::new(iter::from_fn(move || messages.next_batch(roots).transpose())))
        })?;
        let mut has_failed = false;
        Ok(Box::new(iter::from_fn(move || {
            if has_failed {
                return None; // a reader may return the same error for ever
            }
            let batch = guarded(Place::file(&path), || batches.next().transpose());
            has_failed = batch.is_err();
            batch.transpose()
        })))
    }
}

/// Converts an error of a library.
pub(super) fn refused(place: Place<'_>, error: ArrowError) -> FileError {
    let unsupported = |method: String| FileError::UnsupportedPacking {
        path: place.path.into(),
        place: place.name(),
        method,
    };
    match error {
        ArrowError::IoError(_, source) => place.read(source),
        ArrowError::NotYetImplemented(what) => unsupported(what),
        ArrowError::ExternalError(inner) => match inner.downcast::<ParquetError>() {
            Ok(error) => match *error {
                ParquetError::NYI(what) => unsupported(what),
                ParquetError::EOF(_) => place.damaged("it ends too early"),
                other => place.damaged(other.to_string()),
            },
            Err(other) => place.damaged(other.to_string()),
        },
        other => place.damaged(other.to_string()),
    }
}
