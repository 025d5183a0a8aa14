//! Parquet files whose beginning and end are corrected.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = bytes.to_vec();
    repair(&mut bytes);
    cofire_fuzz::read_in_batches(&cofire_fuzz::file_of(&bytes), bytes.len());
});

const MAGIC: &[u8; 4] = b"PAR1";

/// Sets the magic bytes at the beginning and the end of the file. Sets the length of the footer so
/// that it begins where something looks like one: a version, then a list.
fn repair(bytes: &mut [u8]) {
    if let Some(start) = bytes.first_chunk_mut() {
        *start = *MAGIC;
    }
    let is_footer = |bytes: &[u8]| matches!(bytes, [0x15, 2 | 4, 0x19]);
    let footer = bytes.windows(3).position(is_footer);
    if let Some((rest, end)) = bytes.split_last_chunk_mut()
        && let Some((rest, length)) = rest.split_last_chunk_mut()
    {
        *end = *MAGIC;
        let claimed = u32::from_le_bytes(*length) as usize;
        let found = footer.and_then(|begin| rest.len().checked_sub(begin));
        let found = found.unwrap_or(claimed % (rest.len() + 1));
        *length = u32::try_from(found).unwrap_or(0).to_le_bytes();
    }
}
