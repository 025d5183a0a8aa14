//! The pages of a Parquet file, which are checked before the crate `parquet` reads them.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use ::parquet::errors::ParquetError;
use ::parquet::file::reader::{ChunkReader, Length};
use bytes::Bytes;
use flate2::read::MultiGzDecoder;

use super::layout::PAGE;
use super::thrift::{Claims, Header, Wrong};
use crate::expansion::{check_expansion, is_longer};
use crate::{FileError, Place};

/// Bytes of memory that a value takes while pages are read: as the widest number, or as a narrower one
/// and its two levels.
const VALUE_BYTES: u64 = 8;

/// Bytes that a page counts for at least, so that the same empty page is not read for ever. In the
/// file, a page has 20 bytes or more.
const PAGE_BYTES: u64 = 512;

/// The longest header of a page, in bytes. Headers hold the least and the largest value of a page.
const MOST_HEADER_BYTES: u64 = 16 << 20;

/// A file that checks its pages. `parquet` allocates memory for whatever the header of a page claims,
/// and for any number of values if they are all the same.
#[derive(Clone)]
pub(super) struct Pages(Arc<Inner>);

struct Inner {
    file: File,
    /// Length of the file.
    len: u64,
    path: PathBuf,
    layer: Option<String>,
    /// True if any column is compressed with gzip.
    has_gzip: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// The bytes that the pages read so far claim together. Whatever the footer says of their number,
    /// and however often it leads to the same page, all pages come from this file.
    unpacked: u64,
    /// Pages whose header was read, by the offset of their data. Each has the number of uncompressed
    /// bytes in front of the others, and the number of bytes that the others decompress to.
    pages: HashMap<u64, (u64, u64)>,
    /// The error that ended reading here. `parquet` would turn it into text.
    error: Option<FileError>,
}

impl Pages {
    pub(super) fn new(place: Place<'_>, file: File, len: u64, has_gzip: bool) -> Self {
        let (path, layer) = (place.path.into(), place.layer.map(str::to_owned));
        Self(Arc::new(Inner { file, len, path, layer, has_gzip, state: Mutex::default() }))
    }

    /// Takes the error that ended reading here, if there was one.
    pub(super) fn take_error(&self) -> Option<FileError> {
        self.state().error.take()
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn place(&self) -> Place<'_> {
        Place { path: &self.0.path, layer: self.0.layer.as_deref() }
    }

    /// Reads the header of a page. Refuses one that claims too much.
    fn header(&self, start: u64) -> Result<Vec<u8>, FileError> {
        let (header, claims) = self.find_header(start)?;
        let mut state = self.state();
        let values = claims.values.saturating_mul(VALUE_BYTES);
        let bytes = claims.unpacked.max(values).max(PAGE_BYTES);
        state.unpacked = state.unpacked.saturating_add(bytes);
        check_expansion(self.place(), self.0.len, state.unpacked)?;
        if self.0.has_gzip {
            let levels =
                claims.levels.iter().flatten().fold(0, |sum: u64, &n| sum.saturating_add(n));
            let page = (levels, claims.unpacked.saturating_sub(levels));
            state.pages.insert(start + header.len() as u64, page);
        }
        Ok(header)
    }

    fn find_header(&self, start: u64) -> Result<(Vec<u8>, Claims), FileError> {
        let mut most = 1 << 10;
        loop {
            let mut file = &self.0.file;
            file.seek(SeekFrom::Start(start)).map_err(|source| self.place().read(source))?;
            let mut bytes = Vec::new();
            let read = file.take(most).read_to_end(&mut bytes);
            read.map_err(|source| self.place().read(source))?;
            match Header::read(&bytes, PAGE) {
                Ok((len, claims)) => {
                    bytes.truncate(len);
                    return Ok((bytes, claims));
                }
                Err(Wrong::CutOff) if bytes.len() as u64 == most && most < MOST_HEADER_BYTES => {
                    most *= 8;
                }
                Err(Wrong::CutOff) => return Err(self.place().damaged("it ends too early")),
                Err(Wrong::Malformed) => {
                    return Err(self.place().damaged("a page has a wrong header"));
                }
            }
        }
    }
}

impl Length for Pages {
    fn len(&self) -> u64 {
        self.0.len
    }
}

impl ChunkReader for Pages {
    type T = HeaderReader;

    fn get_read(&self, start: u64) -> Result<HeaderReader, ParquetError> {
        Ok(HeaderReader { pages: self.clone(), start, header: None })
    }

    fn get_bytes(&self, start: u64, length: usize) -> Result<Bytes, ParquetError> {
        // All requested memory would be allocated before anything is read.
        if start.checked_add(length as u64).is_none_or(|end| end > self.0.len) {
            return Err(ParquetError::General("a page lies outside of the file".to_owned()));
        }
        let bytes = self.0.file.get_bytes(start, length)?;
        if self.0.has_gzip {
            let page = self.state().pages.remove(&start);
            // Gzip does not say what it decompresses to, and `parquet` would decompress all of it.
            let fits = page.is_some_and(|(levels, unpacked)| {
                let levels = usize::try_from(levels).unwrap_or(usize::MAX);
                let packed = bytes.get(levels..).unwrap_or_default();
                !is_longer(MultiGzDecoder::new(packed), unpacked)
            });
            if !fits {
                let problem = "a page unpacks to more than its header says";
                return Err(ParquetError::General(problem.to_owned()));
            }
        }
        Ok(bytes)
    }
}

/// A reader of the header of a page, and of nothing else. It reads only on demand: `parquet` also opens
/// a reader where it has read the header before, and does not use it.
pub(super) struct HeaderReader {
    pages: Pages,
    start: u64,
    header: Option<Cursor<Vec<u8>>>,
}

impl Read for HeaderReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let header = match &mut self.header {
            Some(header) => header,
            none => match self.pages.header(self.start) {
                Ok(header) => none.insert(Cursor::new(header)),
                Err(error) => {
                    self.pages.state().error = Some(error);
                    return Err(io::ErrorKind::InvalidData.into());
                }
            },
        };
        header.read(buffer)
    }
}
