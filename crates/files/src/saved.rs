//! Arrays that were written here, read back to the bit.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use ndarray::Array2;

use super::element::ByteOrder;
use super::npy::Header;
use super::{ElementType, FileError, Place};

/// Bytes of an element.
const ELEMENT_BYTES: u64 = size_of::<f64>() as u64;

/// A `.npy` array of doubles in row-major order, as [`OutputDirectory`](super::OutputDirectory) writes it, of
/// which any block can be read. It is never in memory as a whole. An array of one axis is a single row.
///
/// # Examples
///
/// ```
/// # let parent = tempfile::tempdir()?;
/// # let path = parent.path().join("results");
/// use cofire_files::{OutputDirectory, SavedArray};
/// use ndarray::array;
///
/// let mut output = OutputDirectory::create(&path)?;
/// output.write_array("mi.npy", array![[1.0, 0.5], [0.5, 2.0]].view())?;
/// output.commit()?;
/// let mut saved = SavedArray::open(path.join("mi.npy"), 2, 2)?;
/// assert_eq!(saved.block(0..2, 1..2)?, array![[0.5], [2.0]]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct SavedArray {
    path: PathBuf,
    file: BufReader<File>,
    /// Bytes before the first element.
    begin: u64,
    columns: usize,
}

impl SavedArray {
    /// Opens an array of `rows × columns`; of one axis, if there is one row.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, is no `.npy` file, or has an array of another type, order or shape.
    pub fn open(path: impl Into<PathBuf>, rows: usize, columns: usize) -> Result<Self, FileError> {
        let path = path.into();
        let place = Place::file(&path);
        let opened = |source| FileError::Open { path: path.clone(), source };
        let metadata = std::fs::metadata(&path).map_err(opened)?;
        if !metadata.is_file() {
            return Err(opened(io::Error::other("it is not a regular file")));
        }
        let mut file = BufReader::new(File::open(&path).map_err(opened)?);
        let Header { description, len } = Header::read(place, &mut file)?;
        let is_double = description.element_type == ElementType::F64
            && description.byte_order == ByteOrder::Little;
        if !is_double || (description.is_fortran_order && rows.min(columns) > 1) {
            return Err(place.damaged("it is not an array of doubles in row-major order"));
        }
        let has_shape =
            description.shape == [rows, columns] || (rows == 1 && description.shape == [columns]);
        if !has_shape {
            let shape = &description.shape;
            return Err(place.damaged(format!(
                "its array has the shape {shape:?} and not [{rows}, {columns}]"
            )));
        }
        let elements = (rows as u64).saturating_mul(columns as u64);
        let claimed = elements.saturating_mul(ELEMENT_BYTES);
        let found = metadata.len().saturating_sub(len);
        if claimed != found {
            return Err(place.wrong_length(claimed, found));
        }
        Ok(Self { path, file, begin: len, columns })
    }

    /// Returns the path.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Reads a block.
    ///
    /// # Errors
    ///
    /// If the file cannot be read, or ends before the block does.
    pub fn block(
        &mut self,
        rows: Range<usize>,
        columns: Range<usize>,
    ) -> Result<Array2<f64>, FileError> {
        let mut block = Array2::zeros((rows.len(), columns.len()));
        let mut bytes = [0; size_of::<f64>()];
        let Self { path, file, begin, columns: width } = self;
        for (row, mut values) in rows.zip(block.rows_mut()) {
            let element = (row as u64).saturating_mul(*width as u64) + columns.start as u64;
            let at = element.saturating_mul(ELEMENT_BYTES).saturating_add(*begin);
            let read = |source| Place::file(path).read(source);
            file.seek(SeekFrom::Start(at)).map_err(read)?;
            for value in &mut values {
                file.read_exact(&mut bytes).map_err(read)?;
                *value = f64::from_le_bytes(bytes);
            }
        }
        Ok(block)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::OutputDirectory;
    use ndarray::{Array1, s};

    #[test]
    fn any_block_comes_back_to_the_bit() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("results");
        let matrix = Array2::from_shape_fn((7, 11), |(i, j)| 1.0 / (i * 11 + j) as f64);
        let vector = Array1::from_iter([f64::NEG_INFINITY, -0.0, f64::MIN_POSITIVE]);
        let mut output = OutputDirectory::create(&path).unwrap();
        output.write_array("matrix.npy", matrix.view()).unwrap();
        output.write_array("vector.npy", vector.view()).unwrap();
        output.commit().unwrap();
        let mut saved = SavedArray::open(path.join("matrix.npy"), 7, 11).unwrap();
        for (rows, columns) in [(0..7, 0..11), (3..4, 10..11), (6..7, 0..3), (2..5, 4..9)] {
            let expected = matrix.slice(s![rows.clone(), columns.clone()]).mapv(f64::to_bits);
            assert_eq!(saved.block(rows, columns).unwrap().mapv(f64::to_bits), expected);
        }
        let mut saved = SavedArray::open(path.join("vector.npy"), 1, 3).unwrap();
        let found = saved.block(0..1, 0..3).unwrap();
        assert!(found.iter().zip(&vector).all(|(a, b)| a.to_bits() == b.to_bits()), "{found}");
    }

    #[test]
    fn other_arrays_are_refused() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("results");
        let mut output = OutputDirectory::create(&path).unwrap();
        output.write_array("matrix.npy", Array2::zeros((3, 4)).view()).unwrap();
        output.commit().unwrap();
        let path = path.join("matrix.npy");
        for (rows, columns) in [(4, 3), (3, 3), (1, 12), (3, usize::MAX)] {
            assert!(SavedArray::open(&path, rows, columns).is_err(), "{rows} x {columns}");
        }
        let bytes = std::fs::read(&path).unwrap();
        let header = |from: &str, to: &str| {
            let text = String::from_utf8_lossy(&bytes[10..]).replacen(from, to, 1);
            [&bytes[..10], text.as_bytes()].concat()
        };
        let damaged = [
            bytes[..bytes.len() - 1].to_vec(),
            [&bytes[..], &[0]].concat(),
            header("<f8", ">f8"),
            header("<f8", "<i8"),
            header("False", "True "),
            b"no array".to_vec(),
        ];
        for (index, bytes) in damaged.iter().enumerate() {
            std::fs::write(&path, bytes).unwrap();
            assert!(SavedArray::open(&path, 3, 4).is_err(), "{index}");
        }
        assert!(SavedArray::open(parent.path(), 3, 4).is_err(), "a directory");
        assert!(SavedArray::open(parent.path().join("none"), 3, 4).is_err(), "nothing");
    }
}
