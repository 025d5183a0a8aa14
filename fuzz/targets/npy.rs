//! `.npy` files whose header length is corrected, so that the parser is reached. Values must equal
//! those that the crate npyz reads.

#![no_main]

use cofire_files::ElementType;
use cofire_fuzz::{DEFLATE, bits, file_of, read_all};
use libfuzzer_sys::fuzz_target;
use ndarray::{Array2, ShapeBuilder};
use npyz::{NpyFile, Order};

fuzz_target!(|bytes: &[u8]| {
    let mut bytes = bytes.to_vec();
    repair(&mut bytes);
    for layer in read_all(&file_of(&bytes), DEFLATE * bytes.len()) {
        let Ok(reference) = NpyFile::new(bytes.as_slice()) else { continue };
        let [rows, columns] = *reference.shape() else { continue };
        let (Ok(rows), Ok(columns)) = (usize::try_from(rows), usize::try_from(columns)) else {
            panic!("a shape beyond memory was read");
        };
        let is_by_columns = reference.order() == Order::Fortran;
        let Some(values) = values(reference, &layer.element_type) else { continue };
        let shape = (rows, columns).set_f(is_by_columns);
        let Ok(expected) = Array2::from_shape_vec(shape, values) else {
            panic!("{rows} x {columns} of other values than that many");
        };
        let expected: Vec<u64> = expected.iter().map(|x| x.to_bits()).collect();
        assert_eq!(bits(&layer), expected, "values of the file");
    }
});

/// Sets the length of the header to that up to the first newline, if the file is long enough.
fn repair(bytes: &mut [u8]) {
    let long = bytes.get(6).is_some_and(|version| *version != 1);
    let begin = if long { 12 } else { 10 };
    if bytes.len() < begin {
        return;
    }
    bytes[..6].copy_from_slice(b"\x93NUMPY");
    if let Some(end) = bytes[begin..].iter().position(|&byte| byte == b'\n') {
        let length = u32::try_from(end + 1).unwrap_or(u32::MAX).to_le_bytes();
        bytes[8..begin].copy_from_slice(&length[..begin - 8]);
    }
}

/// Returns the values as `f32`, or `None` for element types that other tests cover.
#[allow(clippy::cast_possible_truncation, reason = "as cofire rounds them")]
fn values(file: NpyFile<&[u8]>, element: &ElementType) -> Option<Vec<f64>> {
    match element {
        ElementType::F32 => Some(file.into_vec::<f32>().ok()?.iter().map(|&x| x.into()).collect()),
        ElementType::F64 => file.into_vec::<f64>().ok(),
        ElementType::U8 => Some(file.into_vec::<u8>().ok()?.iter().map(|&x| x.into()).collect()),
        ElementType::I16 => Some(file.into_vec::<i16>().ok()?.iter().map(|&x| x.into()).collect()),
        ElementType::I64 => Some(file.into_vec::<i64>().ok()?.iter().map(|&x| x as f64).collect()),
        _ => None,
    }
}
