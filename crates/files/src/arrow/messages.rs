//! The messages of an Arrow stream, or of the stream in the middle of an Arrow file.
//!
//! The crate `arrow-ipc` has readers of both. But these trust the lengths of compressed buffers, panic
//! on buffers outside of their message, and read everything to count rows. So this module takes the
//! messages apart, and the crate only decodes their contents.

use std::collections::HashMap;
use std::io::Read;
use std::path::PathBuf;
use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_buffer::Buffer;
use arrow_ipc::reader::RecordBatchDecoder;
use arrow_ipc::{Message, MessageHeader, convert, root_as_message_with_opts};
use arrow_schema::{Schema, SchemaRef};
use flatbuffers::VerifierOptions;

use crate::expansion::check_expansion;
use crate::source::Source;
use crate::{FileError, Place};

use super::tables::refused;

/// The least number of bytes before the stream in an Arrow file: `ARROW1` and zeros, as many as its
/// writer aligns messages to. A directory follows the stream. Reading from front to back does not need
/// it.
const FILE_START_BYTES: u64 = 8;

/// The largest number of bytes before the stream.
const MOST_START_BYTES: u64 = 256;

/// The number of bytes at the beginning of a compressed buffer that hold its decompressed length.
const LENGTH_BYTES: usize = 8;

/// The largest size of a header with everything in it counted as often as it is used, in multiples of
/// the header's length. Several parts may share another part, and so on at every level.
const MAX_SHARING: usize = 64;

/// The least number of bytes of a part of a header: its offset, and that of its fields.
const PART_BYTES: usize = 8;

/// Parses a header. Returns `None` if it is malformed.
pub(super) fn root_as_message(header: &[u8]) -> Option<Message<'_>> {
    let options = VerifierOptions {
        max_tables: header.len() / PART_BYTES,
        max_apparent_size: header.len().saturating_mul(MAX_SHARING),
        ..VerifierOptions::default()
    };
    // The library's description of an error takes many lines, so drop it.
    root_as_message_with_opts(&options, header).ok()
}

/// An open stream, after its schema.
pub(super) struct Messages<'a> {
    source: &'a mut Source,
    path: PathBuf,
    pub(super) schema: SchemaRef,
    /// The offset of the next message in the file.
    position: u64,
    /// The header of the last message.
    header: Vec<u8>,
    /// The bytes that the record batches read so far claim together. Buffers may overlap, so a file may
    /// claim more than its length even without compression.
    unpacked: u64,
}

impl<'a> Messages<'a> {
    pub(super) fn open(source: &'a mut Source, is_file: bool) -> Result<Self, FileError> {
        let path = source.path.clone();
        let place = Place::file(&path);
        let position = if is_file { FILE_START_BYTES } else { 0 };
        source.seek(place, position)?;
        let schema = Arc::new(Schema::empty());
        let mut messages =
            Self { source, path: path.clone(), schema, position, header: Vec::new(), unpacked: 0 };
        while is_file && messages.position < MOST_START_BYTES {
            let begin = messages.position;
            if messages.word()? != 0 {
                messages.position = begin;
                messages.skip(0)?;
                break;
            }
        }
        let body_len = messages.next_header()?.unwrap_or(0);
        messages.skip(body_len)?;
        let message = messages.message()?;
        let schema = message.as_ref().and_then(Message::header_as_schema);
        let schema = schema.ok_or_else(|| place.damaged("it does not begin with a schema"))?;
        if !schema.endianness().equals_to_target_endianness() {
            let method = "the other byte order than this machine's".to_owned();
            let (path, place) = (path.clone(), place.name());
            return Err(FileError::UnsupportedPacking { path, place, method });
        }
        let schema = convert::try_fb_to_schema(schema).map_err(|error| refused(place, error))?;
        messages.schema = Arc::new(schema);
        Ok(messages)
    }

    /// Returns the number of rows of all record batches together, by their headers.
    pub(super) fn count_rows(mut self) -> Result<usize, FileError> {
        let mut rows = 0usize;
        while let Some(body_len) = self.next_header()? {
            self.skip(body_len)?;
            let message = self.message()?;
            if let Some(batch) = message.as_ref().and_then(Message::header_as_record_batch) {
                let more = usize::try_from(batch.length()).ok();
                rows = more.and_then(|more| rows.checked_add(more)).ok_or_else(|| {
                    Place::file(&self.path).damaged("it claims an impossible number of rows")
                })?;
            }
        }
        Ok(rows)
    }

