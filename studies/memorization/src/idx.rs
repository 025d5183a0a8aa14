//! The file format of MNIST: arrays of unsigned bytes with one or three dimensions, plain or
//! compressed by gzip.

use std::io::{self, Read};

use flate2::read::GzDecoder;

/// The largest number of elements that a header may give, as a guard against hostile files. Real
/// files have fewer.
const MOST_ELEMENTS: u64 = 1 << 30;

/// The reason that bytes are not an IDX file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IdxError {
    /// Reading failed, or the compressed data are damaged.
    #[error("it cannot be read to its end")]
    Io(#[from] io::Error),
    /// The file does not begin like IDX files of bytes.
    #[error("it does not begin with 0, 0, 8 and a number of dimensions")]
    Magic,
    /// The number of dimensions is wrong.
    #[error("it has {found} dimensions instead of {expected}")]
    Dimensions {
        /// The number of dimensions in the file.
        found: u8,
        /// The expected number of dimensions.
        expected: usize,
    },
    /// The header gives more elements than any real file has.
    #[error("its header says {0:?}, which is more than 2^30 elements")]
    TooLarge(Vec<u32>),
    /// The file ends early.
    #[error("it should have {expected} elements and ends after {found}")]
    Truncated {
        /// The number of elements that the header gives.
        expected: usize,
        /// The number of elements in the file.
        found: usize,
    },
    /// The file continues after its last element.
    #[error("it goes on after its {expected} elements")]
    TrailingBytes {
        /// The number of elements that the header gives.
        expected: usize,
    },
}

/// Reads an array of `D` dimensions. Returns its shape, and its elements in row-major order. The
/// first bytes show whether the file is compressed.
///
/// # Errors
///
/// Returns an error unless the input is exactly one IDX file of unsigned bytes with `D` dimensions,
/// complete and without trailing bytes. Allocates no more memory than the elements in the file
/// need.
///
/// # Examples
///
/// ```
/// let file = [0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9];
/// let (shape, elements) = cofire_memorization::idx::read::<1>(&file[..])?;
/// assert_eq!((shape, elements), ([3], vec![7, 8, 9]));
/// # Ok::<(), cofire_memorization::idx::IdxError>(())
/// ```
pub fn read<const D: usize>(mut file: impl Read) -> Result<([usize; D], Vec<u8>), IdxError> {
    let mut first = [0; 2];
    file.read_exact(&mut first).map_err(at_start)?;
    let compressed = first == [0x1f, 0x8b];
    let whole = first.chain(file);
    if compressed { read_plain(GzDecoder::new(whole)) } else { read_plain(whole) }
}

fn read_plain<const D: usize>(mut file: impl Read) -> Result<([usize; D], Vec<u8>), IdxError> {
    let mut magic = [0; 4];
    file.read_exact(&mut magic).map_err(at_start)?;
    let [0, 0, 8, dimensions] = magic else { return Err(IdxError::Magic) };
    if usize::from(dimensions) != D {
        return Err(IdxError::Dimensions { found: dimensions, expected: D });
    }
    let mut sizes = [0u32; D];
    for size in &mut sizes {
        let mut bytes = [0; 4];
        file.read_exact(&mut bytes)?;
        *size = u32::from_be_bytes(bytes);
    }
    let elements = sizes.iter().try_fold(1u64, |product, &size| product.checked_mul(size.into()));
    let elements = elements
        .filter(|&elements| elements <= MOST_ELEMENTS)
        .and_then(|elements| usize::try_from(elements).ok())
        .ok_or_else(|| IdxError::TooLarge(sizes.to_vec()))?;

    let mut values = Vec::new();
    file.by_ref().take(elements as u64).read_to_end(&mut values)?;
    if values.len() < elements {
        return Err(IdxError::Truncated { expected: elements, found: values.len() });
    }
    if file.read(&mut [0])? != 0 {
        return Err(IdxError::TrailingBytes { expected: elements });
    }
    Ok((sizes.map(|size| size as usize), values))
}

/// Converts an error at the start of a file. A file that is too short for a header is not an IDX
/// file; other errors are kept.
fn at_start(error: io::Error) -> IdxError {
    if error.kind() == io::ErrorKind::UnexpectedEof { IdxError::Magic } else { IdxError::Io(error) }
}
