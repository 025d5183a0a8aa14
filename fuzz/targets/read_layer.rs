//! Any bytes as a file of layers.

#![no_main]

use cofire_fuzz::{DEFLATE, file_of, most_values, read_all};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    read_all(&file_of(bytes), most_values(bytes.len()).max(DEFLATE * bytes.len()));
});
