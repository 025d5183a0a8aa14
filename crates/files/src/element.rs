//! Element types, and their conversion to the type that holds all of their numbers.

use std::fmt;

use half::{bf16, f16};

use cofire::Precision;

use super::activations::Elements;

/// The type of an array's elements, as stored in a file.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ElementType {
    /// One byte, zero for false. Read as 0 and 1.
    Bool,
    /// Signed integer of 8 bits.
    I8,
    /// Signed integer of 16 bits.
    I16,
    /// Signed integer of 32 bits.
    I32,
    /// Signed integer of 64 bits.
    I64,
    /// Unsigned integer of 8 bits.
    U8,
    /// Unsigned integer of 16 bits.
    U16,
    /// Unsigned integer of 32 bits.
    U32,
    /// Unsigned integer of 64 bits.
    U64,
    /// IEEE half precision.
    F16,
    /// The upper half of a single-precision number.
    Bf16,
    /// IEEE single precision.
    F32,
    /// IEEE double precision.
    F64,
    /// A type that is not read as activations, as the file names it.
    Other(String),
}

impl ElementType {
    /// Returns the size of one element in bytes, or `None` for types that are not read.
    pub(super) fn size(&self) -> Option<usize> {
        Some(match self {
            Self::Bool | Self::I8 | Self::U8 => 1,
            Self::I16 | Self::U16 | Self::F16 | Self::Bf16 => 2,
            Self::I32 | Self::U32 | Self::F32 => 4,
            Self::I64 | Self::U64 | Self::F64 => 8,
            Self::Other(_) => return None,
        })
    }

    /// Returns the precision that holds every number of this type, but for integers beyond 2⁵³.
    #[must_use]
    pub fn precision(&self) -> Precision {
        match self {
            Self::I32 | Self::U32 | Self::I64 | Self::U64 | Self::F64 => Precision::F64,
            _ => Precision::F32,
        }
    }
}

impl fmt::Display for ElementType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Bool => "bool",
            Self::I8 => "i8",
            Self::I16 => "i16",
            Self::I32 => "i32",
            Self::I64 => "i64",
            Self::U8 => "u8",
            Self::U16 => "u16",
            Self::U32 => "u32",
            Self::U64 => "u64",
            Self::F16 => "f16",
            Self::Bf16 => "bf16",
            Self::F32 => "f32",
            Self::F64 => "f64",
            Self::Other(name) => name,
        })
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ByteOrder {
    Little,
    Big,
}

impl ByteOrder {
    /// The byte order of this machine.
    pub(super) const NATIVE: Self =
        if cfg!(target_endian = "big") { Self::Big } else { Self::Little };
}

/// The largest magnitude of an integer up to which an `f64` holds every integer.
pub(super) const LARGEST_INTEGER: u64 = 1 << f64::MANTISSA_DIGITS;

/// The values converted so far.
#[derive(Debug)]
pub(super) struct Values {
    pub(super) elements: Elements,
    /// Index and value of the first integer beyond [`LARGEST_INTEGER`].
    pub(super) too_large: Option<(usize, i128)>,
}

impl Values {
    /// Makes an empty list for elements of a type.
    pub(super) fn new(element_type: &ElementType) -> Self {
        Self { elements: Elements::new(element_type.precision()), too_large: None }
    }

    /// Removes the values but keeps their memory.
    pub(super) fn clear(&mut self) {
        self.elements.clear();
        self.too_large = None;
    }

