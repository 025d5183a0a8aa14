//! Files that no writer would write, put together by hand.

use std::io::Write;

use ::parquet::arrow::encode_arrow_schema;
use arrow_schema::{DataType, Field, Schema};
use flate2::Compression;
use flate2::write::GzEncoder;

use super::layout::FOOTER;
use super::thrift::{Header, Wrong};
use crate::tests::Files;
use crate::{FileError, layers, read_layer};

/// A structure in Thrift's compact encoding. The number of a field is a step from the field before.
#[derive(Default, Clone)]
struct Thrift(Vec<u8>);

const NUMBER: u8 = 5;
const TEXT: u8 = 8;
const LIST: u8 = 9;
const STRUCTURE: u8 = 12;

impl Thrift {
    fn raw(mut self, bytes: &[u8]) -> Self {
        self.0.extend(bytes);
        self
    }

    fn varint(mut self, mut number: u64) -> Self {
        while number > 127 {
            self.0.push((number & 127) as u8 | 128);
            number >>= 7;
        }
        self.raw(&[number as u8])
    }

    fn number(self, step: u8, number: u64) -> Self {
        self.raw(&[step << 4 | NUMBER]).varint(number << 1)
    }

    fn text(self, step: u8, text: &str) -> Self {
        self.raw(&[step << 4 | TEXT]).varint(text.len() as u64).raw(text.as_bytes())
    }

    fn list(self, step: u8, kind: u8, elements: &[Thrift]) -> Self {
        let list = self.raw(&[step << 4 | LIST, 0xF0 | kind]).varint(elements.len() as u64);
        elements.iter().fold(list, |list, element| list.raw(&element.0))
    }

    fn structure(self, step: u8, inner: &Thrift) -> Self {
        self.raw(&[step << 4 | STRUCTURE]).raw(&inner.0)
    }

    fn end(self) -> Self {
        self.raw(&[0])
    }
}

/// Makes a node of a schema: an optional number, or a repeated or optional group with children.
fn node(name: &str, repetition: u64, children: u64) -> Thrift {
    const FLOAT: u64 = 4;
    match children {
        0 => Thrift::default().number(1, FLOAT).number(2, repetition).text(1, name).end(),
        _ => Thrift::default().number(3, repetition).text(1, name).number(1, children).end(),
    }
}

const OPTIONAL: u64 = 1;
const REPEATED: u64 = 2;

/// Makes a schema of one column of numbers.
fn numbers() -> Vec<Thrift> {
    vec![node("schema", OPTIONAL, 1), node("x", OPTIONAL, 0)]
}

fn lists() -> Vec<Thrift> {
    let list = Thrift::default().number(3, OPTIONAL).text(1, "x").number(1, 1);
    let list = list.number(1, 3).end(); // a list by the older annotation
    vec![node("schema", OPTIONAL, 1), list, node("list", REPEATED, 1), node("item", OPTIONAL, 0)]
}

const SNAPPY: u64 = 1;
const UNPACKED: u64 = 0;
const GZIP: u64 = 2;
const ZSTD: u64 = 6;

/// A file with one column, which has the same pages in each of `groups` row groups of one row.
struct Made {
    schema: Vec<Thrift>,
    pages: Vec<u8>,
    packing: u64,
    groups: usize,
    /// The bytes of the column that the footer claims.
    len: u64,
    notes: Vec<(&'static str, String)>,
}

impl Made {
    fn new(schema: Vec<Thrift>, pages: Vec<u8>, packing: u64) -> Self {
        let len = pages.len() as u64;
        Self { schema, pages, packing, groups: 1, len, notes: Vec::new() }
    }

