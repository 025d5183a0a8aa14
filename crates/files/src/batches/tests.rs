//! Tests that batches have the same bits as one piece, and tests of wrong shards.

use std::fs;
use std::path::Path;

use ::safetensors::Dtype;
use ::zip::CompressionMethod::{Deflated, Stored};
use half::{bf16, f16};
use ndarray::{Array, Array2, IxDyn};
use proptest::prelude::*;

use super::*;
use crate::tests::{Files, joined, npy, npz, small_npy, tensors};
use crate::{LayerInfo, layers, read_layer};

fn file_error(error: Error) -> FileError {
    match error {
        Error::Batches(error) => *error.downcast().unwrap(),
        other => panic!("{other}"),
    }
}

/// Element types by their names in numpy and in safetensors, which may lack one.
const TYPES: [(&str, Option<Dtype>); 16] = [
    ("|b1", Some(Dtype::BOOL)),
    ("|i1", Some(Dtype::I8)),
    ("|u1", Some(Dtype::U8)),
    ("<i2", Some(Dtype::I16)),
    (">i2", None),
    ("<u2", Some(Dtype::U16)),
    ("<f2", Some(Dtype::F16)),
    (">f2", None),
    ("bf16", Some(Dtype::BF16)),
    ("<i4", Some(Dtype::I32)),
    (">u4", None),
    ("<f4", Some(Dtype::F32)),
    (">f4", None),
    ("<i8", Some(Dtype::I64)),
    ("<u8", Some(Dtype::U64)),
    ("<f8", Some(Dtype::F64)),
];

fn encoded(name: &str, x: f64) -> Vec<u8> {
    #![expect(clippy::cast_sign_loss, reason = "wrapping is as good a number as any")]
    let mut bytes = match &name[1..] {
        _ if name == "bf16" => bf16::from_f64(x).to_le_bytes().to_vec(),
        "b1" => vec![u8::from(x > 0.0)],
        "i1" => (x as i8).to_le_bytes().to_vec(),
        "u1" => (x as u8).to_le_bytes().to_vec(),
        "i2" => (x as i16).to_le_bytes().to_vec(),
        "u2" => (x as u16).to_le_bytes().to_vec(),
        "f2" => f16::from_f64(x).to_le_bytes().to_vec(),
        "i4" => (x as i32).to_le_bytes().to_vec(),
        "u4" => (x as u32).to_le_bytes().to_vec(),
        "f4" => (x as f32).to_le_bytes().to_vec(),
        "i8" => (x as i64).to_le_bytes().to_vec(),
        "u8" => (x as u64).to_le_bytes().to_vec(),
        "f8" => x.to_le_bytes().to_vec(),
        other => panic!("{other}"),
    };
    if name.starts_with('>') {
        bytes.reverse();
    }
    bytes
}

#[derive(Debug, Clone, Copy)]
enum Container {
    Npy,
    Stored,
    Deflated,
    Safetensors,
}

/// Makes a file of an array of any shape, type and order. Returns its path.
fn file(
    files: &Files,
    container: Container,
    (name, dtype): (&str, Option<Dtype>),
    is_fortran_order: bool,
    shape: &[usize],
    values: &[f64],
) -> PathBuf {
    let array = Array::from_shape_vec(IxDyn(shape), values.to_vec()).unwrap();
    let row_major: Vec<u8> = array.iter().flat_map(|&x| encoded(name, x)).collect();
    let in_npy = || {
        let transposed = array.t();
        let data = if is_fortran_order {
            transposed.iter().flat_map(|&x| encoded(name, x)).collect()
        } else {
            row_major.clone()
        };
        let shape =
            format!("({},)", shape.iter().map(ToString::to_string).collect::<Vec<_>>().join(","));
        let order = if is_fortran_order { "True" } else { "False" };
        npy(&format!("'{name}'"), order, &shape, &data)
    };
    match (container, dtype) {
        (Container::Safetensors, Some(dtype)) => {
            files.put("x", &tensors(&[("x", dtype, shape, &row_major)]))
        }
        // Numpy has no bfloat16.
        _ if name == "bf16" => files.put("x", &tensors(&[("x", Dtype::BF16, shape, &row_major)])),
        (Container::Stored, _) => files.put("x", &npz(&[("x.npy", in_npy())], Stored)),
        (Container::Deflated, _) => files.put("x", &npz(&[("x.npy", in_npy())], Deflated)),
        (Container::Npy | Container::Safetensors, _) => files.put("x", &in_npy()),
    }
}