    /// Reads the next record batch, with some of its columns.
    pub(super) fn next_batch(
        &mut self,
        columns: &[usize],
    ) -> Result<Option<RecordBatch>, FileError> {
        let path = self.path.clone();
        let place = Place::file(&path);
        while let Some(body_len) = self.next_header()? {
            if self.message()?.is_none_or(|m| m.header_type() != MessageHeader::RecordBatch) {
                // Dictionaries are skipped: they belong to columns that are never read.
                self.skip(body_len)?;
                continue;
            }
            let body = self.source.bytes(place, self.position, body_len)?;
            self.position += body_len;
            let Some(message) = self.message()? else { continue };
            let Some(batch) = message.header_as_record_batch() else { continue };
            let is_packed = batch.compression().is_some();
            let mut claimed = self.unpacked;
            for buffer in batch.buffers().into_iter().flatten() {
                let unpacked =
                    unpacked_bytes(place, &body, buffer.offset(), buffer.length(), is_packed)?;
                claimed = claimed.saturating_add(unpacked);
            }
            // A flag is a bit in a buffer, but a byte everywhere else.
            for column in batch.nodes().into_iter().flatten() {
                claimed = claimed.saturating_add(column.length().unsigned_abs());
            }
            check_expansion(place, self.source.len, claimed)?;
            let (schema, version) = (Arc::clone(&self.schema), message.version());
            let (body, no_dictionaries) = (Buffer::from_vec(body), HashMap::new());
            let decoder =
                RecordBatchDecoder::try_new(&body, batch, schema, &no_dictionaries, &version);
            let batch = decoder.and_then(|d| d.with_projection(Some(columns)).read_record_batch());
            self.unpacked = claimed;
            return batch.map(Some).map_err(|error| refused(place, error));
        }
        Ok(None)
    }

    /// Reads the header of the next message. Returns the number of bytes that follow it.
    fn next_header(&mut self) -> Result<Option<u64>, FileError> {
        let path = self.path.clone();
        let place = Place::file(&path);
        if self.position == self.source.len {
            return Ok(None); // streams may end without a mark
        }
        let mut length = self.word()?;
        if length == u32::MAX {
            length = self.word()?; // before 2019 there was no marker
        }
        if length == 0 {
            return Ok(None);
        }
        let left = self.source.len - self.position;
        if u64::from(length) > left {
            return Err(place.wrong_length(length.into(), left));
        }
        self.header.clear();
        let header = (&mut self.source.file).take(length.into()).read_to_end(&mut self.header);
        let read = header.map_err(|source| place.read(source))? as u64;
        if read < u64::from(length) {
            return Err(place.damaged("it ends too early"));
        }
        self.position += read;
        let body_len = self.message()?.map_or(0, |message| message.bodyLength());
        let left = self.source.len - self.position;
        match u64::try_from(body_len) {
            Ok(body_len) if body_len <= left => Ok(Some(body_len)),
            Ok(body_len) => Err(place.wrong_length(body_len, left)),
            Err(_) => Err(place.damaged("a message has a negative length")),
        }
    }

    /// Returns the message of the last header, if there was one.
    fn message(&self) -> Result<Option<Message<'_>>, FileError> {
        if self.header.is_empty() {
            return Ok(None);
        }
        let message = root_as_message(&self.header);
        let message =
            message.ok_or_else(|| Place::file(&self.path).damaged("a message has a wrong header"));
        message.map(Some)
    }

    fn word(&mut self) -> Result<u32, FileError> {
        let mut word = [0; 4];
        let read = self.source.file.read_exact(&mut word);
        read.map_err(|source| Place::file(&self.path).read(source))?;
        self.position += word.len() as u64;
        Ok(u32::from_le_bytes(word))
    }

    fn skip(&mut self, len: u64) -> Result<(), FileError> {
        self.position += len;
        self.source.seek(Place::file(&self.path), self.position).map(drop)
    }
}

/// Returns the decompressed size that a buffer claims. Refuses a buffer that does not lie in its
/// message.
fn unpacked_bytes(
    place: Place<'_>,
    body: &[u8],
    offset: i64,
    length: i64,
    is_packed: bool,
) -> Result<u64, FileError> {
    let range = usize::try_from(offset).ok().zip(usize::try_from(length).ok());
    let range = range.and_then(|(begin, len)| Some(begin..begin.checked_add(len)?));
    let buffer = range.and_then(|range| body.get(range));
    let buffer =
        buffer.ok_or_else(|| place.damaged("a column lies outside of its record batch"))?;
    match buffer.first_chunk::<LENGTH_BYTES>() {
        Some(&unpacked) if is_packed => match u64::try_from(i64::from_le_bytes(unpacked)) {
            Ok(unpacked) => Ok(unpacked),
            Err(_) => Ok(buffer.len() as u64), // a negative length: this buffer is not compressed
        },
        None if is_packed && !buffer.is_empty() => {
            Err(place.damaged("a packed column has no length"))
        }
        _ => Ok(buffer.len() as u64),
    }
}

#[cfg(test)]
mod tests;
