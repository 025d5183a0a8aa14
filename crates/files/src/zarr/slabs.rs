//! The bytes of a chunked array, as if they lay one after the other.

use std::io;
use std::ops::Range;

use zarrs::array::codec::CodecOptions;
use zarrs::array::{
    Array, ArrayMetadata, ArrayShardedExt, ArrayShardedReadableExt, ArrayShardedReadableExtCache,
};
use zarrs::array_subset::ArraySubset;
use zarrs::filesystem::FilesystemStore;

use super::claims::CheckedStore;
use super::unsupported;
use crate::array::{ArraySize, Bytes, Description};
use crate::expansion::check_expansion;
use crate::guard::guarded;
use crate::{FileError, Place};

/// The number of bytes up to which, about, small chunks are decompressed together, on all threads.
const TOGETHER_BYTES: u64 = 8 << 20;

/// The most bytes, and the most batches, that are decompressed at once, unless one batch is larger. If
/// chunks of all neurons, side by side, have more samples than this has room for, they are decompressed
/// again for every part.
const MOST_BYTES: u64 = 64 << 20;
const MOST_BATCHES: u64 = 8;

/// Bytes that `zarrs` keeps for each chunk of a shard: its offset and its length.
const SHARD_INDEX_BYTES: u64 = 16;

/// A reader that decompresses one slab of an array after the other. A slab has one index of each axis
/// before some axis, a range of that axis, and all of the axes behind it. So its elements follow one
/// another in row-major order.
pub(super) struct Slabs<'a> {
    place: Place<'a>,
    array: Array<CheckedStore>,
    /// Bytes of an element.
    element: u64,
    /// The shape of the parts that can be decompressed on their own: chunks, or chunks of a shard.
    chunk: Vec<u64>,
    /// The axis of which slabs have a range, and the length of that range.
    axis: usize,
    step: u64,
    /// The offset of the current slab, and its bytes.
    begin: u64,
    bytes: Vec<u8>,
}

impl<'a> Slabs<'a> {
    /// Makes a reader. Refuses chunks that claim more memory than a store of `len` bytes may claim.
    pub(super) fn new(
        place: Place<'a>,
        len: u64,
        array: Array<FilesystemStore>,
        description: &Description,
    ) -> Result<Self, FileError> {
        if let ArrayMetadata::V3(metadata) = array.metadata()
            && metadata.chunk_grid.name() != "regular"
        {
            let reason = format!("the chunk grid \"{}\"", metadata.chunk_grid.name());
            return Err(unsupported(place, &reason));
        }
        let element = description.element_type.size().unwrap_or(1) as u64;
        let elements =
            |shape: &[u64]| shape.iter().fold(1u64, |n, &length| n.saturating_mul(length));
        let (outer, inner) = guarded(place, || {
            let first = vec![0; description.shape.len()];
            let outer = array.chunk_shape(&first);
            let outer = outer.map_err(|error| unsupported(place, &error.to_string()))?;
            let inner =
                if array.is_exclusively_sharded() { array.inner_chunk_shape() } else { None };
            Ok((outer, inner))
        })?;
        let outer: Vec<u64> = outer.iter().map(|length| length.get()).collect();
        let inner = inner.map(|shape| shape.iter().map(|length| length.get()).collect::<Vec<_>>());
        if let Some(inner) = &inner {
            let chunks = elements(&outer) / elements(inner);
            check_expansion(place, len, chunks.saturating_mul(SHARD_INDEX_BYTES))?;
        }
        let chunk = inner.unwrap_or(outer);
        let chunk_bytes = elements(&chunk).saturating_mul(element);
        check_expansion(place, len, chunk_bytes)?;
        let array = CheckedStore::under(place, &array, chunk_bytes)?;
        Ok(Self { place, array, element, chunk, axis: 0, step: 1, begin: 0, bytes: Vec::new() })
    }

