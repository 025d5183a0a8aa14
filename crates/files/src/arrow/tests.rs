//! Tables as others write them, tables of every shape, and tables that are wrong.

use std::io::Cursor;
use std::sync::Arc;

use ::parquet::arrow::ArrowWriter;
use arrow_array::types::{Float32Type, Float64Type, Int64Type};
use arrow_array::{
    Array, ArrayRef, BooleanArray, FixedSizeListArray, Float32Array, LargeListArray, ListArray,
    PrimitiveArray, RecordBatch, StringArray,
};
use arrow_buffer::OffsetBuffer;
use arrow_ipc::writer::{FileWriter, StreamWriter};
use arrow_schema::{DataType, Field, Schema};
use ndarray::{Array2, s};
use proptest::prelude::*;

use crate::tests::{Files, activations, joined, reference, survives};
use crate::{ElementType, FileError, layers, open_batches, read_layer};

#[test]
fn datasets_of_hugging_face() {
    for file in ["dataset.arrow", "dataset.parquet"] {
        let path = reference(file);
        let listed: Vec<_> = layers(&path)
            .unwrap()
            .into_iter()
            .map(|layer| (layer.name.clone(), layer.shape.clone(), layer.is_readable()))
            .collect();
        let expected = [
            ("text", vec![6], false),
            ("label", vec![6], false),
            ("input_ids", vec![6], false),
            ("hidden", vec![6, 5], true),
            ("half", vec![6, 5], true),
            ("double", vec![6, 5], true),
            ("states", vec![18, 5], true),
            ("tokens", vec![12, 5], true),
        ];
        let expected = expected.map(|(name, shape, readable)| (name.to_owned(), shape, readable));
        assert_eq!(listed, expected, "{file}");
        for (name, samples, element_type) in [
            ("hidden", 6, ElementType::F32),
            ("half", 6, ElementType::F16),
            ("double", 6, ElementType::F64),
            ("states", 18, ElementType::F32),
            ("tokens", 12, ElementType::F32),
        ] {
            let layer = read_layer(&path, Some(name)).unwrap();
            assert_eq!(layer.activations, activations(samples, 5), "{file} {name}");
            assert_eq!(layer.element_type, element_type, "{file} {name}");
            let mut batches = open_batches(&[&path, &path], Some(name)).unwrap();
            for most_samples in [1, 4, 5, 100] {
                let all = joined(&mut batches, most_samples).unwrap();
                let all = all.to_f64().mapv(|x| x as f32);
                assert_eq!(all.nrows(), 2 * samples);
                assert_eq!(all.slice(s![samples.., ..]), activations(samples, 5), "{file} {name}");
                assert_eq!(all.slice(s![..samples, ..]), activations(samples, 5), "{file} {name}");
            }
        }
        let message = |name| read_layer(&path, name).unwrap_err().to_string();
        assert!(message(Some("text")).contains("type Utf8 are not activations"), "{file}");
        assert!(message(Some("label")).contains("of shape [6] is not samples"), "{file}");
        let ragged = message(Some("input_ids"));
        assert!(ragged.contains("row 1 has 3 numbers where others have 2"), "{ragged}");
        let several = message(None);
        assert!(several.contains("input_ids, hidden, half, double, states, tokens"), "{several}");
    }
}

#[test]
fn tables_of_pandas_in_every_packing() {
    for (ending, packings) in [
        ("parquet", &["none", "snappy", "gzip", "zstd", "lz4"][..]),
        ("feather", &["uncompressed", "zstd", "lz4"]),
    ] {
        for packing in packings {
            let stem = format!("table_{packing}");
            let path = reference(&format!("{stem}.{ending}"));
            let layer = read_layer(&path, None).unwrap();
            assert_eq!(layer.name, stem);
            assert_eq!(layer.activations, activations(40, 4));
            let listed = &layers(&path).unwrap()[0];
            assert_eq!((&listed.name, &*listed.shape), (&stem, &[40, 4][..]), "{ending}");
            let mut batches = open_batches(&[path], None).unwrap();
            assert_eq!(joined(&mut batches, 7).unwrap(), activations(40, 4), "{ending} {packing}");
        }
    }
}

/// File formats of a table, with record batches or row groups.
#[derive(Debug, Clone, Copy)]
enum Container {
    Stream,
    File,
    Parquet,
}

const CONTAINERS: [Container; 3] = [Container::Stream, Container::File, Container::Parquet];

