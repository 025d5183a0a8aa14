//! The headers of Parquet as far as the crate `parquet` reads them, after the format's parquet.thrift.

/// The content of a field.
pub(super) enum Kind {
    Flag,
    Byte,
    Number,
    Real,
    Text,
    List(&'static Kind),
    Structure(Fields),
    /// A number for which `parquet` would allocate memory.
    Claim(Claim),
    /// A node of the schema, which has a name.
    Element,
    Name,
}

#[derive(Clone, Copy, PartialEq)]
pub(super) enum Claim {
    Unpacked,
    Values,
    Children,
    /// Bytes of uncompressed levels in front of a page's values, of two kinds.
    DefinitionLevels,
    RepetitionLevels,
}

/// Fields of a structure by their numbers. Other fields are skipped.
pub(super) type Fields = &'static [(i16, Kind)];

use Kind::{Byte, Element, Flag, List, Name, Number, Real, Structure, Text};

/// `FileMetaData`, in the footer.
pub(super) const FOOTER: Fields = &[
    (1, Number), // version
    (2, List(&Element)),
    (3, Number), // rows
    (4, List(&Structure(ROW_GROUP))),
    (5, List(&Structure(&[(1, Text), (2, Text)]))), // keys and values
    (6, Text),                                      // writer
    (7, List(&Structure(&[(1, EMPTY), (2, EMPTY), (3, EMPTY)]))), // orders of columns
];

const EMPTY: Kind = Structure(&[]);

pub(super) const SCHEMA_ELEMENT: Fields = &[
    (1, Number), // type
    (2, Number), // length of elements
    (3, Number), // repetition
    (4, Name),
    (5, Kind::Claim(Claim::Children)),
    (6, Number), // converted type
    (7, Number), // scale
    (8, Number), // precision
    (9, Number), // id
    (10, Structure(LOGICAL_TYPE)),
];

/// A union: one of these.
const LOGICAL_TYPE: Fields = &[
    (1, EMPTY),                                  // text
    (2, EMPTY),                                  // map
    (3, EMPTY),                                  // list
    (4, EMPTY),                                  // enumeration
    (5, Structure(&[(1, Number), (2, Number)])), // decimal
    (6, EMPTY),                                  // date
    (7, Structure(TIME)),                        // time of day
    (8, Structure(TIME)),                        // point in time
    (10, Structure(&[(1, Byte), (2, Flag)])),    // integer: bits, sign
    (11, EMPTY),                                 // nothing but nulls
    (12, EMPTY),                                 // JSON
    (13, EMPTY),                                 // BSON
    (14, EMPTY),                                 // UUID
    (15, EMPTY),                                 // half precision
    (16, Structure(&[(1, Byte)])),               // variant
    (17, Structure(&[(1, Text)])),               // geometry
    (18, Structure(&[(1, Text), (2, Number)])),  // geography
    (19, EMPTY),                                 // file
];

/// A flag for UTC, and the unit.
const TIME: Fields = &[(1, Flag), (2, Structure(&[(1, EMPTY), (2, EMPTY), (3, EMPTY)]))];

const ROW_GROUP: Fields = &[
    (1, List(&Structure(COLUMN_CHUNK))),
    (2, Number),                                                 // bytes
    (3, Number),                                                 // rows
    (4, List(&Structure(&[(1, Number), (2, Flag), (3, Flag)]))), // sorted by
    (5, Number),                                                 // offset
    (7, Number),                                                 // index
];

const COLUMN_CHUNK: Fields = &[
    (1, Text),   // file
    (2, Number), // offset
    (3, Structure(COLUMN)),
    (4, Number), // offset and length of two indexes
    (5, Number),
    (6, Number),
    (7, Number),
];

const COLUMN: Fields = &[
    (1, Number),        // type
    (2, List(&Number)), // encodings
    (4, Number),        // compression
    (5, Number),        // values
    (6, Number),        // bytes decompressed
    (7, Number),        // bytes compressed
    (9, Number),        // offsets of pages
    (10, Number),
    (11, Number),
    (12, Structure(STATISTICS)),
    (13, List(&Structure(&[(1, Number), (2, Number), (3, Number)]))), // encodings of pages
    (14, Number),                                                     // Bloom filter
    (15, Number),
    (16, Structure(&[(1, Number), (2, List(&Number)), (3, List(&Number))])), // sizes
    (17, Structure(&[(1, Structure(BOX)), (2, List(&Number))])),             // geography
];

const STATISTICS: Fields = &[
    (1, Text),
    (2, Text),
    (3, Number),
    (4, Number),
    (5, Text),
    (6, Text),
    (7, Flag),
    (8, Flag),
    (9, Number),
];

const BOX: Fields =
    &[(1, Real), (2, Real), (3, Real), (4, Real), (5, Real), (6, Real), (7, Real), (8, Real)];

/// `PageHeader`, in front of each page.
pub(super) const PAGE: Fields = &[
    (1, Number), // type
    (2, Kind::Claim(Claim::Unpacked)),
    (3, Number), // bytes compressed
    (4, Number), // checksum
    (5, Structure(DATA_PAGE)),
    (6, EMPTY), // index
    (7, Structure(DICTIONARY)),
    (8, Structure(DATA_PAGE_2)),
];

const DATA_PAGE: Fields = &[
    (1, Kind::Claim(Claim::Values)),
    (2, Number), // encodings of values and levels
    (3, Number),
    (4, Number),
];

const DICTIONARY: Fields = &[(1, Kind::Claim(Claim::Values)), (2, Number), (3, Flag)];

const DATA_PAGE_2: Fields = &[
    (1, Kind::Claim(Claim::Values)),
    (2, Number), // nulls
    (3, Number), // rows
    (4, Number), // encoding
    (5, Kind::Claim(Claim::DefinitionLevels)),
    (6, Kind::Claim(Claim::RepetitionLevels)),
    (7, Flag), // whether it is compressed
];
