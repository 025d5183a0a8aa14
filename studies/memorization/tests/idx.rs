//! Tests with complete and hostile files of MNIST.

#![allow(clippy::unwrap_used, clippy::cast_possible_truncation, reason = "tests")]

use std::fs;
use std::io::Write;

use cofire_memorization::Error;
use cofire_memorization::idx::{self, IdxError};
use cofire_memorization::images;
use flate2::Compression;
use flate2::write::GzEncoder;

fn header(sizes: &[u32]) -> Vec<u8> {
    let mut bytes = vec![0, 0, 8, sizes.len() as u8];
    bytes.extend(sizes.iter().flat_map(|size| size.to_be_bytes()));
    bytes
}

fn idx(sizes: &[u32], elements: &[u8]) -> Vec<u8> {
    let mut bytes = header(sizes);
    bytes.extend(elements);
    bytes
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn plain_and_compressed_files_are_the_same() {
    let file = idx(&[2, 2, 3], &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 255]);
    let expected = ([2, 2, 3], vec![1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 255]);
    assert_eq!(idx::read::<3>(&file[..]).unwrap(), expected);
    assert_eq!(idx::read::<3>(&gzip(&file)[..]).unwrap(), expected);
    assert_eq!(idx::read::<1>(&idx(&[0], &[])[..]).unwrap(), ([0], vec![]));
}

#[test]
fn whatever_is_cut_off_or_added_is_noticed() {
    let file = idx(&[3, 1, 2], &[1, 2, 3, 4, 5, 6]);
    for length in 0..file.len() {
        let error = idx::read::<3>(&file[..length]).unwrap_err();
        let expected = match length {
            0..4 => matches!(error, IdxError::Magic),
            4..16 => matches!(error, IdxError::Io(_)),
            _ => {
                matches!(error, IdxError::Truncated { expected: 6, found } if found == length - 16)
            }
        };
        assert!(expected, "{length} bytes: {error:?}");
    }
    let compressed = gzip(&file);
    for length in 0..compressed.len() {
        // The last 8 bytes are the checksum and the length. A file without them is damaged as well.
        idx::read::<3>(&compressed[..length]).unwrap_err();
    }
    let longer = [&file[..], &[0]].concat();
    let error = idx::read::<3>(&longer[..]).unwrap_err();
    assert!(matches!(error, IdxError::TrailingBytes { expected: 6 }), "{error:?}");
}

#[test]
fn other_files_are_refused() {
    for file in [&b"\x00\x00\x0d\x01\x00\x00\x00\x00"[..], b"\x93NUMPY\x01\x00", b"<html></html>"] {
        let error = idx::read::<1>(file).unwrap_err();
        assert!(matches!(error, IdxError::Magic), "{file:?}: {error:?}");
    }
    let labels = idx(&[2], &[1, 2]);
    let error = idx::read::<3>(&labels[..]).unwrap_err();
    assert!(matches!(error, IdxError::Dimensions { found: 1, expected: 3 }), "{error:?}");
}

#[test]
fn a_header_allocates_nothing() {
    // More elements than allowed, a product that overflows, and the largest number allowed in a
    // file that ends at once.
    for sizes in [&[u32::MAX, 1, 1][..], &[u32::MAX, u32::MAX, u32::MAX]] {
        let error = idx::read::<3>(&header(sizes)[..]).unwrap_err();
        assert!(matches!(&error, IdxError::TooLarge(said) if said == sizes), "{error:?}");
    }
    let error = idx::read::<3>(&header(&[1 << 30, 1, 1])[..]).unwrap_err();
    assert!(matches!(error, IdxError::Truncated { found: 0, .. }), "{error:?}");
    // A small file that unpacks to much more than its header says.
    let bomb = gzip(&idx(&[1], &vec![0; 1 << 24]));
    let error = idx::read::<1>(&bomb[..]).unwrap_err();
    assert!(matches!(error, IdxError::TrailingBytes { expected: 1 }), "{error:?}");
}

#[test]
fn a_directory_of_four_files_is_read() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    // Images of 4 × 4 pixels whose values are their own indices.
    let image: Vec<u8> = (0..16).collect();
    let images = |count: usize| idx(&[count as u32, 4, 4], &image.repeat(count));
    fs::write(path("train-images-idx3-ubyte"), images(3)).unwrap();
    fs::write(path("train-labels-idx1-ubyte.gz"), gzip(&idx(&[3], &[7, 8, 9]))).unwrap();
    fs::write(path("t10k-images-idx3-ubyte.gz"), gzip(&images(2))).unwrap();
    let missing = images::mnist(directory.path(), 2).unwrap_err();
    assert!(missing.to_string().contains("has no t10k-labels-idx1-ubyte"), "{missing}");
    fs::write(path("t10k-labels-idx1-ubyte"), idx(&[2], &[0, 1])).unwrap();

    let set = images::mnist(directory.path(), 2).unwrap();
    assert_eq!(set.train.pixels.dim(), (2, 4));
    assert_eq!(set.held_out.digits, [0, 1]);
    // Every second row and column.
    let row: Vec<f32> = [0.0f32, 2.0, 8.0, 10.0].iter().map(|pixel| pixel / 255.0).collect();
    assert_eq!(set.held_out.pixels.row(1).to_vec(), row);

    let too_many = images::mnist(directory.path(), 4).unwrap_err();
    assert!(matches!(too_many, Error::TooFewImages { needed: 4, available: 3 }), "{too_many:?}");
    fs::write(path("t10k-labels-idx1-ubyte"), idx(&[2], &[0, 10])).unwrap();
    let no_digit = images::mnist(directory.path(), 2).unwrap_err();
    assert!(matches!(no_digit, Error::NotADigit { index: 1, label: 10 }), "{no_digit:?}");
    fs::write(path("t10k-labels-idx1-ubyte"), idx(&[1], &[0])).unwrap();
    let fewer = images::mnist(directory.path(), 2).unwrap_err();
    assert!(matches!(fewer, Error::LabelsMismatch { images: 2, labels: 1 }), "{fewer:?}");
}
