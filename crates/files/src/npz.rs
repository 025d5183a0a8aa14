//! The `.npz` format: a zip archive of `.npy` files.

use std::fs::File;
use std::io::{BufReader, Read};
use std::ops::ControlFlow;
use std::path::Path;

use zip::read::ZipFile;
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

use super::array::StreamedBytes;
use super::expansion::check_expansion;
use super::npy::Header;
use super::source::Source;
use super::visit::Visitor;
use super::{FileError, LayerInfo, Place, choose};

type Archive<'a> = ZipArchive<&'a mut BufReader<File>>;

pub(super) fn layers(source: &mut Source) -> Result<Vec<LayerInfo>, FileError> {
    let path = source.path.clone();
    let file_len = source.len;
    let mut archive = open(&path, source)?;
    let members = members(&path, file_len, &mut archive)?;
    let infos = members.iter().map(|member| {
        let place = Place::layer(&path, &member.array);
        let mut reader = member.open(place, &mut archive)?;
        let header = Header::read(place, &mut reader)?;
        Ok(header.description.info(&member.array))
    });
    infos.collect()
}

pub(super) fn visit(
    source: &mut Source,
    name: Option<&str>,
    visitor: &mut dyn Visitor,
) -> Result<(), FileError> {
    let path = source.path.clone();
    let file_len = source.len;
    let mut archive = open(&path, source)?;
    let members = members(&path, file_len, &mut archive)?;
    let member = choose(&path, name, &members, |member| &member.array)?;
    let place = Place::layer(&path, &member.array);
    check_expansion(place, member.packed, member.unpacked)?;
    let mut reader = member.open(place, &mut archive)?;
    let header = Header::read(place, &mut reader)?;
    let Header { description, len } = &header;
    let array_size = description.check(place, member.unpacked.saturating_sub(*len))?;
    let ControlFlow::Continue(most_samples) =
        visitor.begin(&description.visited(place, array_size))
    else {
        return Ok(());
    };
    // A compressed stream cannot go back. Rows come one after the other, but each batch of a
    // Fortran-order array is spread over the whole stream, and takes a pass of its own.
    let pass = if description.is_fortran_order { most_samples.max(1) } else { array_size.samples };
    let mut begin = 0usize;
    loop {
        let end = array_size.samples.min(begin.saturating_add(pass));
        let is_plain = member.is_stored;
        let mut bytes = StreamedBytes { reader: &mut reader, position: 0, is_plain };
        let flow = description.visit(place, begin..end, most_samples, &mut bytes, visitor)?;
        if flow.is_break() {
            return Ok(());
        }
        if end == array_size.samples {
            break;
        }
        begin = end;
        drop(reader);
        reader = member.open(place, &mut archive)?;
        if Header::read(place, &mut reader)? != header {
            return Err(place.changed("its header"));
        }
    }
    // The checksum is compared only at the end of the stream.
    match reader.read(&mut [0]) {
        Ok(0) => Ok(()),
        Ok(_) => Err(place.damaged("it is longer than the archive says")),
        Err(error) => Err(place.damaged(error.to_string())),
    }
}

fn open<'a>(path: &Path, source: &'a mut Source) -> Result<Archive<'a>, FileError> {
    let place = Place::file(path);
    ZipArchive::new(&mut source.file).map_err(|error| refused(place, error))
}

/// An array in an archive.
#[derive(Debug)]
struct Member {
    /// The index in the archive's directory.
    index: usize,
    /// The array's name as numpy gives it, without `.npy`.
    array: String,
    /// Bytes in the archive.
    packed: u64,
    /// Bytes after decompression, as the archive claims.
    unpacked: u64,
    is_stored: bool,
}

/// Returns the members that numpy would call arrays.
fn members(
    path: &Path,
    file_len: u64,
    archive: &mut Archive<'_>,
) -> Result<Vec<Member>, FileError> {
    let mut members = Vec::new();
    for index in 0..archive.len() {
        let file = archive.by_index_raw(index).map_err(|e| refused(Place::file(path), e))?;
        let name = file.name().map_err(|error| refused(Place::file(path), error))?;
        if let Some(array) = name.strip_suffix(".npy") {
            if file.compressed_size() > file_len {
                let place = Place::layer(path, array);
                return Err(place.wrong_length(file.compressed_size(), file_len));
            }
            members.push(Member {
                index,
                array: array.to_owned(),
                packed: file.compressed_size(),
                unpacked: file.size(),
                is_stored: file.compression() == CompressionMethod::Stored,
            });
        }
    }
    Ok(members)
}

impl Member {
    fn open<'a, 'file>(
        &self,
        place: Place<'_>,
        archive: &'a mut Archive<'file>,
    ) -> Result<ZipFile<'a, &'file mut BufReader<File>>, FileError> {
        if self.is_stored && self.packed != self.unpacked {
            return Err(place.wrong_length(self.unpacked, self.packed));
        }
        archive.by_index(self.index).map_err(|error| refused(place, error))
    }
}

/// Converts an error of an archive or of a member of it.
fn refused(place: Place<'_>, error: ZipError) -> FileError {
    let method = match error {
        ZipError::Io(source) => return place.read(source),
        ZipError::CompressionMethodNotSupported(method) => format!("zip method {method}"),
        ZipError::UnsupportedArchive(what) => what.to_owned(),
        other => return place.damaged(other.to_string()),
    };
    FileError::UnsupportedPacking { path: place.path.into(), place: place.name(), method }
}
