//! Checks of the size that compressed chunks claim, before memory is allocated for them.

use std::sync::Arc;

use flate2::read::{GzDecoder, ZlibDecoder};
use zarrs::array::Array;
use zarrs::array::codec::CodecChain;
use zarrs::filesystem::FilesystemStore;
use zarrs::metadata::v3::MetadataV3;
use zarrs::storage::byte_range::ByteRangeIterator;
use zarrs::storage::{MaybeBytesIterator, ReadableStorageTraits, StorageError, StoreKey};

use crate::expansion::{SMALL_BYTES, is_longer};
use crate::{FileError, Place};

use super::unsupported;

/// The name that `zarrs` gives to a shard.
const SHARD: &str = "sharding_indexed";

/// Codecs whose data may decompress to many times its size.
const PACKERS: [&str; 4] = ["blosc", "gzip", "zlib", "zstd"];

/// A store that checks its chunks. `zarrs` allocates as much memory as a chunk says that it
/// decompresses to, even if the array says less.
pub(super) struct CheckedStore {
    files: Arc<FilesystemStore>,
    packer: Packer,
    most_bytes: u64,
}

/// The codec that compresses a chunk last.
struct Packer {
    codec: String,
    /// The number of bytes of checksums that follow the codec's output.
    checksums: usize,
}

impl CheckedStore {
    /// Returns the array with a store that refuses chunks that claim to be far larger than
    /// `chunk_bytes`. Refuses arrays whose codecs could hide such a claim.
    pub(super) fn under(
        place: Place<'_>,
        array: &Array<FilesystemStore>,
        chunk_bytes: u64,
    ) -> Result<Array<Self>, FileError> {
        let packer = Packer::of(&array.codecs()).map_err(|reason| unsupported(place, &reason))?;
        // Zstd data that does not say its size is taken to have full blocks, so allow more.
        let most_bytes = chunk_bytes.saturating_mul(2).max(SMALL_BYTES);
        Ok(array.with_storage(Arc::new(Self { files: array.storage(), packer, most_bytes })))
    }

    /// Checks a chunk, or anything else that was read.
    fn check(&self, bytes: &[u8]) -> Result<(), StorageError> {
        let bytes = &bytes[..bytes.len().saturating_sub(self.packer.checksums)];
        let claimed = match self.packer.codec.as_str() {
            "zstd" => zstd_claim(bytes),
            "blosc" => Some(blosc_claim(bytes)),
            // These do not say what they decompress to, which is up to 1,032 times as much.
            "gzip" if is_longer(GzDecoder::new(bytes), self.most_bytes) => Some(u64::MAX),
            "zlib" if is_longer(ZlibDecoder::new(bytes), self.most_bytes) => Some(u64::MAX),
            _ => Some(0),
        };
        match claimed {
            Some(claimed) if claimed <= self.most_bytes => Ok(()),
            Some(_) => Err(StorageError::Other(format!(
                "a chunk of {} bytes unpacks to more than {}",
                bytes.len(),
                self.most_bytes
            ))),
            None => Err(StorageError::Other("a chunk is damaged".to_owned())),
        }
    }
}

impl Packer {
    /// Returns the packer of the chunks; in shards, of the chunks in the shards. The error describes
    /// codecs that hide claims: compressed data within another codec, which `zarrs` decompresses first.
    fn of(codecs: &CodecChain) -> Result<Self, String> {
        let serializer = codecs.array_to_bytes_codec();
        let others = codecs.bytes_to_bytes_codecs();
        match serializer.identifier() {
            "bytes" | "packbits" => {
                let mut outside_in = others.iter().rev().map(|codec| codec.identifier()).peekable();
                let mut checksums = 0;
                while outside_in.next_if_eq(&"crc32c").is_some() {
                    checksums += size_of::<u32>();
                }
                let codec = outside_in.next().unwrap_or_default().to_owned();
                match outside_in.find(|inner| PACKERS.contains(inner)) {
                    Some(inner) => Err(format!("{inner} within {codec}")),
                    None => Ok(Self { codec, checksums }),
                }
            }
            SHARD if others.is_empty() && codecs.array_to_array_codecs().is_empty() => {
                let configuration = serializer.configuration();
                let inner = configuration.as_ref().and_then(|shard| shard.get("codecs")).cloned();
                let inner = inner.map(serde_json::from_value::<Vec<MetadataV3>>).transpose();
                let inner = inner.map_err(|error| error.to_string())?.unwrap_or_default();
                let inner = CodecChain::from_metadata(&inner).map_err(|error| error.to_string())?;
                if inner.array_to_bytes_codec().identifier() == SHARD {
                    return Err("shards within shards".to_owned());
                }
                Self::of(&inner)
            }
            SHARD => Err("shards within another codec".to_owned()),
            other => Err(format!("the codec {other}")),
        }
    }
}

/// Returns the most that zstd data decompresses to, or `None` if it is malformed. Returns 0 for
/// anything else, such as the index of a shard.
fn zstd_claim(bytes: &[u8]) -> Option<u64> {
    // Formats from before 2016, which the library may know, have another first byte.
    let is_zstd = matches!(bytes, [_, 0xB5, 0x2F, 0xFD, ..] | [0x50..=0x5F, 0x2A, 0x4D, 0x18, ..]);
    if !is_zstd {
        return Some(0);
    }
    zstd::bulk::Decompressor::upper_bound(bytes).map(|bound| bound as u64)
}

/// Returns the size in Blosc's header, or 0 for anything else.
fn blosc_claim(bytes: &[u8]) -> u64 {
    match bytes {
        // Version, version of the codec, flags, size of an element; then the length.
        &[1..=2, _, _, _, a, b, c, d, ..] => u32::from_le_bytes([a, b, c, d]).into(),
        _ => 0,
    }
}

impl ReadableStorageTraits for CheckedStore {
    fn get_partial_many<'a>(
        &'a self,
        key: &StoreKey,
        byte_ranges: ByteRangeIterator<'a>,
    ) -> Result<MaybeBytesIterator<'a>, StorageError> {
        let Some(values) = self.files.get_partial_many(key, byte_ranges)? else { return Ok(None) };
        Ok(Some(Box::new(
            values.map(|value| value.and_then(|bytes| self.check(&bytes).map(|()| bytes))),
        )))
    }

    fn size_key(&self, key: &StoreKey) -> Result<Option<u64>, StorageError> {
        self.files.size_key(key)
    }

    fn supports_get_partial(&self) -> bool {
        self.files.supports_get_partial()
    }
}