fn table(container: Container, columns: Vec<(&str, ArrayRef)>, rows: usize) -> Vec<u8> {
    let fields: Vec<Field> = columns
        .iter()
        .map(|(name, array)| Field::new(*name, array.data_type().clone(), true))
        .collect();
    let schema = Arc::new(Schema::new(fields));
    let arrays = columns.into_iter().map(|(_, array)| array).collect();
    let all = RecordBatch::try_new(Arc::clone(&schema), arrays).unwrap();
    let batches = (0..all.num_rows().max(1)).step_by(rows).map(|begin| {
        all.slice(begin.min(all.num_rows()), rows.min(all.num_rows() - begin.min(all.num_rows())))
    });
    let mut bytes = Vec::new();
    match container {
        Container::Stream => {
            let mut writer = StreamWriter::try_new(&mut bytes, &schema).unwrap();
            batches.for_each(|batch| writer.write(&batch).unwrap());
            writer.finish().unwrap();
        }
        Container::File => {
            let mut writer = FileWriter::try_new(&mut bytes, &schema).unwrap();
            batches.for_each(|batch| writer.write(&batch).unwrap());
            writer.finish().unwrap();
        }
        Container::Parquet => {
            let mut writer = ArrowWriter::try_new(Cursor::new(&mut bytes), schema, None).unwrap();
            batches.for_each(|batch| {
                writer.write(&batch).unwrap();
                writer.flush().unwrap();
            });
            writer.close().unwrap();
        }
    }
    bytes
}

fn item(data_type: &DataType) -> Arc<Field> {
    Arc::new(Field::new("item", data_type.clone(), true))
}

/// Makes lists of these lengths, of one of three types.
fn lists(kind: usize, lengths: &[usize], values: ArrayRef) -> ArrayRef {
    let item = item(values.data_type());
    match kind {
        0 => Arc::new(ListArray::new(
            item,
            OffsetBuffer::from_lengths(lengths.iter().copied()),
            values,
            None,
        )),
        1 => Arc::new(LargeListArray::new(
            item,
            OffsetBuffer::from_lengths(lengths.iter().copied()),
            values,
            None,
        )),
        _ => {
            let length = i32::try_from(lengths.first().copied().unwrap_or(1)).unwrap();
            Arc::new(FixedSizeListArray::new(item, length, values, None))
        }
    }
}

fn numbers(kind: usize, len: usize) -> ArrayRef {
    let values = (0..len).map(|i| (i * 37 % 101) as f64 / 3.0 - 5.0);
    match kind {
        0 => Arc::new(values.map(|x| x as f32).collect::<Float32Array>()),
        1 => Arc::new(values.map(Some).collect::<PrimitiveArray<Float64Type>>()),
        2 => Arc::new(values.map(|x| Some(x as i64)).collect::<PrimitiveArray<Int64Type>>()),
        _ => Arc::new(values.map(|x| Some(x > 0.0)).collect::<BooleanArray>()),
    }
}

fn expected(kind: usize, len: usize) -> Vec<f64> {
    let values = (0..len).map(|i| (i * 37 % 101) as f64 / 3.0 - 5.0);
    let converted = values.map(|x| match kind {
        0 => f64::from(x as f32),
        1 => x,
        2 => x.trunc(),
        _ => f64::from(u8::from(x > 0.0)),
    });
    converted.collect()
}

