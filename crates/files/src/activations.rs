//! Activations in the precision that holds every stored number.

use ndarray::{Array2, ShapeBuilder};

use cofire::{ActivationsView, Precision};

/// Activations of a layer, `samples × neurons`, in the precision that holds every stored number: `f64` if a
/// file has `f64`, or integers of 32 or 64 bits, else `f32`.
///
/// Every call of cofire that takes activations accepts a reference.
#[derive(Debug, Clone, PartialEq)]
pub enum Activations {
    /// Activations of 32 bits.
    F32(Array2<f32>),
    /// Activations of 64 bits.
    F64(Array2<f64>),
}

impl Activations {
    /// Returns a view of the activations.
    #[must_use]
    pub fn view(&self) -> ActivationsView<'_> {
        match self {
            Self::F32(array) => array.view().into(),
            Self::F64(array) => array.view().into(),
        }
    }

    /// Returns the numbers of samples and neurons.
    #[must_use]
    pub fn dim(&self) -> (usize, usize) {
        self.view().dim()
    }

    /// Returns a copy of the activations in 64 bits, which hold them exactly.
    #[must_use]
    pub fn to_f64(&self) -> Array2<f64> {
        match self {
            Self::F32(array) => array.mapv(f64::from),
            Self::F64(array) => array.clone(),
        }
    }

    /// Returns one activation, if there is such a sample and neuron.
    #[must_use]
    pub fn get(&self, sample: usize, neuron: usize) -> Option<f64> {
        match self {
            Self::F32(array) => array.get((sample, neuron)).copied().map(f64::from),
            Self::F64(array) => array.get((sample, neuron)).copied(),
        }
    }

    /// Makes activations without samples.
    pub(crate) fn empty(precision: Precision, neurons: usize) -> Self {
        match precision {
            Precision::F32 => Self::F32(Array2::zeros((0, neurons))),
            Precision::F64 => Self::F64(Array2::zeros((0, neurons))),
        }
    }

    /// Takes the activations out, and leaves none.
    pub(crate) fn take(&mut self) -> Self {
        let left = Self::empty(self.view().precision(), 0);
        std::mem::replace(self, left)
    }

    /// Returns the memory of the activations.
    pub(crate) fn into_elements(self) -> Elements {
        match self {
            Self::F32(array) => Elements::F32(array.into_raw_vec_and_offset().0),
            Self::F64(array) => Elements::F64(array.into_raw_vec_and_offset().0),
        }
    }
}

impl<'a> From<&'a Activations> for ActivationsView<'a> {
    fn from(activations: &'a Activations) -> Self {
        activations.view()
    }
}

/// Numbers that become activations.
#[derive(Debug)]
pub(crate) enum Elements {
    F32(Vec<f32>),
    F64(Vec<f64>),
}

/// Evaluates an expression with the vector of either type.
macro_rules! with_vector {
    ($elements:expr, $vector:ident => $result:expr) => {
        match $elements {
            Elements::F32($vector) => $result,
            Elements::F64($vector) => $result,
        }
    };
}

impl Elements {
    pub(crate) fn new(precision: Precision) -> Self {
        match precision {
            Precision::F32 => Self::F32(Vec::new()),
            Precision::F64 => Self::F64(Vec::new()),
        }
    }

    pub(crate) fn len(&self) -> usize {
        with_vector!(self, vector => vector.len())
    }

    #[cfg(feature = "tables")]
    pub(crate) fn capacity(&self) -> usize {
        with_vector!(self, vector => vector.capacity())
    }

    pub(crate) fn bytes_each(&self) -> usize {
        match self {
            Self::F32(_) => Precision::F32.bytes(),
            Self::F64(_) => Precision::F64.bytes(),
        }
    }

    /// Removes the numbers but keeps their memory.
    pub(crate) fn clear(&mut self) {
        with_vector!(self, vector => vector.clear());
    }

    /// Takes the numbers and their memory out.
    #[cfg(feature = "tables")]
    pub(crate) fn take(&mut self) -> Self {
        match self {
            Self::F32(vector) => Self::F32(std::mem::take(vector)),
            Self::F64(vector) => Self::F64(std::mem::take(vector)),
        }
    }

    /// Reserves memory for more numbers, exactly these or with room for more. Returns whether there is any.
    pub(crate) fn try_reserve(&mut self, elements: usize, is_exact: bool) -> bool {
        let reserved = with_vector!(self, vector => match is_exact {
            true => vector.try_reserve_exact(elements),
            false => vector.try_reserve(elements),
        });
        reserved.is_ok()
    }

    /// Adds zeros up to a length. The caller has reserved the space.
    pub(crate) fn grow(&mut self, len: usize) {
        with_vector!(self, vector => vector.resize(len, 0.0));
    }

    /// Replaces every `stride`th number from `first` on with numbers of the same type.
    pub(crate) fn scatter(&mut self, first: usize, stride: usize, from: &Self) {
        fn scatter<T: Copy>(into: &mut [T], first: usize, stride: usize, from: &[T]) {
            if stride == 1 {
                into[first..first + from.len()].copy_from_slice(from);
            } else {
                let targets = into[first..].iter_mut().step_by(stride);
                targets.zip(from).for_each(|(target, &value)| *target = value);
            }
        }
        match (self, from) {
            (Self::F32(into), Self::F32(from)) => scatter(into, first, stride, from),
            (Self::F64(into), Self::F64(from)) => scatter(into, first, stride, from),
            // An array has one type.
            (Self::F32(_), Self::F64(_)) | (Self::F64(_), Self::F32(_)) => {}
        }
    }

    /// Arranges the numbers as `samples × neurons`, or returns `None` if there are more or fewer.
    pub(crate) fn arrange(self, shape: (usize, usize), is_fortran: bool) -> Option<Activations> {
        let shape = shape.set_f(is_fortran);
        Some(match self {
            Self::F32(vector) => Activations::F32(Array2::from_shape_vec(shape, vector).ok()?),
            Self::F64(vector) => Activations::F64(Array2::from_shape_vec(shape, vector).ok()?),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Axis;

    impl Activations {
        /// Returns the bits of all activations, row by row.
        pub(crate) fn bits(&self) -> Vec<u64> {
            self.to_f64().iter().map(|x| x.to_bits()).collect()
        }

        /// Adds the samples of a batch.
        pub(crate) fn append(&mut self, batch: ActivationsView<'_>) {
            match (self, batch) {
                (Self::F32(all), ActivationsView::F32(batch)) => all.append(Axis(0), batch),
                (Self::F64(all), ActivationsView::F64(batch)) => all.append(Axis(0), batch),
                (Self::F64(all), ActivationsView::F32(batch)) => {
                    all.append(Axis(0), batch.mapv(f64::from).view())
                }
                (Self::F32(_), ActivationsView::F64(_)) => panic!("more precise than announced"),
            }
            .unwrap();
        }
    }

    impl PartialEq<Array2<f32>> for Activations {
        fn eq(&self, other: &Array2<f32>) -> bool {
            self.to_f64() == other.mapv(f64::from)
        }
    }
}