    /// Converts a block of whole elements, all of the type that the list was made for. The caller has
    /// reserved the space.
    pub(super) fn extend(&mut self, element_type: &ElementType, order: ByteOrder, bytes: &[u8]) {
        macro_rules! decode {
            ($values:expr, $type:ty, $convert:expr) => {
                match order {
                    ByteOrder::Little => {
                        append($values, bytes, |b| $convert(<$type>::from_le_bytes(b)))
                    }
                    ByteOrder::Big => {
                        append($values, bytes, |b| $convert(<$type>::from_be_bytes(b)))
                    }
                }
            };
        }
        macro_rules! decode_wide {
            ($values:expr, $type:ty, $magnitude:expr) => {{
                let (first, mut largest) = ($values.len(), 0);
                decode!($values, $type, |x: $type| {
                    largest = largest.max($magnitude(x));
                    x as f64
                });
                if largest > LARGEST_INTEGER && self.too_large.is_none() {
                    let elements = bytes.as_chunks().0.iter().map(|&b| match order {
                        ByteOrder::Little => <$type>::from_le_bytes(b),
                        ByteOrder::Big => <$type>::from_be_bytes(b),
                    });
                    let found =
                        elements.enumerate().find(|&(_, x)| $magnitude(x) > LARGEST_INTEGER);
                    self.too_large = found.map(|(index, x)| (first + index, x.into()));
                }
            }};
        }
        match &mut self.elements {
            Elements::F32(values) => match element_type {
                ElementType::Bool => append(values, bytes, |[b]| f32::from(u8::from(b != 0))),
                ElementType::I8 => decode!(values, i8, f32::from),
                ElementType::I16 => decode!(values, i16, f32::from),
                ElementType::U8 => decode!(values, u8, f32::from),
                ElementType::U16 => decode!(values, u16, f32::from),
                ElementType::F16 => decode!(values, f16, f32::from),
                ElementType::Bf16 => decode!(values, bf16, f32::from),
                ElementType::F32 => decode!(values, f32, f32::from),
                _ => {}
            },
            Elements::F64(values) => match element_type {
                ElementType::I32 => decode!(values, i32, f64::from),
                ElementType::U32 => decode!(values, u32, f64::from),
                ElementType::I64 => decode_wide!(values, i64, i64::unsigned_abs),
                ElementType::U64 => decode_wide!(values, u64, u64::from),
                ElementType::F64 => decode!(values, f64, f64::from),
                _ => {}
            },
        }
    }
}

/// Converts whole elements in one branchless pass. Compilers turn it into vector instructions, and for
/// floating-point numbers of the same type into a copy.
fn append<T, const SIZE: usize>(
    values: &mut Vec<T>,
    bytes: &[u8],
    convert: impl FnMut([u8; SIZE]) -> T,
) {
    values.extend(bytes.as_chunks::<SIZE>().0.iter().copied().map(convert));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(element_type: &ElementType, order: ByteOrder, bytes: &[u8]) -> Values {
        let mut values = Values::new(element_type);
        values.extend(element_type, order, bytes);
        values
    }

    #[test]
    fn both_byte_orders_of_every_width() {
        let is = |element_type: ElementType, big: &[u8], expected: f64| {
            let little: Vec<u8> = big.iter().rev().copied().collect();
            for (order, bytes) in [(ByteOrder::Big, big), (ByteOrder::Little, &little[..])] {
                let found = decode(&element_type, order, bytes);
                let found = found.elements.arrange((1, 1), false).unwrap();
                assert_eq!(found.get(0, 0), Some(expected), "{element_type} {order:?}");
            }
        };
        is(ElementType::Bool, &[7], 1.0);
        is(ElementType::I8, &[0xff], -1.0);
        is(ElementType::U8, &[0xff], 255.0);
        is(ElementType::I16, &(-300i16).to_be_bytes(), -300.0);
        is(ElementType::U16, &65_000u16.to_be_bytes(), 65_000.0);
        is(ElementType::I32, &i32::MAX.to_be_bytes(), 2_147_483_647.0);
        is(ElementType::U32, &u32::MAX.to_be_bytes(), 4_294_967_295.0);
        is(ElementType::I64, &(-(1i64 << 53)).to_be_bytes(), -9_007_199_254_740_992.0);
        is(ElementType::U64, &((1u64 << 53) - 1).to_be_bytes(), 9_007_199_254_740_991.0);
        is(ElementType::F16, &[0x3c, 0x00], 1.0);
        is(ElementType::F16, &[0x00, 0x01], 2f64.powi(-24));
        is(ElementType::Bf16, &[0xc0, 0x40], -3.0);
        is(ElementType::F32, &0.1f32.to_be_bytes(), f64::from(0.1f32));
        is(ElementType::F64, &0.1f64.to_be_bytes(), 0.1);
        is(ElementType::F64, &1e300f64.to_be_bytes(), 1e300);
        is(ElementType::F64, &f64::INFINITY.to_be_bytes(), f64::INFINITY);
    }

    #[test]
    fn integers_that_an_f64_cannot_hold_are_noticed() {
        let limit = 1i64 << 53;
        let bytes =
            |values: &[i64]| -> Vec<u8> { values.iter().flat_map(|x| x.to_le_bytes()).collect() };
        let little = ByteOrder::Little;
        let mut values = Values::new(&ElementType::I64);
        values.extend(&ElementType::I64, little, &bytes(&[limit, -limit, 3]));
        assert_eq!(values.too_large, None);
        values.extend(&ElementType::I64, little, &bytes(&[0, -limit - 1, i64::MIN]));
        assert_eq!(values.too_large, Some((4, i128::from(-limit - 1))));
        let found = decode(&ElementType::U64, little, &u64::MAX.to_le_bytes());
        assert_eq!(found.too_large, Some((0, i128::from(u64::MAX))));
    }
}
