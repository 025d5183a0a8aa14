//! Element types, and their conversion to `f32`.

use std::fmt;

use half::{bf16, f16};

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

/// The values converted so far, and whether the conversion was exact.
#[derive(Debug, Default)]
pub(super) struct Values {
    pub(super) values: Vec<f32>,
    /// True if `f32` could not hold a value exactly.
    pub(super) rounded: bool,
    /// Index and value of the first finite number that became infinite.
    pub(super) beyond_f32: Option<(usize, f64)>,
}

impl Values {
    /// Removes the values but keeps their memory.
    pub(super) fn clear(&mut self) {
        self.values.clear();
        self.rounded = false;
        self.beyond_f32 = None;
    }

    /// Converts a block of whole elements. The caller has reserved the space.
    pub(super) fn extend(&mut self, element_type: &ElementType, order: ByteOrder, bytes: &[u8]) {
        macro_rules! decode {
            ($type:ty, $convert:expr) => {
                match order {
                    ByteOrder::Little => self.map(bytes, |b| $convert(<$type>::from_le_bytes(b))),
                    ByteOrder::Big => self.map(bytes, |b| $convert(<$type>::from_be_bytes(b))),
                }
            };
        }
        match element_type {
            ElementType::Bool => self.map(bytes, |[b]| exact(u8::from(b != 0))),
            ElementType::I8 => decode!(i8, exact),
            ElementType::I16 => decode!(i16, exact),
            ElementType::U8 => decode!(u8, exact),
            ElementType::U16 => decode!(u16, exact),
            ElementType::F16 => decode!(f16, exact),
            ElementType::Bf16 => decode!(bf16, exact),
            ElementType::F32 => decode!(f32, exact),
            ElementType::I32 => decode!(i32, |x| nearest(f64::from(x))),
            ElementType::U32 => decode!(u32, |x| nearest(f64::from(x))),
            ElementType::I64 => decode!(i64, |x: i64| (x as f32, is_wide(x.unsigned_abs()))),
            ElementType::U64 => decode!(u64, |x: u64| (x as f32, is_wide(x))),
            ElementType::F64 => {
                let first = self.values.len();
                decode!(f64, nearest);
                self.note_overflow(first, order, bytes);
            }
            ElementType::Other(_) => {}
        }
    }

    /// Converts whole elements in one branchless pass. Compilers turn it into vector instructions, and
    /// for `f32` into a copy.
    fn map<const SIZE: usize>(
        &mut self,
        bytes: &[u8],
        convert: impl Fn([u8; SIZE]) -> (f32, bool),
    ) {
        let mut rounded = false;
        self.values.extend(bytes.as_chunks::<SIZE>().0.iter().map(|&element| {
            let (value, is_rounded) = convert(element);
            rounded |= is_rounded;
            value
        }));
        self.rounded |= rounded;
    }

    fn note_overflow(&mut self, first: usize, order: ByteOrder, bytes: &[u8]) {
        if self.beyond_f32.is_some() {
            return;
        }
        let elements = bytes.as_chunks().0.iter().map(|&b| match order {
            ByteOrder::Little => f64::from_le_bytes(b),
            ByteOrder::Big => f64::from_be_bytes(b),
        });
        let mut pairs = elements.zip(&self.values[first..]).enumerate();
        let lost = pairs.find(|(_, (x, near))| x.is_finite() && near.is_infinite());
        self.beyond_f32 = lost.map(|(index, (x, _))| (first + index, x));
    }
}

fn exact(x: impl Into<f32>) -> (f32, bool) {
    (x.into(), false)
}

/// Returns whether an integer needs more than the 24 bits of a significand.
fn is_wide(magnitude: u64) -> bool {
    magnitude != 0 && u64::BITS - magnitude.leading_zeros() - magnitude.trailing_zeros() > 24
}

/// Returns the nearest `f32`, and whether it is another number. NaN stays NaN and does not count as
/// rounded.
fn nearest(x: f64) -> (f32, bool) {
    #[expect(clippy::cast_possible_truncation, reason = "rounding is what is reported")]
    let near = x as f32;
    (near, f64::from(near) != x && !x.is_nan())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(element_type: ElementType, order: ByteOrder, bytes: &[u8]) -> Values {
        let mut values = Values::default();
        values.extend(&element_type, order, bytes);
        values
    }

    #[test]
    fn both_byte_orders_of_every_width() {
        let is = |element_type: ElementType, big: &[u8], expected: f32| {
            let little: Vec<u8> = big.iter().rev().copied().collect();
            let big = decode(element_type.clone(), ByteOrder::Big, big);
            let little = decode(element_type.clone(), ByteOrder::Little, &little);
            assert_eq!((big.values, big.rounded), (vec![expected], false), "{element_type}");
            assert_eq!((little.values, little.rounded), (vec![expected], false), "{element_type}");
        };
        is(ElementType::Bool, &[7], 1.0);
        is(ElementType::I8, &[0xff], -1.0);
        is(ElementType::U8, &[0xff], 255.0);
        is(ElementType::I16, &(-300i16).to_be_bytes(), -300.0);
        is(ElementType::U16, &65_000u16.to_be_bytes(), 65_000.0);
        is(ElementType::I32, &(-70_000i32).to_be_bytes(), -70_000.0);
        is(ElementType::U32, &(1u32 << 31).to_be_bytes(), 2_147_483_648.0);
        is(ElementType::I64, &i64::MIN.to_be_bytes(), -9_223_372_036_854_775_808.0);
        is(ElementType::U64, &(1u64 << 63).to_be_bytes(), 9_223_372_036_854_775_808.0);
        is(ElementType::F16, &[0x3c, 0x00], 1.0);
        is(ElementType::F16, &[0x00, 0x01], 2f32.powi(-24));
        is(ElementType::Bf16, &[0xc0, 0x40], -3.0);
        is(ElementType::F32, &0.1f32.to_be_bytes(), 0.1);
        is(ElementType::F64, &0.5f64.to_be_bytes(), 0.5);
        is(ElementType::F64, &f64::INFINITY.to_be_bytes(), f32::INFINITY);
    }

    #[test]
    fn rounding_and_overflow_are_noticed() {
        let little = ByteOrder::Little;
        assert!(decode(ElementType::F64, little, &0.1f64.to_le_bytes()).rounded);
        assert!(!decode(ElementType::F64, little, &f64::NAN.to_le_bytes()).rounded);
        assert!(decode(ElementType::I32, little, &i32::MAX.to_le_bytes()).rounded);
        assert!(decode(ElementType::U64, little, &u64::MAX.to_le_bytes()).rounded);
        assert!(decode(ElementType::I64, little, &i64::MAX.to_le_bytes()).rounded);
        assert!(!decode(ElementType::I64, little, &(-0xff_ffffi64 << 30).to_le_bytes()).rounded);
        assert!(decode(ElementType::I64, little, &0x100_0001i64.to_le_bytes()).rounded);
        let mut values = Values::default();
        for x in [1.0, f64::NAN, 1e39, -1e300] {
            values.extend(&ElementType::F64, little, &f64::to_le_bytes(x));
        }
        assert_eq!(values.beyond_f32, Some((2, 1e39)));
    }
}
