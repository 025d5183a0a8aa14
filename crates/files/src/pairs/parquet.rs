//! Pairs as a Parquet table.

use std::fs::File;
use std::io;
use std::sync::Arc;

use arrow_array::{Float64Array, RecordBatch, UInt32Array};
use arrow_schema::{ArrowError, DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;

use cofire::sweep::InformationPair;

use super::Encoder;

/// The number of pairs that are passed to the Parquet writer at a time.
const BLOCK_PAIRS: usize = 1 << 16;

/// The number of pairs of a row group, which is kept in memory, compressed, until it is full.
const GROUP_PAIRS: usize = 1 << 19;

pub(super) struct ParquetEncoder {
    writer: ArrowWriter<File>,
    schema: Arc<Schema>,
    block: Vec<InformationPair>,
}

impl ParquetEncoder {
    pub(super) fn new(file: File) -> io::Result<Self> {
        let schema = Arc::new(Schema::new(vec![
            Field::new("first", DataType::UInt32, false),
            Field::new("second", DataType::UInt32, false),
            Field::new("mutual_information", DataType::Float64, false),
        ]));
        let properties = WriterProperties::builder()
            .set_compression(Compression::SNAPPY)
            .set_max_row_group_row_count(Some(GROUP_PAIRS))
            .build();
        let writer =
            ArrowWriter::try_new(file, Arc::clone(&schema), Some(properties)).map_err(refused)?;
        Ok(Self { writer, schema, block: Vec::with_capacity(BLOCK_PAIRS) })
    }

    fn flush(&mut self) -> io::Result<()> {
        let pairs = self.block.iter();
        let first: UInt32Array = pairs.clone().map(|pair| pair.first).collect();
        let second: UInt32Array = pairs.clone().map(|pair| pair.second).collect();
        let information: Float64Array = pairs.map(|pair| pair.mutual_information).collect();
        let columns = vec![Arc::new(first) as _, Arc::new(second) as _, Arc::new(information) as _];
        let batch = RecordBatch::try_new(Arc::clone(&self.schema), columns)
            .map_err(|error: ArrowError| io::Error::other(error))?;
        self.writer.write(&batch).map_err(refused)?;
        self.block.clear();
        Ok(())
    }
}

impl Encoder for ParquetEncoder {
    fn write(&mut self, pair: InformationPair) -> io::Result<()> {
        self.block.push(pair);
        if self.block.len() < BLOCK_PAIRS { Ok(()) } else { self.flush() }
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.flush()?;
        self.writer.close().map(drop).map_err(refused)
    }
}

/// Converts an error of the library. Returns the error of the operating system if that is inside.
fn refused(error: ParquetError) -> io::Error {
    match error {
        ParquetError::External(inner) => match inner.downcast::<io::Error>() {
            Ok(error) => *error,
            Err(other) => io::Error::other(other),
        },
        other => io::Error::other(other),
    }
}
