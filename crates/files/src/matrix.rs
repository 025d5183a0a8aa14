//! A matrix too large for memory, written block by block into a `.npy` file.

use std::io::{self, Seek, SeekFrom, Write};
use std::path::PathBuf;

use ndarray::ArrayView2;

use super::FileError;
use super::npy;
use super::output::FileInPieces;

/// Bytes of an element.
const ELEMENT_BYTES: u64 = size_of::<f64>() as u64;

/// A `.npy` matrix of doubles, in row-major order, that is written block by block and is never in
/// memory as a whole. `numpy.load(path, mmap_mode="r")` reads it in the same manner.
///
/// Made by [`OutputDirectory::matrix_writer`](super::OutputDirectory::matrix_writer), which checks that
/// there is room for the whole matrix before anything is computed. The file has its final size from the
/// beginning, with holes for unwritten elements if the file system supports them. Elements that are
/// never written are 0. Blocks may come in any order, and overwrite the elements that they cover.
///
/// # Examples
///
/// ```
/// # let parent = tempfile::tempdir()?;
/// # let path = parent.path().join("results");
/// use cofire_files::OutputDirectory;
/// use ndarray::array;
///
/// let mut output = OutputDirectory::create(&path)?;
/// let mut matrix = output.matrix_writer("mi.npy", 3, 3)?;
/// matrix.write_symmetric_block(0, 0, array![[1.0, 0.5], [0.5, 2.0]].view())?;
/// matrix.write_symmetric_block(0, 2, array![[0.25], [0.0]].view())?; // and its mirror image
/// matrix.write_block(2, 2, array![[3.0]].view())?;
/// matrix.finish()?;
/// output.commit()?;
/// # let layer = cofire_files::read_layer(path.join("mi.npy"), None)?;
/// # assert_eq!(layer.activations.to_f64(), array![[1.0, 0.5, 0.25], [0.5, 2.0, 0.0], [0.25, 0.0, 3.0]]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct NpyMatrixWriter {
    output: FileInPieces,
    rows: usize,
    columns: usize,
    /// Bytes before the first element.
    header_len: u64,
    /// The bytes of a row of a block.
    buffer: Vec<u8>,
}

impl NpyMatrixWriter {
    pub(super) fn new(
        output: FileInPieces,
        rows: usize,
        columns: usize,
    ) -> Result<Self, FileError> {
        let failed = |source| FileError::Write { path: output.path.clone(), source };
        let header = npy::header("<f8", &[rows, columns]);
        let header_len = header.len() as u64;
        let needed = (rows as u128 * columns as u128)
            .saturating_mul(u128::from(ELEMENT_BYTES))
            .saturating_add(u128::from(header_len));
        let needed = u64::try_from(needed).unwrap_or(u64::MAX);
        let available = fs4::available_space(&output.staged).map_err(failed)?;
        if needed > available {
            return Err(FileError::NoSpace { path: output.path, needed, available });
        }
        (&output.file).write_all(&header).map_err(failed)?;
        output.file.set_len(needed).map_err(failed)?;
        Ok(Self { output, rows, columns, header_len, buffer: Vec::new() })
    }

    /// Writes a block whose first element is at `first_row`, `first_column`.
    ///
    /// # Errors
    ///
    /// If the block does not lie within the matrix, or if the file cannot be written.
    pub fn write_block(
        &mut self,
        first_row: usize,
        first_column: usize,
        block: ArrayView2<'_, f64>,
    ) -> Result<(), FileError> {
        let (last_row, last_column) = (
            first_row.saturating_add(block.nrows().saturating_sub(1)),
            first_column.saturating_add(block.ncols().saturating_sub(1)),
        );
        if block.is_empty() {
            return Ok(());
        }
        if last_row >= self.rows || last_column >= self.columns {
            return Err(FileError::OutsideMatrix {
                path: self.output.path.clone(),
                row: last_row,
                column: last_column,
                rows: self.rows,
                columns: self.columns,
            });
        }
        self.write_rows(first_row, first_column, block)
            .map_err(|source| FileError::Write { path: self.output.path.clone(), source })
    }

