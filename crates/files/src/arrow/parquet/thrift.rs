//! A parser of Parquet's headers, which checks them before the crate `parquet` reads them.
//!
//! The crate `parquet` has no limits: it allocates memory for as many children as a schema claims,
//! recurses for each level of it, and goes through lists that take no room in the file. It also goes by
//! the numbers of fields and not by their types. So types other than the format's are refused here, and
//! `parquet` finds the same fields as this parser.

use super::layout::{Claim, Fields, Kind, SCHEMA_ELEMENT};

/// The largest depth of nested structures.
const MAX_DEPTH: usize = 32;

/// A reason to refuse a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wrong {
    /// The bytes end before the header does.
    CutOff,
    /// The header does not follow the format.
    Malformed,
}

/// A node of a schema, as it stands in the header.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Element {
    pub(super) name_bytes: usize,
    pub(super) children: u64,
}

/// The claims of a header.
#[derive(Debug, Default)]
pub(super) struct Claims {
    /// The number of bytes of a page after decompression.
    pub(super) unpacked: u64,
    /// The number of values in a page or in a dictionary.
    pub(super) values: u64,
    /// Bytes in front of a page's values: those of definition levels and of repetition levels.
    pub(super) levels: [Option<u64>; 2],
    /// The nodes of the schema, each before its children.
    pub(super) schema: Vec<Element>,
}

/// A structure in Thrift's compact encoding.
pub(super) struct Header<'a> {
    rest: &'a [u8],
    claims: Claims,
}

impl<'a> Header<'a> {
    /// Parses the structure at the beginning of `bytes`. Returns its length and its claims.
    pub(super) fn read(bytes: &'a [u8], fields: Fields) -> Result<(usize, Claims), Wrong> {
        let mut header = Self { rest: bytes, claims: Claims::default() };
        header.fields(fields, 0)?;
        Ok((bytes.len() - header.rest.len(), header.claims))
    }

    fn fields(&mut self, known: Fields, depth: usize) -> Result<(), Wrong> {
        if depth > MAX_DEPTH {
            return Err(Wrong::Malformed);
        }
        let mut id = 0i16;
        loop {
            let begin = self.byte()?;
            if begin & 15 == 0 {
                return Ok(());
            }
            id = match begin >> 4 {
                0 => self.number()?.try_into().map_err(|_| Wrong::Malformed)?,
                more => id.checked_add(more.into()).ok_or(Wrong::Malformed)?,
            };
            match known.iter().find(|(known, _)| *known == id) {
                Some((_, kind)) => self.known(kind, begin & 15, depth)?,
                None => self.skip(begin & 15, depth)?,
            }
        }
    }

    fn known(&mut self, kind: &Kind, encoding: u8, depth: usize) -> Result<(), Wrong> {
        match (kind, encoding) {
            (Kind::Flag, 1 | 2) | (Kind::Byte, 3) | (Kind::Number, 4..=6) => {
                self.skip(encoding, depth)
            }
            (Kind::Real, 7) | (Kind::Text, 8) => self.skip(encoding, depth),
            (Kind::Claim(claim), 4..=6) => {
                let number = u64::try_from(self.number()?).map_err(|_| Wrong::Malformed)?;
                self.claimed(*claim, number)
            }
            (Kind::Name, 8) => {
                let len = self.text()?;
                if let Some(element) = self.claims.schema.last_mut() {
                    element.name_bytes = element.name_bytes.max(len);
                }
                Ok(())
            }
            (Kind::List(kind), 9) => {
                let (encoding, len) = self.list()?;
                (0..len).try_for_each(|_| self.known(kind, encoding, depth))
            }
            (Kind::Structure(fields), 12) => self.fields(fields, depth + 1),
            (Kind::Element, 12) => {
                self.claims.schema.push(Element::default());
                self.fields(SCHEMA_ELEMENT, depth + 1)
            }
            _ => Err(Wrong::Malformed),
        }
    }

    /// Records a claim. If a field is there twice, takes the larger number, whichever of the two
    /// `parquet` takes. For levels, the larger number is not the worse one, so they may be there only
    /// once.
    fn claimed(&mut self, claim: Claim, number: u64) -> Result<(), Wrong> {
        let known = match claim {
            Claim::DefinitionLevels | Claim::RepetitionLevels => {
                let known = &mut self.claims.levels[usize::from(claim == Claim::RepetitionLevels)];
                return if known.replace(number).is_some() {
                    Err(Wrong::Malformed)
                } else {
                    Ok(())
                };
            }
            Claim::Unpacked => &mut self.claims.unpacked,
            Claim::Values => &mut self.claims.values,
            Claim::Children => &mut self.claims.schema.last_mut().ok_or(Wrong::Malformed)?.children,
        };
        *known = number.max(*known);
        Ok(())
    }

    fn skip(&mut self, encoding: u8, depth: usize) -> Result<(), Wrong> {
        match encoding {
            1 | 2 => Ok(()), // flags are in the field's own byte
            3 => self.byte().map(drop),
            4..=6 => self.number().map(drop),
            7 => self.advance(8),
            8 => self.text().map(drop),
            9 | 10 => {
                let (encoding, len) = self.list()?;
                if len > 0 && !(3..=12).contains(&encoding) {
                    return Err(Wrong::Malformed); // flags, any number of which takes no room
                }
                (0..len).try_for_each(|_| self.skip(encoding, depth + 1))
            }
            12 => self.fields(&[], depth + 1),
            _ => Err(Wrong::Malformed), // maps, for instance, of which the format has none
        }
    }

    /// Reads the encoding and the number of a list's elements.
    fn list(&mut self) -> Result<(u8, u64), Wrong> {
        let begin = self.byte()?;
        let len = match begin >> 4 {
            15 => self.unsigned()?,
            len => len.into(),
        };
        Ok((begin & 15, len))
    }

    fn text(&mut self) -> Result<usize, Wrong> {
        let len = usize::try_from(self.unsigned()?).map_err(|_| Wrong::Malformed)?;
        self.advance(len)?;
        Ok(len)
    }

    fn number(&mut self) -> Result<i64, Wrong> {
        let zigzag = self.unsigned()?;
        Ok((zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed())
    }

    fn unsigned(&mut self) -> Result<u64, Wrong> {
        let mut number = 0;
        for shift in (0..63).step_by(7) {
            let byte = self.byte()?;
            number |= u64::from(byte & 127) << shift;
            if byte < 128 {
                return Ok(number);
            }
        }
        // The last bit of 64.
        match self.byte()? {
            bit @ (0 | 1) => Ok(number | u64::from(bit) << 63),
            _ => Err(Wrong::Malformed),
        }
    }

    fn byte(&mut self) -> Result<u8, Wrong> {
        let (&byte, rest) = self.rest.split_first().ok_or(Wrong::CutOff)?;
        self.rest = rest;
        Ok(byte)
    }

    fn advance(&mut self, len: usize) -> Result<(), Wrong> {
        self.rest = self.rest.get(len..).ok_or(Wrong::CutOff)?;
        Ok(())
    }
}
