//! Pairs that were written, and are read back by other code.

use std::fs::{self, File};
use std::io::{Cursor, Read};

use proptest::prelude::*;

use super::*;
use crate::OutputDirectory;

fn pair(first: u32, second: u32, mutual_information: f64) -> InformationPair {
    InformationPair { first, second, mutual_information }
}

/// Returns the file that a writer in a folder makes of these pairs.
fn written(format: PairsFormat, neurons: usize, pairs: &[InformationPair]) -> Vec<u8> {
    let directory = tempfile::tempdir().unwrap();
    let mut output = OutputDirectory::create(directory.path().join("out")).unwrap();
    let mut folder = output.folder("layer").unwrap();
    let mut writer = folder.pairs_writer("pairs", format, neurons).unwrap();
    pairs.iter().for_each(|&pair| writer.write(pair).unwrap());
    assert_eq!(writer.pairs(), pairs.len() as u64);
    let path = writer.finish().unwrap();
    output.commit().unwrap();
    let left: Vec<_> = fs::read_dir(directory.path().join("out/layer")).unwrap().collect();
    assert_eq!(left.len(), 1, "parts are gone");
    fs::read(directory.path().join("out").join(path)).unwrap()
}

fn members(bytes: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut archive = ::zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
    let all = (0..archive.len()).map(|index| {
        let mut member = archive.by_index(index).unwrap();
        let mut bytes = Vec::new();
        member.read_to_end(&mut bytes).unwrap();
        (member.name().unwrap().into_owned(), bytes)
    });
    all.collect()
}

/// Compares with a file that `tests/reference/make_files.py` wrote with scipy, uncompressed.
#[test]
fn a_sparse_matrix_has_the_arrays_that_scipy_writes() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/reference/files/pairs.npz");
    let pairs = [pair(0, 3, 0.5), pair(1, 2, 1.0 / 3.0), pair(0, 6, 1e-300)];
    assert_eq!(members(&written(PairsFormat::Npz, 7, &pairs)), members(&fs::read(path).unwrap()));
}

fn from_csv(bytes: &[u8]) -> Vec<InformationPair> {
    let text = str::from_utf8(bytes).unwrap();
    let mut lines = text.strip_suffix('\n').unwrap().split('\n');
    assert_eq!(lines.next(), Some("first,second,mutual_information"));
    let pairs = lines.map(|line| {
        let fields: Vec<&str> = line.split(',').collect();
        assert_eq!(fields.len(), 3, "{line}");
        assert!(fields[2].len() <= 25, "{line}");
        pair(fields[0].parse().unwrap(), fields[1].parse().unwrap(), fields[2].parse().unwrap())
    });
    pairs.collect()
}

fn from_npz(bytes: &[u8], neurons: i64) -> Vec<InformationPair> {
    let members = members(bytes);
    let member = |wanted: &str| {
        let (_, bytes) = members.iter().find(|(name, _)| name == wanted).unwrap();
        npyz::NpyFile::new(bytes.as_slice()).unwrap()
    };
    assert_eq!(member("shape.npy").into_vec::<i64>().unwrap(), [neurons; 2]);
    let [rows, columns] =
        ["row.npy", "col.npy"].map(|name| member(name).into_vec::<i64>().unwrap());
    let values = member("data.npy").into_vec::<f64>().unwrap();
    assert_eq!((rows.len(), columns.len()), (values.len(), values.len()));
    let pairs = rows.iter().zip(&columns).zip(&values);
    pairs.map(|((&r, &c), &v)| pair(r.try_into().unwrap(), c.try_into().unwrap(), v)).collect()
}

#[cfg(feature = "tables")]
fn from_parquet(bytes: &[u8]) -> Vec<InformationPair> {
    use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
    use arrow_array::cast::AsArray;
    use arrow_array::types::{Float64Type, UInt32Type};

    let mut file = tempfile::tempfile().unwrap();
    io::Write::write_all(&mut file, bytes).unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file).unwrap().build().unwrap();
    let mut pairs = Vec::new();
    for batch in reader {
        let batch = batch.unwrap();
        let column = |name: &str| batch.column_by_name(name).unwrap();
        let first = column("first").as_primitive::<UInt32Type>().values();
        let second = column("second").as_primitive::<UInt32Type>().values();
        let information = column("mutual_information").as_primitive::<Float64Type>().values();
        pairs.extend((0..batch.num_rows()).map(|i| pair(first[i], second[i], information[i])));
    }
    pairs
}

fn read_back(
    format: PairsFormat,
    neurons: usize,
    pairs: &[InformationPair],
) -> Vec<InformationPair> {
    let bytes = written(format, neurons, pairs);
    match format {
        PairsFormat::Csv => from_csv(&bytes),
        PairsFormat::Npz => from_npz(&bytes, neurons as i64),
        #[cfg(feature = "tables")]
        PairsFormat::Parquet => from_parquet(&bytes),
    }
}

proptest! {
    #[test]
    fn every_format_keeps_pairs_their_order_and_their_bits(
        pairs in prop::collection::vec((0..9u32, 0..9u32, any::<f64>()), 0..30),
    ) {
        let pairs: Vec<_> = pairs.into_iter().map(|(a, b, x)| pair(a, b, x)).collect();
        for &format in PairsFormat::ALL {
            let found = read_back(format, 9, &pairs);
            let bits = |pair: &InformationPair| {
                (pair.first, pair.second, pair.mutual_information.to_bits())
            };
            let expected: Vec<_> = pairs.iter().map(bits).collect();
            prop_assert_eq!(found.iter().map(bits).collect::<Vec<_>>(), expected, "{:?}", format);
        }
    }
}

#[test]
fn more_pairs_than_a_block() {
    let pairs: Vec<_> =
        (0..200_003u32).map(|i| pair(i / 500, i % 500 + 1, f64::from(i) / 7.0)).collect();
    for &format in PairsFormat::ALL {
        assert!(read_back(format, 501, &pairs) == pairs, "{format:?}");
    }
}

#[test]
fn pairs_of_neurons_that_do_not_exist() {
    let directory = tempfile::tempdir().unwrap();
    let mut output = OutputDirectory::create(directory.path().join("out")).unwrap();
    for &format in PairsFormat::ALL {
        let mut writer = output.pairs_writer("pairs", format, 5).unwrap();
        let error = writer.write(pair(0, 5, 1.0)).unwrap_err().to_string();
        assert!(error.ends_with("row 0, column 5 is outside of a matrix of 5 x 5"), "{error}");
        writer.finish().unwrap();
    }
}

#[test]
fn what_is_not_finished_is_not_committed() {
    let directory = tempfile::tempdir().unwrap();
    let target = directory.path().join("out");
    let mut output = OutputDirectory::create(&target).unwrap();
    drop(output.pairs_writer("pairs", PairsFormat::Csv, 5).unwrap());
    let error = output.commit().unwrap_err().to_string();
    assert!(error.contains("pairs.csv was not finished"), "{error}");
    assert!(!target.exists(), "nothing was written");
    assert!(File::open(directory.path()).is_ok(), "its parent is there");
}