proptest! {
    #[test]
    fn lists_of_every_sort_are_the_layer_in_pieces(
        container in prop::sample::select(CONTAINERS.to_vec()),
        lengths in prop::collection::vec(0..5usize, 1..8),
        (outer, inner, number) in (0..4usize, 0..3usize, 0..4usize),
        neurons in 1..6usize,
        rows in 1..5usize,
        most_samples in 1..9usize,
    ) {
        // 3 stands for no outer level. An outer level of fixed length needs lists of one length.
        let lengths = match outer {
            2 => vec![2; lengths.len()],
            3 => vec![1; lengths.len()],
            _ => lengths,
        };
        let samples: usize = lengths.iter().sum();
        let values = numbers(number, samples * neurons);
        let inner: ArrayRef = if inner == 2 {
            // Without lists, only the type says how long they would be.
            let length = i32::try_from(neurons).unwrap();
            Arc::new(FixedSizeListArray::new(item(values.data_type()), length, values, None))
        } else {
            lists(inner, &vec![neurons; samples], values)
        };
        let array = if outer == 3 { inner } else { lists(outer, &lengths, inner) };
        let count = array.len();
        let text: ArrayRef = Arc::new(StringArray::from(vec!["x"; count]));
        let files = Files::new();
        let path = files.put("t", &table(container, vec![("text", text), ("x", array)], rows));
        match (read_layer(&path, None), open_batches(&[&path], None)) {
            (Ok(layer), Ok(mut batches)) => {
                prop_assert_eq!(layer.activations.dim(), (samples, neurons));
                let stored = expected(number, samples * neurons);
                prop_assert_eq!(layer.activations.to_f64().into_raw_vec_and_offset().0, stored);
                prop_assert_eq!(joined(&mut batches, most_samples).unwrap(), layer.activations);
                let listed = layers(&path).unwrap();
                prop_assert_eq!(&listed[1].shape, &vec![samples, neurons]);
            }
            // Without samples, nothing tells how many neurons there are.
            (Err(_), Err(error)) => prop_assert!(samples == 0, "{error}"),
            (layer, batches) => prop_assert!(false, "{layer:?} {batches:?}"),
        }
    }

    #[test]
    fn columns_are_neurons(
        container in prop::sample::select(CONTAINERS.to_vec()),
        (samples, neurons) in (1..20usize, 1..6usize),
        rows in 1..7usize,
        most_samples in 1..9usize,
    ) {
        let all = activations(samples, neurons);
        let names: Vec<String> = (0..neurons).map(|neuron| format!("n{neuron}")).collect();
        let columns = names.iter().zip(all.columns()).map(|(name, column)| {
            let array: ArrayRef = Arc::new(column.iter().copied().collect::<Float32Array>());
            (name.as_str(), array)
        });
        let files = Files::new();
        let path = files.put("t.bin", &table(container, columns.collect(), rows));
        prop_assert_eq!(read_layer(&path, None).unwrap().activations, all.clone());
        let mut batches = open_batches(&[&path], Some("t")).unwrap();
        prop_assert_eq!(joined(&mut batches, most_samples).unwrap(), all);
    }

    #[test]
    fn mutated_tables_never_panic(
        container in prop::sample::select(CONTAINERS.to_vec()),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
        cut in prop::option::weighted(0.2, any::<prop::sample::Index>()),
        wide in prop::option::weighted(0.3, any::<prop::sample::Index>()),
    ) {
        let columns = vec![
            ("a", lists(0, &[2; 6], numbers(0, 12))),
            ("b", lists(0, &[1, 0, 2, 0, 0, 3], lists(2, &[2; 6], numbers(1, 12)))),
            ("c", numbers(3, 6)),
        ];
        let mut bytes = table(container, columns, 4);
        for (index, byte) in changes {
            let index = index.index(bytes.len());
            bytes[index] = byte;
        }
        if let Some(index) = wide {
            let begin = index.index(bytes.len() - 4);
            bytes[begin..begin + 4].fill(0xff);
        }
        if let Some(index) = cut {
            bytes.truncate(index.index(bytes.len()));
        }
        survives(&bytes);
    }
}

#[test]
fn what_is_wrong_with_a_row_is_told() {
    let with_null = |at: usize| {
        let values = (0..10).map(|i| (i != at).then_some(i as f32));
        Arc::new(values.collect::<PrimitiveArray<Float32Type>>()) as ArrayRef
    };
    let null_list = ListArray::from_iter_primitive::<Float32Type, _, _>([
        Some(vec![Some(1.0), Some(2.0)]),
        Some(vec![Some(1.0), Some(2.0)]),
        None,
    ]);
    let mut integers = vec![1i64; 10];
    integers[7] = i64::MIN;
    let integers: ArrayRef = Arc::new(PrimitiveArray::<Int64Type>::from(integers));
    let tokens = lists(0, &[2, 0, 3], lists(0, &[2, 2, 2, 2, 1], numbers(0, 9)));
    for container in CONTAINERS {
        let error = |array: ArrayRef| {
            let files = Files::new();
            let path = files.put("t", &table(container, vec![("x", array)], 2));
            let whole = read_layer(&path, None).unwrap_err();
            let batches = open_batches(&[&path], None);
            let visited = batches.map_err(cofire::Error::from).and_then(|mut b| joined(&mut b, 1));
            assert_eq!(whole.to_string(), visited.unwrap_err().to_string(), "{container:?}");
            whole
        };
        let found = error(lists(0, &[2, 2, 2, 3, 1], numbers(0, 10)));
        let is = matches!(found, FileError::Ragged { row: 3, expected: 2, found: 3, .. });
        assert!(is, "{container:?} {found}");
        let found = error(tokens.clone());
        let is = matches!(found, FileError::Ragged { row: 2, expected: 2, found: 1, .. });
        assert!(is, "{container:?} {found}");
        let found = error(lists(0, &[2; 5], with_null(7)));
        assert!(matches!(found, FileError::Null { row: 3, .. }), "{container:?} {found}");
        let found = error(lists(2, &[2; 5], with_null(7)));
        assert!(matches!(found, FileError::Null { row: 3, .. }), "{container:?} {found}");
        let found = error(with_null(7));
        assert!(matches!(found, FileError::Null { row: 7, .. }), "{container:?} {found}");
        let found = error(Arc::new(null_list.clone()));
        assert!(matches!(found, FileError::Null { row: 2, .. }), "{container:?} {found}");
        for array in [lists(1, &[2; 5], integers.clone()), integers.clone()] {
            let neurons = if array.len() == 5 { 2 } else { 1 };
            let FileError::IntegerTooLarge { sample, neuron, .. } = error(array) else {
                panic!("{container:?}");
            };
            assert_eq!(sample * neurons + neuron, 7, "{container:?}");
        }
    }
}