    /// Chooses slabs for batches of `most_samples` samples.
    pub(super) fn suit(&mut self, array_size: ArraySize, most_samples: usize) {
        let batch = (most_samples as u64).saturating_mul(array_size.neurons as u64 * self.element);
        let most = MOST_BYTES.min(batch.saturating_mul(MOST_BATCHES));
        self.choose(TOGETHER_BYTES.min(batch), most.max(batch));
    }

    /// Chooses slabs of whole chunks, of about `together` bytes. If these would exceed `most` bytes,
    /// chooses slabs of parts of chunks, of at most `most` bytes.
    pub(super) fn choose(&mut self, together: u64, most: u64) {
        let sample_axes = self.chunk.len() - 1;
        self.axis =
            (0..sample_axes).find(|&axis| self.behind(axis) <= most).unwrap_or(sample_axes - 1);
        let behind = self.behind(self.axis);
        let chunks = behind.saturating_mul(self.chunk[self.axis]);
        self.step = if chunks <= most {
            self.chunk[self.axis].saturating_mul((together / chunks).max(1))
        } else {
            (most / behind).max(1)
        };
    }

    /// Returns the size in bytes of everything behind an axis, for one index of the axis; at least one.
    fn behind(&self, axis: usize) -> u64 {
        let lengths = &self.array.shape()[axis + 1..];
        lengths.iter().fold(self.element, |bytes, &length| bytes.saturating_mul(length)).max(1)
    }

    /// Returns the bytes of the current slab from `offset` on, or none if `offset` is outside of the
    /// slab.
    fn unpacked(&self, offset: u64) -> &[u8] {
        let within = offset.checked_sub(self.begin).and_then(|within| within.try_into().ok());
        within.and_then(|within: usize| self.bytes.get(within..)).unwrap_or_default()
    }

    /// Decompresses the slab that contains the byte at `offset`.
    fn unpack(&mut self, offset: u64) -> io::Result<()> {
        self.bytes = Vec::new(); // freed before another one is made
        let behind = self.behind(self.axis);
        let shape = self.array.shape();
        let index = offset / behind;
        let (mut before, along) = (index / shape[self.axis], index % shape[self.axis]);
        let first = along - along % self.step;
        let range = first..shape[self.axis].min(first.saturating_add(self.step));
        self.begin = (index - along + first) * behind;
        let mut ranges: Vec<Range<u64>> = shape.iter().map(|&length| 0..length).collect();
        ranges[self.axis] = range.clone();
        for axis in (0..self.axis).rev() {
            let index = before % shape[axis];
            before /= shape[axis];
            ranges[axis] = index..index + 1;
        }
        let subset = ArraySubset::new_with_ranges(&ranges);
        let unpacked = guarded(self.place, || {
            // Reads the chunks of a shard one by one, not the whole shard, so that each can be checked.
            let cache = ArrayShardedReadableExtCache::new(&self.array);
            let options = CodecOptions::default();
            Ok(self.array.retrieve_array_subset_sharded_opt(&cache, &subset, &options))
        });
        let unpacked = unpacked.map_err(io::Error::other)?.map_err(io::Error::other)?;
        let bytes = unpacked.into_fixed().map_err(io::Error::other)?.into_owned();
        let expected = (range.end - range.start) * behind;
        if bytes.len() as u64 != expected {
            let problem = format!("chunks unpack to {} bytes instead of {expected}", bytes.len());
            return Err(io::Error::new(io::ErrorKind::InvalidData, problem));
        }
        self.bytes = bytes;
        Ok(())
    }
}

impl Bytes for Slabs<'_> {
    fn read_at(&mut self, mut offset: u64, mut bytes: &mut [u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            if self.unpacked(offset).is_empty() {
                self.unpack(offset)?;
            }
            let rest = self.unpacked(offset);
            if rest.is_empty() {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let (now, later) = bytes.split_at_mut(rest.len().min(bytes.len()));
            now.copy_from_slice(&rest[..now.len()]);
            offset += now.len() as u64;
            bytes = later;
        }
        Ok(())
    }

    fn is_plain(&self) -> bool {
        false
    }
}