    fn error(&self) -> FileError {
        let len = self.len;
        let column = Thrift::default().number(1, 4).list(1, NUMBER, &[]).list(1, TEXT, &[]);
        let column = column.number(1, self.packing).number(1, 1).number(1, len).number(1, len);
        let column = column.number(2, 4).end();
        let chunk = Thrift::default().number(2, 4).structure(1, &column).end();
        let group = Thrift::default().list(1, STRUCTURE, &[chunk]).number(1, 1).number(1, 1).end();
        let groups = vec![group; self.groups];
        let notes = self
            .notes
            .iter()
            .map(|(key, value)| Thrift::default().text(1, key).text(1, value).end());
        let notes: Vec<Thrift> = notes.collect();
        let made = Thrift::default().number(1, 2).list(1, STRUCTURE, &self.schema);
        let made = made.number(1, self.groups as u64).list(1, STRUCTURE, &groups);
        let footer = made.list(1, STRUCTURE, &notes).end().0;
        let length = u32::try_from(footer.len()).unwrap().to_le_bytes();
        let file = [b"PAR1", &*self.pages, &footer, &length, b"PAR1"].concat();
        let files = Files::new();
        let path = files.put("x", &file);
        let listed = layers(&path);
        let error = read_layer(&path, None).unwrap_err();
        assert!(!error.to_string().contains('\n'), "{error}");
        // Listing the layers reads the column to count its samples, and must give the same error.
        if let Err(listed) = listed {
            assert_eq!(listed.to_string(), error.to_string(), "listed");
        }
        error
    }
}

/// Makes a page of the first version that claims `values` values and holds `data`.
fn page(unpacked: u64, values: u64, encoding: u64, data: &[u8]) -> Vec<u8> {
    const RLE: u64 = 3;
    let inner = Thrift::default().number(1, values).number(1, encoding);
    let inner = inner.number(1, RLE).number(1, RLE).end();
    let header = Thrift::default().number(1, 0).number(1, unpacked).number(1, data.len() as u64);
    header.structure(2, &inner).end().raw(data).0
}

fn dictionary(values: u64, data: &[u8]) -> Vec<u8> {
    let len = data.len() as u64;
    let inner = Thrift::default().number(1, values).number(1, 0).end();
    let header = Thrift::default().number(1, 2).number(1, len).number(1, len);
    header.structure(4, &inner).end().raw(data).0
}

/// Encodes levels, or indices into a dictionary: `times` times the same one, in one bit each.
fn run(times: u64, value: u8) -> Vec<u8> {
    Thrift::default().varint(times << 1).raw(&[value]).0
}

fn levels(times: u64, value: u8) -> Vec<u8> {
    let run = run(times, value);
    [&u32::try_from(run.len()).unwrap().to_le_bytes()[..], &run].concat()
}

/// Makes a zstd frame of these bytes, and `times` times 128 KiB of zeros.
fn zstd_of_zeros(start: &[u8], times: u32) -> Vec<u8> {
    const RAW: u32 = 0;
    const SAME: u32 = 1;
    const BLOCK: u32 = 1 << 17;
    let block = |is_last: bool, kind: u32, len: u32| {
        (u32::from(is_last) | kind << 1 | len << 3).to_le_bytes()[..3].to_vec()
    };
    let start_len = u32::try_from(start.len()).unwrap();
    let len = start_len + times * BLOCK;
    let mut frame = [&[0x28, 0xB5, 0x2F, 0xFD, 0b1010_0000][..], &len.to_le_bytes()].concat();
    frame.extend([block(false, RAW, start_len), start.to_vec()].concat());
    (1..=times)
        .for_each(|time| frame.extend([block(time == times, SAME, BLOCK), vec![0]].concat()));
    frame
}

const MOST: u64 = i32::MAX as u64;
const PLAIN: u64 = 0;
const BY_DICTIONARY: u64 = 8;

#[test]
fn what_is_put_together_is_a_file() {
    let data = [levels(2, 1), 1.5f32.to_le_bytes().to_vec(), 2.5f32.to_le_bytes().to_vec()];
    let data = data.concat();
    let made = Made::new(numbers(), page(data.len() as u64, 2, PLAIN, &data), UNPACKED);
    let error = made.error();
    assert!(error.to_string().contains("claims 1 samples and has 2"), "{error}");
}

#[test]
fn pages_are_not_believed() {
    let is_refused = |made: Made, what: &str| {
        let error = made.error();
        assert!(matches!(error, FileError::Expansion { .. }), "{what}: {error}");
    };
    let few = page(MOST, 1, PLAIN, &[4, 12, 0, 0, 0, 0]);
    is_refused(Made::new(numbers(), few, SNAPPY), "bytes when unpacked");
    let data = [levels(MOST, 1), vec![0, 2, 0]].concat();
    let constant = page(data.len() as u64, MOST, BY_DICTIONARY, &data);
    let pages = [dictionary(1, &[0; 4]), constant].concat();
    is_refused(Made::new(numbers(), pages, UNPACKED), "values");
    // A row that is a list of all values.
    let data = [levels(MOST, 1), run(MOST, 3), vec![0, 2, 0]].concat();
    let constant = page(data.len() as u64, MOST, BY_DICTIONARY, &data);
    let pages = [dictionary(1, &[0; 4]), constant].concat();
    is_refused(Made::new(lists(), pages, UNPACKED), "values of a list");
    let pages = [dictionary(MOST, &[0; 4]), page(4, 1, BY_DICTIONARY, &[0, 0, 0, 0])].concat();
    is_refused(Made::new(numbers(), pages, UNPACKED), "values of a dictionary");
    // A page with true claims, and a footer that leads to it again and again.
    let zeros = zstd_of_zeros(&levels(1 << 20, 1), 32);
    let pages = page((4 << 20) + levels(1 << 20, 1).len() as u64, 1 << 20, PLAIN, &zeros);
    let many = Made { groups: 50, ..Made::new(numbers(), pages, ZSTD) };
    is_refused(many, "the same page");
    let data = [levels(1, 1), vec![0; 4]].concat();
    let pages = page(data.len() as u64, 1, PLAIN, &data).repeat(500);
    let small = Made { groups: 400, ..Made::new(numbers(), pages, UNPACKED) };
    is_refused(small, "many small pages");
}

/// Checks gzip, which does not say what it decompresses to.
#[test]
fn pages_are_not_unpacked_without_end() {
    let mut zeros = GzEncoder::new(Vec::new(), Compression::fast());
    zeros.write_all(&[0; 1 << 20]).unwrap();
    let zeros = zeros.finish().unwrap();
    let first = Made::new(numbers(), page(10, 1, PLAIN, &zeros), GZIP).error();
    assert!(first.to_string().contains("unpacks to more than its header says"), "{first}");
    // A page of the second version, with two bytes of levels that are not compressed.
    let inner = Thrift::default().number(1, 1).number(1, 0).number(1, 1).number(1, PLAIN);
    let inner = inner.number(1, 2).number(1, 0).end();
    let data = [&[2, 1][..], &zeros].concat();
    let header = Thrift::default().number(1, 3).number(1, 6).number(1, data.len() as u64);
    let second = header.structure(5, &inner).end().raw(&data).0;
    let second = Made::new(numbers(), second, GZIP).error();
    assert!(second.to_string().contains("unpacks to more than its header says"), "{second}");
}

#[test]
fn pages_lie_in_the_file() {
    let header = |len: u64| {
        let inner = Thrift::default().number(1, 1).number(1, 0).number(1, 3).number(1, 3).end();
        let header = Thrift::default().number(1, 0).number(1, 4).number(1, len);
        header.structure(2, &inner).end().0
    };
    let far = Made { len: 2 * MOST, ..Made::new(numbers(), header(MOST), UNPACKED) }.error();
    assert!(far.to_string().contains("a page lies outside of the file"), "{far}");
    for wrong in [&[0xFF; 40][..], &[0x15, 0, 0x18, 1, 7], &[]] {
        let error = Made::new(numbers(), wrong.to_vec(), UNPACKED).error();
        assert!(matches!(error, FileError::Damaged { .. }), "{wrong:?}: {error}");
    }
}

#[test]
fn schemas_are_not_believed() {
    let error = |schema| Made::new(schema, Vec::new(), UNPACKED).error();
    let claimed = error(vec![node("schema", OPTIONAL, MOST), node("x", OPTIONAL, 0)]);
    assert!(claimed.to_string().contains("more columns than there are"), "{claimed}");
    let mut deep = vec![node("x", OPTIONAL, 1); 100_000];
    deep.push(node("x", OPTIONAL, 0));
    let deep = error(deep);
    assert!(deep.to_string().contains("more than 64 deep"), "{deep}");
    let columns = vec![node("x", OPTIONAL, 0); 20_000];
    let group = node(&"long".repeat(40_000), OPTIONAL, 20_000);
    let long = error([vec![node("schema", OPTIONAL, 1), group], columns].concat());
    assert!(matches!(long, FileError::Expansion { .. }), "{long}");
}

/// Checks lists that would be filled up with as many nulls as their type has room for.
#[test]
fn fixed_lengths_are_not_believed() {
    let item = Field::new("item", DataType::Float32, true);
    let list = DataType::FixedSizeList(item.into(), i32::MAX);
    let schema = encode_arrow_schema(&Schema::new(vec![Field::new("x", list, true)]));
    let null = [levels(1, 0), levels(1, 0)].concat();
    let null = page(null.len() as u64, 1, PLAIN, &null);
    let notes = vec![("ARROW:schema", schema)];
    let error = Made { notes, ..Made::new(lists(), null, UNPACKED) }.error();
    assert!(matches!(error, FileError::Null { row: 0, .. }), "{error}");
}

#[test]
fn only_what_the_format_has_is_passed_over() {
    let read = |header: &Thrift| Header::read(&header.0, FOOTER).map(|(len, _)| len);
    let fine = Thrift::default().number(1, 2).text(5, "by").structure(12, &Thrift(vec![0])).end();
    assert_eq!(read(&fine), Ok(fine.0.len()));
    for len in 0..fine.0.len() {
        assert_eq!(read(&Thrift(fine.0[..len].to_vec())), Err(Wrong::CutOff), "{len}");
    }
    let flags = |field| Thrift::default().raw(&[field, 0xF1]).varint(MOST).end();
    let deep = Thrift(vec![0xCC; 100]);
    for (what, wrong) in [
        ("flags that take no room", flags(0xC9)),
        ("a map", Thrift::default().raw(&[0xCB, 1, 0x11])),
        ("another type", Thrift::default().text(1, "2").end()),
        ("another list", Thrift::default().number(1, 2).list(1, NUMBER, &[Thrift(vec![2])])),
        ("a number of 65 bits", Thrift::default().raw(&[0x15]).raw(&[0xFF; 9]).raw(&[2])),
        ("structures in structures", deep),
    ] {
        assert_eq!(read(&wrong), Err(Wrong::Malformed), "{what}");
    }
}
