//! Limits on the size of decompressed data.

#[cfg(any(feature = "tables", feature = "zarr"))]
use std::io::{self, Read};

use super::{FileError, Place};

/// Data of at most this size is read, however well it is compressed.
pub(super) const SMALL_BYTES: u64 = 64 << 20;

/// The largest allowed compression ratio of data beyond [`SMALL_BYTES`]. Deflate reaches 1,032 on
/// zeros, and about 15 on activations of which 95 in 100 are zero.
const MAX_EXPANSION: u64 = 200;

/// Refuses data that claims to decompress to so much that a small file could fill the memory.
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

/// Returns whether a decompressor makes more than `bytes` bytes. Gzip and zlib do not say how many
/// there will be, and crates take memory for all of them. Damaged data ends where it is damaged.
#[cfg(any(feature = "tables", feature = "zarr"))]
pub(super) fn is_longer(unpacking: impl Read, bytes: u64) -> bool {
    let unpacked = io::copy(&mut unpacking.take(bytes.saturating_add(1)), &mut io::sink());
    unpacked.is_ok_and(|unpacked| unpacked > bytes)
}
