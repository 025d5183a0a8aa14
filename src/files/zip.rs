//! The directory of a zip archive, as far as `.npz` files need it.
//!
//! Numpy stores or deflates, and nothing else. Reading that much here keeps every claim of an
//! archive next to the check that it lies within the file, and spares users the C code that
//! general zip libraries bring along.

use std::io::{self, Read};

use flate2::{Crc, bufread::DeflateDecoder};

use super::source::Source;
use super::{FileError, Place};

/// A file in an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) name: String,
    /// Bytes in the archive.
    pub(super) packed: u64,
    /// Bytes when unpacked, as the archive claims.
    pub(super) unpacked: u64,
    crc: u32,
    method: u16,
    is_encrypted: bool,
    offset: u64,
}

/// A record's fields, little-endian, one after the other. Reading past the end gives `None`.
struct Fields<'a>(&'a [u8]);

impl<'a> Fields<'a> {
    fn skip(&mut self, len: usize) -> Option<&'a [u8]> {
        let (skipped, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(skipped)
    }

    fn take<const LEN: usize>(&mut self) -> Option<[u8; LEN]> {
        let (taken, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*taken)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take().map(u16::from_le_bytes)
    }

    fn u32(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Option<u64> {
        self.take().map(u64::from_le_bytes)
    }
}

/// Where the list of members is.
struct Directory {
    members: u64,
    len: u64,
    offset: u64,
}

/// The record at the end, without its comment.
const END_BYTES: usize = 22;
/// The record before it that tells of a wider one.
const LOCATOR_BYTES: u64 = 20;

/// The members of the archive, in its directory's order.
pub(super) fn members(source: &mut Source) -> Result<Vec<Member>, FileError> {
    let path = source.path.clone();
    let place = Place::file(&path);
    let directory = find_directory(source, place)?;
    let bytes = source.bytes(place, directory.offset, directory.len)?;
    let mut fields = Fields(&bytes);
    // Not reserved in advance: the number is only a claim.
    let mut members = Vec::new();
    for _ in 0..directory.members {
        let member = Member::parse(&mut fields);
        members.push(member.ok_or_else(|| place.damaged("its zip directory makes no sense"))?);
    }
    Ok(members)
}

fn find_directory(source: &mut Source, place: Place<'_>) -> Result<Directory, FileError> {
    let start = source.len.saturating_sub(END_BYTES as u64 + u64::from(u16::MAX));
    let tail = source.bytes(place, start, source.len - start)?;
    // The last record whose comment ends where the file does.
    let ends = tail.windows(END_BYTES).enumerate().rev();
    let mut ends = ends.filter(|(at, end)| {
        let comment = usize::from(u16::from_le_bytes([end[20], end[21]]));
        end.starts_with(b"PK\x05\x06") && at + END_BYTES + comment == tail.len()
    });
    let found = ends.next();
    let (at, end) = found.ok_or_else(|| place.damaged("its zip directory is missing"))?;
    let end_offset = start + at as u64;
    if let Some(directory) = find_large_directory(source, place, end_offset)? {
        return Ok(directory);
    }
    let mut fields = Fields(&end[10..]);
    let mut directory = || {
        let members = u64::from(fields.u16()?);
        let (len, offset) = (u64::from(fields.u32()?), u64::from(fields.u32()?));
        Some(Directory { members, len, offset })
    };
    directory().ok_or_else(|| place.damaged("its zip directory makes no sense"))
}

/// Archives with members beyond 4 GiB have a second, wider end record before the first one.
fn find_large_directory(
    source: &mut Source,
    place: Place<'_>,
    end_offset: u64,
) -> Result<Option<Directory>, FileError> {
    let Some(locator_offset) = end_offset.checked_sub(LOCATOR_BYTES) else { return Ok(None) };
    let locator = source.bytes(place, locator_offset, LOCATOR_BYTES)?;
    let mut fields = Fields(&locator);
    if fields.take() != Some(*b"PK\x06\x07") {
        return Ok(None);
    }
    let nonsense = || place.damaged("its zip directory makes no sense");
    fields.skip(4);
    let record = source.bytes(place, fields.u64().ok_or_else(nonsense)?, 56)?;
    let mut fields = Fields(&record);
    let mut directory = || {
        (fields.take()? == *b"PK\x06\x06").then_some(())?;
        fields.skip(28)?;
        Some(Directory { members: fields.u64()?, len: fields.u64()?, offset: fields.u64()? })
    };
    directory().map(Some).ok_or_else(nonsense)
}

impl Member {
    fn parse(fields: &mut Fields<'_>) -> Option<Self> {
        (fields.take()? == *b"PK\x01\x02").then_some(())?;
        fields.skip(4)?;
        let (flags, method) = (fields.u16()?, fields.u16()?);
        fields.skip(4)?;
        let crc = fields.u32()?;
        let (packed, unpacked) = (fields.u32()?, fields.u32()?);
        let (name, extra, comment) = (fields.u16()?, fields.u16()?, fields.u16()?);
        fields.skip(8)?;
        let offset = fields.u32()?;
        let name = String::from_utf8_lossy(fields.skip(usize::from(name))?).into_owned();
        let mut wide = wide_fields(fields.skip(usize::from(extra))?);
        fields.skip(usize::from(comment))?;
        // Only what does not fit is repeated in 64 bits, in this order.
        let mut widen = |narrow: u32| match narrow {
            u32::MAX => wide.u64(),
            _ => Some(u64::from(narrow)),
        };
        let unpacked = widen(unpacked)?;
        let packed = widen(packed)?;
        let offset = widen(offset)?;
        Some(Self { name, packed, unpacked, crc, method, is_encrypted: flags & 1 != 0, offset })
    }