fn containers() -> impl Strategy<Value = Container> {
    prop::sample::select(vec![
        Container::Npy,
        Container::Stored,
        Container::Deflated,
        Container::Safetensors,
    ])
}

proptest! {
    #[test]
    fn batches_are_the_layer_in_pieces(
        container in containers(),
        element in prop::sample::select(TYPES.to_vec()),
        is_fortran_order in any::<bool>(),
        shape in prop::collection::vec(1..7usize, 2..5),
        most_samples in prop_oneof![1..9usize, Just(usize::MAX)],
        seed in any::<u32>(),
    ) {
        let elements: usize = shape.iter().product();
        let mut random = seed;
        let values: Vec<f64> = (0..elements).map(|_| {
            random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(random >> 8) / 65_536.1 - 50.0
        }).collect();
        let files = Files::new();
        let path = file(&files, container, element, is_fortran_order, &shape, &values);
        let whole = read_layer(&path, None).unwrap();
        let mut batches = open_batches(&[&path], Some("x")).unwrap();
        prop_assert_eq!(batches.samples(), whole.activations.dim().0);
        prop_assert_eq!(joined(&mut batches, most_samples).unwrap().bits(), whole.activations.bits());
        prop_assert_eq!(batches.precision(), whole.activations.view().precision());
        prop_assert_eq!(batches.element_type(), whole.element_type);
        // The layer has the stored values, by the simplest conversion there is.
        let stored = |of: fn(f64) -> f64| -> Vec<u64> {
            values.iter().map(|&x| of(x).to_bits()).collect()
        };
        if element.0.ends_with("f4") {
            prop_assert_eq!(whole.activations.bits(), stored(|x| f64::from(x as f32)));
        }
        if element.0.ends_with("f8") {
            prop_assert_eq!(whole.activations.bits(), stored(|x| x));
        }
        // Visits hand out the same samples every time.
        prop_assert_eq!(joined(&mut batches, 2).unwrap(), whole.activations);
    }
}

/// Reads arrays that are longer than the blocks in which files are read.
#[test]
fn many_blocks_of_rows_and_columns() {
    let files = Files::new();
    let activations = Array2::from_shape_fn((70_001, 3), |(s, n)| (s * 3 + n) as f32);
    let rows: Vec<u8> = activations.iter().flat_map(|x| x.to_le_bytes()).collect();
    let columns: Vec<u8> = activations.t().iter().flat_map(|x| x.to_le_bytes()).collect();
    for (order, data) in [("False", rows), ("True", columns)] {
        let array = npy("'<f4'", order, "(70001, 3)", &data);
        for path in
            [files.put("x.npy", &array), files.put("x.npz", &npz(&[("x.npy", array)], Deflated))]
        {
            let mut batches = open_batches(&[path], None).unwrap();
            for most_samples in [9_999, 69_999, usize::MAX] {
                let joined = joined(&mut batches, most_samples).unwrap();
                assert!(joined == activations, "{order} {most_samples}");
            }
            batches
                .visit(10_000, &mut |batch| {
                    // A single row is in both orders.
                    let ActivationsView::F32(batch) = batch else { panic!("f64") };
                    let is_columns = batch.nrows() > 1 && batch.t().is_standard_layout();
                    assert_eq!(is_columns, order == "True" && batch.nrows() > 1, "order");
                    Ok(())
                })
                .unwrap();
        }
    }
}

#[test]
fn shards_follow_one_another() {
    let files = Files::new();
    let empty = npy("'<f2'", "False", "(0, 2)", &[]);
    let paths = [
        files.put("a.npy", &small_npy()),
        files.put("b.npz", &npz(&[("inner.npy", small_npy())], Deflated)),
        files.put("c.npy", &empty),
        files.put("d", &tensors(&[("x", Dtype::U8, &[1, 2], &[8, 9])])),
    ];
    let mut batches = open_batches(&paths, None).unwrap();
    assert_eq!((batches.samples(), batches.neurons()), (7, 2));
    assert_eq!(batches.name(), "a");
    assert!(batches.paths().eq(&paths), "paths");
    let mut lengths = Vec::new();
    let visited = batches.visit(2, &mut |batch| {
        lengths.push(batch.samples());
        Ok(())
    });
    visited.unwrap();
    assert_eq!(lengths, [2, 1, 2, 1, 1]);
    let expected = [0u8, 1, 2, 3, 4, 5, 0, 1, 2, 3, 4, 5, 8, 9].map(f64::from);
    assert_eq!(joined(&mut batches, 3).unwrap().to_f64().into_raw_vec_and_offset().0, expected);
}

