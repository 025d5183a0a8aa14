//! Record batches of Arrow and Parquet files.

use std::iter;

use ::parquet::arrow::ProjectionMask;
use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use ::parquet::errors::ParquetError;
use arrow_array::RecordBatch;
use arrow_schema::{ArrowError, SchemaRef};

use crate::files::guard::guarded;
use crate::files::source::Source;
use crate::files::{FileError, Place};

use super::messages::Messages;

/// About as much of a Parquet file is unpacked at a time.
const BLOCK_BYTES: u64 = 4 << 20;

/// The most rows that are unpacked at a time, where they are short.
const MOST_ROWS: u64 = 8192;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::files) enum TableFormat {
    /// Record batches one after the other, as `datasets` caches them.
    ArrowStream,
    /// The same with a directory at the end, also called Feather.
    ArrowFile,
    Parquet,
}

/// What a file says of its table.
#[derive(Debug)]
pub(super) struct Table {
    format: TableFormat,
    pub(super) schema: SchemaRef,
    /// How many rows it claims to have.
    pub(super) rows: usize,
}

type RecordBatches<'a> = Box<dyn Iterator<Item = Result<RecordBatch, FileError>> + 'a>;

impl Table {
    pub(super) fn open(source: &mut Source, format: TableFormat) -> Result<Self, FileError> {
        let path = source.path.clone();
        let place = Place::file(&path);
        guarded(place, || {
            if let TableFormat::Parquet = format {
                let reader = parquet_reader(source, place)?;
                let rows = usize::try_from(reader.metadata().file_metadata().num_rows())
                    .map_err(|_| place.damaged("it claims an impossible number of rows"))?;
                return Ok(Self { format, schema: reader.schema().clone(), rows });
            }
            let messages = Messages::open(source, format == TableFormat::ArrowFile)?;
            let schema = messages.schema.clone();
            Ok(Self { format, schema, rows: messages.count_rows()? })
        })
    }

    /// The rows of some columns, which must be given in ascending order.
    pub(super) fn batches<'a>(
        &self,
        source: &'a mut Source,
        roots: &'a [usize],
    ) -> Result<RecordBatches<'a>, FileError> {
        let path = source.path.clone();
        let place = Place::file(&path);
        let format = self.format;
        let mut batches =
            guarded(place, || -> Result<RecordBatches<'a>, FileError> {
                if let TableFormat::Parquet = format {
                    let reader = parquet_reader(source, place)?;
                    let mask = ProjectionMask::roots(reader.parquet_schema(), roots.to_vec());
                    let rows = rows_of_block(&reader, &mask);
                    let reader = reader.with_projection(mask).with_batch_size(rows).build();
                    let reader = reader.map_err(|error| refused(place, error.into()))?;
                    let path = path.clone();
                    return Ok(Box::new(reader.map(move |batch| {
                        batch.map_err(|error| refused(Place::file(&path), error))
                    })));
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

fn parquet_reader(
    source: &Source,
    place: Place<'_>,
) -> Result<ParquetRecordBatchReaderBuilder<std::fs::File>, FileError> {
    let file = source.file.get_ref().try_clone().map_err(|source| place.read(source))?;
    ParquetRecordBatchReaderBuilder::try_new(file).map_err(|error| refused(place, error.into()))
}

/// As many rows as make a block.
fn rows_of_block(
    reader: &ParquetRecordBatchReaderBuilder<std::fs::File>,
    mask: &ProjectionMask,
) -> usize {
    let groups = reader.metadata().row_groups();
    let bytes = groups.iter().flat_map(|group| group.columns().iter().enumerate());
    let bytes = bytes.filter(|(leaf, _)| mask.leaf_included(*leaf));
    // Of lists, every number takes at least this much, however well it is packed.
    let bytes: u64 = bytes
        .map(|(_, column)| {
            let packed = column.uncompressed_size().max(0).unsigned_abs();
            packed.max(column.num_values().max(0).unsigned_abs().saturating_mul(4))
        })
        .fold(0, u64::saturating_add);
    let rows = reader.metadata().file_metadata().num_rows().max(1).unsigned_abs();
    let rows_of_block = BLOCK_BYTES / (bytes / rows).max(1);
    usize::try_from(rows_of_block.clamp(1, MOST_ROWS)).unwrap_or(1)
}

/// What a library says of a file that it cannot read.
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
