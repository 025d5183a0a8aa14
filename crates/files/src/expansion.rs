//! How much packed data may unpack to.

#[cfg(any(feature = "tables", feature = "zarr"))]
use std::io::{self, Read};

use super::{FileError, Place};

/// What unpacks to no more than this is read however well it is packed.
pub(super) const SMALL_BYTES: u64 = 64 << 20;

/// How many times its packed size anything larger may have. Deflate reaches 1,032 on zeros;
/// activations of which 95 in 100 are zero, about 15.
const MAX_EXPANSION: u64 = 200;

/// Refuses what claims to unpack to so much that a small file could fill the memory.
pub(super) fn check_expansion(
    place: Place<'_>,
    packed: u64,
    unpacked: u64,
) -> Result<(), FileError> {
    if unpacked <= SMALL_BYTES || unpacked / MAX_EXPANSION <= packed {
        return Ok(());
    }
    let (path, place, allowed) = (place.path.into(), place.name(), MAX_EXPANSION);
    Err(FileError::Expansion { path, place, packed, unpacked, allowed })
}

/// Whether more than so many bytes come out of something that unpacks: gzip and zlib do not say how
/// many there will be, and crates take memory for all of them. Damaged data end where they are damaged.
#[cfg(any(feature = "tables", feature = "zarr"))]
pub(super) fn is_longer(unpacking: impl Read, bytes: u64) -> bool {
    let unpacked = io::copy(&mut unpacking.take(bytes.saturating_add(1)), &mut io::sink());
    unpacked.is_ok_and(|unpacked| unpacked > bytes)
}