#[test]
fn the_visitors_error_ends_the_visit() {
    let files = Files::new();
    let path = files.put("a.npy", &small_npy());
    let mut batches = open_batches(&[&path, &path], None).unwrap();
    let mut calls = 0;
    let outcome = batches.visit(2, &mut |_| {
        calls += 1;
        if calls == 2 { Err(Error::Cancelled { by: cofire::CancelledBy::Caller }) } else { Ok(()) }
    });
    assert!(matches!(outcome, Err(Error::Cancelled { .. })), "{outcome:?}");
    assert_eq!(calls, 2);
}

#[test]
fn shards_that_do_not_belong_together() {
    let files = Files::new();
    let small = files.put("a.npy", &small_npy());
    let wide = files.put("b.npy", &npy("'|u1'", "False", "(1, 3)", &[1, 2, 3]));
    let error = open_batches(&[&small, &wide], None).unwrap_err().to_string();
    let (a, b) = (small.display(), wide.display());
    assert!(error.starts_with(&format!("{b} has 3 neurons, but {a} has 2")), "{error}");
    let none: [&Path; 0] = [];
    assert!(matches!(open_batches(&none, None), Err(FileError::NoFiles { .. })), "no files");
    let nothing = files.put("c.npy", &npy("'|u1'", "False", "(1099511627776, 0)", &[]));
    let error = open_batches(&[nothing], None).unwrap_err();
    assert!(matches!(error, FileError::UnusableShape { .. }), "{error}");
}

#[test]
fn an_integer_beyond_f64_is_named_by_its_sample_of_all_files() {
    let files = Files::new();
    let mut values = [1i64; 10];
    values[7] = -(1 << 53) - 1;
    let rows: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
    values.swap(7, 8); // sample 3 of 5, neuron 1
    let columns: Vec<u8> = values.iter().flat_map(|x| x.to_le_bytes()).collect();
    for (order, data) in [("False", rows), ("True", columns)] {
        let small = files.put("a.npy", &small_npy());
        let path = files.put("b.npy", &npy("'<i8'", order, "(5, 2)", &data));
        let mut batches = open_batches(&[&small, &path], None).unwrap();
        for most_samples in [1, 2, 100] {
            let error = file_error(joined(&mut batches, most_samples).unwrap_err());
            assert!(
                matches!(error, FileError::IntegerTooLarge { sample: 6, neuron: 1, .. }),
                "{order} {most_samples}: {error}"
            );
        }
    }
}

#[test]
fn files_that_change_are_noticed() {
    let files = Files::new();
    let path = files.put("a.npy", &small_npy());
    let mut batches = open_batches(&[&path], None).unwrap();
    let mut changed = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        file_error(batches.visit(2, &mut |_| Ok(())).unwrap_err()).to_string()
    };
    let longer = changed(&[small_npy(), vec![0]].concat());
    assert!(longer.contains("and has"), "{longer}");
    let shorter = changed(&small_npy()[..20]);
    assert!(shorter.contains("and has 20"), "{shorter}");
    let mut other = small_npy();
    let at = other.windows(6).position(|w| w == b"(3, 2)").unwrap();
    other[at..at + 6].copy_from_slice(b"(2, 3)");
    assert!(changed(&other).contains("another array"), "{}", changed(&other));
    fs::write(&path, small_npy()).unwrap();
    assert_eq!(joined(&mut batches, 2).unwrap().dim().0, 3, "the file is back");
    fs::remove_file(&path).unwrap();
    let gone = file_error(joined(&mut batches, 2).unwrap_err());
    assert!(matches!(gone, FileError::Open { .. }), "{gone}");
}

#[test]
fn what_is_listed_as_readable_is_read_in_batches() {
    let files = Files::new();
    let path = files.put("x", &npz(&[("a.npy", small_npy()), ("b.npy", small_npy())], Stored));
    for LayerInfo { name, .. } in layers(&path).unwrap() {
        let mut batches = open_batches(&[&path], Some(&name)).unwrap();
        assert_eq!(joined(&mut batches, 1).unwrap().dim(), (3, 2));
    }
    let error = open_batches(&[&path], None).unwrap_err();
    assert!(matches!(error, FileError::SeveralLayers { .. }), "{error}");
}
