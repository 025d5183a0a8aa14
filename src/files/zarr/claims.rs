//! What packed chunks claim to unpack to, looked at before anybody takes memory for it.

use std::sync::Arc;

use zarrs::array::Array;
use zarrs::filesystem::FilesystemStore;
use zarrs::metadata::v3::MetadataV3;
use zarrs::storage::byte_range::ByteRangeIterator;
use zarrs::storage::{MaybeBytesIterator, ReadableStorageTraits, StorageError, StoreKey};

use crate::files::expansion::SMALL_BYTES;

/// A store on whose chunks nobody has to rely: `zarrs` asks for as much memory as a chunk says it
/// unpacks to, however little the array says.
pub(super) struct CheckedStore {
    files: Arc<FilesystemStore>,
    /// Names of the codecs that chunks go through, in the order of packing.
    codecs: Vec<String>,
    most_bytes: u64,
}

impl CheckedStore {
    /// The array with a store that refuses chunks which claim to be far larger than `chunk_bytes`.
    pub(super) fn under(array: &Array<FilesystemStore>, chunk_bytes: u64) -> Array<Self> {
        let codecs = codecs_of_chunks(&array.codecs().create_metadatas());
        // Zstd that does not say how much it unpacks to is taken for full blocks.
        let most_bytes = chunk_bytes.saturating_mul(2).max(SMALL_BYTES);
        array.with_storage(Arc::new(Self { files: array.storage(), codecs, most_bytes }))
    }

    /// Looks at a chunk, or at whatever else was read.
    fn check(&self, mut bytes: &[u8]) -> Result<(), StorageError> {
        for codec in self.codecs.iter().rev() {
            let claimed = match codec.as_str() {
                "crc32c" => {
                    bytes = &bytes[..bytes.len().saturating_sub(size_of::<u32>())];
                    continue;
                }
                "zstd" => zstd_claim(bytes),
                "blosc" => Some(blosc_claim(bytes)),
                // Gzip and zlib unpack to 1,032 times as much at most.
                _ => Some(0),
            };
            return match claimed {
                Some(claimed) if claimed <= self.most_bytes => Ok(()),
                Some(claimed) => Err(StorageError::Other(format!(
                    "a chunk of {} bytes claims to unpack to {claimed}",
                    bytes.len()
                ))),
                None => Err(StorageError::Other("a chunk is damaged".to_owned())),
            };
        }
        Ok(())
    }
}

/// The codecs of chunks; of those in a shard, where there are shards.
fn codecs_of_chunks(codecs: &[MetadataV3]) -> Vec<String> {
    let shard = codecs.iter().find(|codec| codec.name() == "sharding_indexed");
    let inner = shard.and_then(|shard| shard.configuration()?.get("codecs")?.as_array());
    let name = |codec: &serde_json::Value| {
        let name = codec.get("name").unwrap_or(codec); // a name alone will do
        name.as_str().map(str::to_owned)
    };
    match inner {
        Some(inner) => inner.iter().filter_map(name).collect(),
        None => codecs.iter().map(|codec| codec.name().to_owned()).collect(),
    }
}

/// The most that zstd's data unpack to, if they are well-formed; nothing of anything else, such as the
/// index of a shard.
fn zstd_claim(bytes: &[u8]) -> Option<u64> {
    let is_zstd =
        matches!(bytes, [0x28, 0xB5, 0x2F, 0xFD, ..] | [0x50..=0x5F, 0x2A, 0x4D, 0x18, ..]);
    if !is_zstd {
        return Some(0);
    }
    zstd::bulk::Decompressor::upper_bound(bytes).map(|bound| bound as u64)
}

/// What Blosc's header says; nothing of anything else.
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