    /// Writes a block of a symmetric matrix, and its mirror image.
    ///
    /// # Errors
    ///
    /// The errors of [`write_block`](Self::write_block).
    pub fn write_symmetric_block(
        &mut self,
        first_row: usize,
        first_column: usize,
        block: ArrayView2<'_, f64>,
    ) -> Result<(), FileError> {
        self.write_block(first_row, first_column, block)?;
        self.write_block(first_column, first_row, block.t())
    }

    /// Completes the file. Returns its path within the output directory.
    ///
    /// # Errors
    ///
    /// If the file cannot be written.
    pub fn finish(self) -> Result<PathBuf, FileError> {
        self.output.finish()
    }

    fn write_rows(
        &mut self,
        first_row: usize,
        first_column: usize,
        block: ArrayView2<'_, f64>,
    ) -> io::Result<()> {
        for (index, row) in block.rows().into_iter().enumerate() {
            self.buffer.clear();
            self.buffer.extend(row.iter().flat_map(|x| x.to_le_bytes()));
            // No overflow: the constructor checked that the matrix fits the disk.
            let element = (first_row + index) as u64 * self.columns as u64 + first_column as u64;
            let mut file = &self.output.file;
            file.seek(SeekFrom::Start(self.header_len + element * ELEMENT_BYTES))?;
            file.write_all(&self.buffer)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use std::fs;

    use ndarray::{Array2, s};

    use crate::{OutputDirectory, read_layer};

    #[test]
    fn blocks_come_in_any_order() {
        let directory = tempfile::tempdir().unwrap();
        let target = directory.path().join("out");
        let matrix = Array2::from_shape_fn((7, 5), |(r, c)| (r * 10 + c) as f64 + 0.5);
        let mut output = OutputDirectory::create(&target).unwrap();
        let mut folder = output.folder("layer").unwrap();
        let mut writer = folder.matrix_writer("mi.npy", 7, 5).unwrap();
        for (r, c) in [(3, 2), (0, 4), (6, 0), (0, 0), (3, 0), (3, 4), (0, 2), (6, 4), (6, 2)] {
            let block = matrix.slice(s![r..(r + 3).min(7), c..(c + 2).min(5)]);
            writer.write_block(r, c, block).unwrap();
        }
        writer.write_block(3, 3, Array2::zeros((0, 9)).view()).unwrap();
        let path = writer.finish().unwrap();
        // The same bytes as in one piece.
        output.write_array("whole.npy", matrix.view()).unwrap();
        output.commit().unwrap();
        let bytes = fs::read(target.join(path)).unwrap();
        assert_eq!(bytes, fs::read(target.join("whole.npy")).unwrap());
    }

    #[test]
    fn mirror_images_and_what_was_not_written() {
        let directory = tempfile::tempdir().unwrap();
        let mut output = OutputDirectory::create(directory.path().join("out")).unwrap();
        let mut writer = output.matrix_writer("m", 4, 4).unwrap();
        let block = ndarray::arr2(&[[1.0, 2.0], [3.0, 4.0]]);
        writer.write_symmetric_block(0, 2, block.view()).unwrap();
        let path = directory.path().join("out").join(writer.finish().unwrap());
        output.commit().unwrap();
        let expected = ndarray::arr2(&[
            [0.0, 0.0, 1.0, 2.0],
            [0.0, 0.0, 3.0, 4.0],
            [1.0, 3.0, 0.0, 0.0],
            [2.0, 4.0, 0.0, 0.0],
        ]);
        assert_eq!(read_layer(path, None).unwrap().activations, expected);
    }

    #[test]
    fn what_does_not_fit() {
        let directory = tempfile::tempdir().unwrap();
        let mut output = OutputDirectory::create(directory.path().join("out")).unwrap();
        for side in [1 << 28, 1 << 40, usize::MAX] {
            let error = output.matrix_writer("m.npy", side, side).unwrap_err();
            assert!(matches!(error, FileError::NoSpace { .. }), "{error}");
        }
        let mut writer = output.matrix_writer("m.npy", 4, 3).unwrap();
        for (row, column) in [(3, 0), (0, 2), (usize::MAX, 0), (4, 9)] {
            let block = Array2::zeros((2, 2));
            let error = writer.write_block(row, column, block.view()).unwrap_err();
            assert!(matches!(error, FileError::OutsideMatrix { .. }), "{error}");
        }
        drop(writer);
        assert!(matches!(output.commit(), Err(FileError::Unfinished { .. })), "unfinished");
    }
}
