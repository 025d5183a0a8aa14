//! The types of number that activations can have.

use std::cmp::Ordering;

use fearless_simd::SimdFloatElement;

/// The precision of activations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Precision {
    /// Numbers of 32 bits, or fewer.
    #[default]
    F32,
    /// Numbers of 64 bits.
    F64,
}

impl Precision {
    /// Returns the bytes of an activation.
    #[must_use]
    pub const fn bytes(self) -> usize {
        match self {
            Self::F32 => size_of::<f32>(),
            Self::F64 => size_of::<f64>(),
        }
    }
}

/// A type of activations, which loops over them are generic in.
pub(crate) trait Element: SimdFloatElement + Into<f64> + Send + Sync {
    const ZERO: Self;
    const INFINITY: Self;
    const NEG_INFINITY: Self;

    /// Returns the same number as an `f64`.
    fn in_f64(self) -> f64 {
        self.into()
    }

    /// Returns the smaller of two numbers.
    fn smaller(self, other: Self) -> Self;
    /// Returns the larger of two numbers.
    fn larger(self, other: Self) -> Self;
    fn is_finite(self) -> bool;
    fn bits(self) -> Self::Bits;
    /// Compares by the sign, and zeros by theirs too.
    fn compare(&self, other: &Self) -> Ordering;
}

macro_rules! element {
    ($type:ident) => {
        impl Element for $type {
            const ZERO: Self = 0.0;
            const INFINITY: Self = $type::INFINITY;
            const NEG_INFINITY: Self = $type::NEG_INFINITY;

            #[inline(always)]
            fn smaller(self, other: Self) -> Self {
                self.min(other)
            }

            #[inline(always)]
            fn larger(self, other: Self) -> Self {
                self.max(other)
            }

            #[inline(always)]
            fn is_finite(self) -> bool {
                $type::is_finite(self)
            }

            #[inline(always)]
            fn bits(self) -> Self::Bits {
                self.to_bits()
            }

            #[inline(always)]
            fn compare(&self, other: &Self) -> Ordering {
                self.total_cmp(other)
            }
        }
    };
}

element!(f32);
element!(f64);
