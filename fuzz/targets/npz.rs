//! `.npz` files whose checksums are corrected, so that the code behind them is reached.

#![no_main]

use std::io::Read;

use cofire_fuzz::{DEFLATE, file_of, read_all};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = bytes.to_vec();
    repair(&mut bytes);
    read_all(&file_of(&bytes), DEFLATE * bytes.len());
});

const LOCAL: &[u8] = b"PK\x03\x04";
const CENTRAL: &[u8] = b"PK\x01\x02";

/// Writes the checksum of each member's bytes to the places where archives keep it.
fn repair(bytes: &mut [u8]) {
    for central in places(bytes, CENTRAL) {
        let offset = number(bytes, central + 42, 4);
        let Some(local) = offset.filter(|&at| bytes.get(at..at + 4) == Some(LOCAL)) else {
            continue;
        };
        let Some(checksum) = checksum(bytes, central, local) else { continue };
        for field in [central + 16, local + 14] {
            if let Some(field) = bytes.get_mut(field..field + 4) {
                field.copy_from_slice(&checksum.to_le_bytes());
            }
        }
    }
}

fn places(bytes: &[u8], signature: &[u8]) -> Vec<usize> {
    let windows = bytes.windows(signature.len()).enumerate();
    windows.filter(|(_, window)| *window == signature).map(|(at, _)| at).collect()
}

/// Reads a little-endian number of `len` bytes, two or four.
fn number(bytes: &[u8], at: usize, len: usize) -> Option<usize> {
    let digits = bytes.get(at..at.checked_add(len)?)?.iter().rev();
    Some(digits.fold(0, |number, &byte| number << 8 | usize::from(byte)))
}

fn checksum(bytes: &[u8], central: usize, local: usize) -> Option<u32> {
    /// The largest number of bytes that is unpacked for a checksum.
    const MOST: u64 = 1 << 22;
    let begin = local + 30 + number(bytes, local + 26, 2)? + number(bytes, local + 28, 2)?;
    let packed = bytes.get(begin..begin.checked_add(number(bytes, central + 20, 4)?)?)?;
    if number(bytes, central + 10, 2)? == 0 {
        return Some(crc32fast::hash(packed));
    }
    let mut unpacked = Vec::new();
    flate2::read::DeflateDecoder::new(packed).take(MOST).read_to_end(&mut unpacked).ok()?;
    Some(crc32fast::hash(&unpacked))
}
