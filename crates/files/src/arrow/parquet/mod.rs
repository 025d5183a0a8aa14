//! Parquet files. The crate `parquet` reads them and trusts their claims. So the claims are checked
//! here first: those of the footer (`thrift.rs`, by `layout.rs`), and those of each page (`pages.rs`).

mod layout;
mod pages;
mod thrift;

use std::sync::Arc;

use ::parquet::arrow::arrow_reader::{
    ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder,
};
use ::parquet::arrow::{ARROW_SCHEMA_META_KEY, ProjectionMask, parquet_to_arrow_schema};
use ::parquet::basic::Compression;
use ::parquet::errors::ParquetError;
use ::parquet::file::metadata::{FooterTail, ParquetMetaData, ParquetMetaDataReader};
use arrow_array::RecordBatch;
use arrow_schema::{DataType, FieldRef, Fields, Schema, SchemaRef};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::messages::root_as_message;
use super::tables::refused;
use crate::expansion::check_expansion;
use crate::source::Source;
use crate::{FileError, Place};

use layout::FOOTER;
use pages::Pages;
use thrift::{Element, Header};

/// The number of bytes, about, that are decompressed at a time.
const BLOCK_BYTES: u64 = 4 << 20;

/// The largest number of rows that are decompressed at a time, if rows are short.
const MOST_ROWS: u64 = 8192;

/// The least number of bytes that a number takes in memory, however well it is compressed.
const NUMBER_BYTES: u64 = 4;

/// The last eight bytes of a file: the length of the footer, and `PAR1`.
const TAIL_BYTES: u64 = 8;

/// The largest depth of nested groups in a schema: `parquet` recurses into each of them.
const MAX_DEPTH: usize = 64;

/// Bytes that are kept for a part of a column's path, besides the text.
const PATH_PART_BYTES: u64 = 32;

/// The footer of a file.
pub(super) struct Footer {
    metadata: Arc<ParquetMetaData>,
    pub(super) schema: SchemaRef,
}

impl Footer {
    pub(super) fn read(source: &mut Source, place: Place<'_>) -> Result<Self, FileError> {
        let wrong = |error: ParquetError| refused(place, error.into());
        let end = source.len.saturating_sub(TAIL_BYTES);
        let tail = source.bytes(place, end, TAIL_BYTES)?;
        let tail = FooterTail::try_from(tail.as_slice()).map_err(wrong)?;
        if tail.is_encrypted_footer() {
            let method = "an encrypted footer".to_owned();
            let (path, place) = (place.path.into(), place.name());
            return Err(FileError::UnsupportedPacking { path, place, method });
        }
        let len = tail.metadata_length() as u64;
        let begin = end.checked_sub(len).ok_or_else(|| place.wrong_length(len, end))?;
        let bytes = source.bytes(place, begin, len)?;
        let (_, claims) = Header::read(&bytes, FOOTER)
            .map_err(|_| place.damaged("its footer is not what the format says"))?;
        check_schema(place, source.len, &claims.schema)?;
        let metadata = ParquetMetaDataReader::decode_metadata(&bytes).map_err(wrong)?;
        let notes = metadata.file_metadata().key_value_metadata();
        for note in notes.into_iter().flatten().filter(|note| note.key == ARROW_SCHEMA_META_KEY) {
            check_arrow_schema(place, note.value.as_deref().unwrap_or_default())?;
        }
        let schema = metadata.file_metadata().schema_descr();
        let schema = parquet_to_arrow_schema(schema, notes).map_err(wrong)?;
        Ok(Self { metadata: Arc::new(metadata), schema: Arc::new(schema) })
    }

    /// Returns the number of rows that the file claims.
    pub(super) fn rows(&self, place: Place<'_>) -> Result<usize, FileError> {
        usize::try_from(self.metadata.file_metadata().num_rows())
            .map_err(|_| place.damaged("it claims an impossible number of rows"))
    }

