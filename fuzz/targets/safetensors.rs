//! `.safetensors` files whose header length is corrected to be within the file. Values must equal
//! those that the crate safetensors reads.

#![no_main]

use cofire_fuzz::{DEFLATE, bits, file_of, read_all};
use libfuzzer_sys::fuzz_target;
use safetensors::{Dtype, SafeTensors};

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = bytes.to_vec();
    repair(&mut bytes);
    for layer in read_all(&file_of(&bytes), DEFLATE * bytes.len()) {
        let tensors = match SafeTensors::deserialize(&bytes) {
            Ok(tensors) => tensors,
            Err(error) => panic!("read, but not a file of tensors: {error}"),
        };
        let Ok(tensor) = tensors.tensor(&layer.name) else {
            panic!("there is no tensor {}", layer.name);
        };
        if tensor.dtype() == Dtype::F32 {
            let words = tensor.data().as_chunks().0.iter();
            let values = words.map(|&word| f64::from(f32::from_le_bytes(word)));
            let expected: Vec<u64> = values.map(f64::to_bits).collect();
            assert_eq!(bits(&layer), expected, "values of the file");
        }
    }
});

/// Reduces the header length modulo the number of available bytes plus one.
fn repair(bytes: &mut [u8]) {
    let available = bytes.len().saturating_sub(8) as u64;
    if let Some(length) = bytes.first_chunk_mut() {
        let claimed = u64::from_le_bytes(*length);
        *length = (claimed % (available + 1)).to_le_bytes();
    }
}
