//! Fingerprints, which tell whether activations are the same.

use std::fmt;

use twox_hash::XxHash3_128;

use cofire::{ActivationsView, Batches, Error, Precision};

/// A hash of all activations of a layer. Other activations have, in practice, another fingerprint. It
/// is XXH3 of 128 bits, over the shape and the values, sample after sample. It guards against
/// mistakes, not against someone who makes two layers with the same fingerprint on purpose.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint(pub(super) u128);

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

/// Activations whose fingerprint is computed as they are handed out, at no more cost than hashing them.
///
/// # Examples
///
/// ```
/// use cofire_jobs::Fingerprinted;
/// use ndarray::Array2;
///
/// let activations = Array2::from_shape_fn((500, 30), |(s, n)| ((s * (n % 9 + 3)) % 17) as f32);
/// let mut view = activations.view();
/// let mut source = Fingerprinted::new(&mut view);
/// let layer = cofire::Analysis::new(10).encode_batches(&mut source)?;
/// println!("{}", source.fingerprint().ok_or("nothing was read")?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Fingerprinted<'a> {
    source: &'a mut dyn Batches,
    fingerprint: Option<Fingerprint>,
}

impl<'a> Fingerprinted<'a> {
    /// Wraps a source of activations. Its fingerprint is computed when it is visited.
    #[must_use]
    pub fn new(source: &'a mut dyn Batches) -> Self {
        Self { source, fingerprint: None }
    }

    /// Returns the fingerprint, once all samples have been handed out.
    #[must_use]
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        self.fingerprint
    }
}

impl Batches for Fingerprinted<'_> {
    fn samples(&self) -> usize {
        self.source.samples()
    }

    fn neurons(&self) -> usize {
        self.source.neurons()
    }

    fn precision(&self) -> Precision {
        self.source.precision()
    }

    fn visit(
        &mut self,
        most_samples: usize,
        visitor: &mut dyn FnMut(ActivationsView<'_>) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut hash = XxHash3_128::new();
        for length in [self.samples(), self.neurons()] {
            hash.write(&(length as u64).to_le_bytes());
        }
        let mut bytes = Vec::new();
        self.source.visit(most_samples, &mut |batch| {
            let mut add = |of: &mut dyn FnMut(&mut Vec<u8>)| {
                bytes.clear();
                of(&mut bytes);
                hash.write(&bytes);
            };
            match batch {
                ActivationsView::F32(batch) => {
                    for sample in batch.rows() {
                        add(&mut |bytes| bytes.extend(sample.iter().flat_map(|x| x.to_le_bytes())));
                    }
                }
                ActivationsView::F64(batch) => {
                    for sample in batch.rows() {
                        add(&mut |bytes| bytes.extend(sample.iter().flat_map(|x| x.to_le_bytes())));
                    }
                }
            }
            visitor(batch)
        })?;
        let now = Fingerprint(hash.finish_128());
        match self.fingerprint.replace(now) {
            Some(before) if before != now => {
                let problem = "activations changed while they were being read; \
                               leave files as they are until the job is done";
                Err(Error::Batches(problem.into()))
            }
            _ => Ok(()),
        }
    }
}

impl fmt::Debug for Fingerprinted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fingerprinted")
            .field("samples", &self.samples())
            .field("neurons", &self.neurons())
            .field("fingerprint", &self.fingerprint)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::Array2;

    fn of(x: &Array2<f32>, most_samples: usize) -> Fingerprint {
        let mut view = x.view();
        let mut source = Fingerprinted::new(&mut view);
        source.visit(most_samples, &mut |_| Ok(())).unwrap();
        source.fingerprint().unwrap()
    }

    #[test]
    fn one_value_or_the_shape_makes_another_one() {
        let x = Array2::from_shape_fn((20, 6), |(s, n)| (s * 7 + n) as f32);
        let expected = of(&x, 20);
        for most_samples in [1, 7, 19] {
            assert_eq!(of(&x, most_samples), expected, "{most_samples}");
        }
        let mut columns = Array2::zeros((6, 20)).reversed_axes();
        columns.assign(&x);
        assert_eq!(of(&columns, 20), expected, "another memory layout");
        let mut other = x.clone();
        other[[13, 4]] = f32::from_bits(x[[13, 4]].to_bits() + 1);
        assert_ne!(of(&other, 20), expected);
        assert_ne!(of(&x.into_shape_with_order((6, 20)).unwrap(), 20), expected);
    }

    #[test]
    fn a_change_between_two_visits_is_an_error() {
        struct Changing(f32);
        impl Batches for Changing {
            fn samples(&self) -> usize {
                1
            }
            fn neurons(&self) -> usize {
                1
            }
            fn visit(
                &mut self,
                _: usize,
                visitor: &mut dyn FnMut(ActivationsView<'_>) -> Result<(), Error>,
            ) -> Result<(), Error> {
                self.0 += 1.0;
                visitor((&Array2::from_elem((1, 1), self.0)).into())
            }
        }
        let mut changing = Changing(0.0);
        let mut source = Fingerprinted::new(&mut changing);
        source.visit(1, &mut |_| Ok(())).unwrap();
        assert!(matches!(source.visit(1, &mut |_| Ok(())), Err(Error::Batches(_))), "noticed");
    }
}