    /// Whether the bytes are in the archive as they are.
    pub(super) fn is_stored(&self) -> bool {
        self.method == 0
    }

    /// The unpacked bytes. Whoever reads to the claimed end learns whether the checksum is right.
    pub(super) fn open<'a>(
        &self,
        place: Place<'_>,
        source: &'a mut Source,
    ) -> Result<Box<dyn Read + 'a>, FileError> {
        self.check_packing(place)?;
        let header = source.bytes(place, self.offset, 30)?;
        let mut fields = Fields(&header);
        let is_header = fields.take() == Some(*b"PK\x03\x04");
        fields.skip(22);
        let (Some(name), Some(extra), true) = (fields.u16(), fields.u16(), is_header) else {
            return Err(place.damaged("the zip directory points at something else"));
        };
        let begin = self.offset + 30 + u64::from(name) + u64::from(extra); // far below 2⁶⁴
        let left = source.seek(place, begin)?;
        if self.packed > left {
            return Err(place.wrong_length(self.packed, left));
        }
        let packed = (&mut source.file).take(self.packed);
        let plain: Box<dyn Read + 'a> =
            if self.is_stored() { Box::new(packed) } else { Box::new(DeflateDecoder::new(packed)) };
        let left = self.unpacked;
        Ok(Box::new(Checked { plain, left, expected: self.crc, crc: Crc::new() }))
    }

    fn check_packing(&self, place: Place<'_>) -> Result<(), FileError> {
        let method = match self.method {
            _ if self.is_encrypted => "encryption".to_owned(),
            0 if self.packed != self.unpacked => {
                return Err(place.wrong_length(self.unpacked, self.packed));
            }
            0 | 8 => return Ok(()),
            other => format!("zip method {other}"),
        };
        Err(FileError::UnsupportedPacking { path: place.path.into(), place: place.name(), method })
    }
}

/// The 64-bit fields of a member, or none.
fn wide_fields(extra: &[u8]) -> Fields<'_> {
    let mut extra = Fields(extra);
    while let (Some(tag), Some(len)) = (extra.u16(), extra.u16()) {
        match extra.skip(usize::from(len)) {
            Some(field) if tag == 1 => return Fields(field),
            Some(_) => {}
            None => break,
        }
    }
    Fields(&[])
}

/// Checks length and checksum of what it passes on.
struct Checked<'a> {
    plain: Box<dyn Read + 'a>,
    left: u64,
    expected: u32,
    crc: Crc,
}

impl Read for Checked<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let wanted = buffer.len().min(usize::try_from(self.left).unwrap_or(usize::MAX));
        let len = self.plain.read(&mut buffer[..wanted])?;
        self.crc.update(&buffer[..len]);
        self.left -= len as u64;
        if self.left == 0 && len > 0 && self.crc.sum() != self.expected {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "the checksum is wrong"));
        }
        Ok(len)
    }
}
