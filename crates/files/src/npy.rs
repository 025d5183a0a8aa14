//! The `.npy` format: a line of Python, then the elements.
//!
//! The line is parsed here, strictly and without recursion. General parsers of Python literals overflow
//! the stack on `((((…`, and multiply claimed lengths without a check.

use std::io::Read;
use std::iter;

use super::array::Description;
use super::element::ByteOrder;
use super::source::Source;
use super::visit::Visitor;
use super::{ElementType, FileError, LayerInfo, Place, choose};

/// The longest header that is read. Numpy writes 128 bytes for any array of activations. The first
/// version of the format cannot express a longer header than this.
const MAX_HEADER_BYTES: usize = u16::MAX as usize;

pub(super) fn layer(source: &mut Source) -> Result<LayerInfo, FileError> {
    let name = source.stem();
    let path = source.path.clone();
    let header = Header::read(Place::layer(&path, &name), &mut source.file)?;
    Ok(header.description.info(&name))
}

pub(super) fn visit(
    source: &mut Source,
    name: Option<&str>,
    visitor: &mut dyn Visitor,
) -> Result<(), FileError> {
    let names = [source.stem()];
    let path = source.path.clone();
    let place = Place::layer(&path, choose(&path, name, &names, String::as_str)?);
    let header = Header::read(place, &mut source.file)?;
    let data = source.len.saturating_sub(header.len);
    header.description.visit_plain(place, source, header.len, data, visitor)
}

/// Returns the header that numpy would write for an array in row-major order.
pub(super) fn header(descr: &str, shape: &[usize]) -> Vec<u8> {
    /// The alignment of the first element, so that the elements of a mapped file are aligned.
    const ALIGNMENT: usize = 64;
    let shape = match shape {
        [length] => format!("({length},)"),
        _ => format!("({})", shape.iter().map(usize::to_string).collect::<Vec<_>>().join(", ")),
    };
    let mut text = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}");
    let start = b"\x93NUMPY\x01\x00\0\0".len();
    let padding = (start + text.len() + 1).next_multiple_of(ALIGNMENT) - start - text.len();
    text.extend(iter::repeat_n(' ', padding - 1).chain(iter::once('\n')));
    // Far below the limit: a shape in decimals takes some 20 bytes an axis.
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    [&b"\x93NUMPY\x01\x00"[..], &length.to_le_bytes(), text.as_bytes()].concat()
}

/// The header of a `.npy` file.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) description: Description,
    /// Bytes before the first element.
    pub(super) len: u64,
}

impl Header {
    /// Reads the header, and no byte after it.
    pub(super) fn read(place: Place<'_>, reader: &mut dyn Read) -> Result<Self, FileError> {
        let mut start = [0; 8];
        reader.read_exact(&mut start).map_err(|source| place.read(source))?;
        let [magic @ .., major, _minor] = start;
        if magic != *b"\x93NUMPY" {
            return Err(place.damaged("it does not begin as a .npy file does"));
        }
        let mut length = [0; 4];
        let length_bytes = match major {
            1 => 2,
            2 | 3 => 4,
            _ => return Err(place.damaged(format!("version {major} of .npy is not known"))),
        };
        reader.read_exact(&mut length[..length_bytes]).map_err(|source| place.read(source))?;
        let length = u32::from_le_bytes(length) as usize;
        if length > MAX_HEADER_BYTES {
            let problem = format!("a header of {length} bytes is longer than {MAX_HEADER_BYTES}");
            return Err(place.damaged(problem));
        }
        let mut text = vec![0; length];
        reader.read_exact(&mut text).map_err(|source| place.read(source))?;
        let text = str::from_utf8(&text).map_err(|_| place.damaged("its header is not text"))?;
        let description = Parser { rest: text }
            .header()
            .map_err(|problem| place.damaged(format!("its header {problem}")))?;
        Ok(Self { description, len: (8 + length_bytes + length) as u64 })
    }
}

/// A parser of `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.
struct Parser<'a> {
    rest: &'a str,
}

/// A parsed value, or a problem that follows the words "its header".
type Parsed<T> = Result<T, String>;

