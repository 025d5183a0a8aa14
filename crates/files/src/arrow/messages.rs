//! The messages of an Arrow stream, or of the stream in the middle of an Arrow file.
//!
//! The crate `arrow-ipc` has readers of both. They believe the lengths of packed buffers, and panic at
//! buffers outside of their message; and to count rows they read everything. So the messages are taken
//! apart here, and their contents decoded there.

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

/// What an Arrow file begins with: `ARROW1` and zeros, as many as its writer aligns messages to. A
/// stream follows, and then a directory, which is of no use to who reads from front to back.
const FILE_START_BYTES: u64 = 8;

/// The most such bytes.
const MOST_START_BYTES: u64 = 256;

/// What packed buffers begin with: their length when unpacked.
const LENGTH_BYTES: usize = 8;

/// How many times its length a header may have once everything in it is told apart: its parts may be
/// named by several others, and so many times at every level.
const MAX_SHARING: usize = 64;

/// What a part of a header takes at least: where it is, and where its fields are.
const PART_BYTES: usize = 8;

/// The message that a header is of, if it is one.
pub(super) fn root_as_message(header: &[u8]) -> Option<Message<'_>> {
    let options = VerifierOptions {
        max_tables: header.len() / PART_BYTES,
        max_apparent_size: header.len().saturating_mul(MAX_SHARING),
        ..VerifierOptions::default()
    };
    // What the library says of an error takes many lines.
    root_as_message_with_opts(&options, header).ok()
}

/// An open stream, behind its schema.
pub(super) struct Messages<'a> {
    source: &'a mut Source,
    path: PathBuf,
    pub(super) schema: SchemaRef,
    /// Where the next message is in the file.
    position: u64,
    /// The header of the last message.
    header: Vec<u8>,
    /// What the record batches that were read claim together. Buffers may lie in the same place, so
    /// that a file without anything packed may claim more than its length.
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

    /// The rows of all record batches together, by their headers.
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

    /// The next record batch, with some columns of it.
    pub(super) fn next_batch(
        &mut self,
        columns: &[usize],
    ) -> Result<Option<RecordBatch>, FileError> {
        let path = self.path.clone();
        let place = Place::file(&path);
        while let Some(body_len) = self.next_header()? {
            if self.message()?.is_none_or(|m| m.header_type() != MessageHeader::RecordBatch) {
                // Dictionaries, of columns that are never looked at.
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
            // A flag is a bit in a buffer, a byte everywhere else.
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

    /// Reads the header of the next message. Returns how many bytes follow it.
    fn next_header(&mut self) -> Result<Option<u64>, FileError> {
        let path = self.path.clone();
        let place = Place::file(&path);
        if self.position == self.source.len {
            return Ok(None); // streams may end without a word
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

    /// The message that the last header is of, if there was one.
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

/// How much a buffer claims to be when it is unpacked. Refuses one that is not in its message.
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
            Err(_) => Ok(buffer.len() as u64), // it says that this one is not packed
        },
        None if is_packed && !buffer.is_empty() => {
            Err(place.damaged("a packed column has no length"))
        }
        _ => Ok(buffer.len() as u64),
    }
}

#[cfg(test)]
mod tests;
