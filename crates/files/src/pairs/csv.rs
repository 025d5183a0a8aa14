//! Pairs as text.

use std::fs::File;
use std::io::{self, BufWriter, Write};

use cofire::sweep::InformationPair;

use super::Encoder;

pub(super) struct CsvEncoder {
    file: BufWriter<File>,
}

impl CsvEncoder {
    pub(super) fn new(file: File) -> io::Result<Self> {
        let mut file = BufWriter::with_capacity(1 << 18, file);
        file.write_all(b"first,second,mutual_information\n")?;
        Ok(Self { file })
    }
}

impl Encoder for CsvEncoder {
    fn write(&mut self, pair: InformationPair) -> io::Result<()> {
        let InformationPair { first, second, mutual_information } = pair;
        // {:?} is the shortest text that reads as the same bits, with an exponent where that is
        // shorter; {} would write hundreds of zeros.
        writeln!(self.file, "{first},{second},{mutual_information:?}")
    }

    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.file.flush()
    }
}
