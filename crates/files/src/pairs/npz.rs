//! Pairs as a sparse matrix: the archive that `scipy.sparse.save_npz` writes for a `coo_array`.

use std::fs::File;
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::Path;

use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

use crate::npy;
use cofire::sweep::InformationPair;

use super::Encoder;

/// An encoder of a sparse matrix. The archive has one array after the other, but a pair brings one
/// element of each. So each array grows in a file of its own until all pairs are written.
pub(super) struct NpzEncoder {
    file: File,
    neurons: usize,
    rows: BufWriter<File>,
    columns: BufWriter<File>,
    values: BufWriter<File>,
    pairs: usize,
}

impl NpzEncoder {
    /// Makes an encoder that keeps its parts in `directory`, which must have room for all of them.
    pub(super) fn new(file: File, neurons: usize, directory: &Path) -> io::Result<Self> {
        let part = || {
            let file = tempfile::tempfile_in(directory)?;
            Ok::<_, io::Error>(BufWriter::with_capacity(1 << 18, file))
        };
        let (rows, columns, values) = (part()?, part()?, part()?);
        Ok(Self { file, neurons, rows, columns, values, pairs: 0 })
    }
}

impl Encoder for NpzEncoder {
    fn write(&mut self, pair: InformationPair) -> io::Result<()> {
        // Signed, as scipy's indices are.
        self.rows.write_all(&i64::from(pair.first).to_le_bytes())?;
        self.columns.write_all(&i64::from(pair.second).to_le_bytes())?;
        self.values.write_all(&pair.mutual_information.to_le_bytes())?;
        self.pairs += 1;
        Ok(())
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        let Self { file, neurons, rows, columns, values, pairs } = *self;
        let mut archive = ZipWriter::new(BufWriter::with_capacity(1 << 18, file));
        let mut array = |name: &str, descr: &str, shape: &[usize], data: &mut dyn io::Read| {
            // Mutual information hardly compresses, and stored members can be read in any order.
            let options = SimpleFileOptions::default()
                .compression_method(CompressionMethod::Stored)
                .large_file(true);
            archive.start_file(name, options)?;
            archive.write_all(&npy::header(descr, shape))?;
            io::copy(data, &mut archive).map(drop)
        };
        array("row.npy", "<i8", &[pairs], &mut rewound(rows)?)?;
        array("col.npy", "<i8", &[pairs], &mut rewound(columns)?)?;
        array("format.npy", "|S3", &[], &mut &b"coo"[..])?;
        let length = (neurons as u64).to_le_bytes();
        array("shape.npy", "<i8", &[2], &mut &*[length, length].concat())?;
        array("data.npy", "<f8", &[pairs], &mut rewound(values)?)?;
        // Marks a sparse array of scipy, whose * multiplies elements, rather than a sparse matrix.
        array("_is_array.npy", "|b1", &[], &mut &[1u8][..])?;
        archive.finish()?.into_inner().map_err(io::IntoInnerError::into_error)?;
        Ok(())
    }
}

fn rewound(part: BufWriter<File>) -> io::Result<File> {
    let mut file = part.into_inner().map_err(io::IntoInnerError::into_error)?;
    file.seek(SeekFrom::Start(0))?;
    Ok(file)
}