    /// Reads the rows of some columns.
    pub(super) fn batches(
        self,
        source: &Source,
        place: Place<'_>,
        roots: &[usize],
    ) -> Result<impl Iterator<Item = Result<RecordBatch, FileError>> + use<>, FileError> {
        let wrong = |error: ParquetError| refused(place, error.into());
        let file = source.file.get_ref().try_clone().map_err(|source| place.read(source))?;
        let groups = self.metadata.row_groups().iter();
        let mut columns = groups.flat_map(|group| group.columns());
        let has_gzip = columns.any(|column| matches!(column.compression(), Compression::GZIP(_)));
        let pages = Pages::new(place, file, source.len, has_gzip);
        let schema = Schema::new(of_any_length(self.schema.fields()));
        let options = ArrowReaderOptions::new().with_schema(Arc::new(schema));
        let metadata = ArrowReaderMetadata::try_new(self.metadata, options).map_err(wrong)?;
        let reader = ParquetRecordBatchReaderBuilder::new_with_metadata(pages.clone(), metadata);
        let mask = ProjectionMask::roots(reader.parquet_schema(), roots.to_vec());
        let rows = rows_of_block(reader.metadata(), &mask);
        let reader = reader.with_projection(mask).with_batch_size(rows).build().map_err(wrong)?;
        let path = place.path.to_owned();
        let error =
            move |error| pages.take_error().unwrap_or_else(|| refused(Place::file(&path), error));
        Ok(reader.map(move |batch| batch.map_err(&error)))
    }
}

/// Returns the number of rows of a block.
fn rows_of_block(metadata: &ParquetMetaData, mask: &ProjectionMask) -> usize {
    let groups = metadata.row_groups();
    let columns = groups.iter().flat_map(|group| group.columns().iter().enumerate());
    let columns = columns.filter(|(leaf, _)| mask.leaf_included(*leaf));
    let bytes = columns.map(|(_, column)| {
        let packed = column.uncompressed_size().max(0).unsigned_abs();
        packed.max(column.num_values().max(0).unsigned_abs().saturating_mul(NUMBER_BYTES))
    });
    let bytes = bytes.fold(0, u64::saturating_add);
    let rows = metadata.file_metadata().num_rows().max(1).unsigned_abs();
    let leaves = 0..metadata.file_metadata().schema_descr().num_columns();
    // Memory for a block is allocated for each column at once, whatever the file says of its size.
    let row = leaves.filter(|&leaf| mask.leaf_included(leaf)).count() as u64 * NUMBER_BYTES;
    let rows_of_block = BLOCK_BYTES / (bytes / rows).max(row).max(1);
    usize::try_from(rows_of_block.clamp(1, MOST_ROWS)).unwrap_or(1)
}

/// Refuses a schema that would take far more memory than it has bytes: one with more children than
/// there are, with deep nesting, or with long names over many columns, each of which has a copy.
fn check_schema(place: Place<'_>, len: u64, schema: &[Element]) -> Result<(), FileError> {
    let damaged = |problem: &str| Err(place.damaged(problem));
    // For each open group: the children to come, and the bytes of its path.
    let mut open: Vec<(u64, u64)> = Vec::new();
    let mut paths = 0u64;
    for (index, element) in schema.iter().enumerate() {
        let above = match open.last_mut() {
            Some((to_come, path)) => {
                *to_come -= 1;
                *path
            }
            None => 0,
        };
        let path = above + element.name_bytes as u64 + PATH_PART_BYTES;
        if element.children == 0 {
            paths = paths.saturating_add(path);
        } else {
            open.push((element.children, path));
        }
        if open.len() > MAX_DEPTH {
            return damaged(&format!("its columns are nested more than {MAX_DEPTH} deep"));
        }
        if element.children >= (schema.len() - index) as u64 {
            return damaged("its schema claims more columns than there are");
        }
        while open.pop_if(|(to_come, _)| *to_come == 0).is_some() {}
    }
    check_expansion(place, len, paths)
}

/// Checks the schema that Arrow leaves in Parquet files, as that of an Arrow file is checked.
fn check_arrow_schema(place: Place<'_>, encoded: &str) -> Result<(), FileError> {
    let damaged = || place.damaged("its Arrow schema is none");
    let bytes = BASE64_STANDARD.decode(encoded).map_err(|_| damaged())?;
    let message = match bytes.as_slice() {
        [255, 255, 255, 255, _, _, _, _, message @ ..] => message, // a marker and the length
        message => message,
    };
    root_as_message(message).map(drop).ok_or_else(damaged)
}

/// Returns the fields with lists of any length instead of lists of a fixed length. `parquet` would fill
/// the place of every null list with as many values as the schema claims.
fn of_any_length(fields: &Fields) -> Fields {
    let changed = |field: &FieldRef| {
        let data_type = match field.data_type() {
            DataType::FixedSizeList(item, _) | DataType::List(item) => DataType::List(one(item)),
            DataType::LargeList(item) => DataType::LargeList(one(item)),
            _ => return Arc::clone(field),
        };
        Arc::new(field.as_ref().clone().with_data_type(data_type))
    };
    fields.iter().map(changed).collect()
}

fn one(field: &FieldRef) -> FieldRef {
    let changed = of_any_length(&Fields::from(vec![Arc::clone(field)]));
    Arc::clone(&changed[0])
}

#[cfg(test)]
mod tests;
