//! Conversion of an array's bytes to batches of activations.

use std::fs::File;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::ops::{ControlFlow, Range};

use super::element::{ByteOrder, Values};
use super::source::Source;
use super::visit::{Batch, VisitedArray, Visitor, reserve};
use super::{ElementType, FileError, LayerInfo, Place};

/// Bytes that are read at a time: enough that the call costs nothing, few enough for a cache. A
/// multiple of every element's size.
const BLOCK_BYTES: usize = 1 << 18;

/// The description of an array in its header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Description {
    pub(super) element_type: ElementType,
    pub(super) byte_order: ByteOrder,
    /// True if the first index runs fastest, not the last one.
    pub(super) is_fortran_order: bool,
    pub(super) shape: Vec<usize>,
}

/// A source of the bytes of an array.
pub(super) trait Bytes {
    /// Fills `bytes` with those at `offset`, counted from the array's first byte.
    fn read_at(&mut self, offset: u64, bytes: &mut [u8]) -> io::Result<()>;

    /// Returns whether the file holds the bytes uncompressed. Otherwise their number is a claim of a
    /// compressed file, and memory is taken only as bytes arrive.
    fn is_plain(&self) -> bool;
}

/// Bytes of a file from an offset on.
#[derive(Debug)]
pub(super) struct PlainBytes<'a> {
    file: &'a mut BufReader<File>,
    begin: u64,
    position: u64,
}

impl<'a> PlainBytes<'a> {
    pub(super) fn new(file: &'a mut BufReader<File>, begin: u64) -> io::Result<Self> {
        file.seek(SeekFrom::Start(begin))?;
        Ok(Self { file, begin, position: begin })
    }
}

impl Bytes for PlainBytes<'_> {
    fn read_at(&mut self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        // No overflow: the array lies within the file.
        let target = self.begin + offset;
        if target != self.position {
            // A relative seek keeps the buffer, so that its bytes are not read again.
            match i64::try_from(i128::from(target) - i128::from(self.position)) {
                Ok(distance) => self.file.seek_relative(distance)?,
                Err(_) => self.file.seek(SeekFrom::Start(target)).map(drop)?,
            }
        }
        self.file.read_exact(bytes)?;
        self.position = target + bytes.len() as u64;
        Ok(())
    }

    fn is_plain(&self) -> bool {
        true
    }
}

/// Bytes of a stream. Bytes between the requested ones are read and dropped.
pub(super) struct StreamedBytes<'a> {
    pub(super) reader: &'a mut dyn Read,
    pub(super) position: u64,
    pub(super) is_plain: bool,
}

impl Bytes for StreamedBytes<'_> {
    fn read_at(&mut self, offset: u64, bytes: &mut [u8]) -> io::Result<()> {
        let gap = offset.checked_sub(self.position).ok_or(io::ErrorKind::InvalidInput)?;
        if io::copy(&mut (&mut *self.reader).take(gap), &mut io::sink())? < gap {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.reader.read_exact(bytes)?;
        self.position = offset + bytes.len() as u64;
        Ok(())
    }

    fn is_plain(&self) -> bool {
        self.is_plain
    }
}

/// The size of an array that fits the address space: samples, neurons, and bytes in the file.
#[derive(Debug, Clone, Copy)]
pub(super) struct ArraySize {
    pub(super) samples: usize,
    pub(super) neurons: usize,
    pub(super) bytes: u64,
}

impl Description {
    pub(super) fn info(self, name: &str) -> LayerInfo {
        LayerInfo { name: name.to_owned(), shape: self.shape, element_type: self.element_type }
    }