impl<'a> Parser<'a> {
    fn header(&mut self) -> Parsed<Description> {
        let (mut element, mut order, mut shape) = (None, None, None);
        self.expect('{')?;
        while !self.accept('}') {
            let key = self.string()?;
            self.expect(':')?;
            match key {
                "descr" => element = Some(self.element()?),
                "fortran_order" => order = Some(self.boolean()?),
                "shape" => shape = Some(self.shape()?),
                _ => return Err(format!("has an unknown key, '{key}'")),
            }
            if !self.accept(',') {
                self.expect('}')?;
                break;
            }
        }
        if !self.rest.trim().is_empty() {
            return Err("goes on after its end".to_owned());
        }
        let missing = |key: &str| format!("lacks '{key}'");
        let (element_type, byte_order) = element.ok_or_else(|| missing("descr"))?;
        Ok(Description {
            element_type,
            byte_order,
            is_fortran_order: order.ok_or_else(|| missing("fortran_order"))?,
            shape: shape.ok_or_else(|| missing("shape"))?,
        })
    }

    fn accept(&mut self, expected: char) -> bool {
        let stripped = self.rest.trim_start().strip_prefix(expected);
        self.rest = stripped.unwrap_or(self.rest);
        stripped.is_some()
    }

    fn expect(&mut self, expected: char) -> Parsed<()> {
        let next = self.rest.trim_start().chars().next();
        if self.accept(expected) {
            return Ok(());
        }
        let next = next.map_or("nothing".to_owned(), |c| format!("'{c}'"));
        Err(format!("has {next} where '{expected}' belongs"))
    }

    /// Reads a string without escapes: no key and no type has any.
    fn string(&mut self) -> Parsed<&'a str> {
        let quote = if self.rest.trim_start().starts_with('"') { '"' } else { '\'' };
        self.expect(quote)?;
        let (text, rest) =
            self.rest.split_once(quote).ok_or("has a string without an end".to_owned())?;
        self.rest = rest;
        Ok(text)
    }

    fn boolean(&mut self) -> Parsed<bool> {
        let rest = self.rest.trim_start();
        for (text, value) in [("True", true), ("False", false)] {
            if let Some(rest) = rest.strip_prefix(text) {
                self.rest = rest;
                return Ok(value);
            }
        }
        Err("has a 'fortran_order' that is neither True nor False".to_owned())
    }

    fn shape(&mut self) -> Parsed<Vec<usize>> {
        let mut shape = Vec::new();
        self.expect('(')?;
        while !self.accept(')') {
            let rest = self.rest.trim_start();
            let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
            let (digits, rest) = rest.split_at(end);
            let length = digits.parse().map_err(|_| "has an impossible 'shape'".to_owned())?;
            shape.push(length);
            // Python 2 wrote long integers with an L.
            self.rest = rest.strip_prefix('L').unwrap_or(rest);
            if !self.accept(',') {
                self.expect(')')?;
                break;
            }
        }
        Ok(shape)
    }

    fn element(&mut self) -> Parsed<(ElementType, ByteOrder)> {
        if !self.rest.trim_start().starts_with('[') {
            return self.string().map(element_type);
        }
        // A list has the fields of a structure. They are skipped: only their end matters.
        let mut depth = 0usize;
        for (index, c) in self.rest.char_indices() {
            match c {
                '[' => depth += 1,
                ']' => depth -= 1, // never below zero: the first bracket opens
                _ => {}
            }
            if c == ']' && depth == 0 {
                self.rest = &self.rest[index + 1..];
                return Ok((ElementType::Other("structure".to_owned()), ByteOrder::Little));
            }
        }
        Err("has a list without an end".to_owned())
    }
}

