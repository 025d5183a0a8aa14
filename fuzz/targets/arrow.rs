//! Arrow files and streams.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = bytes.to_vec();
    repair(&mut bytes);
    cofire_fuzz::read_in_batches(&cofire_fuzz::file_of(&bytes), bytes.len());
});

/// Turns bytes that are not an Arrow file into a stream.
fn repair(bytes: &mut [u8]) {
    if !bytes.starts_with(b"ARROW1\0\0")
        && let Some(marker) = bytes.first_chunk_mut()
    {
        *marker = [0xFF; 4];
    }
}