    /// Walks through the array whose `len` uncompressed bytes begin at `begin` in the file.
    pub(super) fn visit_plain(
        &self,
        place: Place<'_>,
        source: &mut Source,
        begin: u64,
        len: u64,
        visitor: &mut dyn Visitor,
    ) -> Result<(), FileError> {
        let array_size = self.check(place, len)?;
        let ControlFlow::Continue(most_samples) = visitor.begin(&self.visited(place, array_size))
        else {
            return Ok(());
        };
        let mut bytes =
            PlainBytes::new(&mut source.file, begin).map_err(|source| place.read(source))?;
        self.visit(place, 0..array_size.samples, most_samples, &mut bytes, visitor).map(drop)
    }

    /// Refuses an array that does not hold activations, and one whose size is not that of the data.
    /// Must come before anything is allocated for the array.
    pub(super) fn check(&self, place: Place<'_>, len: u64) -> Result<ArraySize, FileError> {
        let array_size = self.array_size(place)?;
        if array_size.bytes == len {
            Ok(array_size)
        } else {
            Err(place.wrong_length(array_size.bytes, len))
        }
    }

    pub(super) fn visited(&self, place: Place<'_>, array_size: ArraySize) -> VisitedArray {
        VisitedArray {
            name: place.layer.unwrap_or_default().to_owned(),
            element_type: self.element_type.clone(),
            samples: Some(array_size.samples),
            neurons: array_size.neurons,
        }
    }

    /// Returns the size of the array. Refuses an array that does not hold activations.
    pub(super) fn array_size(&self, place: Place<'_>) -> Result<ArraySize, FileError> {
        let Some(size) = self.element_type.size() else {
            return Err(place.unsupported_element(&self.element_type));
        };
        let [leading @ .., neurons] = self.shape.as_slice() else {
            return Err(place.unusable_shape(&self.shape));
        };
        if leading.is_empty() {
            return Err(place.unusable_shape(&self.shape));
        }
        // Count lengths of zero as one: ndarray wants the product of the other lengths to fit, too.
        let most = self.shape.iter().try_fold(size.max(size_of::<f64>()), |product, &length| {
            product.checked_mul(length.max(1)).filter(|&p| isize::try_from(p).is_ok())
        });
        if most.is_none() {
            return Err(place.damaged(format!("shape {:?} exceeds the address space", self.shape)));
        }
        let samples: usize = leading.iter().product();
        let bytes = (samples * neurons * size) as u64;
        Ok(ArraySize { samples, neurons: *neurons, bytes })
    }

