//! Any bytes as a file of layers.

#![no_main]

use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    cofire_fuzz::read_all(&cofire_fuzz::file_of(bytes), bytes.len());
});
