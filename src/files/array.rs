//! From a described array and a stream of bytes to a layer.

use std::io::Read;

use ndarray::{Array, Array2, IxDyn, Order, ShapeBuilder};

use super::element::{ByteOrder, Values};
use super::{ElementType, FileError, Layer, LayerInfo, Place};

/// What a header says of the array behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Description {
    pub(super) element_type: ElementType,
    pub(super) byte_order: ByteOrder,
    /// Whether the first index runs fastest, not the last one.
    pub(super) is_fortran_order: bool,
    pub(super) shape: Vec<usize>,
}

/// Where the bytes of an array come from.
pub(super) struct Data<'a> {
    pub(super) reader: Box<dyn Read + 'a>,
    /// How many bytes there are, or claim to be.
    pub(super) len: u64,
    /// Whether they are in the file as they are. Otherwise `len` is a claim of a packed file, and
    /// memory is taken only as bytes arrive.
    pub(super) is_plain: bool,
}

impl Description {
    pub(super) fn info(self, name: &str) -> LayerInfo {
        LayerInfo { name: name.to_owned(), shape: self.shape, element_type: self.element_type }
    }

    /// Reads the array that is described, and refuses what is no array of activations.
    ///
    /// Its size must agree with that of the data before anything is allocated.
    pub(super) fn read(&self, place: Place<'_>, data: Data<'_>) -> Result<Layer, FileError> {
        let (samples, neurons, bytes) = self.extent(place)?;
        if bytes != data.len {
            return Err(place.wrong_length(bytes, data.len));
        }
        let values = self.read_values(place, samples * neurons, data)?;
        if let Some((index, value)) = values.beyond_f32 {
            let (sample, neuron) = self.position(index, samples, neurons);
            let (path, place) = (place.path.into(), place.name());
            return Err(FileError::BeyondF32 { path, place, sample, neuron, value });
        }
        Ok(Layer {
            name: place.layer.unwrap_or_default().to_owned(),
            activations: self.arrange(place, samples, neurons, values.values)?,
            element_type: self.element_type.clone(),
            rounded: values.rounded,
        })
    }

    /// Samples, neurons, and bytes in the file.
    fn extent(&self, place: Place<'_>) -> Result<(usize, usize, u64), FileError> {
        let Some(size) = self.element_type.size() else {
            let (path, place) = (place.path.into(), place.name());
            let element_type = self.element_type.to_string();
            return Err(FileError::UnsupportedElement { path, place, element_type });
        };
        let [leading @ .., neurons] = self.shape.as_slice() else {
            return Err(self.unusable_shape(place));
        };
        if leading.is_empty() {
            return Err(self.unusable_shape(place));
        }
        // Lengths of zero count as one here: ndarray wants the product of the others to fit, too.
        let most = self.shape.iter().try_fold(size.max(size_of::<f32>()), |product, &length| {
            product.checked_mul(length.max(1)).filter(|&p| isize::try_from(p).is_ok())
        });
        if most.is_none() {
            return Err(place.damaged(format!("shape {:?} exceeds the address space", self.shape)));
        }
        let samples: usize = leading.iter().product();
        Ok((samples, *neurons, (samples * neurons * size) as u64))
    }

    fn unusable_shape(&self, place: Place<'_>) -> FileError {
        let shape = self.shape.clone();
        FileError::UnusableShape { path: place.path.into(), place: place.name(), shape }
    }

    fn read_values(
        &self,
        place: Place<'_>,
        elements: usize,
        mut data: Data<'_>,
    ) -> Result<Values, FileError> {
        /// Long enough that a call to read costs nothing, short enough for a cache; a multiple of
        /// every element's size.
        const BLOCK_BYTES: usize = 1 << 18;

        let out_of_memory = |_| FileError::OutOfMemory {
            path: place.path.into(),
            place: place.name(),
            bytes: elements as u64 * size_of::<f32>() as u64,
        };
        let mut values = Values::default();
        if data.is_plain {
            values.values.try_reserve_exact(elements).map_err(out_of_memory)?;
        }
        let mut block = vec![0; BLOCK_BYTES.min(usize::try_from(data.len).unwrap_or(BLOCK_BYTES))];
        let size = self.element_type.size().unwrap_or(1);
        let mut left = data.len;
        while left > 0 {
            let len = block.len().min(usize::try_from(left).unwrap_or(block.len()));
            let bytes = &mut block[..len];
            data.reader.read_exact(bytes).map_err(|source| place.read(source))?;
            values.values.try_reserve(len / size).map_err(out_of_memory)?;
            values.extend(&self.element_type, self.byte_order, bytes);
            left -= len as u64;
        }
        Ok(values)
    }

    fn arrange(
        &self,
        place: Place<'_>,
        samples: usize,
        neurons: usize,
        values: Vec<f32>,
    ) -> Result<Array2<f32>, FileError> {
        let shape = (samples, neurons);
        let array = match (self.is_fortran_order, self.shape.len()) {
            (false, _) => Array2::from_shape_vec(shape, values),
            (true, 2) => Array2::from_shape_vec(shape.f(), values),
            // Samples are counted in row-major order, as numpy's reshape does; in memory their
            // indices run the other way, so rows have to move.
            (true, _) => Array::from_shape_vec(IxDyn(&self.shape).f(), values)
                .and_then(|array| Ok(array.to_shape((shape, Order::RowMajor))?.into_owned())),
        };
        array.map_err(|_| place.damaged(format!("shape {:?} cannot be arranged", self.shape)))
    }

    /// Sample and neuron of an element, by its index in the file.
    fn position(&self, index: usize, samples: usize, neurons: usize) -> (usize, usize) {
        if !self.is_fortran_order {
            return (index / neurons, index % neurons);
        }
        let leading = &self.shape[..self.shape.len() - 1];
        let (mut rest, mut sample, mut stride) = (index % samples, 0, samples);
        for &length in leading {
            stride /= length;
            sample += rest % length * stride;
            rest /= length;
        }
        (sample, index / samples)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn read(description: &Description, bytes: &[u8]) -> Result<Layer, FileError> {
        let data = Data { reader: Box::new(bytes), len: bytes.len() as u64, is_plain: true };
        description.read(Place::layer(Path::new("file"), "layer"), data)
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
        let found: Vec<f64> = layer.activations.iter().map(|&x| f64::from(x)).collect();
        assert_eq!(found, stored.iter().copied().collect::<Vec<_>>(), "row-major");
    }

    #[test]
    fn overflow_is_reported_where_the_array_has_it() {
        let mut stored = Array::zeros(IxDyn(&[2, 3, 4, 5]).f());
        stored[[1, 0, 3, 2]] = 1e200;
        let bytes: Vec<u8> = stored.t().iter().flat_map(|x: &f64| x.to_le_bytes()).collect();
        let error = read(&fortran(&[2, 3, 4, 5]), &bytes).unwrap_err();
        assert!(matches!(error, FileError::BeyondF32 { sample: 15, neuron: 2, .. }), "{error}");
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