    /// Passes the samples of a range to the visitor, in batches of at most `most_samples`.
    ///
    /// Within a batch, bytes are read in ascending order of offsets. The order also holds from batch to
    /// batch, unless the array is in Fortran order.
    pub(super) fn visit(
        &self,
        place: Place<'_>,
        range: Range<usize>,
        most_samples: usize,
        bytes: &mut dyn Bytes,
        visitor: &mut dyn Visitor,
    ) -> Result<ControlFlow<()>, FileError> {
        let array_size = self.array_size(place)?;
        let mut values = Values::new(&self.element_type);
        let mut begin = range.start;
        while begin < range.end {
            let samples = begin..range.end.min(begin.saturating_add(most_samples.max(1)));
            let shape = (samples.len(), array_size.neurons);
            values.clear();
            if bytes.is_plain() {
                reserve(place, &mut values.elements, shape.0 * shape.1, true)?;
            }
            if self.is_fortran_order {
                self.read_columns(place, array_size, samples.clone(), bytes, &mut values)?;
            } else {
                self.read_rows(place, array_size, samples.clone(), bytes, &mut values)?;
            }
            let activations = values.elements.arrange(shape, self.is_fortran_order);
            let activations = activations.ok_or_else(|| {
                place.damaged(format!("shape {:?} cannot be arranged", self.shape))
            })?;
            let mut batch = Batch { activations };
            if visitor.batch(&mut batch).is_break() {
                return Ok(ControlFlow::Break(()));
            }
            // The memory is used again for the next batch, unless the visitor has kept it.
            values.elements = batch.activations.into_elements();
            begin = samples.end;
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Reads samples of an array in row-major order, which are one run of bytes.
    fn read_rows(
        &self,
        place: Place<'_>,
        array_size: ArraySize,
        samples: Range<usize>,
        bytes: &mut dyn Bytes,
        values: &mut Values,
    ) -> Result<(), FileError> {
        let size = self.element_type.size().unwrap_or(1);
        let begin = samples.start * array_size.neurons;
        let elements = begin..samples.end * array_size.neurons;
        self.read_run(place, bytes, elements, &mut Vec::new(), |element_bytes| {
            reserve(place, &mut values.elements, element_bytes.len() / size, false)?;
            values.extend(&self.element_type, self.byte_order, element_bytes);
            Ok(())
        })?;
        match values.too_large {
            Some((index, value)) => {
                let index = begin + index;
                let (sample, neuron) = (index / array_size.neurons, index % array_size.neurons);
                Err(place.integer_too_large(sample, neuron, value))
            }
            None => Ok(()),
        }
    }

    /// Reads samples of an array in Fortran order, and keeps them in Fortran order.
    ///
    /// Samples are counted in row-major order, as numpy's reshape does, but in the file the first index
    /// runs fastest. So neighbours in the file are `stride` samples apart. `stride` is the number of
    /// combinations of all indices except the first and the neuron's. For two axes it is one.
    fn read_columns(
        &self,
        place: Place<'_>,
        array_size: ArraySize,
        samples: Range<usize>,
        bytes: &mut dyn Bytes,
        values: &mut Values,
    ) -> Result<(), FileError> {
        // Axes of length one change nothing, but would make the runs as short as possible.
        let leading = &self.shape[..self.shape.len() - 1];
        let leading: Vec<usize> = leading.iter().copied().filter(|&length| length != 1).collect();
        let (first, others) =
            leading.split_first().map_or((1, &[][..]), |(&f, others)| (f, others));
        let stride: usize = others.iter().product();
        let (mut run, mut buffer) = (Values::new(&self.element_type), Vec::new());
        for neuron in 0..array_size.neurons {
            let column = values.elements.len();
            reserve(place, &mut values.elements, samples.len(), false)?;
            values.elements.grow(column + samples.len());
            for combination in 0..stride {
                let offset = row_major(combination, others);
                let of_first = |sample: usize| sample.saturating_sub(offset).div_ceil(stride);
                let indices = of_first(samples.start)..of_first(samples.end);
                let begin = (neuron * stride + combination) * first;
                let mut index = indices.start;
                let elements = begin + indices.start..begin + indices.end;
                self.read_run(place, bytes, elements, &mut buffer, |element_bytes| {
                    run.clear();
                    run.extend(&self.element_type, self.byte_order, element_bytes);
                    if let Some((at, value)) = run.too_large {
                        let sample = (index + at) * stride + offset;
                        return Err(place.integer_too_large(sample, neuron, value));
                    }
                    let target = column + index * stride + offset - samples.start;
                    values.elements.scatter(target, stride, &run.elements);
                    index += run.elements.len();
                    Ok(())
                })?;
            }
        }
        Ok(())
    }

    /// Reads elements that follow one another, a block at a time.
    fn read_run(
        &self,
        place: Place<'_>,
        bytes: &mut dyn Bytes,
        elements: Range<usize>,
        buffer: &mut Vec<u8>,
        mut use_block: impl FnMut(&[u8]) -> Result<(), FileError>,
    ) -> Result<(), FileError> {
        let size = self.element_type.size().unwrap_or(1);
        let mut offset = (elements.start * size) as u64;
        let mut left = elements.len() * size;
        if buffer.len() < left.min(BLOCK_BYTES) {
            buffer.resize(left.min(BLOCK_BYTES), 0);
        }
        while left > 0 {
            let block = &mut buffer[..left.min(BLOCK_BYTES)];
            bytes.read_at(offset, block).map_err(|source| place.read(source))?;
            use_block(block)?;
            offset += block.len() as u64;
            left -= block.len();
        }
        Ok(())
    }
}

/// Returns the row-major index of the element at `index` in Fortran order.
fn row_major(mut index: usize, shape: &[usize]) -> usize {
    let mut stride: usize = shape.iter().product();
    shape.iter().fold(0, |place, &length| {
        stride /= length;
        let along = index % length;
        index /= length;
        place + along * stride
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    use ndarray::{Array, IxDyn, ShapeBuilder};

    use crate::Layer;
    use crate::layer::LayerReader;

    fn read(description: &Description, bytes: &[u8]) -> Result<Layer, FileError> {
        let place = Place::layer(Path::new("file"), "layer");
        let array_size = description.check(place, bytes.len() as u64)?;
        let mut layer = LayerReader::default();
        assert!(layer.begin(&description.visited(place, array_size)).is_continue(), "goes on");
        let mut bytes = StreamedBytes { reader: &mut &*bytes, position: 0, is_plain: false };
        let flow =
            description.visit(place, 0..array_size.samples, usize::MAX, &mut bytes, &mut layer)?;
        assert!(flow.is_continue(), "nothing is left");
        Ok(layer.finish().unwrap())
    }

    fn fortran(shape: &[usize]) -> Description {
        Description {
            element_type: ElementType::F64,
            byte_order: ByteOrder::Little,
            is_fortran_order: true,
            shape: shape.to_vec(),
        }
    }

    #[test]
    fn leading_axes_of_fortran_arrays_are_flattened_row_major() {
        let stored = Array::from_shape_fn(IxDyn(&[2, 3, 4, 5]).f(), |index| {
            (0..4).fold(0.0, |number, axis| number * 10.0 + index[axis] as f64)
        });
        let bytes: Vec<u8> = stored.t().iter().flat_map(|x| x.to_le_bytes()).collect();
        let layer = read(&fortran(&[2, 3, 4, 5]), &bytes).unwrap();
        assert_eq!(layer.activations.dim(), (24, 5));
        let found: Vec<f64> = layer.activations.to_f64().iter().copied().collect();
        assert_eq!(found, stored.iter().copied().collect::<Vec<_>>(), "row-major");
    }

    #[test]
    fn large_integers_are_reported_where_the_array_has_them() {
        let mut stored = Array::zeros(IxDyn(&[2, 3, 4, 5]).f());
        stored[[1, 0, 3, 2]] = i64::MAX;
        let bytes: Vec<u8> = stored.t().iter().flat_map(|x: &i64| x.to_le_bytes()).collect();
        let description = Description { element_type: ElementType::I64, ..fortran(&[2, 3, 4, 5]) };
        let error = read(&description, &bytes).unwrap_err();
        let is_there = matches!(error, FileError::IntegerTooLarge { sample: 15, neuron: 2, .. });
        assert!(is_there, "{error}");
    }

    #[test]
    fn shapes_without_elements_and_shapes_that_overflow() {
        assert_eq!(read(&fortran(&[0, 3]), &[]).unwrap().activations.dim(), (0, 3));
        assert_eq!(read(&fortran(&[4, 0, 3]), &[]).unwrap().activations.dim(), (0, 3));
        for shape in [&[1 << 60, 1 << 60][..], &[1 << 62, 0], &[0, usize::MAX], &[1 << 30; 3]] {
            let error = read(&fortran(shape), &[]).unwrap_err();
            assert!(matches!(error, FileError::Damaged { .. }), "{error}");
        }
        let error = read(&fortran(&[1 << 30, 1 << 20]), &[]).unwrap_err();
        assert!(matches!(error, FileError::WrongLength { .. }), "{error}");
        for shape in [&[][..], &[7]] {
            let error = read(&fortran(shape), &[0; 56]).unwrap_err();
            assert!(matches!(error, FileError::UnusableShape { .. }), "{error}");
        }
    }
}
