//! Chunks that claim more than they have, and codecs that would hide such claims.

use std::io::Write;

use flate2::Compression;
use flate2::write::{GzEncoder, ZlibEncoder};

use super::*;
use crate::expansion::SMALL_BYTES;

#[test]
fn chunks_are_not_believed() {
    let zstd = |claim: u64| {
        // A frame that claims `claim` bytes, and an empty last block.
        let start = [0x28, 0xB5, 0x2F, 0xFD, 0b1100_0000, 0x58];
        [&start[..], &claim.to_le_bytes(), &[1, 0, 0]].concat()
    };
    let skipped = [&[0x50, 0x2A, 0x4D, 0x18, 1, 0, 0, 0, 9][..], &zstd(1 << 45)].concat();
    let blosc =
        [&[2, 1, 0x21, 4][..], &u32::MAX.to_le_bytes(), &300u32.to_le_bytes(), &[40, 0, 0, 0]];
    for (name, bytes) in [
        ("default", zstd(1 << 62)),
        ("default", zstd(1 << 45)),
        ("default", zstd(1 << 30)),
        ("default", skipped),
        ("v2_default", zstd(1 << 45)),
        ("blosc", blosc.concat()),
        ("v2_blosc", blosc.concat()),
    ] {
        let made = Made::copy(&format!("store_{name}.zarr"));
        let file = if name.starts_with("v2") { "0.0" } else { "c/0/0" };
        fs::write(made.path.join(file), bytes).unwrap();
        let error = made.error();
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        assert!(
            cause.clone().is_some_and(|cause| cause.contains("unpacks to more than")),
            "{name}: {cause:?}"
        );
    }
    // The first chunk of a shard, whose index says where it is.
    let made = Made::copy("store_sharded.zarr");
    let mut shard = fs::read(made.path.join("c/0/0")).unwrap();
    let bomb = zstd(1 << 45);
    shard[..bomb.len()].copy_from_slice(&bomb);
    fs::write(made.path.join("c/0/0"), shard).unwrap();
    let error = made.error();
    assert!(matches!(error, FileError::Read { .. }), "{error}");
}

/// Puts other codecs into a store's metadata.
fn name_codecs(made: &Made, codecs: &str) {
    let metadata = made.path.join("zarr.json");
    let text = fs::read_to_string(&metadata).unwrap();
    let (before, _) = text.split_once(r#""codecs""#).unwrap();
    fs::write(metadata, format!(r#"{before}"codecs": {codecs}}}"#)).unwrap();
}

/// Checks gzip and zlib, which do not say what they decompress to.
#[test]
fn chunks_are_not_unpacked_without_end() {
    let zeros = vec![0; usize::try_from(SMALL_BYTES).unwrap() + 1];
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(&zeros).unwrap();
    let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
    zlib.write_all(&zeros).unwrap();
    for (codec, bytes) in [("gzip", gzip.finish()), ("numcodecs.zlib", zlib.finish())] {
        let made = Made::empty(&[4, 4], &[4, 4]);
        name_codecs(
            &made,
            &format!(
                r#"[{{"name": "bytes", "configuration": {{"endian": "little"}}}},
                {{"name": "{codec}", "configuration": {{"level": 1}}}}]"#
            ),
        );
        fs::create_dir_all(made.path.join("c/0")).unwrap();
        fs::write(made.path.join("c/0/0"), bytes.unwrap()).unwrap();
        let error = made.error();
        let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
        assert!(cause.contains("unpacks to more than"), "{codec}: {error}: {cause}");
    }
}

/// Checks that compressed data within another codec is refused: only `zarrs` would see what it claims.
#[test]
fn only_what_is_packed_last_may_unpack() {
    let codec = |codec: &str| match codec {
        "bytes" => r#"{"name": "bytes", "configuration": {"endian": "little"}}"#.to_owned(),
        "gzip" => r#"{"name": "gzip", "configuration": {"level": 1}}"#.to_owned(),
        "zstd" => {
            r#"{"name": "zstd", "configuration": {"level": 1, "checksum": false}}"#.to_owned()
        }
        "numcodecs.zlib" => {
            r#"{"name": "numcodecs.zlib", "configuration": {"level": 1}}"#.to_owned()
        }
        "numcodecs.shuffle" => {
            r#"{"name": "numcodecs.shuffle", "configuration": {"elementsize": 4}}"#.to_owned()
        }
        "transpose" => r#"{"name": "transpose", "configuration": {"order": [1, 0]}}"#.to_owned(),
        name => format!(r#"{{"name": "{name}"}}"#),
    };
    let listed = |names: &str| {
        let codecs: Vec<String> = names.split_whitespace().map(codec).collect();
        format!("[{}]", codecs.join(", "))
    };
    let shard = |inner: &str| {
        format!(
            r#"{{"name": "sharding_indexed", "configuration": {{"chunk_shape": [2, 2],
            "codecs": {inner}, "index_codecs": {}}}}}"#,
            listed("bytes crc32c")
        )
    };
    // The error of reading a chunk that these codecs have encoded, or nothing.
    let error = |codecs: &str| {
        let made = Made::empty(&[4, 4], &[4, 4]);
        name_codecs(&made, codecs);
        let storage = Arc::new(FilesystemStore::new(&made.path).unwrap());
        let array = Array::open(storage, "/").unwrap();
        let values: Vec<f32> = (0..16u8).map(f32::from).collect();
        let stored = array.store_chunk_elements(&[0, 0], &values);
        let expected = Array2::from_shape_vec((4, 4), values).unwrap();
        match read_layer(&made.path, None) {
            Ok(layer) => {
                stored.unwrap();
                assert_eq!(layer.activations, expected, "{codecs}");
                String::new()
            }
            Err(error) => error.to_string(),
        }
    };
    for fine in [
        "bytes",
        "bytes crc32c",
        "bytes zstd crc32c",
        "bytes crc32c gzip",
        "transpose bytes numcodecs.shuffle zstd",
        "bytes numcodecs.shuffle numcodecs.zlib crc32c",
    ] {
        assert_eq!(error(&listed(fine)), "", "{fine}");
        assert_eq!(error(&format!("[{}]", shard(&listed(fine)))), "", "{fine} in shards");
    }
    for (refused, reason) in [
        ("bytes zstd gzip", "zstd within gzip"),
        ("bytes gzip zstd crc32c", "gzip within zstd"),
        ("bytes gzip numcodecs.zlib", "gzip within zlib"),
        ("bytes zstd numcodecs.shuffle", "zstd within shuffle"),
    ] {
        let message = error(&listed(refused));
        assert!(message.contains(reason), "{refused}: {message}");
        let message = error(&format!("[{}]", shard(&listed(refused))));
        assert!(message.contains(reason), "{refused} in shards: {message}");
    }
    let zstd = shard(&listed("bytes zstd"));
    for (refused, reason) in [
        (format!("[{zstd}, {}]", codec("gzip")), "shards within another codec"),
        (format!("[{}, {zstd}]", codec("transpose")), "shards within another codec"),
        (format!("[{}]", shard(&format!("[{zstd}]"))), "shards within shards"),
    ] {
        let message = error(&refused);
        assert!(message.contains(reason), "{refused}: {message}");
    }
}