#[test]
fn labels_are_not_taken_for_a_neuron() {
    let files = Files::new();
    for container in CONTAINERS {
        let columns = vec![("a", numbers(0, 6)), ("label", numbers(2, 6))];
        let path = files.put("t", &table(container, columns, 6));
        let error = read_layer(&path, None).unwrap_err().to_string();
        assert!(error.contains("f32 (column a) and i64 (column label)"), "{error}");
        assert!(!layers(&path).unwrap()[0].is_readable(), "{container:?}");
    }
}

/// Reads more rows than are decompressed at a time, and than the memory that is taken at first has room
/// for.
#[test]
fn many_rows() {
    let files = Files::new();
    let all = Array2::from_shape_fn((60_001, 3), |(s, n)| (s * 3 + n) as f32);
    let values: ArrayRef = Arc::new(all.iter().copied().collect::<Float32Array>());
    for container in CONTAINERS {
        let array = lists(0, &vec![3; 60_001], Arc::clone(&values));
        let path = files.put("t", &table(container, vec![("x", array)], 25_000));
        let mut batches = open_batches(&[&path], None).unwrap();
        for most_samples in [1_000, 59_999, usize::MAX] {
            assert!(joined(&mut batches, most_samples).unwrap() == all, "{container:?}");
        }
    }
}

#[test]
fn bombs_do_not_go_off() {
    let files = Files::new();
    let packed = std::fs::read(reference("table_lz4.feather")).unwrap();
    // The length of the first column's first batch, 16 numbers, in front of the compressed numbers.
    let at = packed.windows(8).position(|w| w == 64u64.to_le_bytes()).unwrap();
    let mut refused = 0;
    for claim in [u64::MAX / 2, 1 << 60, 1 << 40, 63, 65] {
        let mut bytes = packed.clone();
        for place in (0..bytes.len() - 8).filter(|&i| packed[i..i + 8] == packed[at..at + 8]) {
            bytes[place..place + 8].copy_from_slice(&claim.to_le_bytes());
        }
        let error = read_layer(files.put("x", &bytes), None).unwrap_err();
        refused += usize::from(matches!(error, FileError::Expansion { .. }));
        assert!(!error.to_string().contains('\n'), "{claim}: {error}");
    }
    assert!(refused > 0, "none was taken for a claim to unpack");
}

/// Checks false claims about messages in the headers of a stream.
#[test]
fn false_claims_are_refused() {
    let files = Files::new();
    let columns = vec![("x", lists(0, &[2; 6], numbers(0, 12)))];
    let stream = table(Container::Stream, columns, 4);
    let error = |bytes: &[u8]| read_layer(files.put("x", bytes), None).unwrap_err().to_string();
    let mut long = stream.clone();
    long[4..8].copy_from_slice(&u32::MAX.to_le_bytes());
    assert!(error(&long).contains("claims 4294967295 bytes"), "{}", error(&long));
    for cut in [6, 100, stream.len() / 2, stream.len() - 20] {
        let cut = error(&stream[..cut]);
        assert!(cut.contains("ends too early") || cut.contains("claims"), "{cut}");
    }
    let parquet = std::fs::read(reference("table_none.parquet")).unwrap();
    for cut in [4, 11, parquet.len() / 2, parquet.len() - 1] {
        assert!(!error(&parquet[..cut]).contains('\n'), "{}", error(&parquet[..cut]));
    }
}