/// Parses a type string such as `<f4`.
pub(super) fn element_type(name: &str) -> (ElementType, ByteOrder) {
    let (order, kind) = match name.split_at_checked(1) {
        Some((">", kind)) => (ByteOrder::Big, kind),
        Some(("<" | "|", kind)) => (ByteOrder::Little, kind),
        Some(("=", kind)) => (ByteOrder::NATIVE, kind),
        _ => (ByteOrder::Little, name),
    };
    let element = match kind {
        "b1" | "?" => ElementType::Bool,
        "i1" => ElementType::I8,
        "i2" => ElementType::I16,
        "i4" => ElementType::I32,
        "i8" => ElementType::I64,
        "u1" => ElementType::U8,
        "u2" => ElementType::U16,
        "u4" => ElementType::U32,
        "u8" => ElementType::U64,
        "f2" => ElementType::F16,
        "f4" => ElementType::F32,
        "f8" => ElementType::F64,
        _ if kind.starts_with('O') => ElementType::Other("object".to_owned()),
        _ => ElementType::Other(name.to_owned()),
    };
    (element, order)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn header(version: u8, length: u32, text: &str) -> Result<Header, FileError> {
        let mut bytes = b"\x93NUMPY".to_vec();
        bytes.extend([version, 0]);
        bytes.extend(&length.to_le_bytes()[..if version == 1 { 2 } else { 4 }]);
        bytes.extend(text.as_bytes());
        Header::read(Place::file(Path::new("file")), &mut bytes.as_slice())
    }

    fn parse(text: &str) -> Result<Description, FileError> {
        header(1, u32::try_from(text.len()).unwrap(), text).map(|header| header.description)
    }

    #[test]
    fn what_numpy_writes_is_understood() {
        let text = "{'descr': '>f8', 'fortran_order': True, 'shape': (3, 4), }   \n";
        let expected = Description {
            element_type: ElementType::F64,
            byte_order: ByteOrder::Big,
            is_fortran_order: true,
            shape: vec![3, 4],
        };
        assert_eq!(parse(text).unwrap(), expected);
        assert_eq!(header(3, 61, text).unwrap(), Header { description: expected, len: 73 });
        let one = parse("{'descr': '|u1', 'fortran_order': False, 'shape': (3L,), }").unwrap();
        assert_eq!(one.shape, [3]);
        let none = parse("{\"shape\":(),\"descr\":\"<f2\",\"fortran_order\":False}").unwrap();
        assert_eq!((none.shape, none.element_type), (vec![], ElementType::F16));
        let fields = "{'descr': [('a', '<f4', (2,)), ('b', [('c', '|O')])], \
                      'fortran_order': False, 'shape': (3,), }";
        assert_eq!(parse(fields).unwrap().element_type, ElementType::Other("structure".into()));
    }

    /// Compares with the bytes that `numpy.save` of numpy 2.4 writes for zeros of each shape.
    #[test]
    fn headers_are_those_of_numpy() {
        let expected = |text: &str| {
            let mut bytes = b"\x93NUMPY\x01\x00v\x00".to_vec();
            bytes.extend(format!("{text:<117}\n").as_bytes());
            bytes
        };
        for (shape, text) in [
            (&[][..], "{'descr': '<f8', 'fortran_order': False, 'shape': (), }"),
            (&[3], "{'descr': '<f8', 'fortran_order': False, 'shape': (3,), }"),
            (&[3, 20], "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 20), }"),
        ] {
            assert_eq!(super::header("<f8", shape), expected(text), "{shape:?}");
        }
        let long = super::header("<f8", &[usize::MAX; 4]);
        assert_eq!(long.len() % 64, 0);
        let read = Header::read(Place::file(Path::new("file")), &mut long.as_slice()).unwrap();
        assert_eq!(read.description.shape, [usize::MAX; 4]);
    }

    #[test]
    fn what_numpy_does_not_write_is_refused() {
        let nested = format!("{{'descr': {}", "[".repeat(60_000));
        let shape =
            |shape: &str| format!("{{'descr': '<f4', 'fortran_order': False, 'shape': {shape}, }}");
        for text in [
            "",
            "{",
            "{}",
            "((((((",
            "{'descr'",
            "{'descr': '<f4",
            "{'descr': '<f4', 'fortran_order': False}",
            "{'descr': '<f4', 'fortran_order': 0, 'shape': (3,)}",
            "{'descr': ]]}",
            "{'other': 3}",
            &nested,
            &shape("3"),
            &shape("(-3, 4)"),
            &shape("(3 4)"),
            &shape("(,)"),
            &shape("(99999999999999999999999, 2)"),
            &(shape("(3, 4)") + "x"),
        ] {
            let error = parse(text).unwrap_err();
            assert!(matches!(error, FileError::Damaged { .. }), "{text:.60}: {error}");
        }
        let error = header(2, u32::MAX, "{").unwrap_err().to_string();
        assert!(error.contains("4294967295 bytes is longer than 65535"), "{error}");
        assert!(header(9, 1, "{").unwrap_err().to_string().contains("version 9"));
        assert!(header(1, 500, "{").unwrap_err().to_string().contains("ends too early"));
    }
}
